"""The published limits of the service: requests a minute and a second, batches a minute, on the stand-in's clock."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from leja.connectors.quickbooks.stand_in_chart import CompanySettings
from leja.connectors.quickbooks.stand_in_records import encoded
from leja.connectors.quickbooks.stand_in_shapes import Fault
from leja_sandbox.kit import Answer, Store


class Limits:
    """Counts in memory: a service that was restarted has forgotten too."""

    def __init__(self, settings: CompanySettings) -> None:
        self._requests: deque[float] = deque()
        self._batches: deque[float] = deque()
        self._settings = settings

    def admit(self, now: float, *, batch: bool) -> None:
        """Counts a request. Raises Fault 3001 with status 429 when it is one too many."""
        for window in (self._requests, self._batches):
            while window and window[0] <= now - 60:
                window.popleft()
        settings = self._settings
        last_second = sum(1 for moment in self._requests if moment > now - 1)
        if (
            (settings.per_minute and len(self._requests) >= settings.per_minute)
            or (settings.per_second and last_second >= settings.per_second)
            or (batch and settings.batches_per_minute and len(self._batches) >= settings.batches_per_minute)
        ):
            raise throttled()
        self._requests.append(now)
        if batch:
            self._batches.append(now)


class Meter:
    """The commercial metering of reads: counted per calendar month, and refused when the month's are used up."""

    def __init__(self, settings: CompanySettings, store: Store) -> None:
        self._settings, self._store = settings, store

    def read(self, now: float, reads: int = 1) -> None:
        """Counts metered reads. Raises Fault 3001 with status 429 until the next month when they are too many."""
        month = f"{datetime.fromtimestamp(now, UTC):%Y-%m}"
        used = self.used(month)
        if self.budget and used + reads > self.budget:
            raise throttled()
        self._store.put("reads", month, {"used": used + reads})

    @property
    def budget(self) -> int:
        """How many reads a month has; 0 is no end."""
        kept = self._store.get("preference", "reads_per_month")
        return self._settings.reads_per_month if kept is None else int(kept["value"])

    def used(self, month: str) -> int:
        """How many reads were counted in ``month`` (YYYY-MM)."""
        kept = self._store.get("reads", month)
        return 0 if kept is None else int(kept["used"])


def throttled() -> Fault:
    """The body that integrations have seen with 429."""
    return Fault(
        "3001",
        "message=ThrottleExceeded; errorCode=003001; statusCode=429",
        "ThrottleExceeded",
        kind="SERVICE",
        status=429,
    )


def worded(status: int, retry_after: float | None) -> Answer:
    """429 and 5xx faults of the kit in the vendor's words."""
    if status == 429:
        fault = throttled()
    else:
        fault = Fault("10000", "An application error has occurred while processing your request",
                      "System Failure Error", kind="SystemFault", status=status)  # fmt: skip
    headers = {"content-type": "application/json;charset=UTF-8"}
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:g}"
    return Answer(status=status, body=encoded({"Fault": fault.body()}), headers=headers)
