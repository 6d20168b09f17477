"""A daily closure: a till's day is over; its drawer was counted, and it says what the day came to."""

from __future__ import annotations

from typing import Literal

import msgspec

from leja.core.money import Money
from leja.documents.header import Header

DrawerReason = Literal["expense", "tips", "banked", "drawings"]


class DrawerMove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Cash that left the drawer without a sale (positive) or came into it (negative).

    ``category`` of an expense is the shop's own word ("cleaning"); it picks the expense account. Floats that only go back
    and forth between drawer and safe are no moves.
    """

    move_id: str
    reason: DrawerReason
    amount: Money
    category: str = ""
    memo: str = ""


class ControlTotal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the till says of one kind of document or tender of the day: "sales", "refunds", "tender:cash", "tender:card".

    Amounts are signed towards the seller: refunds are negative. "tax" is the tax of sales less that of refunds, "drawer" the
    cash of all documents less what left the drawer, and "float" what came into it and is no move. "numbers:FIRST..LAST" are the numbers that the till gave on the day
    (``Header.number``; ``count`` of them), "unused:NUMBER" one of them that it says itself it used for nothing.
    """

    what: str
    amount: Money
    count: int | None = None


class Closure(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="closure"):
    """``expected`` is what the drawer should hold without its float, moves of the day taken off; ``counted`` what it held.

    ``totals`` are compared with the documents of that place and day; they never become entries.
    """

    header: Header
    expected: Money | None = None
    counted: Money | None = None
    moves: tuple[DrawerMove, ...] = ()
    totals: tuple[ControlTotal, ...] = ()
