"""Where a figure comes from and where it went: figure, entry, document, event or remote document, each to all the others.

``explain(conn, org_id, words)`` finds what the words name and traces each document behind it, from the raw event over
its revisions and entries to what every target was told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from leja.core.errors import Refused
from leja.database.engine import Connection
from leja.reports import explain_names as names
from leja.reports.ledger_lines import PostedEntry, Wanted, entries_page

TRACES_MAX = 10
LINES_MAX = 200
ENTRIES_MAX = 1000


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """An account on a day in one currency: what moved it, in minor units, debit positive."""

    account: str
    name: str
    day: date
    currency: str
    amount: int
    lines: tuple[FigureLine, ...]


class FigureLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line behind a figure, with its entry, document, event and the references under which targets were told."""

    entry: int
    role: str
    amount: int
    document_id: UUID
    kind: str
    external_id: str
    number: str
    event_id: UUID
    told: tuple[str, ...]


class TracedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it arrived and what became of it. ``body`` only where it was asked for and not erased."""

    event_id: UUID
    connection: str
    key: str
    topic: str
    origin: str
    parent: str
    received_at: datetime
    state: str
    because: str
    body: str | None = None


class TracedRevision(msgspec.Struct, frozen=True, kw_only=True):
    """A revision of a document and the event that brought it."""

    revision: int
    version: str
    event_id: UUID
    number: str
    business_day: date
    currency: str
    withdrawn: bool
    flags: tuple[str, ...]
    recorded_at: datetime


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Entries as one target was told of them, or is to be. ``members`` counts all entries of the same deliverable."""

    target: str
    state: str
    because: str
    group: str
    reference: str
    entries: tuple[int, ...]
    members: int
    attempts: int
    outcome: str
    remote: tuple[Remote, ...]


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """A document at a target."""

    kind: str
    remote_id: str
    reference: str
    number: str
    date: date
    total: int | None
    currency: str


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one document."""

    document_id: UUID
    connection: str
    kind: str
    external_id: str
    relations: tuple[str, ...]
    revisions: tuple[TracedRevision, ...]
    events: tuple[TracedEvent, ...]
    entries: tuple[PostedEntry, ...]
    told: tuple[Told, ...]


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What the words name. ``documents`` counts all that stand behind it; ``traces`` are the first of them.

    ``events`` are events that became no document.
    """

    what: str
    figures: tuple[Figure, ...] = ()
    events: tuple[TracedEvent, ...] = ()
    documents: int = 0
    traces: tuple[Trace, ...] = ()


def explain(
    conn: Connection, org_id: UUID, words: Sequence[str], *, bodies: bool = False, limit: int = TRACES_MAX
) -> Explained:
    """Trace what the words name: ``account CODE DAY``, an entry number, or any id, number or reference.

    Raises Refused ``explain-unknown`` or ``day-unreadable``.
    """
    if words and words[0] == "account":
        return _figure(conn, org_id, words, limit, bodies=bodies)
    found = names.find(conn, org_id, list(words))
    traces = tuple(trace(conn, org_id, document_id, bodies=bodies) for document_id in found.documents[:limit])
    known = {event.event_id for one in traces for event in one.events}
    alone = [event_id for event_id in found.events if event_id not in known]
    return Explained(
        what=found.what, documents=len(found.documents), traces=traces, events=_events(conn, org_id, alone, bodies)
    )


def trace(conn: Connection, org_id: UUID, document_id: UUID, *, bodies: bool = False) -> Trace:
    """One document from its raw events to every target."""
    row = conn.execute(
        "SELECT d.kind, d.external_id, c.name FROM document d JOIN connection c USING (org_id, connection_id)"
        " WHERE d.org_id = %s AND d.document_id = %s",
        (org_id, document_id),
    ).fetchone()
    if row is None:
        raise Refused("explain-unknown", f"there is no document {document_id}")
    revisions = [
        TracedRevision(**dict(zip(TracedRevision.__struct_fields__, found, strict=True)))
        for found in conn.execute(
            "SELECT revision, version, event_id, number, business_day, currency, withdrawn, flags, recorded_at"
            " FROM document_revision WHERE org_id = %s AND document_id = %s ORDER BY revision",
            (org_id, document_id),
        ).fetchall()
    ]
    entries = entries_page(conn, org_id, Wanted(document_id=document_id), limit=ENTRIES_MAX)
    return Trace(
        document_id=document_id,
        kind=str(row[0]),
        external_id=str(row[1]),
        connection=str(row[2]),
        relations=_relations(conn, org_id, document_id),
        revisions=tuple(revisions),
        events=_events(conn, org_id, list(dict.fromkeys(r.event_id for r in revisions)), bodies),
        entries=tuple(entries),
        told=_told(conn, org_id, [entry.number for entry in entries]),
    )


