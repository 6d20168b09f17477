"""The inbox: keeps what arrived, once, and never loses a group to one bad row.

An event is the same event if its connection and key are the same. The same content again is a repetition; another
content is kept too, under a derived key, parked, with an item in the review queue.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from leja.connectors.contract import RawEvent
from leja.core.errors import Refused
from leja.core.ids import uuid7, uuids7
from leja.database.arrays import Byteas, Texts, Uuids
from leja.database.engine import Connection
from leja.database.review import open_item
from leja.http.redaction import kept_headers

KEY_MAX: Final = 512
SALT_BYTES: Final = 16
GROUP_MAX: Final = 1000
GROUP_BYTES_MAX: Final = 8 * 1024 * 1024
_encode_headers: Final = msgspec.json.Encoder(order="deterministic").encode


class Parking(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event cannot go on from the start: the review queue's code, sentence and way out."""

    code: str
    message: str
    remedy: str


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An event and the connection that it arrived on."""

    org_id: UUID
    connection_id: UUID
    event: RawEvent
    parking: Parking | None = None


class Kept(msgspec.Struct, frozen=True):
    """How many events were new, how many were there already, how many contradict one that was there."""

    new: int = 0
    repeated: int = 0
    conflicting: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.new + other.new, self.repeated + other.repeated, self.conflicting + other.conflicting)


class Row(msgspec.Struct):
    """An arrival on its way to the tables, under the key that it is tried with."""

    org_id: UUID
    connection_id: UUID
    event: RawEvent
    key: str
    event_id: UUID
    salt: bytes
    digest: bytes
    headers: str
    parking: Parking | None


class _Stored(msgspec.Struct, frozen=True):
    """What stands in the inbox under a key."""

    salt: bytes | None
    digest: bytes
    file: str
    row: str


def keep(conn: Connection, org_id: UUID, connection_id: UUID, events: Sequence[RawEvent], now: datetime) -> Kept:
    """Keep the events of one connection. Raises Refused ``event-key-unreadable``."""
    return keep_group(conn, [Arrival(org_id=org_id, connection_id=connection_id, event=event) for event in events], now)


def keep_group(conn: Connection, arrivals: Sequence[Arrival], now: datetime) -> Kept:
    """Keep events of any number of organisations in the caller's transaction.

    Raises Refused ``event-key-unreadable``.
    """
    return keep_rows(conn, rows_of(arrivals, now), now)


def keep_rows(
    conn: Connection, rows: list[Row], now: datetime, contradicting_events: list[RawEvent] | None = None
) -> Kept:
    """Keep rows that are ready, of any number of organisations, in the caller's transaction.

    Events that say something else than what stands under their key are added to ``contradicting_events``, for whoever must
    answer their sender.
    """
    kept, ordinal = Kept(), 1
    while rows:
        contradicting, tally = _keep_rows(conn, rows, now, first=ordinal == 1)
        kept += tally
        if ordinal == 1 and contradicting_events is not None:
            contradicting_events += [row.event for row in contradicting]
        ordinal += 1
        rows = [_renamed(row, ordinal, now) for row in contradicting]
    return kept


def keep_many(conn: Connection, org_id: UUID, connection_id: UUID, events: Iterable[RawEvent], now: datetime) -> Kept:
    """Keep a stream of any length in the caller's transaction, in groups of bounded count and bytes."""
    kept = Kept()
    for group in groups(events):
        kept += keep(conn, org_id, connection_id, group, now)
    return kept


def groups(events: Iterable[RawEvent]) -> Iterator[list[RawEvent]]:
    """The stream cut into groups of at most ``GROUP_MAX`` events and about ``GROUP_BYTES_MAX`` bytes."""
    group: list[RawEvent] = []
    size = 0
    for event in events:
        group.append(event)
        size += len(event.body)
        if len(group) >= GROUP_MAX or size >= GROUP_BYTES_MAX:
            yield group
            group, size = [], 0
    if group:
        yield group


def require_key(key: str) -> str:
    """The key itself, if it can be kept. Raises Refused ``event-key-unreadable``."""
    if not key or len(key.encode("utf-8", "surrogatepass")) > KEY_MAX or not key.isprintable():
        raise Refused(
            "event-key-unreadable", f"an event key of 1 to {KEY_MAX} printable bytes is needed, not {key[:40]!r}"
        )
    return key


def stored_headers(headers: Mapping[str, str]) -> str:
    """The headers that may be kept, as canonical JSON; ``leja-`` headers are our own."""
    kept = kept_headers(headers)
    kept.update({name: value for name, value in headers.items() if name.startswith("leja-")})
    return _encode_headers(kept).decode().replace("\\u0000", "")


def rows_of(arrivals: Sequence[Arrival], now: datetime) -> list[Row]:
    """The rows, each with an id and a salt of its own. No I/O: whoever commits need not be the one who prepares.

    Raises Refused ``event-key-unreadable``.
    """
    ids = uuids7(now, len(arrivals))
    salts = os.urandom(SALT_BYTES * len(arrivals))
    rows = []
    for at, (arrival, event_id) in enumerate(zip(arrivals, ids, strict=True)):
        event, salt = arrival.event, salts[at * SALT_BYTES : (at + 1) * SALT_BYTES]
        rows.append(Row(
            arrival.org_id, arrival.connection_id, event, require_key(event.key), event_id, salt,
            hashlib.sha256(salt + event.body).digest(), stored_headers(event.headers), arrival.parking,
        ))  # fmt: skip
    return rows


