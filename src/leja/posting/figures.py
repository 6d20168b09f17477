"""The figures of a document's lines: what each is worth without tax, which taxes it bears, and whether all adds up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from leja.core.errors import NeedsReview
from leja.core.money import format_minor
from leja.documents.parts import Line, LineKind
from leja.posting.case import Case, Draft
from leja.tax.inclusive import round_ratio, tax_on

REVENUE: Final[dict[LineKind, str]] = {
    "goods": "sales", "shipping": "shipping_income", "gift_card": "gift_card_liability", "tip": "tips_payable",
    "duty": "duties_collected", "service": "sales:service", "sample": "sales:sample", "manual": "sales:manual",
    "restocking_fee": "restocking_fee_income", "donation": "donations_payable",
}
SINGLE_PURPOSE: Final = "gift_card_liability:single_purpose"
TaxKey = tuple[str, str, str]


class Item(NamedTuple):
    """One line in figures: ``gross`` is what the seller receives for it, tax that the channel owes apart."""

    line: Line
    role: str
    tax_code: str
    gross: int
    net: int
    discount: int
    taxes: tuple[tuple[TaxKey, int], ...]


class Figures(NamedTuple):
    """All lines, and what the seller is owed in all (``total``); ``extras`` are rounding lines, credit positive."""

    items: tuple[Item, ...]
    total: int
    extras: tuple[tuple[str, int], ...]
    taxes: dict[TaxKey, int]
    owed_by_channel: int

    @property
    def net(self) -> int:
        """What is left of the total without tax."""
        return self.total - sum(self.taxes.values())


def figures(case: Case, lines: Sequence[Line], total: int, inclusive: bool, cash_rounding: int = 0) -> Figures:
    """The figures of the lines against the document's own total. Raises NeedsReview ``totals-do-not-add-up``."""
    items: list[Item] = []
    taxes: dict[TaxKey, int] = {}
    by_channel = charged = taxed = own = 0
    doubt = 0
    for line in lines:
        item, channel_tax = measure(case, line, inclusive)
        items.append(item)
        charged += item.gross
        by_channel += channel_tax
        if line.taxes:
            taxed += 1
            doubt += _doubt(line, item, channel_tax, inclusive)
        for key, amount in item.taxes:
            own += amount
            taxes[key] = taxes.get(key, 0) + amount
    if doubt > taxed or -doubt > taxed:
        case.flag("tax-differs")
    extras: list[tuple[str, int]] = []
    rounding = total - charged - by_channel
    if rounding:
        require_small(case, rounding, taxed, total)
        extras.append(("rounding", rounding))
    if cash_rounding:
        extras.append(("cash_rounding", cash_rounding))
    return Figures(tuple(items), total - by_channel + cash_rounding, tuple(extras), taxes, by_channel)


def measure(case: Case, line: Line, inclusive: bool) -> tuple[Item, int]:
    """A line's figures, and the tax on it that the channel owes."""
    charged = case.minor(line.listed)
    discount = case.minor(line.discount) if line.discount is not None else 0
    charged -= discount
    code = line.tax_code
    own = by_channel = 0
    if line.taxes:
        code = code or "+".join([tax.code for tax in line.taxes if tax.owed_by == "seller"])
        kept: list[tuple[TaxKey, int]] = []
        for tax in line.taxes:
            amount = case.minor(tax.amount)
            if tax.owed_by == "channel":
                by_channel += amount
            elif amount:
                own += amount
                kept.append(((case.tax_role(tax.code), code, tax.code), amount))
        taxes = tuple(kept)
    else:
        taxes = ()
    net = charged - own - by_channel if inclusive else charged
    if discount and inclusive:
        discount = _discount_net(line, discount, net, charged)
    role = REVENUE[line.kind]
    if line.kind == "gift_card" and own:
        role = SINGLE_PURPOSE
    return Item(line, role, code, net + own, net, discount, taxes), by_channel


def require_small(case: Case, rounding: int, taxed: int, total: int) -> None:
    """Hold a document whose lines and total differ by more than one minor unit per taxed line, or the cap."""
    allowed = min(taxed, case.rules.rounding_cap)
    if abs(rounding) > allowed:
        stated, found = format_minor(total, case.currency), format_minor(total - rounding, case.currency)
        raise NeedsReview(
            "totals-do-not-add-up",
            f"{case.name} states a total of {stated} {case.currency}, but its lines and taxes come to {found}.",
            remedy="Compare it with the source; if the source is right, the connector misread it.",
            document=case.header.external_id, stated=total, found=total - rounding, allowed=allowed,
        )


def put_item(draft: Draft, item: Item, net: int, discount: int, sign: int = -1) -> None:
    """The revenue of a line (or of a part of it) and its discount as contra revenue, net of tax."""
    line = item.line
    draft.put(item.role, sign * (net + discount), tax_code=item.tax_code, sku=line.sku, category=line.category)
    if discount:
        draft.put("sales_discounts", -sign * discount, tax_code=item.tax_code, sku=line.sku, category=line.category)


def put_taxes(draft: Draft, taxes: dict[TaxKey, int], sign: int = -1) -> None:
    """The tax lines; each carries the code of the lines it was charged on, and its own name as memo."""
    for (role, code, name), amount in taxes.items():
        draft.put(role, sign * amount, tax_code=code, memo=name, tax=True)


def put_earned(draft: Draft, found: Figures) -> None:
    """Everything that a sale earned at once: revenue, discounts, rounding and tax."""
    for item in found.items:
        put_item(draft, item, item.net, item.discount)
    for role, amount in found.extras:
        draft.put(role, -amount)
    put_taxes(draft, found.taxes)


def _discount_net(line: Line, discount: int, net: int, charged: int) -> int:
    if charged:
        return round_ratio(discount * net, charged) if charged > 0 else -round_ratio(discount * net, -charged)
    rates = [tax.rate for tax in line.taxes if tax.rate]
    return discount - tax_on(discount, rates, inclusive=True)


def _doubt(line: Line, item: Item, channel_tax: int, inclusive: bool) -> int:
    rates = [tax.rate for tax in line.taxes if tax.rate is not None]
    if len(rates) != len(line.taxes):
        return 0
    charged = item.gross - item.net + channel_tax
    return charged - tax_on(item.net + (charged if inclusive else 0), rates, inclusive)
