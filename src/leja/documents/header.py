"""What every document carries: which thing it is, which version of it, when and where it happened."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

Kind = Literal["sale", "fulfilment", "refund", "payment", "payout", "invoice", "fee", "stock_move", "closure", "dispute"]


class Header(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Identity is (connection, kind, ``external_id``); the connection is known by whoever stores the document.

    ``version`` orders what the source says of one thing: later text sorts later (an ISO instant in UTC with fixed
    width, or a zero-padded number). ``occurred_at`` is aware and keeps the source's offset; ``business_day`` was
    derived from it once, by the location's zone and day end. ``number`` is what people call it ("#1001"). ``register`` is the
    till at the location, where the source says which.
    """

    external_id: str
    version: str
    occurred_at: datetime
    business_day: date
    currency: str
    number: str = ""
    channel: str = "web"
    location: str = ""
    register: str = ""
    country: str = ""
    test: bool = False
    withdrawn: bool = False
