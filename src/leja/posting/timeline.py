"""The course of a sale that is not paid and handed over in one moment: which tender and which shipment did what.

Think of the sale's total as a line from 0 to the total. Money covers it from the left, and so do goods that leave. Up
to where either has come (the frontier), revenue's tax is due. What money covers first is deferred until goods leave;
what goods cover first is a receivable until money comes. Everything is a function of the facts, never of the order in
which they arrived, so posting again gives the same entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from leja.posting.figures import Figures, TaxKey
from leja.posting.tenders import Movement
from leja.tax.inclusive import round_ratio


class Shipment(NamedTuple):
    """Goods of the sale that left, at what the customer was charged for them, and without tax."""

    day: date
    key: str
    gross: int
    net: int


class Step(NamedTuple):
    """What one tender or shipment does; the ``_before`` figures are sums of earlier steps.

    ``receivable`` is opened by a shipment and settled (positive) by a tender. ``deferred`` is put aside by a tender and
    released by a shipment. ``over`` is money beyond the total.
    """

    key: str
    is_tender: bool
    receivable: int
    receivable_before: int
    deferred: int
    deferred_before: int
    taxes: dict[TaxKey, int]
    over: int
    movement: Movement | None


def walk(found: Figures, tenders: Sequence[Movement], shipments: Sequence[Shipment]) -> list[Step]:
    """The steps in order of day; on one day money comes before goods."""
    events: list[tuple[date, int, int, Movement | Shipment]] = [
        (movement.day, 0, place, movement) for place, movement in enumerate(tenders)
    ]
    ordered = sorted(shipments, key=lambda shipment: (shipment.day, shipment.key))
    events += [(shipment.day, 1, place, shipment) for place, shipment in enumerate(ordered)]
    events.sort(key=lambda event: event[:3])
    course = _Course(found)
    return [
        course.paid(event) if isinstance(event, Movement) else course.shipped(event) for _, _, _, event in events
    ]


class _Course:
    """How far money and goods have come."""

    def __init__(self, found: Figures) -> None:
        self._found = found
        self._money = self._goods = self._frontier = 0
        self._opened = self._settled = self._deferred = self._released = 0

    def paid(self, movement: Movement) -> Step:
        """A tender settles what is receivable, then is deferred, then is too much."""
        total = self._found.total
        before, self._money = self._money, self._money + movement.amount
        if movement.amount >= 0:
            settled = max(0, min(self._money, self._frontier) - before)
            over = max(0, self._money - max(before, total))
        else:
            over = -min(-movement.amount, max(0, before - total))
            settled = movement.amount - over
        taxes, net = self._advance(min(self._money, total))
        step = Step(
            movement.label, True, settled, self._settled, net, self._deferred, taxes, over, movement)
        self._settled += settled
        self._deferred += net
        return step

    def shipped(self, shipment: Shipment) -> Step:
        """A shipment releases what was deferred and opens a receivable for what was not paid."""
        self._goods += shipment.gross
        owed = max(0, self._goods - self._frontier)
        taxes, net = self._advance(self._goods)
        released = shipment.net - net
        step = Step(
            shipment.key, False, owed, self._opened, released, self._released, taxes, 0, None)
        self._opened += owed
        self._released += released
        return step

    def _advance(self, to: int) -> tuple[dict[TaxKey, int], int]:
        """Move the frontier: the taxes that fall due, and the rest without them."""
        start, total = self._frontier, self._found.total
        if to <= start:
            return {}, 0
        self._frontier = to
        taxes = {
            key: round_ratio(amount * to, total) - round_ratio(amount * start, total)
            for key, amount in self._found.taxes.items()
        }
        return taxes, to - start - sum(taxes.values())
