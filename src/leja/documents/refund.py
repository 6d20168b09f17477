"""A refund: money, credit or goods go back."""

from __future__ import annotations

from typing import Literal

import msgspec

from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Line, Party, Rate, Tender


class Refund(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="refund"):
    """``sale`` is the external id of the original on the same connection, or empty: an unlinked return.

    Amounts are positive. ``lines`` are what came back or was credited, with the tax of the original; a refund without
    lines gives back an amount only and is split by the original's proportions of tax. ``tenders`` are the movements
    of money that succeeded; with ``settled_as`` "credit_note" the customer is owed the total instead.
    ``restocking_fee`` (tax included in ``listed`` if prices include it) was kept from the refund.
    """

    header: Header
    lines: tuple[Line, ...]
    total: Money
    sale: str = ""
    prices_include_tax: bool = False
    tenders: tuple[Tender, ...] = ()
    settled_as: Literal["money", "credit_note"] = "money"
    restocking_fee: Line | None = None
    state: Literal["succeeded", "pending", "failed"] = "succeeded"
    reason: str = ""
    customer: Party | None = None
    rate: Rate | None = None