def _renamed(row: Row, ordinal: int, now: datetime) -> Row:
    """The row under its next derived key, parked: it contradicts what stands under the key before."""
    parking = Parking(
        code="event-key-conflict",
        message=f"The event {row.event.key!r} arrived again with another content.",
        remedy="Compare both. Dismiss this one if it says nothing new; retry it if it is a thing of its own.",
    )
    return Row(
        row.org_id,
        row.connection_id,
        row.event,
        f"{row.event.key}#{ordinal}",
        uuid7(now),
        row.salt,
        row.digest,
        row.headers,
        parking,
    )


def _keep_rows(conn: Connection, rows: list[Row], now: datetime, *, first: bool) -> tuple[list[Row], Kept]:
    """Insert what is new; of the rest say what is a repetition and give back what contradicts."""
    alone: dict[tuple[UUID, UUID, str], Row] = {}
    for row in rows:
        alone.setdefault((row.org_id, row.connection_id, row.key), row)
    inserted = _insert(conn, list(alone.values()), now)
    if len(inserted) == len(rows):
        _park(conn, rows, now)
        return [], Kept(len(rows)) if first else Kept(conflicting=len(rows))
    new = [row for row in alone.values() if row.event_id in inserted]
    _park(conn, new, now)
    there = [row for row in rows if row.event_id not in inserted]
    stored = _stored(conn, there)
    contradicting = [row for row in there if not _same(row, stored[row.org_id, row.connection_id, row.key])]
    repeated = len(there) - len(contradicting)
    return contradicting, Kept(len(new), repeated) if first else Kept(0, repeated, len(new))


def _insert(conn: Connection, rows: list[Row], now: datetime) -> set[UUID]:
    """One statement for the three tables.

    Keys are taken in one order everywhere, so that two groups cannot deadlock. Arrays go in their binary form (%b):
    as text every body would be written in hexadecimal and searched for quotes. Bodies come by a list of their own, so
    that only the small columns are held and sorted.
    """
    code, ids = conn.info.encoding, Uuids(row.event_id for row in rows)
    found = conn.execute(
        "WITH given AS ("
        " SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[],"
        " %b::text[], %b::bytea[], %b::text[], %b::text[]) WITH ORDINALITY"
        " AS g (org_id, event_id, connection_id, event_key, topic, origin, parent, headers, digest, state, because,"
        " position)),"
        " kept AS (INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, parent, headers,"
        " digest, received_at)"
        " SELECT org_id, event_id, connection_id, event_key, topic, origin, parent, headers, digest, %s"
        ' FROM given ORDER BY org_id, connection_id, event_key COLLATE "C"'
        " ON CONFLICT (org_id, connection_id, event_key) DO NOTHING RETURNING org_id, event_id),"
        " bodies AS (INSERT INTO event_body (org_id, event_id, salt, body)"
        " SELECT org_id, event_id, salt, body FROM unnest(%b::uuid[], %b::bytea[], %b::bytea[])"
        " AS b (event_id, salt, body) JOIN kept USING (event_id)),"
        " states AS (INSERT INTO event_state (org_id, event_id, connection_id, state, because, at)"
        " SELECT given.org_id, event_id, connection_id, state, because, %s FROM given JOIN kept USING (event_id)"
        " ORDER BY position)"
        " SELECT event_id FROM kept",
        (
            Uuids(row.org_id for row in rows), ids, Uuids(row.connection_id for row in rows),
            Texts((row.key for row in rows), code), Texts((row.event.topic for row in rows), code),
            Texts((row.event.origin for row in rows), code), Texts((row.event.parent for row in rows), code),
            Texts((row.headers for row in rows), code), Byteas([row.digest for row in rows]),
            Texts(("parked" if row.parking else "new" for row in rows), code),
            Texts((row.parking.message if row.parking else "" for row in rows), code), now,
            ids, Byteas([row.salt for row in rows]), Byteas([row.event.body for row in rows]), now,
        ),
        binary=True,
    )  # fmt: skip
    return {event_id for (event_id,) in found}


def _park(conn: Connection, rows: list[Row], now: datetime) -> None:
    for row in rows:
        if row.parking is not None:
            open_item(
                conn, row.org_id, row.parking.code, f"event/{row.event_id}", row.parking.message, row.parking.remedy,
                now, connection_id=row.connection_id,
                facts={"event_key": row.key, "topic": row.event.topic, "row": row.event.headers.get("leja-row", "")},
            )  # fmt: skip


def _stored(conn: Connection, rows: list[Row]) -> dict[tuple[UUID, UUID, str], _Stored]:
    if not rows:
        return {}
    found = conn.execute(
        "SELECT e.org_id, e.connection_id, e.event_key, b.salt, e.digest, e.headers FROM event e"
        " JOIN event_body b ON b.org_id = e.org_id AND b.event_id = e.event_id"
        " WHERE (e.org_id, e.connection_id, e.event_key) IN (SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[]))",
        (
            Uuids(row.org_id for row in rows), Uuids(row.connection_id for row in rows),
            Texts((row.key for row in rows), conn.info.encoding),
        ),
    ).fetchall()
    stored = {}
    for org_id, connection_id, key, salt, digest, headers in found:
        said = msgspec.json.decode(headers, type=dict[str, str])
        stored[org_id, connection_id, key] = _Stored(salt, digest, said.get("leja-file", ""), said.get("leja-row", ""))
    return stored


def _same(row: Row, there: _Stored) -> bool:
    """Whether the content is the same. An erased body cannot be compared: its key is believed.

    Two places of one file are two things, even if they say the same: equal rows are often two real sales.
    """
    said = row.event.headers
    if there.file and there.file == said.get("leja-file") and there.row != said.get("leja-row", ""):
        return False
    return there.salt is None or hashlib.sha256(there.salt + row.event.body).digest() == there.digest
