"""Lines, tenders and totals of a transaction, as tills reckon: each line rounded once, everything adds up to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.core.money import format_minor, from_text, rounded

Record = dict[str, Any]
_CODES: Final = {"20.00": "STD", "5.00": "RED", "0.00": "ZERO"}


class Made(msgspec.Struct, frozen=True):
    """One line as it is told, and its minor units: ``net`` of tax, ``tax``, ``discount``."""

    shape: Record
    net: int
    tax: int
    discount: int


def text(minor: int, currency: str) -> str:
    """Decimal text with all of the currency's places."""
    return format_minor(minor, currency)


def line(given: Record, number: int, currency: str, inclusive: bool) -> Made:
    """A line of ``price``, ``quantity``, ``discount`` and ``rate`` (per cent; None: no tax); prices with or without tax."""
    quantity, price = Decimal(str(given.get("quantity", 1))), Decimal(given["price"])
    off = from_text(given.get("discount", "0"), currency).minor
    asked = rounded(quantity * price, currency).minor - off
    rate = given.get("rate")
    tax = _tax(asked, Decimal(rate), inclusive, currency) if rate is not None else 0
    net = asked - tax if inclusive else asked
    shape: Record = {"line_number": number, "kind": given.get("kind", "sale")}
    shape.update({name: given[name] for name in ("item_id", "sku", "gtin", "description", "department", "unit_cost") if given.get(name)})
    shape.update(quantity=format(quantity, "f"), unit_price=format(price, "f"))
    if off:
        shape["discounts"] = [{"amount": text(off, currency), "kind": "promotion"}]
    shape.update(net_amount=text(net, currency), taxes=[])
    if rate is not None:
        rate = format(Decimal(rate).quantize(Decimal("0.01")), "f")
        shape["taxes"] = [{"code": _CODES.get(rate, "OTHER"), "name": "VAT", "rate_percent": rate, "taxable_amount": text(net, currency),
                           "amount": text(tax, currency), "included_in_price": inclusive}]  # fmt: skip
    # The contract counts discounts of prices with tax without their tax.
    return Made(shape, net, tax, off - (_tax(off, Decimal(rate), True, currency) if inclusive and rate is not None else 0))


def back(sold: Record, currency: str, link: Record | None) -> Made:
    """The line that takes ``sold["back"]`` pieces of a sold line back: the same price, discount in proportion."""
    quantity = Decimal(sold["back"])
    share = quantity / Decimal(sold["quantity"])
    taxes, discounts = sold.get("taxes", ()), sold.get("discounts", ())
    off = sum(rounded(Decimal(row["amount"]) * share, currency).minor for row in discounts)
    given: Record = {name: sold[name] for name in ("item_id", "sku", "gtin", "description", "department") if name in sold}
    given.update(kind="return", price=sold["unit_price"], quantity=-quantity, discount=text(-off, currency))
    if taxes:
        given["rate"] = taxes[0]["rate_percent"]
    made = line(given, 0, currency, any(row["included_in_price"] for row in taxes))
    more: Record = {"return_reason": "UNWANTED"}
    if link is not None:
        more["link"] = {**link, "line_number": sold["line_number"]}
    return msgspec.structs.replace(made, shape={**made.shape, **more})


def tenders(
    made: Sequence[Made], pay: str | Sequence[Record], currency: str, *, tip: str, discount: str, rounding: int, name: str
) -> Record:
    """``tenders`` and ``totals``: one means for all of it, or the rows given, the last of which takes what is left."""
    off, tips = from_text(discount, currency).minor, from_text(tip, currency).minor
    net, tax = sum(row.net for row in made) - off, sum(row.tax for row in made)
    due = net + tax + tips
    rows = [{"kind": pay}] if isinstance(pay, str) else list(pay)
    rounds = _nearest(due, rounding) - due if all(row["kind"] == "cash" for row in rows) else 0
    left, told = due + rounds, []
    for number, row in enumerate(rows, 1):
        amount = from_text(row["amount"], currency).minor if "amount" in row else left
        left -= amount
        told.append(_tender(row, number, amount, tips if number == 1 else 0, currency, name))
    if left:
        raise ValueError(f"the tenders leave {text(left, currency)} unpaid")
    gross = net + tax + tips + rounds
    sums = {"net": net, "discount": off + sum(row.discount for row in made), "tax": tax, "tip": tips, "rounding": rounds,
            "gross": gross, "tendered": gross}  # fmt: skip
    return {"tenders": told if made else [], "totals": {key: text(value, currency) for key, value in sums.items()}}


def _tender(row: Record, number: int, amount: int, tip: int, currency: str, name: str) -> Record:
    told: Record = {"tender_number": number, "kind": row["kind"], "label": row.get("label", row["kind"].replace("_", " ")),
                    "amount": text(amount, currency)}  # fmt: skip
    if row["kind"] == "card":
        told.update(reference=row.get("reference", f"AUTH-{name}-{number}"), card_brand="VISA", card_last4="4242")
    told.update({key: row[key] for key in ("reference", "change_amount", "foreign_currency", "foreign_amount") if key in row})
    if tip:
        told["tip_amount"] = text(tip, currency)
    return told


def _tax(asked: int, rate: Decimal, inclusive: bool, currency: str) -> int:
    whole = Decimal(format_minor(asked, currency))
    return rounded(whole * rate / (100 + rate if inclusive else Decimal(100)), currency).minor


def _nearest(minor: int, step: int) -> int:
    return int((Decimal(minor) / step).quantize(Decimal(1), rounding="ROUND_HALF_UP")) * step


