"""What the targets were told, newest first, a page at a time, and what still waits or is held."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec

from leja.database.engine import Connection


class ToldDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document over there, as it was accepted. ``total`` in minor units of ``currency``."""

    kind: str
    remote_id: str
    reference: str
    number: str
    date: date
    total: int | None
    currency: str


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """One deliverable: the entries in it, how often it was tried, what came of the last try, what stands there."""

    deliverable_id: UUID
    target: str
    kind: str
    reference: str
    group: str
    part: int
    lane: str
    date: date
    state: str
    because: str
    waits_for: str
    not_before: datetime
    created_at: datetime
    entries: int
    attempts: int
    last_outcome: str
    documents: tuple[ToldDocument, ...] = ()


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A group that is not part of an attempt yet: due at a time, or held because of something."""

    target: str
    group: str
    entries: int
    due_at: datetime
    held: str
    waits_for: str


def tellings(
    conn: Connection, org_id: UUID, *, target: str = "", state: str = "", before: UUID | None = None, limit: int = 100
) -> list[Telling]:
    """The deliverables made before ``before`` (an earlier page's last one)."""
    rows = conn.execute(
        "SELECT d.deliverable_id, c.name, d.kind, d.reference, d.group_key, d.part, d.lane, d.date, d.state, d.because,"
        " d.waits_for, d.not_before, d.created_at,"
        " (SELECT count(*) FROM deliverable_member m WHERE m.org_id = d.org_id AND m.deliverable_id = d.deliverable_id),"
        " (SELECT count(*) FROM attempt a WHERE a.org_id = d.org_id AND a.deliverable_id = d.deliverable_id),"
        " coalesce((SELECT o.kind FROM attempt a JOIN outcome o USING (org_id, attempt_id) WHERE a.org_id = d.org_id"
        "  AND a.deliverable_id = d.deliverable_id ORDER BY a.attempted_at DESC, a.send DESC, o.ordinal DESC LIMIT 1), '')"
        " FROM deliverable d JOIN connection c USING (org_id, connection_id) WHERE d.org_id = %(org)s"
        " AND (%(target)s = '' OR c.name = %(target)s) AND (%(state)s = '' OR d.state = %(state)s)"
        " AND (%(before)s::uuid IS NULL OR d.deliverable_id < %(before)s) ORDER BY d.deliverable_id DESC LIMIT %(limit)s",
        {"org": org_id, "target": target, "state": state, "before": before, "limit": limit},
    ).fetchall()
    names = Telling.__struct_fields__[:-1]
    documents = _documents(conn, org_id, [row[0] for row in rows])
    return [Telling(**dict(zip(names, row, strict=True)), documents=tuple(documents.get(row[0], ()))) for row in rows]


def waiting(conn: Connection, org_id: UUID, *, target: str = "", limit: int = 100) -> list[Waiting]:
    """The groups that wait, held ones first."""
    rows = conn.execute(
        "SELECT c.name, o.group_key, count(*), min(o.due_at), max(o.held), max(o.waits_for) FROM outbox o"
        " JOIN connection c USING (org_id, connection_id) WHERE o.org_id = %(org)s AND (%(target)s = '' OR c.name = %(target)s)"
        " GROUP BY 1, 2 ORDER BY max(o.held) = '', 4, 2 LIMIT %(limit)s",
        {"org": org_id, "target": target, "limit": limit},
    ).fetchall()
    return [Waiting(**dict(zip(Waiting.__struct_fields__, row, strict=True))) for row in rows]


def _documents(conn: Connection, org_id: UUID, ids: list[UUID]) -> dict[UUID, list[ToldDocument]]:
    found: dict[UUID, list[ToldDocument]] = {}
    for row in conn.execute(
        "SELECT deliverable_id, kind, remote_id, reference, number, date, total, currency FROM remote_document"
        " WHERE org_id = %s AND deliverable_id = ANY(%s) ORDER BY deliverable_id, reference",
        (org_id, ids),
    ):
        found.setdefault(row[0], []).append(
            ToldDocument(**dict(zip(ToldDocument.__struct_fields__, row[1:], strict=True)))
        )
    return found
