"""Money of another day than its sale, against receivables and nothing else: what came, what was taken back, and both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

import pytest
from leja.connectors.xero.tests.test_agreement import Clock, There, said, tell

from leja.connectors.contract import Bundle, BundleLine, Chart
from leja.connectors.xero import target
from leja.core.money import Money
from leja_sandbox.server import SandboxServer

DAY = date(2026, 5, 22)


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
    from leja.core.errors import NeedsReview

    chart: Chart = there.run(target.chart)
    bare = Chart(
        accounts=tuple(a for a in chart.accounts if a.kind in ("bank", "receivable", "payable")),
        home_currency=chart.home_currency,
    )
    with pytest.raises(NeedsReview, match="journal on bank, receivables"):
        target.steps(bundle("L-BARE", "", *CASES["L-BACK"]), bare)
