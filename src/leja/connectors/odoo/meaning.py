"""Sales orders, invoices, credit notes and payments to documents. Pure.

With ``sells_by`` "orders" a confirmed order is the sale, its credit notes are refunds of it, and what is invoiced is the same
sale and not told again. With "invoices" the invoice is what is owed, and orders are no documents.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final

from leja.connectors.contract import Context, Decoded
from leja.connectors.odoo.sold import (
    Sold,
    country_of,
    currency_of,
    day_of,
    lines_of,
    link,
    moment,
    money,
    party_of,
    settings_of,
    text,
    to_head,
    trading_day,
)
from leja.connectors.odoo.wire import MoveEvent, MoveLine, Order, OrderEvent, OrderLine, PaymentEvent, Text
from leja.core.clock import localised, utc
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.invoice import Invoice
from leja.documents.parts import Line, Tender
from leja.documents.payment import Allocation, Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale

SOLD: Final = ("sale", "done")
PAID: Final = ("posted", "paid", "in_process")
INVOICES: Final = ("out_invoice", "out_receipt")


def version_of(write_date: Text, read_at: str) -> str:
    """A version that sorts: the second of the last change, then when it was read, for one second may see two states."""
    return f"{utc(moment(write_date)):%Y-%m-%dT%H:%M:%SZ}/1/{read_at}"


def midnight(day: date, context: Context) -> datetime:
    """The instant of a document that only has a day: its beginning, which is never in the future."""
    return localised(datetime.combine(day, time()), context.zone)


# --- sales orders -------------------------------------------------------------------------------------------------


def ordered(event: OrderEvent, context: Context, read_at: str) -> Decoded:
    """A confirmed order is a sale, paid or not; what pays it are payments of their own."""
    order, settings = event.order, settings_of(context)
    if settings.sells_by != "orders":
        return Decoded(ignored=f"order {text(order.name)} is told by its invoices")
    if order.state not in (*SOLD, "cancel"):
        return Decoded(ignored=f"{text(order.name)} is a quotation ({text(order.state)})")
    currency = currency_of(order.currency_id)
    total = money(order.amount_total, currency)
    if total.minor < 0:
        raise Refused("odoo-negative-total", f"order {text(order.name)} has a negative total: {total}")
    lines, ties = to_head(lines_of([_of_order(line, currency) for line in event.lines if not text(line.display_type)], event, settings), total)
    cancelled = order.state == "cancel"
    sale = Sale(
        header=_header(order, context, read_at, currency, country_of(order.partner_id, event)),
        lines=lines,
        total=total,
        customer=party_of(order.partner_id, event),
        state="cancelled" if cancelled else "open",
        cancelled_on=trading_day(moment(order.write_date), context) if cancelled else None,
    )
    return Decoded(documents=(sale,), ties=ties)


def _header(order: Order, context: Context, read_at: str, currency: str, country: str) -> Header:
    at = moment(order.date_order)
    return Header(
        external_id=str(order.id), version=version_of(order.write_date, read_at), occurred_at=at,
        business_day=trading_day(at, context), currency=currency, number=text(order.name), channel="office", country=country,
    )  # fmt: skip


def _of_order(line: OrderLine, currency: str) -> Sold:
    return Sold(
        line_id=str(line.id), title=text(line.name), product=link(line.product_id), quantity=line.product_uom_qty,
        discount=line.discount, net=money(line.price_subtotal, currency), gross=money(line.price_total, currency),
        taxes=line.tax_id or line.tax_ids,
    )  # fmt: skip


# --- invoices and credit notes ------------------------------------------------------------------------------------


def invoiced(event: MoveEvent, context: Context, read_at: str) -> Decoded:
    """An invoice, or a credit note: the customer owes less. A draft that was never posted is nothing."""
    move, by_orders = event.move, settings_of(context).sells_by == "orders"
    name = text(move.name) or f"move {move.id}"
    if move.state != "posted" and not move.posted_before:
        return Decoded(ignored=f"{name} was never posted")
    if move.move_type == "out_refund":
        if by_orders and not event.order:
            return Decoded(ignored=f"credit note {name} belongs to no sales order, and the sales are the orders")
        return _credited(event, context, read_at, str(event.order) if by_orders else "")
    if move.move_type not in INVOICES:
        return Decoded(ignored=f"{name} is no sale ({text(move.move_type)})")
    if by_orders:
        return Decoded(ignored=f"{name} is told by its order, or by none")
    lines, total, ties = _amounts(event, context)
    invoice = Invoice(
        header=_move_header(event, context, read_at), lines=lines, total=total, customer=party_of(move.partner_id, event),
        due=day_of(move.invoice_date_due) if text(move.invoice_date_due) else None,
    )  # fmt: skip
    return Decoded(documents=(invoice,), ties=ties)


def _credited(event: MoveEvent, context: Context, read_at: str, sale: str) -> Decoded:
    lines, total, ties = _amounts(event, context)
    refund = Refund(
        header=_move_header(event, context, read_at), lines=lines, total=total, sale=sale, settled_as="credit_note",
        reason=text(event.move.ref), customer=party_of(event.move.partner_id, event),
    )  # fmt: skip
    return Decoded(documents=(refund,), ties=ties)


def _amounts(event: MoveEvent, context: Context) -> tuple[tuple[Line, ...], Money, bool]:
    currency = currency_of(event.move.currency_id)
    total = money(event.move.amount_total, currency)
    if total.minor < 0:
        raise Refused("odoo-negative-total", f"move {event.move.id} has a negative total: {total}")
    sold = [_of_move(line, currency) for line in event.lines]
    lines, ties = to_head(lines_of(sold, event, settings_of(context)), total)
    return lines, total, ties


def _of_move(line: MoveLine, currency: str) -> Sold:
    return Sold(
        line_id=str(line.id), title=text(line.name), product=link(line.product_id), quantity=line.quantity,
        discount=line.discount, net=money(line.price_subtotal, currency), gross=money(line.price_total, currency),
        taxes=line.tax_ids,
    )  # fmt: skip


def _move_header(event: MoveEvent, context: Context, read_at: str) -> Header:
    move = event.move
    # The accounting date may have been moved by a lock there; the invoice's own date is when it was sold.
    day = day_of(move.invoice_date or move.date)
    return Header(
        external_id=str(move.id), version=version_of(move.write_date, read_at), occurred_at=midnight(day, context), business_day=day,
        currency=currency_of(move.currency_id), number=text(move.name), channel="office",
        country=country_of(move.partner_id, event), withdrawn=move.state != "posted",
    )  # fmt: skip


# --- payments -----------------------------------------------------------------------------------------------------


def paid(event: PaymentEvent, context: Context, read_at: str) -> Decoded:
    """Money from (or back to) a customer, and what it settles."""
    payment, currency = event.payment, currency_of(event.payment.currency_id)
    stands = payment.state in PAID
    if not stands and payment.state == "draft":
        return Decoded(ignored=f"payment {payment.id} is a draft")
    amount = money(payment.amount, currency)
    inward = payment.payment_type != "outbound"
    day = day_of(payment.date)
    header = Header(
        external_id=str(payment.id), version=version_of(payment.write_date, read_at), occurred_at=midnight(day, context), business_day=day,
        currency=currency, number=text(payment.name), channel="office", withdrawn=not stands,
        country=country_of(payment.partner_id, event),
    )  # fmt: skip
    # What went back to a customer settles nothing that is owed to us.
    allocations = tuple(
        Allocation(document=one.document, amount=money(one.amount, currency)) for one in event.allocations if inward
    )
    names = tuple(name for name in (text(payment.payment_reference), text(payment.memo), text(payment.ref), text(payment.name)) if name)
    tender = tender_of(event, amount if inward else -amount, context, names)
    document = Payment(header=header, tender=tender, allocations=allocations, customer=party_of(payment.partner_id, event))
    return Decoded(documents=(document,))


def tender_of(event: PaymentEvent, amount: Money, context: Context, names: tuple[str, ...]) -> Tender:
    """The tender of a payment: by its journal's name a processor's, else by its type cash or bank."""
    journal = event.journal
    processor = settings_of(context).processors.get(text(journal.name), "") if journal is not None else ""
    means = "cash" if journal is not None and journal.type == "cash" else "bank"
    reference = names[0] if names and processor else ""
    return Tender(
        means="card" if processor else means, processor=processor, amount=amount, reference=reference,
        also=names[1:] if processor else (),
    )  # fmt: skip


