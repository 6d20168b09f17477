"""Documents at a target that bear our mark and that nothing in these books leads to: a life that a restore lost made them.

What the restored database meets again is adopted when it is told (``plan``). What it never meets again, for at its source it is
no more what it was, would stand there unknown for ever.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteLine
from leja.core.ids import uuid7
from leja.core.money import Money
from leja.database.engine import Connection
from leja.delivery import groups
from leja.delivery.attempt import Standing, insert_remotes
from leja.delivery.summaries import GROUP_LENGTH, part_of
from leja.delivery.target import Target


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A document of a life that was lost, and what it does to the accounts there."""

    document: RemoteDocument
    currency: str
    lines: tuple[RemoteLine, ...]


def settle_lost(conn: Connection, target: Target, now: datetime) -> list[Lost]:
    """Adopt those that undo each other, account by account and day by day; the others are for people, and returned."""
    by_mark: dict[str, list[Lost]] = defaultdict(list)
    for one in _lost(conn, target):
        by_mark[one.document.reference[:GROUP_LENGTH]].append(one)
    for mark in _still_due(conn, target, list(by_mark)):
        del by_mark[mark]
    left: list[Lost] = []
    for mark, those in by_mark.items():
        if any(_sums(those).values()):
            left += those
        else:
            _adopt(conn, target, mark, those, now)
    return left


def _lost(conn: Connection, target: Target) -> list[Lost]:
    rows = conn.execute(
        "SELECT s.kind, s.remote_id, s.reference, s.version, s.number, s.total, s.currency, s.date, s.lines FROM remote_state s"
        " WHERE s.org_id = %(org)s AND s.connection_id = %(to)s AND s.reference <> '' AND NOT s.foreign_entry AND s.state = 'present'"
        " AND NOT EXISTS (SELECT 1 FROM remote_document r WHERE r.org_id = s.org_id AND r.connection_id = s.connection_id"
        "  AND r.kind = s.kind AND r.remote_id = s.remote_id)"
        " AND NOT EXISTS (SELECT 1 FROM deliverable d WHERE d.org_id = s.org_id AND d.connection_id = s.connection_id"
        "  AND d.reference = split_part(s.reference, '-', 1)) ORDER BY s.reference, s.kind, s.remote_id",
        {"org": target.org_id, "to": target.connection_id},
    ).fetchall()
    return [
        Lost(
            document=RemoteDocument(
                kind=str(kind), remote_id=str(remote_id), reference=str(reference), version=str(version), number=str(number),
                total=None if total is None else Money(int(str(total)), str(currency)), date=day,
            ),
            currency=str(currency), lines=msgspec.convert(lines, tuple[RemoteLine, ...]),
        )
        for kind, remote_id, reference, version, number, total, currency, day, lines in rows
        if part_of(str(reference)) is not None
    ]  # fmt: skip


def _still_due(conn: Connection, target: Target, marks: Sequence[str]) -> set[str]:
    """Marks of groups that will be told: planning adopts what stands there of them."""
    if not marks:
        return set()
    keys = [str(row[0]) for row in conn.execute(
        "SELECT DISTINCT group_key FROM outbox WHERE org_id = %s AND connection_id = %s", (target.org_id, target.connection_id))]
    return {facts.mark for facts in groups.group_facts(conn, target.org_id, target.connection_id, keys).values()} & set(marks)


def _sums(those: Sequence[Lost]) -> Counter[tuple[str, date | None, str]]:
    sums: Counter[tuple[str, date | None, str]] = Counter()
    for one in those:
        for line in one.lines:
            sums[line.account, one.document.date, line.amount.currency] += line.amount.minor
    return sums


def _adopt(conn: Connection, target: Target, mark: str, those: Sequence[Lost], now: datetime) -> None:
    """Documents of nothing: known from now on, with no entry behind them."""
    told: list[Standing] = []
    row = conn.execute(
        "SELECT group_key, family FROM deliverable WHERE org_id = %s AND connection_id = %s AND reference > %s AND reference < %s LIMIT 1",
        (target.org_id, target.connection_id, mark, f"{mark}a"),
    ).fetchone()
    group_key, family = row or (f"lost/{mark}", f"lost/{mark}")
    for part in sorted({part_of(one.document.reference) or 0 for one in those}):
        of_part = [one for one in those if part_of(one.document.reference) == part]
        holder, first = uuid7(now), of_part[0].document
        conn.execute(
            "INSERT INTO deliverable (org_id, deliverable_id, connection_id, group_key, part, kind, reference, family, lane, date, bundle,"
            " state, because, not_before, created_at) VALUES (%s, %s, %s, %s, %s, 'adopted', %s, %s, 'live', %s, '{}', 'done', %s, %s, %s)",
            (target.org_id, holder, target.connection_id, group_key, part, first.reference.partition("-")[0], family,
             first.date or now.date(), "a life that a restore lost told it and took it back", now, now),
        )  # fmt: skip
        for at, one in enumerate(of_part, 1):
            moves: Counter[str] = Counter()
            for line in one.lines:
                moves[line.account] += line.amount.minor
            told.append(Standing(deliverable_id=holder, step=f"adopted-{at}", document=one.document, moves=dict(moves), currency=one.currency))
    insert_remotes(conn, target.org_id, target.connection_id, told, now)
