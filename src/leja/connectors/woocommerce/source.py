"""What WooCommerce can do for us as a source. Each verb is told where it is written."""

from __future__ import annotations

from leja.connectors.woocommerce.decoding import decode
from leja.connectors.woocommerce.pull import fetch
from leja.connectors.woocommerce.sweep import LISTS, backfill, day_totals, ids, plan, poll
from leja.connectors.woocommerce.webhook import handshake, subscribe, webhooks

__all__ = ["LISTS", "backfill", "day_totals", "decode", "fetch", "handshake", "ids", "plan", "poll", "subscribe", "webhooks"]
