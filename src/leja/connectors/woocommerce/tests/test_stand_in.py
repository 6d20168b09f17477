"""The stand-in of WooCommerce: money, keys, lists, silence, late webhooks, faults."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.woocommerce.stand_in_hooks import sign
from leja.connectors.woocommerce.tests.stand_in_calls import Listener, at, basic, call, shop_of, subscribed
from leja_sandbox.kit import ConnectionCut, SimulatedClock, StandIn

BEAN = {"name": "Beans", "sku": "B", "price": "9.99", "quantity": 3}


@pytest.fixture
def clock() -> SimulatedClock:
    return at("2026-06-01T09:00:00")


@pytest.fixture
def shop(clock: SimulatedClock) -> StandIn:
    return shop_of(clock)


def order_of(shop: StandIn, order_id: int, **params: Any) -> dict[str, Any]:
    return call(shop, "GET", f"orders/{order_id}", **params).json()


# --- money ------------------------------------------------------------------------------------------------------------


def minor(text: str) -> Decimal:
    return Decimal(text)


@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize("round_at_subtotal", [True, False])
@settings(max_examples=40, deadline=None)
@given(
    prices=st.lists(st.tuples(st.integers(1, 99_999), st.integers(1, 9)), min_size=1, max_size=5),
    shipping=st.integers(0, 2_000), discount=st.integers(0, 60),
)  # fmt: skip
def test_an_order_adds_up_from_its_own_lines(included, round_at_subtotal, prices, shipping, discount):
    shop = shop_of(at("2026-06-01T09:00:00"), prices_include_tax=included, round_at_subtotal=round_at_subtotal)
    made = shop.control.call(
        "place_order",
        lines=[{"name": f"P{i}", "price": f"{p / 100:.2f}", "quantity": q} for i, (p, q) in enumerate(prices)],
        shipping=[{"title": "Post", "total": f"{shipping / 100:.2f}"}],
        coupons=[{"code": "off", "amount": str(discount)}],
    )
    order = order_of(shop, made["id"])
    parts = [*order["line_items"], *order["shipping_lines"], *order["fee_lines"]]
    lines = sum((minor(p["total"]) for p in parts), Decimal(0))
    cent = Decimal("0.01") * len(parts)
    assert abs(lines + minor(order["total_tax"]) - minor(order["total"])) <= cent
    if not round_at_subtotal:
        assert lines + minor(order["total_tax"]) == minor(order["total"])
        assert sum(minor(p["total_tax"]) for p in parts) == minor(order["total_tax"])
        # With prices that include tax the plugin rounds halves of a tax down, but shows them rounded up.
        shown = sum(minor(t["total"]) for p in parts for t in p["taxes"])
        assert abs(shown - minor(order["total_tax"])) <= (cent if included else 0)
    before = sum(minor(line["subtotal"]) for line in order["line_items"])
    after = sum(minor(line["total"]) for line in order["line_items"])
    assert abs(before - after - minor(order["discount_total"])) <= cent
    whole = sum(p * q for p, q in prices)
    if included and not shipping and not discount and not round_at_subtotal:
        assert minor(order["total"]) == Decimal(whole) / 100


def test_rounding_at_the_subtotal_leaves_lines_and_header_a_cent_apart():
    lines = [{"name": f"P{i}", "price": "0.33", "quantity": 1} for i in range(3)]
    by_line = shop_of(at("2026-06-01T09:00:00")).control.call("place_order", lines=lines)
    shop = shop_of(at("2026-06-01T09:00:00"), round_at_subtotal=True)
    order = order_of(shop, shop.control.call("place_order", lines=lines)["id"])
    assert by_line["total_tax"] == "0.21"
    assert order["total_tax"] == "0.20"
    assert [line["total_tax"] for line in order["line_items"]] == ["0.07", "0.07", "0.07"]


def test_a_price_with_tax_is_shown_without_and_dp_shows_more_places():
    shop = shop_of(at("2026-06-01T09:00:00"), prices_include_tax=True)
    made = shop.control.call("place_order", lines=[{"name": "P", "price": "10.00", "quantity": 1}])
    order = order_of(shop, made["id"])
    assert (order["line_items"][0]["total"], order["total_tax"], order["total"]) == ("8.33", "1.67", "10.00")
    assert order_of(shop, made["id"], dp=4)["line_items"][0]["total"] == "8.3333"
    assert order["prices_include_tax"] is True


def test_a_unit_price_is_a_number_and_no_amount_to_multiply(shop):
    made = shop.control.call("place_order", lines=[{"name": "P", "price": "10.00", "quantity": 3, "total": "10.00"}])
    line = order_of(shop, made["id"])["line_items"][0]
    assert line["price"] == pytest.approx(3.3333333333333335)
    assert (line["subtotal"], line["total"]) == ("30.00", "10.00")


@pytest.mark.parametrize(("kind", "amount", "off"), [("percent", "10", "3.00"), ("fixed_cart", "5", "5.00"),
                                                     ("fixed_product", "1", "3.00"), ("fixed_cart", "500", "29.97")])  # fmt: skip
def test_coupons_sit_in_the_lines(shop, kind, amount, off):
    made = shop.control.call(
        "place_order", lines=[BEAN], coupons=[{"code": "c", "type": kind, "amount": amount}]
    )  # fmt: skip
    order = order_of(shop, made["id"])
    assert order["discount_total"] == off
    assert minor(order["line_items"][0]["subtotal"]) - minor(order["line_items"][0]["total"]) == minor(off)
    assert order["coupon_lines"][0]["discount"] == off


def test_a_negative_fee_is_a_discount_with_tax(shop):
    made = shop.control.call("place_order", lines=[BEAN], fees=[{"name": "Gift card", "total": "-5.00"}])
    order = order_of(shop, made["id"])
    assert (order["fee_lines"][0]["total"], order["fee_lines"][0]["total_tax"]) == ("-5.00", "-1.00")
    assert order["total"] == "29.96"  # 29.97 - 5.00 and the tax of both, 5.99 - 1.00


def test_sending_items_recalculates_and_sending_meta_does_not(shop):
    made = shop.control.call("place_order", lines=[BEAN])
    shop.control.call("tax_rate", country="GB", rate="5", name="Levy", priority=2)
    kept = call(shop, "PUT", f"orders/{made['id']}", {"meta_data": [{"key": "_ext_ref", "value": "L-1"}]}).json()
    assert (kept["total"], kept["meta_data"][0]["value"]) == (made["total"], "L-1")
    changed = call(shop, "PUT", f"orders/{made['id']}", {"billing": {"first_name": "Ada"}}).json()
    assert [line["label"] for line in changed["tax_lines"]] == ["VAT", "Levy"]
    assert changed["total"] != made["total"]


# --- refunds ----------------------------------------------------------------------------------------------------------


def test_a_refund_with_lines_points_to_what_was_sold_and_the_total_stays(shop):
    shop.control.call("product", name="Beans", sku="B", regular_price="9.99", manage_stock=True, stock_quantity=10)
    made = shop.control.call("place_order", lines=[BEAN])
    shop.control.call("refund", order=made["id"], lines=[{"line": 0, "quantity": 1}], reason="torn")
    order = order_of(shop, made["id"])
    (refund,) = call(shop, "GET", f"orders/{made['id']}/refunds").json()
    line = refund["line_items"][0]
    assert order["total"] == made["total"]
    assert order["refunds"] == [{"id": refund["id"], "reason": "torn", "total": "-11.99", "total_tax": "-2.00"}]
    assert (refund["amount"], line["quantity"], line["total"]) == ("11.99", -1, "-9.99")
    assert line["meta_data"][0]["value"] == str(made["item_ids"][0])
    assert call(shop, "GET", "products", sku="B").json()[0]["stock_quantity"] == 8


def test_a_bare_amount_bears_no_tax_and_the_last_one_makes_it_refunded(shop):
    made = shop.control.call("place_order", lines=[BEAN])
    shop.control.call("refund", order=made["id"], amount="10.00")
    assert order_of(shop, made["id"])["refunds"][0]["total_tax"] == "0.00"
    assert shop.control.call("refund", order=made["id"], whole=True)["status"] == "refunded"
    kinds = [r["meta_data"][0]["value"] for r in call(shop, "GET", f"orders/{made['id']}/refunds").json()]
    assert kinds == ["full", "partial"]


def test_setting_the_status_to_refunded_refunds_the_rest(shop):
    made = shop.control.call("place_order", lines=[BEAN])
    shop.control.call("status", order=made["id"], status="refunded")
    (refund,) = call(shop, "GET", f"orders/{made['id']}/refunds").json()
    assert (refund["amount"], refund["line_items"], refund["refunded_payment"]) == (made["total"], [], False)


def test_too_much_is_refused_with_500_although_it_is_for_good(shop):
    made = shop.control.call("place_order", lines=[BEAN])
    no = call(shop, "POST", f"orders/{made['id']}/refunds", {"amount": "99.00"})
    assert no.status_code == 500
    assert no.json() == {"code": "woocommerce_rest_cannot_create_order_refund", "message": "Invalid refund amount.", "data": 500}


def test_a_refund_goes_through_the_gateway_unless_told_otherwise(shop):
    made = shop.control.call("place_order", lines=[BEAN], payment_method="cod")
    assert call(shop, "POST", f"orders/{made['id']}/refunds", {"amount": "1.00"}).status_code == 500
    done = call(shop, "POST", f"orders/{made['id']}/refunds", {"amount": "1.00", "api_refund": False})
    assert done.json()["refunded_payment"] is False
    by_card = shop.control.call("place_order", lines=[BEAN])
    assert call(shop, "POST", f"orders/{by_card['id']}/refunds", {"amount": "1.00"}).json()["refunded_payment"] is True


def test_all_refunds_of_the_shop_name_their_orders(shop):
    made = [shop.control.call("place_order", lines=[BEAN])["id"] for _ in range(3)]
    for order in made:
        shop.control.call("refund", order=order, amount="1.00")
    rows = call(shop, "GET", "refunds", order="asc").json()
    assert [row["parent_id"] for row in rows] == made


# --- webhooks that come late, once, or never --------------------------------------------------------------------------


def topics(heard: Listener) -> list[str]:
    return [headers["x-wc-webhook-topic"] for headers, _, _ in heard.got]


def test_bursts_collapse_and_the_body_is_that_of_the_delivery(shop):
    subscribed(shop, "order.created", "order.updated")
    made = shop.control.call("place_order", lines=[BEAN])
    shop.control.call("status", order=made["id"], status="completed")
    shop.control.call("refund", order=made["id"], amount="5.00")
    heard = Listener()
    heard.run(shop)
    assert topics(heard) == ["order.created", "order.updated"]
    first, second = (json.loads(body) for _, body, _ in heard.got)
    assert first == second
    assert (first["status"], len(first["refunds"])) == ("completed", 1)
    headers, body, _ = heard.got[0]
    assert headers["x-wc-webhook-signature"] == sign("s3", body)


def test_an_order_deleted_before_the_queue_runs_is_told_as_a_signed_error(shop):
    subscribed(shop, "order.created")
    shop.control.call("delete", order=shop.control.call("place_order", lines=[BEAN])["id"])
    heard = Listener()
    heard.run(shop)
    headers, body, _ = heard.got[0]
    assert json.loads(body)["code"] == "woocommerce_rest_shop_order_invalid_id"
    assert headers["x-wc-webhook-signature"] == sign("s3", body)


def test_only_the_trash_is_told(shop):
    subscribed(shop, "order.deleted", "order.restored", "order.updated", "action.woocommerce_order_refunded")
    made = [shop.control.call("place_order", lines=[BEAN])["id"] for _ in range(2)]
    refund = shop.control.call("refund", order=made[0], amount="1.00")["refund_id"]
    Listener().run(shop)
    heard = Listener()
    assert call(shop, "DELETE", f"orders/{made[0]}/refunds/{refund}", force="true").status_code == 200
    assert call(shop, "DELETE", f"orders/{made[1]}", force="true").status_code == 200
    assert heard.run(shop) == 0
    trashed = call(shop, "DELETE", f"orders/{made[0]}").json()
    assert trashed["status"] == "trash"
    assert call(shop, "DELETE", f"orders/{made[0]}").status_code == 410
    heard.run(shop)
    assert (topics(heard), json.loads(heard.got[0][1])) == (["order.deleted"], {"id": made[0]})
    assert made[0] not in [row["id"] for row in call(shop, "GET", "orders").json()]
    assert [row["id"] for row in call(shop, "GET", "orders", status="trash").json()] == [made[0]]
    shop.control.call("restore", order=made[0])
    heard.run(shop)
    assert topics(heard)[1:] == ["order.restored"]
    assert call(shop, "GET", f"orders/{made[1]}").json()["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_nothing_is_tried_again_and_the_seventh_failure_in_a_row_disables(shop):
    subscribed(shop, "order.created")
    down = Listener(503)
    for failures in range(1, 8):
        shop.control.call("place_order", lines=[BEAN])
        down.run(shop)
        assert down.run(shop) == 0
        assert call(shop, "GET", "webhooks/1").json()["status"] == ("active" if failures < 7 else "disabled")
    shop.control.call("place_order", lines=[BEAN])
    assert Listener().run(shop) == 0
    again = call(shop, "PUT", "webhooks/1", {"status": "active"})
    assert again.json()["status"] == "active"
    assert "failures" not in again.json()
    assert "secret" not in again.json()


def test_a_success_between_forgives_what_failed_before(shop):
    subscribed(shop, "order.created")
    for status in (500, 500, 500, 500, 500, 500, 302, 500, 500, 500, 500, 500, 500):
        shop.control.call("place_order", lines=[BEAN])
        Listener(status).run(shop)
    assert call(shop, "GET", "webhooks/1").json()["status"] == "active"


def test_the_ping_of_activation_bears_no_signature_and_never_counts(shop):
    call(shop, "POST", "webhooks", {"topic": "order.created", "delivery_url": "https://leja.test/in"})
    heard = Listener(404)
    heard.run(shop)
    headers, body, _ = heard.got[0]
    assert (body, headers["content-type"]) == (b"webhook_id=1", "application/x-www-form-urlencoded")
    assert not [name for name in headers if name.startswith("x-wc")]
    assert shop.control.call("webhooks")[0]["failures"] == 0


def test_the_queue_waits_and_a_second_one_is_scheduled_only_far_from_the_first(clock):
    shop = shop_of(clock, queue_seconds=60)
    subscribed(shop, "order.updated")
    made = shop.control.call("place_order", lines=[BEAN])
    heard = Listener()
    assert heard.run(shop) == 0
    clock.advance(61)
    heard.run(shop)
    assert len(heard.got) == 1
    shop.control.call("queue", seconds=900)
    shop.control.call("status", order=made["id"], status="completed")
    shop.control.call("touch", order=made["id"], webhook=True)
    assert shop.control.call("outgoing")["waiting"] == 2
    shop.control.call("run_queue")
    heard.run(shop)
    assert len(heard.got) == 3


@pytest.mark.parametrize(("manner", "sent"), [("normal", 1), ("twice", 2), ("lost", 0), ("late", 0)])
def test_webhooks_may_come_twice_late_or_never(shop, clock, manner, sent):
    subscribed(shop, "order.created")
    shop.control.call("place_order", lines=[BEAN], webhooks=manner, delay=60)
    heard = Listener()
    heard.run(shop)
    assert len(heard.got) == sent
    clock.advance(61)
    heard.run(shop)
    assert len(heard.got) == (1 if manner == "late" else sent)


def test_deliveries_within_a_second_share_their_id(shop, clock):
    subscribed(shop, "order.created")
    heard = Listener()
    shop.control.call("place_order", lines=[BEAN])
    shop.control.call("place_order", lines=[BEAN])
    heard.run(shop)
    clock.advance(1)
    shop.control.call("place_order", lines=[BEAN])
    heard.run(shop)
    ids = [headers["x-wc-webhook-delivery-id"] for headers, _, _ in heard.got]
    assert (ids[0] == ids[1], ids[1] == ids[2]) == (True, False)


def test_entities_in_a_secret_are_decoded_before_it_signs():
    assert sign("a&amp;b", b"x") == sign("a&b", b"x")


# --- lists ------------------------------------------------------------------------------------------------------------


def test_pages_tell_totals_and_neighbours(shop):
    shop.control.call("place_orders", count=25)
    second = call(shop, "GET", "orders", page=2, status="processing", orderby="id", order="asc")
    assert (second.headers["x-wp-total"], second.headers["x-wp-totalpages"], len(second.json())) == ("25", "3", 10)
    links = {link["rel"]: url for url, link in ((u, v) for u, v in _links(second).items())}
    assert "page=3" in links["next"]
    assert "page=1" in links["prev"]
    assert "status=processing" in links["next"]
    assert call(shop, "GET", "orders", page=9).json() == []
    assert call(shop, "GET", "orders").headers["x-wp-total"] == "25"


def _links(answer: Any) -> dict[str, dict[str, str]]:
    found = {}
    for part in answer.headers["link"].split(", "):
        url, _, rel = part.partition(">; rel=")
        found[url.removeprefix("<")] = {"rel": rel.strip('"')}
    return found


@pytest.mark.parametrize(
    ("params", "name", "code"),
    [({"per_page": 101}, "per_page", "rest_out_of_bounds"), ({"per_page": "x"}, "per_page", "rest_invalid_type"),
     ({"orderby": "modified"}, "orderby", "rest_not_in_enum"), ({"status": "paid"}, "status[0]", "rest_not_in_enum"),
     ({"modified_after": "soon"}, "modified_after", "rest_invalid_date")],
)  # fmt: skip
def test_wrong_parameters_are_named(shop, params, name, code):
    no = call(shop, "GET", "orders", **params)
    assert (no.status_code, no.json()["code"]) == (400, "rest_invalid_param")
    assert no.json()["data"]["details"][name]["code"] == code


def test_modified_after_leaves_the_instant_itself_out_and_reads_site_time_unless_told(clock, shop):
    made = shop.control.call("place_order", lines=[BEAN])  # 09:00:00 UTC, 10:00:00 in London

    def found(**params: Any) -> int:
        return len(call(shop, "GET", "orders", **params).json())

    assert found(modified_after="2026-06-01T08:59:59", dates_are_gmt="true") == 1
    assert found(modified_after="2026-06-01T09:00:00", dates_are_gmt="true") == 0
    assert found(modified_after="2026-06-01T09:59:59") == 1
    assert found(modified_after="2026-06-01T10:00:00") == 0
    # A value that names its zone is turned into the site's time first, and is then off against the column in UTC.
    assert found(modified_after="2026-06-01T08:30:00Z", dates_are_gmt="true") == 0
    clock.advance(60)
    shop.control.call("touch", order=made["id"])
    assert found(modified_after="2026-06-01T09:00:59", dates_are_gmt="true") == 1
    assert found(after="2026-06-01T09:00:30", dates_are_gmt="true") == 0


def test_lists_filter_by_status_ids_and_customer(shop):
    one, two = (shop.control.call("place_order", lines=[BEAN])["id"] for _ in range(2))
    pending = shop.control.call("place_order", lines=[BEAN], paid=False)["id"]
    assert [o["id"] for o in call(shop, "GET", "orders", status="pending,failed").json()] == [pending]
    assert [o["id"] for o in call(shop, "GET", "orders", include=f"{one},{two}", order="asc").json()] == [one, two]
    assert pending not in [o["id"] for o in call(shop, "GET", "orders", exclude=pending).json()]


def test_what_is_new_can_be_found_late(shop, clock):
    shop.env.faults.add("lagging_search", path="POST *orders", seconds=30)
    made = call(shop, "POST", "orders", {"status": "processing"}).json()
    assert call(shop, "GET", "orders").json() == []
    assert order_of(shop, made["id"])["id"] == made["id"]
    clock.advance(31)
    assert len(call(shop, "GET", "orders").json()) == 1


# --- writing ----------------------------------------------------------------------------------------------------------


def test_a_create_that_is_sent_twice_makes_two_orders(shop):
    for _ in range(2):
        call(shop, "POST", "orders", {"status": "processing", "meta_data": [{"key": "_ext", "value": "1"}]})
    assert call(shop, "GET", "orders").headers["x-wp-total"] == "2"


def test_a_batch_fails_in_part_and_takes_a_hundred(shop):
    made = shop.control.call("place_order", lines=[BEAN])["id"]
    told = call(shop, "POST", "orders/batch", {
        "create": [{"currency": "ZZZ"}, {"status": "pending"}], "update": [{"id": made, "status": "completed"},
                   {"id": 999, "status": "completed"}], "delete": [made]}).json()  # fmt: skip
    assert [row.get("error", {}).get("code") for row in told["create"]] == ["rest_invalid_param", None]
    assert [row.get("status") for row in told["update"]] == ["completed", None]
    assert told["update"][1] == {"id": 999, "error": {"code": "woocommerce_rest_shop_order_invalid_id",
                                                      "message": "Invalid ID.", "data": {"status": 400}}}  # fmt: skip
    assert call(shop, "GET", f"orders/{made}").status_code == 404
    assert call(shop, "POST", "orders/batch", {"delete": list(range(101))}).status_code == 413


def test_part_of_a_batch_can_be_made_to_fail(shop):
    shop.env.faults.add("batch_partial", path="POST *batch", skip=1, times=1)
    told = call(shop, "POST", "orders/batch", {"create": [{}, {}, {}]}).json()
    assert ["error" in row for row in told["create"]] == [False, True, False]
    assert call(shop, "GET", "orders").headers["x-wp-total"] == "2"


def test_a_cancelled_order_gives_its_stock_back(shop):
    shop.control.call("product", name="Beans", sku="B", regular_price="9.99", manage_stock=True, stock_quantity=10)
    made = shop.control.call("place_order", lines=[BEAN])["id"]
    assert call(shop, "GET", "products", sku="B").json()[0]["stock_quantity"] == 7
    shop.control.call("status", order=made, status="cancelled")
    assert call(shop, "GET", "products", sku="B").json()[0]["stock_quantity"] == 10


@pytest.mark.parametrize("virtual", [True, False])
def test_paid_is_a_date_and_no_status(shop, virtual):
    made = shop.control.call("place_order", lines=[{"name": "E-book", "price": "5", "virtual": virtual}], paid=False)
    assert order_of(shop, made["id"])["date_paid_gmt"] is None
    shop.control.call("pay", order=made["id"])
    order = order_of(shop, made["id"])
    assert order["date_paid_gmt"] == "2026-06-01T09:00:00"
    assert order["status"] == ("completed" if virtual else "processing")


def test_numbers_of_a_plugin_are_no_ids(shop):
    made = shop.control.call("place_order", lines=[BEAN], number="INV-2026-7")
    assert order_of(shop, made["id"])["number"] == "INV-2026-7"
    assert shop.control.call("refund", order="INV-2026-7", amount="1.00")["id"] == made["id"]


# --- keys, errors, faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code", "words"),
    [({}, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
     (basic("ck_other"), "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
     (basic(secret="cs_other"), "woocommerce_rest_authentication_error", "Consumer secret is invalid.")],
)  # fmt: skip
def test_wrong_keys(shop, headers, code, words):
    no = call(shop, "GET", "orders", headers=headers)
    assert (no.status_code, no.json()) == (401, {"code": code, "message": words, "data": {"status": 401}})


def test_keys_in_the_query_and_keys_that_may_only_read(shop):
    row = shop.control.call("key", permissions="read")
    told = {"consumer_key": row["key"], "consumer_secret": row["secret"]}
    assert call(shop, "GET", "orders", headers={}, **told).status_code == 200
    no = call(shop, "POST", "orders", {}, headers={}, **told)
    assert no.json()["message"] == "The API key provided does not have write permissions."
    shop.control.call("revoke_key", key=row["key"])
    assert call(shop, "GET", "orders", headers={}, **told).status_code == 401


def test_unknown_routes_and_broken_bodies(shop):
    assert call(shop, "GET", "nothing").json()["code"] == "rest_no_route"
    assert call(shop, "GET", "/hello").headers["content-type"].startswith("text/html")
    assert call(shop, "POST", "orders/999/refunds", {"amount": "1"}).status_code == 500
    assert call(shop, "GET", "orders/999/refunds").json() == []


def test_a_firewall_answers_html_even_with_200(shop):
    shop.env.faults.add("error_before", path="GET *", status=200, times=1)
    shop.env.faults.add("rate_limited", path="GET *", times=1, skip=1, retry_after=7)
    first, second = call(shop, "GET", "orders"), call(shop, "GET", "orders")
    assert (first.status_code, first.text[:15]) == (200, "<!DOCTYPE html>")
    assert (second.status_code, second.headers["retry-after"]) == (429, "7")


def test_an_answer_can_be_lost_after_the_commit(shop):
    shop.env.faults.add("answer_lost", path="POST *orders", times=1)
    with pytest.raises(ConnectionCut):
        call(shop, "POST", "orders", {"status": "processing"})
    assert call(shop, "GET", "orders").headers["x-wp-total"] == "1"


def test_the_hand_over_of_keys_posts_them_unsigned_and_sends_the_browser_back(shop):
    asked = {"app_name": "Leja", "scope": "read_write", "user_id": "t0k3n", "return_url": "https://leja.test/back",
             "callback_url": "https://leja.test/keys"}  # fmt: skip
    back = call(shop, "GET", "/wc-auth/v1/authorize", **asked)
    assert back.headers["location"] == "https://leja.test/back?success=1&user_id=t0k3n"
    heard = Listener()
    heard.run(shop)
    told = json.loads(heard.got[0][1])
    assert (told["user_id"], told["key_permissions"]) == ("t0k3n", "read_write")
    assert call(shop, "GET", "orders", headers=basic(told["consumer_key"], told["consumer_secret"])).status_code == 200
    assert call(shop, "GET", "/wc-auth/v1/authorize", **{**asked, "callback_url": "http://leja.test"}).status_code == 401


def test_the_shop_says_what_it_is(shop):
    assert call(shop, "GET", "/wp-json/", headers={}).json()["timezone_string"] == "Europe/London"
    assert call(shop, "GET", "system_status").json()["environment"]["version"] == "11.0.1"
    told = {row["id"]: row["value"] for row in call(shop, "GET", "settings/tax").json()}
    assert told["woocommerce_tax_round_at_subtotal"] == "no"


# --- the owner's report -----------------------------------------------------------------------------------------------


def test_the_report_goes_by_the_shops_own_days_and_leaves_out_what_is_gone(clock, shop):
    late = shop.control.call("place_order", lines=[BEAN], at="2026-05-31T23:30:00+00:00")  # already June in London
    shop.control.call("place_order", lines=[BEAN], paid=False)
    gone = shop.control.call("place_order", lines=[BEAN])
    shop.control.call("delete", order=gone["id"])
    shop.control.call("refund", order=late["id"], amount="5.00")
    report = shop.control.call("report")
    assert report == {"counts": {"orders": 1, "refunds": 1}, "sums": {"orders": {"GBP": 3596}, "refunds": {"GBP": 500}},
                      "days": {"2026-06-01": {"orders": {"GBP": 3596}, "tax": {"GBP": 599}, "refunds": {"GBP": 500}}}}  # fmt: skip


def test_equal_seeds_make_equal_shops(clock):
    reports = []
    for _ in range(2):
        shop = shop_of(clock)
        shop.control.call("place_orders", count=20, days=10)
        reports.append(shop.control.call("report"))
    assert reports[0] == reports[1]
