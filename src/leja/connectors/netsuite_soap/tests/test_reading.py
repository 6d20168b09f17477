"""Reading XML from strangers: what it says and nothing else, bounded, without entities, amounts from their text."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.netsuite_soap.documents import Places, movement, reference_of, remote_document, state_of
from leja.connectors.netsuite_soap.envelope import clean, element, envelope
from leja.connectors.netsuite_soap.faults import read_answer
from leja.connectors.netsuite_soap.nodes import Node, Unreadable, decimal, parse, walked
from leja.connectors.netsuite_soap.wire import (
    Transaction,
    day_in,
    moment_in,
    rate_in,
    status_of,
    transaction_in,
    written_in,
)
from leja.core.errors import LejaError, Refused
from leja.core.money import Money
from leja.http.client import Answer

PLACES = Places(currencies={"1": "GBP", "4": "JPY"}, taxes={"1": "15"}, items={"7": "26", "8": "27"}, home="GBP")
INVOICE = """
<record xmlns="urn:m" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:s="urn:sales" xsi:type="s:Invoice"
 internalId="1001" externalId="LJAAAAAAAAAAAAAB">
 <s:tranDate>2026-05-03T00:00:00.000+01:00</s:tranDate><s:tranId>INV00001</s:tranId><s:currency internalId="1"><name>Pound</name></s:currency>
 <s:account internalId="12"/><s:memo>leja:LJAAAAAAAAAAAAAB O-1</s:memo><s:total>128.0</s:total><s:status>Open</s:status>
 <s:lastModifiedDate>2026-05-03T10:00:00.000+01:00</s:lastModifiedDate>
 <s:itemList><s:item><s:item internalId="7"/><s:amount>100.0</s:amount><s:taxCode internalId="1"/><s:tax1Amt>20.0</s:tax1Amt></s:item>
 <s:item><s:item internalId="8"/><s:amount>5</s:amount></s:item></s:itemList></record>"""


def changed(before: str, after: str) -> Transaction:
    assert INVOICE.count(before) == 1
    return transaction_in(parse(INVOICE.replace(before, after).encode()))


# --- bounds -----------------------------------------------------------------------------------------------------------

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]><Envelope>&lol2;</Envelope>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><Envelope>&f;</Envelope>"""


@pytest.mark.parametrize(
    "body", [LAUGHS, OUTSIDE, b"<!DOCTYPE a><a/>", b"<a>&undefined;</a>", b"<a>" * 41 + b"</a>" * 41, b"<a><b></a>", b"",
             b"\x00", b"<a/><b/>", b"text", b"<a>\xff</a>"],
)  # fmt: skip
def test_what_could_hurt_or_is_no_xml_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


def test_a_text_names_no_codec_to_us() -> None:
    assert parse('<?xml version="1.0" encoding="klingon"?><a>é</a>'.encode()).text == "é"


def test_the_deepest_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(list(walked(parse(b"<a>" * 40 + b"</a>" * 40)))) == 40
    monkeypatch.setattr("leja.connectors.netsuite_soap.nodes._MOST", 100)
    assert len(parse(b"<a>" + b"<b/>" * 99 + b"</a>").children) == 99
    with pytest.raises(Unreadable, match="more elements"):
        parse(b"<a>" + b"<b/>" * 100 + b"</a>")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for status in (200, 500):
        with suppress(Unreadable):
            assert read_answer(Answer(status, {}, body)) is not None


@settings(max_examples=300)
@given(st.data())
def test_any_damage_to_an_answer_is_read_or_refused_and_never_crashes(data: st.DataObject) -> None:
    text = envelope("2025_2", (), f"<r>{INVOICE}</r>")
    at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 30))
    put = data.draw(st.sampled_from([b"", b"<", b"&", b"NaN", b"1e999", b"-", b"\xff", b'"', b"</", b"9" * 40, b"T", b"false"]))
    with suppress(Unreadable, Refused):
        found = read_answer(Answer(200, {}, text[:at] + put + text[at + length :]))
        for node in walked(found) if isinstance(found, Node) else ():
            if node.name == "record":
                assert sum(line.amount.minor for line in state_of(transaction_in(node), PLACES).lines) == 0


