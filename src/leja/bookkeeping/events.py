"""The events that wait to be recorded, and where each of them stands afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from leja.books import chain
from leja.connectors.contract import Origin, RawEvent
from leja.core.errors import LejaError
from leja.database import review
from leja.database.engine import Connection

WITHOUT_SALE = "the source does not know its sale"


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the inbox with its body, in the order of arrival.

    ``item`` is what the chain holds of it, or None where an earlier try put it there already.
    """

    seq: int
    event_id: UUID
    connection_id: UUID
    raw: RawEvent
    item: bytes | None
    because: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event."""

    event_id: UUID
    connection_id: UUID
    state: str
    because: str = ""
    waits_for: str = ""
    error: LejaError | None = None


_NEW = "SELECT event_id, seq, chained, because FROM event_state WHERE org_id = %s AND state = 'new'"
_WHOLE = (
    "SELECT e.event_id, e.connection_id, e.event_key, e.topic, e.origin, e.parent, e.headers, e.digest, e.received_at, b.body,"
    " s.seq, s.chained, s.because FROM ({which}) s JOIN event e ON e.org_id = %s AND e.event_id = s.event_id"
    " JOIN event_body b ON b.org_id = %s AND b.event_id = s.event_id ORDER BY s.seq"
)


def waiting(conn: Connection, org_id: UUID, limit: int, *, after: int = 0) -> list[Waiting]:
    """The next events behind number ``after``, oldest first. An erased body is an empty one and will park."""
    which = f"{_NEW} AND seq > %s ORDER BY seq LIMIT %s"
    return _read(conn, org_id, which, (after, limit))


def waiting_among(conn: Connection, org_id: UUID, limit: int, early: Mapping[UUID, Waiting]) -> list[Waiting]:
    """The next events; those that were read before and are still as they were then are not read again."""
    rows = conn.execute(
        "SELECT s.event_id, s.chained, s.because, b.body IS NULL FROM"
        f" ({_NEW} ORDER BY seq LIMIT %s) s JOIN event_body b ON b.org_id = %s AND b.event_id = s.event_id ORDER BY s.seq".encode(),
        (org_id, limit, org_id),
    ).fetchall()
    found = {row[0]: early.get(row[0]) for row in rows}
    changed = [event_id for event_id, *now in rows if (then := found[event_id]) is None or not _still(then, *now)]
    if changed:
        found.update({one.event_id: one for one in _read(conn, org_id, f"{_NEW} AND event_id = ANY(%s)", (changed,))})
    return [event for event in found.values() if event is not None]


def _still(then: Waiting, chained: bool, because: str, erased: bool) -> bool:
    return not erased and because == then.because and chained == (then.item is None)


def _read(conn: Connection, org_id: UUID, which: str, given: tuple[object, ...]) -> list[Waiting]:
    rows = conn.execute(
        _WHOLE.format(which=which).encode(), (org_id, *given, org_id, org_id),
        binary=True,  # a body as hexadecimal text would be twice as long
    ).fetchall()
    return [_waiting(org_id, *row) for row in rows]


def _waiting(
    org_id: UUID, event_id: UUID, connection_id: UUID, key: str, topic: str, origin: Origin, parent: str, headers: str,
    digest: bytes, received_at: datetime, body: bytes | None, seq: int, chained: bool,
    because: str,
) -> Waiting:
    raw = RawEvent(key=key, topic=topic, body=body or b"", headers=_headers(headers), origin=origin, parent=parent)
    item = None if chained else chain.event_item(
        org_id, event_id, connection_id, key, topic, origin, parent, headers, digest, received_at)
    return Waiting(seq=seq, event_id=event_id, connection_id=connection_id, raw=raw, item=item, because=because)


_decode_headers = msgspec.json.Decoder(dict[str, str]).decode


def _headers(text: str) -> dict[str, str]:
    return {} if text == "{}" else _decode_headers(text)


def mark(conn: Connection, org_id: UUID, standings: Sequence[Standing], now: datetime) -> None:
    """Write where events stand, open review items for the parked ones and settle those of the others."""
    conn.execute(
        "UPDATE event_state s SET state = n.state, because = n.because, waits_for = n.waits_for, chained = true, at = %s"
        " FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[]) AS n(event_id, state, because, waits_for)"
        " WHERE s.org_id = %s AND s.event_id = n.event_id",
        (now, [s.event_id for s in standings], [s.state for s in standings], [s.because for s in standings],
         [s.waits_for for s in standings], org_id),
    )
    for standing in standings:
        if standing.state == "parked" and standing.error is not None:
            error = standing.error
            review.open_item(conn, org_id, error.code, f"event/{standing.event_id}", error.message, error.remedy, now,
                             connection_id=standing.connection_id, waits_for=standing.waits_for, facts=error.facts)
    gone_on = [f"event/{s.event_id}" for s in standings if s.state != "parked"]
    if gone_on:
        review.settle_many(conn, org_id, gone_on, "mended", "leja", now)


def release(conn: Connection, org_id: UUID, waits_for: Iterable[str], now: datetime) -> int:
    """Let go on what waited for these things; says how many events."""
    return conn.execute(
        "UPDATE event_state SET state = 'new', at = %s WHERE org_id = %s AND state IN ('waiting', 'parked') AND waits_for = ANY(%s)",
        (now, org_id, list(waits_for)),
    ).rowcount


def retry(conn: Connection, org_id: UUID, event_id: UUID, now: datetime) -> bool:
    """Try a parked or waiting event again."""
    return bool(conn.execute(
        "UPDATE event_state SET state = 'new', at = %s WHERE org_id = %s AND event_id = %s AND state IN ('waiting', 'parked')",
        (now, org_id, event_id),
    ).rowcount)


def dismiss(conn: Connection, org_id: UUID, event_id: UUID, because: str, now: datetime) -> bool:
    """Let a parked or waiting event rest for good: nothing follows from it."""
    return bool(conn.execute(
        "UPDATE event_state SET state = 'ignored', because = %s, waits_for = '', at = %s"
        " WHERE org_id = %s AND event_id = %s AND state IN ('waiting', 'parked')",
        (because, now, org_id, event_id),
    ).rowcount)


def go_on_without_sale(conn: Connection, org_id: UUID, connection_id: UUID, sale_ids: Iterable[str], now: datetime) -> int:
    """Refunds whose sale the source itself does not know, as its completeness proof showed, become unlinked returns."""
    names = [f"document/{connection_id}/{kind}/{sale}" for sale in sale_ids for kind in ("sale", "invoice")]
    return conn.execute(
        "UPDATE event_state SET state = 'new', because = %s, at = %s WHERE org_id = %s AND state = 'waiting' AND waits_for = ANY(%s)",
        (WITHOUT_SALE, now, org_id, names),
    ).rowcount
