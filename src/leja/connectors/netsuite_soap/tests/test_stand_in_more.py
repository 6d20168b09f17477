"""The stand-in of NetSuite SOAP: its tables against the vendor's schema, signatures, faults, what people do over there."""

from __future__ import annotations

import asyncio
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from zeep.exceptions import Fault

from leja.connectors.netsuite_soap.stand_in import STAND_IN
from leja.connectors.netsuite_soap.stand_in_envelope import Node, Unreadable, Writer, read, record_in
from leja.connectors.netsuite_soap.stand_in_limits import AtOnce
from leja.connectors.netsuite_soap.stand_in_passport import signature
from leja.connectors.netsuite_soap.stand_in_search import _OPERATORS, _TYPES
from leja.connectors.netsuite_soap.stand_in_shapes import SEARCH_SPACES, SEARCHES, SHAPES
from leja.connectors.netsuite_soap.tests.test_stand_in import SPECS, Running, journal, posted, ref, refused, sale
from leja_sandbox.kit import ACCOUNTING_ACTIONS, environment

XSD = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture
def org() -> Any:
    running = Running()
    yield running
    running.stop()


# --- against the vendor's own words -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def types() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Every complex type of the schema: its fields and their types, in order."""
    if not SPECS.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so the tables cannot be held against the vendor's schema")
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for path in (SPECS / "xsd").glob("*.xsd"):
        root = ET.parse(path).getroot()
        first, second = root.get("targetNamespace", "").removeprefix("urn:").split("_2023_2.")
        space = f"{first}.{second.split('.')[0]}"
        for node in root.iter(f"{XSD}complexType"):
            fields = [(e.get("name", ""), e.get("type", "").split(":")[-1]) for e in node.iter(f"{XSD}element")]
            found[space, node.get("name", "")] = fields
    return found


def test_the_tables_say_what_the_schema_says(types: dict[Any, list[tuple[str, str]]]) -> None:
    kinds = {"d": "double", "b": "boolean", "t": "dateTime", "r": "RecordRef", "R": "RecordRefList", "N": "NullField"}
    kinds |= {"S": "SearchStringField", "D": "SearchDateField", "M": "SearchMultiSelectField", "B": "SearchBooleanField",
              "E": "SearchEnumMultiSelectField", "T": "SearchTextNumberField"}  # fmt: skip
    for shape in (*SHAPES.values(), *SEARCHES.values()):
        theirs = [("nullFieldList", "NullField"), *types[shape.space, shape.name]]
        names = [name for name, _ in theirs]
        places = [names.index(field) for field in shape.fields]
        assert places == sorted(places), f"{shape.name} is in another order"
        for name, field in shape.fields.items():
            if field.kind not in ("s", "l", "L"):
                assert dict(theirs)[name] == kinds.get(field.kind, field.kind), f"{shape.name}.{name}"
    for name, space in SEARCH_SPACES.items():
        assert ("basic", f"{name}SearchBasic") in types[space, f"{name}Search"]


def test_the_operators_of_searches_are_the_schemas(types: dict[Any, Any]) -> None:
    text = (SPECS / "xsd" / "platform.coreTypes.xsd").read_text()
    for kind, names in _TYPES.items():
        for name in names:
            if kind != "B":
                block = re.search(rf'simpleType name="{name}Operator".*?</simpleType>', text, re.DOTALL)
                assert block, name
                assert set(_OPERATORS[kind]) <= set(re.findall(r'value="(\w+)"', block[0])), name


def test_the_codes_of_refusals_are_the_vendors(types: dict[Any, Any]) -> None:
    text = (SPECS / "xsd" / "platform.faultTypes.xsd").read_text()
    theirs = set(re.findall(r'<enumeration value="(\w+)"', text))
    ours: set[str] = set()
    for path in (Path(__file__).parent.parent).glob("stand_in*.py"):
        ours |= set(re.findall(r'"([A-Z]+_[A-Z_]+)"', path.read_text()))
    assert len(ours) > 20
    assert ours <= theirs, ours - theirs


