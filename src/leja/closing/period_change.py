"""What locking and reopening share: the period's row held against posters, the trace, the chain."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from leja.books import chain
from leja.core.errors import Refused
from leja.core.failpoints import failpoint
from leja.database.engine import Connection
from leja.database.ledger import Ledger

State = Literal["open", "locked"]
_PERIOD: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z")


class PeriodChange(msgspec.Struct, frozen=True, kw_only=True):
    """One lock or reopening: the ``ordinal``-th change of the period."""

    period: str
    ordinal: int
    state: State
    reason: str
    made_by: str
    at: datetime


class PeriodState(msgspec.Struct, frozen=True, kw_only=True):
    """A period, what may be done in it, and how it came to that."""

    period: str
    state: State
    changes: tuple[PeriodChange, ...]


def change(
    conn: Connection, org_id: UUID, period: str, state: State, by: str, reason: str, now: datetime
) -> PeriodChange:
    """Put a period into ``state`` and chain that.

    Raises Refused ``period-unknown``, ``reason-missing`` or ``period-state``.
    """
    if not _PERIOD.match(period):
        raise Refused("period-unknown", f"{period!r} is not a period, such as 2026-05")
    if not reason.strip() or not by.strip():
        raise Refused("reason-missing", f"who makes {period} {state}, and why, must be said")
    ledger = Ledger.open(conn, org_id)
    conn.execute("INSERT INTO period (org_id, period) VALUES (%s, %s) ON CONFLICT DO NOTHING", (org_id, period))
    row = conn.execute(
        "SELECT state, (SELECT count(*) FROM period_change c WHERE c.org_id = p.org_id AND c.period = p.period)"
        " FROM period p WHERE org_id = %s AND period = %s FOR UPDATE",
        (org_id, period),
    ).fetchone()
    if row is None or row[0] == state:
        raise Refused("period-state", f"period {period} is {state} already")
    made = PeriodChange(period=period, ordinal=int(str(row[1])) + 1, state=state, reason=reason, made_by=by, at=now)
    conn.execute(
        "INSERT INTO period_change (org_id, period, ordinal, state, reason, made_by, at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (org_id, period, made.ordinal, state, reason, by, now),
    )
    conn.execute("UPDATE period SET state = %s WHERE org_id = %s AND period = %s", (state, org_id, period))
    digest = chain.period_digest(org_id, period, made.ordinal, state, reason, by, now)
    ledger.note("period", f"{period}/{made.ordinal}", digest)
    ledger.flush(now)
    failpoint("closing.before-period-commit")
    return made


def periods(conn: Connection, org_id: UUID) -> list[PeriodState]:
    """Every period that was posted into or locked, oldest first, with its changes."""
    changes: dict[str, list[PeriodChange]] = {}
    for row in conn.execute(
        "SELECT period, ordinal, state, reason, made_by, at FROM period_change"
        " WHERE org_id = %s ORDER BY period, ordinal",
        (org_id,),
    ):
        made = PeriodChange(**dict(zip(PeriodChange.__struct_fields__, row, strict=True)))  # type: ignore[arg-type]
        changes.setdefault(made.period, []).append(made)
    rows = conn.execute("SELECT period, state FROM period WHERE org_id = %s ORDER BY period", (org_id,)).fetchall()
    return [
        PeriodState(period=str(period), state=state, changes=tuple(changes.get(str(period), ())))  # type: ignore[arg-type]
        for period, state in rows
    ]
