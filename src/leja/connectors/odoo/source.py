"""The source verbs of Odoo, each from the file that is named for it."""

from __future__ import annotations

from leja.connectors.odoo.decoding import decode
from leja.connectors.odoo.nudges import nudges
from leja.connectors.odoo.pull import LISTS, backfill, fetch, ids, plan, poll

__all__ = ["LISTS", "backfill", "decode", "fetch", "ids", "nudges", "plan", "poll"]
