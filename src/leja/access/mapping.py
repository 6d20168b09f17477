"""Decisions on accounts: a new mapping version, chained, with the names of what it releases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from leja.books import chain
from leja.core.errors import Refused
from leja.database import rules
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.rules.mapping import Rule
from leja.rules.roles import default_account_for

ALWAYS = date(1970, 1, 1)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One rule and its scope: "books", or a target's connection id. ``kind``: role, account, tax_code, item, customer."""

    scope: str
    kind: str
    key: str
    value: str | None


def decide(
    conn: Connection, org_id: UUID, decisions: Sequence[Decision], *, by: str, reason: str, now: datetime,
    effective_from: date = ALWAYS,
) -> tuple[int, tuple[str, ...]]:
    """Store a mapping version and chain it; gives its number and what it releases. Raises Refused ``mapping-account-unknown``."""
    ledger = Ledger.open(conn, org_id)
    chart = rules.accounts(conn, org_id)
    for decision in decisions:
        if decision.scope == rules.BOOKS and decision.kind == "role" and decision.value not in (None, *chart):
            raise Refused("mapping-account-unknown", f"there is no account {decision.value!r} in the books",
                          remedy="`leja books accounts` lists them.")
    pairs = [(d.scope, Rule(key=d.key, value=d.value, kind=d.kind)) for d in decisions]  # type: ignore[arg-type]
    version = rules.add_version(conn, org_id, pairs, effective_from=effective_from, reason=reason, by=by, now=now)
    kept: list[tuple[int, str, str, str, dict[str, object], str | None]] = [
        (ordinal, d.scope, d.kind, d.key, {}, d.value) for ordinal, d in enumerate(decisions, 1)
    ]
    ledger.note("mapping", str(version), chain.mapping_digest(org_id, version, effective_from, reason, by, now, kept))
    ledger.flush(now)
    return version, tuple(dict.fromkeys(_released(decision) for decision in decisions))


def default_role(conn: Connection, org_id: UUID, role: str) -> Decision:
    """The decision to put a role on its default account, which is added to the chart where it is missing."""
    account = default_account_for(role)
    rules.add_accounts(conn, org_id, [account])
    return Decision(scope=rules.BOOKS, kind="role", key=role, value=account.code)


def _released(decision: Decision) -> str:
    return f"role/{decision.key}" if decision.scope == rules.BOOKS else f"{decision.kind}/{decision.scope}/{decision.key}"
