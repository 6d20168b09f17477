"""The tills: what they send, judged by the contract's schema and by the signing scheme's own library; how they send it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from leja.connectors.prysm_pos.stand_in import DEFAULTS, STAND_IN
from leja.connectors.prysm_pos.stand_in_sending import signature
from leja_sandbox.kit import SimulatedClock, StandIn, environment

SPECS = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "prysm_pos"
URL = "http://leja.test/hooks/door"
VAT = "20.00"


class Chain:
    """Tills, their clock, and a receiver that answers what it is told to."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SimulatedClock(datetime(2026, 9, 14, 10, tzinfo=UTC))
        self.stand_in: StandIn = STAND_IN.build(environment(clock=self.clock, seed=7, settings={"url": URL, "compress": 1.0, **settings}))
        self.heard: list[httpx2.Request] = []
        self.answers: Iterator[int] = iter(())

    def __getattr__(self, action: str) -> Any:
        return lambda *args, **named: self.stand_in.control.call(action, *args, **named)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.heard.append(request)
        return httpx2.Response(next(self.answers, 200))

    def send(self) -> list[dict[str, Any]]:
        """What arrives when all that is due is sent; the bodies."""
        before = len(self.heard)

        async def sent() -> None:
            async with httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer)) as client:
                while await self.stand_in.webhooks.send_due(client):
                    pass

        asyncio.run(sent())
        return [json.loads(r.content) for r in self.heard[before:]]

    def get(self, path: str) -> httpx2.Response:
        async def asked() -> httpx2.Response:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.stand_in.app), base_url="http://pos") as client:
                return await client.get(path)

        return asyncio.run(asked())


@pytest.fixture
def chain() -> Chain:
    return Chain()


