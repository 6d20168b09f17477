"""Against the stand-in, which posts by the vendor's rules: its ledger moves exactly as the bundles say."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest

from leja.connectors.contract import (
    Accepted,
    AlreadyThere,
    Bundle,
    BundleLine,
    Chart,
    Context,
    Found,
    RemoteDocument,
    Session,
)
from leja.connectors.xero import Settings, target
from leja.core.money import Money
from leja.documents.parts import Party
from leja.http.client import Http
from leja_sandbox.server import SandboxServer

T = TypeVar("T")
DAY = date(2026, 5, 3)
KINDS = ("sale", "invoice", "refund", "credit_note", "payment", "payout", "fee", "daily", "journal", "delta")
CHOSEN = ("090", "091", "093", "640", "630", "610", "830", "820", "200", "205", "210", "310", "405", "860")

# What the stand-in refuses to play; the requests themselves are held against the vendor's contract in test_planning.
NOT_PLAYED = {"BankTransfer", "Overpayment"}


class Clock:
    """Time that passes with each call, so that the vendor's limits are kept without waiting."""

    def __init__(self, per_call: float) -> None:
        self.now, self.per_call = datetime(2026, 6, 1, 9, 0, tzinfo=UTC), per_call

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self) -> None:
        self.now += timedelta(seconds=self.per_call)


