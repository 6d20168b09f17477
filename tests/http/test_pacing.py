"""Pace on a simulated clock."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from leja.core.errors import Transient
from leja.http.pacing import Pacing

from .wire import Simulated


def limits(**given: int) -> Any:
    names = ("per_second", "per_minute", "per_day", "concurrent", "batches_per_minute")
    return SimpleNamespace(**{name: given.get(name, 0) for name in names})


def paced(**given: int) -> tuple[Pacing, Simulated]:
    clock = Simulated()
    return Pacing(limits(**given), now=clock.now, sleep=clock.sleep), clock


def calls(pacing: Pacing, clock: Simulated, count: int, **more: Any) -> list[float]:
    """The moments at which ``count`` calls went, one after the other."""

    async def go() -> list[float]:
        moments = []
        for _ in range(count):
            async with pacing.turn(**more):
                moments.append(clock.elapsed)
        return moments

    return asyncio.run(go())


@pytest.mark.parametrize(("name", "span"), [("per_second", 1.0), ("per_minute", 60.0), ("per_day", 86400.0)])
def test_no_span_ever_sees_more_calls_than_published(name: str, span: float) -> None:
    pacing, clock = paced(**{name: 5})
    moments = calls(pacing, clock, 23)
    for first in moments:
        assert sum(1 for moment in moments if first <= moment < first + span) <= 5
    assert moments[4] == 0.0
    assert moments[22] == pytest.approx(4 * span, rel=0.1)


def test_batches_have_a_window_of_their_own() -> None:
    pacing, clock = paced(per_minute=100, batches_per_minute=2)
    assert calls(pacing, clock, 3, batch=True)[2] >= 60
    assert calls(pacing, clock, 3)[2] < 130


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    pacing, _ = paced(concurrent=3)
    flying = most = 0

    async def one() -> None:
        nonlocal flying, most
        async with pacing.turn():
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0.001)
            flying -= 1

    async def go() -> None:
        await asyncio.gather(*(one() for _ in range(12)))

    asyncio.run(go())
    assert most == 3


def test_live_calls_go_before_backfill_that_waited_longer() -> None:
    pacing, _ = paced(per_second=1, concurrent=1)
    order: list[str] = []

    async def one(lane: Any, name: str) -> None:
        async with pacing.turn(lane):
            order.append(name)

    async def go() -> None:
        waiting = [asyncio.create_task(one("backfill", f"b{i}")) for i in range(4)]
        await asyncio.sleep(0)
        waiting += [asyncio.create_task(one("live", f"l{i}")) for i in range(3)]
        await asyncio.gather(*waiting)

    asyncio.run(go())
    assert order.index("l2") < order.index("b2")
    assert sorted(order) == ["b0", "b1", "b2", "b3", "l0", "l1", "l2"]


def test_backfill_leaves_a_fifth_of_the_day_to_live_calls() -> None:
    pacing, clock = paced(per_day=10)
    calls(pacing, clock, 8, lane="backfill")
    assert clock.elapsed == 0
    assert pacing.delay("backfill") > 80_000
    assert pacing.delay("live") == 0


def test_backfill_leaves_live_calls_what_they_have_wanted_so_far() -> None:
    pacing, clock = paced(per_day=1000)
    for _ in range(20):  # two an hour for ten hours, so 48 a day: fewer than the fifth that is kept while no day was seen
        calls(pacing, clock, 1)
        asyncio.run(clock.sleep(1800))
    calls(pacing, clock, 780, lane="backfill")
    assert pacing.delay("backfill") > 0
    asyncio.run(clock.sleep(86_500))
    # A day was seen, and nobody lives any more: a twentieth is kept.
    calls(pacing, clock, 950, lane="backfill")
    assert pacing.delay("backfill") > 0
    assert pacing.delay("live") == 0


def test_backfill_makes_way_where_live_calls_want_more_than_a_fifth() -> None:
    pacing, clock = paced(per_day=1000)
    for _ in range(100):  # a minute apart: 1440 a day, which is more than there is
        calls(pacing, clock, 1)
        asyncio.run(clock.sleep(60))
    assert pacing.delay("backfill") > 0
    assert pacing.delay("live") == 0


def test_budget_headers_are_obeyed_until_the_span_starts_anew() -> None:
    pacing, clock = paced()
    pacing.observe("minute", remaining=2, resets_in=30)
    assert calls(pacing, clock, 3) == [0.0, 0.0, pytest.approx(30.0)]


def test_a_pause_holds_everybody() -> None:
    pacing, clock = paced()
    pacing.pause(12)
    assert calls(pacing, clock, 1) == [pytest.approx(12)]


def test_cost_points_are_waited_for() -> None:
    pacing, clock = paced()
    pacing.points(available=100, maximum=1000, restore_rate=50)
    assert calls(pacing, clock, 2, cost=200) == [pytest.approx(2.0), pytest.approx(6.0)]


def test_a_wait_beyond_the_deadline_is_told_at_once_and_takes_nothing() -> None:
    pacing, clock = paced(per_minute=1)
    calls(pacing, clock, 1)

    async def go() -> None:
        with pytest.raises(Transient) as caught:
            async with pacing.turn(within=5):
                raise AssertionError("never")
        assert caught.value.code == "pace-wait"
        assert 55 < caught.value.retry_after < 62

    asyncio.run(go())
    assert clock.elapsed == 0
    assert calls(pacing, clock, 1)[0] > 59


def test_a_failed_call_gives_its_place_back() -> None:
    pacing, clock = paced(concurrent=1)

    async def go() -> None:
        with pytest.raises(ValueError):
            async with pacing.turn():
                raise ValueError
        async with asyncio.timeout(1), pacing.turn():
            pass

    asyncio.run(go())
    assert clock.elapsed == 0


def test_a_hundred_thousand_calls_take_what_the_limits_say() -> None:
    pacing, clock = paced(per_minute=60, per_day=5000)
    calls(pacing, clock, 10_001)
    assert clock.elapsed == pytest.approx(2 * 86400, rel=0.01)
