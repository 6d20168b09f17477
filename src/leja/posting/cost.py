"""The cost of what was sold: from the line where the source knows it, else the item's standing cost of that day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache

from leja.core.errors import NeedsReview
from leja.core.money import Money, rounded, to_decimal
from leja.documents.parts import Line
from leja.posting.case import Case

STOCKED = frozenset({"goods", "sample", "manual"})


def unit_cost(case: Case, stated: Money | None, sku: str, day: date) -> Decimal | None:
    """What one unit cost in base currency, or None where nobody knows."""
    if stated is not None:
        if stated.currency != case.base:
            raise NeedsReview(
                "cost-not-in-base",
                f"{case.name}: the unit cost of {sku or 'a line'} is in {stated.currency}, not in {case.base}.",
                sku=sku, found=stated.currency, expected=case.base,
            )
        return _major(stated.minor, stated.currency)
    series = case.rules.costs.get(sku) if sku else None
    if not series:
        return None
    place = bisect_right(series, day, key=lambda step: step[0])
    return series[place - 1][1] if place else None


def cost_of(case: Case, line: Line, quantity: Decimal, day: date) -> int:
    """The cost of a quantity of a line in minor units of the base currency; 0 where it is not known."""
    if line.kind not in STOCKED:
        return 0
    each = unit_cost(case, line.unit_cost, line.sku, day)
    return rounded(each * quantity, case.base).minor if each else 0


def put_cost(
    case: Case, label: str, parts: Iterable[tuple[Line, int]], *, of: str = "inventory", to: str = "cogs",
) -> None:
    """An entry that moves cost from stock to cost of sales (or back, where it is negative)."""
    known = [(line, cost) for line, cost in parts if cost]
    if not known:
        return
    draft = case.draft(label)
    for line, cost in known:
        draft.put(to, cost, base=cost, currency=case.base, rate=Decimal(1), sku=line.sku, category=line.category)
    for line, cost in known:
        draft.put(of, -cost, base=-cost, currency=case.base, rate=Decimal(1), sku=line.sku, category=line.category)
    draft.finish()


@lru_cache(maxsize=4096)
def _major(minor: int, currency: str) -> Decimal:
    return to_decimal(Money(minor, currency))
