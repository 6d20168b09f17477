"""Gaps that were found and mended, said to people: webhooks that never came, and documents that only the proof found.

Each is one review item a connection, as information: nothing waits for it, and it settles itself. What a poll brought and
no webhook had told is known from where events stand: the polled event was ``done``, and a webhook that came after it
is ``observed``. So each interval is looked at once, one interval later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from leja.database import review
from leja.database.engine import Connection
from leja.intake.cursors import read_cursor, save_cursor

MISSED: Final = "webhooks-missed"
FOUND: Final = "gap-found"
LOOKED: Final = "webhooks/looked"  # until when it was looked; its cursor is when the last webhook came


def look_for_missed_webhooks(
    conn: Connection, org_id: UUID, connection_id: UUID, name: str, interval: timedelta, now: datetime, *, expected: bool
) -> int:
    """Look at what came since the last look, but for the last interval; says how many webhooks never came.

    ``expected``: webhooks are set up, so that it is a gap even if none ever came.
    """
    looked, until = read_cursor(conn, org_id, connection_id, LOOKED), now - interval
    if looked is None:
        save_cursor(conn, org_id, connection_id, LOOKED, "", now)
        return 0
    if until <= looked.saved_at:
        return 0
    polled, told, last = _came(conn, org_id, connection_id, looked.saved_at, until)
    heard = last.isoformat() if last else looked.cursor
    save_cursor(conn, org_id, connection_id, LOOKED, heard, until)
    missed = max(0, polled - told) if heard or expected else 0
    subject = f"connection/{connection_id}"
    if missed:
        _tell(conn, org_id, connection_id, name, missed, heard, last is None, looked.saved_at, now)
    elif last is not None:
        review.settle(conn, org_id, subject, "mended", "leja", now, code=MISSED)
    return missed


def _came(
    conn: Connection, org_id: UUID, connection_id: UUID, since: datetime, until: datetime
) -> tuple[int, int, datetime | None]:
    """How many polled events brought something new, how many webhooks came after what they tell, and the last webhook."""
    row = conn.execute(
        "SELECT count(*) FILTER (WHERE e.origin = 'poll' AND s.state = 'done' AND e.received_at < %(until)s),"
        " count(*) FILTER (WHERE e.origin = 'webhook' AND s.state = 'observed'),"
        " max(e.received_at) FILTER (WHERE e.origin = 'webhook') FROM event e JOIN event_state s USING (org_id, event_id)"
        " WHERE e.org_id = %(org)s AND e.connection_id = %(of)s AND e.event_id >= %(first)s AND e.received_at >= %(since)s",
        {"org": org_id, "of": connection_id, "since": since, "until": until, "first": _first_id(since)},
    ).fetchone()
    assert row is not None
    return int(str(row[0])), int(str(row[1])), row[2]


def _first_id(moment: datetime) -> UUID:
    """No event that was made at that moment or later has a smaller id."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _tell(
    conn: Connection, org_id: UUID, connection_id: UUID, name: str, missed: int, heard: str, silent: bool,
    since: datetime, now: datetime,
) -> None:  # fmt: skip
    subject = f"connection/{connection_id}"
    before = conn.execute(
        "SELECT facts ->> 'missed', facts ->> 'since' FROM review_item WHERE org_id = %s AND code = %s AND subject = %s"
        " AND settled_at IS NULL",
        (org_id, MISSED, subject),
    ).fetchone()
    count = missed + (int(str(before[0])) if before else 0)
    first = str(before[1]) if before else since.isoformat(timespec="seconds")
    dead = f" No webhook came since {heard or 'the connection was made'}: its subscription is most likely dead." if silent else ""
    review.open_item(
        conn, org_id, MISSED, subject,
        f"{count} webhooks of {name} never came, since {first}. What they should have told was found by asking and is"
        f" in the books; nothing is missing.{dead}",
        "Nothing has to be done for the books: asking goes on. Subscriptions are renewed every night where LEJA_PUBLIC_URL is"
        " set; see whether the vendor reaches that address. This is settled when webhooks come again.",
        now, connection_id=connection_id,
        facts={"missed": count, "since": first, "last_webhook": heard, "silent": silent},
    )  # fmt: skip


def tell_what_the_proof_found(
    conn: Connection, org_id: UUID, connection_id: UUID, name: str, days: Sequence[date], now: datetime
) -> None:
    """Documents that neither a webhook nor a poll had brought, by their business days; none settles it."""
    subject = f"connection/{connection_id}"
    if not days:
        review.settle(conn, org_id, subject, "mended", "leja", now, code=FOUND)
        return
    review.open_item(
        conn, org_id, FOUND, subject,
        f"The proof of {name} found {len(days)} documents that neither a webhook nor asking had brought, of"
        f" {min(days)} to {max(days)}. They are fetched now.",
        "Nothing has to be done: the next proof that finds none settles this. If it comes again each night, look at what"
        " the connection may read.",
        now, connection_id=connection_id,
        facts={"missing": len(days), "first_day": min(days).isoformat(), "last_day": max(days).isoformat()},
    )  # fmt: skip
