"""Posting mode ``payout``: sales and refunds wait for the payout that settles them, and are told as its summary.

While they wait they stand in the outbox under ``unsettled/<document>/<day>/<location>/<channel>/<currency>``, due when the
wait is over. A payout that names one of their movements makes them due at once. Where they are then told is decided in one
place, before a round is planned: with the payout (``payout/<connection>/<external id>/<currency>``), else with their day.
Once an entry was told it stays where it was told.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from leja.core.errors import Refused
from leja.database.engine import Connection
from leja.delivery.summaries import DAILY, PAYOUT, group_mark, identity

WAIT_DAYS = 10
WAITING = "unsettled/"
_UUID_LENGTH = 36
_BATCH = 5_000


class _Movement(msgspec.Struct):
    processor: str = ""


class _Tenders(msgspec.Struct):
    tenders: tuple[_Movement, ...] = ()


_read = msgspec.json.Decoder(_Tenders).decode


def payout_wait() -> timedelta:
    """How long after its business day a sale waits for the payout that settles it (``LEJA_PAYOUT_WAIT``, days)."""
    text = os.environ.get("LEJA_PAYOUT_WAIT", str(WAIT_DAYS))
    if not text.isdigit():
        raise Refused("setting-unreadable", f"LEJA_PAYOUT_WAIT is {text!r}, not a whole number of days")
    return timedelta(days=int(text))


def waiting_key(document_id: UUID, daily_key: str) -> str:
    """The group of an entry that waits; ``daily_key`` is where it is told if no payout comes."""
    return f"{WAITING}{document_id}/{daily_key.removeprefix(DAILY)}"


def daily_key_of(key: str) -> str:
    """Where an entry that waits is told if no payout comes."""
    return DAILY + key[len(WAITING) + _UUID_LENGTH + 1 :]


def document_of(key: str) -> UUID:
    """The sale or refund whose settlement an entry waits for."""
    return UUID(key[len(WAITING) : len(WAITING) + _UUID_LENGTH])


def with_processors(conn: Connection, org_id: UUID, document_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these documents that have a tender which a processor settles: the others never stand in a payout."""
    rows = conn.execute(
        "SELECT DISTINCT ON (document_id) document_id, facts FROM document_revision WHERE org_id = %s AND document_id = ANY(%s)"
        " ORDER BY document_id, revision DESC",
        (org_id, list(dict.fromkeys(document_ids))),
    ).fetchall()
    return {row[0] for row in rows if any(tender.processor for tender in _read(str(row[1])).tenders)}


def hasten(conn: Connection, org_id: UUID, payouts: Sequence[UUID], now: datetime) -> int:
    """A payout was booked: what it settles waits no longer; says how many entries that are."""
    return conn.execute(
        "UPDATE outbox o SET due_at = %(now)s FROM (SELECT DISTINCT s.document_id FROM processor_reference p"
        " JOIN processor_reference s ON s.org_id = p.org_id AND s.processor = p.processor AND s.reference = p.reference"
        " WHERE p.org_id = %(org)s AND p.document_id = ANY(%(payouts)s)) m"
        " WHERE o.org_id = %(org)s AND o.connection_id IN (SELECT connection_id FROM connection WHERE org_id = %(org)s"
        " AND duty = 'accounting') AND o.group_key >= %(waiting)s || m.document_id || '/'"
        " AND o.group_key < %(waiting)s || m.document_id || '0' AND o.due_at > %(now)s",
        {"org": org_id, "payouts": list(payouts), "now": now, "waiting": WAITING},
    ).rowcount


def sort_out(conn: Connection, org_id: UUID, connection_id: UUID, now: datetime) -> int:
    """Give the entries whose wait is over their group: the payout that settles them, or their day; says how many."""
    rows = conn.execute(
        "SELECT DISTINCT group_key FROM outbox WHERE org_id = %s AND connection_id = %s AND group_key >= %s AND group_key < %s"
        " AND due_at <= %s ORDER BY group_key LIMIT %s",
        (org_id, connection_id, WAITING, WAITING[:-1] + "0", now, _BATCH),
    ).fetchall()
    keys = [str(row[0]) for row in rows]
    if not keys:
        return 0
    groups = destinations(conn, org_id, connection_id, keys)
    return conn.execute(
        "UPDATE outbox o SET group_key = n.group_key, family = n.group_key FROM unnest(%s::text[], %s::text[]) AS n (was, group_key)"
        " WHERE o.org_id = %s AND o.connection_id = %s AND o.group_key = n.was",
        (keys, [groups[key] for key in keys], org_id, connection_id),
    ).rowcount


def destinations(conn: Connection, org_id: UUID, connection_id: UUID, keys: Sequence[str]) -> dict[str, str]:
    """Where those of these groups that wait are told, as things are now."""
    waiting = [key for key in keys if key.startswith(WAITING)]
    if not waiting:
        return {}
    payouts = _payouts(conn, org_id, [document_of(key) for key in waiting])
    told = _told_by_day(conn, org_id, connection_id, [daily_key_of(key) for key in waiting])
    return {key: _group(key, payouts, told) for key in waiting}


def _group(key: str, payouts: Mapping[UUID, tuple[UUID, str]], told_by_day: set[str]) -> str:
    daily, payout = daily_key_of(key), payouts.get(document_of(key))
    if payout is None or daily in told_by_day:
        return daily
    connection, external_id = payout
    return f"{PAYOUT}{connection}/{external_id}/{daily.rsplit('/', 1)[1]}"


def _payouts(conn: Connection, org_id: UUID, document_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """The first payout that settles each of these documents and was booked, as (connection, external id)."""
    rows = conn.execute(
        "SELECT DISTINCT ON (s.document_id) s.document_id, d.connection_id, d.external_id FROM processor_reference s"
        " JOIN processor_reference p ON p.org_id = s.org_id AND p.processor = s.processor AND p.reference = s.reference"
        " JOIN document d ON d.org_id = p.org_id AND d.document_id = p.document_id AND d.kind = 'payout'"
        " WHERE s.org_id = %s AND s.document_id = ANY(%s)"
        " AND EXISTS (SELECT 1 FROM entry e WHERE e.org_id = d.org_id AND e.document_id = d.document_id)"
        " ORDER BY s.document_id, d.document_id",
        (org_id, list(dict.fromkeys(document_ids))),
    ).fetchall()
    return {row[0]: (row[1], str(row[2])) for row in rows}


def _told_by_day(conn: Connection, org_id: UUID, connection_id: UUID, daily_keys: Sequence[str]) -> set[str]:
    """Days of which a summary stands at the target that this database does not know: an older life told it.

    What waits may be in it, so it stays with its day, whose planning adopts what stands there.
    """
    marks = {group_mark(org_id, connection_id, identity(key, "")): key for key in dict.fromkeys(daily_keys)}
    rows = conn.execute(
        "SELECT DISTINCT left(s.reference, 14) FROM remote_state s WHERE s.org_id = %s AND s.connection_id = %s"
        " AND s.reference <> '' AND left(s.reference, 14) = ANY(%s) AND s.state = 'present' AND NOT EXISTS (SELECT 1 FROM"
        " deliverable d WHERE d.org_id = s.org_id AND d.connection_id = s.connection_id AND d.reference ="
        " split_part(s.reference, '-', 1))",
        (org_id, connection_id, list(marks)),
    ).fetchall()
    return {marks[str(row[0])] for row in rows}
