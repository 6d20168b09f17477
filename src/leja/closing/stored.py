"""Recomputes, from the stored rows, the digest of whatever the chain names, and finds what the chain does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from leja.books import chain
from leja.books.entry import Entry, EntryLine
from leja.database.engine import Connection

Digests = dict[str, bytes | str]  # per subject its digest, or in words what is wrong with it
BODIES_AT_ONCE: Final = 32


def digests(conn: Connection, org_id: UUID, kind: str, subjects: Sequence[str]) -> Digests:
    """What the stored rows say now; a subject that is not there is left out."""
    reader = _READERS.get(kind)
    return reader(conn, org_id, subjects) if reader else {}


def unknown_to_chain(conn: Connection, org_id: UUID, limit: int = 20) -> list[tuple[str, str]]:
    """(kind, subject) of rows that the chain does not hold; events wait for it until they were decided on."""
    found: list[tuple[str, str]] = []
    for kind, query in _EVERY.items():
        rows = conn.execute(
            # EXCEPT and not an anti-join: that is a nested loop where the planner knows too little of young tables.
            f'SELECT stored.subject COLLATE "C" FROM ({query}) AS stored EXCEPT'
            " SELECT subject FROM chain WHERE org_id = %(org)s AND kind = %(kind)s ORDER BY 1 LIMIT %(limit)s".encode(),
            {"org": org_id, "kind": kind, "limit": limit},
        ).fetchall()
        found += [(kind, str(row[0])) for row in rows]
    return found


_EVERY: Final = {
    "event": "SELECT e.event_id::text AS subject FROM event e LEFT JOIN event_state s USING (org_id, event_id)"
    " WHERE e.org_id = %(org)s AND (s.state IS NULL OR s.state IN ('done', 'ignored', 'observed'))",
    "revision": "SELECT document_id || '/' || revision AS subject FROM document_revision WHERE org_id = %(org)s",
    "entry": "SELECT number::text AS subject FROM entry WHERE org_id = %(org)s",
    "attempt": "SELECT attempt_id::text AS subject FROM attempt WHERE org_id = %(org)s",
    "outcome": "SELECT attempt_id || '/' || ordinal AS subject FROM outcome WHERE org_id = %(org)s",
    "mapping": "SELECT version::text AS subject FROM mapping_version WHERE org_id = %(org)s",
    "period": "SELECT period || '/' || ordinal AS subject FROM period_change WHERE org_id = %(org)s",
}


def _entries(conn: Connection, org_id: UUID, subjects: Sequence[str]) -> Digests:
    numbers = [int(subject) for subject in subjects]
    lines: dict[int, list[EntryLine]] = {}
    numbered: dict[int, list[int]] = {}
    for number, at, *values in conn.execute(
        "SELECT entry_number, line_number, account, role, amount, currency, base, rate, location, channel, tax_code,"
        " tax_point, return_period, memo FROM line WHERE org_id = %s AND entry_number = ANY(%s)"
        " ORDER BY entry_number, line_number",
        (org_id, numbers),
    ):
        line = EntryLine(**dict(zip(EntryLine.__struct_fields__, values, strict=True)))  # type: ignore[arg-type]
        lines.setdefault(number, []).append(line)  # type: ignore[arg-type]
        numbered.setdefault(number, []).append(at)  # type: ignore[arg-type]
    found: Digests = {}
    rows: list[Any] = conn.execute(
        "SELECT number, document_id, revision, ordinal, label, posting_date, business_day, text, reverses, period,"
        " recorded_at, digest FROM entry WHERE org_id = %s AND number = ANY(%s)",
        (org_id, numbers),
    ).fetchall()
    for (
        number,
        document_id,
        revision,
        ordinal,
        label,
        posting,
        day,
        text,
        reverses,
        period,
        recorded_at,
        digest,
    ) in rows:
        entry = Entry(
            label=label,
            posting_date=posting,
            business_day=day,
            lines=tuple(lines.get(number, ())),
            text=text,
            reverses=reverses,
        )
        content = chain.entry_bytes(org_id, number, document_id, revision, ordinal, entry, recorded_at)
        found[str(number)] = sha256(content).digest()
        if numbered.get(number) != list(range(1, len(entry.lines) + 1)):
            found[str(number)] = "its lines are not numbered from 1 without a gap"
        elif period != chain.month_of(posting):
            found[str(number)] = f"it stands in period {period}, its date is {posting}"
        elif digest != found[str(number)]:
            found[str(number)] = "its content is not what its digest was made of"
    return found


def _events(conn: Connection, org_id: UUID, subjects: Sequence[str]) -> Digests:
    found: Digests = {}
    for start in range(0, len(subjects), BODIES_AT_ONCE):
        rows: list[Any] = conn.execute(
            "SELECT e.event_id, e.connection_id, e.event_key, e.topic, e.origin, e.parent, e.headers, e.digest,"
            " e.received_at, b.salt, b.body, b.erased_at FROM event e LEFT JOIN event_body b USING (org_id, event_id)"
            " WHERE e.org_id = %s AND e.event_id = ANY(%s)",
            (org_id, [UUID(subject) for subject in subjects[start : start + BODIES_AT_ONCE]]),
        ).fetchall()
        for event_id, *values, salt, body, erased_at in rows:
            found[str(event_id)] = chain.event_item(org_id, event_id, *values)
            wrong = _salted(salt, body, erased_at, values[6])
            if wrong:
                found[str(event_id)] = f"its body {wrong}"
    return found


def _revisions(conn: Connection, org_id: UUID, subjects: Sequence[str]) -> Digests:
    rows: list[Any] = conn.execute(
        "SELECT r.document_id, r.revision, d.connection_id, d.kind, d.external_id, r.version, r.digest, r.event_id,"
        " r.occurred_at, r.offset_minutes, r.business_day, r.number, r.currency, r.facts, r.party_id, r.party_digest,"
        " r.withdrawn, r.flags, r.recorded_at, p.salt, p.data, p.erased_at"
        " FROM document_revision r JOIN document d USING (org_id, document_id)"
        " LEFT JOIN party p ON p.org_id = r.org_id AND p.party_id = r.party_id"
        " JOIN unnest(%s::uuid[], %s::int[]) AS wanted (document_id, revision)"
        " ON r.document_id = wanted.document_id AND r.revision = wanted.revision WHERE r.org_id = %s",
        (*_pairs(subjects), org_id),
    ).fetchall()
    found: Digests = {}
    for *values, salt, data, erased_at in rows:
        subject = f"{values[0]}/{values[1]}"
        found[subject] = chain.revision_digest(org_id, *values)
        if values[14] is not None and (wrong := _salted(salt, data and data.encode(), erased_at, values[15])):
            found[subject] = f"its party {wrong}"
    return found


def _attempts(conn: Connection, org_id: UUID, subjects: Sequence[str]) -> Digests:
    rows: list[Any] = conn.execute(
        "SELECT a.attempt_id, a.connection_id, a.deliverable_id, a.step, a.plan, a.send, a.reference, a.draft,"
        " a.body_digest, a.epoch, a.attempted_at, a.deadline, f.salt, f.draft, f.erased_at"
        " FROM attempt a LEFT JOIN frozen_draft f USING (org_id, deliverable_id, step, plan)"
        " WHERE a.org_id = %s AND a.attempt_id = ANY(%s)",
        (org_id, [UUID(subject) for subject in subjects]),
    ).fetchall()
    found: Digests = {}
    for *values, salt, draft, erased_at in rows:
        found[str(values[0])] = chain.attempt_digest(org_id, *values)
        wrong = _salted(salt, draft and draft.encode(), erased_at, values[8])
        if wrong:
            found[str(values[0])] = f"its frozen request {wrong}"
    return found


def _outcomes(conn: Connection, org_id: UUID, subjects: Sequence[str]) -> Digests:
    rows: list[Any] = conn.execute(
        "SELECT o.attempt_id, o.ordinal, o.kind, o.detail, o.at FROM outcome o"
        " JOIN unnest(%s::uuid[], %s::int[]) AS wanted (attempt_id, ordinal)"
        " ON o.attempt_id = wanted.attempt_id AND o.ordinal = wanted.ordinal WHERE o.org_id = %s",
        (*_pairs(subjects), org_id),
    ).fetchall()
    return {f"{row[0]}/{row[1]}": chain.outcome_digest(org_id, *row) for row in rows}


def _mappings(conn: Connection, org_id: UUID, subjects: Sequence[str]) -> Digests:
    found: Digests = {}
    for subject in subjects:
        row: Any = conn.execute(
            "SELECT version, effective_from, reason, made_by, recorded_at FROM mapping_version"
            " WHERE org_id = %s AND version = %s",
            (org_id, int(subject)),
        ).fetchone()
        rules: list[Any] = conn.execute(
            "SELECT ordinal, scope, kind, key, conditions, value FROM mapping_rule WHERE org_id = %s AND version = %s"
            " ORDER BY ordinal",
            (org_id, int(subject)),
        ).fetchall()
        if row:
            version, effective_from, reason, made_by, recorded_at = row
            found[subject] = chain.mapping_digest(org_id, version, effective_from, reason, made_by, recorded_at, rules)
    return found


def _period_changes(conn: Connection, org_id: UUID, subjects: Sequence[str]) -> Digests:
    rows: list[Any] = conn.execute(
        "SELECT period, ordinal, state, reason, made_by, at FROM period_change"
        " WHERE org_id = %s AND period || '/' || ordinal = ANY(%s)",
        (org_id, list(subjects)),
    ).fetchall()
    return {f"{row[0]}/{row[1]}": chain.period_digest(org_id, *row) for row in rows}


def _salted(salt: bytes | None, content: bytes | None, erased_at: object, digest: bytes) -> str:
    """What is wrong with an erasable content, in words; nothing if it was erased on record."""
    if content is None or salt is None:
        return "" if erased_at is not None else "is gone, and no erasure was recorded"
    return "" if chain.event_digest(salt, content) == digest else "is not what its digest was made of"


def _pairs(subjects: Iterable[str]) -> tuple[list[UUID], list[int]]:
    split = [subject.rpartition("/") for subject in subjects]
    return [UUID(first) for first, _, _ in split], [int(last) for _, _, last in split]


_READERS: Final[dict[str, Callable[[Connection, UUID, Sequence[str]], Digests]]] = {
    "event": _events,
    "revision": _revisions,
    "entry": _entries,
    "attempt": _attempts,
    "outcome": _outcomes,
    "mapping": _mappings,
    "period": _period_changes,
}
