"""Webhook bodies (REST shape) to order facts. What cannot be decided from the body alone is None: fetch the order."""

from __future__ import annotations

from leja.connectors.shopify import wire
from leja.connectors.shopify.facts import (
    FulfilmentFacts,
    Movement,
    MovementKind,
    MovementState,
    OrderFacts,
    RefundFacts,
    Returned,
    means_of,
)
from leja.connectors.shopify.reading import money, percentage, quantity_of, version
from leja.core.clock import instant
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.parts import Line, LineKind, Party, Tax, Tender

NO_MONEY_YET = frozenset({"pending", "authorized", "voided", "expired", None})
_KINDS: dict[str, MovementKind] = {"sale": "sale", "capture": "capture", "refund": "refund", "change": "change"}
_STATES: dict[str, MovementState] = {"success": "success", "pending": "pending"}


def facts_of(order: wire.Order) -> OrderFacts:
    """The facts of a webhook's order; ``movements`` is None, ``tenders`` what ``tender_of`` could tell."""
    currency = order.currency
    total = money(order.total_price, currency)
    if bag(order.total_price_set, currency) not in (None, total):
        raise Refused("shopify-contradiction", f"order {order.name}: total_price and total_price_set differ")
    address = order.shipping_address or order.billing_address
    rounding = bag(order.total_cash_rounding_payment_adjustment_set, currency)
    return OrderFacts(
        id=str(order.id),
        name=order.name,
        currency=currency,
        version=version(order.updated_at, "0"),
        at=instant(order.processed_at or order.created_at),
        total=total,
        total_tax=money(order.total_tax, currency),
        tip=money(order.total_tip_received, currency),
        taxes_included=order.taxes_included,
        lines=_lines(order),
        order_taxes=tuple((tax.title, money(tax.price, currency)) for tax in order.tax_lines),
        fees=bag(order.original_total_additional_fees_set, currency),
        test=order.test,
        cancelled_at=instant(order.cancelled_at) if order.cancelled_at else None,
        channel="store" if order.source_name == "pos" else "web",
        location=str(order.location_id) if order.location_id is not None else "",
        country=(address.country_code or "") if address else "",
        tenders=_tenders(order, total, rounding),
        cash_rounding=rounding or None,
        refunds=tuple(_refund(refund, order) for refund in order.refunds),
        fulfilments=tuple(_fulfilment(one) for one in order.fulfillments),
        customer=_party(order, address),
    )


def must_be_fetched(order: wire.Order) -> bool:
    """Whether the body leaves open how, or in which currency, money moved."""
    if any(_foreign(one, order.currency) for refund in order.refunds for one in refund.transactions):
        return True
    if order.financial_status in NO_MONEY_YET:
        # Refunds of an order that says it was never paid contradict it; gateways of a pending one may hold a part.
        return bool(order.refunds)
    if order.financial_status not in ("paid", "partially_refunded", "refunded"):
        return True
    if order.financial_status != "paid" and not order.refunds:
        return True  # it says that money went back, and not which
    one_gateway = len(order.payment_gateway_names) == 1 and order.payment_gateway_names[0] not in ("", "gift_card")
    one_currency = order.presentment_currency in (None, order.currency)
    if not (one_gateway and one_currency) or order.total_outstanding is None:
        return True
    return not _paid_in_full(order)


def _paid_in_full(order: wire.Order) -> bool:
    """Whether what was received is the total: received = current total + refunded - outstanding."""
    currency = order.currency
    refunded = sum(
        money(one.amount, currency).minor
        for refund in order.refunds
        for one in refund.transactions
        if one.kind == "refund" and one.status == "success"
    )
    current = money(order.current_total_price or order.total_price, currency)
    outstanding = money(order.total_outstanding or "0", currency)
    return not outstanding and current.minor + refunded == money(order.total_price, currency).minor


def bag(given: wire.Bag | None, currency: str) -> Money | None:
    """The shop's amount of a bag; another currency there is a contradiction."""
    if given is None:
        return None
    stated = given.shop_money.currency_code or given.shop_money.currency
    if stated is not None and stated != currency:
        raise Refused("shopify-contradiction", f"an amount in {stated} stands in an order in {currency}")
    return money(given.shop_money.amount, currency)


def _foreign(transaction: wire.Transaction, currency: str) -> bool:
    return transaction.currency not in (None, currency)


def _tenders(order: wire.Order, total: Money, rounding: Money | None) -> tuple[Tender, ...]:
    paid = total + rounding if rounding is not None else total
    if order.financial_status in NO_MONEY_YET or not paid or not order.payment_gateway_names:
        return ()
    means, processor = means_of(order.payment_gateway_names[0])
    return (Tender(means=means, processor=processor, amount=paid),)


def _lines(order: wire.Order) -> tuple[Line, ...]:
    currency = order.currency
    lines = [_line(line, currency, order.total_tip_received) for line in order.line_items]
    if not order.duties_included:
        lines += [_duty(duty, line, currency) for line in order.line_items for duty in line.duties]
    lines += [_shipping(line, currency) for line in order.shipping_lines if not line.is_removed]
    return tuple(lines)


