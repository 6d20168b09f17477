"""A payout: a processor settles what it holds; the one transfer that reaches the bank."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Rate

ComponentKind = Literal[
    "charge", "refund", "fee", "fee_tax", "dispute", "dispute_fee", "dispute_won", "reserve_held", "reserve_released",
    "loan_repayment", "withheld_tax", "topup", "unknown",
]


class Component(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One part of the settlement. ``amount`` is signed towards the seller: a charge is positive, a fee negative.

    A "topup" is money that the seller sent to the processor: a payout of its own with a negative amount, whose part is
    settled with a later one.
    """

    component_id: str
    kind: ComponentKind
    amount: Money
    business_day: date | None = None
    reference: str = ""
    fee_type: str = ""


class Payout(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="payout"):
    """``amount`` reached (or, negative, left) the bank; it must equal the sum of ``components``.

    ``settled`` is the amount in the bank's currency where the processor converted it.
    """

    header: Header
    processor: str
    amount: Money
    components: tuple[Component, ...]
    settled: Money | None = None
    state: Literal["paid", "in_transit", "failed"] = "paid"
    rate: Rate | None = None
