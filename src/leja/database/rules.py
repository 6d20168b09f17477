"""The rows of the rules: accounts, mapping versions, recognition, exchange rates, standing costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from leja.books.accounts import Account
from leja.database.engine import Connection
from leja.rates.exchange import ExchangeRate, Rates
from leja.rules.mapping import AccountMapping, Conditions, Rule, Version
from leja.rules.recognition import Recognition

BOOKS = "books"


class StoredRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of any scope as it is stored: ``books``, or the id of a target's connection."""

    version: int
    effective_from: date
    scope: str
    kind: str
    key: str
    value: str | None
    conditions: Conditions = Conditions()


def add_accounts(conn: Connection, org_id: UUID, accounts: Iterable[Account]) -> None:
    """Add accounts to the chart; those that are there stay as they are."""
    rows = [(org_id, account.code, account.name, account.kind) for account in accounts]
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO account (org_id, code, name, kind) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", rows
        )


def accounts(conn: Connection, org_id: UUID) -> dict[str, Account]:
    """The chart of accounts by code."""
    rows = conn.execute("SELECT code, name, kind FROM account WHERE org_id = %s ORDER BY code", (org_id,)).fetchall()
    return {str(row[0]): Account(code=str(row[0]), name=str(row[1]), kind=str(row[2])) for row in rows}  # type: ignore[arg-type]


def add_version(
    conn: Connection,
    org_id: UUID,
    rules: Sequence[tuple[str, Rule]],
    *,
    effective_from: date,
    reason: str,
    by: str,
    now: datetime,
) -> int:
    """Store a new mapping version of (scope, rule) pairs and give its number; the caller chains it."""
    conn.execute("SELECT 1 FROM org WHERE org_id = %s FOR UPDATE", (org_id,))
    row = conn.execute("SELECT coalesce(max(version), 0) + 1 FROM mapping_version WHERE org_id = %s", (org_id,)).fetchone()
    version = int(str(row[0])) if row else 1
    conn.execute(
        "INSERT INTO mapping_version (org_id, version, effective_from, reason, made_by, recorded_at) VALUES (%s, %s, %s, %s, %s, %s)",
        (org_id, version, effective_from, reason, by, now),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO mapping_rule (org_id, version, scope, kind, key, conditions, value, ordinal)"
            " VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s)",
            [
                (org_id, version, scope, rule.kind, rule.key, _conditions_text(rule.conditions), rule.value, ordinal)
                for ordinal, (scope, rule) in enumerate(rules, 1)
            ],
        )
    return version


def stored_rules(conn: Connection, org_id: UUID, scope: str) -> list[StoredRule]:
    """Every rule of a scope, oldest version first."""
    rows = conn.execute(
        "SELECT v.version, v.effective_from, r.scope, r.kind, r.key, r.value, r.conditions FROM mapping_rule r"
        " JOIN mapping_version v ON v.org_id = r.org_id AND v.version = r.version"
        " WHERE r.org_id = %s AND r.scope = %s ORDER BY v.version, r.ordinal",
        (org_id, scope),
    ).fetchall()
    return [
        StoredRule(version=row[0], effective_from=row[1], scope=str(row[2]), kind=str(row[3]), key=str(row[4]),  # type: ignore[arg-type]
                   value=row[5], conditions=msgspec.convert(row[6], Conditions))  # type: ignore[arg-type]
        for row in rows
    ]


def books_mapping(conn: Connection, org_id: UUID) -> AccountMapping:
    """How roles stand on our own accounts, in all versions."""
    by_version: dict[tuple[int, date], list[Rule]] = defaultdict(list)
    for rule in stored_rules(conn, org_id, BOOKS):
        kept = Rule(key=rule.key, value=rule.value, kind=rule.kind, conditions=rule.conditions)  # type: ignore[arg-type]
        by_version[(rule.version, rule.effective_from)].append(kept)
    return AccountMapping(
        [Version(version=v, effective_from=day, rules=tuple(rules)) for (v, day), rules in sorted(by_version.items())]
    )


def recognition(conn: Connection, org_id: UUID) -> tuple[Recognition, ...]:
    """When revenue of each channel is recognised, oldest decision first."""
    rows = conn.execute(
        "SELECT moment, effective_from, channel FROM recognition WHERE org_id = %s ORDER BY recorded_at", (org_id,)
    ).fetchall()
    return tuple(Recognition(moment=row[0], effective_from=row[1], channel=str(row[2])) for row in rows)  # type: ignore[arg-type]


def set_recognition(conn: Connection, org_id: UUID, channel: str, moment: str, effective_from: date, now: datetime) -> None:
    """Decide when revenue of a channel ('' is every channel) is recognised, from a day on."""
    conn.execute(
        "INSERT INTO recognition (org_id, channel, moment, effective_from, recorded_at) VALUES (%s, %s, %s, %s, %s)",
        (org_id, channel, moment, effective_from, now),
    )


def set_posting_mode(
    conn: Connection, org_id: UUID, connection_id: UUID, mode: str, effective_from: date, now: datetime, *, channel: str = "",
    customer_kind: str = "",
) -> None:
    """Decide how finely a target is told, per channel and kind of customer, from a day on."""
    conn.execute(
        "INSERT INTO posting_mode (org_id, connection_id, channel, customer_kind, mode, effective_from, recorded_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (org_id, connection_id, channel, customer_kind, mode, effective_from, now),
    )


def rates(conn: Connection, org_id: UUID, currencies: Iterable[str]) -> Rates:
    """The exchange rates of some currencies, for every purpose."""
    wanted = sorted(set(currencies))
    if not wanted:
        return Rates()
    rows = conn.execute(
        "SELECT currency, day, rate, source, purpose FROM exchange_rate WHERE org_id = %s AND currency = ANY(%s) ORDER BY recorded_at",
        (org_id, wanted),
    ).fetchall()
    return Rates(ExchangeRate(currency=r[0], day=r[1], rate=r[2], source=r[3], purpose=r[4]) for r in rows)  # type: ignore[arg-type]


def add_rate(
    conn: Connection, org_id: UUID, currency: str, day: date, purpose: str, rate: Decimal, source: str, now: datetime
) -> None:
    """Record an exchange rate: base currency for one unit of ``currency``."""
    conn.execute(
        "INSERT INTO exchange_rate (org_id, currency, day, purpose, rate, source, recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (org_id, currency, day, purpose, rate, source, now),
    )


def standing_costs(conn: Connection, org_id: UUID, skus: Iterable[str]) -> dict[str, tuple[tuple[date, Decimal], ...]]:
    """Standing cost of one unit by SKU in the base currency, each with the day from which it holds, oldest first."""
    wanted = sorted(set(skus) - {""})
    found: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    if wanted:
        for sku, day, cost in conn.execute(
            "SELECT sku, effective_from, cost FROM item_cost WHERE org_id = %s AND sku = ANY(%s) ORDER BY effective_from, recorded_at",
            (org_id, wanted),
        ):
            found[str(sku)].append((day, cost))  # type: ignore[arg-type]
    return {sku: tuple(costs) for sku, costs in found.items()}


def _conditions_text(conditions: Conditions) -> str:
    given = {name: value for name, value in msgspec.structs.asdict(conditions).items() if value}
    return msgspec.json.encode(given).decode()
