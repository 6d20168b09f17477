"""What an event of this connector holds: the rows of one invoice, written plainly, or one standing cost."""

from __future__ import annotations

from typing import Final

import msgspec

INVOICE_TOPIC: Final = "invoice"
UNREADABLE_TOPIC: Final = "unreadable-row"


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A row.

    Numbers are plain decimal text with a point, ``at`` is local time as ISO text; ``fault`` says what is wrong.
    """

    code: str = ""
    title: str = ""
    quantity: str = "0"
    at: str = ""
    price: str = "0"
    customer: str = ""
    country: str = ""
    fault: str = ""


class Invoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rows of an invoice, in the order of the file. Equal rows are two sales."""

    invoice: str
    rows: tuple[Row, ...]


class StandingCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one unit of an item costs from a day on, in the base currency."""

    sku: str
    cost: str
    effective_from: str


encode: Final = msgspec.json.Encoder(order="deterministic").encode
invoice_decoder: Final = msgspec.json.Decoder(Invoice)
