"""The stand-in of QuickBooks: supplier credits, purchases, transfers, the metering of reads, webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from leja.connectors.quickbooks.tests.test_stand_in import SPECS, Running, fault, journal, receipt


@pytest.fixture
def company() -> Iterator[Running]:
    running = Running()
    yield running
    running.http.close()
    running.sandbox.stop()


def expense(account: str, amount: float, code: str = "6") -> dict[str, Any]:
    detail = {"AccountRef": {"value": account}, "TaxCodeRef": {"value": code}}
    return {"Amount": amount, "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": detail}


def vendor(company: Running) -> str:
    return str(company.select("select * from Vendor")["Vendor"][0]["Id"])


def test_a_supplier_credit_settles_a_bill_without_money(company: Running) -> None:
    ref = {"VendorRef": {"value": vendor(company)}, "TxnDate": "2026-05-30"}
    bill = company.call("POST", "/bill", {**ref, "Line": [expense("14", 100, "2")]}).json()["Bill"]
    made = company.call("POST", "/vendorcredit", {**ref, "Line": [expense("14", 40, "2")]}).json()["VendorCredit"]
    assert (made["TotalAmt"], made["Balance"]) == (48, 48)
    assert (company.total("20"), company.total("21"), company.total("14")) == (-7200, 1200, 6000)
    lines = [{"Amount": 48, "LinkedTxn": [{"TxnId": row["Id"], "TxnType": kind}]}
             for kind, row in (("Bill", bill), ("VendorCredit", made))]  # fmt: skip
    paying = {**ref, "PayType": "Check", "CheckPayment": {"BankAccountRef": {"value": "1"}}, "TotalAmt": 0}
    assert fault(company.call("POST", "/billpayment", {**paying, "Line": lines[:1]}))["code"] == "6000"
    done = company.call("POST", "/billpayment", {**paying, "Line": lines})
    assert done.status_code == 200, done.text
    assert company.select("select * from VendorCredit")["VendorCredit"][0]["Balance"] == 0
    assert company.call("GET", f"/bill/{bill['Id']}").json()["Bill"]["Balance"] == 72
    assert company.total("20") == -7200


def test_a_card_purchase_and_its_credit_rest_on_a_card_account(company: Running) -> None:
    card = company.call("POST", "/account", {"Name": "Company Card", "AccountType": "Credit Card"}).json()["Account"]
    body = {"TxnDate": "2026-05-30", "PaymentType": "CreditCard", "Line": [expense("63", 25)]}
    assert fault(company.call("POST", "/purchase", {**body, "AccountRef": {"value": "1"}}))["code"] == "6000"
    assert company.call("POST", "/purchase", {**body, "AccountRef": {"value": card["Id"]}}).status_code == 200
    back = {**body, "AccountRef": {"value": card["Id"]}, "Credit": True, "Line": [expense("63", 5)]}
    assert company.call("POST", "/purchase", back).status_code == 200
    assert (company.total(card["Id"]), company.total("63")) == (-2000, 2000)


def test_a_transfer_and_cash_back_of_a_deposit_post_both_sides(company: Running) -> None:
    move = {"FromAccountRef": {"value": "5"}, "ToAccountRef": {"value": "1"}, "Amount": 60, "TxnDate": "2026-05-30"}
    made = company.call("POST", "/transfer", move).json()["Transfer"]
    assert (company.total("5"), company.total("1")) == (-6000, 6000)
    assert fault(company.call("POST", "/transfer", {**move, "ToAccountRef": {"value": "40"}}))["code"] == "6000"
    assert fault(company.call("POST", "/transfer", {**move, "ToAccountRef": {"value": "5"}}))["code"] == "6000"
    rows = company.call("GET", "/cdc", entities="Transfer,VendorCredit", changedSince="2026-06-01T08:59:00Z").json()
    assert rows["CDCResponse"][0]["QueryResponse"][0]["Transfer"][0]["Id"] == made["Id"]
    line = {"Amount": 100, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": {"value": "26"}}}
    body = {"DepositToAccountRef": {"value": "1"}, "TxnDate": "2026-05-30", "Line": [line],
            "CashBack": {"AccountRef": {"value": "4"}, "Amount": 30}}  # fmt: skip
    assert company.call("POST", "/deposit", body).json()["Deposit"]["TotalAmt"] == 70
    assert (company.total("1"), company.total("4"), company.total("26")) == (13000, 3000, -10000)


@pytest.mark.skipif(not SPECS.is_dir(), reason="NOT RUN: ../shared is absent")
def test_the_fields_of_these_answers_stand_in_the_vendors_schema(company: Running) -> None:
    known = {"value", "name", "time", "startPosition", "maxResults", "domain", "sparse"}
    for file in (SPECS / "xsd").glob("*.xsd"):
        known |= set(re.findall(r'(?:name|ref)="(?:\w+:)?(\w+)"', file.read_text()))
    ref = {"VendorRef": {"value": vendor(company)}}
    company.call("POST", "/vendorcredit", {**ref, "Line": [expense("14", 40)]})
    company.call("POST", "/transfer", {"FromAccountRef": {"value": "5"}, "ToAccountRef": {"value": "1"}, "Amount": 6})
    line = {"Amount": 9, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": {"value": "26"}}}
    company.call("POST", "/deposit", {"DepositToAccountRef": {"value": "1"}, "Line": [line],
                                      "CashBack": {"AccountRef": {"value": "4"}, "Amount": 3}})  # fmt: skip

    def names(value: Any) -> Iterator[str]:
        for key, inner in value.items() if isinstance(value, dict) else ():
            yield key
            yield from names(inner)
        for part in value if isinstance(value, list) else ():
            yield from names(part)

    for entity in ("VendorCredit", "Transfer", "Deposit"):
        answer = company.select(f"select * from {entity}")
        assert answer.get(entity), entity
        assert set(names(answer)) - known == set(), entity


def test_reads_are_counted_and_refused_until_the_next_month_while_writes_go_on(company: Running) -> None:
    company.control("metered", budget=3)
    for _ in range(2):
        assert company.call("GET", "/preferences").status_code == 200
    assert company.call("POST", "/salesreceipt", receipt("S-1")).status_code == 200
    assert company.select("select count(*) from SalesReceipt") == {"totalCount": 1}
    refused = company.call("GET", "/salesreceipt/1")
    assert (refused.status_code, fault(refused)["code"]) == (429, "3001")
    assert company.call("POST", "/salesreceipt", receipt("S-2")).status_code == 200
    batch = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Item"}]}
    assert company.call("POST", "/batch", batch).status_code == 429
    assert company.control("metered") == {"used": 3, "budget": 3}
    company.clock.advance(timedelta(days=30).total_seconds())
    company.token = company.control("grant")["access_token"]
    assert company.call("GET", "/preferences").status_code == 200


def test_every_change_is_told_by_a_signed_cloud_event(company: Running) -> None:
    assert company.call("POST", "/salesreceipt", receipt("S-0")).status_code == 200
    assert company.stand_in.outgoing() == []
    company.control("webhooks_to", url="http://127.0.0.1:9/hook")
    made = company.call("POST", "/salesreceipt", receipt("S-1")).json()["SalesReceipt"]
    company.control("alter", kind="SalesReceipt", id=made["Id"], amount="20.00")
    entry = journal(("60", "Debit", 5), ("1", "Credit", 5))
    for line in entry["Line"]:
        line["Amount"] = "5.00"
    typed = company.control("foreign", kind="JournalEntry", body=entry)
    company.control("delete", kind="SalesReceipt", id=made["Id"])
    events = []
    for sent in company.stand_in.outgoing():
        digest = hmac.new(b"sandbox-verifier", sent.body, hashlib.sha256).digest()
        assert sent.headers["intuit-signature"] == base64.b64encode(digest).decode()
        (event,) = json.loads(sent.body)
        assert (event["specversion"], event["intuitaccountid"], event["data"]) == ("1.0", "9130357", {})
        events.append((event["type"], event["intuitentityid"]))
    assert events == [
        ("qbo.salesreceipt.created.v1", made["Id"]), ("qbo.salesreceipt.updated.v1", made["Id"]),
        ("qbo.journalentry.created.v1", typed["Id"]), ("qbo.salesreceipt.deleted.v1", made["Id"]),
    ]  # fmt: skip
    assert len({json.loads(sent.body)[0]["id"] for sent in company.stand_in.outgoing()}) == 4


def test_a_refused_change_tells_nothing(company: Running) -> None:
    company.control("webhooks_to", url="http://127.0.0.1:9/hook")
    assert company.call("POST", "/salesreceipt", receipt(amount=1.005)).status_code == 400
    assert company.stand_in.outgoing() == []
