"""Retail CSV: sales, returns, fees, stock moves and cost lists from files that a till or shop exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from leja.connectors.contract import Connector, NoAuth

Route = Literal["sale", "return", "fee", "stock"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the file is written and what its stock codes mean. An empty field of the first six is found in the file.

    ``columns`` gives our name for a column (invoice, stock_code, description, quantity, date, unit_price, customer,
    country; sku, cost, effective_from) the heading it has in the file. ``date_format`` is "dd/mm/yyyy", "mm/dd/yyyy" or
    "yyyy-mm-dd", with or without a time behind. ``routes`` are the kinds of invoices that are read; others are ignored,
    which is said of each. ``countries`` gives names of countries that are not known here their ISO code.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal_mark: str = ""
    date_format: str = ""
    columns: Mapping[str, str] = {}
    look_ahead_rows: int = 10_000
    zone: str = ""
    currency: str = ""
    channel: str = "store"
    location: str = ""
    cancelled_prefix: str = "C"
    shipping_codes: tuple[str, ...] = ("POST", "DOT", "C2")
    discount_codes: tuple[str, ...] = ("D",)
    sample_codes: tuple[str, ...] = ("S",)
    manual_codes: tuple[str, ...] = ("M",)
    gift_card_prefixes: tuple[str, ...] = ("gift_",)
    fee_codes: Mapping[str, str] = msgspec.field(
        default_factory=lambda: {"AMAZONFEE": "marketplace", "BANK CHARGES": "bank"}
    )
    fees_taken_from: str = "bank"
    paid_by: str = "card"
    processor: str = "retail_terminal"
    routes: tuple[Route, ...] = ("sale", "return", "fee", "stock")
    countries: Mapping[str, str] = {}


CONNECTOR: Final = Connector(
    slug="retail_csv",
    title="Retail CSV file",
    roles=frozenset({"sales"}),
    auth=NoAuth(),
    settings=Settings,
    judged_by="a public data set of real sales, whose invoices were summed independently",
    guarantee="an invoice number is read once; another content under the same number is parked and reviewed",
)
