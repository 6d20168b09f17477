"""A connection as bookkeeping sees it: how its events are decoded, since when it counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID

import msgspec

from leja.connectors.contract import Context, Decoded, RawEvent


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """``decode`` is the connector's; ``can_fetch`` says whether a thin or contradictory event can be completed."""

    connection_id: UUID
    start_date: date
    context: Context
    decode: Callable[[RawEvent, Context], Decoded]
    can_fetch: bool
