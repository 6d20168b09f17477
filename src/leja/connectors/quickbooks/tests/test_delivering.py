"""What QuickBooks answers, and what it means; asking what happened; reading back; webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
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
    Later,
    Rejected,
    RemoteDocument,
    Session,
    Unknown,
)
from leja.connectors.quickbooks import Settings
from leja.connectors.quickbooks.documents import Places, movement, state_of
from leja.connectors.quickbooks.faults import fault_in, outcome_of
from leja.connectors.quickbooks.source import webhooks
from leja.connectors.quickbooks.target import changed, chart, deliver, find, read_back
from leja.connectors.quickbooks.wire import Record
from leja.core.errors import OutcomeUnknown, Refused, Transient
from leja.core.money import Money
from leja.http.client import Answer, Http

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


class Vendor:
    """Answers as the test says, and remembers what it was asked."""

    def __init__(self, answer: Callable[[str, str, Mapping[str, str], bytes], Any]) -> None:
        self.answer, self.calls = answer, []  # type: ignore[var-annotated]

    async def send(self, method: str, path: str, *, query: Mapping[str, str], content: bytes = b"", **_: Any) -> Answer:
        self.calls.append((method, path, dict(query), content))
        given = self.answer(method, path, query, content)
        if isinstance(given, Exception):
            raise given
        status, body = given if isinstance(given, tuple) else (200, given)
        return Answer(status, {}, json.dumps(body).encode())

    read = send


def session(vendor: Vendor) -> Session:
    return Session(
        http=cast(Http, vendor),
        settings=Settings(),
        base_url="https://quickbooks.example",
        tenant="4620",
        now=lambda: NOW,
        context=Context(settings=None, zone="UTC"),
    )


def drafted(kind: str = "SalesReceipt", reference: str = "L-1", **more: Any) -> Draft:
    given: dict[str, Any] = {
        "step": "document",
        "kind": kind,
        "reference": reference,
        "method": "POST",
        "path": f"/{kind.lower()}",
        "body": b"{}",
        "date": date(2026, 5, 3),
        "total": Money(1_000, "GBP"),
        "moves": {},
        "key": f"key-{reference}",
        "query": {"minorversion": "75"},
        **more,
    }
    return Draft(**given)


def record(reference: str = "L-1", **more: Any) -> dict[str, Any]:
    return {
        "Id": "17",
        "SyncToken": "0",
        "DocNumber": reference,
        "TxnDate": "2026-05-03",
        "TotalAmt": 10.00,
        "CurrencyRef": {"value": "GBP"},
        "PrivateNote": f"leja:{reference} till 1",
        **more,
    }


def fault(code: str, message: str, detail: str = "", kind: str = "ValidationFault") -> dict[str, Any]:
    return {"Fault": {"Error": [{"Message": message, "Detail": detail, "code": code}], "type": kind}}


def told(answer: Any, *drafts: Draft) -> list[Any]:
    return list(asyncio.run(deliver(session(Vendor(lambda *_: answer)), drafts or (drafted(),))))


CASES = (
    ("6200", "Account Period Closed", "ValidationFault", "period_locked"),
    ("6210", "Account Period Closed, Cannot Update Through Services API", "ValidationFault", "period_locked"),
    ("5010", "Account Period Closed", "ValidationFault", "period_locked"),
    ("5010", "Stale Object Error", "ValidationFault", "replan"),
    ("6140", "Duplicate Document Number Error", "ValidationFault", "already"),
    ("6210", "Duplicate Document Number Error", "ValidationFault", "already"),
    ("6240", "Duplicate Name Exists Error", "ValidationFault", "already"),
    ("610", "Object Not Found", "ValidationFault", "mapping"),
    ("2500", "Invalid Reference Id", "ValidationFault", "mapping"),
    ("6000", "A business validation error has occurred", "ValidationFault", "review"),
    ("6190", "Subscription lapsed", "ValidationFault", "review"),
    ("3200", "token rejected", "AuthenticationFault", "consent"),
    ("3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429", "SERVICE", "later"),
    ("10000", "An application error", "SystemFault", "unknown"),
)


@pytest.mark.parametrize(("code", "message", "kind", "expected"), CASES)
@pytest.mark.parametrize("status", [200, 400])
def test_a_fault_is_judged_by_code_and_words_together(
    code: str, message: str, kind: str, expected: str, status: int
) -> None:
    (outcome,) = told((status, fault(code, message, kind=kind)))
    if isinstance(outcome, Rejected):
        assert outcome.remedy == expected
        assert code in outcome.words
    else:
        assert {"already": AlreadyThere, "later": Later, "unknown": Unknown}[expected] is type(outcome)


def test_the_vendors_own_fault_samples_are_told_apart(shared: Path) -> None:
    folder = shared / "specs/quickbooks/examples"
    expected = {"6140": AlreadyThere, "6240": AlreadyThere, "610": "mapping", "5010": "replan"}
    seen = set()
    for file in sorted(folder.glob("fault_*.json")):
        found = fault_in(file.read_bytes())
        assert found is not None
        outcome = outcome_of(found, NOW)
        wanted = expected[file.stem.rsplit("_", 1)[1]]
        seen.add(file.stem)
        assert (outcome.remedy if isinstance(outcome, Rejected) else type(outcome)) == wanted
    assert len(seen) == 4


def test_success_must_carry_the_record_that_was_sent() -> None:
    (accepted,) = told({"SalesReceipt": record(SyncToken="3")})
    assert isinstance(accepted, Accepted)
    assert (accepted.document.remote_id, accepted.document.version) == ("17", "3")
    assert isinstance(told({})[0], Unknown)
    assert isinstance(told({"SalesReceipt": record(TotalAmt=10.01)})[0], Unknown)
    assert isinstance(told({"SalesReceipt": record("L-2")})[0], Unknown)


def test_the_key_is_on_the_wire_and_a_journal_entry_is_no_exception() -> None:
    vendor = Vendor(lambda *_: {"JournalEntry": record()})
    asyncio.run(deliver(session(vendor), [drafted("JournalEntry")]))
    assert vendor.calls[0][:3] == (
        "POST",
        "/v3/company/4620/journalentry",
        {"minorversion": "75", "requestid": "key-L-1"},
    )


def test_a_batch_succeeds_in_part_and_an_item_without_an_answer_is_unknown() -> None:
    answer = {
        "BatchItemResponse": [
            {"bId": "2", **fault("6140", "Duplicate Document Number Error")},
            {"bId": "0", "SalesReceipt": record("L-0")},
        ]
    }
    vendor = Vendor(lambda *_: answer)
    drafts = [drafted(reference=f"L-{number}") for number in range(3)]
    outcomes = asyncio.run(deliver(session(vendor), drafts))
    assert [type(one) for one in outcomes] == [Accepted, Unknown, AlreadyThere]
    _, path, query, content = vendor.calls[0]
    assert path.endswith("/batch")
    assert len(query["requestid"]) <= 36
    assert [item["bId"] for item in json.loads(content)["BatchItemRequest"]] == ["0", "1", "2"]


def test_a_lost_answer_is_unknown_and_a_throttle_waits_a_minute() -> None:
    assert isinstance(told(OutcomeUnknown("http-unclear", "timed out"))[0], Unknown)
    later = told(Transient("http-too-many", "wait", retry_after=1.0))[0]
    assert isinstance(later, Later)
    assert (later.until - NOW).total_seconds() == 60


def asked(rows: list[dict[str, Any]], draft: Draft) -> Any:
    vendor = Vendor(lambda *_: {"QueryResponse": {draft.kind: rows} if rows else {}})
    return asyncio.run(find(session(vendor), [draft]))[0]


def test_what_is_found_must_bear_reference_amount_date_and_mark() -> None:
    assert asked([], drafted()) == Absent()
    assert isinstance(asked([record()], drafted()), Found)
    for odd in (
        {"TotalAmt": 9.99},
        {"TxnDate": "2026-05-04"},
        {"PrivateNote": "typed by hand"},
        {"PrivateNote": "leja:L-12 x"},
        {"TotalAmt": 0, "PrivateNote": "Voided leja:L-1"},
        {"CurrencyRef": {"value": "EUR"}},
    ):
        assert isinstance(asked([record(**odd)], drafted()), Ambiguous), odd
    assert isinstance(asked([record(), record(Id="18")], drafted()), Ambiguous)


def test_a_query_is_read_to_its_last_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leja.connectors.quickbooks.api.PAGE", 2)
    rows = [record("", Id=str(number), PaymentRefNum=f"ch_{number}") for number in range(4)]
    rows.append(record("", Id="9", PaymentRefNum="L-1", PrivateNote="leja:L-1"))

    def page(_method: str, _path: str, _query: Mapping[str, str], content: bytes) -> Any:
        start = int(content.decode().split("startposition ")[1].split()[0])
        return {"QueryResponse": {"Payment": rows[start - 1 : start + 1]}}

    vendor = Vendor(page)
    (found,) = asyncio.run(find(session(vendor), [drafted("Payment")]))
    assert isinstance(found, Found)
    assert found.document.remote_id == "9"
    assert len(vendor.calls) == 3


def test_a_filter_that_is_ignored_fools_nobody() -> None:
    others = [record(f"OTHER-{number}", Id=str(number)) for number in range(7)]
    assert asked(others, drafted()) == Absent()
    assert isinstance(asked([*others, record()], drafted()), Found)


def test_a_payment_is_found_among_those_of_its_day_by_its_reference_number() -> None:
    payment = record("") | {"PaymentRefNum": "L-1", "PrivateNote": "leja:L-1"}
    assert isinstance(asked([record("", Id="3", PaymentRefNum="ch_1"), payment], drafted("Payment")), Found)


def test_an_inactive_item_of_our_name_is_not_taken_for_ours() -> None:
    item = {"Id": "5", "Name": "Leja 70 Sales", "Type": "NonInventory", "Active": True}
    draft = drafted("Item", "Leja 70 Sales")
    assert isinstance(asked([item], draft), Found)
    assert isinstance(asked([item | {"Active": False}], draft), Ambiguous)
    assert isinstance(asked([item | {"Type": "Inventory"}], draft), Ambiguous)


def company(method: str, path: str, query: Mapping[str, str], content: bytes) -> Any:
    rows: dict[str, list[dict[str, Any]]] = {
        "Account": [
            {"Id": "35", "Name": "Bank", "AccountType": "Bank"},
            {"Id": "50", "Name": "Debtors", "AccountType": "Accounts Receivable"},
            {"Id": "61", "Name": "VAT", "AccountType": "Other Current Liability", "AccountSubType": "GlobalTaxPayable"},
        ],
        "TaxRate": [{"Id": "1", "RateValue": 20}],
        "TaxCode": [{"Id": "5", "Name": "S", "SalesTaxRateList": {"TaxRateDetail": [{"TaxRateRef": {"value": "1"}}]}}],
        "Item": [{"Id": "8", "Name": "Leja 70", "Type": "NonInventory", "IncomeAccountRef": {"value": "70"}}],
    }
    if path.endswith("/preferences"):
        return {
            "Preferences": {
                "SalesFormsPrefs": {"CustomTxnNumbers": True},
                "AccountingInfoPrefs": {"BookCloseDate": "2026-03-31"},
                "CurrencyPrefs": {"MultiCurrencyEnabled": True, "HomeCurrency": {"value": "GBP"}},
            }
        }
    if "/companyinfo/" in path:
        return {"CompanyInfo": {"Country": "GB"}}
    if path.endswith("/cdc"):
        deleted = {"Id": "4", "status": "Deleted"}
        return {"CDCResponse": [{"QueryResponse": [{"Invoice": [deleted]}, {"SalesReceipt": [sale()]}, {}]}]}
    entity = content.decode().split(" from ")[1].split()[0]
    if entity == "SalesReceipt":
        return {"QueryResponse": {"SalesReceipt": [sale()]}}
    return {"QueryResponse": {entity: rows[entity]} if entity in rows else {}}


def sale() -> dict[str, Any]:
    detail = {"ItemRef": {"value": "8"}}
    return record(
        TotalAmt=12,
        DepositToAccountRef={"value": "35"},
        TxnTaxDetail={"TotalTax": 2},
        Line=[
            {"Amount": 10, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail},
            {"Amount": 10, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
        ],
    )


def test_the_chart_tells_numbering_lock_home_currency_and_where_tax_lands() -> None:
    read = asyncio.run(chart(session(Vendor(company))))
    assert (read.home_currency, read.multicurrency, read.own_numbers) == ("GBP", True, True)
    assert read.locked_until == date(2026, 3, 31)
    assert [(code.id, code.rate, code.account) for code in read.tax_codes] == [("5", 20, "61")]


def test_changes_bring_the_movement_per_account_and_deletions() -> None:
    page = asyncio.run(changed(session(Vendor(company)), "2026-05-31T09:00:00+00:00"))
    states = {state.document.remote_id: state for state in page.states}
    assert states["4"].state == "deleted"
    assert states["17"].document.reference == "L-1"
    assert {(one.account, one.amount.minor) for one in states["17"].lines} == {
        ("35", 1200),
        ("70", -1000),
        ("61", -200),
    }
    assert page.cursor == "2026-06-01T08:59:00+00:00"


def test_read_back_knows_what_is_gone() -> None:
    gone = RemoteDocument(kind="SalesReceipt", remote_id="99", reference="L-9")
    here = RemoteDocument(kind="SalesReceipt", remote_id="17", reference="L-1")
    states = asyncio.run(read_back(session(Vendor(company)), [gone, here]))
    assert [state.state for state in states] == ["deleted", "present"]


def test_a_number_of_ours_without_our_mark_is_anybodys() -> None:
    typed = msgspec.json.decode(json.dumps(record("L-1", PrivateNote="typed by hand")).encode(), type=Record)
    read = state_of("SalesReceipt", typed, Places(items={}, home_currency="GBP"))
    assert (read.document.reference, read.document.number) == ("", "L-1")


def test_a_document_that_does_not_balance_as_read_is_refused_and_an_unreadable_amount_is_never_zero() -> None:
    odd = Record(id="1", total_amt=None, doc_number="X", line=(), txn_date="2026-01-01")
    assert movement("Invoice", odd, Places(items={}, home_currency="GBP")) == ()
    with pytest.raises(Transient, match="unreadable"):
        asked([record(TotalAmt="ten")], drafted())


def test_webhooks_of_several_companies_are_verified_and_fanned_out(shared: Path) -> None:
    body = (shared / "specs/quickbooks/examples/webhook_cloudevents_multi_realm.json").read_bytes()
    signature = base64.b64encode(hmac.new(b"new", body, hashlib.sha256).digest()).decode()
    webhooks.verify({"intuit-signature": signature}, body, ["old", "new"], NOW)
    with pytest.raises(Refused):
        webhooks.verify({"intuit-signature": signature}, body + b" ", ["old", "new"], NOW)
    events = webhooks.read({}, body)
    assert [(one.account, one.topic) for one in events] == [
        ("310687", "qbo.invoice.updated.v1"),
        ("400555", "qbo.payment.created.v1"),
    ]
    assert len({one.key for one in events}) == 2
