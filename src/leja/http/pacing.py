"""Pace: how fast a connection may be called. One ``Pacing`` per connection, shared by all calls of its planner.

    pacing = Pacing(Windows(per_second=2, per_minute=60), now=clock, sleep=asyncio.sleep)
    async with pacing.turn("live", within=30.0, cost=12):    # waits; raises Transient ``pace-wait`` if too long
        ...                                                  # one call in flight
    pacing.observe("day", remaining=12, resets_in=3600)      # budget headers of the vendor
    pacing.pause(30)                                         # Retry-After
    pacing.points(available=900, maximum=2000, restore_rate=100)   # cost points

A window is a log of the last calls, so the published number is never passed in any span of that length, whichever way
the vendor counts. Live calls go before backfill, and backfill leaves live ones as many of the day's calls as they are
going to want, by what they wanted so far; at least a fifth until a day was seen, a twentieth after it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, Literal, Protocol

from leja.core.clock import Clock, system_clock
from leja.core.errors import Transient

Lane = Literal["live", "backfill"]
Span = Literal["second", "minute", "day"]
_SECONDS: Final[dict[Span, float]] = {"second": 1.0, "minute": 60.0, "day": 86400.0}
_LIVE_SHARE: Final = 5
_LIVE_SHARE_SEEN: Final = 20
_LIVE_MORE: Final = 1.15
_SEEN_LEAST: Final = 3600.0  # what happened in the first moments says nothing of a day
_MOMENT: Final = 1e-6


class Limits(Protocol):
    """What pacing reads of a connector's declared limits; 0 means not published."""

    @property
    def per_second(self) -> int: ...
    @property
    def per_minute(self) -> int: ...
    @property
    def per_day(self) -> int: ...
    @property
    def concurrent(self) -> int: ...
    @property
    def batches_per_minute(self) -> int: ...


class Unlimited:
    """No published limits."""

    per_second = per_minute = per_day = concurrent = batches_per_minute = 0


