"""An invoice to a business customer: owed on terms, not paid at once."""

from __future__ import annotations

from datetime import date

import msgspec

from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Line, Party, Rate


class Invoice(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="invoice"):
    """``total`` contains the taxes, as the customer owes it."""

    header: Header
    lines: tuple[Line, ...]
    total: Money
    customer: Party | None = None
    due: date | None = None
    prices_include_tax: bool = False
    rate: Rate | None = None
