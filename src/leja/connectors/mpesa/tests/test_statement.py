"""Organisation statements as they are exported: layouts, preambles, dates, masks, and a balance that must hold."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from leja.connectors.mpesa import source
from leja.connectors.mpesa.tests.wallet import SETTINGS, Wallet
from leja.core.errors import Refused

HEAD = ("Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,"
        "Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n")  # fmt: skip
SHARED = Path(__file__).parents[6] / "shared"


def line(receipt: str, at: str, paid: str, out: str, balance: str, reason: str = "Pay Bill", more: str = ",,") -> str:
    return f'{receipt},{at},{at},{reason} from 2547***126 - JANE DOE Acc. INV-7,Completed,"{paid}","{out}","{balance}",true,{reason},{more}\n'


TWO = line("UE41AAAA01", "04-05-2026 09:00:00", "1,500.00", "", "1,500.00") + line("UE41AAAA02", "04-05-2026 10:00:00", "", "-27.50", "1,472.50", "Charge")


def test_what_was_found_is_shown():
    shape = source.detect(("Organization Name,X\nShort Code,600966\n,,\n" + HEAD + TWO).encode(), SETTINGS)
    assert (shape.encoding, shape.delimiter, shape.decimal_mark, shape.date_format) == ("utf-8", ",", ".", "dd-mm-yyyy")
    assert (shape.columns["receipt"], shape.columns["reason"]) == ("Receipt No.", "Reason Type")
    assert shape.detected == ("encoding", "delimiter", "date_format")


@pytest.mark.parametrize("given", [
    {}, {"dates": "iso"}, {"newest_first": False}, {"older": True}, {"bom": True}, {"older": True, "dates": "iso", "bom": True},
])  # fmt: skip
def test_every_layout_says_the_same(given):
    wallet = Wallet()
    for amount in (1500, 2300, 80):
        wallet.call("pay", amount=amount, reference="INV-1")
        wallet.clock.advance(90)
    wallet.call("sweep", amount=1000, charge="10.50")
    plain = {event.key for event in wallet.statement()}
    assert len(plain) == 7
    assert {event.key for event in wallet.statement(**given)} == plain
    assert wallet.books(wallet.statement(**given)) == wallet.books(wallet.statement())


def test_nobodys_number_or_name_is_kept():
    (event, _) = Wallet().read(HEAD + TWO)
    row = json.loads(event.body)
    assert (row["details"], row["account"]) == ("Pay Bill", "INV-7")
    assert b"JANE" not in event.body
    assert b"2547" not in event.body


@pytest.mark.parametrize(("text", "code"), [
    (HEAD + TWO.replace("1,472.50", "1,472.51"), "mpesa-statement-balance"),
    (HEAD + TWO.replace("04-05-2026 10", "2026-05-04 10"), "file-date-format"),
    ("Short Code,111111\n" + HEAD + TWO, "mpesa-statement-code"),
    ("Organization:,X,Short Code:,111111\n" + HEAD + TWO, "mpesa-statement-code"),
    (HEAD.replace("Withdrawn", "Out") + TWO, "file-column-missing"),
    ("a,b\n" * 80 + HEAD + TWO, "file-column-missing"),
    ("", "file-empty"),
    (HEAD + TWO + '"never closed', "file-quotes"),
])  # fmt: skip
def test_a_statement_that_cannot_be_right_is_refused_whole(text, code):
    with pytest.raises(Refused) as caught:
        Wallet().read(text)
    assert caught.value.code == code


@pytest.mark.parametrize(("raw", "code"), [
    (b"\xff\xfeR\x00", "file-encoding"), (b"PK\x03\x04xlsx", "file-format-unknown"), (b"\xd0\xcf\x11\xe0xls", "file-format-unknown"),
])  # fmt: skip
def test_spreadsheets_and_other_encodings_say_the_way_out(raw, code):
    with pytest.raises(Refused) as caught:
        source.detect(raw, SETTINGS)
    assert caught.value.code == code


def test_the_balance_is_proved_either_way_and_may_be_left_unproved():
    rows = [line(f"UE41AAAA{n:02d}", f"04-05-2026 09:00:{n:02d}", "10.00", "", f"{10 * (n + 1)}.00") for n in range(5)]
    assert len(Wallet().read(HEAD + "".join(rows))) == 5
    assert len(Wallet().read(HEAD + "".join(reversed(rows)))) == 5
    torn = HEAD + rows[0] + rows[2]
    with pytest.raises(Refused, match="line 3"):
        Wallet().read(torn)
    assert len(Wallet().read(torn, prove_balance=False)) == 2


@pytest.mark.parametrize("rows", [
    [("10.00", "10.00"), ("5.00", "15.00"), ("10.00", "10.00")],
    [("5.00", "15.00"), ("10.00", "10.00"), ("7.00", "17.00")],  # newest first, then oldest first
    [("10.00", "10.00"), ("7.00", "17.00"), ("2.00", "10.00")],  # oldest first, then newest first
])  # fmt: skip
def test_a_file_that_runs_both_ways_is_refused_though_neighbours_fit(rows):
    text = "".join(line(f"UE41AAAA{n:02d}", "04-05-2026 09:00:00", paid, "", balance) for n, (paid, balance) in enumerate(rows))
    with pytest.raises(Refused, match="line 4"):
        Wallet().read(HEAD + text)


def test_a_row_that_cannot_be_read_is_parked_and_the_rest_goes_on():
    odd = "UE41AAAA03,soon,,,Completed,1.00,,1.00,true,Pay Bill,,,\n" + "short,row\n" + line("?", "04-05-2026 09:00:00", "1", "", "1")
    events = Wallet().read(HEAD + TWO + odd + "\n" + line("UE41AAAA04", "04-05-2026 09:00:00", "1.00", "", "1,474.50"))
    assert [event.key == "" for event in events] == [False, False, True, True, True, False]
    assert [event.headers["leja-row"] for event in events] == ["2", "3", "4", "5", "6", "8"]
    assert "no date as dd-mm-yyyy" in events[2].headers["leja-unreadable"]
    assert "2 fields of 13" in events[3].headers["leja-unreadable"]


@pytest.mark.parametrize("amount", ["1.234,50", "12,34", "1e5", "KES 5", "--5", "5.001"])
def test_an_amount_that_is_not_plain_is_not_guessed(amount):
    (event,) = Wallet().read(HEAD + line("UE41AAAA01", "04-05-2026 09:00:00", amount, "", ""))
    assert event.headers["leja-unreadable"]


def test_two_rows_of_one_receipt_are_two_events():
    both = line("UE41AAAA01", "04-05-2026 09:00:00", "1,500.00", "", "1,500.00") + line("UE41AAAA01", "04-05-2026 09:00:00", "", "27.50", "1,472.50", "Pay Bill Charge")
    events = Wallet().read(HEAD + both)
    assert [event.key for event in events] == [
        "statement/UE41AAAA01/pay-bill/completed/150000", "statement/UE41AAAA01/pay-bill-charge/completed/-2750",
    ]  # fmt: skip
    assert Wallet().books(events) == {"clearing:mpesa_till": 147250, "processor_fees:mobile_money": 2750, "unidentified_receipts": -150000}


def test_a_file_in_small_pieces_and_without_a_last_line_end_is_read_whole():
    text = (HEAD + TWO).rstrip("\n").encode()
    shape = source.detect(text, SETTINGS)
    stated = msgspec.structs.replace(SETTINGS, encoding=shape.encoding, delimiter=",", decimal_mark=".", date_format=shape.date_format, columns=shape.columns)
    pieces = [text[:400], *(text[at : at + 7] for at in range(400, len(text), 7))]
    assert len(list(source.read_file(iter(pieces), "s.csv", stated))) == 2


def test_headings_of_their_own_can_be_stated():
    text = HEAD.replace("Reason Type", "Aina") + TWO
    with pytest.raises(Refused):
        Wallet().read(text)
    assert len(Wallet().read(text, columns={"reason": "Aina"})) == 2


@pytest.mark.parametrize(("name", "code", "books"), [
    ("domain/bank_samples/mpesa_org_statement.csv", "600000",
     {"bank": 447525, "processor_fees:mobile_money": 2475, "unidentified_receipts": -450000}),
    ("specs/mpesa/examples/mpesa-org-statement-sample.csv", "600966",
     {"bank": 300000, "clearing:mpesa_till": 47250, "processor_fees:mobile_money": 2750, "unidentified_receipts": -350000}),
])  # fmt: skip
def test_the_reference_statements_come_to_the_cent(name, code, books):
    if not (SHARED / name).exists():
        pytest.skip(f"NOT RUN: the reference statement ../shared/{name} is absent")
    wallet = Wallet(msgspec.structs.replace(SETTINGS, short_code=code))
    assert wallet.books(wallet.read((SHARED / name).read_text())) == books
