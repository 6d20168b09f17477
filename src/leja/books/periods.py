"""Periods: which month a day belongs to, whether it is open, and where a late entry goes."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import msgspec


@lru_cache(maxsize=4096)
def period_of(day: date) -> str:
    """The period of a day: "2026-05"."""
    return f"{day.year:04d}-{day.month:02d}"


def first_day(period: str) -> date:
    """The first day of a period."""
    return date(int(period[:4]), int(period[5:]), 1)


def following(period: str) -> str:
    """The period after this one."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


class Periods(msgspec.Struct, frozen=True, kw_only=True):
    """Which periods are locked, and which tax returns are filed; every other one is open."""

    locked: frozenset[str] = frozenset()
    filed: frozenset[str] = frozenset()

    def is_open(self, day: date) -> bool:
        """Whether something may still be posted on that day."""
        return period_of(day) not in self.locked

    def posting_date(self, day: date) -> date:
        """The day itself, or the first open date after it when its period is locked."""
        period = period_of(day)
        if period not in self.locked:
            return day
        return first_day(_first_outside(self.locked, period))

    def return_period(self, tax_point: date) -> str:
        """The return that a tax belongs to: that of its tax point, or the next one that is not filed."""
        period = period_of(tax_point)
        return _first_outside(self.filed, period) if period in self.filed else period


def _first_outside(closed: frozenset[str], period: str) -> str:
    while period in closed:
        period = following(period)
    return period
