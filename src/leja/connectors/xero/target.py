"""The target verbs of Xero, each from the file that is named for it."""

from __future__ import annotations

from leja.connectors.xero.chart import chart
from leja.connectors.xero.delivering import TOGETHER, deliver
from leja.connectors.xero.drafts import draft
from leja.connectors.xero.finding import ANCHORS, find
from leja.connectors.xero.plan import steps
from leja.connectors.xero.read_back import balances, changed, dated, read_back

__all__ = ["ANCHORS", "TOGETHER", "balances", "changed", "chart", "dated", "deliver", "draft", "find", "read_back", "steps"]
