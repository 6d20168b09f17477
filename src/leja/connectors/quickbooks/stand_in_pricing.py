"""Totals and tax of a document as QuickBooks works them out: per line, rounded, then summed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from leja.connectors.quickbooks.stand_in_shapes import Fault, business, invalid_reference, missing

_ITEM: Final = ("SalesItemLineDetail", "ItemBasedExpenseLineDetail")
_ZERO: Final = Decimal(0)


class Rate(msgspec.Struct, frozen=True):
    """A tax code's rate for sales: ``rate_id`` is empty where the code has none."""

    code: str
    rate_id: str
    percent: Decimal


class Part(msgspec.Struct, frozen=True):
    """What one line puts on one account, without tax."""

    account: str
    net: Decimal


class Priced(msgspec.Struct, frozen=True):
    """A document's lines as they are kept, its tax, its total, and where its amounts belong."""

    lines: list[dict[str, Any]]
    tax_lines: list[dict[str, Any]]
    tax: Decimal
    total: Decimal
    parts: tuple[Part, ...]


class Pricing(msgspec.Struct, frozen=True):
    """What pricing needs to know of the company."""

    places: int
    us: bool
    rates: Mapping[str, Rate]
    account_of_item: Callable[[str, str], str]
    account: Callable[[str, str], str]
    discounts: str
    per_document: bool = False

    def rounded(self, amount: Decimal) -> Decimal:
        """To the document's decimals, half up."""
        return amount.quantize(Decimal(1).scaleb(-self.places), rounding=ROUND_HALF_UP)

    def exact(self, amount: Decimal, path: str) -> Decimal:
        """An amount of money as given; refused when it is finer than the currency."""
        if amount != self.rounded(amount):
            raise Fault("2090", "Invalid Number", f"Invalid Number : {path} has too many decimals", element=path)
        return self.rounded(amount)


