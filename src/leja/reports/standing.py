"""Where things stand: what waits, what is parked, and when each connection was last heard of."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from leja.database.engine import Connection
from leja.database.review import INFORMATION


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of what has not come to its end. ``review`` are open items by code."""

    events: dict[str, int]
    review: dict[str, int]
    wanted: int
    targets: dict[str, TargetStanding]

    @property
    def parked(self) -> int:
        """How many things only a person can move."""
        return self.events.get("parked", 0) + sum(target.held + target.parked for target in self.targets.values())

    @property
    def quiet(self) -> bool:
        """Whether nothing needs a person."""
        return not self.parked and not set(self.review) - INFORMATION


class TargetStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What a target is still to be told: entries that wait for their time or are held, documents open or parked."""

    waiting: int = 0
    held: int = 0
    open: int = 0
    parked: int = 0
    next_due: datetime | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a connection without calling it."""

    events: dict[str, int]
    last_event: datetime | None
    oldest_new: datetime | None
    refused_requests: int
    unread_fields: int
    token: str
    token_because: str
    token_expires: datetime | None
    targets: TargetStanding


def standing(conn: Connection, org_id: UUID) -> Standing:
    """Where an organisation stands."""
    return Standing(
        events=_counts(
            conn,
            "SELECT state, count(*) FROM event_state WHERE org_id = %s AND state IN ('new', 'waiting', 'parked')"
            " GROUP BY state ORDER BY state",
            org_id,
        ),
        review=_counts(
            conn,
            "SELECT code, count(*) FROM review_item WHERE org_id = %s AND settled_at IS NULL GROUP BY code"
            " ORDER BY code",
            org_id,
        ),
        wanted=_number(conn, "SELECT count(*) FROM wanted WHERE org_id = %s", org_id),
        targets={
            str(name): target(conn, org_id, connection_id)
            for connection_id, name in conn.execute(
                "SELECT connection_id, name FROM connection WHERE org_id = %s AND duty = 'accounting' AND removed_at IS NULL"
                " ORDER BY connection_id",
                (org_id,),
            ).fetchall()
        },
    )


def target(conn: Connection, org_id: UUID, connection_id: UUID) -> TargetStanding:
    """What one target is still to be told."""
    row = conn.execute(
        "SELECT count(*) FILTER (WHERE held = ''), count(*) FILTER (WHERE held <> '' AND waits_for NOT LIKE 'family/%%'),"
        " min(due_at) FILTER (WHERE held = '') FROM outbox WHERE org_id = %s AND connection_id = %s",
        (org_id, connection_id),
    ).fetchone() or (0, 0, None)
    other = conn.execute(
        "SELECT count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'parked'),"
        " min(not_before) FILTER (WHERE state = 'open') FROM deliverable WHERE org_id = %s AND connection_id = %s",
        (org_id, connection_id),
    ).fetchone() or (0, 0, None)
    due = [at for at in (row[2], other[2]) if at is not None]
    return TargetStanding(
        waiting=row[0], held=row[1], open=other[0], parked=other[1], next_due=min(due) if due else None
    )


def heard(conn: Connection, org_id: UUID, connection_id: UUID) -> Heard:
    """What is known of one connection."""
    events = conn.execute(
        "SELECT state, count(*) FROM event_state WHERE org_id = %s AND connection_id = %s GROUP BY state ORDER BY state",
        (org_id, connection_id),
    ).fetchall()
    last = conn.execute(
        "SELECT (SELECT e.received_at FROM event_state s JOIN event e USING (org_id, event_id) WHERE s.org_id = %(org)s"
        " AND s.connection_id = %(on)s ORDER BY s.seq DESC LIMIT 1),"
        " (SELECT e.received_at FROM event_state s JOIN event e USING (org_id, event_id) WHERE s.org_id = %(org)s"
        " AND s.connection_id = %(on)s AND s.state = 'new' ORDER BY s.seq LIMIT 1),"
        " (SELECT coalesce(sum(count), 0) FROM refused_request WHERE org_id = %(org)s AND connection_id = %(on)s),"
        " (SELECT count(*) FROM unread_field WHERE org_id = %(org)s AND connection_id = %(on)s)",
        {"org": org_id, "on": connection_id},
    ).fetchone() or (None, None, 0, 0)
    grant = conn.execute(
        "SELECT state, because, expires_at FROM token_grant WHERE org_id = %s AND connection_id = %s",
        (org_id, connection_id),
    ).fetchone() or ("", "", None)
    return Heard(
        events={str(state): int(count) for state, count in events},
        last_event=last[0],
        oldest_new=last[1],
        refused_requests=int(last[2]),
        unread_fields=int(last[3]),
        token=str(grant[0]),
        token_because=str(grant[1]),
        token_expires=grant[2],
        targets=target(conn, org_id, connection_id),
    )


def _counts(conn: Connection, query: str, org_id: UUID) -> dict[str, int]:
    return {str(name): int(count) for name, count in conn.execute(query.encode(), (org_id,)).fetchall()}


def _number(conn: Connection, query: str, org_id: UUID) -> int:
    row = conn.execute(query.encode(), (org_id,)).fetchone()
    return int(row[0]) if row else 0
