"""Net lines become a bundle: resolved, balanced, dated where the target is open, nothing missing unnamed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.connectors.contract import Chart, RemoteAccount, RemoteTaxCode
from leja.delivery.bundle import Bucket, GroupFacts, NetLine, Terms, resolve, share_tax
from leja.rules.target_mapping import (
    Missing,
    OurAccount,
    TargetMapping,
    TargetRule,
    TheirAccount,
    TheirTaxCode,
    suggest_accounts,
    suggest_tax_codes,
)

DAY = date(2026, 5, 4)
FACTS = GroupFacts(group_key="document/1", mark="LJAAAAAAAAAAAA", kind="sale", currency="KES", number="#1")
CHART = Chart(
    accounts=(RemoteAccount(id="a", code="1", name="Bank", kind="bank"), RemoteAccount(id="b", code="2", name="Sales",
    kind="income"),
              RemoteAccount(id="c", code="3", name="VAT", kind="tax")),
    tax_codes=(RemoteTaxCode(id="T16", name="16%", rate=Decimal(16)),), home_currency="KES", multicurrency=True,
)


def rule(key, value, *, kind="account", version=1, since=date(2020, 1, 1), **conditions):
    return TargetRule(version=version, effective_from=since, kind=kind, key=key, value=value, conditions=conditions)


RULES = [rule("bank", "a"), rule("sales", "b"), rule("vat", "c"), rule("S", "T16", kind="tax_code")]


def net(account, role, amount, code="", currency="KES", base=None):
    return NetLine(account=account, role=role, amount=amount, base=amount if base is None else base, currency=currency,
    tax_code=code)


SALE = (net("bank", "clearing:mpesa", 116), net("sales", "sales", -100, "S"), net("vat", "output_tax", -16, "S"))


def resolved(lines=SALE, rules=RULES, facts=FACTS, chart=CHART, currency="KES", part=1):
    bucket = Bucket(posting_date=DAY, currency=currency, members=(1,), lines=tuple(lines))
    return resolve(facts, bucket, part, "LJAAAAAAAAAAAAAB", Terms(chart=chart, mapping=TargetMapping(rules, DAY),
    base_currency="KES"))


def test_lines_are_resolved_balanced_and_carry_the_tax_they_were_taxed_with():
    bundle = resolved().bundle
    assert [(line.account, line.amount.minor, line.tax_code, line.tax and line.tax.minor) for line in bundle.lines] == [
        ("a", 116, "", None), ("b", -100, "T16", -16), ("c", -16, "", None)]
    assert (bundle.kind, bundle.date) == ("sale", DAY)


def test_every_missing_mapping_is_named_at_once():
    assert resolved(rules=[]).missing == (Missing("account", "bank"), Missing("account", "sales"), Missing("account",
    "vat"),
                                          Missing("tax_code", "S"))


def test_a_rule_that_points_to_nothing_over_there_is_named_too():
    assert resolved(rules=[*RULES, rule("sales", "zz", version=2)]).gone == (Missing("account", "sales"),)


def test_lines_that_net_to_nothing_are_no_bundle():
    assert resolved(lines=[net("bank", "cash", 0), net("sales", "sales", 0)]).nothing


def test_a_later_part_is_a_delta_and_a_sale_on_credit_an_invoice():
    assert resolved(part=2).bundle.kind == "delta"
    owed = [net("bank", "receivable", 116), *SALE[1:]]
    assert resolved(lines=owed).bundle.kind == "invoice"


def test_a_currency_that_the_target_cannot_take_is_told_in_base():
    chart = Chart(accounts=CHART.accounts, tax_codes=CHART.tax_codes, home_currency="KES", multicurrency=False)
    lines = [net("bank", "cash", 10, currency="USD", base=1300), net("sales", "sales", -10, currency="USD", base=-1300)]
    bundle = resolved(lines=lines, chart=chart, currency="USD").bundle
    assert [line.amount.minor for line in bundle.lines] == [1300, -1300]
    assert bundle.currency == "KES"
    assert "USD at 130" in bundle.text


def test_a_target_that_keeps_neither_currency_is_refused():
    chart = Chart(accounts=CHART.accounts, tax_codes=CHART.tax_codes, home_currency="ZAR", multicurrency=False)
    assert resolved(chart=chart, currency="USD", lines=[net("bank", "cash", 1,
    currency="USD")]).currency_refused == "USD"


@given(tax=st.integers(-10**9, 10**9), amounts=st.lists(st.integers(-10**9, 10**9), min_size=1, max_size=8))
def test_shared_tax_sums_to_the_tax(tax, amounts):
    assert sum(share_tax(tax, amounts)) == tax


@pytest.mark.parametrize(("place", "found"), [("nairobi", "n"), ("", "a2")])
def test_the_most_specific_rule_wins_then_the_latest_version(place, found):
    mapping = TargetMapping([rule("bank", "n", location="nairobi"), rule("bank", "a1"), rule("bank", "a2", version=2)],
    DAY)
    assert mapping.find("account", "bank", {"location": place}) == found


def test_a_rule_taken_back_or_not_yet_in_force_finds_nothing():
    assert TargetMapping([rule("bank", "a"), rule("bank", None, version=2)], DAY).find("account", "bank") is None
    assert TargetMapping([rule("bank", "a", since=date(2027, 1, 1))], DAY).find("account", "bank") is None


def test_accounts_are_suggested_by_code_then_by_kind_and_name_and_never_across_kinds():
    theirs = [TheirAccount(id="1", code="400", name="Sales of goods", kind="income"),
              TheirAccount(id="2", code="410", name="Shipping income", kind="income"),
              TheirAccount(id="3", code="090", name="Bank", kind="bank")]
    ours = [OurAccount(code="4000", name="Sales", kind="income"), OurAccount(code="4100", name="Shipping income",
    kind="income"),
            OurAccount(code="2200", name="VAT", kind="tax"), OurAccount(code="090", name="Till", kind="bank")]
    assert [s.value for s in suggest_accounts(ours, theirs)] == ["1", "2", "", "3"]


def test_tax_codes_are_suggested_by_rate():
    theirs = [TheirTaxCode(id="x", name="Standard", rate=Decimal(16)), TheirTaxCode(id="y", name="Zero",
    rate=Decimal(0))]
    found = suggest_tax_codes({"VAT 16%": Decimal("16.0"), "VAT 8%": Decimal(8)}, theirs)
    assert [s.value for s in found] == ["x", ""]
