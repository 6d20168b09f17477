"""Time as three facts: the instant in UTC, the source's offset, and the business day of the place of sale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leja.core.errors import Refused

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, in UTC. Read only in the shell; below it the time is an argument."""
    return datetime.now(UTC)


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises Refused ``zone-unknown``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused("zone-unknown", f"{name!r} is not an IANA time zone, such as Africa/Nairobi") from None


def instant(text: str) -> datetime:
    """An aware datetime, offset kept, from ISO 8601 text. Raises Refused ``instant-unreadable``."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise Refused("instant-unreadable", f"{text!r} is not an ISO 8601 instant") from None
    if moment.tzinfo is None:
        raise Refused("instant-unreadable", f"{text!r} has no offset from UTC")
    return moment


def offset_minutes(moment: datetime) -> int:
    """Minutes east of UTC that the source stated with the instant."""
    offset = moment.utcoffset()
    if offset is None:
        raise Refused("instant-unreadable", f"{moment!r} has no offset from UTC")
    return int(offset.total_seconds() // 60)


def business_day(moment: datetime, zone_name: str, day_end_minutes: int = 0) -> date:
    """The trading day that ``moment`` belongs to at a place.

    ``day_end_minutes`` is how long after local midnight the day ends: 120 means that a sale at 01:59 belongs to
    the day before. The comparison is on the wall clock, so days of 23 and 25 hours need no care.
    """
    local = moment.astimezone(zone(zone_name)).replace(tzinfo=None)
    return (local - timedelta(minutes=day_end_minutes)).date()


def localised(naive: datetime, zone_name: str) -> datetime:
    """A wall-clock time at a place as an aware datetime; in the doubled hour of autumn the first pass is taken."""
    return naive.replace(tzinfo=zone(zone_name))


def utc(moment: datetime) -> datetime:
    """The same instant in UTC."""
    return moment.astimezone(UTC)
