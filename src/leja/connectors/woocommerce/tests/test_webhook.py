"""Webhooks of the shop: what is a ping, what names a state, and that they are signed with the secret that we gave."""

from __future__ import annotations

import pytest

from leja.connectors.woocommerce.tests.shop import Shop, run
from leja.connectors.woocommerce.webhook import handshake, read, subscribe, webhooks
from leja.core.errors import Refused

FORM = {"content-type": "application/x-www-form-urlencoded"}
TOLD = {"x-wc-webhook-topic": "order.updated", "x-wc-webhook-delivery-id": "d1"}


def test_a_ping_is_a_form_without_any_header_of_a_webhook() -> None:
    assert handshake(FORM, b"webhook_id=7", ()) is not None
    for headers, body in (
        ({**FORM, **TOLD}, b"webhook_id=7"), ({"content-type": "application/json"}, b"webhook_id=7"), ({}, b"webhook_id=7"),
        (FORM, b"webhook_id=seven"), (FORM, b"webhook_id="), (FORM, b"webhook_id=7&more=1"), (FORM, b"other=7"),
    ):  # fmt: skip
        assert handshake(headers, body, ()) is None, (headers, body)


def test_two_states_within_one_second_are_two_events_and_one_state_is_one() -> None:
    first, second = (b'{"id":41,"date_modified_gmt":"2026-05-04T09:01:05","status":"%s"}' % word for word in (b"pending", b"processing"))
    keys = [read({**TOLD, "x-wc-webhook-delivery-id": delivery}, body)[0].key for body, delivery in ((first, "a"), (second, "b"), (first, "c"))]
    assert keys[0] == keys[2] != keys[1]
    assert all(key.startswith("order/41/2026-05-04T09:01:05/") for key in keys)


def test_a_body_that_tells_no_state_is_named_by_topic_thing_and_delivery() -> None:
    deleted = {**TOLD, "x-wc-webhook-topic": "order.deleted"}
    assert read(deleted, b'{"id":41}')[0].key == "order.deleted/41/d1"
    assert read({**TOLD, "x-wc-webhook-topic": "Action.woocommerce_order_refunded"}, b'{"arg":41}')[0].key.endswith("/41/d1")
    assert read(TOLD, b"no JSON at all")[0].key == "order.updated//d1"
    for headers in ({}, {"x-wc-webhook-topic": "order.deleted"}):
        with pytest.raises(Refused) as caught:
            read(headers, b'{"id":41}')
        assert caught.value.code == "woocommerce-headers"


def test_what_the_shop_sends_is_signed_with_the_secret_that_was_registered() -> None:
    shop = Shop()
    session = shop.session(webhook_secret="ourown")
    run(subscribe(session, "http://127.0.0.1:9/door"))
    shop.sell()
    assert shop.stand_in.webhooks is not None
    sent = [row for row in shop.stand_in.webhooks.due() if row.topic != "ping"]
    assert {row.topic for row in sent} == {"order.created", "order.updated"}
    for row in sent:
        webhooks.verify(dict(row.headers), row.body, ("ourown",), shop.clock())
    with pytest.raises(Refused):
        webhooks.verify(dict(sent[0].headers), sent[0].body, ("another",), shop.clock())
