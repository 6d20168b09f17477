"""What a stranger may send to the webhook door: refused there, or kept and parked, and the sales around it go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leja.access.connection_secrets import put_secret
from leja.database.engine import Database
from leja.database.review import items
from leja.operate.rebuild import check
from tests.bookkeeping.shop import Shop, sale
from tests.bookkeeping.shop import refund as refund_of

from .front import SAMPLE, Front, explained, order, packed, signed

if not SAMPLE.exists():
    pytest.skip("the shop whose bodies are spoilt here is not there", allow_module_level=True)

Replaced = tuple[tuple[str, str], ...]


def around(front: Front, body: bytes, topic: str = "orders/create", **more: Any) -> tuple[int, str]:
    """The bad delivery between two good ones, then all is booked; gives what the bad one was answered."""
    answers = front.post_all([(packed(order(1)), "orders/create", {}), (body, topic, more),
                              (packed(order(2)), "orders/create", {})])  # fmt: skip
    assert (answers[0][0], answers[2][0]) == (200, 200)
    front.record()
    assert front.booked() == ["6000000001", "6000000002"], "the sales before and after it are booked, it is not"
    front.clean()
    return answers[1]


def parked(front: Front, body: bytes, code: str, *words: str) -> None:
    """The bad delivery was kept as it came and waits for a person, who is told what is wrong with what."""
    assert front.states() == ["done", "parked", "done"]
    assert front.bodies()[1] == body
    (item,) = front.items()
    assert item.code == code
    for word in words:
        assert word in item.message, item.message
    assert item.remedy
    explained(code)


# --- at the door: nothing is kept, the count says how often ------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-shopify-hmac-sha256": ""}, "signature-missing"),
        ({"x-shopify-hmac-sha256": "bm90IHRoZSBzaWduYXR1cmU="}, "signature-wrong"),
        (signed(packed(order(4)), "orders/create", "w"), "signature-wrong"),
        ({"x-shopify-shop-domain": "another-shop.myshopify.com"}, "webhook-wrong-account"),
    ],
)
def test_a_missing_wrong_or_borrowed_signature_is_refused(front: Front, headers: dict[str, str], code: str) -> None:
    assert around(front, packed(order(3)), headers=headers) == (401, code)
    assert front.states() == ["done", "done"]
    assert front.refused() == {code: 1}
    explained(code)


def test_a_signature_of_a_secret_that_was_retired_is_stale(front: Front, clock: Any) -> None:
    with front.database.transaction() as conn:
        put_secret(conn, front.org.org_id, front.house.vault, front.shop.connection_id, "webhook_secret", "the new one",
                   clock(), old_retires_at=clock() + timedelta(hours=1))  # fmt: skip
    assert front.post(packed(order(1)))[0] == 200
    clock.forward(hours=2)
    assert front.post(packed(order(2))) == (401, "signature-wrong")
    assert front.post(packed(order(2)), secret="the new one")[0] == 200
    front.record()
    assert front.booked() == ["6000000001", "6000000002"]
    assert front.refused() == {"signature-wrong": 1}
    front.clean()


def test_a_stale_delivery_is_kept_once_and_changes_nothing(front: Front) -> None:
    old = packed(order(1))
    new = packed(order(1, updated_at="2026-03-15T20:30:05+03:00", source_name="pos"))
    front.post_all([(new, "orders/updated", {}), (old, "orders/create", {"key": "old"}),
                    (old, "orders/create", {"key": "old"})])  # fmt: skip
    front.record()
    assert front.states() == ["done", "observed"]
    assert front.rows("SELECT revision FROM document_revision WHERE org_id = :org") == [(1,)]
    front.clean()


def test_a_huge_body_is_refused(front: Front) -> None:
    body = packed(order(3, note="x" * 5_300_000))
    assert around(front, body) == (413, "door-body-too-large")
    assert front.states() == ["done", "done"]
    assert front.refused() == {"door-body-too-large": 1}
    explained("door-body-too-large")


# --- kept and parked ---------------------------------------------------------------------------------------------------

WHOLE = packed(order(3))
BODIES = {
    "truncated": (WHOLE[:700], "json-truncated", ("ends too early", "700")),
    "deeply nested": (b'{"note_attributes":' + b"[" * 5000 + b"]" * 5000 + b"}", "json-depth", ("deeper than 64",)),
    "not UTF-8": (WHOLE.replace(b"Kikoi cloth", b"Kikoi \xff"), "json-encoding", ("not UTF-8", "byte")),
    "a key twice": (WHOLE[:-1] + b',"total_price":"1.00"}', "json-duplicate-key", ("'total_price'", "twice")),
    "no JSON at all": (b"<order/>", "json-malformed", ("not well-formed JSON",)),
    "an empty body": (b"", "json-truncated", ("ends too early",)),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_cannot_be_read_is_kept_and_parked(front: Front, what: str) -> None:
    body, code, words = BODIES[what]
    assert around(front, body, key="delivery-7") == (200, "")
    parked(front, body, code, "orders/create", "delivery-7", *words)


def test_an_unknown_topic_is_parked(front: Front) -> None:
    assert around(front, WHOLE, "orders/exploded")[0] == 200
    parked(front, WHOLE, "shopify-topic", "orders/exploded", "no topic that is known")


FIELDS: dict[str, tuple[Replaced, str, tuple[str, ...]]] = {
    "an amount as a float": ((('"total_price":"1200.00"', '"total_price":1200.00'),), "json-shape", ("total_price",)),
    "an exponent in text": ((('"1200.00"', '"1.2e3"'),), "amount-unreadable", ("'1.2e3'", "GBP", "#3")),
    "an exponent": ((('"rate":0.2', '"rate":2e-1'),), "json-number", ("2e-1", "exponent")),
    "NaN in text": ((('"1200.00"', '"NaN"'),), "amount-unreadable", ("'NaN'", "GBP", "#3")),
    "NaN": ((('"rate":0.2', '"rate":NaN'),), "json-number", ("NaN is not a number",)),
    "too many decimals": ((('"1200.00"', '"1200.001"'),), "amount-decimals", ("1200.001", "2 decimals", "#3")),
    "over 2^63": ((('"1200.00"', '"92233720368547758.08"'),), "amount-too-large", ("9223372036854775807", "#3")),
    "two lines over 2^63 together": (
        (('"1200.00"', '"92233720368547758.06"'), ('"600.00"', '"46116860184273879.04"')),
        "totals-do-not-add-up", ("#3", "92233720368547758.06", "92233720368547758.08"),
    ),
    "an unknown currency": ((('"GBP"', '"ZZZ"'),), "currency-unknown", ("'ZZZ'", "#3")),
    "a total that is not the sum": (
        (('"1200.00"', '"1300.00"'),), "totals-do-not-add-up", ("#3", "1300.00", "1200.00"),
    ),
    "a negative total": ((('"1200.00"', '"-1200.00"'),), "shopify-negative-total", ("#3", "-1200.00")),
    "a quantity of nothing": ((('"quantity":2', '"quantity":0'),), "totals-do-not-add-up", ("#3", "0.00")),
    "a day that is none": (
        (("2026-03-14T20:29:58+03:00", "31.02.2026"),), "instant-unreadable", ("'31.02.2026'", "#3"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FIELDS)
def test_a_field_that_cannot_be_right_parks_its_order_alone(front: Front, what: str) -> None:
    replaced, code, words = FIELDS[what]
    text = WHOLE.decode()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    assert around(front, text.encode())[0] == 200
    parked(front, text.encode(), code, *words)


def test_two_orders_of_the_largest_amount_there_is_do_not_break_the_balances(front: Front) -> None:
    for number in (3, 4):
        text = packed(order(number)).decode().replace('"quantity":2', '"quantity":1')
        text = text.replace('"1200.00"', '"92233720368547758.07"').replace('"600.00"', '"92233720368547758.07"')
        assert front.post(text.encode())[0] == 200
    front.post(packed(order(1)))
    front.record()
    assert front.states() == ["done", "done", "done"]
    debits = front.rows("SELECT sum(base) FROM line WHERE org_id = :org AND base > 0")
    assert debits == [(2 * (2**63 - 1) + 120_000,)]
    front.clean()


# --- contradictions: the source is asked again -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"financial_status": "refunded"},
        {"financial_status": "partially_refunded"},
        {"financial_status": "voided", "refunds": [{"id": 1, "order_id": 6000000003, "refund_line_items": [],
                                                    "transactions": [], "created_at": "2026-03-14T20:30:05+03:00"}]},
        {"currency": "USD"},
        {"total_outstanding": "500.00"},
    ],
    ids=["refunded without a refund", "partly refunded without a refund", "refund of nothing paid",
         "amounts in another currency", "paid and still owed"],
)  # fmt: skip
def test_fields_that_contradict_each_other_are_asked_for_again(front: Front, changes: dict[str, Any]) -> None:
    body = packed(order(3, **changes))
    assert around(front, body)[0] == 200
    assert front.states() == ["done", "observed", "done"]
    assert front.bodies()[1] == body
    wanted = front.rows("SELECT kind, external_id FROM wanted WHERE org_id = :org")
    assert wanted == [("order", "6000000003")], "nothing is lost: it is fetched whole"


def test_one_version_with_two_contents_is_asked_for_again(front: Front) -> None:
    front.post(packed(order(3)))
    front.record()
    before = front.rows("SELECT number FROM entry WHERE org_id = :org")
    other = packed(order(3)).replace(b'"1200.00"', b'"600.00"').replace(b'"quantity":2', b'"quantity":1')
    other = other.replace(b'"200.00"', b'"100.00"')
    front.post(other, "orders/updated")
    front.record()
    assert front.rows("SELECT number FROM entry WHERE org_id = :org") == before
    assert front.rows("SELECT external_id FROM wanted WHERE org_id = :org") == [("6000000003",)]
    front.clean()


# --- refunds -----------------------------------------------------------------------------------------------------------


def current(total: str) -> dict[str, Any]:
    """What an order says after money went back."""
    part = {"amount": total, "currency_code": "GBP"}
    return {"current_total_price": total, "current_total_price_set": {"shop_money": part, "presentment_money": part},
            "updated_at": "2026-03-16T09:00:01+03:00"}  # fmt: skip


def refund(amount: str, tax: str) -> dict[str, Any]:
    """A refund of the order's goods by card."""
    def both(value: str) -> dict[str, Any]:
        part = {"amount": value, "currency_code": "GBP"}
        return {"shop_money": part, "presentment_money": part}

    moment = "2026-03-16T09:00:00+03:00"
    line = {"id": 1, "line_item_id": 11, "location_id": None, "quantity": 1, "restock_type": "return",
            "subtotal": float(amount), "subtotal_set": both(amount), "total_tax": float(tax),
            "total_tax_set": both(tax)}  # fmt: skip
    money = {"id": 9901, "order_id": 6000000003, "kind": "refund", "gateway": "shopify_payments", "status": "success",
             "created_at": moment, "processed_at": moment, "test": False, "amount": amount, "currency": "GBP"}
    return {"id": 8801, "order_id": 6000000003, "created_at": moment, "processed_at": moment, "note": "",
            "restock": True, "duties": [], "order_adjustments": [], "refund_line_items": [line],
            "refund_shipping_lines": [], "transactions": [money]}  # fmt: skip


