"""The names of records that Leja makes in QuickBooks: unique there, the same each time, free of refused characters."""

from __future__ import annotations

import re
from typing import Final

from leja.connectors.contract import Bundle, Chart, RemoteItem

_REFUSED: Final = re.compile(r"[:\"\t\r\n\x00-\x1f]+")
_PREFIX: Final = "Leja "


def _clean(text: str, length: int) -> str:
    return re.sub(r"\s+", " ", _REFUSED.sub(" ", text)).strip()[:length].strip()


def item_name(chart: Chart, account: str) -> str:
    """The name of the item whose sales land on an account."""
    found = next((known.name for known in chart.accounts if known.id == account), "")
    return _clean(f"{_PREFIX}{account} {found}", 100)


def item_for(chart: Chart, account: str) -> RemoteItem | None:
    """Our active item on an account; items of others are never used: they may carry stock or tax of their own."""
    for item in chart.items:
        if item.active and item.income_account == account and item.name.startswith(f"{_PREFIX}{account}"):
            return item
    return None


def customer_name(bundle: Bundle, chart: Chart) -> str:
    """A display name: the source's id of the customer, and the currency where it is not the home currency.

    Never a person's own name: the reference of a record stands in tables that nothing can be erased from. Who has no id
    at the source is told as all that have none.
    """
    party = bundle.customer
    abroad = "" if bundle.currency == chart.home_currency else f" {bundle.currency}"
    known = _clean(party.external_id, 60) if party is not None else ""
    return f"Customer {known}{abroad}" if known else f"Customers through Leja{abroad}"


def supplier_name(bundle: Bundle, chart: Chart) -> str:
    """The supplier that stands on journal lines which touch payables."""
    abroad = "" if bundle.currency == chart.home_currency else f" {bundle.currency}"
    return f"Suppliers through Leja{abroad}"
