"""Balances per account, dimension and day, rolled up by month, kept in the transaction of the entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from leja.database.engine import Connection

Movement = tuple[date, str, str, str, str, str]  # day, account, currency, location, channel, tax code

_ADD = """
INSERT INTO balance_{grain} AS held
    (org_id, {column}, account, currency, location, channel, tax_code, debit, credit, base, lines)
SELECT %s, added.* FROM unnest(%s::date[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::numeric[], %s::numeric[], %s::numeric[], %s::bigint[]) AS added
ON CONFLICT (org_id, {column}, account, currency, location, channel, tax_code) DO UPDATE SET
    debit = held.debit + EXCLUDED.debit, credit = held.credit + EXCLUDED.credit, base = held.base + EXCLUDED.base,
    lines = held.lines + EXCLUDED.lines
"""
_ADD_DAY = _ADD.format(grain="day", column="day").encode()
_ADD_MONTH = _ADD.format(grain="month", column="month").encode()


def add_to_balances(conn: Connection, org_id: UUID, movements: Mapping[Movement, Sequence[int]]) -> None:
    """Add a batch's sums (debit, credit, base, lines) to the balances, one statement per table."""
    months: dict[Movement, list[int]] = {}
    for (day, *rest), sums in movements.items():
        held = months.setdefault((day.replace(day=1), *rest), [0, 0, 0, 0])  # type: ignore[arg-type]
        for at, amount in enumerate(sums):
            held[at] += amount
    conn.execute(_ADD_DAY, (org_id, *_columns(movements)))
    conn.execute(_ADD_MONTH, (org_id, *_columns(months)))


def _columns(movements: Mapping[Movement, Sequence[int]]) -> list[list[object]]:
    rows = [(*key, *movements[key]) for key in sorted(movements)]
    return [list(column) for column in zip(*rows, strict=True)]
