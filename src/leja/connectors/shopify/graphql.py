"""GraphQL answers to order facts: the complete form, with every movement of money."""

from __future__ import annotations

from leja.connectors.shopify.facts import (
    FulfilmentFacts,
    Movement,
    MovementKind,
    MovementState,
    OrderFacts,
    RefundFacts,
    Returned,
)
from leja.connectors.shopify.graphql_wire import (
    AdditionalFee,
    Address,
    Allocation,
    Bag,
    Customer,
    Duty,
    Fulfillment,
    LineItem,
    Order,
    PageInfo,
    Refund,
    ShippingLine,
    TaxLine,
    Transaction,
)
from leja.connectors.shopify.reading import external, money, percentage, quantity_of, version
from leja.core.clock import instant
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.parts import Line, LineKind, Party, Tax

_KINDS: dict[str, MovementKind] = {"SALE": "sale", "CAPTURE": "capture", "REFUND": "refund", "CHANGE": "change"}
_STATES: dict[str, MovementState] = {"SUCCESS": "success", "PENDING": "pending"}


def facts_of(order: Order) -> OrderFacts:
    """The facts of a complete order."""
    currency = order.currency_code
    _whole(order)
    tip = _of(order.total_tip_received_set, currency)
    address = order.shipping_address or order.billing_address
    rounding = order.total_cash_rounding_adjustment
    return OrderFacts(
        id=external(order.id),
        name=order.name,
        currency=currency,
        version=version(order.updated_at, "1"),
        at=instant(order.processed_at),
        total=amount(order.total_price_set, currency),
        total_tax=_of(order.total_tax_set, currency),
        tip=tip,
        taxes_included=order.taxes_included,
        lines=_lines(order, tip),
        order_taxes=tuple((tax.title, amount(tax.price_set, currency)) for tax in order.tax_lines),
        test=order.test,
        cancelled_at=instant(order.cancelled_at) if order.cancelled_at else None,
        channel="store" if order.source_name == "pos" else "web",
        location=external(order.retail_location.id) if order.retail_location else "",
        country=(address.country_code_v2 or "") if address else "",
        movements=tuple(_movement(one, currency) for one in order.transactions),
        cash_rounding=(amount(rounding.payment_set, currency) or None) if rounding else None,
        refunds=tuple(_refund(refund, order) for refund in order.refunds),
        fulfilments=tuple(_fulfilment(one) for one in order.fulfillments),
        customer=_party(order.customer, address),
    )


def _whole(order: Order) -> None:
    """A connection of which a page is missing would lose money: refused."""
    pages: list[PageInfo] = [order.line_items.page_info, order.shipping_lines.page_info]
    for refund in order.refunds:
        pages += [refund.refund_line_items.page_info, refund.refund_shipping_lines.page_info]
        pages += [refund.order_adjustments.page_info, refund.transactions.page_info]
    pages += [one.fulfillment_line_items.page_info for one in order.fulfillments]
    if any(page.has_next_page for page in pages):
        raise Refused("shopify-page-missing", f"order {order.name} was stored with a page of its lines missing")


def amount(bag: Bag, currency: str) -> Money:
    """The shop's amount of a bag; another currency there is a contradiction."""
    if bag.shop_money.currency_code != currency:
        raise Refused(
            "shopify-contradiction", f"an amount in {bag.shop_money.currency_code} stands in an order in {currency}"
        )
    return money(bag.shop_money.amount, currency)


def _of(bag: Bag | None, currency: str) -> Money:
    return amount(bag, currency) if bag is not None else Money(0, currency)


def _lines(order: Order, tip: Money) -> tuple[Line, ...]:
    currency = order.currency_code
    lines = [_line(line, currency, tip) for line in order.line_items.nodes]
    if not order.duties_included:
        lines += [_duty(duty, line, currency) for line in order.line_items.nodes for duty in line.duties]
    lines += [_shipping(line, currency) for line in order.shipping_lines.nodes if not line.is_removed]
    lines += [_fee(fee, currency) for fee in order.additional_fees]
    return tuple(lines)


def _line(line: LineItem, currency: str, tip: Money) -> Line:
    listed = amount(line.original_total_set, currency)
    kind: LineKind = "goods"
    if line.is_gift_card:
        kind = "gift_card"
    elif line.product is None and line.variant is None:
        kind = "tip" if listed and not line.taxable and not line.requires_shipping and listed == tip else "manual"
    return Line(
        line_id=external(line.id),
        kind=kind,
        listed=listed,
        quantity=quantity_of(line.quantity),
        discount=_discount(line.discount_allocations, currency),
        taxes=_taxes(line.tax_lines, currency),
        sku=line.sku or "",
        title=line.title,
    )


