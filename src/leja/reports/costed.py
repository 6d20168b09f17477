"""A line as postings with a cost, so that the plain-text accounting programs arrive at our base amounts exactly."""

from __future__ import annotations

from uuid import UUID

from leja.books.entry import EntryLine
from leja.core.money import format_minor
from leja.database.engine import Connection


def base_currency(conn: Connection, org_id: UUID) -> str:
    """The organisation's base currency."""
    row = conn.execute("SELECT base_currency FROM org WHERE org_id = %s", (org_id,)).fetchone()
    return str(row[0]) if row else ""


def costed(line: EntryLine, base: str) -> list[str]:
    """The amounts of a line: one, "-12.50 USD @@ 9.80 GBP"; two where amount and base have different signs."""
    if line.currency == base and line.amount == line.base:
        return [f"{format_minor(line.amount, base)} {base}"]
    if line.amount == 0:
        return [f"{format_minor(line.base, base)} {base}"]
    own = f"{format_minor(line.amount, line.currency)} {line.currency}"
    if line.currency != base and line.amount * line.base > 0:
        return [f"{own} @@ {format_minor(abs(line.base), base)} {base}"]
    if line.currency == base:
        return [f"{format_minor(line.base, base)} {base}"]
    # Written with a cost of nothing and its base beside it.
    free = f"{own} @@ {format_minor(0, base)} {base}"
    return [free, f"{format_minor(line.base, base)} {base}"] if line.base else [free]
