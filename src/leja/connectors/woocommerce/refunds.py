"""What one refund of an order means: goods back, money back, and the difference between them named."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from leja.connectors.woocommerce import Settings
from leja.connectors.woocommerce.reading import money, quantity_of
from leja.connectors.woocommerce.taxes import Rates, rates_of, taxes_of
from leja.connectors.woocommerce.tenders import tender_back
from leja.connectors.woocommerce.wire import FeeLine, LineItem, Order, Refund, ShippingLine
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Line, LineKind
from leja.documents.refund import Refund as RefundDocument


def refund_of(
    refund: Refund, order: Order, sold: tuple[Line, ...], header: Header, settings: Settings
) -> RefundDocument:
    """The refund: its amount is the money; what that is less than the goods was kept, what it is more is a line of its own.

    Without lines it gives back an amount only, even where the order bore tax: posting splits it by the sale's own taxes.
    """
    total = money(refund.amount, order.currency)
    if total.minor < 0:
        raise Refused("woocommerce-negative-total", f"refund {refund.id} has a negative amount: {total}")
    lines = _lines(refund, order, sold)
    worth = sum(line.listed.minor + sum(tax.amount.minor for tax in line.taxes) for line in lines)
    kept = worth - total.minor if lines else 0
    if kept < 0:
        lines = (*lines, Line(line_id="beyond", kind="manual", listed=Money(-kept, order.currency), restocked=False))
    tender = tender_back(order, refund, total, settings)
    return RefundDocument(
        header=header,
        lines=lines,
        total=total,
        sale=str(order.id),
        tenders=(replace(tender, business_day=header.business_day),) if total.minor else (),
        restocking_fee=_kept(kept, order.currency) if kept > 0 else None,
        reason=refund.reason or "",
    )


def _kept(minor: int, currency: str) -> Line:
    return Line(line_id="kept", kind="restocking_fee", listed=Money(minor, currency), restocked=False)


def _lines(refund: Refund, order: Order, sold: tuple[Line, ...]) -> tuple[Line, ...]:
    by_id = {line.line_id: line for line in sold}
    rates = rates_of((*order.tax_lines, *refund.tax_lines))
    lines = [_back(item, by_id, order.currency, rates, "goods", item.name or "") for item in refund.line_items]
    lines += [
        _back(part, by_id, order.currency, rates, "shipping", part.method_title or "") for part in refund.shipping_lines
    ]
    lines += [_back(fee, by_id, order.currency, rates, "service", fee.name or "") for fee in refund.fee_lines]
    return tuple(line for line in lines if line.listed.minor or line.taxes)


def _back(
    part: LineItem | ShippingLine | FeeLine, sold: Mapping[str, Line], currency: str, rates: Rates,
    kind: LineKind, title: str,
) -> Line:  # fmt: skip
    """A line that came back. It names the sold one in its meta; whether goods are in the shop again is not told."""
    line_id = next((str(meta.value) for meta in part.meta_data if meta.key == "_refunded_item_id"), str(part.id))
    original = sold.get(line_id)
    return Line(
        line_id=line_id,
        kind=original.kind if original is not None else kind,
        listed=Money(-money(part.total or "0", currency).minor, currency),
        quantity=quantity_of(part.quantity) if isinstance(part, LineItem) else Decimal(1),
        taxes=taxes_of(part.taxes, currency, rates, sign=-1),
        sku=(part.sku or "") if isinstance(part, LineItem) else "",
        title=title,
        restocked=isinstance(part, LineItem) and bool(part.quantity),
    )
