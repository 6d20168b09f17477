"""An order and its refunds to documents: the sale as it stands, what went back, and whether the money ties."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from msgspec.structs import replace

from leja.connectors.contract import Context
from leja.connectors.woocommerce import Settings
from leja.connectors.woocommerce.reading import moment, money, quantity_of
from leja.connectors.woocommerce.refunds import refund_of
from leja.connectors.woocommerce.taxes import Rates, rates_of, taxes_of
from leja.connectors.woocommerce.tenders import tender_of
from leja.connectors.woocommerce.wire import Address, FeeLine, LineItem, Order, Refund, ShippingLine
from leja.core.clock import business_day
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.document import Document
from leja.documents.header import Header
from leja.documents.parts import Line, LineKind, Party
from leja.documents.refund import Refund as RefundDocument
from leja.documents.sale import Sale

# Facts that WordPress, the core and its own plugins keep about an order; they say nothing about money.
QUIET: Final = ("_wc_order_attribution_", "_download", "_edit_", "_new_order_", "_recorded_", "_order_stock_", "is_vat_exempt",
                "_wp_", "_billing_", "_shipping_", "_payment_method", "_customer_", "_cart_", "_created_via", "_wcpdf",
                "_refund_type", "_reduced_stock")  # fmt: skip
NOBODY: Final = Settings(shop="shop")


def day_of(at: datetime, context: Context) -> date:
    """The business day of an instant: by the organisation's zone, for the shop's own is not told."""
    return business_day(at, context.zone, context.day_end_minutes)


def paid_at(order: Order) -> datetime | None:
    """When the order was paid; None is not at all, whatever its status says."""
    return moment(order.date_paid_gmt)


def documents_of(
    order: Order, refunds: Iterable[Refund], context: Context, version: str
) -> tuple[tuple[Document, ...], bool]:
    """All documents of the order and whether every sum in it ties. An order without money is a sale that is not there."""
    settings = context.settings if isinstance(context.settings, Settings) else NOBODY
    total = money(order.total, order.currency)
    if total.minor < 0:
        raise Refused("woocommerce-negative-total", f"order {order.number or order.id} has a negative total: {total}")
    at = paid_at(order)
    if at is None or order.status == "trash":
        return _absent(order, refunds, context, version), True
    header = header_of(order, context, str(order.id), at, version)
    lines, fits = lines_of(order, settings)
    tender = replace(tender_of(order, total, settings), business_day=header.business_day)
    sale = Sale(
        header=header,
        lines=lines,
        total=total,
        tenders=(tender,) if total.minor else (),
        customer=party_of(order),
        state="cancelled" if order.status == "cancelled" else "open",
    )
    documents: list[Document] = [sale]
    ties = fits and _ties(lines, total, money(order.total_tax, order.currency))
    for refund in refunds:
        back_at = moment(refund.date_created_gmt) or at
        back = header_of(order, context, str(refund.id), back_at, version)
        documents.append(refund_of(refund, order, lines, back, settings))
    return tuple(documents), ties


def header_of(order: Order, context: Context, external_id: str, at: datetime, version: str) -> Header:
    """The header of a document that the order speaks of."""
    return Header(
        external_id=external_id,
        version=version,
        occurred_at=at,
        business_day=day_of(at, context),
        currency=order.currency,
        number=order.number or str(order.id),
        country=_country(order),
    )


def _absent(order: Order, refunds: Iterable[Refund], context: Context, version: str) -> tuple[Document, ...]:
    """Nothing was sold, and so nothing given back: an order that is not paid, or that lies in the trash."""
    at = paid_at(order) or moment(order.date_created_gmt) or moment(order.date_modified_gmt)
    if at is None:
        raise Refused("woocommerce-value", f"order {order.id} has no date at all")

    def gone(external_id: int) -> Header:
        return replace(header_of(order, context, str(external_id), at, version), withdrawn=True)

    sale = Sale(header=gone(order.id), lines=(), total=money(order.total, order.currency))
    back = [
        RefundDocument(header=gone(one.id), lines=(), total=money(one.amount, order.currency), sale=str(order.id))
        for one in refunds
    ]
    return (sale, *back)


def _country(order: Order) -> str:
    for address in (order.shipping, order.billing):
        if address is not None and address.country:
            return address.country
    return ""


def party_of(order: Order) -> Party | None:
    """The customer; a guest is known by the order alone."""
    who: Address | None = order.billing
    if who is None or not (order.customer_id or who.email or who.last_name or who.company):
        return None
    lines = (who.address_1, who.address_2, who.postcode, who.city, who.state)
    return Party(
        external_id=str(order.customer_id) if order.customer_id else f"guest/{order.id}",
        name=" ".join(part for part in (who.first_name, who.last_name) if part),
        email=who.email or "",
        phone=who.phone or "",
        company=who.company or "",
        country=who.country or "",
        address=tuple(part for part in lines if part),
    )


def lines_of(order: Order, settings: Settings) -> tuple[tuple[Line, ...], bool]:
    """Every line of the order, its taxes brought to what the order's head says of each rate, and whether that could be."""
    rates = rates_of(order.tax_lines)
    currency = order.currency
    lines = [_item(item, currency, rates, settings) for item in order.line_items]
    lines += [_plain(one, "shipping", one.method_title or "", currency, rates) for one in order.shipping_lines]
    lines += [_plain(fee, _fee_kind(fee, settings), fee.name or "", currency, rates) for fee in order.fee_lines]
    return _to_head(lines, order, rates)


