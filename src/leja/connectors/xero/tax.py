"""Tax in Xero: by tax type with the amount that was charged, where the books agree; else a line like any other.

Xero takes an explicit tax amount per line, so what was charged stands there to the cent. Codes are sent only if the tax
lines of the entry sit on Xero's own tax account and sum to the tax of the coded lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from leja.connectors.contract import BundleLine, Chart


def coded(lines: Sequence[BundleLine], chart: Chart) -> tuple[BundleLine, ...] | None:
    """The lines without tax lines, to be sent with tax types; nothing where tax must stay lines."""
    if not any(line.tax_code for line in lines):
        return None
    codes = {code.id: code for code in chart.tax_codes if code.active}
    tax_lines = [line for line in lines if line.role.startswith("output_tax")]
    sold = tuple(line for line in lines if line not in tax_lines)
    charged = 0
    for line in sold:
        if not line.tax_code:
            continue
        code = codes.get(line.tax_code)
        tax = line.tax.minor if line.tax is not None else 0
        if code is None or (tax and (not code.account or not code.rate)):
            return None
        charged += tax
    accounts = {code.account for code in codes.values()}
    booked = sum(line.amount.minor for line in tax_lines)
    elsewhere = any(line.account not in accounts for line in tax_lines)
    return None if elsewhere or charged != booked else sold


def untaxed(chart: Chart) -> str:
    """The tax type of a line that has none."""
    active = {code.id for code in chart.tax_codes if code.active}
    return "BASEXCLUDED" if "NONE" not in active and "BASEXCLUDED" in active else "NONE"
