"""What a bundle becomes, the exact bytes of each document, and that every name in them is one of the vendor's."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from leja.connectors.contract import Bundle, Chart, RemoteDocument
from leja.connectors.sap_b1 import target
from leja.connectors.sap_b1.edition import Edition, read, written
from leja.connectors.sap_b1.tests.company import bundle, company, line, taxed_invoice
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money

METADATA = Path(__file__).resolve().parents[6] / "shared" / "specs" / "sap_b1" / "service_layer_v2_metadata.xml"


@pytest.fixture(scope="module")
def chart() -> Chart:
    with company() as there:
        return there.chart()


def kinds(of: Bundle, chart: Chart) -> list[tuple[str, str]]:
    return [(step.kind, step.reference.removeprefix(of.reference)) for step in target.steps(of, chart) if step.lines]


def drafted(of: Bundle, chart: Chart) -> dict[str, Any]:
    """Every body of a bundle by its step, its steps accepted as they come."""
    accepted: dict[str, RemoteDocument] = {
        reference: RemoteDocument(kind="Invoices", remote_id="900", reference=reference) for reference in of.applies_to
    }
    bodies = {}
    for number, step in enumerate(target.steps(of, chart), start=1):
        draft = target.draft(step, chart, accepted)
        key = step.reference if step.kind == "BusinessPartners" else str(number)
        accepted[step.name] = RemoteDocument(kind=step.kind, remote_id=key, reference=step.reference)
        bodies[step.name] = json.loads(draft.body, parse_float=Decimal)
    return bodies


# --- which documents --------------------------------------------------------------------------------------------------


def test_money_taken_at_once_is_an_invoice_and_a_payment_per_tender(chart: Chart) -> None:
    sale = bundle("sale", [line("111060", 10_000), line("111010", 2_000), line("230010", 1_000), line("410010", -13_000)])
    assert kinds(sale, chart) == [("Invoices", ""), ("IncomingPayments", "-P1"), ("IncomingPayments", "-P2")]
    bodies = drafted(sale, chart)
    rows = bodies["document"]["DocumentLines"]
    assert [(row["AccountCode"], row["LineTotal"]) for row in rows] == [("230010", Decimal("-10.00")), ("410010", 130)]
    assert [bodies[f"payment-{n}"]["TransferSum"] for n in (1, 2)] == [100, 20]
    assert bodies["payment-1"]["PaymentInvoices"] == [{"DocEntry": "2", "SumApplied": 100, "InvoiceType": "it_Invoice"}]


def test_money_given_back_is_a_credit_memo_and_an_outgoing_payment(chart: Chart) -> None:
    refund = bundle("refund", [line("410010", 2_000), line("111060", -2_000)])
    assert kinds(refund, chart) == [("CreditNotes", ""), ("VendorPayments", "-P1")]
    paid = drafted(refund, chart)["payment-1"]
    assert (paid["DocType"], paid["PaymentInvoices"][0]["InvoiceType"]) == ("rCustomer", "it_CredItnote")


@pytest.mark.parametrize(
    ("kind", "lines", "wanted"),
    [
        ("sale", [("111060", 1_000), ("111010", -100), ("410010", -900)], [("JournalEntries", "")]),
        ("sale", [("111060", 1_000), ("410010", -900), ("210000", -100)], [("JournalEntries", "")]),
        ("sale", [("230010", 500), ("410010", -500)], [("JournalEntries", "")]),
        ("invoice", [("130000", 1_000), ("111010", 200), ("410010", -1_200)], [("Invoices", ""), ("IncomingPayments", "-P1")]),
        ("credit_note", [("130000", -300), ("410010", 300)], [("CreditNotes", "")]),
        ("payout", [("111010", 95), ("610020", 5), ("111060", -100)], [("JournalEntries", "")]),
        ("payment", [("111010", 60), ("130000", -60)], [("JournalEntries", "")]),
    ],
)
def test_what_cannot_be_told_exactly_by_documents_is_a_journal(
    chart: Chart, kind: str, lines: list[tuple[str, int]], wanted: list[tuple[str, str]]
) -> None:
    assert kinds(bundle(kind, [line(*one) for one in lines]), chart) == wanted


def test_receivables_that_the_chart_does_not_tell_apart_leave_the_journal(chart: Chart) -> None:
    other = msgspec.structs.replace(chart.accounts[0], id="139999", kind="receivable", active=True)
    two = msgspec.structs.replace(chart, accounts=(*chart.accounts, other))
    sale = bundle("sale", [line("111060", 1_000), line("410010", -1_000)])
    assert kinds(sale, two) == [("JournalEntries", "")]
    untaxable = msgspec.structs.replace(chart, tax_codes=tuple(c for c in chart.tax_codes if c.rate))
    assert kinds(sale, untaxable) == [("JournalEntries", "")]


def test_a_payment_applies_to_the_invoice_it_pays_or_waits_for_it(chart: Chart) -> None:
    paid = bundle("payment", [line("111010", 60), line("130000", -60)], applies_to=("LJAAAAAAAAAAAAAC",))
    assert drafted(paid, chart)["document"]["PaymentInvoices"][0]["DocEntry"] == "900"
    step = target.steps(paid, chart)[-1]
    partner = RemoteDocument(kind="BusinessPartners", remote_id="LJ1", reference="LJ1")
    journal = RemoteDocument(kind="JournalEntries", remote_id="7", reference="LJAAAAAAAAAAAAAC")
    for accepted in ({"customer": partner}, {"customer": partner, "LJAAAAAAAAAAAAAC": journal}):
        with pytest.raises(NeedsReview):
            target.draft(step, chart, accepted)
    with pytest.raises(BrokenInvariant):
        target.draft(step, chart, {"LJAAAAAAAAAAAAAC": msgspec.structs.replace(journal, kind="Invoices")})


def test_a_preview_hands_on_names_instead_of_ids(chart: Chart) -> None:
    steps = target.steps(bundle("sale", [line("111060", 1_000), line("410010", -1_000)]), chart)
    names = {step.name: RemoteDocument(kind=step.kind, remote_id=f"({step.name})", reference=step.reference) for step in steps}
    body = json.loads(target.draft(steps[-1], chart, names).body)
    assert body["PaymentInvoices"][0]["DocEntry"] == "(document)"


# --- tax --------------------------------------------------------------------------------------------------------------


def test_tax_is_told_by_group_where_both_ways_of_rounding_agree(chart: Chart) -> None:
    rows = drafted(taxed_invoice(), chart)["document"]["DocumentLines"]
    assert [(row["AccountCode"], row["VatGroup"]) for row in rows] == [("410010", "O1")]


@pytest.mark.parametrize("tax", [4_001, 3_999, 0])
def test_tax_that_the_company_would_compute_otherwise_is_a_row(chart: Chart, tax: int) -> None:
    rows = drafted(taxed_invoice(tax=tax), chart)["document"]["DocumentLines"] if tax else []
    assert {row["VatGroup"] for row in rows} <= {"O0"}
    assert sum(row["LineTotal"] for row in rows) == (Decimal(20_000 + tax) / 100 if tax else 0)


def test_rows_that_agree_alone_and_not_in_sum_bear_no_group(chart: Chart) -> None:
    lines = [line("410010", -33, tax_code="O1", tax=Money(-7, "GBP")) for _ in range(3)]
    told = bundle("invoice", [line("130000", 120), *lines, line("220010", -21, role="output_tax")])
    assert {row["VatGroup"] for row in drafted(told, chart)["document"]["DocumentLines"]} == {"O0"}


def test_rows_that_agree_in_sum_and_not_alone_bear_no_group(chart: Chart) -> None:
    lines = [line("410010", -33, tax_code="O1", tax=Money(tax, "GBP")) for tax in (-6, -7)]
    told = bundle("invoice", [line("130000", 79), *lines, line("220010", -13, role="output_tax")])
    assert {row["VatGroup"] for row in drafted(told, chart)["document"]["DocumentLines"]} == {"O0"}


def test_sales_tax_codes_stand_in_their_own_field_and_never_compute(chart: Chart) -> None:
    american = msgspec.structs.replace(chart, edition=written(Edition(country="US", tax_field="TaxCode")))
    rows = drafted(taxed_invoice(), american)["document"]["DocumentLines"]
    assert [(row["TaxCode"], row["AccountCode"]) for row in rows] == [("O0", "410010"), ("O0", "220010")]


# --- the company's ways -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", [Edition(), Edition(country="GB"), Edition(country="GB", orders=True, branch=2, tax_field="TaxCode",
                                     series={"Invoices": 4, "Orders": 6})])  # fmt: skip
def test_an_edition_survives_being_written(edition: Edition) -> None:
    assert read(written(edition)) == edition


def test_an_invoice_is_drawn_from_an_order_of_its_own_and_closes_it() -> None:
    with company(orders=True) as there:
        drafts, accepted = there.tell(taxed_invoice())
        assert [draft.kind for draft in drafts] == ["BusinessPartners", "Orders", "Invoices"]
        body = there.control("document", kind="Orders", id=accepted["order"].remote_id)["body"]
        assert body["DocumentStatus"] == "bost_Close"
        assert there.ledger() == {"130000": 24_000, "410010": -20_000, "220010": -4_000}
        (finding,) = there.run(target.find(there.session, [drafts[1]]))
        assert finding.document == accepted["order"]


def test_a_company_with_branches_gets_one_in_every_document() -> None:
    with company(branch=2, stand_in={"branches": [1, 2]}) as there:
        there.tell(bundle("sale", [line("111060", 1_000), line("410010", -1_000)]))
        there.tell(bundle("fee", [line("610020", 120), line("111060", -120)], "LJAAAAAAAAAAAAAC"))
        assert there.ledger() == {"111060": 880, "410010": -1_000, "610020": 120}


def test_a_series_is_found_by_its_name_for_each_kind() -> None:
    with company(series="Primary") as there:
        chart = there.chart()
        assert read(chart.edition).series["Invoices"] == 4
        drafts, _ = there.tell(taxed_invoice(), chart)
        assert json.loads(drafts[-1].body)["Series"] == 4
    with company(series="None such") as there:
        assert read(there.chart().edition).series == {}


def test_accounts_with_segments_are_told_by_their_system_codes() -> None:
    with company(stand_in={"segmented": True}) as there:
        chart = there.chart()
        bank = next(account for account in chart.accounts if account.code == "111010")
        assert bank.id == "_SYS00000111010"
        assert {a.kind for a in chart.accounts if a.code in ("130000", "510010", "140000", "310010", "230010")} == {
            "receivable", "cost_of_sales", "current_asset", "equity", "current_liability"}  # fmt: skip


def test_title_and_frozen_accounts_are_not_active() -> None:
    with company() as there:
        there.control("deactivate", kind="ChartOfAccounts", id="410020")
        active = {account.code: account.active for account in there.chart().accounts}
        assert (active["410020"], active["400000"], active["410010"]) == (False, False, True)


def test_control_accounts_can_be_stated() -> None:
    with company(receivable_account="120010", payable_account="210000") as there:
        kinds_of = {account.code: account.kind for account in there.chart().accounts}
        assert (kinds_of["120010"], kinds_of["210000"]) == ("receivable", "payable")


@pytest.mark.parametrize(
    ("locks", "until"),
    [
        ([], None),
        ([("lock", {"day": "2026-04-30"})], "2026-04-30"),
        ([("lock", {"day": "2026-04-30"}), ("period", {"month": "2026-05", "status": "ltUnlockedExceptSales"})], "2026-05-31"),
        ([("lock", {"day": "2026-04-30"}), ("period", {"month": "2026-05", "status": "ltPeriodClosing"})], "2026-05-31"),
        ([("lock", {"day": "2026-04-30"}), ("period", {"month": "2026-06", "status": "ltLocked"})], "2026-04-30"),
        ([("lock", {"day": "2025-12-31"})], "2025-12-31"),
    ],
)
def test_the_lock_is_the_end_of_the_periods_that_no_open_one_comes_before(
    locks: list[tuple[str, dict[str, str]]], until: str | None
) -> None:
    with company() as there:
        for action, given in locks:
            there.control(action, **given)
        assert str(there.chart().locked_until or "") == (until or "")


def test_the_group_for_untaxed_rows_can_be_chosen() -> None:
    with company(untaxed="OX") as there:
        assert next(code.id for code in there.chart().tax_codes if code.rate == 0) == "OX"


def test_one_currency_holds_what_is_foreign_and_says_that_base_would_do() -> None:
    with company(stand_in={"currencies": ["GBP"], "system_currency": "GBP"}) as there:
        chart = there.chart()
        assert not chart.multicurrency
        with pytest.raises(NeedsReview) as held:
            target.steps(bundle("fee", [line("610020", 1, "EUR"), line("111060", -1, "EUR")]), chart)
        assert held.value.facts["in_base"] is True


# --- the vendor's names -----------------------------------------------------------------------------------------------


def _named(metadata: str, of: str) -> set[str]:
    block = re.search(rf'<(EntityType|ComplexType) Name="{of}".*?</\1>', metadata, re.DOTALL)
    assert block, of
    return set(re.findall(r'Property Name="(\w+)"', block.group(0)))


@pytest.mark.skipif(not METADATA.is_file(), reason="NOT RUN: ../shared is absent")
def test_every_property_that_is_sent_is_one_of_the_vendors(chart: Chart) -> None:
    metadata = METADATA.read_text()
    everything = msgspec.structs.replace(chart, edition=written(Edition(country="GB", orders=True, branch=1, series=dict.fromkeys(("Orders", "Invoices", "CreditNotes", "IncomingPayments", "VendorPayments", "JournalEntries"), 1))))  # fmt: skip
    told = [taxed_invoice(), taxed_invoice(currency="GBP"),
            bundle("sale", [line("111060", 1_000, "EUR"), line("410010", -1_000, "EUR")], rate=Decimal("0.85")),
            bundle("refund", [line("410010", 2_000), line("111060", -2_000)]),
            bundle("fee", [line("610020", 1, "EUR"), line("210000", -1, "EUR")], rate=Decimal("0.85"))]  # fmt: skip
    shapes = {"document": "Document", "order": "Document", "payment-1": "Payment", "customer": "BusinessPartner",
              "supplier": "BusinessPartner"}  # fmt: skip
    inner = {"DocumentLines": "DocumentLine", "PaymentInvoices": "PaymentInvoice", "JournalEntryLines": "JournalEntryLine"}
    keys = {"BusinessPartner": {"CardCode"}, "JournalEntry": {"JournalEntryLines"}, "Document": {"DocumentLines"},
            "Payment": {"PaymentInvoices"}}  # fmt: skip
    seen = set()
    for each in told:
        for name, body in drafted(each, everything).items():
            shape = "JournalEntry" if "JournalEntryLines" in body else shapes[name]
            assert set(body) <= _named(metadata, shape) | keys.get(shape, set()), (name, shape)
            seen.add(shape)
            for field, of in inner.items():
                for row in body.get(field, ()):
                    assert set(row) <= _named(metadata, of), (name, of)
                    seen.add(of)
    assert len(seen) == 7


def test_what_is_told_and_what_stands_there_are_the_same_bundle() -> None:
    with company() as there:
        sale = bundle("daily", [line("111060", 10_450), line("230010", 1_000), line("410010", -9_500, tax_code="O1", tax=Money(-1_900, "GBP")),
                                line("220010", -1_900, role="output_tax"), line("410010", -50)])  # fmt: skip
        _, accepted = there.tell(sale)
        assert there.ledger() == {"111060": 10_450, "230010": 1_000, "410010": -9_550, "220010": -1_900}
        assert all(isinstance(document, RemoteDocument) for document in accepted.values())
