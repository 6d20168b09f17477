"""Poll: what changed since the last time, page by page, each page and its cursor in one transaction.

Vendors commit late: what is read now may lack a row with an earlier time. So a run does not begin where the last one
ended, but where one ended at least ``overlap`` before; what is read twice is a repetition. A run that stops halfway
goes on from its last page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from leja.connectors.contract import Page, RawEvent, Session
from leja.core.clock import Clock
from leja.core.errors import BrokenInvariant
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.intake.cursors import drop_cursor, read_cursor, save_cursor
from leja.intake.inbox import Kept, keep

NEWEST: Final = "poll"
BEFORE: Final = "poll/before"  # where the next run begins
NEXT: Final = "poll/next"  # becomes BEFORE when it is old enough
UNDER_WAY: Final = "poll/under-way"
OVERLAP: Final = timedelta(minutes=10)
PollVerb = Callable[[Session, str | None], Awaitable[Page]]


class Polled(msgspec.Struct, frozen=True):
    """What a run has found so far; ``more`` if it stopped at its limit of pages."""

    kept: Kept = Kept()
    pages: int = 0
    more: bool = False


async def poll(
    database: Database,
    org_id: UUID,
    connection_id: UUID,
    verb: PollVerb,
    session: Session,
    *,
    clock: Clock,
    overlap: timedelta = OVERLAP,
    pages_max: int = 1_000_000,
    progress: Callable[[Polled], None] | None = None,
) -> Polled:
    """Read all that changed: the rest of a run that stopped halfway, then a whole run.

    Raises what the vendor's call raises; what was read until then is kept.
    """
    polled, resumed = Polled(more=True), True
    cursor: str | None = None
    started = clock()
    while polled.pages < pages_max:
        if not polled.more or polled.pages == 0:
            if not resumed:
                break
            cursor, started, resumed = await asyncio.to_thread(_begin, database, org_id, connection_id, clock())
        page = await verb(session, cursor)
        failpoint("intake.after-poll-call")
        if page.more and page.cursor == cursor:
            raise BrokenInvariant("poll-stuck", f"a page of connection {connection_id} leads back to itself")
        kept = await asyncio.to_thread(_keep_page, database, org_id, connection_id, page, started, clock(), overlap)
        failpoint("intake.after-poll-commit")
        polled = Polled(polled.kept + kept, polled.pages + 1, page.more)
        cursor = page.cursor
        if progress is not None:
            progress(polled)
    return polled


def _begin(database: Database, org_id: UUID, connection_id: UUID, now: datetime) -> tuple[str | None, datetime, bool]:
    """Where the run begins, when it began, and whether it is one that stopped halfway."""
    with database.transaction() as conn:
        under_way = read_cursor(conn, org_id, connection_id, UNDER_WAY)
        if under_way is not None:
            return under_way.cursor, under_way.saved_at, True
        before = read_cursor(conn, org_id, connection_id, BEFORE)
        return (before.cursor or None if before else None), now, False


def _keep_page(
    database: Database,
    org_id: UUID,
    connection_id: UUID,
    page: Page,
    started: datetime,
    now: datetime,
    overlap: timedelta,
) -> Kept:
    with database.transaction() as conn:
        kept = keep(conn, org_id, connection_id, [_polled(event) for event in page.events], now)
        if page.more:
            save_cursor(conn, org_id, connection_id, UNDER_WAY, page.cursor, started)
        else:
            _finish(conn, org_id, connection_id, page.cursor, started, now, overlap)
        failpoint("intake.before-poll-commit")
        return kept


def _finish(
    conn: Connection,
    org_id: UUID,
    connection_id: UUID,
    cursor: str,
    started: datetime,
    now: datetime,
    overlap: timedelta,
) -> None:
    """The run is at its end.

    What lies before a cursor is settled once a run that *began* ``overlap`` after the cursor was reached has read it
    again; only then do runs begin at that cursor.
    """
    following = read_cursor(conn, org_id, connection_id, NEXT)
    if following is None or started - following.saved_at >= overlap:
        save_cursor(conn, org_id, connection_id, BEFORE, following.cursor if following else "", now)
        save_cursor(conn, org_id, connection_id, NEXT, cursor, now)
    save_cursor(conn, org_id, connection_id, NEWEST, cursor, now)
    drop_cursor(conn, org_id, connection_id, UNDER_WAY)


def _polled(event: RawEvent) -> RawEvent:
    return msgspec.structs.replace(event, origin="poll")
