"""Reopen a locked period, with a reason that stays on record."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from leja.closing.period_change import PeriodChange, change
from leja.database.engine import Connection


def reopen(conn: Connection, org_id: UUID, period: str, by: str, reason: str, now: datetime) -> PeriodChange:
    """Reopen ``period``; the reason and the person are chained."""
    return change(conn, org_id, period, "open", by, reason, now)