def _shipping(line: ShippingLine, currency: str) -> Line:
    listed = amount(line.original_price_set, currency)
    reduced = amount(line.discounted_price_set, currency)
    return Line(
        line_id=external(line.id) if line.id else "shipping",
        kind="shipping",
        listed=listed,
        discount=_discount(line.discount_allocations, currency) or ((listed - reduced) or None),
        taxes=_taxes(line.tax_lines, currency),
        title=line.title,
    )


def _duty(duty: Duty, line: LineItem, currency: str) -> Line:
    return Line(
        line_id=f"duty:{external(duty.id)}",
        kind="duty",
        listed=amount(duty.price, currency),
        taxes=_taxes(duty.tax_lines, currency),
        sku=line.sku or "",
    )


def _fee(fee: AdditionalFee, currency: str) -> Line:
    return Line(
        line_id=f"fee:{external(fee.id)}",
        kind="service",
        listed=amount(fee.price, currency),
        taxes=_taxes(fee.tax_lines, currency),
        title=fee.name,
    )


def _discount(allocations: tuple[Allocation, ...], currency: str) -> Money | None:
    minor = sum(amount(one.allocated_amount_set, currency).minor for one in allocations)
    return Money(minor, currency) or None


def _taxes(taxes: tuple[TaxLine, ...], currency: str) -> tuple[Tax, ...]:
    return tuple(
        Tax(
            code=tax.title,
            amount=amount(tax.price_set, currency),
            rate=percentage(tax.rate),
            owed_by="channel" if tax.channel_liable else "seller",
        )
        for tax in taxes
    )


def _movement(one: Transaction, currency: str) -> Movement:
    at = one.processed_at or one.created_at
    return Movement(
        id=external(one.id),
        kind=_KINDS.get(one.kind, "other"),
        state=_STATES.get(one.status, "other"),
        amount=amount(one.amount_set, currency),
        gateway=one.gateway or "",
        at=instant(at) if at else None,
        reference=one.payment_id or external(one.id),
        authorization=one.authorization_code or "",
    )


def _refund(refund: Refund, order: Order) -> RefundFacts:
    currency = order.currency_code
    adjustment = sum(
        amount(one.amount_set, currency).minor
        + (0 if order.taxes_included else amount(one.tax_amount_set, currency).minor)
        for one in refund.order_adjustments.nodes
    )
    duties = sum(amount(one.amount_set, currency).minor for one in refund.duties or ())
    return RefundFacts(
        id=external(refund.id),
        at=instant(refund.processed_at),
        note=refund.note or "",
        lines=tuple(
            Returned(
                line_id=external(line.line_item.id),
                amount=amount(line.subtotal_set, currency),
                tax=amount(line.total_tax_set, currency),
                quantity=line.quantity,
                restocked=line.restock_type in ("RETURN", "CANCEL", "LEGACY_RESTOCK"),
            )
            for line in refund.refund_line_items.nodes
        ),
        shipping=tuple(
            Returned(
                line_id=f"shipping:{external(line.id)}",
                amount=amount(line.subtotal_amount_set, currency),
                tax=amount(line.tax_amount_set, currency),
            )
            for line in refund.refund_shipping_lines.nodes
        ),
        duties=Money(duties, currency) or None,
        adjustment=Money(adjustment, currency),
        movements=tuple(_movement(one, currency) for one in refund.transactions.nodes),
    )


def _fulfilment(one: Fulfillment) -> FulfilmentFacts:
    return FulfilmentFacts(
        id=external(one.id),
        status=one.status.lower(),
        at=instant(one.created_at),
        delivered_at=instant(one.delivered_at) if one.delivered_at else None,
        lines=tuple((external(line.line_item.id), line.quantity or 0) for line in one.fulfillment_line_items.nodes),
    )


def _party(who: Customer | None, address: Address | None) -> Party | None:
    if who is None:
        return None
    parts = (address.address1, address.address2, address.zip, address.city, address.province) if address else ()
    return Party(
        external_id=external(who.id),
        name=who.display_name or (address and address.name) or "",
        email=(who.default_email_address and who.default_email_address.email_address) or "",
        company=(address.company or "") if address else "",
        country=(address.country_code_v2 or "") if address else "",
        address=tuple(part for part in parts if part),
    )
