"""Taxes of an order: the names of its rates, and what each comes to on a line.

A line's taxes bear the shop's own decimals where it rounds on the subtotal; they are rounded here once, and what the head
of the order states per rate is brought back in ``meaning.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from leja.connectors.woocommerce.reading import money, rate_percent
from leja.connectors.woocommerce.wire import LineTax, TaxLine
from leja.core.errors import Refused
from leja.core.money import Money, rounded
from leja.documents.parts import Tax

Rates = Mapping[int, tuple[str, Decimal | None]]


def rates_of(lines: Iterable[TaxLine]) -> Rates:
    """Rate id to name and percentage; two rates of one label are told apart by their codes."""
    known = {line.rate_id: line for line in lines}
    labels = Counter(line.label for line in known.values())
    found = {}
    for rate_id, line in known.items():
        name = line.label if line.label and labels[line.label] == 1 else line.rate_code or line.label
        found[rate_id] = (name or f"rate {rate_id}", rate_percent(line.rate_percent))
    return found


def taxes_of(taxes: Iterable[LineTax], currency: str, rates: Rates, sign: int = 1) -> tuple[Tax, ...]:
    """The taxes of a line by rate; nought is left out, but not a part of a cent: many of them make one in the head."""
    found = []
    for tax in taxes:
        amount = fine(tax.total or "0", currency)
        if amount or (tax.total or "").strip("-0."):
            name, percent = rates.get(tax.id, (f"rate {tax.id}", None))
            found.append(Tax(code=name, amount=Money(sign * amount.minor, currency), rate=percent))
    return tuple(found)


def fine(text: str, currency: str) -> Money:
    """An amount that may be finer than its currency, rounded once."""
    try:
        return money(text, currency)
    except Refused as refusal:
        if refusal.code != "amount-decimals":
            raise
        return rounded(Decimal(text), currency)
