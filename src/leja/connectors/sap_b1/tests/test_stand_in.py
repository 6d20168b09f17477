"""The stand-in of SAP Business One, driven over loopback; every answer is held against the vendor's ``$metadata``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.sap_b1.stand_in import STAND_IN
from leja.connectors.sap_b1.stand_in_shapes import ENUMS, SETS, SHAPES
from leja_sandbox.kit import SimulatedClock
from leja_sandbox.server import SandboxServer

SHARED = Path(__file__).resolve().parents[5].parent / "shared"
METADATA = SHARED / "specs" / "sap_b1" / "service_layer_v2_metadata.xml"
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
LOGIN = {"CompanyDB": "SBODEMOGB", "UserName": "manager", "Password": "sandbox-password"}
_KINDS = {"i": "Edm.Int32", "n": "Edm.Double", "d": "Edm.DateTimeOffset", "t": "Edm.String", "T": "Edm.TimeOfDay"}


@lru_cache(maxsize=1)
def metadata() -> tuple[dict[str, dict[str, str]], dict[str, set[str]], dict[str, tuple[str, tuple[str, ...]]]]:
    """Types with the types of their properties, enumerations with their members, entity sets with type and key."""
    if not METADATA.is_file():
        pytest.skip("NOT RUN: ../shared/specs/sap_b1 is absent, so the vendor's $metadata cannot judge")
    root = ElementTree.parse(METADATA).getroot()
    types, keys = {}, {}
    for kind in ("EntityType", "ComplexType"):
        for each in root.iter(_EDM + kind):
            types[each.get("Name", "")] = {
                p.get("Name", ""): p.get("Type", "") for p in each.findall(_EDM + "Property")
            }
            keys[each.get("Name", "")] = tuple(ref.get("Name", "") for ref in each.iter(_EDM + "PropertyRef"))
    enums = {e.get("Name", ""): {m.get("Name", "") for m in e} for e in root.iter(_EDM + "EnumType")}
    sets = {}
    for each in root.iter(_EDM + "EntitySet"):
        name = each.get("EntityType", "").removeprefix("SAPB1.")
        sets[each.get("Name", "")] = (name, keys.get(name, ()))
    return types, enums, sets


def wrong(value: Any, edm: str, path: str) -> Iterator[str]:
    """What of a value the vendor's ``$metadata`` does not allow."""
    types, enums, _sets = metadata()
    inner = edm.removeprefix("Collection(").removesuffix(")").removeprefix("SAPB1.")
    if value is None:
        return
    if edm.startswith("Collection("):
        for row in value if isinstance(value, list) else [("no list",)]:
            yield from wrong(row, f"SAPB1.{inner}", path)
    elif inner in enums:
        if value not in enums[inner]:
            yield f"{path}: {value} is no {inner}"
    elif inner in types:
        for name, part in value.items():
            if name not in types[inner]:
                if not name.startswith(("@odata.", "U_")):
                    yield f"{path}.{name}"
            else:
                yield from wrong(part, types[inner][name], f"{path}.{name}")
    elif not {
        "Edm.Int32": lambda: isinstance(value, int), "Edm.Double": lambda: isinstance(value, (int, Decimal)),
        "Edm.String": lambda: isinstance(value, str),
        "Edm.DateTimeOffset": lambda: bool(re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", str(value))),
        "Edm.TimeOfDay": lambda: bool(re.fullmatch(r"\d\d:\d\d:\d\d", str(value))),
    }[edm]():  # fmt: skip
        yield f"{path}: {value!r} is no {edm}"


class Running:
    """A company that is served; every JSON answer of its objects is held against the vendor's document."""

    def __init__(self, path: Path | None = None, version: str = "v2", **own: Any) -> None:
        self.clock = SimulatedClock(START)
        self.sandbox = SandboxServer(
            data_dir=path, specs={"sap_b1": STAND_IN}, clock=self.clock, own_ports=True, settings={"sap_b1": own}
        ).start()
        self.stand_in = self.sandbox.stand_in("sap_b1")
        self.http = httpx2.Client(base_url=f"{self.sandbox.root_url('sap_b1')}/b1s/{version}", trust_env=False)
        assert self.http.post("/Login", json=LOGIN).status_code == 200

    def control(self, action: str, /, **arguments: Any) -> Any:
        return self.stand_in.control.call(action, **arguments)

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        content = None if body is None else json.dumps(body, default=str)
        answer = self.http.request(method, path, content=content, **options)
        assert answer.status_code == status, answer.text
        value = json.loads(answer.text, parse_float=Decimal) if answer.text[:1] == "{" else answer.text
        kind = path.split("?")[0].split("(")[0].strip("/")
        if status < 300 and isinstance(value, dict) and kind in SETS and METADATA.is_file():
            for row in value.get("value", [value]):
                assert list(wrong(row, f"SAPB1.{SETS[kind][0]}", kind)) == []
        return value

    def get(self, path: str, **options: Any) -> Any:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, status: int = 201, **options: Any) -> Any:
        return self.call("POST", path, body, status, **options)

    def invoice(self, *lines: dict[str, Any], **head: Any) -> Any:
        rows = [{"ItemCode": "SALE", **line} for line in lines or ({"UnitPrice": "100"},)]
        return self.post("/Invoices", {"CardCode": "C10000", "DocDate": "2026-05-04", **head, "DocumentLines": rows})

    def posted(self, kind: str, document: Any) -> dict[str, int]:
        """What a document posted: minor units by account."""
        found: dict[str, int] = {}
        for row in self.control("document", kind=kind, id=str(document["DocEntry"]))["postings"]:
            found[row["account"]] = found.get(row["account"], 0) + row["minor"]
        return found

    def code(self, method: str, path: str, body: Any = None, status: int = 400, **options: Any) -> tuple[str, str]:
        error = self.call(method, path, body, status, **options)["error"]
        return error["code"], error["message"]

    def close(self) -> None:
        self.http.close()
        self.sandbox.stop()


