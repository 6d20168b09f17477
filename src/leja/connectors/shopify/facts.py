"""What both of Shopify's shapes say of an order, in one form: the way from either shape to documents meets here."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

import msgspec

from leja.core.money import Money
from leja.documents.parts import Line, Party, Tender

MovementKind = Literal["sale", "capture", "refund", "change", "other"]
MovementState = Literal["success", "pending", "other"]
_HELD_BY_NOBODY: Final = {"cash": "cash", "gift_card": "gift_card", "shopify_store_credit": "store_credit"}
_BY_BANK: Final = ("bank_deposit", "bank_transfer", "money_order", "manual")


class Movement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A transaction of the order. ``rounding`` is what cash rounding added to it."""

    id: str
    kind: MovementKind
    state: MovementState
    amount: Money
    gateway: str = ""
    at: datetime | None = None
    reference: str = ""
    authorization: str = ""
    rounding: Money | None = None


class Returned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a refund that names what it is for. ``amount`` is as charged: with tax only if prices include it."""

    line_id: str
    amount: Money
    tax: Money
    quantity: int = 1
    restocked: bool = False


class RefundFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One refund. ``adjustment`` is goods less money, tax included: negative when more money than goods went back."""

    id: str
    at: datetime
    note: str = ""
    lines: tuple[Returned, ...] = ()
    shipping: tuple[Returned, ...] = ()
    duties: Money | None = None
    fees: Money | None = None
    adjustment: Money | None = None
    movements: tuple[Movement, ...] = ()


class FulfilmentFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Goods that left: lines by id and quantity."""

    id: str
    status: str
    at: datetime
    delivered_at: datetime | None
    lines: tuple[tuple[str, int], ...]


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order in the shop's currency. ``movements`` is None where the shape does not tell them."""

    id: str
    name: str
    currency: str
    version: str
    at: datetime
    total: Money
    total_tax: Money
    tip: Money
    taxes_included: bool
    lines: tuple[Line, ...]
    order_taxes: tuple[tuple[str, Money], ...] = ()
    fees: Money | None = None
    test: bool = False
    cancelled_at: datetime | None = None
    channel: str = "web"
    location: str = ""
    country: str = ""
    movements: tuple[Movement, ...] | None = None
    tenders: tuple[Tender, ...] = ()
    cash_rounding: Money | None = None
    refunds: tuple[RefundFacts, ...] = ()
    fulfilments: tuple[FulfilmentFacts, ...] = ()
    customer: Party | None = None


@lru_cache(maxsize=1024)
def means_of(gateway: str) -> tuple[str, str]:
    """The means of a tender and who holds the money: ``shopify_payments`` -> ("card", "shopify_payments")."""
    name = re.sub(r"[^a-z0-9]+", "_", gateway.lower()).strip("_")
    if name in _HELD_BY_NOBODY:
        return _HELD_BY_NOBODY[name], ""
    if name.startswith("cash_on_delivery"):
        return "cash_on_delivery", "cash_on_delivery"
    if name in _BY_BANK:
        return "bank", name
    return "card", name or "unknown"
