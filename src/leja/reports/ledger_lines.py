"""Entries with their lines, filtered, a page at a time or all of them in flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from leja.books.entry import EntryLine
from leja.database.engine import Connection
from leja.database.ledger import lines_of

PAGE: Final = 1000


class PostedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the books, with what leads back to where it came from."""

    number: int
    document_id: UUID
    revision: int
    document_kind: str
    external_id: str
    document_number: str
    connection: str
    label: str
    posting_date: date
    business_day: date
    text: str
    reverses: int | None
    recorded_at: datetime
    lines: tuple[EntryLine, ...]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: posted from ``since`` to ``until`` (both included), with a line on ``account``, of a document."""

    since: date | None = None
    until: date | None = None
    account: str | None = None
    document_id: UUID | None = None


def entries_page(
    conn: Connection, org_id: UUID, wanted: Wanted | None = None, *, after: int = 0, limit: int = 100
) -> list[PostedEntry]:
    """The next entries by number; hand the last one's number in as ``after`` for the page that follows."""
    filters = wanted or Wanted()
    rows: list[Any] = conn.execute(
        "SELECT e.number, e.document_id, e.revision, d.kind, d.external_id, r.number, c.name, e.label, e.posting_date,"
        " e.business_day, e.text, e.reverses, e.recorded_at"
        " FROM entry e JOIN document d USING (org_id, document_id)"
        " JOIN document_revision r ON r.org_id = e.org_id AND r.document_id = e.document_id AND r.revision = e.revision"
        " JOIN connection c ON c.org_id = d.org_id AND c.connection_id = d.connection_id"
        " WHERE e.org_id = %(org)s AND e.number > %(after)s"
        " AND (%(since)s::date IS NULL OR e.posting_date >= %(since)s)"
        " AND (%(until)s::date IS NULL OR e.posting_date <= %(until)s)"
        " AND (%(document)s::uuid IS NULL OR e.document_id = %(document)s)"
        " AND (%(account)s::text IS NULL OR EXISTS (SELECT 1 FROM line l WHERE l.org_id = e.org_id"
        " AND l.entry_number = e.number AND l.account = %(account)s)) ORDER BY e.number LIMIT %(limit)s",
        {
            "org": org_id,
            "after": after,
            "limit": limit,
            "since": filters.since,
            "until": filters.until,
            "document": filters.document_id,
            "account": filters.account,
        },
    ).fetchall()
    lines = lines_of(conn, org_id, [row[0] for row in rows])
    names = PostedEntry.__struct_fields__
    return [PostedEntry(**dict(zip(names, (*row, lines[row[0]]), strict=True))) for row in rows]


def every_entry(conn: Connection, org_id: UUID, wanted: Wanted | None = None) -> Iterator[PostedEntry]:
    """All of them in the order of their numbers, read page by page."""
    after = 0
    while page := entries_page(conn, org_id, wanted, after=after, limit=PAGE):
        yield from page
        after = page[-1].number
