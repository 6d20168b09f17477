"""When tax may be told to SAP Business One by tax group: only where what it computes is, to the cent, what was charged.

It computes tax per row, rounds it and sums, or, as the company prefers (``GroupLinesInVATCalculation``), on the sum of each
group. Where both agree with the tax as charged and the tax lands on the account that the entry says, groups are sent;
otherwise the tax is a row like any other, without tax on it, which is always exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from leja.connectors.contract import BundleLine, Chart, RemoteTaxCode
from leja.connectors.sap_b1.edition import read
from leja.core.errors import BrokenInvariant
from leja.core.money import Money, rounded, to_decimal


class Taxed(msgspec.Struct, frozen=True):
    """The rows of a document and the tax code of each."""

    lines: tuple[BundleLine, ...]
    codes: tuple[str, ...]


def coded(lines: Sequence[BundleLine], chart: Chart) -> Taxed:
    """The rows of a document: by tax group without the tax lines, or all of them without tax."""
    untaxed = next((code.id for code in chart.tax_codes if code.active and code.rate == 0), "")
    if not untaxed:
        raise BrokenInvariant("sap-b1-untaxed", "a document was planned though the chart has no tax code without tax")
    sold = tuple(line for line in lines if not line.role.startswith("output_tax"))
    if not _by_group(sold, lines, chart):
        return Taxed(tuple(lines), (untaxed,) * len(lines))
    return Taxed(sold, tuple(line.tax_code or untaxed for line in sold))


def _by_group(sold: Sequence[BundleLine], lines: Sequence[BundleLine], chart: Chart) -> bool:
    if read(chart.edition).tax_field != "VatGroup" or not any(line.tax_code for line in sold):
        return False
    codes = {code.id: code for code in chart.tax_codes if code.active}
    taxed = [line for line in sold if line.tax_code]
    if not all(_agrees(line, codes) for line in taxed) or not _agree_in_sum(taxed, codes):
        return False
    left: dict[str, int] = {}
    for line in lines:
        if line.role.startswith("output_tax"):
            left[line.account] = left.get(line.account, 0) + line.amount.minor
    for line in taxed:
        account = codes[line.tax_code].account
        left[account] = left.get(account, 0) - (line.tax.minor if line.tax is not None else 0)
    return not any(left.values())


def _agrees(line: BundleLine, codes: dict[str, RemoteTaxCode]) -> bool:
    code = codes.get(line.tax_code)
    if code is None or (code.rate and not code.account):
        return False
    charged = line.tax or Money(0, line.amount.currency)
    return rounded(to_decimal(line.amount) * code.rate / 100, line.amount.currency) == charged


def _agree_in_sum(taxed: Sequence[BundleLine], codes: dict[str, RemoteTaxCode]) -> bool:
    """Whether rounding once for all rows of a group comes to the same tax."""
    sums: dict[str, tuple[Money, Money]] = {}
    for line in taxed:
        zero = Money(0, line.amount.currency)
        amount, tax = sums.get(line.tax_code, (zero, zero))
        sums[line.tax_code] = (amount + line.amount, tax + (line.tax or zero))
    return all(
        rounded(to_decimal(amount) * codes[code].rate / 100, amount.currency) == tax
        for code, (amount, tax) in sums.items()
    )
