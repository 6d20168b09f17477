"""The connector against the contract itself: schema, examples, signature vectors, and the signing scheme's own library."""

from __future__ import annotations

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from standardwebhooks import Webhook

from leja.connectors.contract import Context, RawEvent
from leja.connectors.prysm_pos import Settings
from leja.connectors.prysm_pos.figures import unbalanced
from leja.connectors.prysm_pos.problems import examined
from leja.connectors.prysm_pos.source import decode
from leja.connectors.prysm_pos.tests.signing import headers as signed
from leja.connectors.prysm_pos.webhook import TOLERANCE, objection, read, verify, violations
from leja.connectors.prysm_pos.wire import DATA, Sent
from leja.core.errors import Refused
from leja.documents.document import kind_of

CONTEXT = Context(settings=Settings(), zone="Europe/London", base_currency="GBP")
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
# What an example of the contract means here; the others are left out with the reason.
MEANS = {
    "event.sale": ["sale"], "event.sale_tax_inclusive": ["sale"], "event.return_linked": ["refund"],
    "event.exchange": ["sale", "refund"], "event.void": ["sale", "refund", "payment", "closure"], "event.day_close": ["closure"],
    "event.ping": [],
}  # fmt: skip
LEFT_OUT = {
    "native_payload.example": "it is read through the mapping file, in test_mapping.py",
    "signature_vector": "its body is event.sale; it is verified below",
    "reference.arts_poslog_2.sample": "an XML document of POSLog, kept for its vocabulary; the contract is JSON",
}


def decoded(said: dict[str, Any]) -> Any:
    (event,) = read({"webhook-id": "evt_1"}, json.dumps(said).encode())
    return decode(RawEvent(key=event.key, topic=event.topic, body=event.body), CONTEXT)


def examples(specs: Path) -> dict[str, dict[str, Any]]:
    """The events among the contract's examples."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((specs / "examples").glob("event.*.json"))}


def test_every_example_of_the_contract_is_decoded_or_left_out_with_its_reason(specs: Path) -> None:
    assert {path.stem for path in (specs / "examples").iterdir()} == {*MEANS, *LEFT_OUT}
    for name, said in examples(specs).items():
        assert violations(said)[1] == [], name
        found = decoded(said)
        assert ([kind_of(one) for one in found.documents], found.unread, found.ties) == (MEANS[name], (), True), name
        assert bool(found.ignored) == (not MEANS[name])


def test_the_examples_contradict_nobody(specs: Path) -> None:
    """Sales of the day are the totals of its end; the return is of the sale's line."""
    said = examples(specs)
    day, (sale,), (inclusive,) = (decoded(said[name]).documents for name in ("event.day_close", "event.sale", "event.sale_tax_inclusive"))
    totals = {total.what: total.amount.minor for total in day[0].totals}
    assert totals["tax"] == sum(tax.amount.minor for one in (sale, inclusive) for line in one.lines for tax in line.taxes)
    cash = [tender.amount.minor for one in (sale, inclusive) for tender in one.tenders if tender.means == "cash"]
    assert (totals["drawer"], totals["tender:card"]) == (sum(cash), 4000)
    assert (sale.cash_rounding.minor, sale.total.minor, sum(t.amount.minor for t in sale.tenders)) == (1, 5559, 5560)
    (back,) = decoded(said["event.return_linked"]).documents
    assert (back.sale, back.lines[0].line_id) == (sale.header.external_id, "1")
    one, other = decoded(said["event.exchange"]).documents
    assert sum(t.amount.minor for t in one.tenders) - sum(t.amount.minor for t in other.tenders) == 720


def spoilt(value: Any, chance: random.Random) -> Any:
    """The same with one thing changed, somewhere."""
    made = copy.deepcopy(value)
    places: list[tuple[Any, Any]] = []

    def walk(here: Any) -> None:
        for key, part in here.items() if isinstance(here, dict) else enumerate(here):
            places.append((here, key))
            if isinstance(part, dict | list):
                walk(part)

    walk(made)
    here, key = chance.choice(places)
    kind = chance.randrange(4)
    if kind == 0 and isinstance(here, dict):
        del here[key]
    else:
        here[key] = chance.choice([None, True, 1, 0, -1, "", "x" * 101, "1e5", "1.234567", "-0.1", "12", "gbp", [], {}, "2026-02-30",
                                   "2026-09-14T11:02:31", "2026-09-14T25:00:00Z", "sale", "\u0661"])  # fmt: skip
    return made


