"""The target verbs of SAP Business One, each from the file that is named for it."""

from __future__ import annotations

from leja.connectors.sap_b1.chart import chart
from leja.connectors.sap_b1.delivering import deliver
from leja.connectors.sap_b1.drafts import draft
from leja.connectors.sap_b1.finding import ANCHORS, find
from leja.connectors.sap_b1.plan import steps
from leja.connectors.sap_b1.read_back import balances, changed, dated, read_back

__all__ = ["ANCHORS", "balances", "changed", "chart", "dated", "deliver", "draft", "find", "read_back", "steps"]
