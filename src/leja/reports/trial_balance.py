"""The trial balance at any day: whole months and the days of the last one, however many entries there are."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec

from leja.database.engine import Connection


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """An account in one currency, in minor units: turnover, balance (debit positive), and that in base."""

    account: str
    name: str
    kind: str
    currency: str
    debit: int
    credit: int
    amount: int
    base: int


def trial_balance(conn: Connection, org_id: UUID, at: date | None = None) -> list[Balance]:
    """The balances at the end of the day ``at``; without it, of all that was posted. Accounts by code."""
    rows = conn.execute(
        "SELECT account, a.name, a.kind, currency, sum(debit), sum(credit), sum(base) FROM ("
        "  SELECT account, currency, debit, credit, base FROM balance_month"
        "  WHERE org_id = %(org)s AND (%(first)s::date IS NULL OR month < %(first)s)"
        "  UNION ALL SELECT account, currency, debit, credit, base FROM balance_day"
        "  WHERE org_id = %(org)s AND day >= %(first)s AND day <= %(at)s) AS sums"
        " JOIN account a ON a.org_id = %(org)s AND a.code = account GROUP BY 1, 2, 3, 4"
        ' ORDER BY account COLLATE "C", currency',
        {"org": org_id, "at": at, "first": at.replace(day=1) if at else None},
    ).fetchall()
    return [
        Balance(
            account=str(account),
            name=str(name),
            kind=str(kind),
            currency=str(currency),
            debit=_whole(debit),
            credit=_whole(credit),
            amount=_whole(debit) - _whole(credit),
            base=_whole(base),
        )
        for account, name, kind, currency, debit, credit, base in rows
    ]


def _whole(number: object) -> int:
    return int(str(number))
