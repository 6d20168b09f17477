"""The parts that documents share: lines, taxes, tenders, the other party."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from leja.core.money import Money

LineKind = Literal[
    "goods", "shipping", "gift_card", "tip", "duty", "service", "sample", "manual", "restocking_fee", "donation"
]


class Tax(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One tax as the customer was charged it. ``rate`` is a percentage and evidence only; ``amount`` is the truth.

    ``code`` names the tax in the source's words ("VAT 20%"). ``owed_by`` says who hands it to the state: a tax that
    the channel owes is a memo and is never posted.
    """

    code: str
    amount: Money
    rate: Decimal | None = None
    owed_by: Literal["seller", "channel"] = "seller"


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line as the source shows it.

    ``listed`` is quantity times unit price before any discount, ``discount`` the line's share of all discounts (never
    negative), both containing tax exactly if the document says ``prices_include_tax``. What the customer was charged
    is ``listed - discount``, plus ``taxes`` where prices exclude them. ``unit_cost`` in the base currency, where the
    source knows it.
    """

    line_id: str
    kind: LineKind
    listed: Money
    quantity: Decimal = Decimal(1)
    discount: Money | None = None
    taxes: tuple[Tax, ...] = ()
    sku: str = ""
    title: str = ""
    category: str = ""
    unit_cost: Money | None = None
    tax_code: str = ""
    restocked: bool = True


class Tender(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How money moved, and when. ``amount`` is positive towards the seller on a sale, towards the customer on a refund.

    ``means`` is the kind of tender ("cash", "card", "gift_card", "store_credit", "bank", "mpesa_till"); ``processor``
    names who holds the money until it settles and picks the clearing account (empty for cash, gift card, credit).
    ``reference`` is the processor's own name for the movement where the source knows it; ``also`` are other names that
    payouts or the processor itself may use for it.
    """

    means: str
    amount: Money
    processor: str = ""
    reference: str = ""
    business_day: date | None = None
    voucher: str = ""
    also: tuple[str, ...] = ()


class Party(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The customer or supplier: personal data, kept apart from the facts so that it can be erased."""

    external_id: str
    name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""
    tax_number: str = ""
    country: str = ""
    address: tuple[str, ...] = ()


class Rate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One unit of the document's currency in the base currency, as the source itself states it."""

    rate: Decimal
    base: str
    source: str
    purpose: Literal["book", "tax", "customs"] = "book"