def _item(item: LineItem, currency: str, rates: Rates, settings: Settings) -> Line:
    before, after = money(item.subtotal or "0", currency), money(item.total or "0", currency)
    less = before.minor - after.minor
    return Line(
        line_id=str(item.id),
        kind="gift_card" if item.sku and item.sku in settings.gift_card_skus else "goods",
        # A price that was raised by hand is no negative discount.
        listed=before if less > 0 else after,
        discount=Money(less, currency) if less > 0 else None,
        quantity=quantity_of(item.quantity),
        taxes=taxes_of(item.taxes, currency, rates),
        sku=item.sku or "",
        title=item.name or "",
    )


def _plain(part: ShippingLine | FeeLine, kind: LineKind, title: str, currency: str, rates: Rates) -> Line:
    return Line(
        line_id=str(part.id), kind=kind, listed=money(part.total or "0", currency), title=title,
        taxes=taxes_of(part.taxes, currency, rates),
    )  # fmt: skip


def _fee_kind(fee: FeeLine, settings: Settings) -> LineKind:
    """A negative fee is a reduction that a plugin wrote so; where it stands is the accountant's decision."""
    if fee.total.startswith("-"):
        return "manual"
    return "tip" if (fee.name or "").strip().lower() in settings.tip_names else "service"


def _to_head(lines: list[Line], order: Order, rates: Rates) -> tuple[tuple[Line, ...], bool]:
    """A shop that rounds on the subtotal states per rate what its lines miss by a unit each: the head is right."""
    fits = True
    for rate in order.tax_lines:
        code = rates[rate.rate_id][0]
        parts = (money(text or "0", order.currency).minor for text in (rate.tax_total, rate.shipping_tax_total))
        places = [(n, k) for n, line in enumerate(lines) for k, tax in enumerate(line.taxes) if tax.code == code]
        missing = sum(parts) - sum(lines[n].taxes[k].amount.minor for n, k in places)
        if missing and abs(missing) > len(places):
            fits = False
        elif missing:
            n, k = max(places, key=lambda place: abs(lines[place[0]].taxes[place[1]].amount.minor))
            taxes = list(lines[n].taxes)
            taxes[k] = replace(taxes[k], amount=Money(taxes[k].amount.minor + missing, order.currency))
            lines[n] = replace(lines[n], taxes=tuple(taxes))
    return tuple(lines), fits


def charged(line: Line) -> int:
    """What a line cost, tax included, in minor units: prices never contain it here."""
    return (
        line.listed.minor - (line.discount.minor if line.discount else 0) + sum(tax.amount.minor for tax in line.taxes)
    )


def _ties(lines: tuple[Line, ...], total: Money, total_tax: Money) -> bool:
    """Lines and taxes come to the total, up to one minor unit per taxed line; so do the taxes to the total tax."""
    room = sum(1 for line in lines if line.taxes)
    taxes = sum(tax.amount.minor for line in lines for tax in line.taxes)
    return abs(sum(map(charged, lines)) - total.minor) <= room and abs(taxes - total_tax.minor) <= room


def unread_meta(order: Order, refunds: Iterable[Refund], context: Context) -> tuple[str, ...]:
    """What plugins noted beside the order and nobody here understands, by name: gift cards, deposits, exchange rates."""
    settings = context.settings if isinstance(context.settings, Settings) else NOBODY
    known = {*settings.reference_meta, *settings.refund_reference_meta}
    keys: set[str] = set()
    for meta in (*order.meta_data, *(one for refund in refunds for one in refund.meta_data)):
        if meta.key not in known and not meta.key.startswith(QUIET):
            keys.add(f"meta_data.{meta.key[:60]}")
    return tuple(sorted(keys))