def _line(line: wire.LineItem, currency: str, tip: str) -> Line:
    listed = Money(money(line.price, currency).minor * line.quantity, currency)
    kind: LineKind = "goods"
    if line.gift_card:
        kind = "gift_card"
    elif line.product_id is None and line.variant_id is None:
        is_tip = listed and not line.taxable and listed == money(tip, currency)
        kind = "tip" if is_tip else "manual"
    return Line(
        line_id=str(line.id),
        kind=kind,
        listed=listed,
        quantity=quantity_of(line.quantity),
        discount=_discount(line.discount_allocations, line.total_discount, currency),
        taxes=_taxes(line.tax_lines, currency),
        sku=line.sku or "",
        title=line.title,
    )


def _shipping(line: wire.ShippingLine, currency: str) -> Line:
    listed = money(line.price, currency)
    reduced = money(line.discounted_price, currency) if line.discounted_price is not None else listed
    return Line(
        line_id=str(line.id),
        kind="shipping",
        listed=listed,
        discount=_discount(line.discount_allocations, "0", currency) or ((listed - reduced) or None),
        taxes=_taxes(line.tax_lines, currency),
        title=line.title or "",
    )


def _duty(duty: wire.Duty, line: wire.LineItem, currency: str) -> Line:
    return Line(
        line_id=f"duty:{duty.id}",
        kind="duty",
        listed=money(duty.shop_money.amount, currency),
        taxes=_taxes(duty.tax_lines, currency),
        sku=line.sku or "",
    )


def _discount(allocations: tuple[wire.DiscountAllocation, ...], else_total: str, currency: str) -> Money | None:
    minor = sum(money(one.amount, currency).minor for one in allocations)
    return (Money(minor, currency) if allocations else money(else_total, currency)) or None


def _taxes(taxes: tuple[wire.TaxLine, ...], currency: str) -> tuple[Tax, ...]:
    return tuple(
        Tax(
            code=tax.title,
            amount=money(tax.price, currency),
            rate=percentage(tax.rate),
            owed_by="channel" if tax.channel_liable else "seller",
        )
        for tax in taxes
    )


def _refund(refund: wire.Refund, order: wire.Order) -> RefundFacts:
    currency = order.currency
    shipping = tuple(_returned_shipping(one, currency) for one in refund.refund_shipping_lines)
    adjustment = 0
    for one in refund.order_adjustments:
        amount, tax = money(one.amount, currency), money(one.tax_amount, currency)
        if one.kind == "shipping_refund":
            if not refund.refund_shipping_lines:
                shipping += (Returned(line_id=f"shipping:{one.id}", amount=-amount, tax=-tax),)
        else:
            adjustment += amount.minor + (0 if order.taxes_included else tax.minor)
    return RefundFacts(
        id=str(refund.id),
        at=instant(refund.processed_at or refund.created_at),
        note=refund.note or "",
        lines=tuple(_returned(one, currency) for one in refund.refund_line_items),
        shipping=shipping,
        duties=bag(refund.total_duties_set, currency),
        fees=bag(refund.total_additional_fees_set, currency),
        adjustment=Money(adjustment, currency),
        movements=tuple(movement(one, currency) for one in refund.transactions),
    )


def _returned(line: wire.RefundLine, currency: str) -> Returned:
    subtotal, tax = bag(line.subtotal_set, currency), bag(line.total_tax_set, currency)
    return Returned(
        line_id=str(line.line_item_id),
        # The numbers beside the bags are binary floats at the vendor; their text is read only where no bag is.
        amount=money(line.subtotal, currency) if subtotal is None else subtotal,
        tax=money(line.total_tax, currency) if tax is None else tax,
        quantity=line.quantity,
        restocked=line.restock_type in ("return", "cancel", "legacy_restock"),
    )


def _returned_shipping(line: wire.RefundShipping, currency: str) -> Returned:
    amount = bag(line.subtotal_amount_set, currency)
    tax = bag(line.tax_amount_set, currency)
    zero = Money(0, currency)
    return Returned(line_id=f"shipping:{line.id}", amount=amount or zero, tax=tax or zero)


def movement(one: wire.Transaction, currency: str) -> Movement:
    """A transaction of the shop's own currency."""
    at = one.processed_at or one.created_at
    return Movement(
        id=str(one.id),
        kind=_KINDS.get(one.kind, "other"),
        state=_STATES.get(one.status, "other"),
        amount=money(one.amount, currency),
        gateway=one.gateway or "",
        at=instant(at) if at else None,
        reference=one.payment_id or str(one.id),
        authorization=one.authorization or "",
    )


def _fulfilment(one: wire.Fulfillment) -> FulfilmentFacts:
    delivered = one.shipment_status == "delivered"
    return FulfilmentFacts(
        id=str(one.id),
        status=one.status,
        at=instant(one.created_at),
        delivered_at=instant(one.updated_at or one.created_at) if delivered else None,
        lines=tuple((str(line.id), line.quantity) for line in one.line_items),
    )


def _party(order: wire.Order, address: wire.Address | None) -> Party | None:
    if order.customer is None:
        return None
    who = order.customer
    return Party(
        external_id=str(who.id),
        name=" ".join(part for part in (who.first_name, who.last_name) if part) or (address and address.name) or "",
        email=who.email or "",
        phone=who.phone or "",
        company=(address.company or "") if address else "",
        country=(address.country_code or "") if address else "",
        address=tuple(part for part in _address(address) if part),
    )


def _address(address: wire.Address | None) -> tuple[str | None, ...]:
    return (address.address1, address.address2, address.zip, address.city, address.province) if address else ()
