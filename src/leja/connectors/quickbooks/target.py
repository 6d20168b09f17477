"""The target verbs of QuickBooks Online, each from the file that is named for it."""

from __future__ import annotations

from leja.connectors.quickbooks.chart import chart
from leja.connectors.quickbooks.delivering import deliver
from leja.connectors.quickbooks.drafts import draft
from leja.connectors.quickbooks.finding import ANCHORS, find
from leja.connectors.quickbooks.plan import steps
from leja.connectors.quickbooks.read_back import balances, changed, dated, read_back

__all__ = ["ANCHORS", "balances", "changed", "chart", "dated", "deliver", "draft", "find", "read_back", "steps"]