class There:
    """An organisation at the stand-in, and a session with it."""

    def __init__(self, server: SandboxServer, clock: Clock) -> None:
        self.clock = clock
        self.stand_in = server.stand_in("xero")
        self.url = f"{server.url('xero')}/api.xro/2.0"
        self.granted = self.stand_in.control.call("grant")

    def run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async def authorise(headers: dict[str, str], *, rejected: bool) -> None:
            self.clock.pass_by()
            headers["authorization"] = f"Bearer {self.granted['access_token']}"

        async def go() -> T:
            http = Http(base_url=self.url, authorise=authorise, private_hosts=frozenset({"127.0.0.1"}))
            session = Session(
                http=http,
                settings=Settings(),
                base_url=self.url,
                tenant=self.granted["tenantId"],
                now=self.clock,
                context=Context(settings=None, zone="UTC"),
            )
            try:
                return await work(session)
            finally:
                await http.close()

        return asyncio.run(go())

    def ledger(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = defaultdict(int)
        for row in self.stand_in.control.call("ledger"):
            found[row["account"], str(row["day"])] += row["minor"]
        return {key: minor for key, minor in found.items() if minor}


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    clock = Clock(1.2)
    with SandboxServer(slugs=["xero"], clock=clock) as server:
        yield There(server, clock)


async def tell(session: Session, bundle: Bundle, chart: Chart) -> dict[str, RemoteDocument]:
    """Every step delivered; names that are taken are asked after, as delivery does."""
    accepted: dict[str, RemoteDocument] = {}
    for step in target.steps(bundle, chart):
        draft = target.draft(step, chart, accepted)
        (outcome,) = await target.deliver(session, [draft])
        if isinstance(outcome, AlreadyThere):
            (outcome,) = await target.find(session, [draft])
        assert isinstance(outcome, (Accepted, Found)), (step.kind, outcome, draft.body)
        accepted[step.name] = outcome.document
        (again,) = await target.find(session, [draft])
        assert isinstance(again, Found), (step.kind, again)
    return accepted


def random_bundle(chance: Random, chart: Chart, number: int) -> Bundle:
    kinds = {account.id: account.kind for account in chart.accounts}
    roles = {"820": "output_tax", "630": "inventory", "200": "sales"}
    sums: list[tuple[str, int]] = [
        (chance.choice(CHOSEN), chance.randint(-30_000, 30_000)) for _ in range(chance.randint(1, 6))
    ]
    sums.append((chance.choice(CHOSEN), -sum(minor for _, minor in sums)))
    lines = tuple(
        BundleLine(
            account=account, account_kind=kinds[account], role=roles.get(account, account), amount=Money(minor, "GBP")
        )
        for account, minor in sums
    )
    party = Party(external_id=f"c-{number % 3}", name="Wanjiku") if chance.random() < 0.5 else None
    kind: Any = chance.choice(KINDS)
    return Bundle(
        reference=f"L-AGREE-{number}",
        kind=kind,
        date=DAY + timedelta(days=number % 4),
        currency="GBP",
        lines=lines,
        customer=party,
    )


def said(bundles: list[Bundle]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for bundle in bundles:
        for line in bundle.lines:
            sums[line.account, bundle.date.isoformat()] += line.amount.minor
    return {key: minor for key, minor in sums.items() if minor}


def test_the_ledger_there_moves_per_account_and_day_as_the_bundles_say_and_is_read_back_so(there: There) -> None:
    chart = there.run(target.chart)
    chance = Random(20260503)
    drawn = [random_bundle(chance, chart, number) for number in range(90)]
    bundles = [one for one in drawn if not {step.kind for step in target.steps(one, chart)} & NOT_PLAYED]
    assert len(bundles) > 60

    async def all_of_them(session: Session) -> list[RemoteDocument]:
        return [document for bundle in bundles for document in (await tell(session, bundle, chart)).values()]

    documents = there.run(all_of_them)
    assert there.ledger() == said(bundles)
    page = there.run(lambda session: target.changed(session, None))
    ours: dict[tuple[str, str], int] = defaultdict(int)
    for state in page.states:
        if state.document.reference.startswith("L-AGREE-"):
            for line in state.lines:
                ours[line.account, str(state.document.date)] += line.amount.minor
    assert {key: minor for key, minor in ours.items() if minor} == said(bundles)
    states = there.run(lambda session: target.read_back(session, documents))
    assert {state.state for state in states} == {"present"}


def test_a_taxed_sale_keeps_the_tax_as_charged_although_xero_would_compute_a_penny_more(there: There) -> None:
    chart = there.run(target.chart)
    before = there.ledger()
    on = date(2026, 5, 20)
    lines = (
        BundleLine(account="640", account_kind="current_asset", role="clearing", amount=Money(11_999, "GBP")),
        BundleLine(
            account="200",
            account_kind="income",
            role="sales",
            amount=Money(-10_000, "GBP"),
            tax_code="OUTPUT2",
            tax=Money(-1_999, "GBP"),
        ),
        BundleLine(account="820", account_kind="tax", role="output_tax", amount=Money(-1_999, "GBP")),
    )
    bundle = Bundle(reference="L-TAXED", kind="sale", date=on, currency="GBP", lines=lines)
    there.run(lambda session: tell(session, bundle, chart))
    moved = {key: minor - before.get(key, 0) for key, minor in there.ledger().items() if minor != before.get(key, 0)}
    assert moved == said([bundle])


def test_balances_are_those_of_the_whole_ledger_foreign_entries_too(there: There) -> None:
    since, until = date(2026, 4, 1), date(2026, 6, 30)
    wanted: dict[tuple[str, str], int] = defaultdict(int)
    for row in there.stand_in.control.call("books"):
        if since.isoformat() <= str(row["day"]) <= until.isoformat():
            wanted[row["account"], str(row["day"])] += row["minor"]
    rows = there.run(lambda session: target.balances(session, since, until))
    found = {(row.account, row.day.isoformat()): row.amount.minor for row in rows}
    assert found == {key: minor for key, minor in wanted.items() if minor}


def test_a_repeat_of_the_same_draft_makes_nothing_twice(there: There) -> None:
    chart = there.run(target.chart)
    lines = (
        BundleLine(account="090", account_kind="bank", role="bank", amount=Money(500, "GBP")),
        BundleLine(account="640", account_kind="current_asset", role="clearing", amount=Money(-500, "GBP")),
    )
    bundle = Bundle(reference="L-TWICE", kind="payout", date=DAY, currency="GBP", lines=lines)
    accepted = there.run(lambda session: tell(session, msgspec.structs.replace(bundle, reference="L-ONCE"), chart))
    step = target.steps(bundle, chart)[-1]
    draft = target.draft(step, chart, accepted)
    keyed = type(draft)(**{name: getattr(draft, name) for name in draft.__struct_fields__} | {"key": "doc/1/1"})
    before = there.ledger()
    first = there.run(lambda session: target.deliver(session, [keyed]))
    after = there.ledger()
    second = there.run(lambda session: target.deliver(session, [keyed]))
    assert before != after == there.ledger()
    assert first == second


def test_a_payout_between_two_bank_accounts_is_told_by_a_transfer(there: There) -> None:
    chart = there.run(target.chart)
    before = there.ledger()
    lines = (
        BundleLine(account="090", account_kind="bank", role="bank", amount=Money(9_500, "GBP")),
        BundleLine(account="405", account_kind="expense", role="fees", amount=Money(500, "GBP")),
        BundleLine(account="092", account_kind="bank", role="clearing", amount=Money(-10_000, "GBP")),
    )
    bundle = Bundle(reference="L-PAYOUT", kind="payout", date=date(2026, 5, 21), currency="GBP", lines=lines)
    there.run(lambda session: tell(session, bundle, chart))
    moved = {key: minor - before.get(key, 0) for key, minor in there.ledger().items() if minor != before.get(key, 0)}
    assert moved == said([bundle])
