"""Connector and stand-in, which different people wrote, together: both shapes of an order must mean the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from leja.connectors.contract import Context, Decoded, Page, RawEvent, Session
from leja.connectors.shopify import Settings, source
from leja.connectors.shopify.stand_in import STAND_IN
from leja.connectors.shopify.webhook import TOPICS
from leja.documents.document import Document, kind_of
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.http.client import Http
from leja.http.pacing import Pacing
from leja_sandbox.kit import SimulatedClock, StandIn, environment

VAT = [{"title": "VAT", "rate": "0.2"}]
BASKET = {"title": "Basket", "sku": "B1", "price": "12.50", "quantity": 3, "taxes": VAT}


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 6, 1, 9, tzinfo=UTC))


@pytest.fixture
def shop(clock: SimulatedClock) -> Iterator[StandIn]:
    env = environment(clock=clock)
    yield STAND_IN.build(env)
    env.store.close()


async def token(headers: dict[str, str], *, rejected: bool) -> None:
    headers["x-shopify-access-token"] = "shpat_sandbox"


def session(shop: StandIn, clock: SimulatedClock) -> Session:
    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    http = Http(
        base_url="https://lamu.myshopify.com", authorise=token, now=clock, sleep=sleep,
        pacing=Pacing(now=clock, sleep=sleep), transport=httpx2.ASGITransport(shop.app),
    )
    settings = Settings(shop="lamu.myshopify.com", reads_all_orders=True)
    context = Context(settings=settings, zone="Europe/London", base_currency="GBP")
    return Session(http=http, settings=settings, base_url="", tenant="", now=clock, context=context)


def swept(shop: StandIn, clock: SimulatedClock, cursor: str | None = None) -> tuple[list[RawEvent], str]:
    async def go() -> tuple[list[RawEvent], str]:
        opened, events, at = session(shop, clock), [], cursor
        while True:
            page: Page = await source.poll(opened, at)
            events += page.events
            at = page.cursor
            if not page.more:
                return events, at

    return asyncio.run(go())


def asked(shop: StandIn, clock: SimulatedClock, question: Callable[[Session], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        return await question(session(shop, clock))

    return asyncio.run(go())


def rest_body(shop: StandIn, clock: SimulatedClock, order: int) -> bytes:
    """The order in the shape of a webhook's body."""
    path = f"/admin/api/2026-10/orders/{order}.json"
    answer = asked(shop, clock, lambda opened: opened.http.send("GET", path, write=False))
    return json.dumps(json.loads(answer.body)["order"]).encode()


def both(shop: StandIn, clock: SimulatedClock, order: int) -> tuple[Decoded, Decoded]:
    """The order as a webhook says it and as the poll finds it."""
    context = session(shop, clock).context
    webhook = RawEvent(key="w", topic="orders/updated", body=rest_body(shop, clock, order))
    polled = [one for one in swept(shop, clock)[0] if one.key.startswith(f"order/{order}/")]
    return source.decode(webhook, context), source.decode(polled[-1], context)


def meaning(documents: tuple[Document, ...]) -> list[Any]:
    """What must be the same in both shapes: all but the version and the references of movements."""
    said = []
    for one in documents:
        tenders = [(t.means, t.processor, t.amount.minor, t.business_day) for t in getattr(one, "tenders", ())]
        lines = [
            (line.line_id, line.kind, line.listed, line.discount, line.quantity, line.restocked, line.sku,
             [(tax.code, tax.amount, tax.rate, tax.owed_by) for tax in line.taxes])
            for line in getattr(one, "lines", ()) if hasattr(line, "listed")
        ]
        header = one.header
        said.append((kind_of(one), header.external_id, header.business_day, header.occurred_at, header.channel,
                     header.location, header.country, header.test, getattr(one, "total", None), tenders, lines))
    return said


ORDERS: dict[str, dict[str, Any]] = {
    "plain": {"lines": [BASKET]},
    "shipping and discount": {
        "lines": [BASKET, {"title": "Standard", "kind": "shipping", "price": "4.00", "taxes": VAT}],
        "discounts": [{"code": "TEN", "amount": "3.75"}]},
    "tip": {"lines": [BASKET, {"title": "Tip", "kind": "tip", "price": "2.00"}]},
    "gift card": {"lines": [BASKET, {"title": "Gift card", "kind": "gift_card", "price": "10.00"}]},
    "authorised": {"lines": [BASKET], "payment": "authorized"},
    "pending": {"lines": [BASKET], "payment": "pending"},
    "free": {"lines": [BASKET, {"title": "Free", "price": "0.00"}]},
}


