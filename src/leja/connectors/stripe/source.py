"""What Stripe can do for us as a source. Each verb is told where it is written."""

from __future__ import annotations

from leja.connectors.stripe.decoding import decode
from leja.connectors.stripe.pull import fetch
from leja.connectors.stripe.sweep import LISTS, backfill, day_totals, ids, plan, poll
from leja.connectors.stripe.webhook import subscribe, webhooks

__all__ = ["LISTS", "backfill", "day_totals", "decode", "fetch", "ids", "plan", "poll", "subscribe", "webhooks"]
