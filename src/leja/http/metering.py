"""Metered reads: how many of a month's allowance a connection has used, and how much slower it must ask to come out.

Reads are counted in memory and saved together, so that a call costs no write; a process that is killed forgets at most
``SAVED_TOGETHER`` of them, or those of ``SAVED_SECONDS``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from leja.core.clock import Clock
from leja.core.errors import LejaError

SAVED_TOGETHER: Final = 50
SAVED_SECONDS: Final = 60
TOLERANCE: Final = Decimal("0.05")  # so much of the month it may be ahead
NEARLY: Final = Decimal("0.95")
STRETCHED_MAX: Final = 20
_log = logging.getLogger("leja.reads")


def month_of(now: datetime) -> date:
    """The first day of a moment's calendar month, UTC."""
    return now.astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month + timedelta(days=32)).replace(day=1)


class Reads(msgspec.Struct, frozen=True, kw_only=True):
    """A month's allowance and what was used of it until ``now``."""

    allowance: int
    used: int
    now: datetime

    @property
    def month(self) -> date:
        """The month, by its first day."""
        return month_of(self.now)

    @property
    def share(self) -> Decimal:
        """The share of the allowance that is used; above 1 if more than there is."""
        return (Decimal(self.used) / self.allowance).quantize(Decimal("0.0001"))

    @property
    def elapsed(self) -> Decimal:
        """The share of the month that is over."""
        begun = datetime.combine(self.month, datetime.min.time(), UTC)
        whole = datetime.combine(next_month(self.month), datetime.min.time(), UTC) - begun
        return (Decimal((self.now - begun) // timedelta(seconds=1)) / (whole // timedelta(seconds=1))).quantize(Decimal("0.0001"))

    @property
    def ahead(self) -> bool:
        """Whether the share used runs ahead of the month."""
        return self.share > self.elapsed + TOLERANCE

    @property
    def ends_on(self) -> date | None:
        """The day on which the allowance is used up at the month's pace so far; None if it lasts."""
        if self.share >= 1:
            return self.now.astimezone(UTC).date()
        if not self.used or self.share <= self.elapsed:
            return None
        begun = datetime.combine(self.month, datetime.min.time(), UTC)
        seconds = int(Decimal((self.now - begun) // timedelta(seconds=1)) / self.share)
        found = (begun + timedelta(seconds=seconds)).date()
        return found if found < next_month(self.month) else None

    @property
    def running_out(self) -> bool:
        """Whether a person should hear of it: most is used, and it does not last."""
        return self.share >= NEARLY or (self.share >= Decimal("0.7") and self.ends_on is not None)

    @property
    def stretch(self) -> int:
        """How many times slower to ask for what is no sale, so that the rest of the allowance lasts; 1: as ever."""
        if not self.ahead:
            return 1
        left, time_left = 1 - self.share, 1 - self.elapsed
        if left <= 1 - NEARLY:
            return STRETCHED_MAX
        pace = self.share / max(self.elapsed, Decimal("0.01"))
        return max(2, min(STRETCHED_MAX, int((pace * time_left / left).to_integral_value(rounding="ROUND_CEILING"))))


Save = Callable[[int], Reads]


class Meter:
    """Counts the reads of one connection. ``save`` adds so many to what is stored and says how it stands."""

    def __init__(self, save: Save, *, now: Clock) -> None:
        self._save, self._now = save, now
        self._pending, self._saved_at = 0, now()
        self.reads: Reads | None = None

    def count(self) -> None:
        """One read was made."""
        self._pending += 1

    async def settle(self) -> None:
        """Save what was counted if it is time for that."""
        if self._pending >= SAVED_TOGETHER or self._now() - self._saved_at >= timedelta(seconds=SAVED_SECONDS):
            counted = self._taken()
            await asyncio.to_thread(self._store, counted)

    def save(self) -> None:
        """Save what was counted, now."""
        self._store(self._taken())

    def _taken(self) -> int:
        counted, self._pending = self._pending, 0
        self._saved_at = self._now()
        return counted

    def _store(self, counted: int) -> None:
        """What cannot be saved is kept for the next time."""
        if not counted:
            return
        try:
            self.reads = self._save(counted)
        except LejaError as error:
            self._pending += counted
            _log.warning("reads are not counted yet: %s", error)