class Window:
    """At most ``count`` calls in any span of ``seconds``, with a little air for clocks that differ."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count = count
        self.seconds = seconds + min(60.0, max(0.05, seconds / 100))
        self.calls: deque[float] = deque()
        self.closed_until = 0.0
        self.remaining: int | None = None

    def delay(self, at: float, kept_back: int = 0) -> float:
        """Seconds until one more call fits."""
        if at >= self.closed_until:
            self.remaining = None
        elif self.remaining is not None and self.remaining <= kept_back:
            return self.closed_until - at
        while self.calls and self.calls[0] <= at - self.seconds:
            self.calls.popleft()
        room = max(1, self.count - kept_back)
        return 0.0 if len(self.calls) < room else self.calls[len(self.calls) - room] + self.seconds - at

    def room(self, at: float, kept_back: int = 0) -> int:
        """How many more calls fit now."""
        if self.delay(at, kept_back):
            return 0
        fits = max(1, self.count - kept_back) - len(self.calls)
        return fits if self.remaining is None else min(fits, self.remaining - kept_back)

    def take(self, at: float) -> None:
        """Counts one call."""
        self.calls.append(at)
        if self.remaining is not None:
            self.remaining -= 1


class Pacing:
    """The pace of one connection. ``now`` and ``sleep`` may be simulated together."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        now: Clock = system_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        limits = limits or Unlimited()
        self._now = now
        self._sleep = sleep
        counts: dict[Span, int] = {"second": limits.per_second, "minute": limits.per_minute, "day": limits.per_day}
        self._windows: dict[Span, Window] = {
            span: Window(count, _SECONDS[span]) for span, count in counts.items() if count
        }
        self._batches = Window(limits.batches_per_minute, 60.0) if limits.batches_per_minute else None
        self._concurrent = limits.concurrent
        self._in_flight = 0
        self._queue: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._moved = asyncio.Condition()
        self._paused_until = 0.0
        self._live: deque[float] = deque()
        self._first: float | None = None
        self._points: tuple[float, float, float, float] | None = None

    @asynccontextmanager
    async def turn(
        self, lane: Lane = "live", *, within: float | None = None, cost: float = 0.0, batch: bool = False
    ) -> AsyncIterator[None]:
        """Waits for a turn and holds one place in flight. Raises Transient ``pace-wait`` beyond ``within``."""
        ticket = (0 if lane == "live" else 1, next(self._numbers))
        heapq.heappush(self._queue, ticket)
        try:
            await self._admitted(ticket, lane, within, cost, batch)
        finally:
            self._queue.remove(ticket)
            heapq.heapify(self._queue)
            await self._tell()
        try:
            yield
        finally:
            self._in_flight -= 1
            await self._tell()

    def observe(self, span: Span, *, remaining: int, resets_in: float | None = None) -> None:
        """What the vendor says is left of a span: never more is used, until it starts anew."""
        at = self._at()
        window = self._windows.setdefault(span, Window(10**9, _SECONDS[span]))
        window.remaining = remaining
        window.closed_until = at + (resets_in if resets_in is not None else _SECONDS[span])

    def pause(self, seconds: float) -> None:
        """No call before that many seconds have passed."""
        self._paused_until = max(self._paused_until, self._at() + seconds)

    def points(self, *, available: float, maximum: float, restore_rate: float) -> None:
        """The vendor's cost budget as it stands now."""
        self._points = (available, maximum, max(restore_rate, 0.001), self._at())

    @property
    def restore_rate(self) -> float:
        """Cost points restored each second, as last heard; 0 before the first answer."""
        return self._points[2] if self._points is not None else 0.0

    async def sleep(self, seconds: float) -> None:
        """Waits on this pacing's clock, which may be simulated."""
        await self._sleep(seconds)

    def delay(self, lane: Lane = "live", *, cost: float = 0.0, batch: bool = False) -> float:
        """Seconds until a call could go, other waiters apart."""
        at = self._at()
        waits = [self._paused_until - at, self._points_delay(at, cost)]
        for span, window in self._windows.items():
            kept_back = self._kept_for_live(at, window.count) if span == "day" and lane == "backfill" else 0
            waits.append(window.delay(at, 0 if window.count >= 10**9 else kept_back))
        if batch and self._batches:
            waits.append(self._batches.delay(at))
        longest = max(0.0, *waits)
        # Clocks count microseconds: who slept less than one would ask again at the same moment, for ever.
        return longest if longest >= _MOMENT else 0.0

    def room(self, lane: Lane = "live", *, batch: bool = False, most: int = 1) -> int:
        """How many calls could go now, other waiters apart; at most ``most``."""
        if self.delay(lane, batch=batch) > 0:
            return 0
        at, fits = self._at(), [most]
        for span, window in self._windows.items():
            kept_back = self._kept_for_live(at, window.count) if span == "day" and lane == "backfill" else 0
            fits.append(window.room(at, 0 if window.count >= 10**9 else kept_back))
        if batch and self._batches:
            fits.append(self._batches.room(at))
        if self._concurrent:
            fits.append(self._concurrent - self._in_flight)
        return max(0, min(fits))

    async def _admitted(
        self, ticket: tuple[int, int], lane: Lane, within: float | None, cost: float, batch: bool
    ) -> None:
        give_up = None if within is None else self._at() + within
        while True:
            async with self._moved:
                while self._queue[0] != ticket or (self._concurrent and self._in_flight >= self._concurrent):
                    await self._moved.wait()
            delay = self.delay(lane, cost=cost, batch=batch)
            if give_up is not None and self._at() + delay > give_up:
                raise Transient("pace-wait", "the vendor's limits leave no room before the deadline", retry_after=delay)
            if delay <= 0:
                return self._take(lane, cost, batch)
            await self._sleep(delay)

    def _kept_for_live(self, at: float, count: int) -> int:
        """How many of the day's calls backfill leaves: those that live ones will want beyond what they have in the window."""
        while self._live and self._live[0] <= at - _SECONDS["day"]:
            self._live.popleft()
        seen = at - (self._first if self._first is not None else at)
        share = count // (_LIVE_SHARE_SEEN if seen >= _SECONDS["day"] else _LIVE_SHARE)
        wanted = len(self._live) * _SECONDS["day"] / min(max(seen, _SEEN_LEAST), _SECONDS["day"])
        return max(share, int(wanted * _LIVE_MORE) - len(self._live))

    def _take(self, lane: Lane, cost: float, batch: bool) -> None:
        at = self._at()
        if "day" in self._windows:
            self._first = at if self._first is None else self._first
            if lane == "live":
                self._live.append(at)
        for window in self._windows.values():
            window.take(at)
        if batch and self._batches:
            self._batches.take(at)
        if self._points is not None and cost:
            available, maximum, rate, since = self._points
            self._points = (min(maximum, available + (at - since) * rate) - cost, maximum, rate, at)
        self._in_flight += 1

    def _points_delay(self, at: float, cost: float) -> float:
        if self._points is None or not cost:
            return 0.0
        available, maximum, rate, since = self._points
        return (min(cost, maximum) - available) / rate - (at - since)

    def _at(self) -> float:
        return _seconds(self._now())

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()


def seconds_for(limits: Limits, calls: int, *, batch: bool = False) -> int:
    """How long so many calls take at least, at the published limits and with nobody else calling."""
    rates = [limits.per_second, limits.per_minute / 60, (limits.batches_per_minute if batch else 0) / 60]
    slowest = min((rate for rate in rates if rate), default=0.0)
    a_day = limits.per_day
    days, rest = divmod(max(0, calls - 1), a_day) if a_day else (0, calls)
    at_once = min(calls, rest + 1) if days else calls
    return int(days * _SECONDS["day"] + (at_once / slowest if slowest else 0))


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
