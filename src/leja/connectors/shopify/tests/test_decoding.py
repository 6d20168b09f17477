"""What is peculiar to Shopify's events and no sample shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from leja.connectors.contract import GONE_TOPIC, Context, Decoded, Gone, RawEvent
from leja.connectors.shopify import source
from leja.core.errors import Refused
from leja.documents.document import facts
from leja.documents.sale import Sale

SAMPLES = Path(__file__).parent.parent / "samples"
CONTEXT = Context(settings=None, zone="Africa/Nairobi", base_currency="KES")


def body_of(name: str) -> dict[str, Any]:
    whole = json.loads((SAMPLES / f"{name}.json").read_text())["event"]["body"]
    assert isinstance(whole, dict)
    return whole


def decoded(body: dict[str, Any] | bytes, topic: str = "orders/updated") -> Decoded:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return source.decode(RawEvent(key="k", topic=topic, body=raw), CONTEXT)


def sale_of(body: dict[str, Any]) -> Sale:
    (sale, *_) = decoded(body).documents
    assert isinstance(sale, Sale)
    return sale


def test_every_topic_of_an_order_means_the_same() -> None:
    body = body_of("order-plain-tax-included")
    topics = ("create", "paid", "updated", "edited", "cancelled", "fulfilled", "partially_fulfilled")
    assert len({repr(decoded(body, f"orders/{topic}")) for topic in topics}) == 1
    assert decoded(body, "ORDERS/CREATE") == decoded(body, "orders/create")


def test_versions_sort_by_instant_whatever_the_offset_and_a_fetch_beats_a_webhook_of_the_same_instant() -> None:
    body = body_of("order-plain-tax-included")
    stamps = ["2026-03-14T23:00:00+03:00", "2026-03-14T20:00:00.5Z", "2026-03-14T16:00:01-05:00"]
    versions = [sale_of({**body, "updated_at": stamp}).header.version for stamp in stamps]
    assert versions == sorted(versions)
    assert len(set(versions)) == 3
    fetched = body_of("graphql-mixed-tenders")
    (sale, *_) = decoded(fetched, "graphql/order").documents
    same = sale_of({**body, "updated_at": "2026-03-14T20:30:05+03:00"})
    assert same.header.version < sale.header.version
    assert sale.header.version < sale_of({**body, "updated_at": "2026-03-14T17:30:06Z"}).header.version


def test_the_day_is_that_of_processing_not_of_creation() -> None:
    body = body_of("order-plain-tax-included")
    old = sale_of({**body, "processed_at": "2019-12-31T22:30:00Z"})
    assert str(old.header.business_day) == "2020-01-01"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, False), ({"financial_status": "partially_paid"}, True), ({"financial_status": "new_status"}, True),
        ({"total_outstanding": "1.00"}, True), ({"total_outstanding": None}, True),
        ({"payment_gateway_names": []}, True),
        ({"payment_gateway_names": [""]}, True), ({"payment_gateway_names": ["a", "b"]}, True),
        ({"payment_gateway_names": ["gift_card"]}, True), ({"presentment_currency": "USD"}, True),
        ({"current_total_price": "1000.00"}, True), ({"financial_status": "pending"}, False),
        ({"financial_status": None}, False),
    ],
)
def test_an_order_is_fetched_whenever_its_money_is_not_plain(change: dict[str, Any], wanted: bool) -> None:
    found = decoded({**body_of("order-plain-tax-included"), **change})
    assert bool(found.wanted) == wanted
    assert bool(found.documents) != wanted


def test_a_refund_in_another_currency_is_fetched() -> None:
    body = body_of("order-partial-refund")
    body["refunds"][0]["transactions"][0]["currency"] = "USD"
    assert decoded(body).wanted


def test_refunds_that_do_not_agree_with_their_money_are_told() -> None:
    body = body_of("order-partial-refund")
    body["refunds"][0]["transactions"][0]["amount"] = "500.00"
    body["current_total_price"] = "660.00"
    assert not decoded(body).ties
    body["refunds"][0]["order_adjustments"] = [
        {"id": 1, "amount": "80.00", "tax_amount": "0.00", "kind": "refund_discrepancy"}]
    assert decoded(body).ties


def test_amounts_that_contradict_each_other_are_refused() -> None:
    body = body_of("order-plain-tax-included")
    body["total_price_set"]["shop_money"]["amount"] = "1161.00"
    with pytest.raises(Refused) as caught:
        decoded(body)
    assert caught.value.code == "shopify-contradiction"
    body = body_of("order-plain-tax-included")
    body["total_price_set"]["shop_money"]["currency_code"] = "USD"
    with pytest.raises(Refused):
        decoded(body)


def test_a_negative_total_is_held() -> None:
    body = body_of("order-plain-tax-included")
    body.update(total_price="-5.00", total_price_set=None, financial_status="pending")
    with pytest.raises(Refused) as caught:
        decoded(body)
    assert caught.value.code == "shopify-negative-total"


def test_the_text_of_a_number_is_read_never_a_float() -> None:
    body = body_of("order-partial-refund")
    line = body["refunds"][0]["refund_line_items"][0]
    del line["subtotal_set"], line["total_tax_set"]
    raw = json.dumps(body).replace('"subtotal": 580.0', '"subtotal": 580.00').encode()
    assert decoded(raw).ties
    spoilt = raw.replace(b'"subtotal": 580.00', b'"subtotal": 580.0000000000000001')
    assert spoilt != raw
    with pytest.raises(Refused):
        decoded(spoilt)


@pytest.mark.parametrize(
    ("change", "code"),
    [(b'"test": false', "json-duplicate-key"), (b'"total_weight": 1e5', "json-number"),
     (b'"note": NaN', "json-number")],
)
def test_what_json_libraries_let_pass_is_refused(change: bytes, code: str) -> None:
    raw = json.dumps(body_of("order-plain-tax-included")).encode()
    with pytest.raises(Refused) as caught:
        decoded(raw[:-1] + b", " + change + b"}")
    assert caught.value.code == code


def test_a_key_said_twice_in_a_nested_part_is_refused_even_with_a_space_before_its_colon() -> None:
    raw = json.dumps(body_of("order-plain-tax-included"), separators=(",", ":")).encode()
    for twice in (b'"price":"580.00","price":"1.00"', b'"price":"580.00","price" :"1.00"'):
        with pytest.raises(Refused) as caught:
            decoded(raw.replace(b'"price":"580.00"', twice, 1))
        assert caught.value.code == "json-duplicate-key"


def test_a_gone_thing_is_its_last_document_withdrawn_and_newer() -> None:
    for name, topic in (("order-plain-tax-included", "orders/create"), ("payout-paid", "graphql/payout")):
        document = decoded(body_of(name), topic).documents[0]
        gone = Gone(
            kind="sale", external_id=document.header.external_id, version="", facts=facts(document).decode(),
            found_at=datetime(2026, 7, 1, tzinfo=UTC),
        )
        found = decoded(msgspec.json.encode(gone), GONE_TOPIC).documents[0]
        assert found.header.withdrawn
        assert found.header.version > document.header.version
        assert msgspec.structs.replace(found, header=document.header) == document


def test_a_read_webhook_is_its_key_and_topic() -> None:
    headers = {"x-shopify-webhook-id": "d1", "x-shopify-topic": "Orders/Create",
               "x-shopify-shop-domain": "A.myshopify.com"}
    (event,) = source.webhooks.read(headers, b"{}")
    assert (event.key, event.topic, event.account, event.body) == ("d1", "orders/create", "a.myshopify.com", b"{}")
    for missing in ("x-shopify-webhook-id", "x-shopify-topic"):
        with pytest.raises(Refused):
            source.webhooks.read({name: value for name, value in headers.items() if name != missing}, b"{}")


def test_more_change_than_cash_is_a_contradiction() -> None:
    body = body_of("graphql-mixed-tenders")
    body["transactions"][4]["amountSet"]["shopMoney"]["amount"] = "300.01"
    with pytest.raises(Refused):
        decoded(body, "graphql/order")


def test_an_unknown_payout_state_is_held() -> None:
    body = body_of("payout-paid")
    body["payout"]["status"] = "MELTED"
    with pytest.raises(Refused) as caught:
        decoded(body, "graphql/payout")
    assert caught.value.code == "shopify-payout-state"
