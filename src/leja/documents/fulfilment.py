"""A fulfilment: goods of an earlier sale leave or are delivered; revenue may move on it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from leja.documents.header import Header


class Fulfilled(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much of which line of the sale."""

    line_id: str
    quantity: Decimal


class Fulfilment(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="fulfilment"):
    """``sale`` is the external id of the sale on the same connection."""

    header: Header
    sale: str
    lines: tuple[Fulfilled, ...]
    event: Literal["dispatched", "delivered"] = "dispatched"