@pytest.fixture
def company() -> Iterator[Running]:
    running = Running(foreign=False)
    yield running
    running.close()


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_every_property_is_one_of_the_vendors_with_its_type() -> None:
    types, enums, sets = metadata()
    for shape, fields in SHAPES.items():
        if shape == "UserTable":
            continue
        for field in fields.values():
            edm = types[shape][field.name]
            if field.kind == "e":
                assert edm == f"SAPB1.{field.of}", (shape, field)
                assert set(ENUMS[field.of]) <= enums[field.of]
            elif field.kind == "c":
                assert edm == f"Collection(SAPB1.{field.of})", (shape, field)
            else:
                assert edm == _KINDS[field.kind], (shape, field)
    for name, (shape, key, _table) in SETS.items():
        assert sets[name] == (shape, key), name


def test_a_misspelt_property_is_refused_wherever_it_stands(company: Running) -> None:
    line = {"ItemCode": "SALE", "UnitPrice": 1}
    assert company.code("POST", "/Invoices", {"CardCode": "C10000", "Foo": 1, "DocumentLines": [line]}) == (
        "-1000", "Property 'Foo' of 'Document' is invalid")  # fmt: skip
    wrong_line = {"CardCode": "C10000", "DocumentLines": [{**line, "Vatgroup": "O1"}]}
    assert company.code("POST", "/Invoices", wrong_line) == (
        "-1000",
        "Property 'Vatgroup' of 'DocumentLine' is invalid",
    )
    assert company.code("POST", "/Invoices", {"CardCode": "C10000", "NumAtCard": "x" * 101})[1].endswith(
        "Value too long in property 'NumAtCard' of 'Document'")  # fmt: skip
    for name, value in (
        ("DocDate", "2026-02-30"),
        ("Series", True),
        ("Rounding", "yes"),
        ("DiscountPercent", "1e400"),
        ("DocumentLines", {}),
    ):
        assert company.code("POST", "/Invoices", {"CardCode": "C10000", name: value})[0] == "-1000"
    assert company.stand_in.ledger() == []