def _relations(conn: Connection, org_id: UUID, document_id: UUID) -> tuple[str, ...]:
    rows = conn.execute(
        "SELECT l.relation || ' ' || l.kind || ' ' || l.external_id FROM document_link l"
        " WHERE l.org_id = %(org)s AND l.document_id = %(id)s UNION ALL"
        " SELECT CASE l.relation WHEN 'refund_of' THEN 'refunded by ' WHEN 'payment_of' THEN 'paid by ' ELSE 'fulfilled by ' END"
        " || o.kind || ' ' || o.external_id FROM document d JOIN document_link l ON l.org_id = d.org_id"
        " AND l.connection_id = d.connection_id AND l.kind = d.kind AND l.external_id = d.external_id"
        " JOIN document o ON o.org_id = l.org_id AND o.document_id = l.document_id"
        " WHERE d.org_id = %(org)s AND d.document_id = %(id)s",
        {"org": org_id, "id": document_id},
    ).fetchall()
    return tuple(str(row[0]).replace("_of ", " of ") for row in rows)


def _events(conn: Connection, org_id: UUID, ids: Sequence[UUID], bodies: bool) -> tuple[TracedEvent, ...]:
    rows = conn.execute(
        "SELECT e.event_id, c.name, e.event_key, e.topic, e.origin, e.parent, e.received_at, s.state, s.because,"
        " CASE WHEN %s THEN b.body END FROM event e JOIN connection c USING (org_id, connection_id)"
        " JOIN event_state s USING (org_id, event_id) JOIN event_body b USING (org_id, event_id)"
        " WHERE e.org_id = %s AND e.event_id = ANY(%s) ORDER BY s.seq",
        (bodies, org_id, list(ids)),
    ).fetchall()
    return tuple(
        TracedEvent(
            event_id=r[0],
            connection=r[1],
            key=r[2],
            topic=r[3],
            origin=r[4],
            parent=r[5],
            received_at=r[6],
            state=r[7],
            because=r[8],
            body=None if r[9] is None else bytes(r[9]).decode("utf-8", "backslashreplace"),
        )
        for r in rows
    )


def _told(conn: Connection, org_id: UUID, entries: Sequence[int]) -> tuple[Told, ...]:
    done = conn.execute(
        "SELECT d.deliverable_id, c.name, d.state, d.because, d.group_key, d.reference, array_agg(m.entry_number ORDER BY m.entry_number),"
        " (SELECT count(*) FROM deliverable_member a WHERE a.org_id = d.org_id AND a.deliverable_id = d.deliverable_id),"
        " (SELECT count(*) FROM attempt a WHERE a.org_id = d.org_id AND a.deliverable_id = d.deliverable_id),"
        " coalesce((SELECT o.kind FROM attempt a JOIN outcome o USING (org_id, attempt_id) WHERE a.org_id = d.org_id"
        "  AND a.deliverable_id = d.deliverable_id ORDER BY a.attempted_at DESC, o.ordinal DESC LIMIT 1), '')"
        " FROM deliverable_member m JOIN deliverable d USING (org_id, deliverable_id) JOIN connection c ON c.org_id = d.org_id"
        " AND c.connection_id = d.connection_id WHERE m.org_id = %s AND m.entry_number = ANY(%s)"
        " GROUP BY d.org_id, d.deliverable_id, c.name ORDER BY min(m.entry_number), c.name",
        (org_id, list(entries)),
    ).fetchall()
    remote = _remote(conn, org_id, [row[0] for row in done])
    told = [_of_deliverable(row, remote) for row in done]
    waiting = conn.execute(
        "SELECT c.name, CASE WHEN o.held = '' THEN 'waiting' ELSE 'held' END, CASE WHEN o.held = '' THEN 'due ' || o.due_at"
        " ELSE o.held END, o.group_key, array_agg(o.entry_number ORDER BY o.entry_number) FROM outbox o JOIN connection c"
        " USING (org_id, connection_id) WHERE o.org_id = %s AND o.entry_number = ANY(%s) GROUP BY 1, 2, 3, 4 ORDER BY 1, 4",
        (org_id, list(entries)),
    ).fetchall()
    return (
        *told,
        *(
            Told(
                target=r[0],
                state=r[1],
                because=r[2],
                group=r[3],
                reference="",
                entries=tuple(r[4]),
                members=len(r[4]),
                attempts=0,
                outcome="",
                remote=(),
            )
            for r in waiting
        ),
    )


