"""What arrived, newest first, a page at a time: each event with what became of it. Bodies stay where they are."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from leja.database.engine import Connection


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the inbox and where it stands."""

    event_id: UUID
    connection: str
    key: str
    topic: str
    origin: str
    parent: str
    received_at: datetime
    state: str
    because: str
    waits_for: str
    seq: int


def arrivals(
    conn: Connection, org_id: UUID, *, state: str = "", connection: str = "", before: int = 0, limit: int = 100
) -> list[Arrived]:
    """The events before ``before`` (an earlier page's last ``seq``), in one state or of one connection if that is asked."""
    rows = conn.execute(
        "SELECT e.event_id, c.name, e.event_key, e.topic, e.origin, e.parent, e.received_at, s.state, s.because, s.waits_for,"
        " s.seq FROM event_state s JOIN event e USING (org_id, event_id)"
        " JOIN connection c ON c.org_id = s.org_id AND c.connection_id = s.connection_id WHERE s.org_id = %(org)s"
        " AND (%(state)s = '' OR s.state = %(state)s) AND (%(name)s = '' OR c.name = %(name)s)"
        " AND (%(before)s = 0 OR s.seq < %(before)s) ORDER BY s.seq DESC LIMIT %(limit)s",
        {"org": org_id, "state": state, "name": connection, "before": before, "limit": limit},
    ).fetchall()
    return [Arrived(**dict(zip(Arrived.__struct_fields__, row, strict=True))) for row in rows]
