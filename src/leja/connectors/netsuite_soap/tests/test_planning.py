"""What a bundle becomes, the exact bytes of each record, and that the vendor's schemas take every one of them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.contract import Bundle, Chart, Draft, RemoteAccount, RemoteDocument, RemoteItem, RemoteTaxCode
from leja.connectors.netsuite_soap import target
from leja.connectors.netsuite_soap.edition import Edition, read, written
from leja.connectors.netsuite_soap.names import customer_key, customer_name
from leja.connectors.netsuite_soap.nodes import Node, parse
from leja.connectors.netsuite_soap.tests.account import AMINA, KINDS, banked, bundle, invoiced, line, sold
from leja.connectors.netsuite_soap.tests.judges import judged
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money
from leja.documents.parts import Party

CHART = Chart(
    accounts=tuple(RemoteAccount(id=id_, code=f"1{id_}", name=f"Account: {id_}", kind=kind) for id_, kind in KINDS.items()),
    tax_codes=(
        RemoteTaxCode(id="3", name="Z", rate=Decimal(0), account="15"),
        RemoteTaxCode(id="1", name="S", rate=Decimal(20), account="15"),
        RemoteTaxCode(id="9", name="old", rate=Decimal(20), account="15", active=False),
    ),
    home_currency="GBP", multicurrency=True, edition=written(Edition(subsidiary="1", currencies={"GBP": "1", "EUR": "3", "JPY": "4"})),
)  # fmt: skip
FULL = msgspec.structs.replace(CHART, edition=written(
    Edition(subsidiary="1", department="2", class_id="3", location="4", tax_schedule="5", supplier="601", currencies={"GBP": "1", "EUR": "3"})
))  # fmt: skip
DECLARED = (
    'xmlns:msg="urn:m" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:core="urn:c" xmlns:sales="urn:s" '
    'xmlns:customers="urn:k" xmlns:general="urn:g" xmlns:relationships="urn:r" xmlns:accounting="urn:a"'
)


def kinds(of: Bundle, chart: Chart = CHART) -> list[tuple[str, str]]:
    return [(step.kind, step.reference.removeprefix(of.reference)) for step in target.steps(of, chart) if step.lines]


def drafts(of: Bundle, chart: Chart = CHART) -> dict[str, Draft]:
    """Every draft of a bundle by its step, its steps accepted as they come."""
    accepted = {ref: RemoteDocument(kind="invoice", remote_id="900", reference=ref) for ref in of.applies_to}
    found = {}
    for number, step in enumerate(target.steps(of, chart), start=1):
        found[step.name] = target.draft(step, chart, accepted)
        accepted[step.name] = RemoteDocument(kind=step.kind, remote_id=str(number), reference=step.reference)
    return found


def node(draft: Draft) -> Node:
    """The record of a draft."""
    (record,) = parse(f"<all {DECLARED}>{draft.body.decode()}</all>".encode()).children
    return record


def rows(draft: Draft) -> list[dict[str, Any]]:
    """Lines by the names that people know."""
    return [
        {"item": row.ref("item"), "amount": row.value("amount"), "code": row.ref("taxCode"), "tax": row.value("tax1Amt")}
        for row in node(draft).all("itemList", "item")
    ]


# --- which documents --------------------------------------------------------------------------------------------------


def test_money_taken_at_once_is_a_cash_sale_and_a_journal_entry_for_the_other_tenders() -> None:
    sale = bundle("sale", [line("3", 10_000), line("1", 2_000), line("17", 1_000), line("26", -13_000)])
    assert kinds(sale) == [("cashSale", ""), ("journalEntry", "-T")]
    made = drafts(sale)
    assert made["document"].moves == {"3": 12_000, "17": 1_000, "26": -13_000}
    assert made["tenders"].moves == {"1": 2_000, "3": -2_000}
    assert node(made["document"]).ref("account") == "3", "the largest tender takes the whole"
    assert [row["amount"] for row in rows(made["document"])] == ["-10.00", "130.00"]
    assert made["document"].total == Money(12_000, "GBP")


def test_money_given_back_is_a_cash_refund() -> None:
    refund = bundle("refund", [line("3", -1_200), line("26", 1_000, tax_code="1", tax=Money(200, "GBP")), line("15", 200)])
    assert kinds(refund) == [("cashRefund", "")]
    document = drafts(refund)["document"]
    assert rows(document) == [{"item": "1", "amount": "10.00", "code": "1", "tax": "2.00"}]
    assert document.total == Money(1_200, "GBP")


def test_what_is_owed_is_an_invoice_and_a_payment_for_each_tender() -> None:
    of = bundle("invoice", [line("12", 6_000), line("3", 3_000), line("1", 1_000), line("26", -10_000)])
    assert kinds(of) == [("invoice", ""), ("customerPayment", "-P1"), ("customerPayment", "-P2")]
    made = drafts(of)
    assert made["document"].total == Money(10_000, "GBP")
    payment = node(made["payment-1"])
    assert (payment.value("payment"), payment.ref("account"), payment.ref("arAcct")) == ("30.00", "3", "12")
    (apply,) = payment.all("applyList", "apply")
    assert (apply.value("apply"), apply.value("doc"), apply.value("amount")) == ("true", "3", "30.00")
    assert payment.value("undepFunds") == "false"


def test_a_credit_note_is_a_credit_memo() -> None:
    assert kinds(bundle("credit_note", [line("12", -3_000), line("26", 3_000)])) == [("creditMemo", "")]
    assert kinds(bundle("credit_note", [line("12", -3_000), line("3", -1), line("26", 3_001)])) == [("journalEntry", "")]


def test_a_payment_of_one_invoice_is_applied_and_every_other_is_a_journal_entry() -> None:
    lines = [line("1", 6_000), line("12", -6_000)]
    one = bundle("payment", lines, applies_to=("LJBBBBBBBBBBBBAB",))
    assert kinds(one) == [("customerPayment", "")]
    assert node(drafts(one)["document"]).all("applyList", "apply")[0].value("doc") == "900"
    for other in (
        bundle("payment", lines), bundle("payment", lines, applies_to=("LJA", "LJB")),
        bundle("payment", [line("1", -6_000), line("12", 6_000)], applies_to=("LJBBBBBBBBBBBBAB",)),
        bundle("payment", [line("39", 6_000), line("12", -6_000)], applies_to=("LJBBBBBBBBBBBBAB",)),
        bundle("payment", [*lines, line("39", 5), line("1", -5)], applies_to=("LJBBBBBBBBBBBBAB",)),
    ):  # fmt: skip
        assert kinds(other) == [("journalEntry", "")]


def test_a_payment_waits_for_its_invoice() -> None:
    one = bundle("payment", [line("1", 6_000), line("12", -6_000)], applies_to=("LJBBBBBBBBBBBBAB",))
    (*_, step) = target.steps(one, CHART)
    customer = RemoteDocument(kind="customer", remote_id="501", reference="LJC-1")
    memo = RemoteDocument(kind="creditMemo", remote_id="900", reference="LJBBBBBBBBBBBBAB")
    for accepted in ({"customer": customer}, {"customer": customer, "LJBBBBBBBBBBBBAB": memo}):
        with pytest.raises(NeedsReview) as refused:
            target.draft(step, CHART, accepted)
        assert refused.value.code == "netsuite-soap-invoice-missing"


@pytest.mark.parametrize(
    "lines",
    [
        [line("3", 100), line("14", -100)],  # payables are no sale
        [line("12", 100), line("3", -50), line("26", -50)],  # money back on an invoice
        [line("3", 100), line("3", -100)],  # nothing sold
        [line("3", 50), line("1", -50), line("26", 10), line("39", -10)],  # tenders that cancel out
        [line("3", 100), line("13", -100, role="inventory")],  # goods themselves
    ],
)
def test_what_no_sales_transaction_says_exactly_is_a_journal_entry(lines: list[Any]) -> None:
    assert {kind for kind, _ in kinds(bundle("sale", lines))} <= {"journalEntry"}


def test_the_cost_of_goods_stands_by_itself() -> None:
    of = bundle("sale", [line("3", 1_000), line("26", -1_000), line("33", 400, role="cogs"), line("13", -400, role="inventory")])
    assert kinds(of) == [("cashSale", ""), ("journalEntry", "-C")]


def test_many_lines_of_one_account_are_one() -> None:
    of = bundle("journal", [*[line("39", 1) for _ in range(600)], line("3", -600)])
    (step,) = (step for step in target.steps(of, CHART) if step.lines)
    assert len(step.lines) == 2


# --- tax --------------------------------------------------------------------------------------------------------------


def taxed(net: int, tax: int, code: str = "1", account: str = "15") -> list[Any]:
    return [line("3", net + tax), line("26", -net, tax_code=code, tax=Money(-tax, "GBP")), line(account, -tax, role="output_tax")]


@pytest.mark.parametrize("tax", [1_999, 2_000, 2_001])
def test_tax_is_told_by_code_with_the_penny_as_it_was_charged(tax: int) -> None:
    (row,) = rows(drafts(bundle("sale", taxed(10_000, tax)))["document"])
    assert (row["code"], row["tax"]) == ("1", f"{tax / 100:.2f}")


@pytest.mark.parametrize(
    ("tax", "code", "account"), [(1_998, "1", "15"), (2_002, "1", "15"), (2_000, "9", "15"), (2_000, "77", "15"),
                                 (2_000, "1", "17"), (2_000, "3", "15")],
)  # fmt: skip
def test_tax_that_no_code_explains_is_a_line(tax: int, code: str, account: str) -> None:
    found = rows(drafts(bundle("sale", taxed(10_000, tax, code, account)))["document"])
    assert [(row["amount"], row["code"], row["tax"]) for row in found] == [("100.00", "3", ""), (f"{tax / 100:.2f}", "3", "")]


def test_tax_whose_lines_do_not_tie_is_a_line() -> None:
    lines = [line("3", 12_500), line("26", -10_000, tax_code="1", tax=Money(-2_000, "GBP")), line("15", -2_500)]
    assert len(rows(drafts(bundle("sale", lines))["document"])) == 2


def test_an_account_without_a_code_of_zero_says_that_lines_are_not_taxable() -> None:
    bare = msgspec.structs.replace(CHART, tax_codes=())
    (row,) = node(drafts(bundle("sale", [line("3", 100), line("26", -100)]), bare)["document"]).all("itemList", "item")
    assert (row.value("isTaxable"), row.child("taxCode")) == ("false", None)


# --- currencies -------------------------------------------------------------------------------------------------------


def test_a_foreign_document_names_currency_and_rate_and_has_a_customer_of_its_own() -> None:
    lines = [line("3", 10_000, "EUR"), line("26", -10_000, "EUR")]
    made = drafts(bundle("sale", lines, rate=Decimal("0.85")))
    document = node(made["document"])
    assert (document.ref("currency"), document.value("exchangeRate")) == ("3", "0.85")
    assert node(made["customer"]).ref("currency") == "3"
    at_par = node(drafts(bundle("sale", lines))["document"])
    assert at_par.value("exchangeRate") == "1", "without it NetSuite takes a rate of its own"
    home = node(drafts(sold())["document"])
    assert (home.ref("currency"), home.value("exchangeRate")) == ("1", "")
    assert customer_key(bundle("sale", lines), CHART) != customer_key(sold(), CHART)


@pytest.mark.parametrize("chart", [msgspec.structs.replace(CHART, multicurrency=False), CHART])
def test_a_currency_that_is_not_kept_is_held_and_base_would_help(chart: Chart) -> None:
    currency = "KES" if chart is CHART else "EUR"
    with pytest.raises(NeedsReview) as refused:
        target.steps(bundle("sale", [line("3", 100, currency), line("26", -100, currency)]), chart)
    assert (refused.value.code, refused.value.facts) == ("netsuite-soap-currency", {"in_base": True})


def test_a_third_decimal_is_held() -> None:
    chart = msgspec.structs.replace(CHART, home_currency="TND")
    with pytest.raises(NeedsReview) as refused:
        target.steps(bundle("sale", [line("3", 1_001, "TND"), line("26", -1_001, "TND")]), chart)
    assert refused.value.code == "netsuite-soap-decimals"
    assert node(drafts(bundle("sale", [line("3", 1_010, "TND"), line("26", -1_010, "TND")]), chart)["document"]).all(
        "itemList", "item")[0].value("amount") == "1.010"  # fmt: skip


# --- records ----------------------------------------------------------------------------------------------------------


def test_items_are_made_once_and_used_again() -> None:
    assert [name for name in drafts(sold()) if name.startswith("item-")] == ["item-26"]
    item = RemoteItem(id="77", name="Leja 126", income_account="26")
    known = msgspec.structs.replace(CHART, items=(item,))
    made = drafts(sold(), known)
    assert list(made) == ["customer", "document"]
    assert rows(made["document"])[0]["item"] == "77"
    gone = msgspec.structs.replace(CHART, items=(msgspec.structs.replace(item, active=False),))
    assert "item-26" in drafts(sold(), gone)


def test_a_customer_is_known_by_a_digest_of_the_sources_id_and_never_by_a_name() -> None:
    made = drafts(sold())["customer"]
    record = node(made)
    assert re.fullmatch(r"LJC-[0-9A-F]{16}", made.reference)
    assert record.attributes["externalId"] == made.reference
    assert (record.value("companyName"), record.value("email")) == ("Soko & Sons", "amina@example.org")
    assert made.reference in record.value("entityId"), "two of one name do not clash"
    renamed = sold(customer=msgspec.structs.replace(AMINA, company="", name="Another"))
    assert customer_key(renamed, CHART) == made.reference
    nameless, nobody = sold(customer=Party(external_id="", name="Amina")), sold(customer=None)
    assert customer_key(nameless, CHART) == customer_key(nobody, CHART) != made.reference
    assert customer_name(nameless) == customer_name(nobody) == "Customers through Leja"


def test_records_are_upserted_and_documents_added() -> None:
    assert {name: draft.path for name, draft in drafts(sold()).items()} == {
        "item-26": "/upsertList", "customer": "/upsertList", "document": "/addList"}  # fmt: skip
    assert all(b"internalId=" not in draft.body.split(b">")[0] for draft in drafts(sold()).values()), "prohibited in an upsert"


def test_the_settings_stand_on_every_transaction() -> None:
    payables = bundle("journal", [line("39", 100), line("14", -100)])
    for of in (sold(), invoiced(), banked(), payables, bundle("payment", [line("1", 5), line("12", -5)], applies_to=("LJX",))):
        for draft in drafts(of, FULL).values():
            if draft.moves:
                assert [node(draft).ref(name) for name in ("department", "class", "location")] == ["2", "3", "4"]
    journal = node(drafts(payables, FULL)["document"])
    assert [row.ref("entity") for row in journal.all("lineList", "line")] == ["", "601"]
    item = node(drafts(sold(), FULL)["item-26"])
    assert (item.ref("taxSchedule"), item.ref("salesTaxCode")) == ("5", "")


def test_a_receivable_in_a_journal_entry_names_the_customer() -> None:
    of = bundle("journal", [line("12", 100), line("39", -100)])
    assert [row.ref("entity") for row in node(drafts(of)["document"]).all("lineList", "line")] == ["1", ""]


def test_the_memo_bears_reference_number_and_text() -> None:
    record = node(drafts(sold(number="O-1001", text="Web <order>"))["document"])
    assert record.value("memo") == "leja:LJAAAAAAAAAAAAAB O-1001 Web <order>"
    assert record.value("otherRefNum") == "O-1001"
    assert len(node(drafts(sold(text="x" * 2_000))["document"]).value("memo")) == 999
    assert record.value("tranDate") == "2026-05-03T12:00:00", "noon: the same day in the account's zone and in UTC"


def test_a_step_out_of_order_is_named() -> None:
    step = target.steps(sold(), CHART)[-1]
    with pytest.raises(BrokenInvariant) as broken:
        target.draft(step, CHART, {})
    assert broken.value.code == "netsuite-soap-step-order"


def test_the_edition_is_what_it_was() -> None:
    for edition in (read(CHART.edition), read(FULL.edition), Edition()):
        assert read(written(edition)) == edition


# --- the judges -------------------------------------------------------------------------------------------------------


EVERY = [
    sold(number="O-1"), invoiced(due=sold().date), banked(), bundle("sale", [line("3", 10), line("1", 5), line("26", -15)]),
    bundle("refund", taxed(-1_000, -200)), bundle("credit_note", [line("12", -10), line("26", 10)]),
    bundle("payment", [line("1", 5), line("12", -5)], applies_to=("LJX",)), bundle("journal", [line("12", 10), line("14", -10)]),
    bundle("sale", [line("3", 10_000, "EUR"), line("26", -10_000, "EUR")], rate=Decimal("0.85")),
]  # fmt: skip


@pytest.mark.parametrize("chart", [CHART, FULL, msgspec.structs.replace(CHART, tax_codes=())], ids=["plain", "full", "untaxed"])
def test_every_record_is_valid_by_the_vendors_schema_and_zeep_reads_what_was_meant(chart: Chart) -> None:
    for of in EVERY:
        for draft in drafts(of, chart).values():
            (record,) = judged(draft.path.strip("/"), draft.body.decode()).record
            assert record.externalId == draft.reference
            if draft.moves:
                assert record.tranDate.date() == draft.date
                assert record.memo.startswith(f"leja:{of.reference}")


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=80), st.text(max_size=80))
def test_whatever_people_type_the_record_stays_valid(name: str, text: str) -> None:
    of = invoiced(customer=Party(external_id="c-1", name=name, email=f"{text}@x"), number=text, text=name)
    for draft in drafts(of).values():
        judged(draft.path.strip("/"), draft.body.decode())
