"""A stock move without money: found, damaged, given away, written off."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from leja.core.money import Money
from leja.documents.header import Header


class Moved(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``quantity`` is signed: what came into stock is positive. ``unit_cost`` in base currency where known."""

    line_id: str
    sku: str
    quantity: Decimal
    title: str = ""
    unit_cost: Money | None = None


class StockMove(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="stock_move"):
    """``reason`` is the source's own word; the posting of its cost asks the item's standing cost."""

    header: Header
    lines: tuple[Moved, ...]
    reason: str = ""
