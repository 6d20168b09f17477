"""Steps as the worker is handed them: what to call, for whom, and how often where time alone makes it due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from random import Random
from typing import Final, Literal
from uuid import UUID

import msgspec

from leja.core.clock import localised, utc

NIGHT: Final = time(2, 0)
NIGHT_SPREAD_MINUTES: Final = 120
FIRST_RETRY_SECONDS: Final = 1
LAST_RETRY_SECONDS: Final = 300


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to: whether it got something done, and before when it need not be tried again."""

    fruitful: bool = True
    not_before: datetime | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step. ``run`` takes the organisation and the subject: a connection's id, or "" for the organisation itself.

    ``work`` steps are due when the tables hold something for them; the others when ``due.not_before`` is past.
    ``slugs`` are the platforms whose connections it concerns; None for the organisation itself.
    """

    name: str
    run: Callable[[UUID, str], Awaitable[Ran]]
    slugs: frozenset[str] | None = None
    when: Literal["work", "time"] = "work"


def retry_at(now: datetime, failures: int, random: Random, told: float | None = None) -> datetime:
    """When to try again after so many failures in a row: doubling, with jitter; not before the vendor said."""
    most = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(failures, 12))
    return now + timedelta(seconds=max(most * random.uniform(0.5, 1), told or 0))


def next_night(now: datetime, zone: str, spread: UUID) -> datetime:
    """The next small hours at a place; organisations are spread over them, each always at its own minute."""
    minutes = int(spread.int % NIGHT_SPREAD_MINUTES)
    day = now.date() - timedelta(days=1)
    while True:
        at = utc(localised(datetime.combine(day, NIGHT) + timedelta(minutes=minutes), zone))
        if at > now:
            return at
        day += timedelta(days=1)
