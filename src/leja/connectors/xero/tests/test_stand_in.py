"""The stand-in of Xero, driven over loopback by the official client and held against the vendor's OpenAPI document."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import yaml
from openapi_schema_validator import OAS30Validator
from xero_python.accounting import Account as AccountModel
from xero_python.accounting import (
    AccountingApi,
    Contact,
    Contacts,
    Invoice,
    Invoices,
    LineItem,
    ManualJournal,
    ManualJournalLine,
    ManualJournals,
    Payment,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

from leja.connectors.xero.stand_in import STAND_IN
from leja_sandbox.kit import SimulatedClock
from leja_sandbox.server import SandboxServer

SPECS = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "xero"
TENANT = "6f0a3c7e-2f4b-4a53-8d5e-0d5b1b7c9a10"
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
API = "/api.xro/2.0"
_ROOT = "#/components/schemas/"


@lru_cache(maxsize=1)
def document() -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((SPECS / "xero_accounting.yaml").read_bytes(), Loader=loader)


@lru_cache(maxsize=64)
def validator(schema: str) -> OAS30Validator:
    return OAS30Validator({"$ref": f"{_ROOT}{schema}", "components": document()["components"]})


def names(value: Any, schema: Any, path: str) -> Iterator[str]:
    """The fields of an answer that the vendor's schema does not name."""
    while "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, list):
        for part in value:
            yield from names(part, schema.get("items", {}), path)
    elif isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key not in schema["properties"]:
                yield f"{path}.{key}"
            else:
                yield from names(inner, schema["properties"][key], f"{path}.{key}")


