"""The least time that a vendor's published limits allow for so many calls, whoever makes them and however well."""

from __future__ import annotations

from collections.abc import Iterable

from leja.connectors.contract import Limits

DAY = 86_400.0


def least(limits: Limits, calls: int, batches: int, busy_seconds: float) -> tuple[float, str]:
    """Seconds, and the limit that asks for them. ``busy_seconds``: the sum of what all calls took, of which ``concurrent`` at most
    run at the same time. A window of n calls lets n go at once: call number k waits until k // n windows have passed."""
    asked = [(_windows(calls, limits.per_second, 1.0), "calls a second"), (_windows(calls, limits.per_minute, 60.0), "calls a minute"),
             (_windows(calls, limits.per_day, DAY), "calls a day"), (_windows(batches, limits.batches_per_minute, 60.0), "batches a minute"),
             (busy_seconds / limits.concurrent if limits.concurrent else 0.0, "calls at a time")]
    return max(asked)


def _windows(calls: int, count: int, seconds: float) -> float:
    return (calls - 1) // count * seconds if count and calls else 0.0


def share(limits: Limits, calls: int, batches: int, seconds: float, busy_seconds: float) -> float:
    """Which part of the time that it took was asked for by the limits: 1 is all that can be had."""
    return least(limits, calls, batches, busy_seconds)[0] / seconds if seconds else 0.0


def within(limits: Limits, moments: Iterable[float]) -> str:
    """The published limit that calls at these moments broke, or nothing."""
    at = sorted(moments)
    for count, seconds, name in ((limits.per_second, 1.0, "second"), (limits.per_minute, 60.0, "minute"), (limits.per_day, DAY, "day")):
        if count and any(later - earlier < seconds for earlier, later in zip(at, at[count:], strict=False)):
            return f"more than {count} calls in a {name}"
    return ""
