"""Where a stream was left off: saved in the transaction that keeps its events."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from leja.database.engine import Connection


class Saved(msgspec.Struct, frozen=True):
    """A cursor and when it was saved."""

    cursor: str
    saved_at: datetime


def read_cursor(conn: Connection, org_id: UUID, connection_id: UUID, stream: str) -> Saved | None:
    """The cursor of a stream, or None if it was never read."""
    row = conn.execute(
        "SELECT cursor, saved_at FROM stream_cursor WHERE org_id = %s AND connection_id = %s AND stream = %s",
        (org_id, connection_id, stream),
    ).fetchone()
    return Saved(str(row[0]), row[1]) if row else None


def save_cursor(conn: Connection, org_id: UUID, connection_id: UUID, stream: str, cursor: str, now: datetime) -> None:
    """Set the cursor of a stream."""
    conn.execute(
        "INSERT INTO stream_cursor (org_id, connection_id, stream, cursor, saved_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (org_id, connection_id, stream) DO UPDATE SET cursor = EXCLUDED.cursor,"
        " saved_at = EXCLUDED.saved_at",
        (org_id, connection_id, stream, cursor, now),
    )


def drop_cursor(conn: Connection, org_id: UUID, connection_id: UUID, stream: str) -> None:
    """Forget a stream."""
    conn.execute(
        "DELETE FROM stream_cursor WHERE org_id = %s AND connection_id = %s AND stream = %s",
        (org_id, connection_id, stream),
    )
