"""When tax may be told to Odoo by tax: only where what it computes is, to the cent, what was charged.

Odoo computes tax per line or on the sum of each tax, as ``tax_calculation_rounding_method`` of the company says, which a user
may change any day. Where both agree with the tax as charged and it lands on the account that the entry says, taxes are
sent; otherwise tax is a line like any other, which is always exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from leja.connectors.contract import BundleLine, Chart, RemoteTaxCode
from leja.core.money import Money, rounded, to_decimal


class Taxed(msgspec.Struct, frozen=True):
    """The lines of an invoice, and whether they bear their taxes."""

    lines: tuple[BundleLine, ...]
    by_tax: bool

    def tax(self, line: BundleLine) -> str:
        """The id of the line's tax, "" for none."""
        return line.tax_code if self.by_tax else ""


def taxed(lines: Sequence[BundleLine], chart: Chart) -> Taxed:
    """The lines of a document: with taxes and without the tax lines, or all of them without taxes."""
    sold = tuple(line for line in lines if not line.role.startswith("output_tax"))
    coded = [line for line in sold if line.tax_code]
    codes = {code.id: code for code in chart.tax_codes if code.active}
    if not coded or not all(_agrees(line, codes) for line in coded) or not _agree_in_sum(coded, codes):
        return Taxed(tuple(lines), by_tax=False)
    left: dict[str, int] = {}
    for line in lines:
        if line.role.startswith("output_tax"):
            left[line.account] = left.get(line.account, 0) + line.amount.minor
    for line in coded:
        account = codes[line.tax_code].account
        left[account] = left.get(account, 0) - (line.tax.minor if line.tax is not None else 0)
    return Taxed(tuple(lines), by_tax=False) if any(left.values()) else Taxed(sold, by_tax=True)


def _agrees(line: BundleLine, codes: Mapping[str, RemoteTaxCode]) -> bool:
    code = codes.get(line.tax_code)
    if code is None or (code.rate and not code.account):
        return False
    charged = line.tax or Money(0, line.amount.currency)
    return rounded(to_decimal(line.amount) * code.rate / 100, line.amount.currency) == charged


def _agree_in_sum(coded: Sequence[BundleLine], codes: Mapping[str, RemoteTaxCode]) -> bool:
    """Whether rounding once for all lines of a tax comes to the same."""
    sums: dict[str, tuple[Money, Money]] = {}
    for line in coded:
        zero = Money(0, line.amount.currency)
        amount, tax = sums.get(line.tax_code, (zero, zero))
        sums[line.tax_code] = (amount + line.amount, tax + (line.tax or zero))
    return all(
        rounded(to_decimal(amount) * codes[code].rate / 100, amount.currency) == tax
        for code, (amount, tax) in sums.items()
    )
