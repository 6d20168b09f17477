"""A recording of a real shop: every delivery and every answer in it is understood, and the vendor's samples besides."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from leja.connectors.contract import Context, RawEvent
from leja.connectors.woocommerce import Settings
from leja.connectors.woocommerce.calls import signed
from leja.connectors.woocommerce.decoding import WHOLE, decode
from leja.connectors.woocommerce.webhook import handshake, read, webhooks
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.refund import Refund
from leja.documents.sale import Sale

SPECS = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "woocommerce"
here = pytest.mark.skipif(
    not SPECS.is_dir(), reason="NOT RUN: ../shared is absent, the recording of a real shop with it"
)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
CONTEXT = Context(settings=Settings(shop="shop"), zone="UTC", base_currency="USD")
# The vendor's samples that hold no order and no refund: products, customers, taxes, coupons, settings and the like are
# never read by this connector, so they prove nothing about it.
OTHER_THINGS = {"coupons", "customers", "data", "order-notes", "payment-gateways", "product-variations", "products",
                "settings", "system-status", "tax-classes", "taxes", "webhooks", "signature-vectors"}  # fmt: skip


def delivery(number: int) -> tuple[dict[str, str], bytes, str]:
    """Headers in lower case, raw body and secret of a recorded delivery."""
    (path,) = (SPECS / "recorded").glob(f"{number:03d}_*.json")
    found = json.loads(path.read_text())
    return {name.lower(): value for name, value in found["headers"]}, found["body_raw"].encode(), found["secret"]


@lru_cache(maxsize=1)
def rest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SPECS / "recorded" / "rest_calls_run1.json").read_text())
    return found


def decoded(number: int) -> Any:
    headers, body, _secret = delivery(number)
    (told,) = read(headers, body)
    return decode(RawEvent(key=told.key, topic=told.topic, body=body, headers=headers), CONTEXT)


@here
@pytest.mark.parametrize("number", range(1, 18))
def test_every_recorded_delivery_is_a_ping_or_verifies_to_the_byte(number: int) -> None:
    headers, body, secret = delivery(number)
    answer = handshake(headers, body, (secret,))
    if number <= 6:
        assert answer is not None
        assert (answer.status, answer.body) == (200, b"")
        with pytest.raises(Refused):
            webhooks.verify(headers, body, (secret,), NOW)
        return
    assert answer is None
    webhooks.verify(headers, body, ("another", secret), NOW)
    with pytest.raises(Refused):
        webhooks.verify(headers, body + b" ", (secret,), NOW)


@here
def test_one_state_of_an_order_is_one_event_whatever_webhook_tells_it() -> None:
    keys = {number: read(*delivery(number)[:2])[0].key for number in range(7, 18)}
    assert keys[8] == keys[9]
    assert keys[16] == keys[17]
    assert len(set(keys.values())) == 9
    assert keys[14] != keys[15], "an error body tells no state: topic and delivery are all there is"


@here
def test_the_first_order_is_the_sale_that_the_customer_paid() -> None:
    found = decoded(8)
    (sale,) = found.documents
    assert isinstance(sale, Sale)
    assert (found.ties, found.unread, sale.total) == (True, (), Money(7917, "USD"))
    assert (sale.header.external_id, sale.header.version) == ("13", "2026-11-23T08:32:11Z/0")
    (tender,) = sale.tenders
    assert (tender.processor, tender.reference, tender.amount.minor) == ("stripe", "pi_rig_0001", 7917)
    beans, mug, shipping, wrap = sale.lines
    assert (beans.listed.minor, beans.discount and beans.discount.minor, beans.quantity) == (5997, 600, 3)
    assert [(tax.code, tax.amount.minor, str(tax.rate)) for tax in beans.taxes] == [
        ("CA Sales Tax", 391, "7.25"),
        ("SF District Tax", 54, "1"),
    ]
    assert (mug.discount and mug.discount.minor, shipping.kind, wrap.kind) == (75, "shipping", "service")
    assert sum(tax.amount.minor for line in sale.lines for tax in line.taxes) == 595
    assert sale.customer is not None
    assert (sale.customer.external_id, sale.customer.email) == ("2", "jane@example.test")


@here
def test_what_a_delivery_cannot_tell_is_wanted_or_said_to_be_nothing() -> None:
    assert [one.external_id for one in decoded(11).wanted] == ["13"], (
        "completed, partly and wholly refunded in one delivery"
    )
    assert [one.external_id for one in decoded(13).wanted] == ["13"], "the action bears the order's number"
    for number in (14, 15):
        assert "gone" in decoded(number).ignored
    for number in (7, 10, 12):
        assert decoded(number).ignored
    (pending,) = decoded(16).documents
    assert pending.header.withdrawn


@here
def test_the_recorded_order_with_its_refunds_is_whole() -> None:
    body = json.dumps(
        {"order": rest()["order after full refund"]["body"], "refunds": rest()["refund list"]["body"]}
    ).encode()
    found = decode(
        RawEvent(key="k", topic=WHOLE, body=body, headers={"leja-read-at": "2026-11-23T08:33:00.000000Z"}), CONTEXT
    )
    sale, rest_of_it, beans = found.documents
    assert (found.ties, found.unread) == (True, ())
    assert isinstance(rest_of_it, Refund)
    assert isinstance(beans, Refund)
    assert (beans.total.minor, rest_of_it.total.minor, sale.total.minor) == (1945, 5972, 7917)
    assert rest_of_it.lines == (), "an amount-only refund: its tax is split by rule, not read as nought"
    (line,) = beans.lines
    assert (line.line_id, line.listed.minor, [tax.amount.minor for tax in line.taxes]) == ("1", 1799, [130, 16])
    assert {refund.sale for refund in (beans, rest_of_it)} == {"13"}


@here
def test_every_recorded_answer_that_holds_orders_is_read() -> None:
    seen = 0
    for call in rest().values():
        rows = call["body"] if isinstance(call["body"], list) else [call["body"]]
        for row in rows:
            if call["status"] < 300 and "/orders" in call["request"]["path"] and "currency" in row:
                whole = json.dumps({"order": row, "refunds": []}).encode()
                found = decode(RawEvent(key="k", topic=WHOLE, body=whole), CONTEXT)
                assert [one for one in found.unread if not one.startswith("meta_data._rig")] == [], call["request"][
                    "path"
                ]
                seen += 1
    assert seen == 9


@here
@pytest.mark.parametrize(
    "path", sorted((SPECS / "examples").glob("*.json")) if SPECS.is_dir() else [], ids=lambda p: p.stem
)
def test_every_sample_of_the_vendor_is_read_or_is_no_order(path: Path) -> None:
    if path.stem.partition("__")[0] in OTHER_THINGS:
        return
    whole = json.loads(path.read_text())
    things = (
        [one for part in whole.values() for one in part]
        if "batch" in path.stem
        else whole
        if isinstance(whole, list)
        else [whole]
    )
    assert things
    order = json.loads((SPECS / "examples" / "orders__retrieve-an-order.json").read_text())
    for thing in things:
        body = (
            {"order": order, "refunds": [thing]}
            if path.stem.startswith("order-refunds")
            else {"order": thing, "refunds": []}
        )
        found = decode(RawEvent(key="k", topic=WHOLE, body=json.dumps(body).encode()), CONTEXT)
        assert found.unread == ()
        assert found.documents


@here
def test_the_vendors_signature_vectors() -> None:
    vectors = json.loads((SPECS / "examples" / "signature-vectors.json").read_text())
    hook = vectors["webhook"]
    webhooks.verify({hook["header"].lower(): hook["value"]}, hook["raw_body_utf8"].encode(), (hook["secret"],), NOW)
    asked = vectors["oauth1_over_http"]
    params = dict(asked["params"])
    own = {name: params.pop(name) for name in list(params) if name.startswith("oauth_")}
    at = datetime.fromtimestamp(int(own["oauth_timestamp"]), UTC)
    made = signed(
        "GET", asked["url"], params, own["oauth_consumer_key"], asked["consumer_secret"], at, own["oauth_nonce"]
    )
    assert made == {**asked["params"], "oauth_signature": asked["oauth_signature"]}
