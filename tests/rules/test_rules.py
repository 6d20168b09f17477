"""Roles, mapping, posting modes, recognition and rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from leja.core.errors import NeedsReview
from leja.rates.exchange import ExchangeRate, Rates
from leja.rules.mapping import AccountMapping, Conditions, Rule, Version, default_mapping
from leja.rules.modes import PostingMode, mode_at
from leja.rules.recognition import Recognition, moment_at
from leja.rules.roles import default_account_for, default_chart, instance_name

DAY = date(2026, 5, 4)


def mapping(*rules: Rule, start: date = date.min) -> AccountMapping:
    """One version with these rules."""
    return AccountMapping([Version(version=1, effective_from=start, rules=rules)])


def test_every_role_has_a_default_account_of_its_own() -> None:
    """No two roles share a code or a name."""
    chart = default_chart()
    assert len({account.code for _, account in chart}) == len(chart)
    assert len({account.name for _, account in chart}) == len(chart)
    assert default_mapping().account("cash:till", DAY) == default_account_for("cash:till").code


def test_a_new_instance_gets_an_account_only_when_it_is_asked_for() -> None:
    """The mapping itself never falls back to the family."""
    made = default_account_for(f"clearing:{instance_name('Shopify Payments')}")
    assert (made.code, made.kind) == ("1100-shopify_payments", "bank")
    with pytest.raises(NeedsReview) as caught:
        default_mapping().account("clearing:shopify_payments", DAY, Conditions(channel="web"))
    assert caught.value.code == "role-unmapped"
    assert "clearing:shopify_payments (channel web)" in caught.value.message


def test_an_unknown_role_is_refused() -> None:
    """A misspelt role does not get an account."""
    for role in ("clearings:x", "sales ", "clearing:", "clearing:A B"):
        with pytest.raises(NeedsReview) as caught:
            default_account_for(role)
        assert caught.value.code == "role-unknown"


def test_the_most_specific_rule_wins() -> None:
    """SKU before category before channel before location before country before default."""
    order = ("sku", "category", "channel", "location", "country")
    rules = [Rule(key="sales", value="default")]
    rules += [Rule(key="sales", value=name, conditions=Conditions(**{name: "x"})) for name in reversed(order)]
    found = mapping(*rules)
    asked = dict.fromkeys(order, "x")
    for name in order:
        assert found.account("sales", DAY, Conditions(**asked)) == name
        asked[name] = ""
    assert found.account("sales", DAY) == "default"


def test_a_later_version_holds_from_its_day_and_may_take_a_rule_back() -> None:
    """Earlier days keep their answer."""
    found = AccountMapping([
        Version(version=1, effective_from=date(2026, 1, 1), rules=(Rule(key="sales", value="old"),)),
        Version(version=2, effective_from=date(2026, 5, 1), rules=(Rule(key="sales", value="new"),)),
        Version(version=3, effective_from=date(2026, 6, 1), rules=(Rule(key="sales", value=None),)),
    ])
    assert found.account("sales", date(2026, 4, 30)) == "old"
    assert found.account("sales", date(2026, 5, 1)) == "new"
    for day in (date(2025, 12, 31), date(2026, 6, 1)):
        with pytest.raises(NeedsReview):
            found.account("sales", day)


def test_a_tax_name_of_the_source_may_be_mapped_to_a_role() -> None:
    """Letters' case does not matter."""
    found = mapping(Rule(kind="tax_code", key="Umsatzsteuer 19%", value="output_tax:reduced"))
    assert found.at(DAY).tax_role("umsatzsteuer 19%") == "output_tax:reduced"
    assert found.at(DAY).tax_role("VAT") is None


def test_the_default_mode_is_the_hybrid_and_choices_are_dated() -> None:
    """A named channel weighs more than a kind of customer."""
    start = date(2026, 5, 1)
    modes = (
        PostingMode(target="t", mode="each", effective_from=start, channel="web"),
        PostingMode(target="t", mode="payout", effective_from=start, customer_kind="consumer"),
        PostingMode(target="other", mode="each", effective_from=start),
    )
    assert mode_at(modes, target="t", channel="store", customer_kind="business", day=DAY) == "each"
    assert mode_at(modes, target="t", channel="store", customer_kind="consumer", day=DAY) == "payout"
    assert mode_at(modes, target="t", channel="web", customer_kind="consumer", day=DAY) == "each"
    assert mode_at(modes, target="t", channel="web", customer_kind="consumer", day=date(2026, 4, 30)) == "daily"


def test_recognition_is_at_the_till_for_stores_and_at_dispatch_for_the_web() -> None:
    """Until an accountant chooses otherwise, from a day on."""
    choices = (
        Recognition(moment="delivery", channel="web", effective_from=date(2026, 6, 1)),
        Recognition(moment="dispatch", effective_from=date(2026, 7, 1)),
    )
    assert moment_at((), "store", DAY) == "sale"
    assert moment_at((), "web", DAY) == "dispatch"
    assert moment_at(choices, "web", DAY) == "dispatch"
    assert moment_at(choices, "web", date(2026, 8, 1)) == "delivery"
    assert moment_at(choices, "store", date(2026, 8, 1)) == "dispatch"


def test_a_rate_is_of_its_purpose_source_and_day_or_a_few_days_before() -> None:
    """It is never older than allowed, and never of another purpose."""
    rates = Rates([
        ExchangeRate(currency="EUR", day=date(2026, 5, 1), rate=Decimal("0.86"), source="ecb"),
        ExchangeRate(currency="EUR", day=date(2026, 5, 4), rate=Decimal("0.85"), source="bank"),
        ExchangeRate(currency="EUR", day=date(2026, 5, 4), rate=Decimal("0.84"), source="hmrc", purpose="tax"),
    ])
    assert rates.need("book", "EUR", date(2026, 5, 3)).rate == Decimal("0.86")
    assert rates.need("book", "EUR", date(2026, 5, 5)).rate == Decimal("0.85")
    assert rates.need("book", "EUR", date(2026, 5, 5), "ecb").rate == Decimal("0.86")
    for purpose, day in (("customs", DAY), ("book", date(2026, 5, 12)), ("book", date(2026, 4, 30))):
        with pytest.raises(NeedsReview) as caught:
            rates.need(purpose, "EUR", day)
        assert caught.value.code == "rate-missing"
