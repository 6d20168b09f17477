"""Documents, newest first, a page at a time, each in its latest revision."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec

from leja.database.engine import Connection


class RecordedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document as its latest revision says it is. ``flags`` are what posting noted about it."""

    document_id: UUID
    connection: str
    kind: str
    external_id: str
    revision: int
    number: str
    business_day: date
    occurred_at: datetime
    currency: str
    withdrawn: bool
    flags: tuple[str, ...]


def documents_page(
    conn: Connection,
    org_id: UUID,
    *,
    kind: str = "",
    connection: str = "",
    since: date | None = None,
    until: date | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[RecordedDocument]:
    """The documents before ``before`` (an earlier page's last one), of business days from ``since`` to ``until``."""
    rows = conn.execute(
        "SELECT d.document_id, c.name, d.kind, d.external_id, r.revision, r.number, r.business_day, r.occurred_at, r.currency,"
        " r.withdrawn, r.flags FROM document d JOIN connection c USING (org_id, connection_id)"
        " JOIN LATERAL (SELECT * FROM document_revision r WHERE r.org_id = d.org_id AND r.document_id = d.document_id"
        "  ORDER BY r.revision DESC LIMIT 1) r ON true WHERE d.org_id = %(org)s"
        " AND (%(kind)s = '' OR d.kind = %(kind)s) AND (%(name)s = '' OR c.name = %(name)s)"
        " AND (%(since)s::date IS NULL OR r.business_day >= %(since)s) AND (%(until)s::date IS NULL OR r.business_day <= %(until)s)"
        " AND (%(before)s::uuid IS NULL OR d.document_id < %(before)s) ORDER BY d.document_id DESC LIMIT %(limit)s",
        {
            "org": org_id,
            "kind": kind,
            "name": connection,
            "since": since,
            "until": until,
            "before": before,
            "limit": limit,
        },
    ).fetchall()
    return [RecordedDocument(**dict(zip(RecordedDocument.__struct_fields__, row, strict=True))) for row in rows]