def test_the_vendors_example_of_a_signature() -> None:
    parts = ("1234567", "71cc02b731f05895561ef0862d71553a3ac99498a947c3b7beaf4a1e4a29f7c4",
             "89e08d9767c5ac85b374415725567d05b54ecf0960ad2470894a52f741020d82", "6obMKq0tmY8ylVOdEkA1", "1439829974")  # fmt: skip
    consumer = "7278da58caf07f5c336301a601203d10a58e948efa280f0618e25fcee1ef2abd"
    token = "060cd9ab3ffbbe1e3d3918e90165ffd37ab12acc76b4691046e2d29c7d7674c2"
    assert signature(parts, consumer, token) == "FCghIZqXNetuZY8ILWOFH0ucdfzQOmAuL+q+kF21zPs="


def test_the_vendors_example_of_an_upsert_is_understood() -> None:
    path = SPECS / "examples" / "upsert_customer_request.xml"
    if not path.is_file():
        pytest.skip("NOT RUN: ../shared is absent, so the vendor's example cannot be sent")
    running = Running(one_world=False)
    parts = running.passport()
    core = 'xmlns="urn:core_2025_1.platform.webservices.netsuite.com"'
    names = ("account", "consumerKey", "token", "nonce", "timestamp")
    inside = "".join(f"<{name} {core}>{parts[name]}</{name}>" for name in names)
    inside += f'<signature {core} algorithm="HMAC-SHA256">{parts["signature"]["_value_1"]}</signature>'
    message = 'xmlns="urn:messages_2025_1.platform.webservices.netsuite.com"'
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
        f"<tokenPassport {message}>{inside}</tokenPassport></e:Header><e:Body>{path.read_text()}</e:Body></e:Envelope>"
    )
    answer = posted(running, body, "/services/NetSuitePort_2025_1", "upsert")
    assert answer.status_code == 200, answer.text
    assert 'isSuccess="true"' in answer.text
    assert 'externalId="THISISMYEXTID"' in answer.text
    assert "urn:messages_2025_1.platform" in answer.text
    running.stop()


def test_the_time_is_that_of_the_account(org: Running) -> None:
    """What is signed apart from our code and sent once is answered with the day and hour of the account."""
    answer = org.call("getServerTime")
    time = getattr(answer, "getServerTimeResult", answer).serverTime
    assert time == datetime(2026, 6, 1, 9, tzinfo=UTC)
    assert time.utcoffset().total_seconds() == 3600


@settings(max_examples=60, deadline=None)
@given(
    memo=st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=60),
    number=st.text("abc123_-", max_size=9),
)
def test_what_is_written_is_read(memo: str, number: str) -> None:
    body = {"internalId": "7", "memo": memo, "tranId": number, "entity": {"internalId": "5", "name": memo.strip()}}
    body = {name: value for name, value in body.items() if value}
    out = Writer("2023_2")
    envelope = out.envelope("", out.tag("messages.platform", "x", out.record("invoice", body)))
    _, node = read(envelope)
    kind, back = record_in(node.children[0], "2023_2")
    assert kind == "invoice"
    wanted = {**body, "entity": {k: v for k, v in body["entity"].items() if v}}
    assert back == wanted


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200))
def test_reading_is_total(body: bytes) -> None:
    try:
        _, node = read(body)
    except Unreadable:
        return
    assert isinstance(node, Node)


@lru_cache(maxsize=1)
def founded() -> Any:
    return STAND_IN.build(environment(settings={"foreign": False}))


@settings(max_examples=40, deadline=None)
@given(amounts=st.lists(st.integers(1, 10**7), min_size=1, max_size=6), rate=st.integers(1, 3000))
def test_every_accepted_document_balances_in_both_currencies(amounts: list[int], rate: int) -> None:
    rows = [
        {"item": {"internalId": "1"}, "amount": f"{amount / 100:.2f}", "taxCode": {"internalId": "2"}}
        for amount in amounts
    ]
    body = {"entity": {"internalId": "501"}, "tranDate": "2026-05-04", "currency": {"internalId": "3"},
            "exchangeRate": f"{rate / 1000:.3f}", "itemList": {"item": rows}}  # fmt: skip
    made = founded().control.call("foreign", kind="invoice", body=body)
    assert sum(row["minor"] for row in made["postings"]) == 0
    assert sum(row["home_minor"] for row in made["postings"]) == 0


