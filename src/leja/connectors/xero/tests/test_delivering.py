"""What Xero answers, and what it means; asking what happened; reading back; webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from leja.connectors.contract import (
    Absent,
    Accepted,
    AlreadyThere,
    Ambiguous,
    Context,
    Draft,
    Found,
    HandshakeAnswer,
    Later,
    Rejected,
    RemoteDocument,
    Session,
    Unknown,
)
from leja.connectors.xero import Settings
from leja.connectors.xero.delivering import idempotency_key
from leja.connectors.xero.documents import Places, state_of
from leja.connectors.xero.source import handshake, webhooks
from leja.connectors.xero.target import balances, changed, chart, deliver, find, read_back
from leja.connectors.xero.wire import Record
from leja.core.errors import OutcomeUnknown, Refused
from leja.core.money import Money
from leja.http.client import Answer, Http

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


class Vendor:
    """Answers as the test says, and remembers what it was asked."""

    def __init__(self, answer: Callable[[str, str, Mapping[str, str]], Any]) -> None:
        self.answer, self.calls = answer, []  # type: ignore[var-annotated]
        self.observed: list[tuple[str, int]] = []
        self.pacing = SimpleNamespace(observe=lambda span, *, remaining: self.observed.append((span, remaining)))

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        content: bytes = b"",
        idempotency_key: str = "",
        **_: Any,
    ) -> Answer:
        self.calls.append((method, path, dict(query), content, idempotency_key, dict(headers)))
        given = self.answer(method, path, query)
        if isinstance(given, Exception):
            raise given
        status, body = given if isinstance(given, tuple) else (200, given)
        return Answer(status, {"x-minlimit-remaining": "57"}, json.dumps(body).encode())

    read = send


def session(vendor: Vendor) -> Session:
    return Session(
        http=cast(Http, vendor),
        settings=Settings(),
        base_url="https://xero.example",
        tenant="t-1",
        now=lambda: NOW,
        context=Context(settings=None, zone="UTC"),
    )


def drafted(kind: str = "Invoice", reference: str = "L-1", **more: Any) -> Draft:
    collection = {"Payment": "Payments", "ManualJournal": "ManualJournals"}.get(kind, f"{kind}s")
    given: dict[str, Any] = {
        "step": "document",
        "kind": kind,
        "reference": reference,
        "method": "PUT",
        "path": f"/{collection}",
        "body": json.dumps({collection: [{"N": reference}]}).encode(),
        "date": date(2026, 5, 3),
        "total": Money(1_000, "GBP"),
        "moves": {},
        "key": f"key-{reference}",
        **more,
    }
    return Draft(**given)


def invoice(reference: str = "L-1", **more: Any) -> dict[str, Any]:
    return {
        "Type": "ACCREC",
        "InvoiceID": "i-1",
        "InvoiceNumber": reference,
        "Reference": f"leja:{reference}",
        "Status": "AUTHORISED",
        "Date": "/Date(1777766400000+0000)/",
        "Total": 10.00,
        "CurrencyCode": "GBP",
        "LineAmountTypes": "Exclusive",
        "TotalTax": 1.67,
        "LineItems": [{"AccountCode": "200", "LineAmount": 8.33, "TaxAmount": 1.67}],
        **more,
    }


def refused(words: str) -> dict[str, Any]:
    return {"HasErrors": True, "StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": words}]}


def told(answer: Any, *drafts: Draft) -> list[Any]:
    return list(asyncio.run(deliver(session(Vendor(lambda *_: answer)), drafts or (drafted(),))))


CASES = (
    ("Invoice # must be unique.", "already"),
    ("The document date cannot be before the end of year lock date, currently 31 Mar 2026", "period_locked"),
    ("Account code '999' is not a valid code for this document.", "mapping"),
    ("The TaxType code 'OUTPUT9' does not exist or cannot be used for this type of transaction.", "mapping"),
    ("The contact is archived and cannot be used", "mapping"),
    ("The contact name Jo is already assigned to another contact.", "review"),
    ("Payment amount exceeds the amount outstanding on this document", "review"),
)


@pytest.mark.parametrize(("words", "expected"), CASES)
@pytest.mark.parametrize("whole", [False, True])
def test_a_refusal_is_judged_by_its_words(words: str, expected: str, whole: bool) -> None:
    element = {"InvoiceNumber": "L-1", **refused(words)}
    answer = (
        (400, {"ErrorNumber": 10, "Type": "ValidationException", "Elements": [element]})
        if whole
        else {"Invoices": [element]}
    )
    (outcome,) = told(answer)
    assert (outcome.remedy if isinstance(outcome, Rejected) else "already") == expected
    assert outcome.words == words


def test_the_vendors_own_samples_are_read(shared: Path) -> None:
    folder = shared / "specs/xero/examples"
    validation = json.loads((folder / "error_400_validation_exception.json").read_bytes())
    assert isinstance(told((400, validation))[0], AlreadyThere)
    assert told((403, json.loads((folder / "error_403_problem.json").read_bytes())))[0].remedy == "consent"
    partial = json.loads((folder / "response_200_summarize_errors_false.json").read_bytes())
    outcomes = told(partial, drafted(reference="INV-0001"), drafted(reference="INV-0002"))
    assert isinstance(outcomes[0], Unknown)  # that sample shows neither our mark nor a total
    assert outcomes[1].remedy == "mapping"


def test_success_must_carry_the_record_that_was_sent() -> None:
    assert isinstance(told({"Invoices": [invoice()]})[0], Accepted)
    assert isinstance(told({})[0], Unknown)
    assert isinstance(told({"Invoices": [invoice(Total=10.01)]})[0], Unknown)
    assert isinstance(told({"Invoices": [invoice("L-2")]})[0], Unknown)
    assert isinstance(told(OutcomeUnknown("http-unclear", "timed out"))[0], Unknown)
    assert isinstance(told((412, {}))[0], Later)


def test_key_and_tenant_are_on_the_wire_and_the_budget_is_observed() -> None:
    vendor = Vendor(lambda *_: {"Invoices": [invoice()]})
    asyncio.run(deliver(session(vendor), [drafted()]))
    assert vendor.calls[0][4] == "key-L-1"
    assert vendor.calls[0][5]["xero-tenant-id"] == "t-1"
    assert vendor.calls[0][5]["accept"] == "application/json"
    assert vendor.observed == [("minute", 57)]


def test_numbered_documents_go_together_and_payments_alone() -> None:
    vendor = Vendor(lambda method, path, query: {path[1:]: []})
    drafts = [drafted(reference=f"L-{n}") for n in range(3)] + [drafted("Payment", f"P-{n}") for n in range(2)]
    asyncio.run(deliver(session(vendor), drafts))
    assert [call[1] for call in vendor.calls] == ["/Invoices", "/Payments", "/Payments"]
    assert json.loads(vendor.calls[0][3]) == {"Invoices": [{"N": "L-0"}, {"N": "L-1"}, {"N": "L-2"}]}


def test_the_key_of_a_batch_is_that_of_exactly_these_documents() -> None:
    one, two, three = (drafted(reference=f"L-{n}") for n in range(3))
    keys = [idempotency_key(some) for some in ([one], [one, two], [one, two, three], [two, one])]
    assert keys[0] == "key-L-0"
    assert len(set(keys)) == len(keys)
    assert all(key is not None and len(key) <= 128 for key in keys)
    assert idempotency_key([one, drafted(reference="L-9", key="")]) is None


def test_documents_that_a_whole_call_refused_are_told_alone_and_answered_for_themselves() -> None:
    vendor = Vendor(lambda *_: None)

    def answer(_method: str, _path: str, _query: Mapping[str, str]) -> Any:
        references = [one["N"] for one in json.loads(vendor.calls[-1][3])["Invoices"]]
        if references == ["L-1"]:
            return {"Invoices": [invoice()]}
        words = "Account code '999' is not a valid code for this document."
        bad = [{"InvoiceNumber": one, **(refused(words) if one == "L-2" else {})} for one in references]
        return (400, {"ErrorNumber": 10, "Type": "ValidationException", "Elements": bad})

    vendor.answer = answer
    good, bad = asyncio.run(deliver(session(vendor), [drafted(), drafted(reference="L-2")]))
    assert isinstance(good, Accepted)
    assert isinstance(bad, Rejected)
    assert bad.remedy == "mapping"
    assert len(vendor.calls) == 3


@pytest.mark.parametrize(("status", "state"), [("VOIDED", "voided"), ("DELETED", "deleted"), ("DRAFT", "present")])
def test_what_is_voided_deleted_or_a_draft_moves_nothing(status: str, state: str) -> None:
    record = msgspec.json.decode(json.dumps(invoice(Status=status)).encode(), type=Record)
    places = Places(known={"200": "200"}, receivable="610", tax="820", home_currency="GBP")
    read = state_of("Invoices", record, places)
    assert (read.state, read.lines) == (state, ())
    standing = msgspec.json.decode(json.dumps(invoice()).encode(), type=Record)
    assert len(state_of("Invoices", standing, places).lines) == 3


def asked(rows: list[dict[str, Any]], draft: Draft) -> Any:
    vendor = Vendor(lambda method, path, query: {path[1:]: rows})
    return asyncio.run(find(session(vendor), [draft]))[0]


def test_what_is_found_must_bear_number_amount_date_and_mark() -> None:
    assert asked([], drafted()) == Absent()
    assert isinstance(asked([invoice()], drafted()), Found)
    for odd in (
        {"Total": 9.99},
        {"Date": "2026-05-04T00:00:00"},
        {"Reference": "typed by hand"},
        {"Status": "VOIDED"},
        {"Status": "DRAFT"},
        {"Type": "ACCPAY"},
        {"CurrencyCode": "EUR"},
    ):
        assert isinstance(asked([invoice(**odd)], drafted()), Ambiguous), odd
    assert isinstance(asked([invoice(), invoice(InvoiceID="i-2")], drafted()), Ambiguous)


def test_a_filter_that_is_ignored_fools_nobody_even_on_a_later_page() -> None:
    others = [invoice(f"O-{n}", InvoiceID=str(n)) for n in range(1000)]
    assert asked(others[:7], drafted()) == Absent()
    vendor = Vendor(lambda method, path, query: {"Invoices": others if query["page"] == "1" else [invoice()]})
    assert isinstance(asyncio.run(find(session(vendor), [drafted()]))[0], Found)


def test_a_deleted_payment_gives_its_reference_free() -> None:
    row = {
        "PaymentID": "p",
        "Reference": "leja:L-1",
        "Amount": 10,
        "Date": "2026-05-03",
        "Invoice": {"CurrencyCode": "GBP"},
    }
    assert isinstance(asked([row | {"Status": "AUTHORISED"}], drafted("Payment")), Found)
    assert asked([row | {"Status": "DELETED"}], drafted("Payment")) == Absent()


def organisation(method: str, path: str, query: Mapping[str, str]) -> Any:
    def account(code: str, kind: str, system: str = "", payments: bool = False) -> dict[str, Any]:
        return {
            "AccountID": f"a-{code}",
            "Code": code,
            "Type": kind,
            "SystemAccount": system,
            "Status": "ACTIVE",
            "EnablePaymentsToAccount": payments,
        }

    payment = {
        "PaymentID": "p-1",
        "PaymentType": "ACCRECPAYMENT",
        "Amount": 10,
        "Date": "2026-05-03",
        "Status": "AUTHORISED",
        "Account": {"Code": "090"},
        "Invoice": {"InvoiceID": "i-1", "CurrencyCode": "GBP"},
        "Reference": "leja:L-1-P1",
    }
    answers: dict[str, Any] = {
        "/Organisation": {
            "Organisations": [
                {
                    "BaseCurrency": "GBP",
                    "CountryCode": "GB",
                    "PeriodLockDate": "/Date(1774915200000+0000)/",
                }
            ]
        },
        "/Accounts": {
            "Accounts": [
                account("090", "BANK"),
                account("200", "REVENUE"),
                account("610", "CURRENT", "DEBTORS"),
                account("820", "CURRLIAB", "GST"),
                account("880", "CURRENT", payments=True),
            ]
        },
        "/Currencies": {"Currencies": [{"Code": "GBP"}, {"Code": "EUR"}]},
        "/TaxRates": {"TaxRates": [{"TaxType": "OUTPUT2", "Name": "20%", "EffectiveRate": 20.0, "Status": "ACTIVE"}]},
        "/Invoices": {"Invoices": [invoice(), invoice("X", InvoiceID="i-2", Reference="", Status="VOIDED")]},
        "/Invoices/i-1": {"Invoices": [invoice()]},
        "/Payments": {"Payments": [payment]},
        "/BankTransactions": {
            "BankTransactions": [
                {
                    "BankTransactionID": "b-1",
                    "Type": "SPEND-TRANSFER",
                    "Total": 5,
                    "Status": "AUTHORISED",
                    "Date": "2026-05-03",
                    "BankAccount": {"Code": "090"},
                }
            ]
        },
    }
    return answers.get(path, (404, {}))


def test_the_chart_tells_system_accounts_lock_and_where_tax_lands() -> None:
    read = asyncio.run(chart(session(Vendor(organisation))))
    assert (read.home_currency, read.multicurrency, read.locked_until) == ("GBP", True, date(2026, 3, 31))
    assert {one.code: one.kind for one in read.accounts} == {
        "090": "bank",
        "200": "income",
        "610": "receivable",
        "820": "tax",
        "880": "current_asset",
    }
    assert [one.code for one in read.accounts if one.takes_payments] == ["090", "880"]
    assert read.tax_codes[0].account == "820"


def test_changes_bring_the_movement_per_account_and_the_mark_makes_it_ours() -> None:
    vendor = Vendor(organisation)
    page = asyncio.run(changed(session(vendor), "2026-05-31T09:00:00+00:00"))
    states = {state.document.remote_id: state for state in page.states}
    assert {(one.account, one.amount.minor) for one in states["i-1"].lines} == {
        ("610", 1000),
        ("200", -833),
        ("820", -167),
    }
    assert (states["i-2"].state, states["i-2"].lines, states["i-2"].document.reference) == ("voided", (), "")
    assert {(one.account, one.amount.minor) for one in states["p-1"].lines} == {("090", 1000), ("610", -1000)}
    assert states["b-1"].lines == ()
    asked_since = {call[5].get("if-modified-since") for call in vendor.calls if call[1] == "/Invoices"}
    assert asked_since == {"2026-05-31T09:00:00"}


def test_balances_are_per_account_and_day() -> None:
    rows = asyncio.run(balances(session(Vendor(organisation)), date(2026, 5, 1), date(2026, 5, 31)))
    assert {(row.account, row.day.day, row.amount.minor) for row in rows} == {
        ("090", 3, 1000),
        ("200", 3, -833),
        ("820", 3, -167),
    }


def test_read_back_knows_what_is_gone() -> None:
    gone = RemoteDocument(kind="Invoice", remote_id="i-9", reference="L-9")
    here = RemoteDocument(kind="Invoice", remote_id="i-1", reference="L-1")
    states = asyncio.run(read_back(session(Vendor(organisation)), [gone, here]))
    assert [state.state for state in states] == ["deleted", "present"]


def signature(body: bytes, secret: bytes = b"key") -> str:
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


def test_the_intent_to_receive_is_answered_200_only_if_its_signature_holds(shared: Path) -> None:
    folder = shared / "specs/xero/examples"
    body = (folder / "webhook_intent_to_receive.json").read_bytes()
    assert handshake({"x-xero-signature": signature(body)}, body, ["key"]) == HandshakeAnswer(status=200)
    assert handshake({"x-xero-signature": signature(body, b"other")}, body, ["key"]) == HandshakeAnswer(status=401)
    assert handshake({}, body, ["key"]) == HandshakeAnswer(status=401)
    events = (folder / "webhook_invoice_create.json").read_bytes()
    assert handshake({"x-xero-signature": signature(events)}, events, ["key"]) is None


def test_webhooks_are_verified_over_the_raw_bytes(shared: Path) -> None:
    body = (shared / "specs/xero/examples/webhook_invoice_create.json").read_bytes()
    webhooks.verify({"x-xero-signature": signature(body)}, body, ["key"], NOW)
    with pytest.raises(Refused):
        webhooks.verify({"x-xero-signature": signature(body)}, body + b"\n", ["key"], NOW)
    (event,) = webhooks.read({}, body)
    assert (event.topic, event.account) == ("invoice/create", "c2cc9b6e-9458-4c7d-93cc-f02b81b0594f")
