"""What lines of an invoice or an order come to: subtotals and taxes, per line or on the whole. Pure.

15 % of 39.98 per line is 6.00; 3 x 9.99 with 20 % included is 24.97 + 5.00 (both measured on 18.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec


class TaxRule(msgspec.Struct, frozen=True, kw_only=True):
    """One tax: percent or a fixed amount per unit; ``included`` in the price or on top."""

    id: int
    amount: Decimal
    fixed: bool = False
    included: bool = False
    compounds: bool = False


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A line's price, quantity, discount in percent, and taxes."""

    price: Decimal
    quantity: Decimal
    discount: Decimal
    taxes: tuple[TaxRule, ...]


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """``net`` and ``gross`` of each line, and per tax id its ``(base, tax)``."""

    lines: list[tuple[Decimal, Decimal]]
    taxes: dict[int, tuple[Decimal, Decimal]]


def worked(parts: Sequence[Part], places: int, per_line: bool, price_digits: int | None) -> Worked:
    """The amounts of a document; ``price_digits`` None: prices keep their decimals (19)."""
    unit = Decimal(1).scaleb(-places)
    lines: list[tuple[Decimal, Decimal]] = []
    exact: dict[int, list[Decimal]] = {}
    for part in parts:
        raw, shares = _shares(part, price_digits)
        if per_line:
            shares = [(tax, base, _round(amount, unit)) for tax, base, amount in shares]
        inside = sum((_round(a, unit) for t, _b, a in shares if t.included), Decimal(0))
        net = _round(raw, unit) - inside
        gross = net + sum((_round(a, unit) for _t, _b, a in shares), Decimal(0))
        lines.append((net, gross))
        for tax, _base, amount in shares:
            sums = exact.setdefault(tax.id, [Decimal(0), Decimal(0)])
            sums[0] += net
            sums[1] += amount
    return Worked(lines=lines, taxes={id_: (base, _round(amount, unit)) for id_, (base, amount) in exact.items()})


def _shares(part: Part, price_digits: int | None) -> tuple[Decimal, list[tuple[TaxRule, Decimal, Decimal]]]:
    price = part.price if price_digits is None else _round(part.price, Decimal(1).scaleb(-price_digits))
    raw = price * (100 - part.discount) / 100 * part.quantity
    percent = sum((t.amount for t in part.taxes if t.included and not t.fixed), Decimal(0))
    fixed = sum((t.amount * part.quantity for t in part.taxes if t.included and t.fixed), Decimal(0))
    base = (raw - fixed) * 100 / (100 + percent)
    shares, running = [], base
    for tax in part.taxes:
        amount = tax.amount * part.quantity if tax.fixed else running * tax.amount / 100
        shares.append((tax, running, amount))
        if tax.compounds:
            running += amount
    return raw, shares


def _round(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, ROUND_HALF_UP)


def as_rule(id_: int, body: dict[str, Any]) -> TaxRule:
    """A row of ``account.tax`` as a rule."""
    return TaxRule(
        id=id_, amount=Decimal(body["amount"]), fixed=body["amount_type"] == "fixed",
        included=bool(body.get("included")), compounds=bool(body["include_base_amount"]),
    )  # fmt: skip