def _of_deliverable(row: Sequence[Any], remote: dict[UUID, list[Remote]]) -> Told:
    return Told(
        target=row[1],
        state=row[2],
        because=row[3],
        group=row[4],
        reference=row[5],
        entries=tuple(row[6]),
        members=row[7],
        attempts=row[8],
        outcome=row[9],
        remote=tuple(remote.get(row[0], ())),
    )


def _remote(conn: Connection, org_id: UUID, deliverables: Sequence[UUID]) -> dict[UUID, list[Remote]]:
    found: dict[UUID, list[Remote]] = {}
    for row in conn.execute(
        "SELECT deliverable_id, kind, remote_id, reference, number, date, total, currency FROM remote_document"
        " WHERE org_id = %s AND deliverable_id = ANY(%s) ORDER BY deliverable_id, reference",
        (org_id, list(deliverables)),
    ):
        found.setdefault(row[0], []).append(Remote(**dict(zip(Remote.__struct_fields__, row[1:], strict=True))))
    return found


def _figure(conn: Connection, org_id: UUID, words: Sequence[str], limit: int, *, bodies: bool) -> Explained:
    if len(words) != 3:
        raise Refused(
            "explain-unknown",
            "a figure is named by its account and its day",
            remedy="Write: leja explain account 1100 2026-05-31.",
        )
    try:
        day = date.fromisoformat(words[2])
    except ValueError:
        raise Refused("day-unreadable", f"{words[2]!r} is not a day", remedy="Write it as 2026-05-31.") from None
    account = conn.execute("SELECT name FROM account WHERE org_id = %s AND code = %s", (org_id, words[1])).fetchone()
    if account is None:
        raise Refused(
            "explain-unknown",
            f"there is no account {words[1]!r} in the books",
            remedy="`leja books accounts` lists them.",
        )
    sums = conn.execute(
        "SELECT currency, sum(debit - credit)::bigint FROM balance_day WHERE org_id = %s AND account = %s AND day = %s"
        " GROUP BY currency ORDER BY currency",
        (org_id, words[1], day),
    ).fetchall()
    figures = tuple(
        Figure(
            account=words[1],
            name=str(account[0]),
            day=day,
            currency=str(currency),
            amount=int(amount),
            lines=_lines(conn, org_id, words[1], day, str(currency)),
        )
        for currency, amount in sums
    )
    documents = list(dict.fromkeys(line.document_id for figure in figures for line in figure.lines))
    traces = tuple(trace(conn, org_id, document_id, bodies=bodies) for document_id in documents[:limit])
    return Explained(what="figure", figures=figures, documents=len(documents), traces=traces)


def _lines(conn: Connection, org_id: UUID, account: str, day: date, currency: str) -> tuple[FigureLine, ...]:
    rows = conn.execute(
        "SELECT l.entry_number, l.role, l.amount, d.document_id, d.kind, d.external_id, r.number, r.event_id,"
        " ARRAY(SELECT c.name || ' ' || t.reference FROM deliverable_member m JOIN deliverable t USING (org_id, deliverable_id)"
        "  JOIN connection c ON c.org_id = t.org_id AND c.connection_id = t.connection_id"
        "  WHERE m.org_id = l.org_id AND m.entry_number = l.entry_number ORDER BY 1)"
        " FROM entry e JOIN line l ON l.org_id = e.org_id AND l.entry_number = e.number"
        " JOIN document d ON d.org_id = e.org_id AND d.document_id = e.document_id"
        " JOIN document_revision r ON r.org_id = e.org_id AND r.document_id = e.document_id AND r.revision = e.revision"
        " WHERE e.org_id = %s AND e.posting_date = %s AND l.account = %s AND l.currency = %s"
        " ORDER BY l.entry_number, l.line_number LIMIT %s",
        (org_id, day, account, currency, LINES_MAX),
    ).fetchall()
    return tuple(FigureLine(**dict(zip(FigureLine.__struct_fields__, row, strict=True))) for row in rows)
