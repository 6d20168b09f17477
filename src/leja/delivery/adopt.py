"""What stands at the target and bears our mark is adopted, even if this database never knew that it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteLine, RemoteState
from leja.core.failpoints import failpoint
from leja.core.money import Money
from leja.database.engine import Connection, Database
from leja.database.remote_rows import RemoteRow, keep_rows
from leja.delivery.calls import call_seconds
from leja.delivery.plan import Orphan
from leja.delivery.summaries import part_of
from leja.delivery.target import Target

STREAM = "changed"
PAGES_MAX = 10_000


async def catch_up(database: Database, target: Target, now: datetime) -> int:
    """List what the target changed since the saved cursor and keep it; says how many documents.

    The first thing after a start, a restore, a fail-over or a take-over: the cursor of an older backup lists more. A
    document of ours that this database never heard of says that it is an older life: whoever had the lease in the life
    that was lost may still be calling. So long as such a call may last and stay unseen is waited, and listed again,
    before any of it is kept: planning then adopts all that stands there.
    """
    cursor = await asyncio.to_thread(_cursor, database, target)
    seen, waited = 0, False
    for _ in range(PAGES_MAX):
        page = await target.verbs.changed(target.session, cursor)
        failpoint("delivery.after-changed")
        if not waited and await asyncio.to_thread(_unheard_of, database, target, page.states):
            await target.session.http.pacing.sleep(longest_unseen(target))
            waited = True
            continue
        await asyncio.to_thread(_keep, database, target, page.states, page.cursor, now)
        seen += len(page.states)
        if not page.more:
            break
        cursor = page.cursor
    return seen


def longest_unseen(target: Target) -> float:
    """Seconds after which a call of another life has ended and what it did is seen by searching."""
    return call_seconds() + max((anchor.look_up_lag for anchor in target.verbs.ANCHORS.values()), default=0)


def _unheard_of(database: Database, target: Target, states: Sequence[RemoteState]) -> bool:
    """Whether a document among these bears our mark and neither a deliverable nor an earlier listing knows it."""
    ours = [s.document for s in states if s.state == "present" and part_of(s.document.reference) is not None]
    if not ours:
        return False
    with database.transaction() as conn:
        row = conn.execute(
            "SELECT EXISTS (SELECT 1 FROM unnest(%(kinds)s::text[], %(ids)s::text[], %(references)s::text[])"
            " AS t (kind, remote_id, reference) WHERE NOT EXISTS (SELECT 1 FROM deliverable d"
            " WHERE d.org_id = %(org)s AND d.connection_id = %(to)s AND d.reference = t.reference) AND NOT EXISTS (SELECT 1 FROM remote_state s"
            " WHERE s.org_id = %(org)s AND s.connection_id = %(to)s AND s.kind = t.kind AND s.remote_id = t.remote_id))",
            {"org": target.org_id, "to": target.connection_id, "kinds": [one.kind for one in ours],
             "ids": [one.remote_id for one in ours],
             "references": [one.reference.partition("-")[0] for one in ours]},
        ).fetchone()
    return bool(row and row[0])


def _cursor(database: Database, target: Target) -> str | None:
    with database.transaction() as conn:
        row = conn.execute(
            "SELECT cursor FROM stream_cursor WHERE org_id = %s AND connection_id = %s AND stream = %s",
            (target.org_id, target.connection_id, STREAM),
        ).fetchone()
    return str(row[0]) if row else None


def _keep(database: Database, target: Target, states: Sequence[RemoteState], cursor: str, now: datetime) -> None:
    with database.transaction() as conn:
        keep_states(conn, target.org_id, target.connection_id, states, now)
        _wake(conn, target, states, now)
        conn.execute(
            "INSERT INTO stream_cursor (org_id, connection_id, stream, cursor, saved_at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (org_id, connection_id, stream) DO UPDATE SET cursor = EXCLUDED.cursor, saved_at ="
            " EXCLUDED.saved_at",
            (target.org_id, target.connection_id, STREAM, cursor, now),
        )
        failpoint("delivery.before-changed-commit")


def keep_states(
    conn: Connection, org_id: UUID, connection_id: UUID, states: Sequence[RemoteState], now: datetime
) -> None:
    """Keep the last state of remote documents, ours and others'."""
    rows = [
        RemoteRow(
            kind=s.document.kind, remote_id=s.document.remote_id, reference=s.document.reference,
            foreign=part_of(s.document.reference) is None, state=s.state, date=s.document.date,
            version=s.document.version,
            number=s.document.number, total=s.document.total.minor if s.document.total else None, currency=_currency(s),
            lines=msgspec.json.encode(s.lines).decode(),
        )
        for s in states
    ]
    keep_rows(conn, org_id, connection_id, rows, now)


def _currency(state: RemoteState) -> str:
    if state.document.total is not None:
        return state.document.total.currency
    return state.lines[0].amount.currency if state.lines else ""


def _wake(conn: Connection, target: Target, states: Sequence[RemoteState], now: datetime) -> None:
    """A sending whose outcome is not known and whose reference stands there is asked after at once."""
    references = [s.document.reference for s in states if s.document.reference and s.state == "present"]
    if references:
        conn.execute(
            "UPDATE deliverable d SET not_before = %s WHERE d.org_id = %s AND d.connection_id = %s AND d.state = 'open'"
            " AND d.not_before > %s AND EXISTS (SELECT 1 FROM attempt a WHERE a.org_id = d.org_id"
            " AND a.deliverable_id = d.deliverable_id AND a.reference = ANY(%s) AND NOT EXISTS"
            " (SELECT 1 FROM outcome o WHERE o.org_id = a.org_id AND o.attempt_id = a.attempt_id))",
            (now, target.org_id, target.connection_id, now, references),
        )


def orphans(
    conn: Connection, org_id: UUID, connection_id: UUID, marks: Sequence[str] | None = None
) -> dict[str, list[Orphan]]:
    """Documents that bear a group's mark (one of ``marks``; any without them) and that no deliverable of this database accounts
    for, by mark."""
    asked = " AND left(s.reference, 14) = ANY(%(marks)s)" if marks is not None else " AND NOT s.foreign_entry"
    rows = conn.execute(
        "SELECT s.kind, s.remote_id, s.reference, s.version, s.number, s.total, s.currency, s.date, s.lines"
        " FROM remote_state s WHERE s.org_id = %(org)s AND s.connection_id = %(to)s AND s.reference <> ''"
        f"{asked} AND s.state = 'present' AND NOT EXISTS (SELECT 1 FROM deliverable d"
        " WHERE d.org_id = s.org_id AND d.connection_id = s.connection_id AND d.reference ="
        " split_part(s.reference, '-', 1)) AND NOT EXISTS (SELECT 1 FROM remote_document r WHERE r.org_id = s.org_id"
        " AND r.connection_id = s.connection_id AND r.kind = s.kind AND r.remote_id = s.remote_id) ORDER BY s.reference".encode(),
        {"org": org_id, "to": connection_id, "marks": marks if marks is None else list(marks)},
    ).fetchall()
    found: dict[str, list[Orphan]] = {}
    for kind, remote_id, reference, version, number, total, currency, day, lines in rows:
        part = part_of(str(reference))
        if part is None:
            continue
        document = RemoteDocument(
            kind=str(kind), remote_id=str(remote_id), reference=str(reference), version=str(version),
            number=str(number),
            total=None if total is None else Money(int(str(total)), str(currency)), date=day,
        )
        found.setdefault(str(reference)[:14], []).append(
            Orphan(part=part, document=document, lines=msgspec.convert(lines, tuple[RemoteLine, ...]))
        )
    return found
