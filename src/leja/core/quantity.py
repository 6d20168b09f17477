"""Quantity: a decimal with up to six places."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from leja.core.errors import Refused

_PLAIN: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,12})?\Z")
PLACES: Final = 6


def quantity(value: str | int | Decimal) -> Decimal:
    """A quantity from a vendor's text or integer. Raises Refused ``quantity-unreadable`` or ``quantity-decimals``."""
    if isinstance(value, Decimal):
        value = format(value, "f") if value.is_finite() else str(value)
    text = str(value)
    if isinstance(value, (bool, float)) or not _PLAIN.match(text):
        raise Refused("quantity-unreadable", f"{value!r} is not a plain decimal quantity")
    _, _, fraction = text.partition(".")
    if len(fraction.rstrip("0")) > PLACES:
        raise Refused("quantity-decimals", f"{text} has more than {PLACES} decimals")
    return Decimal(text)
