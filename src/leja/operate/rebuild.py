"""Checks of what must always hold, and the rebuild of derived tables from the lines, compared figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import msgspec

from leja.database.engine import Connection
from leja.database.ledger import Ledger

NAMED_MAX: Final = 100


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not hold: which check, about what, and a plain sentence."""

    check: str
    subject: str
    sentence: str


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """How many balances were compared, how many differ, the first of them by name, and whether they were mended."""

    compared: int
    different: int
    faults: tuple[Fault, ...]
    repaired: bool


def check(conn: Connection, org_id: UUID) -> list[Fault]:
    """The quick checks: numbers, sums, and that each target is told of each entry once. Empty is good."""
    return [*_numbers(conn, org_id), *_totals(conn, org_id), *_told_once(conn, org_id)]


def rebuild(conn: Connection, org_id: UUID, *, repair: bool = False) -> Rebuilt:
    """Sum all lines up again and compare; with ``repair``, the balances are written anew from the lines."""
    Ledger.open(conn, org_id)  # nobody posts while this looks
    compared, different, faults = 0, 0, []
    for grain, column in (("day", "day"), ("month", "month")):
        rows = conn.execute(
            _COMPARE.format(grain=grain, column=column, truth=_truth(grain)).encode(),
            {"org": org_id, "limit": NAMED_MAX},
        ).fetchall()
        for subject, held, due, total, off in rows:
            compared, different = compared + int(str(total or 0)), different + int(str(off or 0))
            if subject is not None:
                faults.append(
                    Fault(
                        check=f"balance-{grain}",
                        subject=str(subject),
                        sentence=f"the balance of {subject} is {held}, its lines say {due}",
                    )
                )
        if repair and different:
            _write_anew(conn, org_id, grain, column)
    return Rebuilt(
        compared=compared, different=different, faults=tuple(faults[:NAMED_MAX]), repaired=repair and different > 0
    )


def _truth(grain: str) -> str:
    day = "e.posting_date" if grain == "day" else "date_trunc('month', e.posting_date::timestamp)::date"
    return (
        f"SELECT {day} AS {grain}, l.account, l.currency, l.location, l.channel, l.tax_code,"
        " coalesce(sum(l.amount) FILTER (WHERE l.amount > 0), 0) AS debit,"
        " coalesce(-sum(l.amount) FILTER (WHERE l.amount < 0), 0) AS credit, sum(l.base) AS base, count(*) AS lines"
        " FROM line l JOIN entry e ON e.org_id = l.org_id AND e.number = l.entry_number"
        " WHERE l.org_id = %(org)s GROUP BY 1, 2, 3, 4, 5, 6"
    )


# One row with the counts, then one for each of the first differences.
_COMPARE: Final = """
WITH due AS ({truth}), held AS (SELECT * FROM balance_{grain} WHERE org_id = %(org)s),
both_sides AS (
    SELECT {column}, account, currency, location, channel, tax_code,
           (held.debit, held.credit, held.base, held.lines)::text AS held,
           (due.debit, due.credit, due.base, due.lines)::text AS due,
           (held.debit, held.credit, held.base, held.lines) IS DISTINCT FROM
               (due.debit, due.credit, due.base, due.lines) AS off
    FROM due FULL JOIN held USING ({column}, account, currency, location, channel, tax_code))
SELECT NULL, NULL, NULL, count(*), count(*) FILTER (WHERE off) FROM both_sides
UNION ALL
(SELECT concat_ws(' ', {column}, account, currency, nullif(location, ''), nullif(channel, ''), nullif(tax_code, '')),
        held, due, 0, 0
 FROM both_sides WHERE off ORDER BY 1 LIMIT %(limit)s)
"""


def _write_anew(conn: Connection, org_id: UUID, grain: str, column: str) -> None:
    conn.execute(f"DELETE FROM balance_{grain} WHERE org_id = %s".encode(), (org_id,))
    conn.execute(
        f"INSERT INTO balance_{grain} (org_id, {column}, account, currency, location, channel, tax_code, debit, credit,"
        f" base, lines) SELECT %(org)s, due.* FROM ({_truth(grain)}) AS due".encode(),
        {"org": org_id},
    )


def _numbers(conn: Connection, org_id: UUID) -> Iterator[Fault]:
    row = conn.execute(
        "SELECT count(*), coalesce(min(number), 1), coalesce(max(number), 0),"
        " coalesce((SELECT entry_number FROM head WHERE org_id = %(org)s), 0) FROM entry WHERE org_id = %(org)s",
        {"org": org_id},
    ).fetchone()
    count, first, last, head = row or (0, 1, 0, 0)
    if (count, first) != (last, 1) or last != head:
        yield Fault(
            check="numbers",
            subject="entry",
            sentence=f"{count} entries are numbered {first} to {last}, and {head} numbers were given",
        )


def _totals(conn: Connection, org_id: UUID) -> Iterator[Fault]:
    sums = "coalesce(sum(debit), 0), coalesce(sum(credit), 0), coalesce(sum(base), 0), coalesce(sum(lines), 0)"
    by_line = (
        "coalesce(sum(amount) FILTER (WHERE amount > 0), 0), coalesce(-sum(amount) FILTER (WHERE amount < 0), 0),"
        " coalesce(sum(base), 0), count(*)"
    )
    found = {
        name: conn.execute(f"SELECT {columns} FROM {table} WHERE org_id = %s".encode(), (org_id,)).fetchone()
        for name, table, columns in (
            ("lines", "line", by_line),
            ("days", "balance_day", sums),
            ("months", "balance_month", sums),
        )
    }
    truth = found["lines"]
    if truth and truth[2] != 0:
        yield Fault(check="balanced", subject="line", sentence=f"all lines together are out of balance by {truth[2]}")
    for name in ("days", "months"):
        if found[name] != truth:
            yield Fault(
                check="balances",
                subject=name,
                sentence=(f"the balances by {name} sum up to {_said(found[name])}, the lines to {_said(truth)}"),
            )


def _said(sums: tuple[object, ...] | None) -> str:
    return "debit {}, credit {}, base {} in {} lines".format(*(sums or (0, 0, 0, 0)))


def _told_once(conn: Connection, org_id: UUID) -> Iterator[Fault]:
    rows = conn.execute(
        "SELECT c.name, e.number, o.entry_number IS NOT NULL FROM connection c"
        " JOIN entry e ON e.org_id = c.org_id AND e.posting_date >= c.start_date AND e.business_day >= c.start_date"
        " AND e.recorded_at >= c.created_at"
        " LEFT JOIN outbox o ON o.org_id = c.org_id AND o.connection_id = c.connection_id AND o.entry_number = e.number"
        " LEFT JOIN deliverable_member m ON m.org_id = c.org_id AND m.connection_id = c.connection_id"
        " AND m.entry_number = e.number"
        " WHERE c.org_id = %s AND c.duty = 'accounting' AND c.removed_at IS NULL"
        " AND (o.entry_number IS NULL) = (m.entry_number IS NULL) ORDER BY 1, 2 LIMIT %s",
        (org_id, NAMED_MAX),
    ).fetchall()
    for target, number, queued in rows:
        how = "is queued for it and was told already" if queued else "is neither queued for it nor was it told"
        yield Fault(check="told-once", subject=f"{target}/{number}", sentence=f"{target}: entry {number} {how}")
