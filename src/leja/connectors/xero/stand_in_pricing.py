"""Line amounts, tax and totals as Xero works them out: tax per line, rounded to the minor unit, then summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from leja.connectors.xero.stand_in_shapes import Invalid

_ZERO = Decimal(0)


class Line(msgspec.Struct, frozen=True):
    """A priced line: as it is kept, the account it rests on, without tax and the tax itself."""

    kept: dict[str, Any]
    account: str
    net: Decimal
    tax: Decimal


class Pricing(msgspec.Struct, frozen=True):
    """What pricing needs to know: decimals of amounts and of unit prices, tax percentages, who may give discounts."""

    places: int
    unit_places: int
    mode: str
    percentages: Mapping[str, Decimal]
    discounts: bool
    per_document: bool = False

    def rounded(self, amount: Decimal) -> Decimal:
        """To the document's decimals, half up."""
        return amount.quantize(Decimal(1).scaleb(-self.places), rounding=ROUND_HALF_UP)

    def exact(self, amount: Decimal, name: str) -> Decimal:
        """An amount of money as given; refused when it is finer than the currency."""
        if amount != self.rounded(amount):
            raise Invalid(f"{name} may have at most {self.places} decimal places.")
        return self.rounded(amount)

    def tax_of(self, amount: Decimal, percent: Decimal) -> Decimal:
        """The tax on (or in) an amount."""
        if self.mode == "NoTax" or not percent:
            return self.rounded(_ZERO)
        return self.rounded(amount * percent / (100 + percent if self.mode == "Inclusive" else 100))


def price_line(given: Mapping[str, Any], account: str, tax_type: str, pricing: Pricing) -> Line:
    """One line of an invoice, credit note or bank transaction. Raises Invalid."""
    quantity = given.get("Quantity", Decimal(1))
    unit = given.get("UnitAmount")
    if unit is None and "LineAmount" in given and quantity:
        unit = given["LineAmount"] / quantity
    unit = (unit or _ZERO).quantize(Decimal(1).scaleb(-pricing.unit_places), rounding=ROUND_HALF_UP)
    amount = pricing.rounded(quantity * unit - _discount(given, quantity * unit, pricing))
    if "LineAmount" in given:
        stated = pricing.exact(given["LineAmount"], "LineAmount")
        if stated != amount:
            raise Invalid(f"The line total {stated} does not match the expected line total {amount}")
    if tax_type not in pricing.percentages:
        raise Invalid(f"The TaxType code '{tax_type}' cannot be used with account code '{account}'.")
    tax = pricing.tax_of(amount, pricing.percentages[tax_type])
    if "TaxAmount" in given and pricing.mode != "NoTax":
        tax = pricing.exact(given["TaxAmount"], "TaxAmount")
    net = amount - tax if pricing.mode == "Inclusive" else amount
    kept = {k: v for k, v in given.items() if k not in ("ValidationErrors", "Item", "AccountID")}
    kept |= {"Quantity": quantity, "UnitAmount": unit, "LineAmount": amount, "TaxAmount": tax, "TaxType": tax_type,
             "AccountCode": account}  # fmt: skip
    kept.setdefault("Tracking", [])
    return Line(kept, account, net, tax)


def _discount(given: Mapping[str, Any], whole: Decimal, pricing: Pricing) -> Decimal:
    if "DiscountRate" not in given and "DiscountAmount" not in given:
        return _ZERO
    if not pricing.discounts:
        raise Invalid("Discounts can only be given on the lines of sales invoices and quotes.")
    if given.get("DiscountRate") and given.get("DiscountAmount"):
        raise Invalid("Only one of DiscountRate and DiscountAmount may be given.")
    if rate := given.get("DiscountRate"):
        return Decimal(whole * rate / 100)
    return Decimal(given.get("DiscountAmount") or _ZERO)


def totals(lines: Sequence[Line], pricing: Pricing) -> tuple[Decimal, Decimal]:
    """Net and tax of all lines; the service sums rounded lines, ``per_document`` rounds only the sum."""
    net, tax = sum((line.net for line in lines), _ZERO), sum((line.tax for line in lines), _ZERO)
    if pricing.per_document and pricing.mode == "Exclusive":
        tax = pricing.rounded(
            sum((line.net * pricing.percentages[line.kept["TaxType"]] / 100 for line in lines), _ZERO)
        )
    return pricing.rounded(net), pricing.rounded(tax)
