"""What is due, derived from the tables: cheap questions, each answered by one look into an index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from leja.database.engine import Connection
from leja.jobs.schedule import Step

LIMIT: Final = 500
LEASE_PREFIX: Final = "job/"


class Due(msgspec.Struct, frozen=True, order=True):
    """A step that is due for a subject since ``at``."""

    at: datetime
    step: str
    org_id: UUID
    subject: str

    @property
    def lease_name(self) -> str:
        """The lease that whoever runs it must hold."""
        return f"{LEASE_PREFIX}{self.step}/{self.subject}"


RECORD, FETCH, DELIVER = "record", "fetch", "deliver"

# What the tables say, by step: since when there is something to do for `o` (an organisation) or `c` (a connection), or null.
_SINCE: Final = {
    RECORD: "(SELECT s.at FROM event_state s WHERE s.org_id = o.org_id AND s.state = 'new' ORDER BY s.seq LIMIT 1)",
    FETCH: "(SELECT min(w.not_before) FROM wanted w WHERE w.org_id = c.org_id AND w.connection_id = c.connection_id"
    " AND w.not_before <= %(now)s)",
    DELIVER: "least((SELECT x.due_at FROM outbox x WHERE x.org_id = c.org_id AND x.connection_id = c.connection_id"
    " AND x.held = '' AND x.lane IN ('live', 'backfill') AND x.due_at <= %(now)s LIMIT 1),"
    " (SELECT d.not_before FROM deliverable d WHERE d.org_id = c.org_id AND d.connection_id = c.connection_id"
    " AND d.lane IN ('live', 'backfill') AND d.state = 'open' AND d.not_before <= %(now)s LIMIT 1))",
}
_BY_TIME: Final = "coalesce(k.not_before, %(now)s)"


def due(conn: Connection, steps: Sequence[Step], holder: str, now: datetime, *, limit: int = LIMIT) -> list[Due]:
    """What may be done now and nobody else is doing, longest due first."""
    if not steps:
        return []
    values: dict[str, object] = {"now": now, "holder": holder, "limit": limit}
    parts = [_question(number, step, values) for number, step in enumerate(steps)]
    rows = conn.execute(
        f"SELECT at, step, org_id, subject FROM ({' UNION ALL '.join(parts)}) q WHERE at <= %(now)s"
        " AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.org_id = q.org_id"
        f" AND l.name = '{LEASE_PREFIX}' || q.step || '/' || q.subject AND l.until > %(now)s AND l.holder <> %(holder)s)"
        " ORDER BY at LIMIT %(limit)s".encode(),
        values,
    ).fetchall()
    return [Due(row[0], str(row[1]), row[2], str(row[3])) for row in rows]


def _question(number: int, step: Step, values: dict[str, object]) -> str:
    values[f"step{number}"] = step.name
    since = _SINCE[step.name] if step.when == "work" else _BY_TIME
    if step.slugs is None:
        source, subject = "org o", "''"
        owner = "o.org_id"
    else:
        values[f"slugs{number}"] = sorted(step.slugs)
        source, subject, owner = "connection c", "c.connection_id::text", "c.org_id"
    only = f" AND c.removed_at IS NULL AND c.slug = ANY(%(slugs{number})s)" if step.slugs is not None else ""
    return (
        f"SELECT {since} AS at, %(step{number})s::text AS step, {owner} AS org_id, {subject} AS subject FROM {source}"
        f" LEFT JOIN work k ON k.org_id = {owner} AND k.step = %(step{number})s AND k.subject = {subject}"
        f" WHERE (k.not_before IS NULL OR k.not_before <= %(now)s){only}"
    )


def begin(conn: Connection, one: Due, now: datetime) -> bool:
    """Note that it begins; False if another has just done it and it may wait again."""
    row = conn.execute(
        "INSERT INTO work AS k (org_id, step, subject, not_before, begun_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (org_id, step, subject) DO UPDATE SET begun_at = EXCLUDED.begun_at WHERE k.not_before <= %s"
        " RETURNING 1",
        (one.org_id, one.step, one.subject, now, now, now),
    ).fetchone()
    return row is not None


def ended(conn: Connection, one: Due, now: datetime, not_before: datetime, failed: str = "") -> None:
    """Note how it ended: before when it need not be tried again, and the code of what failed."""
    conn.execute(
        "UPDATE work SET ended_at = %s, not_before = %s, because = %s,"
        " failures = CASE WHEN %s = '' THEN 0 ELSE failures + 1 END WHERE org_id = %s AND step = %s AND subject = %s",
        (now, not_before, failed, failed, one.org_id, one.step, one.subject),
    )


def failures(conn: Connection, one: Due) -> int:
    """How often in a row it failed."""
    row = conn.execute(
        "SELECT failures FROM work WHERE org_id = %s AND step = %s AND subject = %s",
        (one.org_id, one.step, one.subject),
    ).fetchone()
    return int(str(row[0])) if row else 0