# --- faults -------------------------------------------------------------------------------------------------------


def test_a_part_of_a_batch_fails_alone(org: Running) -> None:
    org.control("fault", kind="batch_partial", path="POST */services/*", skip=1, times=1)
    answers = org.add(*(journal(external=f"je-{number}") for number in range(3)))
    assert [answer.status.isSuccess for answer in answers] == [True, False, True]
    assert refused(answers[1]) == "UNEXPECTED_ERROR"
    assert [row["note"] for row in org.control("documents")] == ["je-0", "je-2"]


def test_an_answer_that_is_lost_was_a_write(org: Running) -> None:
    org.control("fault", kind="answer_lost", times=1)
    with pytest.raises(requests.ConnectionError):
        org.add(sale(external="inv-1"))
    assert refused(org.add(sale(external="inv-1"))[0]) == "DUP_RCRD"
    assert org.total("4000") == -10000


def test_limits_and_errors_are_worded_as_faults(org: Running) -> None:
    org.control("fault", kind="rate_limited", times=1)
    with pytest.raises(Fault) as caught:
        org.call("getServerTime")
    assert caught.value.detail[0].tag.endswith("}exceededConcurrentRequestLimitFault")
    assert caught.value.detail[0][0].text == "WS_REQUEST_BLOCKED"
    org.control("fault", kind="error_after", times=1)
    with pytest.raises(Fault, match="unexpected error"):
        org.add(sale(external="inv-1"))
    assert org.total("4000") == -10000
    org.control("fault", kind="token_revoked", times=1)
    for _ in range(2):
        with pytest.raises(Fault, match="Invalid login"):
            org.call("getServerTime")


def test_a_search_lags_and_a_read_by_id_does_not(org: Running) -> None:
    org.control("fault", kind="lagging_search", times=1, seconds=30)
    id_ = org.made(sale(external="inv-1"))
    stand_in = org.stand_in
    assert stand_in.control.call("document", kind="invoice", id=id_)
    from leja.connectors.netsuite_soap.tests.test_stand_in import made

    basic = made("common.platform", "TransactionSearchBasic")
    assert org.search(basic).totalRecords == 0
    answer = org.call("get", ref(external="inv-1", kind="invoice"))
    assert getattr(answer, "readResponse", answer).status.isSuccess
    org.clock.advance(31)
    assert org.search(basic).totalRecords == 1


def test_the_sixth_call_at_once_is_blocked() -> None:
    stand_in = STAND_IN.build(environment(settings={"foreign": False}))
    inner = asyncio.Event()

    async def slow(_scope: Any, _receive: Any, _send: Any) -> None:
        await inner.wait()

    async def run() -> list[dict[str, Any]]:
        gate = stand_in.app
        assert isinstance(gate, AtOnce)
        gate._inner = slow
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "path": "/services/NetSuitePort_2025_2"}
        waiting = [asyncio.create_task(gate(scope, None, send)) for _ in range(5)]
        await asyncio.sleep(0)
        await gate(scope, None, send)
        inner.set()
        await asyncio.gather(*waiting)
        return sent

    start, body = asyncio.run(run())
    assert start["status"] == 500
    assert b"WS_REQUEST_BLOCKED" in body["body"]


def test_it_remembers_over_a_restart(tmp_path: Path) -> None:
    first = Running(_path=tmp_path)
    first.made(sale(external="inv-1"))
    key = first.key
    first.stop()
    second = Running(_path=tmp_path)
    second.key = key
    assert refused(second.add(sale(external="inv-1"))[0]) == "DUP_RCRD"
    assert second.total("4000") == -10000
    second.stop()


# --- the people over there ----------------------------------------------------------------------------------------