def test_what_the_schema_refuses_is_objected_to_and_nothing_else(specs: Path) -> None:
    schema = json.loads((specs / "transaction_events.schema.json").read_text())
    formats = jsonschema.FormatChecker(formats=())

    @formats.checks("date", raises=ValueError)
    def day(value: object) -> bool:
        return not isinstance(value, str) or (len(value) == 10 and bool(datetime.strptime(value, "%Y-%m-%d")))  # noqa: DTZ007

    @formats.checks("date-time", raises=ValueError)
    def moment(value: object) -> bool:
        return not isinstance(value, str) or (len(value) > 18 and datetime.fromisoformat(value).tzinfo is not None)

    judge = jsonschema.Draft202012Validator(schema, format_checker=formats)
    chance, refused = random.Random(5), 0
    for said in examples(specs).values():
        for _ in range(400):
            changed = spoilt(said, chance)
            if "\u0661" in json.dumps(changed, ensure_ascii=False):
                continue  # A digit of another script: the schema's \d takes it, and no amount is written so.
            found = examined(changed, Sent, "$")
            if str(changed.get("type")) in DATA and isinstance(changed.get("data"), dict):
                examined(changed["data"], DATA[changed["type"]], "$.data", found)
            theirs = sorted(judge.iter_errors(changed), key=str)
            assert bool(found.problems) == bool(theirs), (found.problems, [error.message for error in theirs])
            refused += bool(theirs)
    assert refused > 1000


def test_all_problems_are_named_at_once(specs: Path) -> None:
    said = examples(specs)["event.sale"]
    said["data"]["currency"], said["data"]["lines"][1]["quantity"] = "pounds", 2
    del said["data"]["tenders"][0]["kind"]
    answer = objection({}, json.dumps(said).encode())
    assert answer is not None
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (422, "contract_violation")
    assert error["paths"] == ["$.data.currency", "$.data.lines[1].quantity", "$.data.tenders[0].kind"]


@pytest.mark.parametrize(("member", "value", "path"), [
    ("net", "51.98", "net"), ("tax", "3.61", "tax"), ("gross", "55.61", "gross"), ("tendered", "55.61", "tendered"),
    ("tip", "0.01", "gross"), ("rounding", "0.00", "gross"), ("gross", "55.601", "gross"),
])  # fmt: skip
def test_every_total_is_held_against_its_parts(specs: Path, member: str, value: str, path: str) -> None:
    said = examples(specs)["event.sale"]
    said["data"]["totals"][member] = value
    assert f"$.data.totals.{path}" in [where for where, _ in violations(said)[1]]
    with pytest.raises(Refused) as caught:
        decoded(said)
    assert caught.value.code == "prysm-unbalanced"


def test_what_was_paid_is_held_against_what_was_owed(specs: Path) -> None:
    said = examples(specs)["event.sale"]
    said["data"]["tenders"][1]["amount"], said["data"]["totals"]["tendered"] = "10.00", "50.00"
    assert violations(said)[1] == [("$.data.totals.gross", "is 55.60, but the tenders that are stated come to 50.00")]


def test_a_line_is_held_against_quantity_and_price(specs: Path) -> None:
    said = examples(specs)["event.sale"]
    said["data"]["lines"][0]["unit_price"] = "10.01"
    assert violations(said)[1] == [("$.data.lines[0].net_amount", "is not quantity times unit price less discounts")]
    said["data"]["lines"][0]["unit_price"] = "10.004"
    assert violations(said)[1] == []
    inclusive = examples(specs)["event.sale_tax_inclusive"]
    inclusive["data"]["lines"][0]["taxes"][0]["included_in_price"] = False
    assert [path for path, _ in violations(inclusive)[1]] == ["$.data.lines[0].net_amount"]
    assert unbalanced.__doc__


# --- signatures ---


def vectors(specs: Path) -> list[tuple[dict[str, str], bytes, str]]:
    """Headers, body and secret of each signature vector."""
    said = json.loads((specs / "examples" / "signature_vector.json").read_text())
    return [(said[name], said["body"].encode(), said["secret"]) for name in ("headers", "headers_during_rotation")]


def test_every_signature_vector_holds_and_no_changed_byte_does(specs: Path) -> None:
    for headers, body, secret in vectors(specs):
        now = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        verify(headers, body, [secret], now)
        wrong = [(headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]) for at in range(len(body))]
        wrong += [(headers, body[:-1]), (headers, body + b"\n")]
        for name in ("webhook-id", "webhook-timestamp"):
            value = headers[name]
            wrong += [({**headers, name: value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]}, body) for at in range(len(value))]
        last = headers["webhook-signature"].split()[-1]
        other = [headers["webhook-signature"].replace(last, last[:at] + chr(ord(last[at]) ^ 1) + last[at + 1 :]) for at in range(len(last))]
        wrong += [({**headers, "webhook-signature": value}, body) for value in other]
        for given, message in wrong:
            with pytest.raises(Refused):
                verify(given, message, [secret], now)


