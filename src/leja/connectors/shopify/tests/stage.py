"""The least that this connector can do."""

from __future__ import annotations

CAPABILITIES = {
    "webhooks", "subscribe", "poll", "plan", "backfill", "fetch", "decode", "ids", "day_totals",
}
