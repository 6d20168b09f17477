"""Metered reads: the pace of a month, when people hear of it, and counting without a write a call."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.core.errors import Transient
from leja.http.metering import SAVED_TOGETHER, STRETCHED_MAX, Meter, Reads

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def reads(used: int, day: int, allowance: int = 300_000) -> Reads:
    return Reads(allowance=allowance, used=used, now=NOVEMBER + timedelta(days=day))


@pytest.mark.parametrize(
    ("used", "day", "stretch", "ends_on", "running_out"),
    [
        (0, 0, 1, None, False),
        (100_000, 10, 1, None, False),  # a third of each: as ever
        (150_000, 10, 3, date(2026, 11, 21), False),  # half after a third: (1/2 / 1/3) x (2/3 / 1/2) = 2 times
        (225_000, 15, 3, date(2026, 11, 21), True),
        (290_000, 20, STRETCHED_MAX, date(2026, 11, 21), True),
        (290_000, 29, 1, None, True),  # only just enough: said, and nothing slowed
        (310_000, 29, STRETCHED_MAX, date(2026, 11, 30), True),
    ],
)
def test_the_pace_of_a_month(used: int, day: int, stretch: int, ends_on: date | None, running_out: bool) -> None:
    found = reads(used, day)
    assert found.stretch == pytest.approx(stretch, abs=1)
    assert (found.stretch == 1) == (stretch == 1)
    assert (found.ends_on, found.running_out) == (ends_on, running_out)


@given(st.integers(0, 400_000), st.integers(0, 30 * 86_400 - 1))
def test_who_keeps_to_the_stretched_pace_has_reads_left_at_the_end(used: int, second: int) -> None:
    found = Reads(allowance=300_000, used=used, now=NOVEMBER + timedelta(seconds=second))
    assert 1 <= found.stretch <= STRETCHED_MAX
    if 1 < found.stretch < STRETCHED_MAX and found.elapsed >= found.share / 10:
        pace = found.share / max(found.elapsed, type(found.share)("0.01")) / found.stretch
        assert found.share + pace * (1 - found.elapsed) <= type(found.share)("1.001")


class Store:
    """Where counts are saved; ``away`` while the database is."""

    def __init__(self) -> None:
        self.saved: list[int] = []
        self.away = False

    def __call__(self, counted: int) -> Reads:
        if self.away:
            raise Transient("database-away", "it is away")
        self.saved.append(counted)
        return reads(sum(self.saved), 1)


def test_counts_are_saved_together_and_none_is_forgotten(clock: Any) -> None:
    store = Store()
    meter = Meter(store, now=clock)

    async def call(times: int) -> None:
        for _ in range(times):
            meter.count()
            await meter.settle()

    asyncio.run(call(3 * SAVED_TOGETHER + 7))
    assert store.saved == [SAVED_TOGETHER] * 3
    clock.forward(seconds=61)
    asyncio.run(meter.settle())
    assert store.saved[-1] == 7
    store.away = True
    asyncio.run(call(SAVED_TOGETHER))
    store.away = False
    meter.save()
    assert sum(store.saved) == 4 * SAVED_TOGETHER + 7
    assert meter.reads is not None
    assert meter.reads.used == sum(store.saved)
