"""Tenders: which account money moved on, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from leja.core.errors import NeedsReview
from leja.documents.parts import Tender
from leja.posting.case import Case, Draft
from leja.posting.figures import SINGLE_PURPOSE
from leja.rules.roles import instance_name


class Movement(NamedTuple):
    """One movement of money. ``label`` is its own in the document, for an entry apart."""

    day: date
    role: str
    amount: int
    reference: str
    label: str


@lru_cache(maxsize=4096)
def tender_role(means: str, processor: str = "", voucher: str = "") -> str:
    """The account role of a tender: the till, a liability that is redeemed, the bank, or whoever holds the money."""
    if means == "cash":
        return "cash:till"
    if means == "gift_card":
        return SINGLE_PURPOSE if voucher == "single_purpose" else "gift_card_liability"
    if means == "store_credit":
        return "store_credit_liability"
    if means == "bank":
        return "bank"
    return f"clearing:{instance_name(processor or means)}"


def role_of(tender: Tender) -> str:
    """The account role of this tender."""
    return tender_role(tender.means, tender.processor, tender.voucher)


def movements(case: Case, tenders: Sequence[Tender], less: int = 0) -> list[Movement]:
    """The movements of a document, ``less`` what the channel keeps of them (tax that it owes by itself)."""
    found: list[Movement] = []
    labels: set[str] = set()
    for place, tender in enumerate(tenders, 1):
        label = f"payment:{tender.reference or place}"
        if label in labels:
            label = f"{label}/{place}"
        labels.add(label)
        found.append(Movement(
            tender.business_day or case.day, role_of(tender), case.minor(tender.amount), tender.reference, label))
    return _less(case, found, less) if less else found


def put_movement(draft: Draft, case: Case, movement: Movement, sign: int = 1) -> None:
    """The money line, in base at its own day's rate."""
    amount = sign * movement.amount
    draft.put(movement.role, amount, base=case.in_base(amount), memo=movement.reference)


def _less(case: Case, found: list[Movement], less: int) -> list[Movement]:
    """Take the channel's part off clearing accounts first: it is the channel that keeps it."""
    for place in sorted(range(len(found)), key=lambda i: not found[i].role.startswith("clearing:")):
        movement = found[place]
        part = min(less, movement.amount)
        if part > 0:
            found[place] = movement._replace(amount=movement.amount - part)
            less -= part
    if less > 0:
        raise NeedsReview(
            "channel-tax-over-tenders",
            f"{case.name}: the tax that the channel owes is more than was paid.", document=case.header.external_id,
        )
    return found
