"""How an order was paid: from its payment method to the means, to who holds the money, and to its names there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from leja.connectors.woocommerce import Settings
from leja.connectors.woocommerce.wire import Meta, Order, Refund
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


def tender_of(order: Order, amount: Money, settings: Settings) -> Tender:
    """The one tender of a paid order; its reference is what the processor calls the payment."""
    means, processor = _held_by(order, settings)
    reference = order.transaction_id or ""
    also = tuple(name for name in _named(order.meta_data, settings.reference_meta) if name != reference)
    return Tender(means=means, processor=processor, amount=amount, reference=reference, also=also)


def tender_back(order: Order, refund: Refund, amount: Money, settings: Settings) -> Tender:
    """How a refund went back: the way it was paid, or by hand where the gateway had no part in it.

    It never bears the payment's own reference, by which the processor's report would find it instead of the sale.
    """
    manual = settings.manual_refunds
    if manual and not refund.refunded_payment:
        return Tender(means=manual, processor="" if manual in ("cash", "bank") else manual, amount=amount)
    means, processor = _held_by(order, settings)
    names = _named(refund.meta_data, settings.refund_reference_meta)
    return Tender(means=means, processor=processor, amount=amount, reference=names[0] if names else "", also=names[1:])


def _held_by(order: Order, settings: Settings) -> tuple[str, str]:
    # Orders made by hand may bear a title alone.
    method = order.payment_method or order.payment_method_title or ""
    if method in settings.processors:
        return "card", settings.processors[method]
    return means_of(method)


def _named(meta: Iterable[Meta], keys: tuple[str, ...]) -> tuple[str, ...]:
    """What a plugin noted as names of a payment or refund, in the order of ``keys``."""
    told = {one.key: one.value for one in meta if isinstance(one.value, str) and one.value}
    return tuple(dict.fromkeys(told[key] for key in keys if key in told))
