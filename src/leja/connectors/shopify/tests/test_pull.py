"""Poll, backfill, fetch, plan, ids, subscribe: pages, cursors, caps, throttling, what is asked again and what not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leja.connectors.contract import Page, RawEvent, Wanted
from leja.connectors.shopify import source, sweep
from leja.connectors.shopify.tests.shop import NOW, Clock, Shop, bag, connection, line, order, run, session
from leja.connectors.shopify.webhook import TOPICS
from leja.core.errors import LejaError, NeedsConsent, NeedsReview, OutcomeUnknown, Refused, Transient

HOUR = "2026-05-01T10:{:02d}:00Z"


def swept(shop: Shop, cursor: str | None = None, **settings: Any) -> tuple[list[RawEvent], str]:
    """Polls until nothing more follows."""

    async def go() -> tuple[list[RawEvent], str]:
        opened = session(shop, Clock(), **settings)
        events: list[RawEvent] = []
        at = cursor
        for _ in range(500):
            page: Page = await source.poll(opened, at)
            events += page.events
            at = page.cursor
            if not page.more:
                return events, at
        raise AssertionError("the poll does not end")

    result: tuple[list[RawEvent], str] = run(go)
    return result


def numbers(events: list[RawEvent]) -> list[str]:
    return [json.loads(event.body)["id"].rpartition("/")[2] for event in events if event.topic == "graphql/order"]


def test_a_poll_goes_through_all_pages_and_then_overlaps() -> None:
    shop = Shop([order(i, HOUR.format(i)) for i in range(60)])
    events, cursor = swept(shop)
    assert sorted(numbers(events), key=int) == [str(i) for i in range(60)]
    assert len({event.key for event in events}) == 60
    again, _ = swept(shop, cursor)
    assert sorted(numbers(again), key=int) == [str(i) for i in range(49, 60)]
    assert {event.key for event in again} <= {event.key for event in events}


def test_an_order_committed_late_is_found_by_the_next_poll() -> None:
    shop = Shop([order(1, HOUR.format(30))])
    _, cursor = swept(shop)
    shop.orders.append(order(2, HOUR.format(25)))
    assert "2" in numbers(swept(shop, cursor)[0])


def test_a_changed_order_is_another_event() -> None:
    shop = Shop([order(1, HOUR.format(1))])
    events, cursor = swept(shop)
    shop.orders[0]["updatedAt"] = HOUR.format(9)
    later, _ = swept(shop, cursor)
    assert [event.key for event in later] != [event.key for event in events]


def test_an_empty_poll_keeps_its_place() -> None:
    shop = Shop([order(1, HOUR.format(30))])
    _, cursor = swept(shop)
    _, second = swept(shop, cursor)
    _, third = swept(shop, second)
    assert json.loads(third)["since"] == json.loads(second)["since"] == "2026-05-01T10:20:00Z"


def test_a_poll_starts_at_a_plain_instant() -> None:
    shop = Shop([order(i, HOUR.format(i)) for i in range(30)])
    assert numbers(swept(shop, "2026-05-01T13:20:00+03:00")[0]) == [str(i) for i in range(20, 30)]


def test_short_and_empty_pages_end_nothing() -> None:
    shop = Shop([order(i, HOUR.format(i)) for i in range(12)])
    shop.page = 1
    assert len(numbers(swept(shop)[0])) == 12


def test_a_window_is_begun_anew_before_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "WINDOW_MOST", 50)
    shop = Shop([order(i, (datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=i)).strftime("%Y-%m-%dT%H:%M:%SZ"))
                 for i in range(180)])
    events, _ = swept(shop)
    assert {event.key for event in events} == {
        f"order/{i}/{(datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=i)):%Y-%m-%dT%H:%M:%S.%fZ}/1"
        for i in range(180)
    }
    assert max(int(given["after"] or 0) for name, given in shop.asked if name == "Orders") < 80


def test_more_orders_in_one_second_than_the_cap_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "WINDOW_MOST", 50)
    shop = Shop([order(i, HOUR.format(1)) for i in range(180)])
    with pytest.raises(NeedsReview) as caught:
        swept(shop)
    assert caught.value.code == "shopify-window"


def test_pages_shrink_when_a_question_is_too_dear() -> None:
    shop = Shop([order(i, HOUR.format(i)) for i in range(12)])
    shop.most_orders = 4
    assert len(numbers(swept(shop)[0])) == 12


def test_nested_pages_are_joined() -> None:
    first = order(1, HOUR.format(1), lines=1, total="30.00")
    first["lineItems"] = connection([line(1)], "a")
    shop = Shop([first])
    (event,) = swept(shop)[0]
    assert [node["sku"] for node in json.loads(event.body)["lineItems"]["nodes"]] == ["S1", "S2", "S3"]
    opened = session(shop, Clock())
    decoded = source.decode(event, opened.context)
    assert decoded.ties
    assert len(decoded.documents[0].lines) == 3  # type: ignore[union-attr]


def test_an_order_with_many_movements_is_asked_for_whole() -> None:
    move = {"id": "gid://shopify/OrderTransaction/1", "kind": "VOID", "status": "SUCCESS", "gateway": "x",
            "processedAt": None, "createdAt": None, "paymentId": None, "amountSet": bag("1.0"),
            "amountRoundingSet": None}
    shop = Shop([order(1, HOUR.format(1), transactions=[move] * 20)])
    swept(shop)
    assert ("OneOrder", {"id": "gid://shopify/Order/1", "many": 250}) in shop.asked


THROTTLED = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
             "extensions": {"cost": {"requestedQueryCost": 500, "actualQueryCost": None,
                                     "throttleStatus": {"maximumAvailable": 1000, "currentlyAvailable": 100,
                                                        "restoreRate": 50}}}}
INTERNAL = {"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}], "data": {}}


def test_throttling_is_waited_out_as_long_as_the_budget_needs() -> None:
    shop, clock = Shop([order(1, HOUR.format(1))]), Clock()
    shop.faults = [THROTTLED]
    page = run(lambda: source.poll(session(shop, clock), None))
    assert len(page.events) == 1
    assert clock.slept[0] == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}, NeedsConsent, "shopify-scope"),
        ({"errors": [{"message": "bad field"}], "data": {"orders": {"nodes": []}}}, Refused, "shopify-query"),
        (403, Refused, "shopify-closed"), (401, NeedsConsent, "http-unauthorised"),
    ],
)
def test_errors_are_sorted_by_remedy(fault: Any, error: type[LejaError], code: str) -> None:
    shop = Shop()
    shop.faults = [fault, fault]
    with pytest.raises(error) as caught:
        swept(shop)
    assert caught.value.code == code


@pytest.mark.parametrize("fault", [INTERNAL, 500, 502, {}, {"data": None}])
def test_a_question_is_asked_again_after_a_fault(fault: Any) -> None:
    shop = Shop([order(1, HOUR.format(1))])
    shop.faults = [fault]
    assert len(swept(shop)[0]) == 1


def test_a_page_that_says_more_but_not_where_loses_nothing() -> None:
    shop = Shop([order(1, HOUR.format(1))])
    broken = {"data": {"orders": {"pageInfo": {"hasNextPage": True, "endCursor": None}, "nodes": []}}}
    shop.faults = [broken]
    with pytest.raises(Transient):
        swept(shop)


def test_a_cursor_of_somebody_else_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        swept(Shop(), '{"since": 5}')
    assert caught.value.code == "shopify-cursor"


def payout(number: int, status: str) -> dict[str, Any]:
    return {"id": f"gid://shopify/ShopifyPaymentsPayout/{number}", "legacyResourceId": str(number),
            "issuedAt": "2026-05-20T00:00:00Z", "status": status, "transactionType": "DEPOSIT",
            "net": {"amount": "30.0", "currencyCode": "KES"}}


def payout_line(number: int, of: int) -> dict[str, Any]:
    amount = {"amount": "10.0", "currencyCode": "KES"}
    return {"id": f"gid://shopify/ShopifyPaymentsBalanceTransaction/{number}", "type": "CHARGE", "test": False,
            "transactionDate": "2026-05-19T00:00:00Z", "sourceOrderTransactionId": None, "adjustmentReason": None,
            "amount": amount, "fee": {"amount": "0.0", "currencyCode": "KES"}, "net": amount, "associatedOrder": None,
            "associatedPayout": {"id": f"gid://shopify/ShopifyPaymentsPayout/{of}"}}


def test_payouts_come_with_all_their_lines_once_per_state() -> None:
    shop = Shop()
    shop.payouts = [payout(1, "IN_TRANSIT"), payout(2, "SCHEDULED")]
    shop.payout_lines = [payout_line(1, 1), payout_line(2, 1), payout_line(3, 9), payout_line(4, 1)]
    events, cursor = swept(shop)
    assert [event.key for event in events] == ["payout/1/IN_TRANSIT"]
    decoded = source.decode(events[0], session(shop, Clock()).context)
    assert decoded.ties
    assert swept(shop, cursor)[0] == []
    shop.payouts[0]["status"] = "PAID"
    events, cursor = swept(shop, cursor)
    assert [event.key for event in events] == ["payout/1/PAID"]
    assert swept(shop, cursor)[0] == []


def test_a_shop_without_shopify_payments_has_no_payouts() -> None:
    assert swept(Shop())[0] == []
    shop = Shop()
    swept(shop, reads_payouts=False)
    assert [name for name, _ in shop.asked] == ["Orders"]


def test_a_backfill_keeps_to_its_window_and_resumes_where_it_stopped() -> None:
    shop = Shop([order(i, HOUR.format(i)) for i in range(60)])
    since, until = datetime(2026, 5, 1, 10, 5, tzinfo=UTC), datetime(2026, 5, 1, 10, 50, tzinfo=UTC)

    async def go() -> list[RawEvent]:
        events: list[RawEvent] = []
        cursor = None
        while True:
            page = await source.backfill(session(shop, Clock()), since, until, cursor)
            events += page.events
            cursor = page.cursor
            if not page.more:
                return events

    assert numbers(run(go)) == [str(i) for i in range(5, 50)]


def test_the_plan_counts_what_the_vendor_only_guesses_and_warns_of_what_it_hides() -> None:
    shop = Shop()

    def counts(text: str) -> tuple[int, str]:
        since, until = (datetime.fromisoformat(part.split("'")[1]) for part in text.split())
        hours = int((until - since).total_seconds() // 3600)
        return (hours, "EXACT") if hours <= 10_000 else (10_000, "AT_LEAST")

    shop.counts = counts
    since = NOW - timedelta(hours=40_000)
    made = run(lambda: source.plan(session(shop, Clock()), since, NOW))
    assert made.events == 40_000
    assert made.calls == 1601
    assert made.seconds == 1601 * 5
    assert any("60 days" in warning for warning in made.warnings)
    assert run(lambda: source.plan(session(shop, Clock(), reads_all_orders=True), since, NOW)).warnings == ()
    assert run(lambda: source.plan(session(shop, Clock()), NOW - timedelta(days=9), NOW)).warnings == ()


def test_wanted_orders_and_refunds_are_fetched_once_and_whole() -> None:
    shop = Shop([order(7, HOUR.format(1))])
    wanted = [Wanted(kind="order", external_id="7"), Wanted(kind="refund", external_id="99")]
    (event,) = run(lambda: source.fetch(session(shop, Clock()), wanted))
    assert event.topic == "graphql/order"
    assert event.origin == "fetch"


def test_a_wanted_order_that_is_gone_is_said_to_be_gone() -> None:
    shop = Shop()
    (event,) = run(lambda: source.fetch(session(shop, Clock()), [Wanted(kind="order", external_id="7")]))
    assert source.decode(event, session(shop, Clock()).context).ignored


def test_a_payout_is_fetched_with_its_lines() -> None:
    shop = Shop()
    shop.payouts, shop.payout_lines = [payout(1, "PAID")], [payout_line(i, 1) for i in range(3)]
    (event,) = run(lambda: source.fetch(session(shop, Clock()), [Wanted(kind="payout", external_id="1")]))
    assert len(json.loads(event.body)["transactions"]) == 3


def test_ids_and_day_totals_follow_the_business_day_of_the_place() -> None:
    refund = {"id": "gid://shopify/Refund/5", "processedAt": "2026-05-03T10:00:00Z", "totalRefundedSet": bag("4.00")}
    shop = Shop([
        order(1, "2026-05-01T20:59:00Z"), order(2, "2026-05-01T21:01:00Z", refunds=[refund]),
        order(3, "2026-05-01T21:01:00Z", test=True),
    ])
    shop.page = 1
    since, until = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC)
    found = run(lambda: source.ids(session(shop, Clock()), since, until))
    assert [(one.kind, one.external_id, str(one.business_day), one.total.minor) for one in found] == [
        ("sale", "1", "2026-05-01", 1000), ("sale", "2", "2026-05-02", 1000), ("refund", "5", "2026-05-03", 400)]
    totals = run(lambda: source.day_totals(session(shop, Clock()), since, until))
    assert [(one.kind, str(one.business_day), one.count, one.total.minor) for one in totals] == [
        ("refund", "2026-05-03", 1, 400), ("sale", "2026-05-01", 1, 1000), ("sale", "2026-05-02", 1, 1000)]


HERE = "https://leja.example/hooks/1"


def test_subscribing_makes_what_is_missing_repairs_what_is_narrowed_and_is_done_then() -> None:
    shop = Shop()
    narrowed = {"id": "n", "topic": "ORDERS_PAID", "uri": HERE, "format": "JSON", "filter": "total:>5",
                "includeFields": []}
    other = {**narrowed, "id": "o", "uri": "https://else.example", "filter": ""}
    shop.subscriptions = [{**other, "topic": topic} for topic in ("ORDERS_CREATE", "ORDERS_EDITED", "ORDERS_DELETE")]
    shop.subscriptions.append(narrowed)
    first = run(lambda: source.subscribe(session(shop, Clock()), HERE))
    assert first.repaired == ("ORDERS_PAID",)
    assert len(first.created) == len(TOPICS) - 1
    second = run(lambda: source.subscribe(session(shop, Clock()), HERE))
    assert len(second.alive) == len(TOPICS)
    assert second.created == second.repaired == ()


def test_a_subscription_of_unknown_outcome_is_not_sent_again() -> None:
    shop = Shop()
    shop.faults = [shop.answer("Subscriptions", {"after": None}), INTERNAL]
    with pytest.raises(OutcomeUnknown):
        run(lambda: source.subscribe(session(shop, Clock()), HERE))
    assert [name for name, _ in shop.asked] == ["Subscriptions", "Subscribe"]
    run(lambda: source.subscribe(session(shop, Clock()), HERE))
    assert len({one["topic"] for one in shop.subscriptions}) == len(shop.subscriptions) == len(TOPICS)
