"""Balances per account, dimension and day, rolled up by month, kept in the transaction of the entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec

from leja.database.engine import Connection

Movement = tuple[date, str, str, str, str, str]  # day, account, currency, location, channel, tax code

# The sums come as one JSON text: dearer to read for the server than arrays, far cheaper to write for us. Rows go in key
# order, so that two writers of one row wait for each other and never for ever.
_INTO = """
INSERT INTO balance_{grain} AS held
    (org_id, {grain}, account, currency, location, channel, tax_code, debit, credit, base, lines)
{rows}
ON CONFLICT (org_id, {grain}, account, currency, location, channel, tax_code) DO UPDATE SET
    debit = held.debit + EXCLUDED.debit, credit = held.credit + EXCLUDED.credit, base = held.base + EXCLUDED.base,
    lines = held.lines + EXCLUDED.lines
"""
_MONTHS = """SELECT %(org)s::uuid, date_trunc('month', day::timestamp)::date, account, currency, location, channel, tax_code,
    sum(debit), sum(credit), sum(base), sum(lines) FROM added GROUP BY 2, 3, 4, 5, 6, 7 ORDER BY 2, 3, 4, 5, 6, 7"""
_ADD = f"""
WITH added AS MATERIALIZED (
    SELECT (a->>0)::date AS day, a->>1 AS account, a->>2 AS currency, a->>3 AS location, a->>4 AS channel, a->>5 AS tax_code,
        (a->>6)::numeric AS debit, (a->>7)::numeric AS credit, (a->>8)::numeric AS base, (a->>9)::bigint AS lines
    FROM json_array_elements(%(sums)s::json) AS a),
days AS ({_INTO.format(grain="day", rows="SELECT %(org)s::uuid, added.* FROM added")})
{_INTO.format(grain="month", rows=_MONTHS)}
""".encode()


def add_to_balances(conn: Connection, org_id: UUID, movements: Mapping[Movement, Sequence[int]]) -> None:
    """Add a batch's sums (debit, credit, base, lines) to the balances of days and months, in one statement."""
    sums = msgspec.json.encode([(*key, *movements[key]) for key in sorted(movements)])
    conn.execute(_ADD, {"org": org_id, "sums": sums.decode()})
