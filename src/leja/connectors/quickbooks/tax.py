"""When tax may be told to QuickBooks by code: only where what it computes is, to the cent, what was charged.

QuickBooks computes tax per line, rounds it and sums, or, as the company prefers, rounds the sum of each code; which of
both cannot be read. Where both agree with the tax as charged and the tax lands on the account that the entry says, codes
are sent; otherwise the tax is a line like any other, which is always exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from leja.connectors.contract import BundleLine, Chart, RemoteTaxCode
from leja.core.money import Money, rounded, to_decimal


class Taxed(msgspec.Struct, frozen=True):
    """Lines without the tax lines, and the code of those that have none of their own."""

    lines: tuple[BundleLine, ...]
    untaxed: str
    tax: Money

    def code(self, line: BundleLine) -> str:
        """The remote tax code of a line."""
        return line.tax_code or self.untaxed

    def total(self, sign: int) -> Money:
        """The tax of the document, as the document's own side counts it."""
        return Money(sign * self.tax.minor, self.tax.currency)


def taxed(lines: Sequence[BundleLine], chart: Chart) -> Taxed | None:
    """The lines as QuickBooks taxes them by code, or nothing where tax must stay a line."""
    if chart.edition == "US" or not any(line.tax_code for line in lines):
        return None
    codes = {code.id: code for code in chart.tax_codes if code.active}
    tax_lines = [line for line in lines if line.role.startswith("output_tax")]
    sold = tuple(line for line in lines if line not in tax_lines)
    untaxed = _untaxed(sold, chart)
    if untaxed is None or not all(_agrees(line, codes) for line in sold if line.tax_code) or not _agree_in_sum(sold, codes):
        return None
    by_account: dict[str, int] = {}
    for line in tax_lines:
        by_account[line.account] = by_account.get(line.account, 0) + line.amount.minor
    for line in sold:
        if line.tax_code and line.tax is not None and line.tax:
            account = codes[line.tax_code].account
            by_account[account] = by_account.get(account, 0) - line.tax.minor
    if any(by_account.values()):
        return None
    return Taxed(sold, untaxed, Money(sum(line.amount.minor for line in tax_lines), lines[0].amount.currency))


def _untaxed(lines: Sequence[BundleLine], chart: Chart) -> str | None:
    if all(line.tax_code for line in lines):
        return ""
    return next((code.id for code in chart.tax_codes if code.active and code.rate == 0), None)


def _agrees(line: BundleLine, codes: dict[str, RemoteTaxCode]) -> bool:
    code = codes.get(line.tax_code)
    if code is None or (code.rate and not code.account):
        return False
    charged = line.tax or Money(0, line.amount.currency)
    return rounded(to_decimal(line.amount) * code.rate / 100, line.amount.currency) == charged


def _agree_in_sum(lines: Sequence[BundleLine], codes: dict[str, RemoteTaxCode]) -> bool:
    """Whether rounding once for all lines of a code comes to the same tax."""
    sums: dict[str, tuple[Money, Money]] = {}
    for line in lines:
        if line.tax_code:
            zero = Money(0, line.amount.currency)
            amount, tax = sums.get(line.tax_code, (zero, zero))
            sums[line.tax_code] = (amount + line.amount, tax + (line.tax or zero))
    return all(rounded(to_decimal(amount) * codes[code].rate / 100, amount.currency) == tax for code, (amount, tax) in sums.items())
