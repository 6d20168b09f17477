"""What a refund gives back: its lines, or an amount split by what is left of the sale; never more tax than is left."""

from __future__ import annotations

from typing import NamedTuple

from leja.core.errors import NeedsReview
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.posting.case import Case
from leja.posting.figures import Item, TaxKey, measure, require_small
from leja.posting.sale import sale_figures
from leja.tax.inclusive import round_ratio


class Left(NamedTuple):
    """What earlier refunds have left of a sale: its total and its taxes."""

    total: int
    taxes: dict[TaxKey, int]


class Returned(NamedTuple):
    """A refund in figures. ``total`` is what the seller gives back; ``allowance`` is an amount without lines, net."""

    items: tuple[Item, ...]
    allowance: int
    taxes: dict[TaxKey, int]
    fee: Item | None
    rounding: int
    total: int


def taxes_left(case: Case, refund: Refund, sale: Sale) -> Left:
    """What was left of the sale when this refund came: earlier ones taken off in their order."""
    found, _ = sale_figures(case, sale)
    left = Left(found.total, dict(found.taxes))
    mine = (refund.header.occurred_at, refund.header.external_id)
    earlier = [
        one for key, one in case.known.refunds.get(refund.sale, {}).items()
        if one.state == "succeeded" and (one.header.occurred_at, key) < mine
    ]
    for one in sorted(earlier, key=lambda one: (one.header.occurred_at, one.header.external_id)):
        back = returned_by(case, one, left)
        fee = back.fee.gross if back.fee is not None else 0
        taxes = {key: amount - back.taxes.get(key, 0) for key, amount in left.taxes.items()}
        left = Left(left.total - back.total - fee, taxes)
    return left


def returned_by(case: Case, refund: Refund, left: Left | None) -> Returned:
    """The figures of a refund. Raises NeedsReview ``totals-do-not-add-up`` or ``refund-over-sale``."""
    total = case.minor(refund.total)
    if not refund.lines:
        return _amount_only(total, left, case, refund)
    items: list[Item] = []
    by_channel = gross = taxed = 0
    for line in refund.lines:
        item, channel_tax = measure(case, line, refund.prices_include_tax)
        by_channel += channel_tax
        gross += item.gross
        taxed += bool(line.taxes)
        items.append(item)
    items, taxes = _within(case, items, left)
    fee: Item | None = None
    if refund.restocking_fee is not None:
        fee, _ = measure(case, refund.restocking_fee, refund.prices_include_tax)
        gross -= fee.gross
    rounding = total - by_channel - gross
    if rounding:
        require_small(case, rounding, taxed, total)
    return Returned(tuple(items), 0, taxes, fee, rounding, total - by_channel)


def _amount_only(total: int, left: Left | None, case: Case, refund: Refund) -> Returned:
    if left is None or left.total <= 0:
        return Returned((), total, {}, _fee(case, refund), 0, total)
    # The whole of what is left takes its whole tax, so that refunds together come to the sale's tax exactly.
    share = min(total, left.total)
    taxes = {key: round_ratio(amount * share, left.total) for key, amount in left.taxes.items() if amount}
    return Returned((), total - sum(taxes.values()), taxes, None, 0, total)


def _fee(case: Case, refund: Refund) -> Item | None:
    if refund.restocking_fee is None:
        return None
    raise NeedsReview(
        "totals-do-not-add-up", f"Refund {case.name} keeps a restocking fee but has no lines to keep it from.",
        document=refund.header.external_id,
    )


def _within(case: Case, items: list[Item], left: Left | None) -> tuple[list[Item], dict[TaxKey, int]]:
    """Limit each tax to what is left of it: a rest of rounding stays in the net amount, more than that is held."""
    taxes: dict[TaxKey, int] = {}
    if left is None:
        for item in items:
            for key, amount in item.taxes:
                taxes[key] = taxes.get(key, 0) + amount
        return items, taxes
    open_by_role: dict[str, int] = {}
    for (role, _, _), amount in left.taxes.items():
        open_by_role[role] = open_by_role.get(role, 0) + amount
    kept: list[Item] = []
    over = 0
    for item in items:
        cut = 0
        own: list[tuple[TaxKey, int]] = []
        for key, amount in item.taxes:
            allowed = min(amount, max(0, open_by_role.get(key[0], 0)))
            open_by_role[key[0]] = open_by_role.get(key[0], 0) - allowed
            cut += amount - allowed
            own.append((key, allowed))
            taxes[key] = taxes.get(key, 0) + allowed
        over += cut
        kept.append(item._replace(taxes=tuple(own), net=item.net + cut) if cut else item)
    if over > len(items):
        raise NeedsReview(
            "refund-over-sale",
            f"Refund {case.name} gives back {over} minor units more tax than is left of its sale.",
            refund=case.header.external_id, over=over,
        )
    return kept, taxes
