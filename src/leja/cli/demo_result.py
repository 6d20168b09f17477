"""What the demo came to: sales, refunds and fees by our documents, the trial balance, and the agreement of three places."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import msgspec

from leja.cli.demo_stage import Stage
from leja.cli.speaking import out, table
from leja.core.money import format_minor
from leja.database.engine import Connection as Conn
from leja.documents.document import from_facts
from leja.documents.fee import Fee
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.reconcile.agreement import Agreement, agreement
from leja.reconcile.read_back import read_back

SINCE, UNTIL = date(2000, 1, 1), date(2100, 1, 1)


class Tally(msgspec.Struct, kw_only=True):
    """How many, and their sums by currency in minor units."""

    count: int = 0
    sums: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, minor: int, currency: str) -> None:
        """One more."""
        self.count += 1
        self.sums[currency] = self.sums.get(currency, 0) + minor


class TargetResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a target holds of ours, and whether it agrees."""

    documents: dict[str, int]
    trial_balance: dict[str, dict[str, int]]
    agreement: Agreement


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is printed."""

    sales: Tally
    refunds: Tally
    fees: Tally
    held: Tally
    trial_balance: dict[str, dict[str, int]]
    names: dict[str, str]
    targets: dict[str, TargetResult]

    @property
    def agree(self) -> bool:
        """Whether books and targets agree, and nothing is held."""
        return not self.held.count and all(target.agreement.agree for target in self.targets.values())


async def gather(stage: Stage) -> Result:
    """Read the targets back and compare."""
    house, org_id = stage.house, stage.org.org_id
    targets: dict[str, TargetResult] = {}
    for target in stage.targets:
        opened = house.target(target)
        await read_back(house.database, org_id, target.connection_id, opened.verbs, opened.session, now=house.clock(), since=SINCE, until=UNTIL)
        balances = await opened.verbs.balances(opened.session, SINCE, UNTIL)
        with house.database.transaction() as conn:
            compared = agreement(conn, org_id, target.connection_id, SINCE, UNTIL, balances)
            targets[target.name] = TargetResult(
                documents=_documents(conn, org_id, target.connection_id), agreement=compared,
                trial_balance={account: dict(sums) for account, sums in sorted(compared.balances.items())})
    with house.database.transaction() as conn:
        sales, refunds, fees = _tallies(conn, org_id)
        return Result(sales=sales, refunds=refunds, fees=fees, held=_held(conn, org_id), targets=targets,
                      trial_balance=_trial_balance(conn, org_id), names=_names(conn, org_id))


def _tallies(conn: Conn, org_id: object) -> tuple[Tally, Tally, Tally]:
    sales, refunds, fees = Tally(), Tally(), Tally()
    for (facts,) in conn.execute(
        "SELECT DISTINCT ON (document_id) facts FROM document_revision WHERE org_id = %s ORDER BY document_id, revision DESC", (org_id,)
    ):
        document = from_facts(str(facts).encode())
        if document.header.withdrawn or document.header.test:
            continue
        if isinstance(document, Sale):
            sales.add(document.total.minor, document.total.currency)
        elif isinstance(document, Refund):
            refunds.add(-document.total.minor, document.total.currency)
        elif isinstance(document, Fee):
            fees.add(-document.amount.minor, document.amount.currency)
    return sales, refunds, fees


def _held(conn: Conn, org_id: object) -> Tally:
    row = conn.execute(
        "SELECT (SELECT count(*) FROM event_state WHERE org_id = %s AND state IN ('new', 'waiting', 'parked'))"
        " + (SELECT count(*) FROM review_item WHERE org_id = %s AND settled_at IS NULL AND subject NOT LIKE 'event/%%')"
        " + (SELECT count(DISTINCT (connection_id, group_key)) FROM outbox WHERE org_id = %s)", (org_id, org_id, org_id)
    ).fetchone()
    return Tally(count=int(row[0]) if row else 0)


def _trial_balance(conn: Conn, org_id: object) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for account, currency, amount in conn.execute(
        "SELECT account, currency, sum(debit - credit)::bigint FROM balance_month WHERE org_id = %s GROUP BY account, currency"
        " HAVING sum(debit - credit) <> 0 ORDER BY account, currency", (org_id,)
    ):
        found[account][currency] = amount
    return dict(found)


def _names(conn: Conn, org_id: object) -> dict[str, str]:
    return {str(code): str(name) for code, name in conn.execute("SELECT code, name FROM account WHERE org_id = %s", (org_id,))}


def _documents(conn: Conn, org_id: object, connection_id: object) -> dict[str, int]:
    return {str(kind): int(count) for kind, count in conn.execute(
        "SELECT kind, count(*) FROM remote_document WHERE org_id = %s AND connection_id = %s GROUP BY kind ORDER BY kind", (org_id, connection_id))}


def as_json(found: Result) -> dict[str, Any]:
    """The object that ``--json`` prints; amounts in minor units, debit positive."""
    return {
        **{name: msgspec.to_builtins(getattr(found, name)) for name in ("sales", "refunds", "fees", "held")},
        "trial_balance": found.trial_balance,
        "targets": {name: {"documents": target.documents, "trial_balance": target.trial_balance} for name, target in found.targets.items()},
        "agree": True if found.agree else _differences(found),
    }


def _differences(found: Result) -> list[dict[str, Any]]:
    listed = [
        {"connection": name, **msgspec.to_builtins(difference)}
        for name, target in found.targets.items() for difference in target.agreement.differences if not difference.known
    ]
    listed += [{"connection": name, "untold": target.agreement.untold} for name, target in found.targets.items() if target.agreement.untold]
    return listed + ([{"held": found.held.count}] if found.held.count else [])


def show(found: Result) -> None:
    """The figures for people."""
    table("Trial balance", ("account", "name", "debit", "credit"), _balance_rows(found), right=("debit", "credit"))
    for name, target in found.targets.items():
        told = ", ".join(f"{count} {kind}" for kind, count in target.documents.items())
        compared = target.agreement
        verdict = "agrees" if compared.agree else f"differs in {sum(not d.known for d in compared.differences)} places"
        out().print(f"{name:<12} {verdict}: {compared.cells} accounts and days compared. Told: {told}")
    rows = [(words, tally.count, _sums(tally)) for words, tally in (("sales", found.sales), ("refunds", found.refunds), ("fees", found.fees), ("held", found.held))]
    table("Documents", ("", "count", "sum"), rows, right=("count", "sum"))
    for difference in _differences(found):
        out().print(difference)


def _balance_rows(found: Result) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for account, sums in found.trial_balance.items():
        for currency, minor in sums.items():
            shown = _amount(abs(minor), currency)
            rows.append((account, found.names.get(account, ""), shown if minor > 0 else "", shown if minor < 0 else ""))
    return rows


def _sums(tally: Tally) -> str:
    return ", ".join(_amount(minor, currency) for currency, minor in tally.sums.items())


def _amount(minor: int, currency: str) -> str:
    """An amount as people read it, thousands parted."""
    whole, point, fraction = format_minor(abs(minor), currency).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{fraction} {currency}"
