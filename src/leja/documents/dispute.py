"""A dispute: a customer's bank takes money back, and gives it back or keeps it when the dispute is closed."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from leja.core.money import Money
from leja.documents.header import Header


class Dispute(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="dispute"):
    """``amount`` is what the customer's bank took, positive; the money itself moves with payouts.

    ``sale`` is the external id of the sale on the same connection, or empty where another system recorded it: then
    ``reference``, the processor's name of the charge, finds it. ``reason`` is "goods" (not received, not as described:
    the price is given back by another way), "fraud" (the sale stands, the money is lost), or "unknown".
    """

    header: Header
    processor: str
    reference: str
    amount: Money
    sale: str = ""
    state: Literal["open", "won", "lost"] = "open"
    reason: Literal["goods", "fraud", "unknown"] = "unknown"
    closed_on: date | None = None
