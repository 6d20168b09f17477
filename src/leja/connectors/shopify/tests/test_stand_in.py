"""The stand-in of Shopify: its money, searches, limits, tokens, faults and webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from leja.connectors.shopify.stand_in import STAND_IN
from leja.connectors.shopify.tests.stand_in_shop import GRAPHQL, VAT, call, query, rich
from leja_sandbox.kit import Environment, SimulatedClock, StandIn, environment

ALL_TOPICS = ("orders/create", "orders/paid", "orders/updated", "orders/edited", "orders/cancelled", "orders/fulfilled",
              "orders/delete", "refunds/create", "order_transactions/create")  # fmt: skip
BACK = "/admin/oauth/authorize?client_id=sandbox-client&scope=read_orders&state=s&redirect_uri=https://leja.test/back"


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 6, 1, 9, tzinfo=UTC))


@pytest.fixture
def env(clock: SimulatedClock) -> Environment:
    return environment(clock=clock)


@pytest.fixture
def shop(env: Environment) -> StandIn:
    return STAND_IN.build(env)


# --- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "price", "total"), [("GBP", "3.33", "11.99"), ("JPY", "333", "1199"), ("TND", "3.333", "11.999")]
)
@pytest.mark.parametrize("included", [True, False])
def test_totals_add_up_in_every_exponent(shop, currency, price, total, included):
    made = shop.control.call(
        "place_order", currency=currency, taxes_included=included,
        lines=[{"title": "A", "price": price, "quantity": 3, "taxes": VAT}],
    )  # fmt: skip
    order = call(shop, "GET", f"/admin/api/2026-07/orders/{made['id']}.json").json()["order"]
    assert order["total_price"] == (total if not included else order["total_line_items_price"])
    assert sum(int(line["price"].replace(".", "")) for line in order["tax_lines"]) > 0
    assert made["outstanding"].strip("0.") == ""


def test_refunding_piece_by_piece_comes_to_the_whole(shop):
    made = shop.control.call(
        "place_order", lines=[{"title": "A", "price": "3.33", "quantity": 3, "taxes": VAT, "discount": "1.00"},
                              {"kind": "shipping", "title": "S", "price": "2.99", "taxes": VAT}],
    )  # fmt: skip
    for _ in range(3):
        shop.control.call("refund", order=made["id"], lines=[{"line": 0, "quantity": 1}])
    last = shop.control.call("refund", order=made["id"], shipping=True, lines=[])
    assert (last["current_total"], last["outstanding"], last["financial_status"]) == ("0.00", "0.00", "refunded")
    with pytest.raises(ValueError, match="0 left"):
        shop.control.call("refund", order=made["id"], lines=[{"line": 0, "quantity": 1}])


def test_more_than_was_received_is_not_refunded_and_nothing_remains_of_the_attempt(shop):
    made = shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}])
    with pytest.raises(ValueError, match="cannot be refunded"):
        shop.control.call("refund", order=made["id"], lines=[], amount="3.01")
    assert call(shop, "GET", f"/admin/api/2026-07/orders/{made['id']}.json").json()["order"]["refunds"] == []


def test_payments_go_through_their_states(shop):
    place, lines = shop.control.call, [{"title": "A", "price": "10.00"}]
    held = place("place_order", lines=lines, payment="authorized")
    assert held["financial_status"] == "authorized"
    assert place("capture", order=held["id"], amount="4.00")["financial_status"] == "partially_paid"
    assert place("capture", order=held["id"])["financial_status"] == "paid"
    waiting = place("place_order", lines=lines, payment="pending")
    assert waiting["financial_status"] == "pending"
    assert place("capture", order=waiting["id"])["financial_status"] == "paid"
    mixed = place(
        "place_order",
        lines=lines,
        payment=[{"gateway": "gift_card", "amount": "3.00"}, {"gateway": "cash", "amount": "7.00"}],
    )
    assert mixed["financial_status"] == "paid"
    gone = place("place_order", lines=lines, payment="authorized")
    assert place("cancel", order=gone["id"])["financial_status"] == "voided"


def test_a_payout_is_the_sum_of_its_lines(shop):
    made = shop.control.call("place_order", lines=[{"title": "A", "price": "100.00"}])
    shop.control.call("refund", order=made["id"], amount="20.00", lines=[])
    paid = shop.control.call(
        "payout", day="2026-06-02", lines=[{"kind": "ADJUSTMENT", "amount": "-1.50", "fee": "0.10"}]
    )
    text = """query($q: String) { shopifyPaymentsAccount {
      payouts(first: 5) { nodes { id net { amount } summary { chargesGross { amount } chargesFee { amount }
        refundsFeeGross { amount } adjustmentsGross { amount } adjustmentsFee { amount } } } }
      balanceTransactions(first: 50, query: $q) { nodes { type amount { amount } fee { amount }
        net { amount } } } } }"""
    account = query(shop, text, q=f"payments_transfer_id:{paid['id']}")["data"]["shopifyPaymentsAccount"]
    rows = account["balanceTransactions"]["nodes"]
    cents = [round(float(row["net"]["amount"]) * 100) for row in rows if row["type"] != "TRANSFER"]
    assert sum(cents) == round(float(account["payouts"]["nodes"][0]["net"]["amount"]) * 100) == 7520
    assert [row["type"] for row in rows] == ["CHARGE", "REFUND", "ADJUSTMENT", "TRANSFER"] or len(rows) == 4
    assert account["payouts"]["nodes"][0]["summary"]["refundsFeeGross"]["amount"] == "-20.0"
    with pytest.raises(ValueError, match="nothing is open"):
        shop.control.call("payout")


def test_the_report_counts_and_sums_per_day(shop):
    first = shop.control.call(
        "place_order", lines=[{"title": "A", "price": "3.00"}], processed_at="2010-12-01T08:26:00+00:00"
    )
    shop.control.call("place_order", lines=[{"title": "A", "price": "4.00"}], processed_at="2010-12-02T00:10:00+00:00")
    shop.control.call("refund", order=first["id"], processed_at="2010-12-03T10:00:00+00:00")
    report = shop.control.call("report")
    assert report["sums"] == {"orders": {"GBP": 700}, "refunds": {"GBP": 300}}
    assert report["days"]["2010-12-01"] == {"orders": 1, "refunds": 0, "order_sums": {"GBP": 300}, "refund_sums": {}}
    assert report["days"]["2010-12-03"]["refund_sums"] == {"GBP": 300}


# --- searching and limits -------------------------------------------------------------------------------------------


def _names(answer: dict[str, Any]) -> list[str]:
    return [node["name"] for node in answer["data"]["orders"]["nodes"]]


def test_the_poll_finds_what_changed_since_and_pages_without_loss(shop, clock):
    for _ in range(7):
        shop.control.call("place_order", lines=[{"title": "A", "price": "1.00"}])
        clock.advance(10)
    shop.control.call("touch", order="#1001")
    text = """query($q: String, $a: String) { orders(first: 3, after: $a, query: $q, sortKey: UPDATED_AT) {
      nodes { name } pageInfo { hasNextPage endCursor } } }"""
    found, after = [], None
    while True:
        answer = query(shop, text, q="updated_at:>='2026-06-01T09:00:20Z'", a=after)
        found += _names(answer)
        if not answer["data"]["orders"]["pageInfo"]["hasNextPage"]:
            break
        after = answer["data"]["orders"]["pageInfo"]["endCursor"]
    assert found == ["#1003", "#1004", "#1005", "#1006", "#1007", "#1001"]


@pytest.mark.parametrize(
    ("search", "names"),
    [("financial_status:pending", ["#1002"]), ("-financial_status:pending", ["#1001"]), ("name:#1001", ["#1001"]),
     ("status:closed OR financial_status:pending", ["#1001", "#1002"]), ("test:true", []),
     ("created_at:<2026-05-01 (status:open OR status:closed)", []), ("nonsense:1", ["#1001", "#1002"])],
)  # fmt: skip
def test_search_words_are_understood_as_the_vendor_does(shop, search, names):
    shop.control.call("place_order", lines=[{"title": "A", "price": "1.00"}])
    shop.control.call("place_order", lines=[{"title": "A", "price": "1.00"}], payment="pending")
    answer = query(shop, "query($q: String) { orders(first: 9, query: $q, sortKey: ID) { nodes { name } } }", q=search)
    assert _names(answer) == names
    assert ("search" in answer["extensions"]) == ("nonsense" in search)


def test_without_read_all_orders_sixty_days_are_all_that_is_seen(clock):
    scopes = "read_orders"
    shop = STAND_IN.build(environment(clock=clock, settings={"scopes": scopes}))
    old = shop.control.call("place_order", lines=[{"title": "A", "price": "1.00"}], created_at="2026-03-01T00:00:00Z")
    new = shop.control.call("place_order", lines=[{"title": "A", "price": "1.00"}])
    answer = query(
        shop,
        "query($i: ID!) { orders(first: 9) { nodes { name } } order(id: $i) { id } }",
        i=f"gid://shopify/Order/{old['id']}",
    )
    assert _names(answer) == [new["name"]]
    assert answer["data"]["order"] is None
    assert call(shop, "GET", f"/admin/api/2026-07/orders/{old['id']}.json").status_code == 404
    refused = query(shop, "{ shopifyPaymentsAccount { id } }")
    assert refused["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert refused["data"] == {"shopifyPaymentsAccount": None}


def test_points_are_spent_and_come_back_with_time(clock):
    shop = STAND_IN.build(environment(clock=clock, settings={"points_per_second": 1, "cost_factor": 0.1}))
    shop.control.call("place_orders", orders=[{"lines": [{"title": "A", "price": "1.00"}]} for _ in range(20)])
    text = "{ orders(first: 200) { nodes { name } } }"
    first = query(shop, text)
    assert first["extensions"]["cost"]["throttleStatus"]["maximumAvailable"] == 20
    throttled = query(shop, text)
    assert throttled["errors"][0]["message"] == "Throttled"
    assert throttled["extensions"]["cost"]["actualQueryCost"] is None
    assert "data" not in throttled
    clock.advance(20)
    assert "errors" not in query(shop, text)


def test_rest_calls_leak_from_a_bucket(shop, clock):
    statuses = [call(shop, "GET", "/admin/api/2026-07/shop.json").status_code for _ in range(41)]
    assert statuses == [200] * 40 + [429]
    clock.advance(1)
    assert call(shop, "GET", "/admin/api/2026-07/shop.json").headers["x-shopify-shop-api-call-limit"] == "39/40"


def test_pages_over_250_and_unknown_fields_are_refused(shop):
    assert "errors" in query(shop, "{ orders(first: 251) { nodes { name } } }")
    assert "errors" in query(shop, "{ orders { nodes { name } } }")
    assert (
        query(shop, "{ orders(first: 1) { nodes { nothing } } }")["errors"][0]["extensions"]["code"] == "undefinedField"
    )
    assert call(shop, "POST", GRAPHQL, {"nothing": 1}).status_code == 400


def test_a_bulk_operation_gives_lines_with_their_parents(shop):
    rich(shop)
    shop.control.call("place_order", lines=[{"title": "A", "price": "1.00"}])
    text = ("mutation($q: String!) { bulkOperationRunQuery(query: $q)"
            " { bulkOperation { id status } userErrors { message } } }")  # fmt: skip
    started = query(shop, text, q="{ orders { edges { node { id name lineItems { edges { node { id title } } } } } } }")
    id_ = started["data"]["bulkOperationRunQuery"]["bulkOperation"]["id"]
    done = query(shop, "query($i: ID!) { bulkOperation(id: $i) { status url objectCount rootObjectCount } }", i=id_)[
        "data"
    ]["bulkOperation"]
    lines = [json.loads(line) for line in call(shop, "GET", urlsplit(done["url"]).path, headers={}).text.splitlines()]
    assert (done["status"], done["objectCount"], done["rootObjectCount"]) == ("COMPLETED", str(len(lines)), "2")
    orders = {line["id"] for line in lines if "name" in line}
    assert {line["__parentId"] for line in lines if "title" in line} == orders


# --- being let in ---------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_401_everywhere(shop):
    for method, path in (("POST", GRAPHQL), ("GET", "/admin/api/2026-07/orders.json")):
        answer = call(shop, method, path, {"query": "{ shop { id } }"}, headers={"X-Shopify-Access-Token": "wrong"})
        assert answer.status_code == 401
        assert "Invalid API key or access token" in answer.json()["errors"]


def _exchange(shop: StandIn, **more: str) -> httpx2.Response:
    body = {"client_id": "sandbox-client", "client_secret": "shpss_sandbox", **more}
    return call(shop, "POST", "/admin/oauth/access_token", body, headers={})


def test_oauth_gives_expiring_tokens_with_rotation_and_grace(shop, clock):
    back = call(shop, "GET", "/admin/oauth/authorize?client_id=sandbox-client&scope=read_orders&state=s"
                "&redirect_uri=https://leja.test/back", headers={})  # fmt: skip
    code = dict(parse_qsl(urlsplit(back.headers["location"]).query))["code"]
    granted = _exchange(shop, code=code, expiring="1").json()
    assert (granted["expires_in"], granted["scope"]) == (3600, "read_orders")
    assert _exchange(shop, code=code).status_code == 400, "a code works once"
    head = {"X-Shopify-Access-Token": granted["access_token"]}
    assert call(shop, "POST", GRAPHQL, {"query": "{ shop { id } }"}, headers=head).status_code == 200
    clock.advance(3601)
    assert call(shop, "POST", GRAPHQL, {"query": "{ shop { id } }"}, headers=head).status_code == 401
    once = _exchange(shop, grant_type="refresh_token", refresh_token=granted["refresh_token"]).json()
    again = _exchange(shop, grant_type="refresh_token", refresh_token=granted["refresh_token"]).json()
    assert once["access_token"] != again["access_token"]
    assert _exchange(shop, grant_type="refresh_token", refresh_token=again["refresh_token"]).status_code == 200
    assert _exchange(shop, grant_type="refresh_token", refresh_token=granted["refresh_token"]).status_code == 400
    assert _exchange(shop, client_secret="wrong", code=code).status_code == 401


def test_a_token_that_a_fault_expired_stays_expired(shop):
    shop.env.faults.add("token_expired", path="POST *graphql*", times=1)
    assert [call(shop, "POST", GRAPHQL, {"query": "{ shop { id } }"}).status_code for _ in range(2)] == [401, 401]
    assert shop.env.faults.played == {"token_expired": 1}


@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("error_before", 503), ("error_after", 500)])
def test_faults_are_worded_as_the_vendor_words_them(shop, kind, status):
    shop.env.faults.add(kind, times=1, retry_after=2)
    answer = call(shop, "GET", "/admin/api/2026-07/shop.json")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "2.0")
    assert "errors" in answer.json()


# --- webhooks -------------------------------------------------------------------------------------------------------


def subscribe(shop: StandIn, *topics: str, uri: str = "https://leja.test/in") -> None:
    text = """mutation($t: WebhookSubscriptionTopic!, $u: String!) {
      webhookSubscriptionCreate(topic: $t, webhookSubscription: {uri: $u}) { userErrors { message } } }"""
    for topic in topics:
        answer = query(shop, text, t=topic.replace("/", "_").upper(), u=uri)
        assert answer["data"]["webhookSubscriptionCreate"]["userErrors"] == []
        shop.env.clock.advance(5)


def test_every_topic_is_told_with_its_headers_and_signature(shop):
    subscribe(shop, *ALL_TOPICS)
    made = shop.control.call("place_order", lines=[{"title": "A", "price": "3.00", "quantity": 2}])
    shop.control.call("refund", order=made["id"], lines=[{"line": 0, "quantity": 1}])
    shop.control.call("edit_order", order=made["id"], add=[{"title": "B", "price": "1.00"}])
    shop.control.call("cancel", order=made["id"])
    shop.control.call("delete", order=made["id"])
    sent = shop.outgoing()
    assert {row.topic for row in sent} == set(ALL_TOPICS)
    assert len({row.headers["X-Shopify-Webhook-Id"] for row in sent}) == len(sent)
    for row in sent:
        digest = hmac.new(b"shpss_sandbox", row.body, hashlib.sha256).digest()
        assert row.headers["X-Shopify-Hmac-Sha256"] == base64.b64encode(digest).decode()
        assert row.headers["X-Shopify-Topic"] == row.topic
        assert row.headers["X-Shopify-Shop-Domain"] == "leja-sandbox.myshopify.com"
    assert json.loads(sent[-1].body) == {"id": made["id"]}


def test_a_stale_webhook_carries_the_old_state_under_the_same_id(shop, clock):
    subscribe(shop, "orders/create", "orders/updated")
    made = shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}], webhooks="stale", delay=60)
    clock.advance(1)
    shop.control.call("refund", order=made["id"])
    create, again, update = sorted(shop.outgoing(), key=lambda row: row.id)
    assert (create.body, create.headers) == (again.body, again.headers)
    assert again.due > update.due, "the old state arrives after the new one"
    assert json.loads(update.body)["updated_at"] > json.loads(again.body)["updated_at"]


def test_out_of_order_twice_and_lost_are_chosen_per_order(shop):
    subscribe(shop, "orders/create", "orders/updated")
    late = shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}], webhooks="late", delay=30)
    shop.control.call("touch", order=late["id"])
    assert [row.topic for row in shop.webhooks.due()] == ["orders/updated"]
    shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}], webhooks="twice")
    shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}], webhooks="lost")
    assert shop.webhooks.counts() == {"due": 4, "done": 0, "lost": 1, "given_up": 0, "waiting": 1}


def test_a_subscription_dies_after_eight_failed_retries(clock):
    shop = STAND_IN.build(environment(clock=clock, settings={"webhook_compress": 1.0}))
    subscribe(shop, "orders/create", uri="http://127.0.0.1:9/x")
    with pytest.raises(AssertionError, match="already been taken"):
        subscribe(shop, "orders/create", uri="http://127.0.0.1:9/x")
    shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}])
    for _ in range(9):
        assert len(shop.control.call("subscriptions")) == 1
        asyncio.run(shop.webhooks.send_due())
        clock.advance(6001)
    assert shop.control.call("subscriptions") == []
    assert shop.outgoing()[0].tries == 9


def test_deleted_subscriptions_hear_nothing(shop):
    subscribe(shop, "orders/create")
    id_ = query(shop, "{ webhookSubscriptions(first: 5) { nodes { id topic uri } } }")["data"]["webhookSubscriptions"][
        "nodes"
    ][0]["id"]
    text = ("mutation($i: ID!) { webhookSubscriptionDelete(id: $i)"
            " { deletedWebhookSubscriptionId userErrors { message } } }")  # fmt: skip
    assert query(shop, text, i=id_)["data"]["webhookSubscriptionDelete"]["deletedWebhookSubscriptionId"] == id_
    assert query(shop, text, i=id_)["data"]["webhookSubscriptionDelete"]["userErrors"] != []
    shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}])
    assert shop.outgoing() == []


def test_a_lagging_search_hides_a_new_order_from_the_poll_but_not_from_its_id(shop, clock):
    shop.env.faults.add("lagging_search", path="SHOP orders", times=1, seconds=30)
    made = shop.control.call("place_order", lines=[{"title": "A", "price": "3.00"}])
    text = "query($i: ID!) { orders(first: 5) { nodes { name } } order(id: $i) { name } }"
    first = query(shop, text, i=f"gid://shopify/Order/{made['id']}")
    assert (_names(first), first["data"]["order"]["name"]) == ([], made["name"])
    clock.advance(31)
    assert _names(query(shop, text, i=f"gid://shopify/Order/{made['id']}")) == [made["name"]]


def test_a_thousand_orders_are_placed_at_once(shop):
    shop.control.call(
        "place_orders", orders=[{"lines": [{"title": "A", "price": "1.25", "quantity": 2}]} for _ in range(1000)]
    )
    assert shop.control.call("report")["sums"]["orders"] == {"GBP": 250_000}
