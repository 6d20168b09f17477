"""What Shopify can do for us as a source. Each verb is told where it is written."""

from __future__ import annotations

from leja.connectors.shopify.decoding import decode
from leja.connectors.shopify.pull import fetch
from leja.connectors.shopify.sweep import backfill, day_totals, ids, plan, poll
from leja.connectors.shopify.webhook import subscribe, webhooks

__all__ = ["backfill", "day_totals", "decode", "fetch", "ids", "plan", "poll", "subscribe", "webhooks"]