def test_values_may_be_text_or_the_databases_letter(company: Running) -> None:
    made = company.post(
        "/BusinessPartners", {"CardCode": "C9", "CardName": "Nine", "CardType": "C", "CurrentAccountBalance": 5}
    )
    assert (made["CardType"], made["CurrentAccountBalance"]) == ("cCustomer", 0)
    assert company.invoice({"Quantity": "3", "UnitPrice": "0.10"}, CardCode="C9")["DocTotal"] == Decimal("0.36")


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_is_two_cookies_and_ends_after_idle_minutes(company: Running) -> None:
    answer = httpx2.post(f"{company.http.base_url}Login", json=LOGIN)
    assert [line.split("=")[0] for line in answer.headers.get_list("set-cookie")] == ["B1SESSION", "ROUTEID"]
    assert answer.json()["SessionTimeout"] == 30
    company.clock.advance(29 * 60)
    company.get("/Items('SALE')")
    company.clock.advance(29 * 60)
    company.get("/Items('SALE')")
    company.clock.advance(31 * 60)
    assert company.code("GET", "/Items('SALE')", status=401) == ("301", "Invalid session or session already timeout.")
    refused = httpx2.post(f"{company.http.base_url}Login", json={**LOGIN, "Password": "no"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "-304")


def test_a_fault_ends_the_session_and_a_new_login_goes_on(company: Running) -> None:
    company.control("fault", kind="token_expired", path="POST */Invoices", times=1)
    company.code("POST", "/Invoices", {"CardCode": "C10000"}, status=401)
    company.http.post("/Login", json=LOGIN)
    company.invoice()
    company.http.post("/Logout")
    company.code("GET", "/Items('SALE')", status=401)


# --- documents and their postings -------------------------------------------------------------------------------------


def test_an_invoice_posts_to_the_cent(company: Running) -> None:
    made = company.invoice(
        {"Quantity": 3, "UnitPrice": "3.335", "VatGroup": "O1"}, {"PriceAfterVAT": "9.99", "VatGroup": "O2"},
        {"ItemCode": "SHIPPING", "LineTotal": "4.00", "VatGroup": "O0"},
    )  # fmt: skip
    # 10.01 + 2.00 tax; 9.99 with 5 %: 9.51 + 0.48; 4.00 without
    assert (made["DocTotal"], made["VatSum"]) == (Decimal("26.00"), Decimal("2.48"))
    assert company.posted("Invoices", made) == {"130000": 2600, "410010": -1952, "410020": -400, "220010": -248}
    entry = company.get(f"/JournalEntries({made['TransNum']})")
    assert (entry["OriginalJournal"], entry["Original"], entry["ReferenceDate"]) == (
        "ttARInvoice", made["DocEntry"], "2026-05-04T00:00:00Z")  # fmt: skip
    assert entry["JournalEntryLines"][0]["ShortName"] == "C10000"
    assert made["DocNum"] != made["DocEntry"]
    assert company.get("/BusinessPartners('C10000')")["CurrentAccountBalance"] == Decimal("26.00")
    assert company.get("/ChartOfAccounts('130000')")["Balance"] == Decimal("26.00")


def test_header_discount_rounding_and_freight(company: Running) -> None:
    made = company.invoice(
        {"UnitPrice": "10.00"}, {"UnitPrice": "0.03"}, DiscountPercent="10", Rounding="tYES", RoundingDiffAmount="-0.01",
        DocumentAdditionalExpenses=[{"ExpenseCode": 1, "LineTotal": "5.00", "VatGroup": "O1"}],
    )  # fmt: skip
    # 10.03 less 1.00; tax 1.80 + 0.01; freight 5.00 + 1.00; rounding -0.01
    assert made["DocTotal"] == Decimal("16.83")
    assert company.posted("Invoices", made) == {
        "130000": 1683,
        "410010": -903,
        "410020": -500,
        "220010": -281,
        "710020": 1,
    }


def test_tax_per_row_or_per_group(company: Running) -> None:
    rows = [{"UnitPrice": "0.02"}] * 5
    assert company.invoice(*rows)["VatSum"] == 0
    company.control("rounding", per_document=True)
    assert company.invoice(*rows)["VatSum"] == Decimal("0.02")
    assert company.post("/CompanyService_GetCompanyInfo", status=200)["GroupLinesInVATCalculation"] == "tYES"


def test_an_inventory_item_moves_its_cost(company: Running) -> None:
    company.post("/Items", {"ItemCode": "MUG", "ItemName": "Mug", "InventoryItem": "tYES", "AvgStdPrice": "2.50"})
    made = company.invoice({"ItemCode": "MUG", "Quantity": 2, "UnitPrice": 10})
    assert company.posted("Invoices", made)["510010"] == 500
    assert company.posted("Invoices", made)["140000"] == -500


def test_an_order_becomes_an_invoice_once(company: Running) -> None:
    head = {"CardCode": "C10000", "DocDate": "2026-05-04"}
    line = {"ItemCode": "SALE", "Quantity": 2, "UnitPrice": 5}
    assert company.code("POST", "/Orders", {**head, "DocumentLines": [line]})[1].startswith("Enter valid date")
    order = company.post("/Orders", {**head, "DocDueDate": "2026-05-09", "DocumentLines": [line]})
    assert company.stand_in.ledger() == []
    based = {**head, "DocumentLines": [{"BaseType": 17, "BaseEntry": order["DocEntry"], "BaseLine": 0}]}
    assert company.post("/Invoices", based)["DocTotal"] == Decimal("12.00")
    assert company.get(f"/Orders({order['DocEntry']})")["DocumentStatus"] == "bost_Close"
    code, words = company.code("POST", "/Invoices", based)
    assert (code, words.split("  [")[0]) == ("-5002", "One of the base documents has already been closed")


def test_a_credit_note_of_an_invoice_settles_it(company: Running) -> None:
    invoice = company.invoice({"UnitPrice": 100})
    line = {"BaseType": 13, "BaseEntry": invoice["DocEntry"], "BaseLine": 0, "UnitPrice": 40}
    note = company.post("/CreditNotes", {"CardCode": "C10000", "DocDate": "2026-05-05", "DocumentLines": [line]})
    assert company.posted("CreditNotes", note) == {"130000": -4800, "410010": 4000, "220010": 800}
    after = company.get(f"/Invoices({invoice['DocEntry']})")
    assert (after["PaidToDate"], after["DocumentStatus"]) == (Decimal("48.00"), "bost_Open")
    assert company.get(f"/CreditNotes({note['DocEntry']})")["DocumentStatus"] == "bost_Close"


def pay(company: Running, invoice: Any, amount: str, status: int = 201, **head: Any) -> Any:
    body = {"CardCode": "C10000", "DocDate": "2026-05-06", "TransferAccount": "111010", "TransferSum": amount, **head}
    body.setdefault(
        "PaymentInvoices", [{"DocEntry": invoice["DocEntry"], "SumApplied": amount, "InvoiceType": "it_Invoice"}]
    )
    return company.post("/IncomingPayments", body, status)


def test_a_payment_closes_what_it_pays_and_no_more(company: Running) -> None:
    invoice = company.invoice({"UnitPrice": 100})
    assert pay(company, invoice, "120.01", 400)["error"]["code"] == "-10"
    paid = pay(company, invoice, "120.00")
    assert company.posted("IncomingPayments", paid) == {"111010": 12000, "130000": -12000}
    assert company.get(f"/Invoices({invoice['DocEntry']})")["DocumentStatus"] == "bost_Close"
    assert pay(company, invoice, "1.00", 400)["error"]["message"].startswith("Invoice is already closed or blocked")
    company.code("POST", f"/Invoices({invoice['DocEntry']})/Cancel")
    company.post(f"/IncomingPayments({paid['DocEntry']})/Cancel", status=204)
    assert company.get(f"/Invoices({invoice['DocEntry']})")["PaidToDate"] == 0
    assert company.stand_in.ledger() != []
    assert "111010" not in {row.account for row in company.stand_in.ledger()}


def test_a_refund_pays_a_credit_note_out(company: Running) -> None:
    line = {"ItemCode": "SALE", "UnitPrice": 10}
    note = company.post("/CreditNotes", {"CardCode": "C10000", "DocDate": "2026-05-05", "DocumentLines": [line]})
    body = {"DocType": "rCustomer", "CardCode": "C10000", "DocDate": "2026-05-06", "TransferAccount": "111010",
            "TransferSum": 12, "PaymentInvoices": [{"DocEntry": note["DocEntry"], "InvoiceType": "it_CredItnote"}]}  # fmt: skip
    paid = company.post("/VendorPayments", body)
    assert company.posted("VendorPayments", paid) == {"111010": -1200, "130000": 1200}
    assert company.get(f"/CreditNotes({note['DocEntry']})")["DocumentStatus"] == "bost_Close"


def test_a_foreign_invoice_and_its_payment_at_another_rate(company: Running) -> None:
    company.post("/BusinessPartners", {"CardCode": "CUSD", "CardName": "Overseas", "Currency": "##"})
    made = company.invoice(
        {"UnitPrice": "33.33"}, {"UnitPrice": "33.33"}, CardCode="CUSD", DocCurrency="USD", DocRate="0.79"
    )
    assert (made["DocTotalFc"], made["DocTotal"], made["DocTotalSys"]) == (
        Decimal("80.00"),
        Decimal("63.20"),
        Decimal("74.35"),
    )
    company.control("rate", currency="USD", day="2026-05-06", rate="0.75")
    paid = [{"DocEntry": made["DocEntry"], "AppliedFC": "80.00"}]
    receipt = pay(company, made, "80.00", CardCode="CUSD", DocCurrency="USD", PaymentInvoices=paid)
    shown = company.control("document", kind="IncomingPayments", id=str(receipt["DocEntry"]))["postings"]
    assert [(row["account"], row["minor"], row["home_minor"]) for row in shown] == [
        ("111010", 8000, 6000), ("130000", -8000, -6320), ("710010", 0, 320)]  # fmt: skip
    assert company.get(f"/Invoices({made['DocEntry']})")["DocumentStatus"] == "bost_Close"
    assert company.get("/BusinessPartners('CUSD')")["CurrentAccountBalance"] == 0


def test_a_missing_rate_is_asked_for(company: Running) -> None:
    running = Running(foreign=False, rates={"EUR": "0.85"})
    try:
        running.post("/BusinessPartners", {"CardCode": "CUSD", "CardName": "Overseas", "Currency": "USD"})
        body = {"CardCode": "CUSD", "DocDate": "2026-05-04", "DocumentLines": [{"ItemCode": "SALE", "UnitPrice": 1}]}
        assert running.code("POST", "/Invoices", body)[1].startswith("Update the exchange rate")
        running.post("/SBOBobService_SetCurrencyRate", {"Currency": "USD", "Rate": "0.8", "RateDate": "20260504"}, 204)
        running.post("/Invoices", body)
    finally:
        running.close()


def test_a_cancellation_is_a_second_document_that_undoes_the_first(company: Running) -> None:
    made = company.invoice({"UnitPrice": 100}, NumAtCard="shop-1")
    twin = company.post(f"/Invoices({made['DocEntry']})/CreateCancellationDocument", status=200)
    assert (twin["CancelStatus"], twin["NumAtCard"]) == ("csCancellation", "shop-1")
    before = company.get(f"/Invoices({made['DocEntry']})")
    assert (before["Cancelled"], before["CancelStatus"], before["DocumentStatus"]) == ("tYES", "csYes", "bost_Close")
    assert company.stand_in.ledger() == []
    company.code("POST", f"/Invoices({made['DocEntry']})/Cancel")
    company.code("POST", f"/Invoices({twin['DocEntry']})/Cancel")
    assert company.code("DELETE", f"/Invoices({made['DocEntry']})")[0] == "-5006"
    other = company.invoice({"UnitPrice": 1})
    company.post(
        "/InvoicesService_Cancel2", {"Document": {"DocEntry": other["DocEntry"], "DocDate": "2026-05-20"}}, 204
    )
    assert {(row.account, row.day) for row in company.stand_in.ledger()} >= {("410010", date(2026, 5, 20))}


# --- journal entries --------------------------------------------------------------------------------------------------


def lines(*rows: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"AccountCode": a, "Debit" if Decimal(v) > 0 else "Credit": str(abs(Decimal(v)))} for a, v in rows]


