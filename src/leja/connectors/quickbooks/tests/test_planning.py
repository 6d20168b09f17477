"""Which documents of QuickBooks express a bundle, and that their bytes say what their drafts claim, in every edition."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.contract import Bundle, BundleLine, Chart, RemoteAccount, RemoteDocument, RemoteTaxCode
from leja.connectors.quickbooks.finding import ANCHORS
from leja.connectors.quickbooks.target import draft, steps
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money
from leja.documents.parts import Party

KINDS = ("sale", "invoice", "refund", "credit_note", "payment", "payout", "fee", "daily", "journal", "delta")
ACCOUNTS = (
    ("35", "bank", "bank"),
    ("36", "bank", "cash_till"),
    ("40", "current_asset", "clearing"),
    ("41", "current_asset", "inventory"),
    ("50", "receivable", "receivable"),
    ("60", "current_liability", "gift_cards"),
    ("61", "tax", "output_tax"),
    ("70", "income", "sales"),
    ("71", "income", "discounts"),
    ("80", "cost_of_sales", "cogs"),
    ("90", "expense", "fees"),
    ("33", "payable", "payable"),
)


def chart(currency: str = "GBP", **changes: object) -> Chart:
    known = tuple(RemoteAccount(id=i, code=i, name=f"{role}: of {i}", kind=kind) for i, kind, role in ACCOUNTS)
    codes = (
        RemoteTaxCode(id="5", name="20% S", rate=Decimal(20), account="61"),
        RemoteTaxCode(id="6", name="0% Z", rate=Decimal(0)),
    )
    given = {"accounts": known, "tax_codes": codes, "home_currency": currency, "edition": "GB", **changes}
    return Chart(**given)  # type: ignore[arg-type]


def line(account: str, minor: int, currency: str = "GBP", **more: object) -> BundleLine:
    kind, role = next((kind, role) for i, kind, role in ACCOUNTS if i == account)
    given = {"account": account, "account_kind": kind, "role": role, "amount": Money(minor, currency), **more}
    return BundleLine(**given)  # type: ignore[arg-type]


def bundle(kind: str, lines: list[BundleLine], **more: object) -> Bundle:
    given = {
        "reference": "L-1A2B3C-1",
        "kind": kind,
        "date": date(2026, 5, 3),
        "currency": lines[0].amount.currency,
        "lines": tuple(lines),
        **more,
    }
    return Bundle(**given)  # type: ignore[arg-type]


def play(told: Bundle, known: Chart) -> list[tuple[str, dict, dict[str, int], Money]]:
    """Steps and drafts in order, with every step accepted as the vendor would."""
    accepted = {
        reference: RemoteDocument(kind="Invoice", remote_id="900", reference=reference) for reference in told.applies_to
    }
    played = []
    for number, step in enumerate(steps(told, known), start=1):
        assert len(step.reference) <= ANCHORS[step.kind].length
        made = draft(step, known, accepted)
        assert made == draft(step, known, accepted)
        accepted[step.name] = RemoteDocument(kind=step.kind, remote_id=str(number), reference=step.reference)
        played.append((step.kind, json.loads(made.body, parse_float=Decimal), dict(made.moves), made.total))
    return played


def moved(played: list[tuple[str, dict, dict[str, int], Money]]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for _, _, moves, _ in played:
        assert sum(moves.values()) == 0
        for account, minor in moves.items():
            sums[account] += minor
    return {account: minor for account, minor in sums.items() if minor}


def said(lines: tuple[BundleLine, ...]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for one in lines:
        sums[one.account] += one.amount.minor
    return {account: minor for account, minor in sums.items() if minor}


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    currency = draw(st.sampled_from(("GBP", "JPY", "TND")))
    unit = 10 ** max(0, exponent(currency) - 2)
    chosen = draw(st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=8))
    lines = []
    for account, kind, _ in chosen:
        minor = draw(st.integers(-50_000, 50_000)) * unit
        more: dict[str, object] = {}
        if kind == "income" and draw(st.booleans()):
            more = {
                "tax_code": draw(st.sampled_from(("5", "6"))),
                "tax": Money(round(minor / unit * 0.2) * unit, currency),
            }
        lines.append(line(account, minor, currency, **more))
    rest = -sum(one.amount.minor for one in lines)
    lines.append(line(draw(st.sampled_from(ACCOUNTS))[0], rest, currency))
    applies = draw(st.sampled_from(((), ("L-OLD-1",))))
    return bundle(draw(st.sampled_from(KINDS)), lines, applies_to=applies)


@settings(max_examples=400, deadline=None)
@given(bundles(), st.sampled_from(("GB", "US")), st.booleans())
def test_what_the_bytes_say_is_what_the_draft_claims_and_the_lines_say(
    told: Bundle, edition: str, own_numbers: bool
) -> None:
    """The movement is computed a second time, from the request alone, as QuickBooks posts it."""
    known = chart(told.currency, edition=edition, own_numbers=own_numbers)
    items: dict[str, str] = {}
    played = play(told, known)
    assert moved(played) == said(told.lines)
    for number, (kind, body, moves, total) in enumerate(played, start=1):
        if kind == "Item":
            items[str(number)] = body["IncomeAccountRef"]["value"]
        assert posted(kind, body, items, told.currency) == moves
        amounts = posted(kind, body, items, told.currency, total_only=True)
        assert amounts == {} or sum(amounts.values()) == total.minor


def minor(amount: Decimal | int, currency: str) -> int:
    scaled = Decimal(amount).scaleb(exponent(currency))
    assert scaled == int(scaled)
    return int(scaled)


def posted(kind: str, body: dict, items: dict[str, str], currency: str, *, total_only: bool = False) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    sign = {"SalesReceipt": 1, "Invoice": 1, "RefundReceipt": -1, "CreditMemo": -1}.get(kind)
    if kind in ("Customer", "Vendor", "Item"):
        return {}
    if kind == "JournalEntry":
        for row in body["Line"]:
            detail = row["JournalEntryLineDetail"]
            debit = detail["PostingType"] == "Debit"
            if debit or not total_only:
                sums[detail["AccountRef"]["value"]] += minor(row["Amount"], currency) * (1 if debit else -1)
    elif kind == "Payment":
        amount = minor(body["TotalAmt"], currency)
        assert [amount] == [minor(row["Amount"], currency) for row in body["Line"]]
        sums[body["DepositToAccountRef"]["value"]] += amount
        sums["50"] -= 0 if total_only else amount
    else:
        assert sign is not None
        whole = sum(minor(row["Amount"], currency) for row in body["Line"])
        for row in body["Line"]:
            item = items[row["SalesItemLineDetail"]["ItemRef"]["value"]]
            sums[item] -= 0 if total_only else sign * minor(row["Amount"], currency)
        tax = minor(body.get("TxnTaxDetail", {}).get("TotalTax", 0), currency)
        sums["61"] -= 0 if total_only else sign * tax
        control = body.get("DepositToAccountRef", {"value": "50"})["value"]
        sums[control] += (whole + tax) * (1 if total_only else sign)
    return {account: amount for account, amount in sums.items() if amount}


def test_a_sale_paid_at_once_is_a_sales_receipt_with_the_largest_tender_as_its_deposit() -> None:
    told = bundle("sale", [line("40", 7_000), line("60", 3_000), line("70", -9_000), line("61", -1_000)])
    played = [one for one in play(told, chart()) if one[0] != "Item"]
    assert [kind for kind, *_ in played] == ["SalesReceipt"]
    body = played[0][1]
    assert body["DepositToAccountRef"] == {"value": "40"}
    assert body["DocNumber"] == "L-1A2B3C-1"
    assert body["PrivateNote"].startswith("leja:L-1A2B3C-1")
    assert body["GlobalTaxCalculation"] == "NotApplicable"
    assert sorted(row["Amount"] for row in body["Line"]) == [-30, 10, 90]


def test_tax_is_told_by_code_only_where_quickbooks_computes_what_was_charged() -> None:
    sold = line("70", -10_000, tax_code="5", tax=Money(-2_000, "GBP"))
    exact = bundle("sale", [line("40", 12_000), sold, line("61", -2_000)])
    body = play(exact, chart())[-1][1]
    assert body["GlobalTaxCalculation"] == "TaxExcluded"
    assert body["TxnTaxDetail"] == {"TotalTax": 20}
    assert [row["SalesItemLineDetail"]["TaxCodeRef"] for row in body["Line"]] == [{"value": "5"}]
    off = line("70", -10_000, tax_code="5", tax=Money(-1_999, "GBP"))
    body = play(bundle("sale", [line("40", 11_999), off, line("61", -1_999)]), chart())[-1][1]
    assert body["GlobalTaxCalculation"] == "NotApplicable"
    assert "TxnTaxDetail" not in body


@pytest.mark.parametrize("taxes", [(1, 1), (1, 0), (0, 1)], ids=["lines only", "sum only", "sum only, other line"])
def test_tax_that_only_one_way_of_rounding_gives_is_a_line(taxes: tuple[int, int]) -> None:
    """Two lines of 3 pence at 20 %: a penny each rounded per line, a penny for both rounded in sum."""
    sold = [line("70", -3, tax_code="5", tax=Money(-tax, "GBP")) for tax in taxes]
    whole = sum(taxes)
    body = play(bundle("sale", [line("40", 6 + whole), *sold, line("61", -whole)]), chart())[-1][1]
    assert body["GlobalTaxCalculation"] == "NotApplicable"
    assert "TxnTaxDetail" not in body


def test_tax_that_is_booked_elsewhere_than_where_the_code_lands_is_a_line() -> None:
    sold = line("70", -10_000, tax_code="5", tax=Money(-2_000, "GBP"))
    elsewhere = BundleLine(
        account="60", account_kind="current_liability", role="output_tax", amount=Money(-2_000, "GBP"))
    body = play(bundle("sale", [line("40", 12_000), sold, elsewhere]), chart())[-1][1]
    assert body["GlobalTaxCalculation"] == "NotApplicable"
    assert sorted(row["Amount"] for row in body["Line"]) == [20, 100]


def test_cost_of_goods_is_a_journal_entry_beside_the_sale() -> None:
    told = bundle("sale", [line("40", 100), line("70", -100), line("80", 60), line("41", -60)])
    assert [kind for kind, *_ in play(told, chart()) if kind != "Item"] == ["SalesReceipt", "JournalEntry"]


def test_in_the_united_states_the_tax_is_a_line_and_nothing_is_left_to_be_taxed_again() -> None:
    sold = line("70", -10_000, tax_code="5", tax=Money(-2_000, "GBP"))
    body = play(bundle("sale", [line("40", 12_000), sold, line("61", -2_000)]), chart(edition="US"))[-1][1]
    assert "GlobalTaxCalculation" not in body
    assert {row["SalesItemLineDetail"]["TaxCodeRef"]["value"] for row in body["Line"]} == {"NON"}


def test_a_business_invoice_paid_in_part_is_customer_invoice_and_payment() -> None:
    party = Party(external_id="c-9", name="Amina: Shop")
    told = bundle("invoice", [line("50", 6_000), line("35", 4_000), line("70", -10_000)], customer=party)
    played = [one for one in play(told, chart()) if one[0] != "Item"]
    assert [kind for kind, *_ in played] == ["Customer", "Invoice", "Payment"]
    assert played[0][1]["DisplayName"] == "Amina Shop (c-9)"
    assert played[2][1]["Line"][0]["LinkedTxn"] == [{"TxnId": "3", "TxnType": "Invoice"}]


def test_a_payment_of_an_earlier_invoice_is_linked_to_it() -> None:
    told = bundle("payment", [line("35", 500), line("50", -500)], applies_to=("L-OLD-1",))
    body = play(told, chart())[-1][1]
    assert body["PaymentRefNum"] == "L-1A2B3C-1"
    assert body["Line"][0]["LinkedTxn"][0]["TxnId"] == "900"


def test_a_payout_is_a_journal_entry() -> None:
    told = bundle("payout", [line("35", 9_500), line("90", 500), line("40", -10_000)])
    assert [kind for kind, *_ in play(told, chart())] == ["JournalEntry"]


def test_a_currency_that_the_company_does_not_keep_is_held_and_with_multicurrency_the_rate_goes_along() -> None:
    told = bundle("payout", [line("35", 100, "EUR"), line("40", -100, "EUR")], rate=Decimal("0.85"))
    with pytest.raises(NeedsReview, match="home-currency-only"):
        steps(told, chart())
    body = play(told, chart(multicurrency=True))[-1][1]
    assert body["CurrencyRef"] == {"value": "EUR"}
    assert body["ExchangeRate"] == Decimal("0.85")


def test_a_third_decimal_is_held_and_never_rounded() -> None:
    told = bundle("payout", [line("35", 1_001, "TND"), line("40", -1_001, "TND")])
    with pytest.raises(NeedsReview, match="quickbooks-decimals"):
        steps(told, chart("TND"))


XS = "{http://www.w3.org/2001/XMLSchema}"


def fields_of(folder: Path) -> dict[str, set[str]]:
    """Type name -> element names, with those of the types that it extends."""
    own: dict[str, tuple[set[str], str]] = {}
    for file in ("Finance.xsd", "IntuitBaseTypes.xsd", "IntuitNamesTypes.xsd"):
        for found in ElementTree.parse(folder / file).getroot().iter(f"{XS}complexType"):
            names = {one.get("name") or (one.get("ref") or "").split(":")[-1] for one in found.iter(f"{XS}element")}
            extends = next((str(one.get("base")).split(":")[-1] for one in found.iter(f"{XS}extension")), "")
            own[str(found.get("name"))] = (names, extends)

    def all_of(name: str) -> set[str]:
        names, extends = own.get(name, (set(), ""))
        return names | (all_of(extends) if extends else set())

    return {name: all_of(name) for name in own}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_field_that_is_sent_is_a_field_of_the_vendors_schema(shared: Path, data: st.DataObject) -> None:
    known = SCHEMA.setdefault("fields", fields_of(shared / "specs/quickbooks/xsd"))
    told = data.draw(bundles())
    for kind, body, _, _ in play(told, chart(told.currency)):
        assert set(body) <= known[kind], set(body) - known[kind]
        for row in body.get("Line", []):
            assert set(row) <= known["Line"]
            detail = row.get("DetailType")
            if detail:
                assert set(row[detail]) <= known[detail], set(row[detail]) - known[detail]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", body.get("TxnDate", "2026-01-01"))


SCHEMA: dict[str, dict[str, set[str]]] = {}
