"""A stock move without money: what was found, damaged or given away changes stock at its standing cost."""

from __future__ import annotations

from decimal import Decimal

from leja.core.money import rounded
from leja.documents.stock_move import StockMove
from leja.posting.case import Case
from leja.posting.cost import unit_cost


def post_stock_move(case: Case, move: StockMove) -> None:
    """Stock against the count difference; lines without a known cost post nothing and are flagged."""
    draft = case.draft("stock_move", text=move.reason)
    for line in move.lines:
        each = unit_cost(case, line.unit_cost, line.sku, case.day)
        if each is None:
            case.flag("no-cost")
            continue
        cost = rounded(each * line.quantity, case.base).minor
        for role, amount in (("inventory", cost), ("stock_count_difference", -cost)):
            draft.put(role, amount, base=amount, currency=case.base, rate=Decimal(1), sku=line.sku)
    draft.finish()
