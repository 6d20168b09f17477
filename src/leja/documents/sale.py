"""A sale: a till ticket, a web order, a marketplace order."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Line, Party, Rate, Tender


class Sale(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="sale"):
    """``total`` is what the customer owes in all, as the source states it: lines, taxes, cash rounding.

    ``tenders`` are cumulative: every successful movement of money up to this version, never a difference.
    ``cash_rounding`` is what cash rounding added (or, negative, took) on top of ``total``.
    ``cancelled_on`` is the business day of a cancellation, where the source says it.
    """

    header: Header
    lines: tuple[Line, ...]
    total: Money
    prices_include_tax: bool = False
    tenders: tuple[Tender, ...] = ()
    cash_rounding: Money | None = None
    customer: Party | None = None
    rate: Rate | None = None
    seller_is: Literal["principal", "agent"] = "principal"
    commission: Money | None = None
    commission_taxes: Money | None = None
    state: Literal["open", "cancelled"] = "open"
    cancelled_on: date | None = None