def price(body: Mapping[str, Any], pricing: Pricing) -> Priced:
    """The priced document. Raises Fault."""
    mode = body.get("GlobalTaxCalculation", "TaxExcluded")
    lines: list[dict[str, Any]] = []
    parts: list[Part] = []
    taxed: dict[str, tuple[Decimal, Decimal]] = {}
    subtotal = _ZERO
    discount: dict[str, Any] | None = None
    for index, given in enumerate(body.get("Line", ())):
        path = f"Line[{index}]"
        kind = given.get("DetailType")
        if kind is None:
            raise missing(f"{path}.DetailType")
        if kind == "SubTotalLineDetail":
            continue
        if kind == "DescriptionOnly":
            lines.append({**given, "Id": str(len(lines) + 1)})
            continue
        if kind == "DiscountLineDetail":
            if discount is not None:
                raise business("a document has at most one discount line")
            discount = given
            continue
        line, part, rate, tax = _line(given, kind, path, mode, pricing)
        line |= {"Id": str(len(lines) + 1), "LineNum": len(lines) + 1}
        lines.append(line)
        parts.append(part)
        subtotal += part.net
        if rate is not None:
            before, base = taxed.get(rate.code, (_ZERO, _ZERO))
            taxed[rate.code] = (before + tax, base + part.net)
    if not lines:
        raise missing("Line")
    if pricing.per_document:
        taxed = {c: (pricing.rounded(base * pricing.rates[c].percent / 100), base) for c, (_, base) in taxed.items()}
    reduction = _discount(discount, subtotal, lines, parts, pricing)
    if reduction and body.get("ApplyTaxAfterDiscount"):
        taxed = _after_discount(taxed, reduction, subtotal, pricing)
    tax_lines = [] if mode == "NotApplicable" else _tax_lines(taxed, pricing)
    tax = _override(tax_lines, body.get("TxnTaxDetail"), pricing)
    total = subtotal - reduction + tax
    if total < 0:
        raise Fault("6070", "Amount Error", "Transaction amount must be 0 or greater.", element="TotalAmt")
    lines.append({"Amount": pricing.rounded(subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
    return Priced(lines, tax_lines, tax, pricing.rounded(total), tuple(parts))


def _line(
    given: Mapping[str, Any], kind: str, path: str, mode: str, pricing: Pricing
) -> tuple[dict[str, Any], Part, Rate | None, Decimal]:
    detail = dict(given.get(kind) or {})
    if not detail and kind not in given:
        raise missing(f"{path}.{kind}")
    gross = detail.get("TaxInclusiveAmt") or None
    rate = None if mode == "NotApplicable" else _rate(detail, f"{path}.{kind}", pricing)
    net = _net(given, detail, path, pricing)
    tax = _ZERO
    if rate is not None:
        if mode == "TaxInclusive" and gross is not None:
            gross = pricing.exact(gross, f"{path}.TaxInclusiveAmt")
            net = pricing.rounded(gross * 100 / (100 + rate.percent))
            tax = gross - net
        else:
            tax = pricing.rounded(net * rate.percent / 100)
            detail.pop("TaxInclusiveAmt", None)
        detail["TaxCodeRef"] = {"value": rate.code}
    if kind in _ITEM:
        detail.setdefault("ItemRef", {"value": "1"})
        account = pricing.account_of_item(detail["ItemRef"].get("value", ""), f"{path}.{kind}.ItemRef")
        if quantity := detail.get("Qty"):
            price_each = detail.get("UnitPrice", _ZERO)
            if pricing.rounded(quantity * price_each) != net:
                detail["UnitPrice"] = (net / quantity).quantize(Decimal("0.00001"), rounding=ROUND_HALF_UP)
    else:
        if "AccountRef" not in detail:
            raise missing(f"{path}.{kind}.AccountRef")
        account = pricing.account(detail["AccountRef"].get("value", ""), f"{path}.{kind}.AccountRef")
    return {**given, "Amount": net, kind: detail}, Part(account, net), rate, tax


def _net(given: Mapping[str, Any], detail: Mapping[str, Any], path: str, pricing: Pricing) -> Decimal:
    if "Amount" in given:
        return pricing.exact(given["Amount"], f"{path}.Amount")
    if "Qty" in detail and "UnitPrice" in detail:
        return pricing.rounded(detail["Qty"] * detail["UnitPrice"])
    raise missing(f"{path}.Amount")


def _rate(detail: Mapping[str, Any], path: str, pricing: Pricing) -> Rate:
    code = (detail.get("TaxCodeRef") or {}).get("value", "TAX" if pricing.us else "")
    if not code:
        raise business("Make sure all your transactions have a VAT rate before you save.", "TaxCodeRef")
    if code not in pricing.rates:
        raise invalid_reference(f"{path}.TaxCodeRef")
    return pricing.rates[code]


def _discount(
    given: Mapping[str, Any] | None, subtotal: Decimal, lines: list[dict[str, Any]], parts: list[Part], pricing: Pricing
) -> Decimal:
    if given is None:
        return _ZERO
    detail = dict(given.get("DiscountLineDetail") or {})
    if detail.get("PercentBased"):
        if "DiscountPercent" not in detail:
            raise missing("DiscountLineDetail.DiscountPercent")
        amount = pricing.rounded(subtotal * detail["DiscountPercent"] / 100)
    elif "Amount" in given:
        amount = pricing.exact(given["Amount"], "Line.Amount")
    else:
        raise missing("Line.Amount")
    wanted = (detail.get("DiscountAccountRef") or {}).get("value", pricing.discounts)
    account = pricing.account(wanted, "DiscountLineDetail.DiscountAccountRef")
    detail["DiscountAccountRef"] = {"value": account}
    lines.append({**given, "Amount": amount, "DiscountLineDetail": detail})
    parts.append(Part(account, -amount))
    return amount


def _after_discount(
    taxed: Mapping[str, tuple[Decimal, Decimal]], reduction: Decimal, subtotal: Decimal, pricing: Pricing
) -> dict[str, tuple[Decimal, Decimal]]:
    if not subtotal:
        return dict(taxed)
    found = {}
    for code, (_tax, base) in taxed.items():
        left = base - pricing.rounded(reduction * base / subtotal)
        found[code] = (pricing.rounded(left * pricing.rates[code].percent / 100), left)
    return found


def _tax_lines(taxed: Mapping[str, tuple[Decimal, Decimal]], pricing: Pricing) -> list[dict[str, Any]]:
    return [
        {
            "Amount": pricing.rounded(tax),
            "DetailType": "TaxLineDetail",
            "TaxLineDetail": {
                "TaxRateRef": {"value": pricing.rates[code].rate_id}, "PercentBased": True,
                "TaxPercent": pricing.rates[code].percent, "NetAmountTaxable": pricing.rounded(base),
            },
        }
        for code, (tax, base) in taxed.items()
        if pricing.rates[code].rate_id
    ]  # fmt: skip


def _override(tax_lines: list[dict[str, Any]], given: Mapping[str, Any] | None, pricing: Pricing) -> Decimal:
    """Tax lines that the caller gives win over the calculation; a bare TotalTax does only in the US model."""
    given = given or {}
    for wanted in given.get("TaxLine", ()):
        rate_id = ((wanted.get("TaxLineDetail") or {}).get("TaxRateRef") or {}).get("value", "")
        mine = [line for line in tax_lines if line["TaxLineDetail"]["TaxRateRef"]["value"] == rate_id]
        if "Amount" not in wanted:
            raise missing("TxnTaxDetail.TaxLine.Amount")
        if not mine:
            raise invalid_reference("TxnTaxDetail.TaxLine.TaxLineDetail.TaxRateRef")
        amount = pricing.exact(wanted["Amount"], "TxnTaxDetail.TaxLine.Amount")
        if delta := amount - mine[0]["Amount"]:
            mine[0]["TaxLineDetail"]["OverrideDeltaAmount"] = delta
        mine[0]["Amount"] = amount
    tax = sum((line["Amount"] for line in tax_lines), _ZERO)
    if pricing.us and "TotalTax" in given and not given.get("TaxLine") and not given.get("UseAutomatedSalesTax"):
        tax = pricing.exact(given["TotalTax"], "TxnTaxDetail.TotalTax")
        if len(tax_lines) == 1:
            tax_lines[0]["Amount"] = tax
    elif given.get("TaxLine") and "TotalTax" in given and given["TotalTax"] != tax:
        raise business("the total of TxnTaxDetail.TaxLine must equal TxnTaxDetail.TotalTax", "TotalTax")
    return pricing.rounded(tax)
