"""External ids: how what Leja makes is named in ``ir.model.data``, where (module, name) is unique in the database.

The module holds the company's id, for several companies of one database may each be told by a Leja of its own. A name
has letters, digits, ``_`` and ``-``; a dot would end the module.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from leja.connectors.contract import Bundle

MODULE: Final = "__leja_"
LONGEST: Final = 60
_REFUSED: Final = re.compile(r"[^A-Za-z0-9_-]+")
_MODELS: Final = {"Customer": "res.partner", "Payment": "account.payment"}


def module_of(company: int) -> str:
    """The module of a company's external ids."""
    return f"{MODULE}{company}"


def model_of(kind: str) -> str:
    """The model of a kind of document."""
    return _MODELS.get(kind, "account.move")


def name_of(kind: str, reference: str) -> str:
    """The name of a document: payments and moves are kept apart, for a plan may turn one into the other."""
    return f"payment-{reference}" if kind == "Payment" else reference


def reference_in(name: str) -> str:
    """The reference that a name bears."""
    return name.removeprefix("payment-")


def line_name(reference: str, number: int) -> str:
    """The name of a line; without one of its own a repeated load would append the lines again."""
    return f"{reference}_{number}"


def customer_reference(bundle: Bundle, receivable: str) -> str:
    """The customer by the source's id, and by the account that it owes on; who has no id is told as all that have none.

    Never a person's own name: a reference stands in tables that nothing can be erased from.
    """
    known = bundle.customer.external_id if bundle.customer is not None else ""
    if not known:
        return f"customers-{receivable}"
    plain = _REFUSED.sub("-", known)
    if plain != known or len(plain) > 30:
        plain = f"{plain[:20]}-{hashlib.sha256(known.encode()).hexdigest()[:9]}"
    return f"customer-{plain}-{receivable}"
