"""The clock of a sandbox that can be set and moved on, so that hours of a vendor's rules pass in no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class SimulatedClock:
    """A clock that stands still until somebody moves it: ``clock()``, ``clock.advance(60)``, ``clock.set(moment)``."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._lock = Lock()

    def __call__(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Moves on by ``seconds`` and says what time it is then."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            return self._now

    def set(self, moment: datetime) -> datetime:
        """Sets the time, also backwards: vendors' clocks do jump."""
        with self._lock:
            self._now = moment.astimezone(UTC)
            return self._now
