"""The review queue's rows: opened by whoever cannot go on, settled when the cause is mended or a person says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from leja.core.ids import uuid7
from leja.database.engine import Connection


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a person must decide, or that waits for a cause to be mended."""

    item_id: UUID
    code: str
    subject: str
    connection_id: UUID | None
    message: str
    remedy: str
    facts: Mapping[str, object]
    waits_for: str
    opened_at: datetime
    settled_at: datetime | None
    settled_by: str
    settled_how: str


_COLUMNS = (
    "item_id, code, subject, connection_id, message, remedy, facts, waits_for, opened_at, settled_at, settled_by, settled_how"
)


def open_item(
    conn: Connection,
    org_id: UUID,
    code: str,
    subject: str,
    message: str,
    remedy: str,
    now: datetime,
    *,
    connection_id: UUID | None = None,
    waits_for: str = "",
    facts: Mapping[str, object] | None = None,
) -> None:
    """Open an item, or renew the message of the open one with the same code and subject."""
    conn.execute(
        "INSERT INTO review_item (org_id, item_id, code, subject, connection_id, message, remedy, facts, waits_for, opened_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s)"
        " ON CONFLICT (org_id, code, subject) WHERE settled_at IS NULL"
        " DO UPDATE SET message = EXCLUDED.message, remedy = EXCLUDED.remedy, facts = EXCLUDED.facts,"
        " waits_for = EXCLUDED.waits_for",
        (org_id, uuid7(now), code, subject, connection_id, message, remedy,
         msgspec.json.encode(facts or {}).decode(), waits_for, now),
    )


def was_dismissed(conn: Connection, org_id: UUID, code: str, subject: str, facts: Mapping[str, object]) -> bool:
    """Whether a person has dismissed exactly this before: the same subject with the same facts."""
    row = conn.execute(
        "SELECT EXISTS (SELECT 1 FROM review_item WHERE org_id = %s AND code = %s AND subject = %s"
        " AND settled_how = 'dismissed' AND facts = %s::jsonb)",
        (org_id, code, subject, msgspec.json.encode(facts).decode()),
    ).fetchone()
    return bool(row and row[0])


def settle(conn: Connection, org_id: UUID, subject: str, how: str, by: str, now: datetime, *, code: str = "") -> int:
    """Close the open items of a subject (of one code, if given); says how many."""
    return conn.execute(
        "UPDATE review_item SET settled_at = %s, settled_by = %s, settled_how = %s"
        " WHERE org_id = %s AND subject = %s AND settled_at IS NULL AND (%s = '' OR code = %s)",
        (now, by, how, org_id, subject, code, code),
    ).rowcount


def settle_many(conn: Connection, org_id: UUID, subjects: list[str], how: str, by: str, now: datetime) -> int:
    """Close the open items of many subjects in one statement; says how many."""
    return conn.execute(
        "UPDATE review_item SET settled_at = %s, settled_by = %s, settled_how = %s"
        " WHERE org_id = %s AND subject = ANY(%s) AND settled_at IS NULL",
        (now, by, how, org_id, subjects),
    ).rowcount


def items(conn: Connection, org_id: UUID, *, settled: bool = False, limit: int = 500) -> list[ReviewItem]:
    """Open items (or settled ones), oldest first."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM review_item WHERE org_id = %s AND (settled_at IS NOT NULL) = %s ORDER BY item_id LIMIT %s".encode(),
        (org_id, settled, limit),
    ).fetchall()
    return [_item(row) for row in rows]


def item(conn: Connection, org_id: UUID, item_id: UUID) -> ReviewItem | None:
    """One item by id."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM review_item WHERE org_id = %s AND item_id = %s".encode(), (org_id, item_id)
    ).fetchone()
    return _item(row) if row else None


def _item(row: tuple[object, ...]) -> ReviewItem:
    return ReviewItem(**dict(zip(_COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]
