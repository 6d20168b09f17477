"""Scenario L: 60 calls a minute, 5,000 a day, and a great backfill beside live sales."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import pytest

from leja.connectors import registry
from leja.connectors.contract import Limits
from leja.http.pacing import Pacing, seconds_for
from leja.intake import backfill
from leja_sandbox.clock import SimulatedClock
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, SHOP

VENDOR = Limits(per_minute=60, per_day=5000, concurrent=5)


class Time:
    """Time that passes only while everybody waits: whoever wakes first says how far."""

    def __init__(self, start: datetime) -> None:
        self.clock, self._waiting, self._numbers = SimulatedClock(start), list[tuple[datetime, int, asyncio.Future[None]]](), count()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.clock() + timedelta(seconds=seconds), next(self._numbers), woken))
        await woken

    async def pass_until(self, ended: asyncio.Task[None]) -> None:
        """Let time pass until a task has ended."""
        while not ended.done():
            for _ in range(6):
                await asyncio.sleep(0)
            if self._waiting and not ended.done():
                at, _, woken = heapq.heappop(self._waiting)
                self.clock.set(max(at, self.clock()))
                if not woken.done():
                    woken.set_result(None)


class Vendor:
    """Counts strictly, in any span, and refuses what is too much; each answer says what is left of the day."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock, self.refused, self.most_a_minute, self.most_a_day = clock, 0, 0, 0
        self._minute: deque[datetime] = deque()
        self._day: deque[datetime] = deque()

    def call(self, pacing: Pacing) -> bool:
        """One call; False where it was refused."""
        now = self.clock()
        for span, calls in ((timedelta(minutes=1), self._minute), (timedelta(days=1), self._day)):
            while calls and calls[0] <= now - span:
                calls.popleft()
        good = len(self._minute) < VENDOR.per_minute and len(self._day) < VENDOR.per_day
        if good:
            self._minute.append(now)
            self._day.append(now)
        else:
            self.refused += 1
            oldest = self._day[0] if len(self._day) >= VENDOR.per_day else self._minute[0]
            pacing.pause(((oldest + timedelta(days=1 if len(self._day) >= VENDOR.per_day else 0, seconds=60)) - now).total_seconds())
        self.most_a_minute = max(self.most_a_minute, len(self._minute))
        self.most_a_day = max(self.most_a_day, len(self._day))
        left = VENDOR.per_day - len(self._day)
        pacing.observe("day", remaining=left, resets_in=(self._day[0] + timedelta(days=1) - now).total_seconds())
        return good


@pytest.mark.slow
@pytest.mark.parametrize("orders", [11_000, 100_000])
def test_l_live_sales_keep_their_bound_beside_a_backfill_and_a_restart_resumes(orders: int) -> None:
    """Given a target allowing 60 calls a minute and 5,000 a day, when 100,000 orders are back-filled beside live traffic, then live
    sales post within their bound, the finishing time is known before start, no call is wasted on a known limit, and a
    restart resumes where it stopped."""
    time = Time(datetime(2026, 6, 1, tzinfo=UTC))
    clock, random, waits = time.clock, Random(f"L{orders}"), list[timedelta]()
    vendor, done = Vendor(clock), 0
    planned = timedelta(seconds=seconds_for(VENDOR, orders))

    async def backfilled(pacing: Pacing, until: int) -> None:
        nonlocal done
        while done < until:
            async with pacing.turn("backfill"):
                done += vendor.call(pacing)

    async def sales(pacing: Pacing) -> None:
        while True:
            await time.sleep(random.expovariate(1 / 720))
            asked, sold = clock(), False
            while not sold:
                async with pacing.turn("live"):
                    sold = vendor.call(pacing)
            waits.append(clock() - asked)

    async def process(until: int) -> None:
        """A process from its start to its end: what its pace knew ends with it."""
        pacing = Pacing(VENDOR, now=clock, sleep=time.sleep)
        backfill_, live = asyncio.create_task(backfilled(pacing, until)), asyncio.create_task(sales(pacing))
        await time.pass_until(backfill_)
        live.cancel()
        await asyncio.gather(live, return_exceptions=True)
        time._waiting.clear()

    begun = clock()
    asyncio.run(process(orders * 2 // 5))
    assert vendor.refused == 0, "no call was wasted on a known limit"
    asyncio.run(process(orders))
    assert vendor.refused <= 1, "a process that has just begun knows nothing of the minute until the first answer"
    assert (vendor.most_a_minute, vendor.most_a_day) <= (60, 5000)
    assert done == orders
    assert max(waits) <= timedelta(seconds=75), "a live sale waits for one window of a minute at most"
    assert len(waits) > 200
    assert planned * 0.9 <= clock() - begun <= planned * 1.2 + timedelta(hours=2)


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