@pytest.mark.parametrize("name", ORDERS)
def test_both_shapes_of_an_order_mean_the_same(name: str, shop: StandIn, clock: SimulatedClock) -> None:
    made = shop.control.call("place_order", **ORDERS[name])
    webhook, polled = both(shop, clock, made["id"])
    assert polled.unread == webhook.unread == ()
    assert polled.ties
    assert webhook.ties
    assert meaning(webhook.documents) == meaning(polled.documents)
    assert webhook.documents[0].header.version < polled.documents[0].header.version


def test_refunds_edits_and_fulfilments_tie_in_both_shapes(shop: StandIn, clock: SimulatedClock) -> None:
    made = shop.control.call("place_order", **ORDERS["shipping and discount"])
    clock.advance(3600)
    shop.control.call("refund", order=made["id"], lines=[{"line": 0, "quantity": 1}])
    webhook, polled = both(shop, clock, made["id"])
    assert polled.ties
    if webhook.documents:
        assert webhook.ties
        assert meaning(webhook.documents) == meaning(polled.documents)
    clock.advance(3600)
    shop.control.call("refund", order=made["id"], lines=[], shipping="1.00")
    clock.advance(3600)
    shop.control.call("refund", order=made["id"], lines=[], amount="2.00")
    clock.advance(3600)
    shop.control.call("edit_order", order=made["id"], add=[{"title": "More", "price": "5.00"}], pay=True)
    webhook, polled = both(shop, clock, made["id"])
    assert polled.ties
    assert [kind_of(one) for one in polled.documents].count("refund") == 3


def test_a_cancelled_order_ties_and_gives_all_back(shop: StandIn, clock: SimulatedClock) -> None:
    made = shop.control.call("place_order", **ORDERS["shipping and discount"])
    shop.control.call("refund", order=made["id"], lines=[{"line": 0, "quantity": 1}])
    shop.control.call("cancel", order=made["id"])
    webhook, polled = both(shop, clock, made["id"])
    assert polled.ties
    assert webhook.wanted or webhook.ties
    sale, *others = polled.documents
    assert isinstance(sale, Sale)
    assert sale.state == "cancelled"
    refunds = [one for one in others if isinstance(one, Refund)]
    assert sum(one.total.minor for one in refunds) == sale.total.minor == sum(t.amount.minor for t in sale.tenders)


def test_a_payout_of_the_stand_in_ties(shop: StandIn, clock: SimulatedClock) -> None:
    made = shop.control.call("place_order", lines=[{"title": "A", "price": "100.00"}])
    shop.control.call("refund", order=made["id"], amount="20.00", lines=[])
    clock.advance(86400)
    shop.control.call("payout")
    events, cursor = swept(shop, clock)
    payouts = [one for one in events if one.topic == "graphql/payout"]
    assert payouts
    context = session(shop, clock).context
    for one in payouts:
        decoded = source.decode(one, context)
        assert decoded.ties
        assert decoded.unread == ()
    assert [one for one in swept(shop, clock, cursor)[0] if one.topic == "graphql/payout"] == []


def test_the_proof_sees_what_the_stand_in_reports(shop: StandIn, clock: SimulatedClock) -> None:
    for _ in range(30):
        shop.control.call("place_order", lines=[BASKET])
        clock.advance(60)
    now = clock()
    ids = asked(shop, clock, lambda opened: source.ids(opened, now - timedelta(days=2), now + timedelta(days=1)))
    assert len(ids) == 30
    totals = asked(shop, clock, lambda opened: source.day_totals(opened, now - timedelta(days=2), now))
    assert sum(one.count for one in totals) == 30
    plan = asked(shop, clock, lambda opened: source.plan(opened, now - timedelta(days=2), now))
    assert plan.events == 30


def test_subscribing_at_the_stand_in_is_idempotent(shop: StandIn, clock: SimulatedClock) -> None:
    here = "https://leja.example/hooks/1"
    first = asked(shop, clock, lambda opened: source.subscribe(opened, here))
    assert len(first.created) == len(TOPICS)
    second = asked(shop, clock, lambda opened: source.subscribe(opened, here))
    assert len(second.alive) == len(TOPICS)
