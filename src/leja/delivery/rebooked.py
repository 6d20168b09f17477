"""Entries that were booked again, by the number of the entry they answer, put before the targets like any other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from leja.books.entry import Entry
from leja.database.engine import Connection
from leja.database.mending import Held
from leja.delivery.outbox import Booking, enqueue, places, told

MANY = 500


def put_before(
    conn: Connection, org_id: UUID, made: Sequence[tuple[int, Held, Entry]], now: datetime, *, but: Collection[UUID] = ()
) -> int:
    """Outbox rows for entries ``(number, whose document, entry)`` and every target that is told of them, ``but`` those that
    know already; says how many. What is many goes in the lane of backfill, so that live sales go out beside it."""
    targets = [one for one in told(conn, org_id) if one.connection_id not in but]
    lane = "backfill" if len(made) > MANY else "live"
    return enqueue(conn, org_id, [_booking(*one, lane) for one in made], targets, places(conn, org_id), now)


def _booking(number: int, held: Held, entry: Entry, lane: str) -> Booking:
    first = entry.lines[0]
    return Booking(
        number, held.document_id, held.kind, entry.business_day, entry.posting_date, first.location, first.channel, held.currency,
        "business" if held.business else "consumer", lane)
