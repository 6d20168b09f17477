"""A fee: what a processor, marketplace or bank takes for itself, outside a payout."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Rate


class Fee(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="fee"):
    """``amount`` is positive when it costs the seller, negative when a fee is given back.

    ``fee_type``: "processing", "platform", "marketplace", "bank", "dispute". ``taken_from`` is the tender's processor
    or "bank". ``tax_treatment`` decides whether ``tax`` is input tax, self-assessed (reverse charge), or none.
    """

    header: Header
    fee_type: str
    amount: Money
    taken_from: str
    title: str = ""
    tax: Money | None = None
    tax_rate: Decimal | None = None
    tax_treatment: Literal["outside_scope", "exempt", "charged", "reverse_charge"] = "outside_scope"
    rate: Rate | None = None
