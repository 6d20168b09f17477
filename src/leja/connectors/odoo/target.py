"""The target verbs of Odoo, each from the file that is named for it."""

from __future__ import annotations

from leja.connectors.odoo.chart import chart
from leja.connectors.odoo.delivering import TOGETHER, deliver
from leja.connectors.odoo.drafts import draft
from leja.connectors.odoo.finding import ANCHORS, find
from leja.connectors.odoo.plan import steps
from leja.connectors.odoo.read_back import balances, changed, dated, read_back

__all__ = ["ANCHORS", "TOGETHER", "balances", "changed", "chart", "dated", "deliver", "draft", "find", "read_back", "steps"]
