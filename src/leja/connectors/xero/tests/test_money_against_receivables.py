"""Money of another day than its sale, against receivables and nothing else: what came, what was taken back, and both."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

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
from leja.core.errors import NeedsReview
from leja.core.money import Money
from leja.http.client import Http
from leja_sandbox.server import SandboxServer

T = TypeVar("T")
DAY = date(2026, 5, 22)


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


def said(bundles: list[Bundle]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for bundle in bundles:
        for line in bundle.lines:
            sums[line.account, bundle.date.isoformat()] += line.amount.minor
    return {key: minor for key, minor in sums.items() if minor}


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    clock = Clock(1.2)
    with SandboxServer(slugs=["xero"], clock=clock) as server:
        yield There(server, clock)


def bundle(reference: str, rounding: str, *amounts: tuple[str, str, int]) -> Bundle:
    lines = tuple(
        BundleLine(account=account, account_kind=kind, role=kind, amount=Money(minor, "GBP"))
        for account, kind, minor in amounts
    )
    return Bundle(
        reference=reference, kind="daily", date=DAY, currency="GBP", lines=lines, rounding_account=rounding
    )


CASES = {
    "L-CAME": (("090", "bank", 500), ("610", "receivable", -500)),
    "L-BACK": (("090", "bank", -500), ("610", "receivable", 500)),
    "L-BACK2": (("090", "bank", -500), ("092", "bank", -70), ("610", "receivable", 570)),
    "L-BOTH": (("090", "bank", 900), ("092", "bank", -400), ("610", "receivable", -500)),
    "L-BOTH2": (("090", "bank", 400), ("092", "bank", -900), ("610", "receivable", 500)),
}


@pytest.mark.parametrize("rounding", ["860", "405", ""])
@pytest.mark.parametrize("reference", CASES)
def test_each_account_moves_as_the_bundle_says_and_is_read_back_so(there: There, reference: str, rounding: str) -> None:
    chart: Chart = there.run(target.chart)
    before = there.ledger()
    told = bundle(f"{reference}-{rounding or 'NO'}"[:14], rounding, *CASES[reference])
    accepted = there.run(lambda session: tell(session, told, chart))
    after = there.ledger()
    keys = {*before, *after}
    moved = {key: after.get(key, 0) - before.get(key, 0) for key in keys if after.get(key, 0) != before.get(key, 0)}
    assert moved == said([told])
    states = there.run(lambda session: target.read_back(session, list(accepted.values())))
    read: dict[tuple[str, str], int] = defaultdict(int)
    for state in states:
        for line in state.lines:
            read[line.account, DAY.isoformat()] += line.amount.minor
    assert {key: minor for key, minor in read.items() if minor} == said([told])


def test_nothing_is_told_where_no_account_can_carry_it(there: There) -> None:
    chart: Chart = there.run(target.chart)
    bare = Chart(
        accounts=tuple(a for a in chart.accounts if a.kind in ("bank", "receivable", "payable")),
        home_currency=chart.home_currency,
    )
    with pytest.raises(NeedsReview, match="journal on bank, receivables"):
        target.steps(bundle("L-BARE", "", *CASES["L-BACK"]), bare)
