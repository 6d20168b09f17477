"""How an order was paid: from its payment method to the means, and to who holds the money."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from leja.connectors.woocommerce.wire import Order, Refund
from leja.core.money import Money
from leja.documents.parts import Tender

# The methods of the core; what plugins add is named by its first word, or by the setting ``processors``.
_CORE: Final[Mapping[str, tuple[str, str]]] = {
    "bacs": ("bank", ""),
    "cheque": ("cheque", "cheque"),
    "cod": ("cash_on_delivery", "cash_on_delivery"),
}


@lru_cache(maxsize=1024)
def means_of(method: str) -> tuple[str, str]:
    """Means and processor of a payment method: ``stripe_sepa`` and ``stripe`` are one processor; "" is unknown."""
    name = re.sub(r"[^a-z0-9]+", "_", method.lower()).strip("_")
    if name in _CORE:
        return _CORE[name]
    if name.startswith("woocommerce_payments"):
        return "card", "woocommerce_payments"
    return "card", name.partition("_")[0] or "unknown"


def tender_of(order: Order, amount: Money, processors: Mapping[str, str]) -> Tender:
    """The one tender of a paid order; its reference is what the processor calls the payment."""
    # Orders made by hand may bear a title alone.
    method = order.payment_method or order.payment_method_title or ""
    means, processor = means_of(method)
    if method in processors:
        means, processor = "card", processors[method]
    return Tender(means=means, processor=processor, amount=amount, reference=order.transaction_id or "")


def tender_back(order: Order, refund: Refund, amount: Money, processors: Mapping[str, str], manual: str) -> Tender:
    """How a refund went back: the way it was paid, or by hand where the gateway had no part in it."""
    paid = tender_of(order, amount, processors)
    if refund.refunded_payment or not manual:
        return paid
    return Tender(means=manual, processor="" if manual in ("cash", "bank") else manual, amount=amount)
