"""The connector against the stand-in, where the shared suites do not look: silence, trash, refunds, webhooks that died."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from leja.connectors.contract import GONE_TOPIC, Gone, RawEvent, Wanted
from leja.connectors.woocommerce.calls import encoder
from leja.connectors.woocommerce.decoding import decode
from leja.connectors.woocommerce.pull import fetch
from leja.connectors.woocommerce.sweep import backfill, day_totals, ids, plan, poll
from leja.connectors.woocommerce.tests.shop import LINE, START, Shop, polled, run
from leja.connectors.woocommerce.webhook import TOPICS, subscribe
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.document import facts
from leja.documents.refund import Refund
from leja.documents.sale import Sale

URL = "https://leja.example/hooks/door"


def meant(shop: Shop, events: tuple[RawEvent, ...]) -> dict[tuple[str, str], Any]:
    """The documents of events by kind and id, the latest version of each."""
    context, found = shop.session().context, dict[tuple[str, str], Any]()
    for event in events:
        for document in decode(event, context).documents:
            key = ("refund" if isinstance(document, Refund) else "sale", document.header.external_id)
            if key not in found or found[key].header.version <= document.header.version:
                found[key] = document
    return found


def test_a_poll_reads_every_order_once_with_its_refunds() -> None:
    shop = Shop()
    numbers = [shop.sell() for _ in range(3)]
    shop.control("refund", order=numbers[1], lines=[{"line": 0, "quantity": 1}])
    page = polled(shop.session())
    found = meant(shop, page.events)
    assert sorted(int(key) for kind, key in found if kind == "sale") == numbers
    (refund,) = [one for (kind, _key), one in found.items() if kind == "refund"]
    assert (refund.sale, refund.total.minor) == (str(numbers[1]), 1500)
    assert len(page.events) == 3


def test_more_orders_in_one_second_than_a_page_holds_are_all_read() -> None:
    shop = Shop()
    numbers = [shop.sell() for _ in range(230)]
    found = meant(shop, polled(shop.session()).events)
    assert sorted(int(key) for _kind, key in found) == numbers


def test_a_host_that_breaks_off_at_long_pages_is_read_in_short_ones() -> None:
    shop = Shop()
    numbers = []
    for _ in range(60):
        numbers.append(shop.sell())
        shop.clock.advance(1)
    shop.control("fault", kind="error_before", path="GET /wp-json/wc/v3/orders", times=5, status=500)
    found = meant(shop, polled(shop.session()).events)
    assert sorted(int(key) for _kind, key in found) == numbers
    sizes = [request.url.params["per_page"] for request in shop.asked]
    assert sizes[:7] == ["100"] * 5 + ["40", "40"]
    assert set(sizes[5:]) == {"40"}, "it is not tried again with long ones in one walk"


def test_an_order_that_goes_while_pages_are_read_pushes_no_other_one_off() -> None:
    shop = Shop()
    numbers = []
    for _ in range(150):
        numbers.append(shop.sell())
        shop.clock.advance(5)
    session = shop.session()
    first = run(poll(session, None))
    for number in numbers[:20]:
        shop.control("delete", order=number)
    events, cursor = list(first.events), first.cursor
    while True:
        page = run(poll(session, cursor))
        events += page.events
        cursor = page.cursor
        if not page.more:
            break
    assert sorted(int(key) for _kind, key in meant(shop, tuple(events))) == numbers


def test_the_next_poll_begins_where_a_long_one_began_less_the_overlap() -> None:
    shop = Shop()
    numbers = [shop.sell() for _ in range(120)]
    session = shop.session()
    first = run(poll(session, None))
    shop.clock.advance(1200)
    shop.control("touch", order=numbers[-1])
    cursor: str | None = first.cursor
    while (page := run(poll(session, cursor))).more:
        cursor = page.cursor
    assert '"since":"2026-06-01T08:50:00"' in page.cursor, "not where the touched order would put it"
    assert len(meant(shop, polled(session, page.cursor).events)) == 120


def test_what_was_put_into_the_trash_without_a_word_is_found_by_the_poll() -> None:
    shop = Shop()
    number = shop.sell()
    session = shop.session()
    cursor = polled(session).cursor
    shop.clock.advance(60)
    shop.control("trash", order=number, webhooks="lost")
    found = meant(shop, polled(session, cursor).events)
    assert found["sale", str(number)].header.withdrawn
    shop.clock.advance(60)
    shop.control("restore", order=number, webhooks="lost")
    found = meant(shop, polled(session, cursor).events)
    assert not found["sale", str(number)].header.withdrawn


def test_a_webhook_of_a_deletion_leads_to_the_order_in_the_trash_and_its_refunds() -> None:
    shop = Shop()
    number = shop.sell()
    refund = shop.control("refund", order=number, lines=[{"line": 0, "quantity": 1}])["refund_id"]
    session = shop.session()
    shop.clock.advance(60)
    shop.control("trash", order=number)
    event = RawEvent(key="k", topic="order.deleted", body=b'{"id":%d}' % number)
    found = meant(shop, run(fetch(session, decode(event, session.context).wanted)))
    assert set(found) == {("sale", str(number)), ("refund", str(refund))}
    assert all(document.header.withdrawn for document in found.values())
    shop.clock.advance(60)
    shop.control("restore", order=number)
    found = meant(shop, run(fetch(session, [Wanted(kind="order", external_id=str(number))])))
    assert not any(document.header.withdrawn for document in found.values())
    assert len(found) == 2


def test_a_deleted_order_or_refund_is_said_to_be_gone_when_it_is_asked_for() -> None:
    shop = Shop()
    number, other = shop.sell(), shop.sell()
    refund = shop.control("refund", order=other, lines=[{"line": 0, "quantity": 1}])["refund_id"]
    session = shop.session()
    before = meant(shop, run(fetch(session, [Wanted(kind="refund", external_id=str(refund))])))
    assert set(before) == {("sale", str(other)), ("refund", str(refund))}
    assert {one.kind for one in run(ids(session, START - timedelta(days=1), START + timedelta(days=1)))} == {
        "sale",
        "refund",
    }
    shop.control("delete", order=number)
    shop.control("delete_refund", order=other, refund=refund)
    for kind, key in (("sale", number), ("refund", refund)):
        (event,) = run(fetch(session, [Wanted(kind=kind, external_id=str(key))]))
        assert event.topic == GONE_TOPIC
    gone = Gone(kind="refund", external_id=str(refund), version="", found_at=shop.clock(),
                facts=facts(before["refund", str(refund)]).decode())  # fmt: skip
    (withdrawn,) = decode(RawEvent(key="g", topic=GONE_TOPIC, body=encoder.encode(gone)), session.context).documents
    assert withdrawn.header.withdrawn
    assert withdrawn.header.version > before["refund", str(refund)].header.version
    listed = {
        (one.kind, one.external_id) for one in run(ids(session, START - timedelta(days=1), START + timedelta(days=1)))
    }
    assert listed == {("sale", str(other))}
    with pytest.raises(Refused):
        run(fetch(session, [Wanted(kind="payout", external_id="1")]))


def test_what_is_not_paid_is_no_sale_until_it_is() -> None:
    shop = Shop()
    number = shop.sell(paid=False, payment_method="bacs")
    session = shop.session()
    page = polled(session)
    assert meant(shop, page.events)["sale", str(number)].header.withdrawn
    assert run(ids(session, START - timedelta(days=1), START + timedelta(days=1))) == ()
    shop.clock.advance(86_400 * 3)
    shop.control("pay", order=number)
    sale = meant(shop, polled(session, page.cursor).events)["sale", str(number)]
    assert isinstance(sale, Sale)
    assert str(sale.header.business_day) == "2026-06-04", "the day of the money, not of the order"
    assert sale.tenders[0].means == "bank"
    (one,) = run(ids(session, START + timedelta(days=2), START + timedelta(days=4)))
    assert (one.external_id, one.total) == (str(number), Money(3000, "GBP"))


def test_a_backfill_takes_what_was_paid_in_its_window_and_its_plan_counts() -> None:
    shop = Shop()
    for _ in range(5):
        shop.sell()
        shop.clock.advance(86_400)
    session = shop.session()
    since, until = START + timedelta(days=1), START + timedelta(days=3)
    page = run(backfill(session, since, until, None))
    assert not page.more
    assert len(meant(shop, page.events)) == 2
    planned = run(plan(session, since, until))
    assert planned.events >= 2
    assert planned.calls >= 1
    assert planned.warnings
    totals = run(day_totals(session, since, until))
    assert [(one.kind, one.count, one.total.minor) for one in totals] == [("sale", 1, 3000), ("sale", 1, 3000)]


def test_subscribing_makes_repairs_and_leaves_alone() -> None:
    shop = Shop()
    session = shop.session()
    made = run(subscribe(session, URL))
    assert set(made.created) == set(TOPICS)
    assert set(run(subscribe(session, URL)).alive) == set(TOPICS)
    rows = {row["topic"]: row for row in shop.control("webhooks")}
    shop.control("disable_webhook", id=rows["order.updated"]["id"])
    shop.control("drop_webhook", id_=rows["order.deleted"]["id"])
    again = run(subscribe(session, URL))
    assert again.repaired == ("order.updated",)
    assert again.created == ("order.deleted",)
    assert all(row["status"] == "active" for row in shop.control("webhooks"))
    assert len(shop.control("webhooks")) == len(TOPICS)
    for secret in ("", "a&b", 'a"b'):
        with pytest.raises(Refused) as caught:
            run(subscribe(shop.session(webhook_secret=secret), URL))
        assert caught.value.code == "woocommerce-webhook-secret"


def test_seven_failures_in_a_row_disable_a_webhook_and_subscribe_finds_it() -> None:
    shop = Shop()
    session = shop.session()
    run(subscribe(session, "http://127.0.0.1:9/nobody"))
    assert shop.stand_in.webhooks is not None
    for _ in range(7):
        shop.sell()
        shop.clock.advance(1)
        asyncio.run(shop.stand_in.webhooks.send_due())
    dead = {row["topic"] for row in shop.control("webhooks") if row["status"] == "disabled"}
    assert dead == {"order.created"} | ({"order.updated"} & dead)
    assert set(run(subscribe(session, "http://127.0.0.1:9/nobody")).repaired) == dead


@pytest.mark.parametrize(
    ("currency", "price", "minor"), [("JPY", "1200", 2400), ("KWD", "1.250", 2500), ("GBP", "1.25", 250)]
)
def test_amounts_are_exact_in_currencies_of_any_decimals(currency: str, price: str, minor: int) -> None:
    shop = Shop(currency=currency, decimals={"JPY": 0, "KWD": 3}.get(currency, 2), tax_rates=[])
    number = shop.sell(lines=[{**LINE, "price": price}])
    assert meant(shop, polled(shop.session()).events)["sale", str(number)].total == Money(minor, currency)


def test_a_shop_that_rounds_on_the_subtotal_ties() -> None:
    shop = Shop(round_at_subtotal=True)
    lines = [{"name": f"Thing {n}", "sku": f"T{n}", "price": "0.33", "quantity": 1} for n in range(5)]
    shop.sell(lines=lines, shipping=[{"total": "1.11"}])
    (event,) = polled(shop.session()).events
    found = decode(event, shop.session().context)
    (sale,) = found.documents
    assert isinstance(sale, Sale)
    assert found.ties
    assert found.unread == ()
    exact = sum(line.listed.minor + sum(tax.amount.minor for tax in line.taxes) for line in sale.lines)
    assert exact == sale.total.minor
