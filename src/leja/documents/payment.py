"""A payment: money that arrived apart from the sale or invoice that it settles."""

from __future__ import annotations

from datetime import date

import msgspec

from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Party, Rate, Tender


class Allocation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which open document it pays (external id, same connection) and how much of it.

    ``business_day`` is set where the receipt was booked as unidentified first and allocated on a later day.
    """

    document: str
    amount: Money
    business_day: date | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="payment"):
    """What is not allocated is an unidentified receipt, or a customer credit where the customer is known.

    ``seen_elsewhere``: a processor tells of it that only settles sales which other connections record. What they record
    of the same movement (found by the tender's references) is already booked; only the rest is an unidentified receipt.
    A negative amount is money that went back. ``identified`` stands for the customer where the personal data was taken out.
    """

    header: Header
    tender: Tender
    allocations: tuple[Allocation, ...] = ()
    customer: Party | None = None
    rate: Rate | None = None
    seen_elsewhere: bool = False
    identified: bool = False
