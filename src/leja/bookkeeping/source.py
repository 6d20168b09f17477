"""A connection as bookkeeping sees it: how its events are decoded, since when it counts."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec

from leja.bookkeeping.reading import Decode
from leja.connectors.contract import Context


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """``decode`` is the connector's; ``can_fetch`` says whether a thin or contradictory event can be completed."""

    connection_id: UUID
    start_date: date
    context: Context
    decode: Decode
    can_fetch: bool
