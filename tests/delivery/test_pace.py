"""The pace is waited for before anything is frozen, and what was certainly not sent is never called unknown."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from leja.connectors.contract import Later, Limits
from leja.core.errors import Transient
from leja.delivery.record import FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS

KINDS = "SELECT o.kind, count(*) FROM outcome o JOIN attempt a USING (org_id, attempt_id) WHERE org_id = %s GROUP BY 1"


def paced(shop, **limits):
    """The shop's target with these limits, kept by its session and by its calls."""
    from leja_tests_fake_target import session

    told = Limits(**limits)
    shop.target = type(shop.target)(**{**vars(shop.target), "limits": told, "session": session(shop.clock, told)})
    send = shop.fake.deliver

    async def deliver(opened, drafts):
        async with opened.http.pacing.turn(batch=True, within=30):
            shop.calls.append(shop.clock())
            return await send(opened, drafts)

    shop.calls = []
    shop.fake.deliver = deliver


def test_at_published_limits_nothing_is_frozen_before_it_may_be_sent(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    paced(shop, batch=3, concurrent=2, batches_per_minute=4)
    for n in range(40):
        shop.sale(f"s{n}", 600)
    run(shop, settle=False)
    assert len(shop.fake.posts) == 40
    assert shop.rows(KINDS) == [("accepted", 40)]
    frozen = {row[0] for row in shop.rows("SELECT DISTINCT attempted_at FROM attempt WHERE org_id = %s")}
    assert frozen == set(shop.calls), "each attempt was frozen at the moment of its call"
    assert shop.calls[-1] - shop.calls[0] > timedelta(minutes=3)


def test_a_budget_that_is_used_up_for_hours_ends_the_run_and_says_when_it_goes_on(make_shop, run, clock):
    shop = make_shop()
    shop.mode("each")
    paced(shop, batch=3, concurrent=2, per_day=2)
    for n in range(12):
        shop.sale(f"s{n}", 600)
    begun = clock()
    done = run.once(shop)
    assert len(shop.fake.posts) == 6
    assert done.next_due > begun + timedelta(hours=20)
    assert shop.rows(KINDS) == [("accepted", 6)]
    clock.now = done.next_due
    run.once(shop)
    assert len(shop.fake.posts) == 12


def test_a_slow_call_holds_nothing_up_but_itself(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    paced(shop, batch=1, concurrent=2)
    for n in range(8):
        shop.sale(f"s{n}", 600 + n * 6)
    send, ended = shop.fake.deliver, []

    async def slowly(opened, drafts):
        if drafts[0].total.minor == 600:
            while len(ended) < 7:
                await asyncio.sleep(0.01)
        outcomes = await send(opened, drafts)
        ended.append(drafts[0].total.minor)
        return outcomes

    shop.fake.deliver = slowly
    run.once(shop)
    assert ended[-1] == 600
    assert len(shop.fake.posts) == 8


def test_backfill_keeps_a_small_share_while_live_sales_never_stop(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    paced(shop, batch=1, concurrent=1)
    for n in range(4):
        shop.sale(f"old{n}", 60, lane="backfill")
    for n in range(40):
        shop.sale(f"new{n}", 600)
    run.once(shop)
    order = [post.total.minor for post in shop.fake.posts]
    assert order[:9] == [600] * 9
    assert 60 in order[:12]
    assert order.count(60) == 4


@pytest.mark.parametrize("how", ["raised", "told"])
def test_a_target_that_is_away_is_tried_again_with_doubling_waits(make_shop, run, clock, how):
    shop = make_shop()
    shop.mode("each")
    shop.sale("s1", 600)
    send, tries = shop.fake.deliver, []

    async def away(opened, drafts):
        tries.append(clock())
        if len(tries) > 9:
            return await send(opened, drafts)
        if how == "raised":
            raise Transient("http-no-connection", "away")
        return (Later(until=clock(), why="away"),)

    shop.fake.deliver = away
    run(shop)
    assert len(shop.fake.posts) == 1
    waits = [(after - before).total_seconds() for before, after in pairwise(tries)]
    expected = [min(LAST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**n) for n in range(9)]
    assert all(0.74 * most <= wait <= most for wait, most in zip(waits, expected, strict=True)), waits
    assert shop.rows("SELECT plan FROM deliverable WHERE org_id = %s") == [(1,)]
    assert dict(shop.rows(KINDS)) == {"accepted": 1, "later": 9}