class Running:
    """A sandbox that serves one organisation; every JSON answer of its API is held against the vendor's document."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SimulatedClock(START)
        self.path = settings.pop("_path", None)
        self.sandbox = SandboxServer(
            data_dir=self.path, specs={"xero": STAND_IN}, clock=self.clock, own_ports=True,
            settings={"xero": {"per_minute": 0, "per_day": 0, **settings}},
        ).start()  # fmt: skip
        self.stand_in = self.sandbox.stand_in("xero")
        self.url = self.sandbox.root_url("xero")
        granted = self.control("grant")
        self.token, self.refresh = granted["access_token"], granted["refresh_token"]
        self.http = httpx2.Client(base_url=self.url, trust_env=False)

    def stop(self) -> None:
        self.http.close()
        self.sandbox.stop()

    def control(self, name: str, **arguments: Any) -> Any:
        return self.stand_in.control.call(name, **arguments)

    def call(self, method: str, path: str, body: Any = None, headers: Any = None, **query: str) -> httpx2.Response:
        every = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", "xero-tenant-id": TENANT,
                 "Content-Type": "application/json", **(headers or {})}  # fmt: skip
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        answer = self.http.request(method, API + path, headers=every, content=content, params=query)
        if SPECS.is_dir() and "json" in answer.headers.get("content-type", "") and answer.status_code in (200, 400):
            self.judge(path, answer)
        return answer

    def judge(self, path: str, answer: httpx2.Response) -> None:
        name = path.strip("/").split("/")[0].split("?")[0]
        name = {"Organisation": "Organisations", "Reports": "ReportWithRows"}.get(name, name)
        name = "Allocations" if path.endswith("/Allocations") else name
        value = answer.json()
        schema = "Error" if answer.status_code == 400 else name
        problems = [error.message for error in validator(schema).iter_errors(value)]
        assert problems == [], (path, problems)
        if answer.status_code == 200:
            # The schema lacks the *String twins that the vendor's own examples of answers show.
            found = names(value, {"$ref": _ROOT + schema}, schema)
            extra = {name for name in found if not name.endswith((".DateString", ".DueDateString"))}
            envelope = {f"{schema}.{key}" for key in ("Id", "Status", "ProviderName", "DateTimeUTC")}
            assert extra - envelope == set(), path

    def total(self, account: str) -> int:
        return sum(row.minor for row in self.stand_in.ledger() if row.account == account)


@pytest.fixture
def org() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def invoice(number: str = "", amount: float = 100, **more: Any) -> dict[str, Any]:
    line = {"Description": "Mugs", "Quantity": 1, "UnitAmount": amount, "AccountCode": "200", "TaxType": "OUTPUT2"}
    body = {"Type": "ACCREC", "Contact": {"Name": "Jo Buyer"}, "Date": "2026-05-30", "DueDate": "2026-06-15",
            "Status": "AUTHORISED", "LineItems": [line], **more}  # fmt: skip
    return {**body, "InvoiceNumber": number} if number else body


def make(org: Running, kind: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
    answer = org.call("PUT", f"/{kind}", {kind: [body]}, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()[kind][0]


def messages(answer: httpx2.Response) -> str:
    assert answer.status_code == 400, answer.text
    body = answer.json()
    found = [e["Message"] for element in body.get("Elements", ()) for e in element["ValidationErrors"]]
    return " | ".join(found) or body["Message"]


# --- the official client ---------------------------------------------------------------------------------------------


@pytest.fixture
def client(org: Running, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{org.url}/connect/token")
    monkeypatch.setattr(TokenApi, "revoke_token_url", f"{org.url}/connect/revocation")
    kept = {"access_token": org.token, "refresh_token": org.refresh, "scope": ["offline_access"], "expires_in": 1800,
            "expires_at": 4_000_000_000, "token_type": "Bearer"}  # fmt: skip
    token = OAuth2Token(client_id="sandbox-client", client_secret="sandbox-secret")
    opened = ApiClient(Configuration(oauth2_token=token), pool_threads=1)
    opened.oauth2_token_getter(lambda: kept)
    opened.oauth2_token_saver(kept.update)
    opened.set_oauth2_token(kept)
    return opened


def test_the_official_client_makes_pays_and_reads_an_invoice(org: Running, client: ApiClient) -> None:
    api = AccountingApi(client, base_url=org.url + API)
    line = LineItem(description="Mugs", quantity=2, unit_amount=12.5, account_code="200", tax_type="OUTPUT2")
    wanted = Invoice(type="ACCREC", contact=Contact(name="Jo Buyer"), date=date(2026, 5, 30), due_date=date(2026, 6, 1),
                     invoice_number="S-1", status="AUTHORISED", line_items=[line])  # fmt: skip
    made = api.create_invoices(TENANT, Invoices(invoices=[wanted]), idempotency_key="k-1").invoices[0]
    assert (made.invoice_number, made.total, made.amount_due, made.date) == ("S-1", 30, 30, date(2026, 5, 30))
    payment = Payment(invoice=Invoice(invoice_id=made.invoice_id), account=AccountModel(code="645"), amount=30,
                      date=date(2026, 5, 31))  # fmt: skip
    api.create_payment(TENANT, payment)
    read = api.get_invoice(TENANT, made.invoice_id).invoices[0]
    assert (read.status, read.amount_paid, read.amount_due) == ("PAID", 30, 0)
    assert (org.total("200"), org.total("820"), org.total("610"), org.total("645")) == (-2500, -500, 0, 3000)
    with pytest.raises(AccountingBadRequestException) as refused:
        api.create_invoices(TENANT, Invoices(invoices=[wanted]))
    assert "must be unique" in refused.value.http_resp.data.decode()


def test_the_official_client_reads_every_page(org: Running, client: ApiClient) -> None:
    api = AccountingApi(client, base_url=org.url + API)
    assert any(account.system_account == "DEBTORS" for account in api.get_accounts(TENANT).accounts)
    assert api.get_organisations(TENANT).organisations[0].base_currency.value == "GBP"
    assert api.get_tax_rates(TENANT).tax_rates[0].effective_rate == 20
    assert len(api.get_journals(TENANT).journals) == 100
    assert api.get_invoices(TENANT, page=1).invoices[0].line_items
    assert api.get_contacts(TENANT).contacts
    assert api.get_items(TENANT).items
    assert api.get_payments(TENANT).payments
    assert api.get_bank_transactions(TENANT, page=1).bank_transactions
    assert api.get_manual_journals(TENANT, page=1).manual_journals[0].journal_lines
    assert api.get_report_trial_balance(TENANT).reports[0].rows
    assert api.get_currencies(TENANT).currencies


def test_the_official_client_writes_journals_and_contacts(org: Running, client: ApiClient) -> None:
    api = AccountingApi(client, base_url=org.url + API)
    lines = [ManualJournalLine(line_amount=a, account_code=c) for a, c in ((9.5, "645"), (-9.5, "833"))]
    wanted = ManualJournal(narration="payout", journal_lines=lines, date=date(2026, 5, 30), status="POSTED")
    api.create_manual_journals(TENANT, ManualJournals(manual_journals=[wanted]))
    assert (org.total("645"), org.total("833")) == (950, -950)
    done = api.create_contacts(TENANT, Contacts(contacts=[Contact(name="New"), Contact(name="Dovecote Gifts")]),
                               summarize_errors=False)  # fmt: skip
    assert [c.has_validation_errors or bool(c.validation_errors) for c in done.contacts] == [False, True]


def test_the_official_client_lists_tenants_and_rotates_tokens(org: Running, client: ApiClient) -> None:
    tenants = IdentityApi(client, base_url=org.url).get_connections()
    assert [str(t.tenant_id) for t in tenants] == [TENANT]
    fresh = TokenApi(client, "sandbox-client", "sandbox-secret").refresh_token(org.refresh, ["offline_access"])
    assert fresh["refresh_token"] != org.refresh
    with pytest.raises(Exception, match="invalid_grant"):
        TokenApi(client, "sandbox-client", "sandbox-secret").refresh_token(org.refresh, ["offline_access"])


# --- consent, headers, limits ----------------------------------------------------------------------------------------


def test_consent_by_code_and_a_token_of_thirty_minutes(org: Running) -> None:
    ask = {
        "client_id": "sandbox-client",
        "response_type": "code",
        "redirect_uri": "http://localhost/back",
        "state": "s",
    }
    page = org.http.get("/identity/connect/authorize", params=ask, follow_redirects=False)
    code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost/back"}
    got = org.http.post("/connect/token", data=form, auth=("sandbox-client", "sandbox-secret")).json()
    assert got["expires_in"] == 1800
    org.token = got["access_token"]
    org.clock.advance(1801)
    expired = org.call("GET", "/Organisation")
    assert (expired.status_code, expired.json()["Detail"]) == (401, "AuthenticationUnsuccessful")


def test_a_missing_tenant_is_forbidden_and_a_missing_accept_gets_xml(org: Running) -> None:
    assert org.call("GET", "/Organisation", headers={"xero-tenant-id": ""}).status_code == 403
    xml = org.call("GET", "/Organisation", headers={"Accept": "*/*"})
    assert xml.text.startswith("<Response>")


def test_the_minute_and_the_day_are_limited_with_headers() -> None:
    running = Running(per_minute=2, per_day=3)
    first = running.call("GET", "/Organisation")
    assert (first.headers["x-minlimit-remaining"], first.headers["x-daylimit-remaining"]) == ("1", "2")
    running.call("GET", "/Organisation")
    limited = running.call("GET", "/Organisation")
    assert (limited.status_code, limited.headers["x-rate-limit-problem"]) == (429, "minute")
    running.clock.advance(float(limited.headers["retry-after"]))
    assert running.call("GET", "/Organisation").status_code == 200
    assert running.call("GET", "/Organisation").headers["x-rate-limit-problem"] == "day"
    running.stop()


def test_the_sixth_call_at_once_is_refused_without_retry_after() -> None:
    running = Running()
    running.control("fault", kind="slow", seconds=0.5)
    headers = {"Authorization": f"Bearer {running.token}", "Accept": "application/json", "xero-tenant-id": TENANT}

    async def seven() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(base_url=running.url, headers=headers, trust_env=False) as http:
            return await asyncio.gather(*(http.get(f"{API}/Organisation") for _ in range(7)))

    answers = asyncio.run(seven())
    refused = [a for a in answers if a.status_code == 429]
    assert len(refused) == 2
    assert all("retry-after" not in a.headers for a in refused)
    running.stop()


def test_journals_need_the_advanced_tier(org: Running) -> None:
    org.control("tier", advanced=False)
    answer = org.call("GET", "/Journals")
    assert (answer.status_code, answer.json()["Detail"]) == (401, "AuthorizationUnsuccessful")


# --- rules of the vendor ---------------------------------------------------------------------------------------------


def test_put_refuses_a_known_number_and_post_overwrites_it(org: Running) -> None:
    first = make(org, "Invoices", invoice("S-1"))
    assert "must be unique" in messages(org.call("PUT", "/Invoices", {"Invoices": [invoice("S-1", 5)]}))
    over = org.call("POST", "/Invoices", {"Invoices": [invoice("S-1", 5)]}).json()["Invoices"][0]
    assert (over["InvoiceID"], over["Total"]) == (first["InvoiceID"], 6)
    assert (org.total("610"), org.total("200")) == (600, -500)
    journals = org.call("GET", "/Journals", offset="0").json()["Journals"]
    assert journals
    bill = invoice("S-1", Type="ACCPAY")
    assert make(org, "Invoices", bill)["InvoiceID"] != make(org, "Invoices", bill)["InvoiceID"]


def test_idempotency_keys_replay_for_a_time_and_survive_a_restart(tmp_path: Path) -> None:
    key, body = {"Idempotency-Key": "k-1"}, {"Invoices": [invoice()]}
    first = Running(_path=tmp_path)
    old = first.call("PUT", "/Invoices", body, key)
    first.stop()
    second = Running(_path=tmp_path)
    assert second.call("PUT", "/Invoices", body, key).content == old.content
    assert second.call("PUT", "/Invoices", {"Invoices": [invoice("other")]}, key).status_code == 400
    assert len(second.control("documents")) == 1
    second.clock.advance(601)
    assert second.call("PUT", "/Invoices", body, key).content != old.content
    assert second.call("PUT", "/Invoices", body, {"Idempotency-Key": "k" * 129}).status_code == 400
    second.stop()


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("Invoices", invoice(Contact={}), "Contact"),
        ("Invoices", invoice(Refrence="x"), "no such field"),
        ("Invoices", invoice(LineItems=[]), "line items"),
        ("Invoices", {k: v for k, v in invoice().items() if k != "DueDate"}, "Due Date"),
        ("Invoices", invoice(Date="30.05.2026"), "not a date"),
        ("Invoices", invoice(CurrencyCode="CHF"), "not subscribed"),
        ("Invoices", invoice(amount=-1), "zero or greater"),
        (
            "Invoices",
            invoice(LineItems=[{"Description": "x", "UnitAmount": 1, "AccountCode": "999"}]),
            "not a valid code",
        ),
        (
            "Invoices",
            invoice(LineItems=[{"Description": "x", "UnitAmount": 1, "AccountCode": "610"}]),
            "not a valid code",
        ),
        (
            "Invoices",
            invoice(LineItems=[{"UnitAmount": 1, "AccountCode": "200", "LineAmount": 2, "Description": "x"}]),
            "does not match",
        ),
        (
            "Invoices",
            invoice(LineItems=[{"Description": "x", "UnitAmount": 1, "AccountCode": "200", "TaxType": "GST"}]),
            "TaxType",
        ),
        (
            "Invoices",
            invoice(LineItems=[{"Description": "x", "UnitAmount": "1", "AccountCode": "200"}]),
            "not a number",
        ),
        ("CreditNotes", {**invoice(), "Type": "ACCREC"}, "not one of"),
        ("Contacts", {"Name": "Dovecote Gifts"}, "already assigned"),
        ("Contacts", {"EmailAddress": "x@example.org"}, "must be specified"),
        ("Items", {"Name": "no code"}, "Code"),
        ("Items", {"Code": "SALE", "Name": "again"}, "already exists"),
        (
            "ManualJournals",
            {
                "Narration": "x",
                "JournalLines": [{"LineAmount": 1, "AccountCode": "200"}, {"LineAmount": -2, "AccountCode": "645"}],
            },
            "must equal",
        ),
        (
            "ManualJournals",
            {
                "Narration": "x",
                "JournalLines": [{"LineAmount": 1, "AccountCode": "090"}, {"LineAmount": -1, "AccountCode": "645"}],
            },
            "bank accounts",
        ),
        (
            "ManualJournals",
            {
                "Narration": "x",
                "JournalLines": [{"LineAmount": 1, "AccountCode": "610"}, {"LineAmount": -1, "AccountCode": "645"}],
            },
            "receivable",
        ),
        (
            "BankTransactions",
            {
                "Type": "RECEIVE",
                "LineItems": [{"Description": "x", "UnitAmount": 1, "AccountCode": "200"}],
                "BankAccount": {"Code": "645"},
            },
            "type BANK",
        ),
        ("Payments", {"Account": {"Code": "090"}, "Amount": 1}, "Exactly one"),
    ],
)
def test_what_the_vendor_refuses_is_refused_and_leaves_nothing(
    org: Running, kind: str, body: dict[str, Any], words: str
) -> None:
    assert words in messages(org.call("PUT", f"/{kind}", {kind: [body]}))
    assert org.stand_in.ledger() == []


@pytest.mark.parametrize(
    "raw", [b"{", b'{"Invoices":1}', b'{"Invoices":[],"Invoices":[]}', b"[]", b"\xff", b"[" * 99_999]
)
def test_bodies_that_cannot_be_read_are_refused(org: Running, raw: bytes) -> None:
    assert org.call("PUT", "/Invoices", raw).json()["Type"] == "PostDataInvalidException"


def test_a_batch_fails_whole_or_in_part_as_summarize_errors_says(org: Running) -> None:
    body = {"Invoices": [invoice("S-1"), invoice("S-2", Contact={}), invoice("S-3")]}
    whole = org.call("PUT", "/Invoices", body)
    assert (whole.status_code, whole.json()["ErrorNumber"], org.stand_in.ledger()) == (400, 10, [])
    part = org.call("PUT", "/Invoices", body, summarizeErrors="false").json()["Invoices"]
    assert [row["StatusAttributeString"] for row in part] == ["OK", "ERROR", "OK"]
    assert org.total("610") == 24000


def test_tax_is_rounded_per_line_and_then_summed(org: Running) -> None:
    line = {"Description": "x", "Quantity": 1, "UnitAmount": 0.13, "AccountCode": "200", "TaxType": "OUTPUT2"}
    assert make(org, "Invoices", invoice(LineItems=[line] * 3))["TotalTax"] == 0.09
    stated = [{**line, "TaxAmount": 0.02}] * 3
    assert make(org, "Invoices", invoice(LineItems=stated))["Total"] == 0.45
    org.control("rounding", per_document=True)
    assert make(org, "Invoices", invoice(LineItems=[line] * 3))["TotalTax"] == 0.08
    org.control("rounding")
    inclusive = make(org, "Invoices", invoice(LineItems=[{**line, "UnitAmount": 10}], LineAmountTypes="Inclusive"))
    assert (inclusive["Total"], inclusive["TotalTax"], inclusive["SubTotal"]) == (10, 1.67, 8.33)
    fine = [{**line, "Quantity": 100, "UnitAmount": 0.1234}]
    assert make(org, "Invoices", invoice(LineItems=fine))["SubTotal"] == 12
    assert make(org, "Invoices", invoice(LineItems=fine), unitdp="4")["SubTotal"] == 12.34
    discounted = [{**line, "UnitAmount": 12, "Quantity": 2, "DiscountRate": 10}]
    assert make(org, "Invoices", invoice(LineItems=discounted))["SubTotal"] == 21.6


def test_credit_notes_are_allocated_and_refunded_in_cash(org: Running) -> None:
    sold = make(org, "Invoices", invoice("S-1", 100))
    body = {k: v for k, v in invoice(amount=50).items() if k != "DueDate"}
    credit = make(org, "CreditNotes", {**body, "Type": "ACCRECCREDIT", "CreditNoteNumber": "C-1"})
    where = f"/CreditNotes/{credit['CreditNoteID']}/Allocations"
    part = {"Amount": 40, "Date": "2026-05-31", "Invoice": {"InvoiceID": sold["InvoiceID"]}}
    assert org.call("PUT", where, {"Allocations": [part]}).status_code == 200
    assert "exceeds" in messages(org.call("PUT", where, {"Allocations": [{**part, "Amount": 20.01}]}))
    read = org.call("GET", "/Invoices/S-1").json()["Invoices"][0]
    assert (read["AmountDue"], read["AmountCredited"]) == (80, 40)
    pay = {"CreditNote": {"CreditNoteID": credit["CreditNoteID"]}, "Account": {"Code": "090"}, "Date": "2026-05-31"}
    assert "exceeds" in messages(org.call("PUT", "/Payments", {"Payments": [{**pay, "Amount": 20.01}]}))
    refund = make(org, "Payments", {**pay, "Amount": 20})
    assert (org.total("090"), org.total("610")) == (-2000, 8000)
    assert org.call("POST", f"/Payments/{refund['PaymentID']}", {"Status": "DELETED"}).status_code == 200
    assert org.total("090") == 0


def test_payments_stay_within_what_is_due_and_on_allowed_accounts(org: Running) -> None:
    sold = make(org, "Invoices", invoice("S-1", 100))
    pay = {"Invoice": {"InvoiceNumber": "S-1"}, "Account": {"Code": "645"}, "Date": "2026-05-31", "Amount": 120}
    assert "exceeds" in messages(org.call("PUT", "/Payments", {"Payments": [{**pay, "Amount": 120.01}]}))
    assert "payments" in messages(org.call("PUT", "/Payments", {"Payments": [{**pay, "Account": {"Code": "200"}}]}))
    made = org.call("POST", "/Payments", pay).json()["Payments"][0]
    assert "Authorised" in messages(org.call("POST", "/Payments", pay))
    assert org.call("POST", "/Payments", {"Payments": [pay]}).status_code == 400
    voided = {"Invoices": [{"InvoiceID": sold["InvoiceID"], "Status": "VOIDED"}]}
    assert org.call("POST", "/Invoices", voided).status_code == 400
    org.call("POST", f"/Payments/{made['PaymentID']}", {"Payments": [{"Status": "DELETED"}]})
    assert org.call("POST", "/Invoices", voided).json()["Invoices"][0]["Status"] == "VOIDED"
    assert org.stand_in.ledger() == []


def test_nothing_is_dated_in_a_locked_period_and_archived_accounts_refuse(org: Running) -> None:
    org.control("lock", day="2026-05-31")
    assert "lock date" in messages(org.call("PUT", "/Invoices", {"Invoices": [invoice()]}))
    locked = org.call("GET", "/Organisation").json()["Organisations"][0]["PeriodLockDate"]
    assert locked == "/Date(1780185600000+0000)/"
    org.control("lock")
    org.control("deactivate", code="200")
    assert "archived" in messages(org.call("PUT", "/Invoices", {"Invoices": [invoice()]}))


def test_a_foreign_payment_leaves_the_exchange_difference(org: Running) -> None:
    sold = make(org, "Invoices", invoice(CurrencyCode="USD", CurrencyRate=1.25))
    pay = {"Invoice": {"InvoiceID": sold["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-05-31", "Amount": 120,
           "CurrencyRate": 1.2}  # fmt: skip
    make(org, "Payments", pay)
    rows = org.control("books", origin="api")
    assert sum(row["home_minor"] for row in rows) == 0
    assert sum(row["home_minor"] for row in rows if row["account"] == "499") == -400
    assert sum(row["home_minor"] for row in rows if row["account"] == "610") == 0


def test_lists_filter_page_and_follow_if_modified_since(org: Running) -> None:
    for number in range(1, 6):
        org.clock.advance(60)
        make(org, "Invoices", invoice(f"S-{number}", number, Reference=f"ref-{number}"))
    get = lambda **query: org.call("GET", "/Invoices", **query).json()  # noqa: E731
    assert [r["InvoiceNumber"] for r in get(InvoiceNumbers="S-1,S-4")["Invoices"]] == ["S-1", "S-4"]
    assert [r["InvoiceNumber"] for r in get(where='Reference=="ref-2" AND Type=="ACCREC"')["Invoices"]] == ["S-2"]
    dated = 'Date>=DateTime(2026,05,30) AND Contact.Name=="Jo Buyer" AND Total>4'
    assert len(get(where=dated)["Invoices"]) == 2
    page = get(page="2", pageSize="2", createdByMyApp="true", order="InvoiceNumber DESC")
    assert [r["InvoiceNumber"] for r in page["Invoices"]] == ["S-3", "S-2"]
    assert page["pagination"] == {"page": 2, "pageSize": 2, "pageCount": 3, "itemCount": 5}
    assert page["Invoices"][0]["LineItems"]
    assert not get(InvoiceNumbers="S-1")["Invoices"][0]["LineItems"]
    since = {"If-Modified-Since": "2026-06-01T09:03:30"}
    assert len(org.call("GET", "/Invoices", headers=since).json()["Invoices"]) == 2
    assert org.call("GET", "/Invoices", where="Total OR 1").status_code == 400
    assert org.call("GET", "/Invoices/nothing").status_code == 404


# --- the books -------------------------------------------------------------------------------------------------------


def test_foreign_entries_balance_and_stay_untouched(org: Running) -> None:
    before = org.control("books", origin="foreign")
    assert sum(row["home_minor"] for row in before) == 0
    assert {"2010-12", "2026-05"} <= {row["day"][:7] for row in before}
    make(org, "Invoices", invoice())
    assert org.control("books", origin="foreign") == before
    assert {row.account for row in org.stand_in.ledger()} == {"610", "820", "200"}


def test_the_journals_are_the_ledger(org: Running) -> None:
    sold = make(org, "Invoices", invoice("S-1", 100))
    org.call("POST", "/Invoices", {"Invoices": [invoice("S-1", 90)]})
    found: list[Any] = []
    while page := org.call("GET", "/Journals", offset=str(found[-1]["JournalNumber"] if found else 0)).json()[
        "Journals"
    ]:
        found += page
    assert [j["JournalNumber"] for j in found] == list(range(1, len(found) + 1))
    mine = [j for j in found if j["SourceID"] == sold["InvoiceID"]]
    assert len(mine) == 3
    sums = itertools.chain.from_iterable(j["JournalLines"] for j in mine)
    assert round(100 * sum(line["NetAmount"] for line in sums if line["AccountCode"] == "610")) == 10800


def test_the_control_alters_an_accepted_document_behind_the_api(org: Running) -> None:
    sold = make(org, "Invoices", invoice("S-1", 100))
    org.control("alter", kind="Invoices", id=sold["InvoiceID"], amount="90.00")
    assert (org.total("610"), org.total("200")) == (10800, -9000)
    org.control("alter", kind="Invoices", id=sold["InvoiceID"], account="205", day="2026-05-29")
    assert {(r.account, str(r.day)) for r in org.stand_in.ledger()} == {
        ("610", "2026-05-29"), ("820", "2026-05-29"), ("205", "2026-05-29")}  # fmt: skip
    pay = {"Invoice": {"InvoiceNumber": "S-1"}, "Account": {"Code": "645"}, "Date": "2026-05-31", "Amount": 20}
    paid = make(org, "Payments", pay)
    org.control("alter", kind="Payments", id=paid["PaymentID"], amount="21.00", account="090")
    assert (org.total("090"), org.total("645")) == (2100, 0)
    org.control("reconcile", id=paid["PaymentID"])
    reconciled = org.call("GET", "/Payments", where="IsReconciled==true").json()["Payments"]
    assert [row["PaymentID"] for row in reconciled] == [paid["PaymentID"]]
    org.control("alter", kind="Invoices", id=sold["InvoiceID"], amount="17.50")
    read = org.call("GET", "/Invoices/S-1").json()["Invoices"][0]
    assert (read["Status"], read["AmountDue"]) == ("PAID", 0)
    org.control("alter", kind="Invoices", id=sold["InvoiceID"], amount="20.00")
    assert (org.total("205"), org.total("610")) == (-2000, 300)
    org.control("void", kind="Payments", id=paid["PaymentID"])
    org.control("void", kind="Invoices", id=sold["InvoiceID"])
    assert org.stand_in.ledger() == []
    lines = [{"LineAmount": a, "AccountCode": c} for a, c in ((5, "645"), (-5, "833"))]
    entry = make(
        org, "ManualJournals", {"Narration": "x", "Status": "POSTED", "JournalLines": lines, "Date": "2026-05-30"}
    )
    org.control("alter", kind="ManualJournals", id=entry["ManualJournalID"], amount="6.00")
    assert (org.total("645"), org.total("833")) == (600, -600)


# --- the vendor's own material ---------------------------------------------------------------------------------------

# Samples that are not accepted, and why.
_NOT_ACCEPTED = {
    "createBankTransactions.request": "camel case, and a name of a programming language instead of a type",
    "createBatchPayment.request": "batch payments are not played",
    "createCreditNoteAllocation.request": "needs documents of its own: tested above",
    "createPayments.request": "needs an invoice of its own: tested above",
    "createTrackingCategory.request": "creation of tracking categories is not played",
    "deletePayment.request": "needs a payment of its own: tested above",
}
_SAMPLES = sorted(
    p.stem for p in (SPECS / "examples").glob("*")
    if p.name.endswith(("request.json", "constructed.json")) and p.stem not in _NOT_ACCEPTED
)  # fmt: skip


def _here(value: Any) -> Any:
    """The sample with references that exist in this organisation; the rest is as the vendor wrote it."""
    if isinstance(value, list):
        return [_here(part) for part in value]
    if not isinstance(value, dict):
        return value
    kept = {k: _here(v) for k, v in value.items() if k not in ("ContactID", "ItemCode")}
    if "ContactID" in value and "Name" not in value:
        kept["Name"] = "Liam"
    codes = {"140": "630", "500": "310", "400": "404"}
    return {k: codes.get(v, v) if "Code" in k and isinstance(v, str) else v for k, v in kept.items()}


@pytest.mark.skipif(not SPECS.is_dir(), reason="NOT RUN: ../shared is absent")
@pytest.mark.parametrize("name", _SAMPLES or ["absent"])
def test_the_vendors_request_samples_are_accepted_and_damaged_ones_refused(org: Running, name: str) -> None:
    sample = _here(json.loads((SPECS / "examples" / f"{name}.json").read_text()))
    ((kind, elements),) = sample.items()
    misspelt = {kind: [{**elements[0], "Statos": "DRAFT"}]}
    assert org.call("POST", f"/{kind}", misspelt).status_code == 400
    required = {"Contacts": "Name", "Invoices": "Type", "Items": "Code", "ManualJournals": "Narration",
                "BankTransactions": "BankAccount"}[kind]  # fmt: skip
    assert (
        org.call("PUT", f"/{kind}", {kind: [{k: v for k, v in elements[0].items() if k != required}]}).status_code
        == 400
    )
    answer = org.call("POST", f"/{kind}", sample)
    assert answer.status_code == 200, answer.text
