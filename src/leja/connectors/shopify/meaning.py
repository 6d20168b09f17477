"""Order facts to documents: the sale as it stands, its refunds, its fulfilments, and whether the money ties."""

from __future__ import annotations

from datetime import date, datetime

from msgspec.structs import replace

from leja.connectors.contract import Context
from leja.connectors.shopify.facts import FulfilmentFacts, Movement, OrderFacts, means_of
from leja.connectors.shopify.reading import quantity_of
from leja.connectors.shopify.refunds import refund_of
from leja.core.clock import business_day
from leja.core.errors import Refused
from leja.core.money import Money, split
from leja.documents.document import Document
from leja.documents.fulfilment import Fulfilled, Fulfilment
from leja.documents.header import Header
from leja.documents.parts import Line, Tax, Tender
from leja.documents.sale import Sale


def day_of(moment: datetime, location: str, context: Context) -> date:
    """The business day at the place of sale, or by the organisation's own zone where the order names no place."""
    place = context.locations.get(location)
    if place is not None:
        return business_day(moment, place.zone, place.day_end_minutes)
    return business_day(moment, context.zone, context.day_end_minutes)


def header_of(order: OrderFacts, context: Context, external_id: str, at: datetime, version: str = "") -> Header:
    """The header of a document that the order speaks of."""
    return Header(
        external_id=external_id,
        version=version or order.version,
        occurred_at=at,
        business_day=day_of(at, order.location, context),
        currency=order.currency,
        number=order.name,
        channel=order.channel,
        location=order.location,
        country=order.country,
        test=order.test,
    )


def documents_of(order: OrderFacts, context: Context) -> tuple[tuple[Document, ...], bool]:
    """All documents of the order and whether every sum in it ties."""
    if order.total.minor < 0:
        raise Refused("shopify-negative-total", f"order {order.name} has a negative total: {order.total}")
    lines = _with_order_taxes(order, _with_extras(order))
    tenders = order.tenders if order.movements is None else _tenders(order, order.movements, context)
    sale = Sale(
        header=header_of(order, context, order.id, order.at),
        lines=lines,
        total=order.total,
        prices_include_tax=order.taxes_included,
        tenders=tuple(_dated(tender, order, context) for tender in tenders),
        cash_rounding=order.cash_rounding,
        customer=order.customer,
        state="cancelled" if order.cancelled_at else "open",
        cancelled_on=day_of(order.cancelled_at, order.location, context) if order.cancelled_at else None,
    )
    ties = _ties(order, lines)
    documents: list[Document] = [sale]
    for facts in order.refunds:
        refund, agrees = refund_of(facts, order, lines, header_of(order, context, facts.id, facts.at))
        tenders_out = tuple(_movement_tender(one, order, context) for one in facts.movements if _went_back(one))
        documents.append(replace(refund, tenders=tenders_out) if refund.state == "succeeded" else refund)
        ties = ties and agrees
    for one in order.fulfilments:
        documents.extend(_fulfilments(one, order, context))
    return tuple(documents), ties


def charged(line: Line, prices_include_tax: bool) -> int:
    """What the customer was charged for a line, tax included, in minor units."""
    net = line.listed.minor - (line.discount.minor if line.discount else 0)
    return net if prices_include_tax else net + sum(tax.amount.minor for tax in line.taxes)


def _ties(order: OrderFacts, lines: tuple[Line, ...]) -> bool:
    """Lines and taxes come to the total, up to one minor unit per taxed line; so do the taxes to the total tax."""
    room = sum(1 for line in lines if line.taxes)
    taxes = sum(tax.amount.minor for line in lines for tax in line.taxes)
    total = sum(charged(line, order.taxes_included) for line in lines)
    return abs(total - order.total.minor) <= room and abs(taxes - order.total_tax.minor) <= room


def _with_extras(order: OrderFacts) -> tuple[Line, ...]:
    """The lines with the tip and the additional fees that no line tells."""
    lines = order.lines
    if order.tip and not any(line.kind == "tip" for line in lines):
        lines = (*lines, Line(line_id="tip", kind="tip", listed=order.tip, title="Tip"))
    if order.fees and not any(line.line_id.startswith("fee:") for line in lines):
        lines = (*lines, Line(line_id="fee:additional", kind="service", listed=order.fees, title="Additional fees"))
    return lines


def _with_order_taxes(order: OrderFacts, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Taxes that only the order tells, spread over its lines in proportion to what they cost."""
    if not order.total_tax or not order.order_taxes or any(line.taxes for line in lines):
        return lines
    taxable = [i for i, line in enumerate(lines) if line.kind not in ("gift_card", "tip")]
    weights = [max(0, charged(lines[i], prices_include_tax=True)) for i in taxable]
    if not taxable:
        return lines
    spread = list(lines)
    for code, amount in order.order_taxes:
        for i, part in zip(taxable, split(amount, weights), strict=True):
            spread[i] = replace(spread[i], taxes=(*spread[i].taxes, Tax(code=code, amount=part)))
    return tuple(spread)


def _went_back(one: Movement) -> bool:
    return one.kind == "refund" and one.state == "success" and bool(one.amount)


def _tenders(order: OrderFacts, movements: tuple[Movement, ...], context: Context) -> tuple[Tender, ...]:
    """Every successful movement towards the shop; change given out of the till is taken off the cash it came from."""
    change = sum(one.amount.minor for one in movements if one.kind == "change" and one.state == "success")
    tenders = []
    for one in movements:
        if one.kind not in ("sale", "capture") or one.state != "success" or not one.amount:
            continue
        tender = _movement_tender(one, order, context)
        if change and tender.means == "cash":
            taken = min(change, tender.amount.minor)
            change -= taken
            tender = replace(tender, amount=Money(tender.amount.minor - taken, order.currency))
        if tender.amount:
            tenders.append(tender)
    if change:
        raise Refused("shopify-contradiction", f"order {order.name}: more change was given than cash was taken")
    return tuple(tenders)


def _movement_tender(one: Movement, order: OrderFacts, context: Context) -> Tender:
    means, processor = means_of(one.gateway)
    return Tender(
        means=means,
        processor=processor,
        amount=one.amount,
        reference=one.reference,
        business_day=day_of(one.at or order.at, order.location, context),
        also=tuple(name for name in dict.fromkeys((one.id, one.authorization)) if name and name != one.reference),
    )


def _dated(tender: Tender, order: OrderFacts, context: Context) -> Tender:
    return tender if tender.business_day else replace(tender, business_day=day_of(order.at, order.location, context))


def _fulfilments(one: FulfilmentFacts, order: OrderFacts, context: Context) -> list[Fulfilment]:
    if one.status not in ("success", "cancelled"):
        return []
    gone = one.status == "cancelled"
    header = replace(header_of(order, context, one.id, one.at), withdrawn=gone)
    lines = tuple(Fulfilled(line_id=line, quantity=quantity_of(count)) for line, count in one.lines if count)
    documents = [Fulfilment(header=header, sale=order.id, lines=lines)]
    if one.delivered_at is not None:
        arrival = replace(header_of(order, context, f"{one.id}:delivered", one.delivered_at), withdrawn=gone)
        documents.append(Fulfilment(header=arrival, sale=order.id, lines=lines, event="delivered"))
    return documents
