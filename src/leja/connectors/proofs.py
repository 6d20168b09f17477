"""Plans and proofs of a source: how much there is to read, what exists there, how a file is written, what is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from leja.core.money import Money


class BackfillPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How many events, how many calls, how many seconds at the vendor's limits, and what may surprise."""

    events: int
    calls: int
    seconds: int
    warnings: tuple[str, ...] = ()


class SourceId(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that exists at the source: document kind, id, version, day and total as the source states them."""

    kind: str
    external_id: str
    version: str
    business_day: date
    total: Money
    location: str = ""


class DayTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The source's own total: what happened at a location on a business day."""

    kind: str
    location: str
    business_day: date
    count: int
    total: Money


class FileShape(msgspec.Struct, frozen=True, kw_only=True):
    """What was stated or detected about a file, to be shown before it is read."""

    encoding: str
    delimiter: str
    decimal_mark: str
    date_format: str
    columns: Mapping[str, str]
    detected: tuple[str, ...] = ()


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that we hold and that its source no longer has; ``facts`` is the last document, as canonical JSON."""

    kind: str
    external_id: str
    version: str
    found_at: datetime
    facts: str = ""
