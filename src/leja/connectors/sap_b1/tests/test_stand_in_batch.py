"""Batches, faults, the year of foreign entries and the control of the stand-in of SAP Business One."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from leja.connectors.sap_b1.tests.test_stand_in import LOGIN, Running, lines


@pytest.fixture
def company() -> Iterator[Running]:
    running = Running(foreign=False, user_tables=["KEYS"])
    yield running
    running.close()


def batch(*parts: str | list[str], end: str = "--b--\r\n") -> bytes:
    """A batch of requests; a list is a change set."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += f"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n{part}\r\n"
        else:
            text += "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n"
            for number, inner in enumerate(part, 1):
                head = f"--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n"
                text += head + inner + "\r\n"
            text += "--c--\r\n"
    return (text + end).encode()


def send(company: Running, body: bytes, version: str = "v2") -> httpx2.Response:
    address = f"{str(company.http.base_url).rstrip('/').removesuffix('/v2')}/{version}/$batch"
    cookie = f"B1SESSION={company.http.cookies['B1SESSION']}"
    return httpx2.post(address, content=body, headers={"content-type": "multipart/mixed;boundary=b", "cookie": cookie})


def journal(amount: str, credit: str = "410010") -> str:
    rows = f'[{{"AccountCode":"111010","Debit":{amount}}},{{"AccountCode":"{credit}","Credit":{amount}}}]'
    return f'POST /b1s/v2/JournalEntries HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{{"JournalEntryLines":{rows}}}\r\n'


KEY = 'POST /b1s/v2/U_KEYS\r\n\r\n{"Code":"inv-1"}\r\n'


def test_a_change_set_succeeds_or_fails_as_one(company: Running) -> None:
    answer = send(company, batch([KEY, journal("5")], "GET /b1s/v2/U_KEYS('inv-1')\r\n\r\n"))
    assert answer.status_code == 200
    assert answer.text.count("201 Created") == 2
    assert answer.text.count("200 OK") == 1
    again = send(company, batch([KEY, journal("5")], journal("7")))
    assert again.status_code == 200
    assert again.text.count("HTTP/1.1") == 1
    assert "-2035" in again.text
    send(company, batch(['POST /b1s/v2/U_KEYS\r\n\r\n{"Code":"inv-2"}\r\n', journal("5", "999")]))
    company.code("GET", "/U_KEYS('inv-2')", status=404)
    assert [row.minor for row in company.stand_in.ledger()] == [500, -500]


def test_what_a_part_made_can_be_named_by_the_next(company: Running) -> None:
    item = 'POST /b1s/v2/Items\r\n\r\n{"ItemCode":"i9","ItemName":"a"}\r\n'
    change = 'PATCH /b1s/v2/$1\r\n\r\n{"ItemName":"b"}\r\n'
    assert "204 No Content" in send(company, batch([item, change])).text
    assert company.get("/Items('i9')")["ItemName"] == "b"


@pytest.mark.parametrize(
    "body",
    [b"", batch(KEY, end=""), batch("nonsense\r\n"), batch(["GET /b1s/v2/Items\r\n\r\n"]),
     batch([KEY]).replace(b"Content-ID: 1\r\n", b"")],
)  # fmt: skip
def test_a_malformed_batch_is_refused_whole(company: Running, body: bytes) -> None:
    answer = send(company, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "-1000")
    assert send(company, batch([KEY]).replace(b"Content-ID: 1\r\n", b""), "v1").status_code == 202


def test_a_batch_stops_at_its_first_failure(company: Running) -> None:
    company.control("fault", kind="batch_partial", path="POST */$batch", times=1, skip=1)
    answer = send(company, batch(journal("1"), journal("2"), journal("3")))
    assert answer.text.count("HTTP/1.1") == 2
    assert [row.minor for row in company.stand_in.ledger()] == [100, -100]