@given(st.text(max_size=200))
def test_any_text_comes_back_as_it_was_written_but_for_what_xml_cannot_hold(text: str) -> None:
    body = envelope("2025_2", (), element("msg:memo", text=text, internalId=text))
    (memo,) = [node for node in walked(parse(body)) if node.name == "memo"]
    assert memo.text == clean(text).replace("\r\n", "\n").replace("\r", "\n")
    if clean(text):
        assert memo.attributes["internalId"].split() == clean(text).split()


def test_text_cannot_become_an_element() -> None:
    body = envelope("2025_2", (), element("msg:memo", text='</msg:memo><x/>"&amp;', externalId='"><y/>'))
    root = parse(body)
    assert root.child("Body", "memo") is not None
    assert [node.name for node in walked(root)] == ["Envelope", "Header", "Body", "memo"]


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"), [("120.0", "120.0"), ("-0.1", "-0.1"), ("1.2345678E7", "12345678"), ("1.0E-2", "0.010"), ("7", "7")]
)
def test_a_number_is_what_it_says(text: str, value: str) -> None:
    assert decimal(text) == Decimal(value)


@pytest.mark.parametrize("text", ["NaN", "INF", "-INF", "1,000.00", "", "1e5", "0x1", "1_0", "+-1", "1E999", "٣"])
def test_what_is_no_amount_is_never_one(text: str) -> None:
    with pytest.raises(Unreadable):
        decimal(text)


def test_rates_days_and_moments() -> None:
    assert (rate_in("20.0%"), rate_in(""), rate_in("0.0%")) == (Decimal("20.0"), 0, 0)
    assert day_in("2026-05-03T23:00:00.000-07:00") == date(2026, 5, 3), "the account's own day"
    assert day_in("") is None
    assert moment_in("2026-05-03T10:00:00.000+01:00") is not None
    for broken in (lambda: rate_in("a lot"), lambda: day_in("yesterday"), lambda: moment_in("noon")):
        with pytest.raises(Unreadable):
            broken()


def test_a_warning_is_no_refusal_and_the_first_error_counts() -> None:
    ok = '<r><status isSuccess="true"><statusDetail type="WARN"><code>W</code></statusDetail></status></r>'
    assert status_of(parse(ok.encode())).ok
    bad = ('<r><status isSuccess="false"><statusDetail type="WARN"><code>W</code></statusDetail>'
           "<statusDetail><code>USER_ERROR</code><message>no</message></statusDetail></status></r>")  # fmt: skip
    status = status_of(parse(bad.encode()))
    assert (status.ok, status.code, status.words) == (False, "USER_ERROR", "no")
    with pytest.raises(Unreadable):
        status_of(parse(b"<r/>"))
    assert status_of(parse(b'<r><status isSuccess="false"/></r>')).code == "UNKNOWN"
    assert written_in(parse(b'<r><status isSuccess="true"/></r>')).internal_id == ""


# --- transactions -----------------------------------------------------------------------------------------------------


def test_an_invoice_moves_what_it_stands_on_its_items_and_its_tax() -> None:
    record = transaction_in(parse(INVOICE.encode()))
    state = state_of(record, PLACES)
    assert {line.account: line.amount.minor for line in state.lines} == {"12": 12_800, "26": -10_000, "15": -2_000, "27": -500, "": -300}
    assert (state.state, state.document.total, state.document.date) == ("present", Money(12_800, "GBP"), date(2026, 5, 3))
    assert (state.document.number, state.document.reference) == ("INV00001", "LJAAAAAAAAAAAAAB")


@pytest.mark.parametrize("kind", ["CreditMemo", "CashRefund"])
def test_what_gives_back_moves_the_other_way(kind: str) -> None:
    lines = movement(changed("s:Invoice", f"s:{kind}"), PLACES)
    assert {line.account: line.amount.minor for line in lines}["12"] == -12_800
    assert {line.account: line.amount.minor for line in lines}["15"] == 2_000


