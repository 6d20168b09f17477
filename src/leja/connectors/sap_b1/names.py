"""The codes of the business partners that Leja makes: at most 15 characters, the same each time, free of clashes."""

from __future__ import annotations

import hashlib
from typing import Final

from leja.connectors.contract import Bundle

_PREFIX: Final = "LJ"
_ANYBODY: Final = "everybody"


def _code(*parts: str) -> str:
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{_PREFIX}{digest[:13].upper()}"


def customer_code(bundle: Bundle) -> str:
    """Code of the customer: from the source's id, else from the name; one code for all who are not known."""
    party = bundle.customer
    if party is None or not (party.external_id or party.name or party.company):
        return _code("customer", _ANYBODY)
    return _code("customer", "id", party.external_id) if party.external_id else _code(
        "customer", "name", party.company, party.name)  # fmt: skip


def customer_name(bundle: Bundle) -> str:
    """What people read."""
    party = bundle.customer
    named = (party.company or party.name) if party is not None else ""
    return " ".join(named.split())[:100] or "Customers through Leja"


def supplier_code() -> str:
    """The supplier that stands on journal lines which touch payables."""
    return _code("supplier", _ANYBODY)