def judge() -> Any:
    """The contract's own schema."""
    jsonschema = pytest.importorskip("jsonschema")
    if not SPECS.is_dir():
        pytest.skip(f"THE CONTRACT IS NOT THERE: {SPECS}; nothing judges these tills")
    schema = json.loads((SPECS / "transaction_events.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def rich(chain: Chain) -> None:
    """A day with everything."""
    sale = chain.ring(lines=[
        {"sku": "MUG", "price": "10.00", "quantity": 2, "discount": "2.00", "rate": VAT, "unit_cost": "4.125"},
        {"sku": "TEA", "price": "23.70", "quantity": "0.345", "rate": "5.00"},
        {"kind": "gift_card_sale", "price": "25.00"}, {"kind": "service_charge", "price": "1.00", "rate": VAT},
    ], pay=[{"kind": "card", "amount": "40.00"}, {"kind": "cash", "change_amount": "4.40"}], tip="1.50")  # fmt: skip
    chain.give_back(sale=sale["id"], lines=[{"line": 1, "quantity": 1}])
    chain.exchange(sale=sale["id"], lines=[{"line": 2}])
    chain.ring(till="W02", discount="1.00", customer={"id": "C1", "name": "Ada"}, pay="on_account")
    chain.pay_account(customer={"id": "C1"}, amount="10.00")
    for kind in ("pay_in", "pay_out", "no_sale"):
        chain.drawer(kind=kind, amount="0.00" if kind == "no_sale" else "12.00", reason="Window cleaner")
    chain.void(sale=chain.ring()["id"])
    chain.ring(training=True)
    chain.skip(count=2)
    chain.close_day(counted={"cash": "10.00"})
    chain.ping()


@pytest.mark.parametrize("inclusive", [False, True])
def test_everything_that_is_sent_keeps_the_contract_and_adds_up(inclusive: bool) -> None:
    chain, judged = Chain(inclusive=inclusive, cash_rounding=5), judge()
    rich(chain)
    chain.trade(count=60)
    bodies = chain.send()
    assert {body["type"] for body in bodies} == {"transaction.completed", "transaction.voided", "day.closed", "ping"}
    for body in bodies:
        assert not [error.message for error in judged.iter_errors(body)], body
        if body["type"] == "transaction.completed":
            adds_up(body["data"])
    kinds = {body["data"].get("kind") for body in bodies}
    assert kinds >= {"sale", "return", "exchange", "no_sale", "pay_in", "pay_out", "account_payment"}


def adds_up(data: dict[str, Any]) -> None:
    """The rules of the contract's platform page, in exact decimals; a weighed line may round by less than a minor unit."""
    totals = {name: Decimal(value) for name, value in data["totals"].items()}
    off = sum(Decimal(row["amount"]) for row in data.get("discounts", ()))
    assert sum(Decimal(line["net_amount"]) for line in data["lines"]) - off == totals["net"]
    assert sum(Decimal(tax["amount"]) for line in data["lines"] for tax in line["taxes"]) == totals["tax"]
    assert totals["net"] + totals["tax"] + totals["tip"] + totals["rounding"] == totals["gross"] == totals["tendered"]
    assert sum(Decimal(tender["amount"]) for tender in data["tenders"]) == totals["tendered"]
    for line in data["lines"]:
        asked = Decimal(line["quantity"]) * Decimal(line["unit_price"]) - sum(Decimal(d["amount"]) for d in line.get("discounts", ()))
        within = sum(Decimal(tax["amount"]) for tax in line["taxes"] if tax["included_in_price"])
        assert abs(asked - Decimal(line["net_amount"]) - within) <= Decimal("0.005")


def test_the_contracts_own_sale_is_rung_up_to_the_cent(chain: Chain) -> None:
    made = chain.ring(till="W02", lines=[
        {"sku": "MUG-RED", "price": "10.00", "quantity": 2, "discount": "2.00", "rate": "20"},
        {"sku": "BOOK-7", "price": "8.99", "rate": "0"}, {"kind": "gift_card_sale", "price": "25.00"},
    ], pay=[{"kind": "card", "amount": "40.00"}, {"kind": "cash"}])  # fmt: skip
    assert made["id"] == "S001-W02-20260914-004711"
    totals = chain.send()[0]["data"]["totals"]
    assert (totals["net"], totals["discount"], totals["tax"], totals["gross"]) == ("51.99", "2.00", "3.60", "55.59")


def test_a_price_with_tax_has_its_tax_taken_out() -> None:
    chain = Chain(inclusive=True)
    chain.ring(lines=[{"price": "12.00", "quantity": 2, "discount": "2.40", "rate": "20"}])
    data = chain.send()[0]["data"]
    assert (data["totals"]["net"], data["totals"]["discount"], data["totals"]["tax"], data["totals"]["gross"]) == ("18.00", "2.00", "3.60", "21.60")


# --- signing and sending ----------------------------------------------------------------------------------------------


def test_the_librarys_own_check_accepts_each_delivery_and_nothing_that_was_touched(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.ring()
    chain.send()
    request = chain.heard[0]
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Frozen)
    Frozen.moment = chain.clock()
    webhook = Webhook(DEFAULTS["secret"])
    assert webhook.verify(request.content, dict(request.headers))
    with pytest.raises(Exception, match="signature"):
        webhook.verify(request.content.replace(b"18.00", b"18.01"), dict(request.headers))


class Frozen(datetime):
    """The library's clock."""

    moment = datetime(2026, 9, 14, tzinfo=UTC)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return cls.moment


def test_the_contracts_vector_is_signed_alike() -> None:
    if not SPECS.is_dir():
        pytest.skip(f"THE CONTRACT IS NOT THERE: {SPECS}")
    vector = json.loads((SPECS / "examples" / "signature_vector.json").read_text())
    headers = vector["headers"]
    ours = signature(vector["secret"], headers["webhook-id"], int(headers["webhook-timestamp"]), vector["body"].encode())
    assert ours == headers["webhook-signature"]


def test_an_attempt_that_failed_is_made_again_with_its_own_id_and_a_new_time(chain: Chain) -> None:
    chain.answers = iter((503, 429, 408, 200))
    chain.ring()
    assert len(chain.send()) == 1
    for gap in (5, 60, 300):
        chain.clock.advance(gap - 1)
        assert chain.send() == []
        chain.clock.advance(1)
        assert len(chain.send()) == 1
    sent = [int(request.headers["webhook-timestamp"]) for request in chain.heard]
    assert [later - sent[0] for later in sent] == [0, 5, 65, 365]
    assert len({request.headers["webhook-id"] for request in chain.heard}) == 1
    assert len({request.headers["webhook-signature"] for request in chain.heard}) == 4
    assert chain.outgoing()["done"] == 1


@pytest.mark.parametrize("status", [400, 401, 409, 413, 422])
def test_any_other_refusal_is_final(chain: Chain, status: int) -> None:
    chain.answers = iter((status,))
    chain.ring()
    chain.send()
    chain.clock.advance(10 * 86400)
    assert chain.send() == []
    assert chain.outgoing(rows=True)[0] | {"id": 0} == {"id": 0, "topic": "transaction.completed", "state": "refused", "tries": 1, "status": status}


def test_it_is_tried_for_three_days(chain: Chain) -> None:
    chain.answers = iter((503,) * 99)
    chain.ring()
    first = chain.clock()
    while chain.outgoing()["due"]:
        chain.send()
        last = chain.clock()
        chain.clock.advance(600)
    assert (last - first).total_seconds() > 3 * 86400 - 600


@pytest.mark.parametrize("order", ["kept", "reversed", "shuffled"])
def test_a_till_without_a_line_keeps_all_and_sends_it_later_in_any_order(chain: Chain, order: str) -> None:
    chain.offline(store="S001", till="W01")
    made = [chain.ring()["sequence"] for _ in range(3)]
    chain.clock.advance(3 * 86400)
    made += [chain.ring()["sequence"] for _ in range(3)]
    other = chain.ring(till="W02")["id"]
    assert [body["data"]["transaction_id"] for body in chain.send()] == [other]
    assert chain.offline(store="S001", till="W01", on=False, order=order, twice=True) == 6
    told = [body["data"]["sequence_number"] for body in chain.send()]
    assert sorted(told) == sorted(made * 2)
    assert (told[::2] == made, told[::2] == made[::-1]) == (order == "kept", order == "reversed")
    assert {abs(int(r.headers["webhook-timestamp"]) - chain.clock().timestamp()) for r in chain.heard[1:]} == {0}


def test_a_clock_that_drifts_and_a_second_secret_show_in_what_is_signed(chain: Chain) -> None:
    chain.drift(store="S001", till="W01", seconds=-900)
    chain.connect(url=URL, old_secret="whsec_" + "QUFB" * 8)
    chain.ring()
    chain.send()
    headers = chain.heard[0].headers
    assert int(headers["webhook-timestamp"]) == int(chain.clock().timestamp()) - 900
    assert len(headers["webhook-signature"].split()) == 2


def test_a_day_is_sent_again_under_its_old_names_or_new_ones(chain: Chain) -> None:
    chain.ring()
    chain.send()
    first = chain.heard[0]
    assert chain.resend(store="S001", till="W01", business_date="2026-09-14") == 1
    assert chain.resend(store="S001", till="W01", business_date="2026-09-14", new_ids=True) == 1
    chain.send()
    assert [r.content for r in chain.heard] == [first.content] * 3
    assert [r.headers["webhook-id"] == first.headers["webhook-id"] for r in chain.heard[1:]] == [True, False]


def test_what_no_till_should_send_breaks_the_contract_in_one_place(chain: Chain) -> None:
    judged = judge()
    for how in ("number", "missing"):
        chain.broken(how=how)
    for how in ("unbalanced", "no_offset", "card_number", "decimals"):
        chain.broken(how=how)
    sale = chain.ring(webhooks="lost")["id"]
    chain.contradict(sale=sale)
    bodies = chain.send()
    assert [bool(list(judged.iter_errors(body))) for body in bodies][:2] == [True, True]
    assert Decimal(bodies[2]["data"]["totals"]["gross"]) - Decimal(bodies[2]["data"]["totals"]["tendered"]) == Decimal("0.01")
    assert bodies[6]["data"]["transaction_id"] == sale
    assert chain.report()["counts"] == {"orders": 1, "refunds": 0}


# --- days -------------------------------------------------------------------------------------------------------------


def test_a_days_end_owns_up_to_its_gaps_and_counts_as_the_contracts_example_does(chain: Chain) -> None:
    chain.ring(lines=[{"price": "51.99"}], pay=[{"kind": "card", "amount": "40.00"}, {"kind": "cash"}])
    skipped = chain.skip()
    sale = chain.ring(lines=[{"price": "20.00"}], pay="cash")["id"]
    chain.give_back(sale=sale, pay="cash")
    chain.drawer(kind="pay_out", amount="5.00", reason="Milk")
    chain.void(sale=chain.ring()["id"])
    told = chain.close_day(counted={"cash": "6.39"})
    assert (told["transaction_count"], told["first_sequence"], told["last_sequence"]) == (5, "004711", "004716")
    assert told["missing_sequences"] == skipped == ["004712"]
    assert (told["net_sales"], told["returns"], told["tax"]) == ("51.99", "20.00", "0.00")
    assert told["tenders"] == [
        {"kind": "card", "label": "card", "expected": "40.00", "counted": "40.00", "over_short": "0.00"},
        {"kind": "cash", "label": "cash", "expected": "6.99", "counted": "6.39", "over_short": "-0.60"},
    ]


def test_a_day_ends_at_four_in_the_morning(chain: Chain) -> None:
    chain.clock.set(datetime(2026, 9, 15, 2, 30, tzinfo=UTC))
    assert chain.ring()["business_date"] == "2026-09-14"
    chain.clock.set(datetime(2026, 9, 15, 3, 30, tzinfo=UTC))
    assert chain.ring()["business_date"] == "2026-09-15"


def test_the_same_seed_plays_the_same_day() -> None:
    bodies = []
    for _ in range(2):
        chain = Chain()
        chain.trade(count=40)
        bodies.append(chain.get("/export/events.jsonl").text)
    assert bodies[0] == bodies[1]
    assert bodies[0].count("\n") > 30


# --- files and lists --------------------------------------------------------------------------------------------------


def test_lists_and_files_give_every_event_once(chain: Chain) -> None:
    for _ in range(105):
        chain.ring()
    chain.clock.advance(86400)
    chain.ring(till="W02")
    first, second = chain.get("/events").json(), chain.get("/events?page=2").json()
    assert (len(first["events"]), first["next_page"], len(second["events"]), second["next_page"]) == (100, 2, 6, None)
    assert len(chain.get("/events?since=2026-09-15").json()["events"]) == 1
    assert len(chain.get("/events?workstation_id=W01&sequence_number=004712").json()["events"]) == 1
    assert len(chain.get("/export/events.jsonl?business_date=2026-09-14").text.splitlines()) == 105


def test_a_till_with_a_shape_of_its_own_says_the_same_in_numbers() -> None:
    chain = Chain(speaks="native", scheme="hmac-header", stores={"S014": ["R03"]}, inclusive=True)
    sale = chain.ring(store="S014", till="R03")["id"]
    chain.give_back(sale=sale)
    chain.drawer(kind="no_sale", store="S014", till="R03")
    chain.void(sale=chain.ring(store="S014", till="R03")["id"])
    bodies = chain.send()
    assert [body["Type"] for body in bodies] == ["SALE", "REFUND", "SALE", "VOID"]
    assert bodies[0] | {"EndTime": 0} == {
        "TxnID": sale, "StoreNo": 14, "RegNo": 3, "TxnNo": 4711, "BizDate": "14/09/2026", "EndTime": 0, "Type": "SALE", "Curr": "GBP",
        "Items": [{"Ln": 1, "PLU": "MUG-RED", "Desc": "Mug, red", "Qty": 2, "Price": 10.0, "Ext": 18.0, "Disc": 2.0, "TaxCd": "STD",
                   "TaxPct": 20.0, "TaxAmt": 3.6}],
        "Pays": [{"Typ": "CC", "Amt": 21.6, "Ref": "AUTH-004711-1", "Last4": "4242"}], "Total": 21.6, "TaxTotal": 3.6, "Voided": "N",
    }  # fmt: skip
    assert b'"Ext":18.00,' in chain.heard[0].content
    assert "x-pos-signature" in chain.heard[0].headers
    if SPECS.is_dir():
        example = json.loads((SPECS / "examples" / "native_payload.example.json").read_text())
        assert example.keys() == bodies[0].keys()
        assert example["Items"][0].keys() == bodies[0]["Items"][0].keys()
