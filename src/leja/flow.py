"""The steps, in order, and nothing else: take in, record, deliver, read back.

Each step is safe to run twice and from several processes. What a step needs is handed to it by the house; who calls it and
when is the jobs' business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from leja.access.mapping import ALWAYS, Decision, decide
from leja.bookkeeping import events
from leja.bookkeeping.batch import Bookkeeper
from leja.bookkeeping.batch import Progress as Recorded
from leja.connectors.contract import Session
from leja.core.clock import Clock
from leja.core.errors import Conflict
from leja.database.engine import Connection, Database
from leja.delivery import outbox
from leja.delivery.send import Delivered
from leja.delivery.send import deliver as run_delivery
from leja.delivery.target import Target
from leja.intake.fetch import fetch
from leja.intake.inbox import Kept
from leja.intake.poll import poll
from leja.jobs import lease

BOOKKEEPING = "bookkeeping"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What taking in brought: pages read, events that were new, things completed."""

    kept: Kept = Kept()
    pages: int = 0
    answered: int = 0


async def take_in(
    database: Database, org_id: UUID, connection_id: UUID, verbs: Mapping[str, Any], session: Session, clock: Clock
) -> Taken:
    """Poll a source for what changed, then complete what was only heard of."""
    taken = Taken()
    if "poll" in verbs:
        polled = await poll(database, org_id, connection_id, verbs["poll"], session, clock=clock)
        taken = Taken(kept=polled.kept, pages=polled.pages)
    completed = await complete(database, org_id, connection_id, verbs, session, clock)
    return Taken(kept=taken.kept + completed.kept, pages=taken.pages, answered=completed.answered)


async def complete(
    database: Database, org_id: UUID, connection_id: UUID, verbs: Mapping[str, Any], session: Session, clock: Clock
) -> Taken:
    """Fetch what was only heard of."""
    if "fetch" not in verbs:
        return Taken()
    fetched = await fetch(database, org_id, connection_id, verbs["fetch"], session, clock=clock)
    return Taken(kept=fetched.kept, answered=fetched.answered)


def record(bookkeeper: Bookkeeper, clock: Clock, progress: Callable[[Recorded], None] | None = None) -> Recorded:
    """Turn all that was taken in into documents and entries."""
    total = Recorded()
    while (step := bookkeeper.record(clock())).events:
        total += step
        if progress is not None:
            progress(total)
    return total


def decide_mapping(
    conn: Connection, org_id: UUID, decisions: Sequence[Decision], *, by: str, reason: str, now: datetime,
    effective_from: date = ALWAYS,
) -> tuple[int, int]:
    """Store a mapping version and let go on what waited for it; gives its number and how many things went on."""
    version, names = decide(conn, org_id, decisions, by=by, reason=reason, now=now, effective_from=effective_from)
    return version, events.release(conn, org_id, names, now) + outbox.release(conn, org_id, names, now, by)


async def deliver(database: Database, target: Target, holder: str, clock: Clock) -> Delivered | None:
    """Tell one target what is due, under its lease; None while another holds that."""
    held = await asyncio.to_thread(_acquire, database, target, holder, clock)
    if held is None:
        return None
    current = held

    def guard(conn: Connection) -> None:
        lease.assert_held(conn, current)

    async def renew() -> None:
        nonlocal current
        current = await asyncio.to_thread(_renew, database, current, clock)

    try:
        return await run_delivery(database, target, clock, guard, held.epoch, renew=renew)
    except Conflict:
        # Taken over: whoever has it now goes on from what is stored.
        return None
    finally:
        await asyncio.to_thread(_release, database, held, clock)


def _acquire(database: Database, target: Target, holder: str, clock: Clock) -> lease.Lease | None:
    with database.transaction() as conn:
        return lease.acquire(conn, target.org_id, target.lease_name, holder, clock())


def _renew(database: Database, held: lease.Lease, clock: Clock) -> lease.Lease:
    with database.transaction() as conn:
        return lease.renew(conn, held, clock())


def _release(database: Database, held: lease.Lease, clock: Clock) -> None:
    with database.transaction() as conn:
        lease.release(conn, held, clock())
