"""Orders of the point of sale to documents: what is below zero in all is a return. Pure."""

from __future__ import annotations

from typing import Final

from leja.connectors.contract import Context, Decoded
from leja.connectors.odoo.meaning import version_of
from leja.connectors.odoo.sold import (
    Sold,
    country_of,
    currency_of,
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
from leja.connectors.odoo.wire import TillEvent, TillLine
from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Line, Tender
from leja.documents.refund import Refund
from leja.documents.sale import Sale

RUNG_UP: Final = ("paid", "done", "invoiced")
PREFIX: Final = "pos-"


def rung_up(event: TillEvent, context: Context, read_at: str) -> Decoded:
    """A paid order of the till with its tenders, or a return."""
    order, currency = event.order, currency_of(event.order.currency_id)
    if order.state not in (*RUNG_UP, "cancel"):
        return Decoded(ignored=f"{text(order.name)} is not paid yet ({text(order.state)})")
    total = money(order.amount_total, currency)
    sign = -1 if total.minor < 0 else 1
    sold = [_of_till(line, currency) for line in event.lines]
    lines, ties = to_head(lines_of(sold, event, settings_of(context), sign=sign), total if sign > 0 else -total)
    header = _header(event, context, read_at, currency)
    tenders = tuple(_tender(method, amount, event, context, sign) for method, amount in _given(event, currency).items() if amount)
    if sign > 0:
        return Decoded(documents=(_sale(event, header, lines, total, tenders),), ties=ties)
    refund = Refund(
        header=header, lines=lines, total=-total, sale=_original(event), tenders=tenders, customer=party_of(order.partner_id, event)
    )
    return Decoded(documents=(refund,), ties=ties)


def _sale(event: TillEvent, header: Header, lines: tuple[Line, ...], total: Money, tenders: tuple[Tender, ...]) -> Sale:
    given = sum(tender.amount.minor for tender in tenders)
    # Rounding cash to what coins there are is on top of the total.
    odd = Money(given - total.minor, total.currency) if tenders else None
    return Sale(
        header=header, lines=lines, total=total, tenders=tenders, cash_rounding=odd or None,
        customer=party_of(event.order.partner_id, event),
    )  # fmt: skip


def _original(event: TillEvent) -> str:
    order = event.order
    number = link(order.refunded_order_id) or (order.refunded_order_ids[0] if len(order.refunded_order_ids) == 1 else 0)
    return f"{PREFIX}{number}" if number else ""


def _header(event: TillEvent, context: Context, read_at: str, currency: str) -> Header:
    order = event.order
    at = moment(order.date_order)
    session = order.session_id
    return Header(
        external_id=f"{PREFIX}{order.id}", version=version_of(order.write_date, read_at), occurred_at=at,
        business_day=trading_day(at, context), currency=currency, number=text(order.pos_reference) or text(order.name),
        channel="store", register=session[1].partition("/")[0] if isinstance(session, tuple) else "",
        country=country_of(order.partner_id, event), withdrawn=order.state == "cancel",
    )  # fmt: skip


def _of_till(line: TillLine, currency: str) -> Sold:
    return Sold(
        line_id=str(line.id), title=text(line.full_product_name), product=link(line.product_id), quantity=line.qty,
        discount=line.discount, net=money(line.price_subtotal, currency), gross=money(line.price_subtotal_incl, currency),
        taxes=line.tax_ids,
    )  # fmt: skip


def _given(event: TillEvent, currency: str) -> dict[int, Money]:
    """What was given by each method; change is a payment below zero and comes off."""
    found: dict[int, Money] = {}
    for one in event.payments:
        method = link(one.payment_method_id)
        found[method] = found.get(method, Money(0, currency)) + money(one.amount, currency)
    return found


def _tender(number: int, amount: Money, event: TillEvent, context: Context, sign: int) -> Tender:
    """By the method's name a processor's; without one cash where its journal is a cash journal, else a card's."""
    method = next((row for row in event.methods if row.id == number), None)
    name = text(method.name) if method is not None else ""
    journal = next((row for row in event.journals if method is not None and row.id == link(method.journal_id)), None)
    processor = settings_of(context).processors.get(name, "")
    cash = not processor and journal is not None and journal.type == "cash"
    return Tender(
        means="cash" if cash else "card", processor="" if cash else processor or "card_processor",
        amount=amount if sign > 0 else -amount,
    )  # fmt: skip