def test_an_answer_that_is_lost_was_committed_and_search_may_lag(company: Running) -> None:
    company.control("fault", kind="lagging_search", path="POST */Invoices", seconds=30, times=1)
    company.control("fault", kind="answer_lost", path="POST */Invoices", times=1)
    with pytest.raises(httpx2.HTTPError):
        company.invoice(NumAtCard="lost")
    assert company.get("/Invoices?$filter=NumAtCard eq 'lost'")["value"] == []
    company.clock.advance(31)
    found = company.get("/Invoices?$filter=NumAtCard eq 'lost'")["value"]
    assert [row["DocEntry"] for row in found] == [1]
    assert company.stand_in.ledger() != []


def test_a_year_of_foreign_entries_and_what_the_api_did_stay_apart(tmp_path: Path) -> None:
    running = Running(tmp_path)
    try:
        books = running.control("books")
        assert len(books) > 200
        assert {row["origin"] for row in books} == {"foreign"}
        assert sum(row["home_minor"] for row in books) == 0
        assert running.stand_in.ledger() == []
        running.invoice()
        before = running.control("ledger")
    finally:
        running.close()
    again = Running(tmp_path)
    try:
        assert again.control("ledger") == before
        assert len(again.control("books")) == len(books) + 3
        assert len(again.control("documents")) == 1
    finally:
        again.close()


def total(company: Running, kind: str, id_: Any) -> str:
    return str(company.control("document", kind=kind, id=str(id_))["total"])


def test_what_others_do_over_there(company: Running) -> None:
    made = company.invoice({"PriceAfterVAT": "9.99"}, {"PriceAfterVAT": "3.33"})
    entry = company.post("/JournalEntries", {"JournalEntryLines": lines(("111010", "5"), ("410010", "-5"))})
    assert company.control("alter", kind="Invoices", id="1", amount="1.00", line=1)["total"] == "11.19"
    moved = company.control("alter", kind="Invoices", id="1", day="2026-05-09", account="410030")
    assert {(row["account"], row["day"]) for row in moved["postings"]} == {
        ("130000", "2026-05-09"), ("410030", "2026-05-09"), ("410010", "2026-05-09"), ("220010", "2026-05-09")}  # fmt: skip
    assert (
        company.get(f"/JournalEntries({made['TransNum']})")["JournalEntryLines"][0]["Debit"]
        == moved["body"]["DocTotal"]
    )
    assert company.control("alter", kind="JournalEntries", id=str(entry["JdtNum"]), amount="6.00")["total"] == "6.00"
    assert company.control("void", kind="Invoices", id="1")["gone"] is True
    company.control("cancel", kind="JournalEntries", id=str(entry["JdtNum"]))
    assert company.stand_in.ledger() == []
    with pytest.raises(ValueError, match="already"):
        company.control("void", kind="Invoices", id="1")
    company.control(
        "foreign", kind="JournalEntries", body={"JournalEntryLines": lines(("111010", "5"), ("410010", "-5"))}
    )
    assert company.stand_in.ledger() == []
    company.control("archive", code="111010")
    body = {"JournalEntryLines": lines(("111010", "5"), ("410010", "-5"))}
    assert "inactive" in company.code("POST", "/JournalEntries", body)[1]


def test_a_payment_that_is_altered_or_cancelled_over_there(company: Running) -> None:
    invoice = company.invoice()
    body = {
        "CardCode": "C10000",
        "CashAccount": "111020",
        "CashSum": 120,
        "PaymentInvoices": [{"DocEntry": 1, "SumApplied": 120}],
    }
    company.post("/IncomingPayments", body)
    company.control("alter", kind="IncomingPayments", id="1", amount="100.00")
    assert company.get(f"/Invoices({invoice['DocEntry']})")["DocumentStatus"] == "bost_Open"
    assert total(company, "IncomingPayments", 1) == "100.00"
    company.control("void", kind="IncomingPayments", id="1")
    assert company.get("/ChartOfAccounts('111020')")["Balance"] == 0


def test_a_user_who_is_locked_cannot_log_in(company: Running) -> None:
    company.control("revoke_tokens")
    assert company.http.post("/Login", json=LOGIN).status_code == 401
