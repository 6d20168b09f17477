"""The external ids of the records that Leja makes: the same each time, unique in their group, without personal data."""

from __future__ import annotations

import hashlib
from typing import Final

from leja.connectors.contract import Bundle, Chart, RemoteItem

ITEM_PREFIX: Final = "LJI-"
_CUSTOMER_PREFIX: Final = "LJC-"


def customer_key(bundle: Bundle, chart: Chart) -> str:
    """From the source's id of the customer, and the currency where it is not the home currency; one for all without an id.

    Never from a name: the reference of a record stands in tables that nothing can be erased from.
    """
    party = bundle.customer
    whom = f"id\n{party.external_id}" if party is not None and party.external_id else "everybody"
    abroad = "" if bundle.currency == chart.home_currency else bundle.currency
    digest = hashlib.sha256("\n".join((whom, abroad)).encode()).hexdigest()
    return f"{_CUSTOMER_PREFIX}{digest[:16].upper()}"


def customer_name(bundle: Bundle) -> str:
    """What people read."""
    party = bundle.customer
    known = party is not None and party.external_id
    name = (party.company or party.name or f"Customer {party.external_id}") if party is not None and known else ""
    return " ".join(name.split())[:83] or "Customers through Leja"


def item_key(account: str) -> str:
    """The external id of the item whose sales land on an account."""
    return f"{ITEM_PREFIX}{account}"


def item_name(chart: Chart, account: str) -> str:
    """What people read: Leja, number and name of the account."""
    there = next((each for each in chart.accounts if each.id == account), None)
    words = f"{there.code} {there.name}" if there is not None else account
    return " ".join(f"Leja {words}".replace(":", " ").split())[:60]


def item_for(chart: Chart, account: str) -> RemoteItem | None:
    """Our active item on an account."""
    return next((item for item in chart.items if item.active and item.income_account == account), None)
