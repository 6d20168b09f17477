"""Entries that a person undoes, and the trail of such decisions: who, when, why, and which entries came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from leja.books.entry import Entry
from leja.core.ids import uuid7
from leja.database.engine import Connection
from leja.database.ledger import Ledger, lines_of
from leja.documents.parts import Party

Way = Literal["accept", "repost", "reverse", "undo", "redo", "same", "different"]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the books, with what its document is. ``business``: its customer is one."""

    number: int
    document_id: UUID
    kind: str
    currency: str
    business: bool
    entry: Entry


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it was kept."""

    mending_id: UUID
    kind: str
    connection_id: UUID | None
    subject: str
    dated: date | None
    reason: str
    made_by: str
    at: datetime
    entries: int


def held(conn: Connection, org_id: UUID, numbers: Iterable[int]) -> list[Held]:
    """These entries, by number; what the currency of a document is, its latest revision says."""
    rows = conn.execute(
        "SELECT e.number, e.document_id, d.kind, r.currency, p.data, e.label, e.posting_date, e.business_day, e.text, e.reverses"
        " FROM entry e JOIN document d ON d.org_id = e.org_id AND d.document_id = e.document_id"
        " JOIN document_revision r ON r.org_id = e.org_id AND r.document_id = e.document_id AND r.revision = e.revision"
        " LEFT JOIN party p ON p.org_id = r.org_id AND p.party_id = r.party_id"
        " WHERE e.org_id = %s AND e.number = ANY(%s) ORDER BY e.number",
        (org_id, list(numbers)),
    ).fetchall()
    lines = lines_of(conn, org_id, [row[0] for row in rows])
    return [
        Held(
            number=row[0], document_id=row[1], kind=str(row[2]), currency=str(row[3]),
            business=row[2] == "invoice" or _business(row[4]),
            entry=Entry(label=row[5], posting_date=row[6], business_day=row[7], text=row[8], reverses=row[9], lines=lines[row[0]]))
        for row in rows
    ]


def standing(conn: Connection, org_id: UUID, numbers: Iterable[int]) -> list[int]:
    """Those of these entries that undo nothing and that nothing has undone. A reversal stands in the document of its entry."""
    rows = conn.execute(
        "SELECT e.number FROM entry e WHERE e.org_id = %s AND e.number = ANY(%s) AND e.reverses IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM entry u WHERE u.org_id = e.org_id AND u.document_id = e.document_id AND u.reverses = e.number)"
        " ORDER BY e.number",
        (org_id, list(numbers)),
    ).fetchall()
    return [int(str(row[0])) for row in rows]


def post(
    conn: Connection, ledger: Ledger, org_id: UUID, entries: Sequence[tuple[UUID, Entry]], now: datetime
) -> list[int]:
    """Book entries under the latest revision of documents that are there, and flush; gives their numbers."""
    documents = list(dict.fromkeys(document_id for document_id, _ in entries))
    rows = conn.execute(
        "SELECT r.document_id, r.revision, (SELECT coalesce(max(e.ordinal), 0) FROM entry e WHERE e.org_id = r.org_id"
        " AND e.document_id = r.document_id AND e.revision = r.revision) FROM (SELECT org_id, document_id, max(revision) AS revision"
        " FROM document_revision WHERE org_id = %s AND document_id = ANY(%s) GROUP BY 1, 2) r",
        (org_id, documents),
    ).fetchall()
    newest = {row[0]: (int(row[1]), int(row[2])) for row in rows}
    numbers = []
    for document_id, entry in entries:
        revision, after = newest[document_id]
        numbers += ledger.post(document_id, revision, [entry], after=after)
    ledger.flush(now)
    return numbers


def keep(
    conn: Connection, org_id: UUID, way: Way, subject: str, *, by: str, now: datetime, connection_id: UUID | None = None,
    dated: date | None = None, reason: str = "", detail: Mapping[str, object] | None = None, entries: Sequence[int] = (),
) -> UUID:
    """Keep a decision with the entries that came of it; gives its id."""
    mending_id = uuid7(now)
    conn.execute(
        "INSERT INTO mending (org_id, mending_id, kind, connection_id, subject, dated, reason, made_by, at, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)",
        (org_id, mending_id, way, connection_id, subject, dated, reason, by, now, msgspec.json.encode(detail or {}).decode()),
    )
    conn.execute(
        "INSERT INTO mending_entry (org_id, mending_id, entry_number) SELECT %s, %s, unnest(%s::bigint[])",
        (org_id, mending_id, list(entries)),
    )
    return mending_id


def kept(conn: Connection, org_id: UUID, *ways: Way, limit: int = 100) -> list[Mended]:
    """The newest decisions of these kinds, or of all."""
    rows = conn.execute(
        "SELECT m.mending_id, m.kind, m.connection_id, m.subject, m.dated, m.reason, m.made_by, m.at, (SELECT count(*) FROM"
        " mending_entry e WHERE e.org_id = m.org_id AND e.mending_id = m.mending_id) FROM mending m"
        " WHERE m.org_id = %s AND (%s OR m.kind = ANY(%s)) ORDER BY m.mending_id DESC LIMIT %s",
        (org_id, not ways, list(ways), limit),
    ).fetchall()
    return [Mended(**dict(zip(Mended.__struct_fields__, row, strict=True))) for row in rows]


def entries_of(conn: Connection, org_id: UUID, mending_id: UUID) -> list[int]:
    """The entries that came of a decision, by number."""
    rows = conn.execute(
        "SELECT entry_number FROM mending_entry WHERE org_id = %s AND mending_id = %s ORDER BY 1", (org_id, mending_id)
    ).fetchall()
    return [int(str(row[0])) for row in rows]


def _business(data: object) -> bool:
    party = msgspec.json.decode(str(data), type=Party) if data else None
    return bool(party and (party.company or party.tax_number))
