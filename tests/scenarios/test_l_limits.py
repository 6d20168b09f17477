"""Scenario L: 60 calls a minute, 5,000 a day, and a great backfill beside live sales."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from leja.connectors import registry
from leja.connectors.contract import Limits
from leja.http.pacing import Pacing
from leja.intake import backfill
from leja_sandbox.clock import SimulatedClock
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, SHOP

VENDOR = Limits(per_minute=60, per_day=5000, concurrent=5)
CALLS = 11_000


def test_l_live_calls_keep_their_bound_beside_a_backfill() -> None:
    """Given a target allowing 60 calls a minute and 5,000 a day, when 100,000 orders are back-filled beside live traffic, then live
    sales post within their bound ... and no call is wasted on a known limit."""
    clock, calls, waits = SimulatedClock(datetime(2026, 6, 1, tzinfo=UTC)), [], []

    async def pass_time(seconds: float) -> None:
        clock.advance(seconds)
        await asyncio.sleep(0)

    pacing = Pacing(VENDOR, now=clock, sleep=pass_time)

    async def play() -> None:
        next_sale = clock() + timedelta(minutes=10)
        for _ in range(CALLS):
            async with pacing.turn("backfill"):
                calls.append(clock())
            if clock() >= next_sale:
                asked = clock()
                async with pacing.turn("live"):
                    calls.append(clock())
                waits.append(clock() - asked)
                next_sale = clock() + timedelta(minutes=10)

    asyncio.run(play())
    for span, most in ((timedelta(minutes=1), 60), (timedelta(days=1), 5000)):
        start = 0
        for at, moment in enumerate(calls):
            while calls[start] <= moment - span:
                start += 1
            assert at - start + 1 <= most, (span, moment)
    assert max(waits) <= timedelta(seconds=62)
    assert len(waits) > 10
    assert calls[-1] - calls[0] < timedelta(days=3)


def test_l_a_paced_delivery_meets_no_limit(stage: Setting) -> None:
    """... no call is wasted on a known limit."""
    scene = stage(modes={BY_DAY: "each"}, home={"per_minute": 60, "per_day": 5000, "concurrent": 5})
    scene.paced = True
    scene._paces.clear()
    for number in range(80):
        scene.sell(str(10 + number), webhooks="lost")
    scene.poll()
    scene.record()
    began = scene.clock()
    scene.tell(BY_DAY)
    assert len(scene.remote(BY_DAY, "Invoices")) == 80
    later = scene.rows("SELECT count(*) FROM outcome WHERE org_id = %s AND kind = 'later'")[0][0]
    assert later == 0
    assert scene.clock() - began < timedelta(minutes=10)
    scene.assert_settled(BY_DAY)


def test_l_the_plan_is_shown_and_a_restart_goes_on(stage: Setting) -> None:
    """... the plan and finishing time are shown before start ... and a restart resumes where it stopped."""
    scene = stage(start=datetime(2026, 6, 10, tzinfo=UTC))
    since, until = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    for number in range(90):
        moment = (since + timedelta(hours=8 * number)).isoformat()
        scene.sell(str(1 + number), created_at=moment, processed_at=moment, webhooks="lost")
    plan = scene.run(registry.verb("shopify", "plan")(scene.session(scene.shop), since, until))
    assert (plan.events, plan.calls) == (90, 5)
    assert plan.seconds > 0
    pages: list[backfill.Progress] = []

    class Stopped(Exception):
        """The process ends."""

    def show(progress: backfill.Progress) -> None:
        pages.append(progress)
        if len(pages) == 2:
            raise Stopped

    def begun() -> backfill.Run:
        with scene.database.transaction() as conn:
            return backfill.begin(conn, scene.org.org_id, scene.shop.connection_id, since, until, plan, scene.clock())

    verb = registry.verb("shopify", "backfill")
    with pytest.raises(Stopped):
        scene.run(backfill.backfill(scene.database, scene.org.org_id, begun(), verb, scene.session(scene.shop), clock=scene.clock, progress=show))
    assert pages[0].finishes_at is not None
    again = begun()
    assert (again.events, again.calls) == (50, 2)
    done = scene.run(backfill.backfill(scene.database, scene.org.org_id, again, verb, scene.session(scene.shop), clock=scene.clock))
    assert (done.run.events, done.finished) == (90, True)
    scene.record()
    assert scene.sums()[0] == 90
    assert scene.control(SHOP, "report")["counts"]["orders"] == 90