def test_the_schemes_own_library_and_we_sign_and_verify_the_same() -> None:
    body = b'{"contract":"pos-transaction/1"}'
    now = datetime.now(UTC)
    theirs = Webhook(SECRET).sign("evt_1", now, body.decode())
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": theirs}
    verify(headers, body, [SECRET], now)
    assert Webhook(SECRET).verify(body, signed(body, SECRET, at=now)) == json.loads(body)
    verify(signed(body, SECRET, at=now), body, ["whsec_" + "B" * 44, SECRET], now)


@pytest.mark.parametrize(("seconds", "holds"), [(0, True), (TOLERANCE, True), (-TOLERANCE, True), (TOLERANCE + 1, False), (-TOLERANCE - 1, False)])
def test_what_was_sent_more_than_five_minutes_off_is_refused(seconds: int, holds: bool) -> None:
    now = datetime(2026, 9, 14, 12, tzinfo=UTC)
    headers = signed(b"{}", SECRET, at=now + timedelta(seconds=seconds))
    if holds:
        verify(headers, b"{}", [SECRET], now)
        return
    with pytest.raises(Refused) as caught:
        verify(headers, b"{}", [SECRET], now)
    assert caught.value.code == "prysm-timestamp"


def test_a_stranger_is_no_till_with_a_wrong_clock() -> None:
    now = datetime(2026, 9, 14, 12, tzinfo=UTC)
    with pytest.raises(Refused) as caught:
        verify(signed(b"{}", "whsec_" + "B" * 44, at=now - timedelta(days=1)), b"{}", [SECRET], now)
    assert caught.value.code == "signature-wrong"


@pytest.mark.parametrize("secret", ["whsec_", "whsec_???", ""])
def test_a_secret_that_is_none_verifies_nothing(secret: str) -> None:
    with pytest.raises(Refused):
        verify(signed(b"{}", ""), b"{}", [secret], datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(("words", "is_card"), [
    ("4242424242424242", True), ("4242 4242 4242 4242", True), ("x5555-5555-5555-4444.", True), ("378282246310005", True),
    ("4242424242424241", False), ("9999999999999995", False), ("**** 4242", False), ("14242424242424242422", False),
])  # fmt: skip
def test_card_numbers_are_known_from_other_numbers(specs: Path, words: str, is_card: bool) -> None:
    said = examples(specs)["event.sale"]
    said["data"]["tenders"][0]["reference"] = words
    if is_card:
        with pytest.raises(Refused) as caught:
            read({}, json.dumps(said).encode())
        assert (caught.value.code, words in str(caught.value)) == ("prysm-card-number", False)
        return
    assert read({}, json.dumps(said).encode())
    said["data"]["lines"][0]["gtin"] = "4242424242424242"
    assert read({}, json.dumps(said).encode()), "an article is no card"


def test_the_same_event_in_another_dress_is_the_same_event(specs: Path) -> None:
    said = examples(specs)["event.sale"]
    (first,) = read({"webhook-id": "a"}, json.dumps(said).encode())
    said["occurred_at"] = "2026-09-15T00:00:00Z"
    said["source"] = {"system": "forwarder", "store_id": "S001"}
    said["data"] = dict(reversed(said["data"].items()))
    (again,) = read({"webhook-id": "b"}, json.dumps(said, indent=2).encode())
    assert (first.key, first.body) == (again.key, again.body)
    assert first.key == "transaction/S001/W02/2026-09-14/004711"
    said["data"]["receipt_number"] = "other"
    (other,) = read({"webhook-id": "c"}, json.dumps(said).encode())
    assert (other.key, other.body == first.body) == (first.key, False)


def test_keys_of_stores_and_tills_cannot_be_mistaken(specs: Path) -> None:
    said = examples(specs)["event.sale"]
    keys = set()
    for store, till in (("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c")):
        said["source"]["store_id"], said["data"]["workstation_id"] = store, till
        keys.add(read({}, json.dumps(said).encode())[0].key)
    assert len(keys) == 3


def test_what_nothing_names_is_refused_and_what_is_unreadable_is_kept_under_its_id() -> None:
    with pytest.raises(Refused) as caught:
        read({}, b'{"contract":"pos-transaction/1"}')
    assert caught.value.code == "prysm-headers"
    (event,) = read({"webhook-id": "evt_9"}, b'{"contract":"pos-transaction/1","type":7}')
    assert (event.key, event.topic) == ("unreadable/evt_9", "unreadable")
    with pytest.raises(Refused):
        read({"webhook-id": "evt_9"}, b"[1]")
