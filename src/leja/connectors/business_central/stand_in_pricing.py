"""What a sales document comes to: line discounts, the invoice discount, VAT per group, rounded as the vendor does.

VAT is worked out on the sum of each group and handed out to the lines with the remainder carried on, so that the lines
add up to the document. Amounts are Decimals in major units, halves are rounded away from zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

_HUNDRED: Final = Decimal(100)
_ZERO: Final = Decimal(0)


def rounded(amount: Decimal, places: int) -> Decimal:
    """Halves away from zero."""
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def spread(total: Decimal, weights: Sequence[Decimal], places: int) -> list[Decimal]:
    """``total`` in proportion to ``weights``, with the remainder carried from part to part."""
    whole, given, passed, parts = sum(weights, _ZERO), _ZERO, _ZERO, []
    for weight in weights:
        passed += weight
        part = (rounded(total * passed / whole, places) if whole else _ZERO) - given
        given += part
        parts.append(part)
    return parts


def price(
    lines: Sequence[dict[str, Any]], discount: Decimal, percents: Mapping[str, Decimal], places: int, *, taxed: bool
) -> dict[str, Any]:
    """Completes each line in place and gives the totals of the document. ``taxed``: prices include tax."""
    sold = [line for line in lines if line["lineType"] != "Comment"]
    for line in sold:
        line["taxPercent"] = percents[line["taxCode"]]
        gross = rounded(line["quantity"] * line["unitPrice"], places)
        if line.get("_by_percent", True):
            line["discountAmount"] = rounded(gross * line["discountPercent"] / _HUNDRED, places)
        else:
            line["discountPercent"] = rounded(line["discountAmount"] * _HUNDRED / gross, 5) if gross else _ZERO
        line["_amount"] = gross - line["discountAmount"]
    shares = spread(discount, [line["_amount"] for line in sold], places)
    for line, share in zip(sold, shares, strict=True):
        line["invoiceDiscountAllocation"] = share
        line["_net"] = line["_amount"] - share
    for code in dict.fromkeys(line["taxCode"] for line in sold):
        _tax([line for line in sold if line["taxCode"] == code], percents[code], places, taxed)
    return _totals(sold, discount)


def _tax(lines: Sequence[dict[str, Any]], percent: Decimal, places: int, taxed: bool) -> None:
    before, net = _carried(lines, "_amount", percent, places, taxed), _carried(lines, "_net", percent, places, taxed)
    for line, (base, tax), (net_base, net_tax) in zip(lines, before, net, strict=True):
        line["amountExcludingTax"], line["totalTaxAmount"], line["amountIncludingTax"] = base, tax, base + tax
        line["netAmount"], line["netTaxAmount"], line["netAmountIncludingTax"] = net_base, net_tax, net_base + net_tax


def _carried(
    lines: Sequence[dict[str, Any]], name: str, percent: Decimal, places: int, taxed: bool
) -> list[tuple[Decimal, Decimal]]:
    passed, given, found = _ZERO, _ZERO, []
    for line in lines:
        passed += line[name]
        due = passed - passed * _HUNDRED / (_HUNDRED + percent) if taxed else passed * percent / _HUNDRED
        tax = rounded(due, places) - given
        given += tax
        found.append((line[name] - tax if taxed else line[name], tax))
    return found


def _totals(sold: Sequence[dict[str, Any]], discount: Decimal) -> dict[str, Any]:
    net = sum((line["netAmount"] for line in sold), _ZERO)
    tax = sum((line["netTaxAmount"] for line in sold), _ZERO)
    return {
        "discountAmount": discount, "totalAmountExcludingTax": net, "totalTaxAmount": tax,
        "totalAmountIncludingTax": net + tax,
    }  # fmt: skip
