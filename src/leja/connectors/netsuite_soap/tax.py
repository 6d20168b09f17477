"""When tax may be told to NetSuite by tax code: only where the charged tax is, to a penny a line, what the code computes.

A line states its tax beside its code (``tax1Amt``), so a penny that the source rounded otherwise stays as it was charged.
Where a code does not explain the tax, or its tax lands on another account, tax is a line like any other, without tax on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from leja.connectors.contract import BundleLine, Chart, RemoteTaxCode
from leja.core.money import Money, rounded, to_decimal


class Taxed(msgspec.Struct, frozen=True):
    """The lines as they stand in a document; of each its code, "" where the account has none, and the tax it states."""

    lines: tuple[BundleLine, ...]
    codes: tuple[str, ...]
    taxes: tuple[Money | None, ...]


def coded(lines: Sequence[BundleLine], chart: Chart) -> Taxed:
    """The lines of a document: by tax code without the tax lines, or all of them without tax."""
    untaxed = next((code.id for code in chart.tax_codes if code.active and code.rate == 0), "")
    sold = tuple(line for line in lines if not line.role.startswith("output_tax"))
    if not _by_code(sold, lines, chart):
        return Taxed(tuple(lines), (untaxed,) * len(lines), (None,) * len(lines))
    codes = tuple(line.tax_code or untaxed for line in sold)
    return Taxed(sold, codes, tuple((line.tax or _nothing(line)) if line.tax_code else None for line in sold))


def _nothing(line: BundleLine) -> Money:
    return Money(0, line.amount.currency)


def _by_code(sold: Sequence[BundleLine], lines: Sequence[BundleLine], chart: Chart) -> bool:
    codes = {code.id: code for code in chart.tax_codes if code.active}
    taxed = [line for line in sold if line.tax_code]
    if not taxed or not all(_explains(line, codes) for line in taxed):
        return False
    left: dict[str, int] = {}
    for line in lines:
        if line.role.startswith("output_tax"):
            left[line.account] = left.get(line.account, 0) + line.amount.minor
    for line in taxed:
        account = codes[line.tax_code].account
        left[account] = left.get(account, 0) - (line.tax or _nothing(line)).minor
    return not any(left.values())


def _explains(line: BundleLine, codes: dict[str, RemoteTaxCode]) -> bool:
    code, charged = codes.get(line.tax_code), line.tax or _nothing(line)
    if code is None or (charged and not (code.rate and code.account)):
        return False
    computed = rounded(to_decimal(line.amount) * code.rate / 100, line.amount.currency)
    return abs((charged - computed).minor) <= 1