def test_a_journal_entry_balances_or_is_refused(company: Running) -> None:
    body = {"ReferenceDate": "2026-05-04", "Memo": "day", "Reference": "r-1"}
    made = company.post("/JournalEntries", {**body, "JournalEntryLines": lines(("111010", "5"), ("410010", "-5"))})
    assert (made["Memo"], made["Reference"], made["OriginalJournal"]) == ("day", "r-1", "ttJournalEntry")
    for rows, words in (
        (lines(("111010", "5"), ("410010", "-4.99")), "Unbalanced Transaction"),
        (lines(("130000", "5"), ("410010", "-5")), "Control account"),
        (lines(("110000", "5"), ("410010", "-5")), "'110000' is a title account"),
        (lines(("111010", "0.001"), ("410010", "-0.001")), "Amount has too many decimals"),
    ):
        assert company.code("POST", "/JournalEntries", {**body, "JournalEntryLines": rows})[1].startswith(words)
    unknown = {**body, "JournalEntryLines": lines(("111010", "5"), ("999", "-5"))}
    assert company.code("POST", "/JournalEntries", unknown, status=404)[0] == "-2028"
    card = [{"ShortName": "C10000", "Debit": 5}, {"AccountCode": "410010", "Credit": 5}]
    shown = company.post("/JournalEntries", {**body, "JournalEntryLines": card})["JournalEntryLines"][0]
    assert (shown["AccountCode"], shown["ShortName"]) == ("130000", "C10000")
    assert company.code("PATCH", f"/JournalEntries({made['JdtNum']})", {"ReferenceDate": "2026-05-05"})[0] == "-1029"
    company.call("PATCH", f"/JournalEntries({made['JdtNum']})", {"Memo": "night"}, 204)
    company.post(f"/JournalEntries({made['JdtNum']})/Cancel", status=204)
    company.code("POST", f"/JournalEntries({made['JdtNum']})/Cancel")


