"""Which part of a sale each fulfilment hands over."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from leja.core.errors import NeedsReview
from leja.documents.fulfilment import Fulfilment
from leja.documents.sale import Sale
from leja.posting.case import Case
from leja.posting.figures import Figures, Item
from leja.posting.timeline import Shipment
from leja.tax.inclusive import round_ratio

SHIPPED: Final = frozenset({"goods", "sample", "manual", "service", "gift_card"})


class Part(NamedTuple):
    """How much of a line goes with a fulfilment: quantity, and its share of net and of discount."""

    item: Item
    quantity: Decimal
    net: int
    discount: int


class Handover(NamedTuple):
    """A fulfilment in figures. ``extras`` are the sale's rounding lines, which go with the first one."""

    fulfilment: Fulfilment
    whole: Shipment
    parts: tuple[Part, ...]
    extras: tuple[tuple[str, int], ...]


def is_deferred(case: Case, sale: Sale) -> bool:
    """Whether revenue waits for goods to leave: the channel says so, and there is something that can leave."""
    if case.moment(sale.header) == "sale":
        return False
    return any(line.kind in SHIPPED and line.quantity for line in sale.lines)


def shipments_of(case: Case, sale: Sale, found: Figures, fulfilments: Iterable[Fulfilment]) -> list[Handover]:
    """What each fulfilment hands over, in order of day. What is never shipped (carriage, tips) goes with the first."""
    moment = case.moment(sale.header)
    ordered = sorted(
        (one for one in fulfilments if moment == "dispatch" or one.event == "delivered"),
        key=lambda one: (one.header.business_day, one.header.external_id),
    )
    items = {item.line.line_id: item for item in found.items if item.line.kind in SHIPPED and item.line.quantity}
    rest = [item for item in found.items if item.line.kind not in SHIPPED or not item.line.quantity]
    gone: dict[str, Decimal] = {}
    handed: list[Handover] = []
    for one in ordered:
        parts = [
            part for wanted in one.lines
            if (part := _part(sale, one, items, gone, wanted.line_id, wanted.quantity)) is not None
        ]
        gross = sum(_gross(part, gone) for part in parts)
        for part in parts:
            line_id = part.item.line.line_id
            gone[line_id] = gone.get(line_id, Decimal(0)) + part.quantity
        extras: tuple[tuple[str, int], ...] = ()
        if not handed:
            parts += [Part(item, item.line.quantity, item.net, item.discount) for item in rest]
            gross += sum(item.gross for item in rest) + sum(amount for _, amount in found.extras)
            extras = found.extras
        net = sum(part.net for part in parts) + sum(amount for _, amount in extras)
        header = one.header
        handed.append(Handover(
            one, Shipment(header.business_day, header.external_id, gross, net), tuple(parts), extras))
    return handed


def shipped_until(sale: Sale, fulfilments: Iterable[Fulfilment], day: object, moment: str) -> dict[str, Decimal]:
    """How much of each line had been handed over at the end of a day, at most what was sold."""
    sold = {line.line_id: line.quantity for line in sale.lines}
    gone: dict[str, Decimal] = {}
    for one in fulfilments:
        if one.header.business_day > day or (moment == "delivery" and one.event != "delivered"):  # type: ignore[operator]
            continue
        for line in one.lines:
            left = sold.get(line.line_id, Decimal(0)) - gone.get(line.line_id, Decimal(0))
            gone[line.line_id] = gone.get(line.line_id, Decimal(0)) + min(line.quantity, left)
    return gone


def share(amount: int, before: Decimal, quantity: Decimal, whole: Decimal) -> int:
    """The share of an amount that ``quantity`` of ``whole`` takes after ``before``: the last one takes what is left."""
    return _cumulated(amount, before + quantity, whole) - _cumulated(amount, before, whole)


def _cumulated(amount: int, quantity: Decimal, whole: Decimal) -> int:
    numerator, denominator = quantity.as_integer_ratio()
    whole_numerator, whole_denominator = whole.as_integer_ratio()
    return round_ratio(amount * numerator * whole_denominator, denominator * whole_numerator)


def _gross(part: Part, gone: dict[str, Decimal]) -> int:
    line = part.item.line
    return share(part.item.gross, gone.get(line.line_id, Decimal(0)), part.quantity, line.quantity)


def _part(
    sale: Sale, fulfilment: Fulfilment, items: dict[str, Item], gone: dict[str, Decimal], line_id: str,
    quantity: Decimal,
) -> Part | None:
    item = items.get(line_id)
    name = sale.header.number or sale.header.external_id
    if item is None:
        if any(line.line_id == line_id for line in sale.lines):
            return None
        raise NeedsReview(
            "fulfilment-line-unknown", f"A fulfilment of {name} names line {line_id}, which the sale does not have.",
            sale=sale.header.external_id, fulfilment=fulfilment.header.external_id, line=line_id,
        )
    before = gone.get(line_id, Decimal(0))
    left = item.line.quantity - before
    if fulfilment.event == "delivered":
        # It may only confirm what was already counted when it was dispatched.
        quantity = min(quantity, left)
    if quantity > left:
        raise NeedsReview(
            "fulfilment-over-sale",
            f"A fulfilment of {name} hands over {quantity} of line {line_id}, but only {left} are left.",
            sale=sale.header.external_id, fulfilment=fulfilment.header.external_id, line=line_id,
        )
    if not quantity:
        return None
    whole = item.line.quantity
    return Part(item, quantity, share(item.net, before, quantity, whole), share(item.discount, before, quantity, whole))
