"""The target verbs of Business Central, each from the file that is named for it."""

from __future__ import annotations

from leja.connectors.business_central.chart import chart
from leja.connectors.business_central.delivering import TOGETHER, deliver
from leja.connectors.business_central.drafts import draft
from leja.connectors.business_central.finding import ANCHORS, find
from leja.connectors.business_central.plan import steps
from leja.connectors.business_central.read_back import balances, changed, dated, read_back

__all__ = ["ANCHORS", "TOGETHER", "balances", "changed", "chart", "dated", "deliver", "draft", "find", "read_back", "steps"]