def test_what_was_voided_moves_nothing() -> None:
    state = state_of(changed("<s:status>Open<", "<s:status>Voided<"), PLACES)
    assert (state.state, state.lines) == ("voided", ())


@pytest.mark.parametrize("external", ["shop-1001", "LJC-0123456789ABCDEF", "LJI-26", "", "lJAAAAAAAAAAAAAB", "XLJAAAAAAAAAAAAAB"])
def test_an_external_id_that_is_none_of_ours_is_foreign(external: str) -> None:
    assert reference_of(changed("LJAAAAAAAAAAAAAB\"", f'{external}"')) == ""


@pytest.mark.parametrize("external", ["LJAAAAAAAAAAAAAB", "LJAAAAAAAAAAAAABC-P1", "LJAAAAAAAAAAAAAB-C"])
def test_our_references_are_known_again(external: str) -> None:
    assert reference_of(changed("LJAAAAAAAAAAAAAB\"", f'{external}"')) == external


def test_a_third_decimal_is_held_and_an_unknown_currency_never_guessed() -> None:
    with pytest.raises(LejaError) as refused:
        remote_document(changed("<s:total>128.0<", "<s:total>128.005<"), PLACES)
    assert refused.value.code == "amount-decimals"
    with pytest.raises(Unreadable, match="currency 9"):
        remote_document(changed('currency internalId="1"', 'currency internalId="9"'), PLACES)
    assert remote_document(changed('currency internalId="1"', 'currency internalId="4"'), PLACES).total == Money(128, "JPY")


@pytest.mark.parametrize(("before", "after"), [("s:Invoice", "s:VendorBill"), ('internalId="1001"', 'internalId=""'), ("128.0", "many")])
def test_what_is_no_transaction_that_we_know_is_refused(before: str, after: str) -> None:
    with pytest.raises(Unreadable):
        changed(before, after)


JOURNAL = """<record xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="g:JournalEntry" xmlns:g="urn:g" internalId="9">
<tranDate>2026-05-03T00:00:00</tranDate><memo>rent</memo><approved>true</approved><lineList>
<line><account internalId="35"/><debit>240.0</debit></line><line><account internalId="1"/><credit>240.0</credit></line></lineList></record>"""


def test_a_journal_entry_moves_its_lines_and_nothing_before_it_is_approved() -> None:
    record = transaction_in(parse(JOURNAL.encode()))
    assert {line.account: line.amount.minor for line in movement(record, PLACES)} == {"35": 24_000, "1": -24_000}
    assert remote_document(record, PLACES).total == Money(24_000, "GBP")
    waiting = transaction_in(parse(JOURNAL.replace(">true<", ">false<").encode()))
    assert state_of(waiting, PLACES).lines == ()
    emptied = JOURNAL.replace("240.0", "0.0").replace("rent", "VOID rent")
    assert state_of(transaction_in(parse(emptied.encode())), PLACES).state == "voided"
    assert state_of(transaction_in(parse(JOURNAL.replace("rent", "VOID?").encode())), PLACES).state == "present"


def test_tax_on_a_journal_line_moves_its_account_too() -> None:
    taxed = JOURNAL.replace("<debit>240.0</debit>", '<debit>200.0</debit><taxCode internalId="1"/><tax1Amt>40.0</tax1Amt>')
    assert {line.account: line.amount.minor for line in movement(transaction_in(parse(taxed.encode())), PLACES)} == {
        "35": 20_000, "15": 4_000, "1": -24_000}  # fmt: skip


def test_a_node_that_is_not_there_is_nothing() -> None:
    node = Node("a", "", {}, [])
    assert (node.child("b", "c"), node.all("b", "c"), node.value("b"), node.ref("b"), node.flag("b"), node.number("b")) == (
        None, [], "", "", False, None)  # fmt: skip
