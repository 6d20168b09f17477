"""The target verbs of NetSuite over SOAP, each from the file that is named for it."""

from __future__ import annotations

from leja.connectors.netsuite_soap.chart import chart
from leja.connectors.netsuite_soap.delivering import deliver
from leja.connectors.netsuite_soap.drafts import draft
from leja.connectors.netsuite_soap.finding import ANCHORS, find
from leja.connectors.netsuite_soap.plan import steps
from leja.connectors.netsuite_soap.read_back import balances, changed, dated, read_back

__all__ = ["ANCHORS", "balances", "changed", "chart", "dated", "deliver", "draft", "find", "read_back", "steps"]