def test_a_refund_of_more_money_than_came_in_is_asked_for_again(front: Front) -> None:
    body = packed(order(3, refunds=[refund("1800.00", "300.00")], financial_status="refunded", **current("0.00")))
    assert around(front, body, "orders/updated")[0] == 200
    assert front.states() == ["done", "observed", "done"]
    assert front.rows("SELECT external_id FROM wanted WHERE org_id = :org") == [("6000000003",)]


def test_a_refund_over_its_sale_is_parked_and_the_rest_goes_on(database: Database) -> None:
    shop = Shop(database)
    shop.arrive(sale("s1"), origin="fetch")
    shop.arrive(refund_of("r1", of="s1", net="200.00", tax="40.00"), origin="fetch")
    shop.arrive(sale("s2"), origin="fetch")
    shop.record()
    assert [state for state, _ in shop.states()] == ["done", "parked", "done"]
    assert (shop.count("event_body"), shop.count("document")) == (3, 2)
    with database.transaction() as conn:
        (item,) = items(conn, shop.org_id)
        assert check(conn, shop.org_id) == []
    assert item.code == "refund-over-sale"
    assert all(word in item.message for word in ("240.00", "120.00", "GBP")), item.message
    explained(item.code)


def test_a_refund_before_its_sale_waits_and_is_booked_after_it(database: Database) -> None:
    shop = Shop(database)
    shop.arrive(refund_of("r1", of="s1"))
    shop.arrive(sale("s2"))
    shop.record()
    assert [state for state, _ in shop.states()] == ["waiting", "done"]
    assert (shop.count("document"), shop.count("review_item")) == (1, 0)
    assert shop.states()[0][1].endswith("/s1")
    shop.arrive(sale("s1"))
    shop.record()
    assert [state for state, _ in shop.states()] == ["done"] * 3
    assert shop.count("document") == 3
    with database.transaction() as conn:
        assert check(conn, shop.org_id) == []


def test_a_refund_that_is_heard_of_before_its_sale_is_not_lost(front: Front) -> None:
    thin = packed(refund("600.00", "100.00"))
    assert front.post(thin, "refunds/create")[0] == 200
    front.record()
    assert front.rows("SELECT external_id FROM wanted WHERE org_id = :org") == [("6000000003",)]
    assert front.booked() == []
    body = order(3, refunds=[refund("600.00", "100.00")], financial_status="partially_refunded",
                 **current("600.00"))  # fmt: skip
    front.post(packed(body), "orders/updated")
    front.record()
    assert front.rows("SELECT kind FROM document WHERE org_id = :org ORDER BY 1") == [("refund",), ("sale",)]
    assert front.items() == []
    front.clean()
