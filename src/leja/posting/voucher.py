"""Single-purpose vouchers: their tax was due when they were sold, so a sale that they pay for owes only the rest."""

from __future__ import annotations

from leja.core.errors import NeedsReview
from leja.documents.sale import Sale
from leja.posting.case import Case
from leja.posting.figures import SINGLE_PURPOSE, Figures, Item, TaxKey
from leja.posting.tenders import Movement
from leja.tax.inclusive import round_ratio, tax_on


def less_voucher_tax(
    case: Case, sale: Sale, found: Figures, moves: list[Movement]
) -> tuple[Figures, list[Movement]]:
    """The figures without the tax that the vouchers among the tenders have already borne."""
    paid = sum(move.amount for move in moves if move.role == SINGLE_PURPOSE)
    if paid <= 0 or found.total <= 0:
        return found, moves
    if not any(line.taxes for line in sale.lines):
        raise NeedsReview(
            "voucher-tax-unknown",
            f"{case.name} is paid by a single-purpose voucher, but no line says which tax its price contains.",
            remedy="State the tax rate on the line, even where the tax charged now is nil.",
            document=case.header.external_id,
        )
    items = tuple([_without(item, paid, found.total, sale.prices_include_tax) for item in found.items])
    taxes: dict[TaxKey, int] = {}
    for item in items:
        for key, amount in item.taxes:
            taxes[key] = taxes.get(key, 0) + amount
    borne = sum(before.gross - after.gross for before, after in zip(found.items, items, strict=True))
    return (
        found._replace(items=items, total=found.total - borne, taxes=taxes),
        _less_on_vouchers(moves, borne),
    )


def _without(item: Item, paid: int, total: int, inclusive: bool) -> Item:
    own = sum(amount for _, amount in item.taxes)
    if own:
        kept = tuple((key, amount - round_ratio(amount * paid, total)) for key, amount in item.taxes)
        return item._replace(taxes=kept, gross=item.net + sum(amount for _, amount in kept))
    rates = [tax.rate for tax in item.line.taxes if tax.rate]
    borne = round_ratio(tax_on(item.gross, rates, inclusive=True) * paid, total) if inclusive else 0
    return item._replace(net=item.net - borne, gross=item.gross - borne)


def _less_on_vouchers(moves: list[Movement], borne: int) -> list[Movement]:
    left = borne
    found: list[Movement] = []
    for move in moves:
        part = min(left, move.amount) if move.role == SINGLE_PURPOSE else 0
        left -= part
        found.append(move._replace(amount=move.amount - part))
    return found
