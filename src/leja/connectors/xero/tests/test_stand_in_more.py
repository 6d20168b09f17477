"""The stand-in of Xero: bank transfers, overpayments and prepayments, webhooks; judged as its other answers are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from xero_python.accounting import Account, AccountingApi, BankTransfer, BankTransfers
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token

from leja.connectors.xero.tests.test_stand_in import API, TENANT, Running, invoice, make, messages

KEY = b"sandbox-webhook-key"


@pytest.fixture
def org() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def move(amount: float = 60, source: str = "092", target: str = "090") -> dict[str, Any]:
    return {"FromBankAccount": {"Code": source}, "ToBankAccount": {"Code": target}, "Amount": amount,
            "Date": "2026-05-30", "Reference": "P-1"}  # fmt: skip


def money(kind: str, amount: float = 50, **more: Any) -> dict[str, Any]:
    return {"Type": kind, "Contact": {"Name": "Jo Buyer"}, "Date": "2026-05-30", "BankAccount": {"Code": "090"},
            "LineItems": [{"Description": "too much", "Quantity": 1, "UnitAmount": amount}], **more}  # fmt: skip


def test_the_official_client_makes_reads_and_deletes_a_transfer(org: Running) -> None:
    kept = {"access_token": org.token, "refresh_token": org.refresh, "scope": ["offline_access"], "expires_in": 1800,
            "expires_at": 4_000_000_000, "token_type": "Bearer"}  # fmt: skip
    client = ApiClient(Configuration(oauth2_token=OAuth2Token(client_id="a", client_secret="b")), pool_threads=1)
    client.oauth2_token_getter(lambda: kept)
    client.oauth2_token_saver(kept.update)
    api = AccountingApi(client, base_url=org.url + API)
    accounts = {row.code: row.account_id for row in api.get_accounts(TENANT).accounts}
    wanted = BankTransfer(from_bank_account=Account(account_id=accounts["092"]), amount=60,
                          to_bank_account=Account(account_id=accounts["090"]), date=date(2026, 5, 30))  # fmt: skip
    made = api.create_bank_transfer(TENANT, BankTransfers(bank_transfers=[wanted])).bank_transfers[0]
    assert (org.total("092"), org.total("090")) == (-6000, 6000)
    assert [row.bank_transfer_id for row in api.get_bank_transfers(TENANT).bank_transfers] == [made.bank_transfer_id]
    side = api.get_bank_transaction(TENANT, made.to_bank_transaction_id).bank_transactions[0]
    assert (side.type, side.total) == ("RECEIVE-TRANSFER", 60)
    answer = org.call("POST", f"/BankTransfers/{made.bank_transfer_id}", {"Status": "DELETED"})
    assert answer.json()["BankTransfers"][0]["Status"] == "DELETED"
    assert org.stand_in.ledger() == []
    assert org.call("GET", "/BankTransfers").json()["BankTransfers"] == []
    assert len(org.call("GET", "/BankTransfers", includeDeleted="true").json()["BankTransfers"]) == 1
    side = api.get_bank_transaction(TENANT, made.to_bank_transaction_id).bank_transactions[0]
    assert side.status == "DELETED"


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("BankTransfers", move(target="645"), "type BANK"),
        ("BankTransfers", move(target="092"), "must differ"),
        ("BankTransfers", move(amount=-1), "greater than zero"),
        ("BankTransfers", {**move(), "Amunt": 1}, "no such field"),
        ("BankTransactions", money("RECEIVE-TRANSFER"), "use BankTransfers"),
        ("BankTransactions", money("RECEIVE-OVERPAYMENT", Contact={}), "Contact"),
        ("BankTransactions", money("RECEIVE-OVERPAYMENT", LineAmountTypes="Inclusive"), "NoTax"),
    ],
)
def test_transfers_and_credits_that_cannot_be_are_refused(
    org: Running, kind: str, body: dict[str, Any], words: str
) -> None:
    assert words in messages(org.call("PUT", f"/{kind}", {kind: [body]}))
    assert org.stand_in.ledger() == []


@pytest.mark.parametrize("word", ["Overpayment", "Prepayment"])
def test_money_that_is_too_much_or_too_early_waits_on_the_customers_account(org: Running, word: str) -> None:
    made = make(org, "BankTransactions", money(f"RECEIVE-{word.upper()}"))
    assert (org.total("090"), org.total("610")) == (5000, -5000)
    own = made[f"{word}ID"]
    sold = make(org, "Invoices", invoice("S-1", 20))
    body = {"Allocations": [{"Amount": 24, "Date": "2026-05-31", "Invoice": {"InvoiceID": sold["InvoiceID"]}}]}
    done = org.call("PUT", f"/{word}s/{own}/Allocations", body)
    assert done.status_code == 200, done.text
    assert org.call("GET", f"/Invoices/{sold['InvoiceID']}").json()["Invoices"][0]["Status"] == "PAID"
    assert org.call("GET", f"/{word}s/{own}").json()[f"{word}s"][0]["RemainingCredit"] == 26
    back = {word: {f"{word}ID": own}, "Account": {"Code": "090"}, "Amount": 26, "Date": "2026-06-01"}
    paid = make(org, "Payments", back)
    assert paid["PaymentType"] == f"AR{word.upper()}PAYMENT"
    assert (org.total("090"), org.total("610")) == (2400, 0)
    (credit,) = org.call("GET", f"/{word}s", page="1").json()[f"{word}s"]
    assert (credit["Status"], credit["RemainingCredit"]) == ("PAID", 0)
    assert org.call("GET", "/Journals", offset="0").status_code == 200


def test_money_spent_too_much_waits_on_the_suppliers_account(org: Running) -> None:
    make(org, "BankTransactions", money("SPEND-OVERPAYMENT"))
    assert (org.total("090"), org.total("800")) == (-5000, 5000)


def test_a_transfer_altered_over_there_moves_both_accounts(org: Running) -> None:
    made = make(org, "BankTransfers", move())
    org.control("alter", kind="BankTransfers", id=made["BankTransferID"], amount="61.00")
    assert (org.total("092"), org.total("090")) == (-6100, 6100)
    sides = org.call("GET", "/BankTransactions", where='Reference=="P-1"').json()["BankTransactions"]
    assert [row["Total"] for row in sides] == [61, 61]
    org.control("void", kind="BankTransfers", id=made["BankTransferID"])
    assert org.stand_in.ledger() == []


class Listener:
    """A web server that answers 200 to well-signed calls and 401 to others, unless it is told to be careless."""

    def __init__(self, careless: bool = False) -> None:
        got = self.got = list[bytes]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                right = base64.b64encode(hmac.new(KEY, body, hashlib.sha256).digest()).decode()
                good = careless or self.headers["x-xero-signature"] == right
                if good:
                    got.append(body)
                self.send_response(200 if good else 401)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_the_intent_to_receive_decides_whether_webhooks_are_sent(org: Running) -> None:
    careless = Listener(careless=True)
    assert org.control("webhooks_to", url=careless.url)["active"] is False
    make(org, "Invoices", invoice("S-0"))
    assert org.stand_in.outgoing() == []
    listener = Listener()
    assert org.control("webhooks_to", url=listener.url) == {"active": True, "answers": [200, 401, 401, 200]}
    assert [json.loads(body)["events"] for body in listener.got] == [[], []]
    made = make(org, "Invoices", invoice("S-1"))
    org.control("alter", kind="Invoices", id=made["InvoiceID"], amount="7.00")
    typed = org.control("foreign", kind="CreditNotes", body={
        **invoice(), "Type": "ACCRECCREDIT", "DueDate": None, "LineItems": [
            {"Description": "x", "Quantity": "1", "UnitAmount": "5.00", "AccountCode": "200"}]})  # fmt: skip
    told = [json.loads(sent.body) for sent in org.stand_in.outgoing()]
    assert [body["firstEventSequence"] for body in told] == list(range(1, len(told) + 1))
    events = [event for body in told for event in body["events"]]
    assert {event["tenantId"] for event in events} == {TENANT}
    seen = {(event["eventCategory"], event["eventType"], event["resourceId"]) for event in events}
    assert seen >= {("INVOICE", "CREATE", made["InvoiceID"]), ("INVOICE", "UPDATE", made["InvoiceID"]),
                    ("CREDITNOTE", "CREATE", typed["CreditNoteID"])}  # fmt: skip
    (credit,) = [event for event in events if event["eventCategory"] == "CREDITNOTE"]
    assert credit["data"] == {"Type": "ACCRECCREDIT", "Status": "AUTHORISED"}
    for sent in org.stand_in.outgoing():
        right = base64.b64encode(hmac.new(KEY, sent.body, hashlib.sha256).digest()).decode()
        assert sent.headers["x-xero-signature"] == right
    for each in (careless, listener):
        each.server.shutdown()
        each.server.server_close()
