"""Exchange rates: looked up by purpose, currency, source and day. One purpose never falls back to another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from leja.core.errors import NeedsReview

Purpose = Literal["book", "tax", "customs"]


class ExchangeRate(msgspec.Struct, frozen=True, kw_only=True):
    """How much base currency one unit of ``currency`` is worth on ``day``, for a purpose, as a source says."""

    currency: str
    day: date
    rate: Decimal
    source: str
    purpose: Purpose = "book"


class Rates:
    """The rates of an organisation. A day without a rate takes the last one before it, up to ``max_age`` days old."""

    def __init__(self, rates: Iterable[ExchangeRate] = (), *, max_age: int = 7) -> None:
        self._max_age = max_age
        self._series: dict[tuple[Purpose, str, str], list[ExchangeRate]] = {}
        for rate in rates:
            for source in ("", rate.source):
                self._series.setdefault((rate.purpose, rate.currency, source), []).append(rate)
        for series in self._series.values():
            series.sort(key=lambda rate: rate.day)

    def find(self, purpose: Purpose, currency: str, day: date, source: str = "") -> ExchangeRate | None:
        """The rate, or None; an empty source is whichever was recorded last for the newest day."""
        series = self._series.get((purpose, currency, source), [])
        place = bisect_right(series, day, key=lambda rate: rate.day)
        if place == 0 or (day - series[place - 1].day).days > self._max_age:
            return None
        return series[place - 1]

    def need(self, purpose: Purpose, currency: str, day: date, source: str = "") -> ExchangeRate:
        """The rate. Raises NeedsReview ``rate-missing``."""
        found = self.find(purpose, currency, day, source)
        if found is None:
            raise NeedsReview(
                "rate-missing", f"There is no {purpose} exchange rate for {currency} on {day.isoformat()}.",
                remedy="Enter or load the rate; documents that wait for it go on by themselves.",
                currency=currency, day=day.isoformat(), purpose=purpose, source=source,
            )
        return found