def test_every_action_is_there_but_that_of_tokens_that_expire(org: Running) -> None:
    # Tokens of this vendor do not expire: they are revoked.
    assert org.stand_in.control.missing(ACCOUNTING_ACTIONS) == ["expire_tokens"]


def test_a_year_of_others_is_in_the_books_and_not_in_the_ledger() -> None:
    stand_in = STAND_IN.build(environment(settings={"second_season_end": "2026-05-31"}))
    rows = stand_in.control.call("books")
    assert {row["origin"] for row in rows} == {"foreign"}
    assert len({row["day"][:7] for row in rows}) >= 20
    assert sum(row["home_minor"] for row in rows) == 0
    assert stand_in.ledger() == []
    again = STAND_IN.build(environment(settings={"second_season_end": "2026-05-31"})).control.call("books")
    assert rows == again


def test_edits_voids_and_deletions_over_there(org: Running) -> None:
    invoice, entry = org.made(sale(external="inv-1")), org.made(journal(external="je-1"))
    org.control("alter", kind="invoice", id=invoice, amount="50.00", day="2026-05-20")
    assert (
        org.total("1100"),
        {row.day.isoformat() for row in org.stand_in.ledger() if row.account == org.account("1100")},
    ) == (6000, {"2026-05-20"})
    org.control("alter", kind="invoice", id=invoice, account=org.account("4200"))
    assert (org.total("4000"), org.total("4200")) == (0, -5000)
    org.control("alter", kind="journalEntry", id=entry, amount="12.50", line=1)
    assert (org.total("1000"), org.total("1010")) == (1250, -1250)
    org.control("void", kind="invoice", id=invoice)
    assert org.total("1100") == 0
    assert [row["status"] for row in org.control("documents", kind="invoice")] == ["VOIDED"]
    org.control("delete", kind="journalEntry", id=entry)
    assert org.stand_in.ledger() == []
    with pytest.raises(ValueError, match="there is no"):
        org.control("alter", kind="invoice", id="9", amount="1.00")


def test_what_others_type_is_foreign(org: Running) -> None:
    body = {"tranDate": "2026-05-04", "memo": "inv-1", "subsidiary": {"internalId": "1"}, "lineList": {"line": [
        {"account": {"internalId": "1"}, "debit": "240.00"}, {"account": {"internalId": "26"}, "credit": "240.00"}]}}  # fmt: skip
    org.control("foreign", kind="journalEntry", body=body)
    assert org.stand_in.ledger() == []
    assert [row["minor"] for row in org.control("books", origin="foreign")] == [24000, -24000]
    assert org.control("documents") == []
    assert org.control("documents", origin="foreign")[0]["total"] == "240.00"
    with pytest.raises(ValueError, match="must balance"):
        org.control("foreign", kind="journalEntry", body={**body, "lineList": {"line": body["lineList"]["line"][:1]}})


def test_a_paid_invoice_cannot_be_deleted_and_an_overpayment_is_refused(org: Running) -> None:
    company = org.stand_in.control
    invoice = org.made(sale(external="inv-1"))
    pay = {"customer": {"internalId": "501"}, "tranDate": "2026-05-31", "payment": "120.00", "account": {"internalId": "1"},
           "applyList": {"apply": [{"apply": "true", "doc": invoice, "amount": "120.01"}]}}  # fmt: skip
    with pytest.raises(ValueError, match="exceeds what is due"):
        company.call("foreign", kind="customerPayment", body=pay)
    del pay["applyList"]["apply"][0]["amount"]
    company.call("foreign", kind="customerPayment", body=pay)
    answer = org.call("delete", ref(invoice, "invoice"))
    assert refused(getattr(answer, "writeResponse", answer)) == "CANT_DELETE_CHILD_RCRDS_EXIST"
    assert company.call("document", kind="invoice", id=invoice)["body"]["status"] == "Paid In Full"


def test_an_unknown_path_is_nobodys(org: Running) -> None:
    with httpx2.Client(base_url=org.url, trust_env=False) as http:
        assert http.post("/services/Other", content=b"").status_code == 404
        assert http.get("/services/NetSuitePort_2023_2").status_code == 405
