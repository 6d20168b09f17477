"""Posting mode ``payout``: what a processor settles is told with the payout that settles it, and once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from leja.core.errors import Refused
from leja.delivery import settlements
from leja.delivery.outbox import Booking, enqueue, places, told
from leja.delivery.preview import preview

MONDAY, TUESDAY = date(2026, 6, 1), date(2026, 6, 2)


@pytest.fixture
def shop(make_shop):
    made = make_shop()
    made.mode("payout")
    return made


def groups(shop):
    return [row[0] for row in shop.rows(
        "SELECT d.group_key FROM deliverable d WHERE d.org_id = %s AND d.state = 'done' ORDER BY d.group_key, d.part")]


def members(shop, prefix):
    return shop.rows(
        "SELECT count(*) FROM deliverable_member m JOIN deliverable d USING (org_id, deliverable_id)"
        f" WHERE m.org_id = %s AND d.group_key LIKE '{prefix}%%'")[0][0]


def payout(shop, name, *settles, day=TUESDAY, processor="card"):
    lines = [("1000", "bank", 1000, ""), ("1200", f"clearing:{processor}", -1000, "")]
    return shop.sale(name, day=day, kind="payout", lines=lines, settles=settles, processor=processor)


def test_sales_wait_and_are_told_with_the_payout_that_settles_them(shop, run):
    shop.sale("one", day=MONDAY, settles=["tx1"])
    shop.sale("two", day=MONDAY, settles=["tx2"])
    shop.sale("other", day=MONDAY, settles=["tx3"])
    run.once(shop)
    assert groups(shop) == []
    payout(shop, "po-1", "tx1", "tx2", "unheard-of")
    run.once(shop)
    told_now = groups(shop)
    assert [key.split("/")[0] for key in told_now] == ["document", "payout"]
    assert members(shop, "payout/") == 2
    assert "po-1" in next(key for key in told_now if key.startswith("payout/"))


def test_cash_never_settles_and_is_told_with_its_day(shop, run, clock):
    shop.sale("cash", day=MONDAY)
    clock.forward(days=1, hours=6)
    run.once(shop)
    assert groups(shop) == ["daily/2026-06-01/nairobi/web/GBP"]


def test_what_no_payout_settles_is_told_with_its_day_after_the_wait(shop, run, clock, monkeypatch):
    monkeypatch.setenv("LEJA_PAYOUT_WAIT", "3")
    shop.sale("card", day=MONDAY, settles=["tx1"])
    clock.forward(days=3)
    run.once(shop)
    assert groups(shop) == []
    clock.forward(days=1, hours=6)
    run.once(shop)
    assert groups(shop) == ["daily/2026-06-01/nairobi/web/GBP"]
    payout(shop, "late", "tx1")
    run(shop)
    assert members(shop, "daily/") == 1
    assert members(shop, "payout/") == 0


def test_a_sale_that_comes_after_its_payout_is_told_with_it(shop, run, clock):
    payout(shop, "po-1", "tx1")
    run(shop)
    shop.sale("late", day=MONDAY, settles=["tx1"])
    clock.forward(days=12)
    run.once(shop)
    assert members(shop, "payout/") == 1


def test_two_processors_and_currencies_stand_apart(shop, run):
    shop.sale("card", day=MONDAY, settles=["tx1"])
    shop.sale("wallet", day=MONDAY, settles=["tx1"], processor="wallet")
    payout(shop, "po-card", "tx1")
    run.once(shop)
    assert members(shop, "payout/") == 1
    payout(shop, "po-wallet", "tx1", processor="wallet")
    run.once(shop)
    assert members(shop, "payout/") == 2
    assert sum(key.startswith("payout/") for key in groups(shop)) == 2


def test_a_settlement_over_several_days_keeps_each_day_its_own(shop, run):
    shop.sale("one", day=MONDAY, settles=["tx1"])
    shop.sale("two", day=TUESDAY, settles=["tx2"])
    payout(shop, "po-1", "tx1", "tx2")
    run(shop)
    sales = [post for post in shop.fake.posts if post.moves.get("r4000")]
    assert sorted(post.date for post in sales) == [MONDAY, TUESDAY]
    assert sum(post.moves["r4000"] for post in sales) == -2000


def test_an_entry_is_told_once_however_often_the_mode_changes(shop, run, clock):
    for number, mode in enumerate(("payout", "daily", "each", "payout"), 1):
        clock.forward(seconds=1)
        shop.mode(mode)
        shop.sale(f"sale {number}", 1200, day=MONDAY, settles=[f"tx{number}"])
        run.once(shop)
    payout(shop, "po-1", "tx1", "tx2", "tx3", "tx4")
    clock.forward(days=20)
    run(shop)
    assert shop.fake.sums()["r4000"] == -4000
    assert shop.rows("SELECT count(*) FROM outbox WHERE org_id = %s")[0][0] == 0


def test_preview_shows_where_it_will_stand_and_writes_nothing(shop, clock, database):
    shop.sale("one", day=MONDAY, settles=["tx1"])
    shop.sale("two", day=MONDAY, settles=["tx2"])
    chart = shop_chart(shop)
    with database.transaction() as conn:
        shown = preview(conn, shop.target, chart, clock())
    assert [one.group_key for one in shown] == ["daily/2026-06-01/nairobi/web/GBP"]
    assert len(shown[0].entries) == 2
    payout(shop, "po-1", "tx1")
    with database.transaction() as conn:
        keys = {one.group_key.split("/")[0] for one in preview(conn, shop.target, chart, clock())}
    assert keys == {"daily", "payout", "document"}
    assert all(row[0].startswith(("unsettled/", "document/")) for row in shop.rows("SELECT group_key FROM outbox WHERE org_id = %s"))


def shop_chart(shop):
    return asyncio.run(shop.fake.chart(None))


def test_a_fulfilment_goes_with_what_its_sale_was_paid_by(shop, database, clock):
    sale = shop.sale("one", day=MONDAY, settles=["tx1"])
    sent = shop.sale("parcel", day=MONDAY, kind="fulfilment", of="one")
    keys = shop.rows("SELECT group_key FROM outbox WHERE org_id = %s ORDER BY entry_number")
    assert [settlements.document_of(row[0]) for row in keys] == [sale, sale]
    assert sent != sale


def test_the_wait_is_a_setting(monkeypatch):
    assert settlements.payout_wait() == timedelta(days=10)
    monkeypatch.setenv("LEJA_PAYOUT_WAIT", "a week")
    with pytest.raises(Refused, match="LEJA_PAYOUT_WAIT"):
        settlements.payout_wait()


def test_without_the_mode_nothing_is_asked_of_tenders(make_shop, database):
    shop = make_shop()
    document = shop.sale("plain", day=MONDAY, settles=["tx1"])
    with database.transaction() as conn:
        booking = Booking(1, document, "sale", MONDAY, MONDAY, "nairobi", "web", "GBP")
        assert enqueue(conn, shop.org_id, [], told(conn, shop.org_id), places(conn, shop.org_id), shop.clock()) == 0
    assert booking.kind == "sale"
    assert shop.rows("SELECT group_key FROM outbox WHERE org_id = %s") == [("daily/2026-06-01/nairobi/web/GBP",)]
