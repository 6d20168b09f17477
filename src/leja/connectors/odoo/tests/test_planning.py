"""Which documents express a bundle, how they are drafted, and what the chart is read as."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.connectors.contract import Chart, RemoteDocument
from leja.connectors.odoo import target
from leja.connectors.odoo.edition import Edition, read, written
from leja.connectors.odoo.names import LONGEST, customer_reference, module_of
from leja.connectors.odoo.tax import taxed
from leja.connectors.odoo.tests.books import (
    BANK,
    CARD,
    OWED,
    SALES,
    TAX,
    TILL,
    Books,
    bundle,
    invoice,
    line,
    payment,
    sale,
)
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money
from leja.documents.parts import Party


@pytest.fixture(scope="module")
def chart() -> Chart:
    return Books().chart()


def kinds(told: object, chart: Chart) -> list[str]:
    return [f"{step.name}:{step.kind}" for step in target.steps(told, chart)]  # type: ignore[arg-type]


def drafted(told: object, chart: Chart, **accepted: RemoteDocument) -> dict[str, object]:
    known = {"customer": RemoteDocument(kind="Customer", remote_id="77", reference="c"), **accepted}
    step = [one for one in target.steps(told, chart) if one.kind != "Customer"][-1]  # type: ignore[arg-type]
    body = json.loads(target.draft(step, chart, known).body)
    first, *rest = body["data"]
    return {"head": dict(zip(body["fields"], first, strict=True)), "rows": rest, "settles": body["settles"], "step": step}


@pytest.mark.parametrize(("told", "expected"), [
    (sale(), ["document:Entry"]),
    (invoice(), ["customer:Customer", "document:Invoice"]),
    (bundle("sale", [line(OWED, 500), line(CARD, 300), line(TILL, 200), line(SALES, -1_000)]),
     ["customer:Customer", "document:Invoice", "payment-1:Payment", "payment-2:Payment"]),
    (bundle("sale", [line(OWED, 500), line("11", 300), line(SALES, -800)]), ["customer:Customer", "document:Invoice", "payment-1:Entry"]),
    (bundle("refund", [line(OWED, -500), line(SALES, 500)]), ["customer:Customer", "document:CreditNote"]),
    (bundle("refund", [line(OWED, -500), line(CARD, -100), line(SALES, 600)]), ["customer:Customer", "document:Entry"]),
    (bundle("invoice", [line(OWED, 500), line("17", -100), line(SALES, -400)]), ["customer:Customer", "document:Entry"]),
    (bundle("invoice", [line(OWED, 500), line(CARD, -100), line(SALES, -400)]), ["customer:Customer", "document:Entry"]),
    (bundle("invoice", [line(OWED, 500), line(CARD, -500)]), ["customer:Customer", "document:Entry"]),
    (payment(500, "LJX"), ["customer:Customer", "document:Payment"]),
    (bundle("payment", [line(BANK, 500), line(OWED, -500)]), ["customer:Customer", "document:Entry"]),
    (bundle("payment", [line(BANK, -500), line(OWED, 500)], applies_to=("LJX",)), ["customer:Customer", "document:Payment"]),
    (bundle("payout", [line(BANK, 500), line(CARD, -500)]), ["document:Entry"]),
    (bundle("invoice", [line(OWED, 500), line(SALES, -500), line("32", 200, role="cogs"), line("11", -200, role="inventory")]),
     ["customer:Customer", "document:Invoice", "cost:Entry"]),
    (bundle("sale", [line(CARD, 500), line(SALES, -500), line("32", 200, role="cogs"), line("11", -200, role="inventory")]),
     ["document:Entry"]),
])  # fmt: skip
def test_what_a_bundle_becomes(told: object, expected: list[str], chart: Chart) -> None:
    assert kinds(told, chart) == expected


def test_document_and_every_line_bear_an_external_id_of_their_own(chart: Chart) -> None:
    found = drafted(invoice(), chart)
    head = found["head"]
    assert isinstance(head, dict)
    assert head["id"] == "__leja_1.LJAAAAAAAAAAAAAB"
    assert head["invoice_line_ids/id"] == "__leja_1.LJAAAAAAAAAAAAAB_1"
    entry = drafted(sale(), chart)
    rows = entry["rows"]
    assert isinstance(rows, list)
    assert any("__leja_1.LJAAAAAAAAAAAAAB_2" in row for row in rows)
    assert all(row[0] == "" for row in rows)


def test_taxes_are_named_where_odoo_computes_what_was_charged(chart: Chart) -> None:
    head = drafted(invoice(), chart)["head"]
    assert isinstance(head, dict)
    assert (head["invoice_line_ids/tax_ids/.id"], head["invoice_line_ids/price_unit"]) == ("4", "200.00")
    odd = drafted(invoice(20_000, 3_999), chart)
    assert isinstance(odd["head"], dict)
    assert odd["head"]["invoice_line_ids/tax_ids/.id"] == ""
    assert isinstance(odd["rows"], list)
    assert "39.99" in odd["rows"][0]


def test_taxes_are_lines_where_either_rounding_would_differ_or_they_land_elsewhere(chart: Chart) -> None:
    def of(*parts: tuple[int, int], account: str = TAX) -> bool:
        lines = [line(SALES, -net, tax_code="4", tax=Money(-tax, "GBP")) for net, tax in parts]
        lines.append(line(account, -sum(tax for _, tax in parts), role="output_tax"))
        return taxed(lines, chart).by_tax

    assert of((1_003, 201), (1_002, 200))
    # Each line alone is right, their sum would be 4.02: rounded once it comes to another penny.
    assert not of((1_003, 201), (1_003, 201), (1_003, 201), (1_003, 201))
    assert not of((1_000, 199), (1_000, 201))
    assert not of((1_000, 200), account="20")
    gone = msgspec.structs.replace(chart, tax_codes=())
    assert not taxed(invoice().lines, gone).by_tax


def test_a_payment_pays_what_it_settles(chart: Chart) -> None:
    found = drafted(payment(500, "LJX"), chart, LJX=RemoteDocument(kind="Invoice", remote_id="41", reference="LJX"))
    head = found["head"]
    assert isinstance(head, dict)
    assert (head["payment_type"], head["amount"], head["journal_id/.id"], head["destination_account_id/.id"]) == ("inbound", "5.00", "6", OWED)
    assert found["settles"] == ["41"]
    assert head["memo"].startswith("LJPAID00000000AB")
    old = msgspec.structs.replace(chart, edition=written(msgspec.structs.replace(read(chart.edition), major=17)))
    past = drafted(payment(500, "LJX"), old, LJX=RemoteDocument(kind="Invoice", remote_id="41", reference="LJX"))["head"]
    assert isinstance(past, dict)
    assert "memo" not in past
    assert past["ref"].startswith("LJPAID00000000AB")


def test_money_back_is_an_outgoing_payment(chart: Chart) -> None:
    told = bundle("payment", [line(BANK, -500), line(OWED, 500)], applies_to=("LJX",))
    head = drafted(told, chart, LJX=RemoteDocument(kind="CreditNote", remote_id="41", reference="LJX"))["head"]
    assert isinstance(head, dict)
    assert (head["payment_type"], head["amount"]) == ("outbound", "5.00")


def test_a_payment_of_what_was_not_told_waits(chart: Chart) -> None:
    with pytest.raises(NeedsReview) as held:
        drafted(payment(500, "LJX"), chart)
    assert held.value.code == "odoo-settled-missing"
    with pytest.raises(BrokenInvariant):
        target.draft(target.steps(invoice(), chart)[-1], chart, {})


def test_a_currency_that_is_not_active_would_go_in_base(chart: Chart) -> None:
    told = bundle("sale", [line(CARD, 100, "CHF"), line(SALES, -100, "CHF")])
    with pytest.raises(NeedsReview) as held:
        target.steps(told, chart)
    assert (held.value.code, held.value.facts["in_base"]) == ("odoo-home-currency-only", True)


def test_names_of_customers_are_external_ids_and_no_persons_names() -> None:
    def named(external_id: str) -> str:
        return customer_reference(invoice(customer=Party(external_id=external_id, name="Wanjiku")), OWED)

    odd = [named(one) for one in ("a.b", "a b", "a-b", "guest/7", "x" * 90, "x" * 91, "Übung", "")]
    assert len(set(odd)) == len(odd)
    assert all(len(one) <= LONGEST and "." not in one and " " not in one and one.isascii() for one in odd)
    assert not any("Wanjiku" in one for one in odd)
    assert named("c-9") == "customer-c-9-7"
    assert module_of(1) != module_of(2)


def test_the_edition_travels_as_words() -> None:
    whole = Edition(major=17, company=3, sale_journal="1", general_journal="3", payment_journals={"3": "6"}, currencies={"EUR": "2"})
    assert read(written(whole)) == whole
    assert read("") == Edition()


@given(st.integers(1, 10**9), st.decimals("0.0001", "9000", places=4, allow_nan=False, allow_infinity=False))
def test_lines_at_home_balance_whatever_the_rate(minor: int, rate: Decimal) -> None:
    known = Chart(accounts=(), home_currency="GBP", multicurrency=True, edition=written(Edition(currencies={"EUR": "2"}, general_journal="3")))
    lines = [line(CARD, minor, "EUR"), line(BANK, minor, "EUR"), line(SALES, -2 * minor, "EUR")]
    (step,) = target.steps(bundle("sale", lines, rate=rate), known)
    body = json.loads(target.draft(step, known, {}).body)
    debit, credit = body["fields"].index("line_ids/debit"), body["fields"].index("line_ids/credit")
    assert sum(Decimal(row[debit]) for row in body["data"]) == sum(Decimal(row[credit]) for row in body["data"])


# --- the chart ----------------------------------------------------------------------------------------------------


def test_the_chart_says_what_the_company_has() -> None:
    chart = Books().chart()
    accounts = {one.id: one for one in chart.accounts}
    assert {one: accounts[one].kind for one in (OWED, BANK, CARD, SALES, TAX, "17", "32", "13")} == {
        OWED: "receivable", BANK: "bank", CARD: "current_asset", SALES: "income", TAX: "tax", "17": "payable", "32": "cost_of_sales",
        "13": "current_asset"}  # fmt: skip
    assert accounts[CARD].takes_payments
    codes = {one.id: one for one in chart.tax_codes}
    # Taxes that are in the price, and those on purchases, are no codes for us.
    assert (codes["4"].rate, codes["4"].account) == (Decimal(20), TAX)
    assert not {"3", "7"} & codes.keys()
    assert (chart.home_currency, chart.multicurrency, chart.locked_until) == ("GBP", True, None)
    edition = read(chart.edition)
    assert (edition.sale_journal, edition.general_journal) == ("1", "3")
    assert edition.payment_journals == {BANK: "6", CARD: "8", TILL: "7"}


@pytest.mark.parametrize("version", ["16.0", "18.0", "19.0"])
def test_an_account_out_of_use_is_told_as_such_by_each_version(version: str) -> None:
    books = Books(version)
    books.control("deactivate", kind="account.account", id=SALES)
    assert [one.id for one in books.chart().accounts if not one.active] == [SALES]


def test_journals_are_chosen_by_code_and_must_be_there() -> None:
    books = Books()
    with pytest.raises(NeedsReview) as held:
        books.chart(books.opened(sale_journal="NOPE"))
    assert held.value.code == "odoo-journal"
    assert read(books.chart(books.opened(general_journal="CABA")).edition).general_journal == "5"
    with pytest.raises(NeedsReview):
        books.chart(books.opened(company_id=9))


def test_each_company_of_a_database_has_its_own_chart() -> None:
    books = Books(second_company=True)
    assert {one.id for one in books.chart(books.opened(company_id=2)).accounts} == {
        str(int(one.id) + 1000) for one in books.chart().accounts}  # fmt: skip