_AMOUNTS = st.lists(st.integers(-10_000_00, 10_000_00).filter(bool), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def lasting() -> Iterator[Running]:
    running = Running(foreign=False)
    running.post("/BusinessPartners", {"CardCode": "CALL", "CardName": "Overseas", "Currency": "##"})
    yield running
    running.close()


@given(_AMOUNTS, st.decimals("0.01", "9", places=4))
@settings(max_examples=40, deadline=None)
def test_every_entry_balances_in_each_currency(lasting: Running, amounts: list[int], rate: Decimal) -> None:
    rows = [
        {
            "ItemCode": "SALE",
            "Quantity": 1,
            "UnitPrice": str(Decimal(abs(a)).scaleb(-2)),
            "VatGroup": ("O1", "O2")[a % 2],
        }
        for a in amounts
    ]
    made = lasting.post("/Invoices", {"CardCode": "CALL", "DocDate": "2026-05-04", "DocCurrency": "USD", "DocRate": str(rate),
                                      "DocumentLines": rows})  # fmt: skip
    entry = lasting.get(f"/JournalEntries({made['TransNum']})")["JournalEntryLines"]
    for debit, credit in (("Debit", "Credit"), ("DebitSys", "CreditSys"), ("FCDebit", "FCCredit")):
        assert sum(row[debit] for row in entry) == sum(row[credit] for row in entry)
    assert entry[0]["FCDebit"] == made["DocTotalFc"]
    assert entry[0]["Debit"] == made["DocTotal"]


def _bodies(shape: str, least: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies of a type: any property with a value of its kind or of another."""
    numbers = st.one_of(st.integers(-3, 1000), st.decimals(-2, 2000, places=3).map(str), st.none())
    texts = st.sampled_from(["C10000", "SALE", "111010", "O1", "GBP", "USD", "2026-05-04", "", "x", "tYES"])
    wild = {
        "n": numbers,
        "i": numbers,
        "d": st.sampled_from(["2026-05-04", "20260504", "x"]),
        "t": st.one_of(texts, st.none()),
    }
    parts = {}
    for name, field in SHAPES[shape].items():
        if field.kind == "c":
            parts[name] = st.lists(_bodies(field.of, {}), max_size=2)
        elif field.kind == "e":
            parts[name] = st.sampled_from([*ENUMS[field.of], "x"])
        else:
            parts[name] = wild.get(field.kind, texts)
    return st.fixed_dictionaries(least, optional={n: s for n, s in parts.items() if n not in least}).map(
        lambda body: {n: v for i, (n, v) in enumerate(body.items()) if n in least or i % 5 == len(body) % 5}
    )


_LINE = st.fixed_dictionaries({"ItemCode": st.just("SALE")}, optional={
    name: st.decimals(-1, 100, places=3).map(str) for name in
    ("Quantity", "UnitPrice", "Price", "PriceAfterVAT", "GrossTotal", "LineTotal", "DiscountPercent")})  # fmt: skip


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_sent_gets_an_answer_in_the_vendors_form(lasting: Running, data: st.DataObject) -> None:
    card = {"CardCode": st.just("CALL")}
    kind, body = data.draw(st.one_of(
        st.tuples(st.sampled_from(["Invoices", "Orders", "CreditNotes"]),
                  _bodies("Document", {**card, "DocumentLines": st.lists(_LINE, min_size=1, max_size=3)})),
        st.tuples(st.just("IncomingPayments"), _bodies("Payment", card)),
        st.tuples(st.just("JournalEntries"), _bodies("JournalEntry", {})),
        st.tuples(st.just("BusinessPartners"), _bodies("BusinessPartner", {})),
        st.tuples(st.just("Items"), _bodies("Item", {})),
    ))  # fmt: skip
    answer = lasting.http.post(f"/{kind}", content=json.dumps(body))
    assert answer.status_code in (201, 400, 404), answer.text
    if answer.status_code != 201:
        assert set(answer.json()) == {"error"}
    assert sum(row["home_minor"] for row in lasting.control("books")) == 0


# --- periods ----------------------------------------------------------------------------------------------------------


def test_a_locked_period_takes_nothing(company: Running) -> None:
    made = company.invoice()
    company.control("lock", day="2026-05-31")
    line = {"CardCode": "C10000", "DocDate": "2026-05-31", "DocumentLines": [{"ItemCode": "SALE", "UnitPrice": 1}]}
    assert company.code("POST", "/Invoices", line) == ("-4013", "Posting period locked; specify an alternative date")
    assert company.code("POST", f"/Invoices({made['DocEntry']})/Cancel")[0] == "-4013"
    assert company.code("POST", "/Invoices", {**line, "DocDate": "2099-01-01"})[1].startswith("Date deviates")
    company.post("/Invoices", {**line, "DocDate": "2026-06-01"})
    company.control("period", month="2026-06", status="ltUnlockedExceptSales")
    assert company.code("POST", "/Invoices", {**line, "DocDate": "2026-06-01"})[0] == "-4013"
    company.post(
        "/JournalEntries",
        {"ReferenceDate": "2026-06-01", "JournalEntryLines": lines(("111010", "5"), ("410010", "-5"))},
    )
    periods = company.post("/CompanyService_GetFinancePeriods", {"PeriodCategoryParams": {"AbsoluteEntry": 19}}, 200)[
        "value"
    ]
    assert [row["PeriodStatus"] for row in periods[4:6]] == ["ltLocked", "ltUnlockedExceptSales"]


# --- queries ----------------------------------------------------------------------------------------------------------


def test_pages_filters_and_orders(company: Running) -> None:
    for number in range(45):
        company.invoice({"UnitPrice": 1}, NumAtCard=f"shop-{number}", Comments=None if number else "it's first")
    first = company.get("/Invoices?$select=DocEntry")
    assert (len(first["value"]), first["@odata.nextLink"]) == (20, "Invoices?$select=DocEntry&$skip=20")
    assert len(company.get("/" + company.get("/" + first["@odata.nextLink"])["@odata.nextLink"])["value"]) == 5
    answer = company.http.get("/Invoices", headers={"Prefer": "odata.maxpagesize=30"})
    assert (len(answer.json()["value"]), answer.headers["preference-applied"]) == (30, "odata.maxpagesize=30")
    assert len(company.get("/Invoices", headers={"Prefer": "odata.maxpagesize=0"})["value"]) == 45
    assert company.get("/Invoices?$count=true&$top=1")["@odata.count"] == 45
    assert company.get("/Invoices/$count") == "45"
    for text, count in (
        ("NumAtCard eq 'shop-7'", 1), ("Comments eq 'it''s first' and Cancelled eq 'tNO'", 1), ("Cancelled eq 'N'", 45),
        ("DocEntry ge 40 and DocEntry lt 43", 3), ("startswith(NumAtCard,'shop-1') or NumAtCard eq 'shop-2'", 12),
        ("not (DocDate le '2026-05-04')", 0), ("UpdateDate ge '2026-06-01' and contains(NumAtCard,'-44')", 1),
        ("Comments ne null", 1), ("DocTotal gt 1.19 and DocTotal le 1.20", 45),
    ):  # fmt: skip
        assert company.get("/Invoices/$count", params={"$filter": text}) == str(count), text
    down = company.get("/Invoices?$orderby=DocDate,DocEntry desc&$top=2&$select=DocEntry")["value"]
    assert [row["DocEntry"] for row in down] == [45, 44]


def test_a_query_that_cannot_be_read_is_refused_with_the_vendors_code(company: Running) -> None:
    assert company.code("GET", "/Invoices?$filter=DocStatus eq 'O'") == ("201", "Property 'DocStatus' is invalid")
    assert company.code("GET", "/Invoices?$select=DocStatus") == (
        "-1000",
        "Property 'DocStatus' of 'Document' is invalid",
    )
    for query in (
        "$filter=DocEntry eq",
        "$filter=DocEntry plus 1",
        "$filter=(DocEntry eq 1",
        "$top=x",
        "$expand=BusinessPartner",
    ):
        assert company.code("GET", f"/Invoices?{query}")[0] == "-1000"
    assert company.code("GET", "/Invoices(99)", status=404) == ("-2028", "No matching records found (ODBC -2028)")
    assert company.code("GET", "/Nothing", status=404)[0] == "-1000"


def test_the_older_version_words_errors_links_and_days_its_own_way() -> None:
    running = Running(version="v1", foreign=True)
    try:
        page = json.loads(running.http.get("/Invoices?$inlinecount=allpages").text)
        assert page["odata.nextLink"] == "/b1s/v1/Invoices?$inlinecount=allpages&$skip=20"
        assert page["odata.count"] > 20
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", page["value"][0]["DocDate"])
        assert running.http.get("/Invoices(999)").json()["error"] == {
            "code": -2028, "message": {"lang": "en-us", "value": "No matching records found (ODBC -2028)"}}  # fmt: skip
    finally:
        running.close()


# --- optimistic locks, user fields, approval --------------------------------------------------------------------------


def test_an_etag_that_is_stale_changes_nothing(company: Running) -> None:
    made = company.http.post("/Items", json={"ItemCode": "i002", "ItemName": "name"})
    tag = made.headers["etag"]
    assert tag == 'W/"356A192B7913B04C54574D18C28D46E6395428AB"'
    company.call("PATCH", "/Items('i002')", {"ItemName": "name1"}, 204, headers={"If-Match": tag})
    assert company.code("PATCH", "/Items('i002')", {"ItemName": "name2"}, 412, headers={"If-Match": tag})[0] == "-2039"
    assert company.get("/Items('i002')")["ItemName"] == "name1"
    company.post("/Items('i002')", {"ItemName": "name3"}, 204, headers={"X-HTTP-Method-Override": "PATCH"})
    entry = company.post("/JournalEntries", {"JournalEntryLines": lines(("111010", "5"), ("410010", "-5"))})
    assert "@odata.etag" not in entry


def test_what_was_posted_can_be_annotated_only(company: Running) -> None:
    made = company.invoice()
    path = f"/Invoices({made['DocEntry']})"
    company.call("PATCH", path, {"Comments": "checked", "DocTotal": 1, "CardCode": "C10000"}, 204)
    assert company.get(path)["Comments"] == "checked"
    assert company.code("PATCH", path, {"DocDate": "2026-05-05"}) == ("-1029", "Field cannot be updated (ODBC -1029)")
    assert company.get(path)["UpdateTime"] == "09:00:00"


def test_a_user_field_is_there_after_a_restart(company: Running) -> None:
    field = {
        "Name": "Key",
        "Type": "db_Alpha",
        "Size": 10,
        "Description": "Key",
        "SubType": "st_None",
        "TableName": "OINV",
    }
    company.post("/UserFieldsMD", field)
    assert company.code("POST", "/UserFieldsMD", {**field, "TableName": "ORDR"})[0] == "-2035"
    body = {"CardCode": "C10000", "U_Key": "k-1", "DocumentLines": [{"ItemCode": "SALE", "UnitPrice": 1}]}
    assert company.code("POST", "/Invoices", body) == ("-1000", "Property 'U_Key' of 'Document' is invalid")
    company.post("/UserTablesMD", {"TableName": "KEYS", "TableDescription": "Keys", "TableType": "bott_NoObject"})
    company.code("POST", "/U_KEYS", {"Code": "a"}, 404)
    company.control("restart")
    company.http.post("/Login", json=LOGIN)
    assert company.post("/Invoices", body)["U_Key"] == "k-1"
    assert company.code("POST", "/Invoices", {**body, "U_Key": "x" * 11})[0] == "-1000"
    assert company.get("/CreditNotes/$count", params={"$filter": "U_Key eq 'k-1'"}) == "0"
    assert company.get("/Invoices/$count", params={"$filter": "U_Key eq 'k-1'"}) == "1"
    company.post("/UserKeysMD", {"TableName": "OINV", "KeyName": "k", "Unique": "tYES",
                                 "UserKeysMD_Elements": [{"ColumnAlias": "Key"}]})  # fmt: skip
    assert company.code("POST", "/Invoices", body)[0] == "-2035"
    company.post("/U_KEYS", {"Code": "a"})
    assert company.code("POST", "/U_KEYS", {"Code": "a"})[0] == "-2035"


def test_an_approval_makes_a_draft_and_says_that_nothing_is_there(company: Running) -> None:
    company.control("approval")
    body = {"CardCode": "C10000", "NumAtCard": "s", "DocumentLines": [{"ItemCode": "SALE", "UnitPrice": 1}]}
    assert company.code("POST", "/Invoices", body, 404)[0] == "-2028"
    company.post("/Invoices", body, 204, headers={"Prefer": "return-no-content"})
    assert company.get("/Drafts/$count") == "2"
    assert (company.get("/Invoices/$count"), company.stand_in.ledger()) == ("0", [])


def test_a_customer_reference_may_be_blocked(company: Running) -> None:
    running = Running(foreign=False, reference_check=True)
    try:
        made = running.invoice(NumAtCard="a")
        line = {"CardCode": "C10000", "NumAtCard": "a", "DocumentLines": [{"ItemCode": "SALE", "UnitPrice": 1}]}
        assert "already exists" in running.code("POST", "/Invoices", line)[1]
        running.post("/Orders", {**line, "DocDueDate": "2026-06-01"})
        running.post("/Invoices", {**line, "CardCode": "C20000"})
        running.post(f"/Invoices({made['DocEntry']})/Cancel", status=204)
        running.control("lock")
    finally:
        running.close()


def test_segmented_accounts_and_branches() -> None:
    running = Running(foreign=False, segmented=True, branches=(1, 2))
    try:
        found = running.get("/ChartOfAccounts?$filter=FormatCode eq '410010'")["value"]
        assert [row["Code"] for row in found] == ["_SYS00000410010"]
        line = {"CardCode": "C10000", "DocumentLines": [{"ItemCode": "SALE", "UnitPrice": 1}]}
        assert running.code("POST", "/Invoices", line)[1].startswith("Specify an active branch")
        running.post("/Invoices", {**line, "BPL_IDAssignedToInvoice": 2})
        assert "_SYS00000410010" in {row.account for row in running.stand_in.ledger()}
    finally:
        running.close()
