"""Which of our accounts and tax codes stand on lines, which roles lead to an account, at which rate a tax was charged."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from uuid import UUID

from leja.books.accounts import Account
from leja.database.engine import Connection
from leja.database.rules import BOOKS, accounts, stored_rules


def accounts_in_use(conn: Connection, org_id: UUID) -> list[str]:
    """The accounts that anything was ever posted on, by code."""
    rows = conn.execute(
        'SELECT DISTINCT account COLLATE "C" FROM balance_month WHERE org_id = %s ORDER BY 1', (org_id,)
    ).fetchall()
    return [str(row[0]) for row in rows]


def tax_rates(conn: Connection, org_id: UUID) -> dict[str, Decimal | None]:
    """The tax codes on our lines, each with the percentage that documents state for it; None where none does."""
    used = conn.execute(
        "SELECT DISTINCT tax_code FROM balance_month WHERE org_id = %s AND tax_code <> '' ORDER BY 1", (org_id,)
    ).fetchall()
    found: dict[str, Decimal | None] = {}
    for (code,) in used:
        # A line with several taxes bears their names joined; its percentage is their sum.
        parts = [str(code)] if _stated(conn, org_id, str(code)) is not None else str(code).split("+")
        rates = [_stated(conn, org_id, part) for part in parts]
        known = [rate for rate in rates if rate is not None]
        found[str(code)] = sum(known, Decimal(0)) if len(known) == len(rates) else None
    return found


def _stated(conn: Connection, org_id: UUID, code: str) -> Decimal | None:
    row = conn.execute(
        "SELECT t->>'rate' FROM (SELECT facts FROM document_revision WHERE org_id = %s AND position(%s in facts) > 0"
        " ORDER BY recorded_at DESC LIMIT 50) f,"
        " jsonb_path_query(f.facts::jsonb, '$.**.taxes[*]') t WHERE t->>'code' = %s AND t->>'rate' IS NOT NULL LIMIT 1",
        (org_id, code, code),
    ).fetchone()
    return Decimal(str(row[0])) if row else None


def roles_of(conn: Connection, org_id: UUID) -> dict[str, tuple[str, ...]]:
    """For each account the roles that were ever put on it."""
    found: dict[str, list[str]] = defaultdict(list)
    for rule in stored_rules(conn, org_id, BOOKS):
        if rule.kind == "role" and rule.value is not None and rule.key not in found[rule.value]:
            found[rule.value].append(rule.key)
    return {code: tuple(roles) for code, roles in found.items()}


def chart(conn: Connection, org_id: UUID) -> list[tuple[Account, tuple[str, ...], bool]]:
    """Our chart of accounts: each account, its roles, and whether anything stands on it."""
    roles, used = roles_of(conn, org_id), set(accounts_in_use(conn, org_id))
    return [(account, roles.get(code, ()), code in used) for code, account in accounts(conn, org_id).items()]


def modes_and_moments(
    conn: Connection, org_id: UUID
) -> tuple[list[tuple[str, str, str, str, date]], list[tuple[str, str, date]]]:
    """How targets are told (target, channel, customers, mode, from when), and when revenue counts (channel, moment, from)."""
    modes = conn.execute(
        "SELECT c.name, m.channel, m.customer_kind, m.mode, m.effective_from FROM posting_mode m JOIN connection c"
        " USING (org_id, connection_id) WHERE m.org_id = %s ORDER BY m.recorded_at",
        (org_id,),
    ).fetchall()
    moments = conn.execute(
        "SELECT channel, moment, effective_from FROM recognition WHERE org_id = %s ORDER BY recorded_at", (org_id,)
    ).fetchall()
    return [(str(a), str(b), str(c), str(d), e) for a, b, c, d, e in modes], [
        (str(a), str(b), c) for a, b, c in moments
    ]
