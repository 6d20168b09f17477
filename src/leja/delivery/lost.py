"""Documents at a target that bear our mark and that nothing in these books leads to: they were told before a restore.

What the restored database meets again is adopted when it is told (``plan``). What it never meets again, for at its source it is
no more what it was, would stand there unknown for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime

from leja.core.ids import uuid7
from leja.database.engine import Connection
from leja.delivery import groups
from leja.delivery.adopt import orphans
from leja.delivery.attempt import insert_deliverables
from leja.delivery.bundle import Bucket, GroupFacts
from leja.delivery.plan import Orphan, Planned
from leja.delivery.target import Target


def settle_lost(conn: Connection, target: Target, now: datetime) -> list[Orphan]:
    """Adopt those that undo each other, account by account and day by day; the others are for people, and returned."""
    found = orphans(conn, target.org_id, target.connection_id)
    left: list[Orphan] = []
    for mark in found.keys() - _still_due(conn, target, found.keys()):
        if any(_sums(found[mark]).values()):
            left += found[mark]
        else:
            insert_deliverables(
                conn, target.org_id, target.connection_id, [(uuid7(now), _of_nothing(conn, target, mark, found[mark], now))], now)
    return sorted(left, key=lambda one: one.document.reference)


def _still_due(conn: Connection, target: Target, marks: Collection[str]) -> set[str]:
    """Marks of groups that will be told: planning adopts what stands there of them."""
    if not marks:
        return set()
    keys = [str(row[0]) for row in conn.execute(
        "SELECT DISTINCT group_key FROM outbox WHERE org_id = %s AND connection_id = %s", (target.org_id, target.connection_id))]
    return {facts.mark for facts in groups.group_facts(conn, target.org_id, target.connection_id, keys).values()} & set(marks)


def _sums(those: Sequence[Orphan]) -> Counter[tuple[str, date | None, str]]:
    sums: Counter[tuple[str, date | None, str]] = Counter()
    for one in those:
        for line in one.lines:
            sums[line.account, one.document.date, line.amount.currency] += line.amount.minor
    return sums


def _of_nothing(conn: Connection, target: Target, mark: str, those: Sequence[Orphan], now: datetime) -> Planned:
    """Documents that are known from now on, of their group where it has others, with no entry behind them."""
    row = conn.execute(
        "SELECT group_key, family FROM deliverable WHERE org_id = %s AND connection_id = %s AND reference > %s AND reference < %s LIMIT 1",
        (target.org_id, target.connection_id, mark, f"{mark}a"),
    ).fetchone()
    group_key, family = row or (f"lost/{mark}", f"lost/{mark}")
    first = those[0]
    day, currency = first.document.date or now.date(), currency_of(first)
    return Planned(
        facts=GroupFacts(group_key=str(group_key), mark=mark, kind="journal", currency=currency), family=str(family), lane="live",
        part=first.part, reference=first.document.reference.partition("-")[0],
        bucket=Bucket(posting_date=day, currency=currency, members=(), lines=()), bundle=None, in_base=False, adopts=tuple(those),
    )  # fmt: skip


def currency_of(one: Orphan) -> str:
    """The currency of a document over there; "" where neither its total nor a line says one."""
    if one.document.total is not None:
        return one.document.total.currency
    return one.lines[0].amount.currency if one.lines else ""
