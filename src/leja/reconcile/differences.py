"""Where books, what was told and what stands there differ: each with account, day, amounts and cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from leja.core.ids import uuid7
from leja.database.engine import Connection

RESIDUAL = "the target's own rounding, listed with its documents"


class Cell(NamedTuple):
    """One remote account on one day in one currency."""

    account: str
    day: date
    currency: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """``ours`` against ``theirs`` in minor units, debit positive. ``known``: its cause is understood and stays."""

    kind: str
    account: str
    day: date
    currency: str
    ours: int
    theirs: int
    known: bool
    cause: str


def compare(
    books: Mapping[Cell, int], told: Mapping[Cell, int], theirs: Mapping[Cell, int],
    residuals: Mapping[tuple[date, str], int],
) -> list[Difference]:
    """Every cell in which the three do not say the same."""
    found: list[Difference] = []
    for cell in sorted(books.keys() | told.keys() | theirs.keys()):
        ours, said, stands = books.get(cell, 0), told.get(cell, 0), theirs.get(cell, 0)
        if ours != said:
            known = abs(ours - said) <= residuals.get((cell.day, cell.currency), 0)
            found.append(Difference(
                kind="residual" if known else "told", account=cell.account, day=cell.day, currency=cell.currency,
                ours=ours,
                theirs=said, known=known,
                cause=RESIDUAL if known else "what was told is not what our books say",
            ))
        if said != stands:
            found.append(Difference(
                kind="amount" if stands else "missing", account=cell.account, day=cell.day, currency=cell.currency,
                ours=said,
                theirs=stands, known=False,
                cause="what stands there is not what was told: edited, voided, deleted or doubled",
            ))
    return found


def keep_differences(
    conn: Connection, org_id: UUID, connection_id: UUID, found: Sequence[Difference], now: datetime
) -> None:
    """Write the differences of an agreement; what an earlier one found and this one does not is settled."""
    conn.execute(
        "UPDATE difference SET settled_at = %s WHERE org_id = %s AND connection_id = %s AND settled_at IS NULL"
        " AND kind IN ('told', 'amount', 'missing', 'residual') AND reference = ''",
        (now, org_id, connection_id),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO difference (org_id, difference_id, connection_id, kind, account, day, ours, theirs,"
            " currency, known,"
            " cause, found_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (org_id, uuid7(now), connection_id, d.kind, d.account, d.day, d.ours, d.theirs, d.currency, d.known,
                d.cause, now)
                for d in found
            ],
        )
