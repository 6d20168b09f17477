"""Backfill: the past between two moments, after a plan was shown, with progress, and from where it stopped.

plan = await verb_plan(session, since, until)            the connector's plan: events, calls, seconds, warnings
run = begin(conn, org_id, connection_id, since, until, plan, now)
await backfill(database, org_id, run, verb, session, clock=clock, progress=show)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from leja.connectors.contract import BackfillPlan, Page, RawEvent, Session
from leja.core.clock import Clock
from leja.core.errors import BrokenInvariant
from leja.core.failpoints import failpoint
from leja.core.ids import uuid7
from leja.database.engine import Connection, Database
from leja.intake.inbox import Kept, keep

BackfillVerb = Callable[[Session, datetime, datetime, str | None], Awaitable[Page]]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A backfill and how far it has come."""

    run_id: UUID
    connection_id: UUID
    since: datetime
    until: datetime
    planned_events: int
    planned_calls: int
    events: int = 0
    calls: int = 0
    cursor: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown while it runs. ``finishes_at`` is reckoned from the calls still planned and the pace so far."""

    run: Run
    kept: Kept = Kept()
    finishes_at: datetime | None = None
    finished: bool = False


_COLUMNS = "run_id, connection_id, since, until, planned_events, planned_calls, events, calls, cursor"


def begin(
    conn: Connection,
    org_id: UUID,
    connection_id: UUID,
    since: datetime,
    until: datetime,
    plan: BackfillPlan,
    now: datetime,
) -> Run:
    """Record a backfill with its plan, or find the unfinished one for the same time."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM backfill_run WHERE org_id = %s AND connection_id = %s AND since = %s AND until = %s"
        " AND finished_at IS NULL ORDER BY started_at LIMIT 1".encode(),
        (org_id, connection_id, since, until),
    ).fetchone()
    if row is not None:
        return _run(row)
    run = Run(
        run_id=uuid7(now), connection_id=connection_id, since=since, until=until,
        planned_events=plan.events, planned_calls=plan.calls,
    )  # fmt: skip
    conn.execute(
        "INSERT INTO backfill_run (org_id, run_id, connection_id, since, until, planned_events, planned_calls,"
        " started_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (org_id, run.run_id, connection_id, since, until, plan.events, plan.calls, now),
    )
    return run


def unfinished(conn: Connection, org_id: UUID) -> list[Run]:
    """The backfills that have not come to their end, oldest first."""
    found = conn.execute(
        f"SELECT {_COLUMNS} FROM backfill_run WHERE org_id = %s AND finished_at IS NULL ORDER BY started_at".encode(),
        (org_id,),
    )
    return [_run(row) for row in found]


async def backfill(
    database: Database,
    org_id: UUID,
    run: Run,
    verb: BackfillVerb,
    session: Session,
    *,
    clock: Clock,
    progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Read the rest of the run, one page in memory at a time.

    Raises what the vendor's call raises; what was read is kept.
    """
    started, calls_before, state = clock(), run.calls, Progress(run=run)
    while not state.finished:
        cursor = state.run.cursor or None
        page = await verb(session, run.since, run.until, cursor)
        failpoint("intake.after-backfill-call")
        if page.more and page.cursor == cursor:
            raise BrokenInvariant("backfill-stuck", f"a page of backfill {run.run_id} leads back to itself")
        done = msgspec.structs.replace(
            state.run, events=state.run.events + len(page.events), calls=state.run.calls + 1, cursor=page.cursor
        )
        kept = await asyncio.to_thread(_keep_page, database, org_id, done, page, clock())
        failpoint("intake.after-backfill-commit")
        state = Progress(run=done, kept=state.kept + kept, finished=not page.more)
        if progress is not None:
            progress(
                msgspec.structs.replace(state, finishes_at=_finish(done, done.calls - calls_before, started, clock()))
            )
    return state


def _keep_page(database: Database, org_id: UUID, run: Run, page: Page, now: datetime) -> Kept:
    with database.transaction() as conn:
        kept = keep(conn, org_id, run.connection_id, [_of_backfill(event) for event in page.events], now)
        conn.execute(
            "UPDATE backfill_run SET events = %s, calls = %s, cursor = %s, finished_at = %s"
            " WHERE org_id = %s AND run_id = %s",
            (run.events, run.calls, run.cursor, None if page.more else now, org_id, run.run_id),
        )
        failpoint("intake.before-backfill-commit")
    return kept


def _finish(run: Run, calls: int, started: datetime, now: datetime) -> datetime | None:
    left = max(run.planned_calls - run.calls, 0)
    return now + timedelta(microseconds=(now - started) // timedelta(microseconds=1) * left // calls) if calls else None


def _of_backfill(event: RawEvent) -> RawEvent:
    return msgspec.structs.replace(event, origin="backfill")


def _run(row: tuple[object, ...]) -> Run:
    return Run(**dict(zip(_COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]
