"""What cannot be told in a foreign currency says that base currency would help; what is in it already does not."""

from __future__ import annotations

from datetime import date

import pytest

from leja.connectors.contract import Bundle, BundleLine, Chart
from leja.connectors.quickbooks.target import steps
from leja.core.errors import NeedsReview
from leja.core.money import Money


def bundle(currency, amount):
    lines = tuple(
        BundleLine(account=account, account_kind="income", role="sales", amount=Money(minor, currency))
        for account, minor in (("1", amount), ("2", -amount))
    )
    return Bundle(reference="LJAAAAAAAAAAAAAB", kind="journal", date=date(2026, 5, 4), currency=currency, lines=lines)


@pytest.mark.parametrize(
    ("multicurrency", "currency"), [(False, "EUR"), (True, "KWD")]
)
def test_a_foreign_currency_that_cannot_be_told_names_base_currency_as_the_way_out(multicurrency, currency):
    chart = Chart(accounts=(), home_currency="GBP", multicurrency=multicurrency)
    with pytest.raises(NeedsReview) as refused:
        steps(bundle(currency, 1001), chart)
    assert refused.value.facts["in_base"] is True


def test_decimals_of_the_home_currency_itself_are_not_helped_by_it():
    chart = Chart(accounts=(), home_currency="KWD", multicurrency=True)
    with pytest.raises(NeedsReview) as refused:
        steps(bundle("KWD", 1001), chart)
    assert refused.value.facts["in_base"] is False
