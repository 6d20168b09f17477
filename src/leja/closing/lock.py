"""Lock a period: from then on nothing is posted in it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from leja.closing.period_change import PeriodChange, change
from leja.database.engine import Connection


def lock(conn: Connection, org_id: UUID, period: str, by: str, reason: str, now: datetime) -> PeriodChange:
    """Lock ``period`` ("2026-05"); waits for whoever is posting, and nobody posts until the transaction ends."""
    return change(conn, org_id, period, "locked", by, reason, now)
