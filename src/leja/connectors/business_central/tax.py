"""Tax in Business Central: it is worked out over there, from the tax group of a line, and nobody can state an amount.

So codes are sent only where the amount that Business Central will come to is the one that was charged: per tax group on
the sum of its lines, halves away from zero (the base application's rule for VAT; the draft's total is compared with it
before it is posted). Anything else is told by journal, with the tax as a line like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from leja.connectors.business_central.stated import untaxed
from leja.connectors.contract import BundleLine, Chart
from leja.core.money import Money, rounded, to_decimal


def as_charged(sold: Sequence[BundleLine], taxes: Sequence[BundleLine], chart: Chart, sign: int) -> bool:
    """Whether Business Central will post exactly these taxes for these lines; ``sign`` turns them to the document's side."""
    codes = {code.id: code for code in chart.tax_codes if code.active}
    bases: dict[str, int] = defaultdict(int)
    for line in sold:
        if not line.tax_code and not untaxed(chart):
            return False
        if line.tax_code and line.tax_code not in codes:
            return False
        bases[line.tax_code] += sign * line.amount.minor
    due: dict[str, int] = defaultdict(int)
    for name, base in bases.items():
        if not name or not codes[name].rate:
            continue
        currency = sold[0].amount.currency
        due[codes[name].account] += rounded(to_decimal(Money(base, currency)) * codes[name].rate / Decimal(100), currency).minor
    told: dict[str, int] = defaultdict(int)
    for line in taxes:
        told[line.account] += sign * line.amount.minor
    return {a: m for a, m in due.items() if m} == {a: m for a, m in told.items() if m} and "" not in due
