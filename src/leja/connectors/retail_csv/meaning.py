"""What the rows of an invoice mean: a sale, an unlinked return, fees, a stock move, or several of these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from leja.connectors.contract import Context, Decoded
from leja.connectors.retail_csv import Settings
from leja.connectors.retail_csv.countries import iso_code
from leja.connectors.retail_csv.wire import Invoice, Row
from leja.core.clock import business_day, localised, utc
from leja.core.errors import NeedsReview, Refused
from leja.core.money import Money, rounded, split, total
from leja.core.quantity import quantity
from leja.documents.document import Document
from leja.documents.fee import Fee
from leja.documents.header import Header
from leja.documents.parts import Line, LineKind, Party, Tender
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.documents.stock_move import Moved, StockMove


class _Item(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was read: its place in the invoice, its quantity and what it comes to."""

    line_id: str
    row: Row
    quantity: Decimal
    amount: Money


def decoded(invoice: Invoice, external_id: str, context: Context) -> Decoded:
    """The documents of an invoice. Raises Refused ``file-row-unreadable`` if one of its rows cannot be read."""
    settings: Settings = context.settings
    for row in invoice.rows:
        if row.fault:
            raise Refused("file-row-unreadable", f"Invoice {invoice.invoice} waits: {row.fault}.")
    if not invoice.rows:
        raise Refused("file-row-unreadable", f"invoice {invoice.invoice} has no rows")
    header = _header(invoice, external_id, context)
    items = [_item(str(place), row, header.currency) for place, row in enumerate(invoice.rows, 1)]
    found = _documents(header, items, settings, cancelled=_cancelled(invoice.invoice, settings))
    wanted = tuple(document for route, document in found if route in settings.routes)
    if not wanted:
        return Decoded(ignored=f"the connection does not read invoices of the kind {found[0][0]!r}")
    return Decoded(documents=wanted)


def _cancelled(number: str, settings: Settings) -> bool:
    return bool(settings.cancelled_prefix) and number.startswith(settings.cancelled_prefix)


def _header(invoice: Invoice, external_id: str, context: Context) -> Header:
    settings: Settings = context.settings
    place = context.locations.get(settings.location)
    zone = place.zone if place else settings.zone or context.zone
    first = min(row.at for row in invoice.rows)
    when = localised(datetime.fromisoformat(first), zone)
    return Header(
        external_id=external_id,
        version=utc(when).strftime("%Y-%m-%dT%H:%M:%SZ"),
        occurred_at=when,
        business_day=business_day(when, zone, place.day_end_minutes if place else context.day_end_minutes),
        currency=settings.currency or context.base_currency,
        number=invoice.invoice,
        channel=settings.channel,
        location=settings.location,
        country=iso_code(invoice.rows[0].country, settings.countries),
    )


def _item(line_id: str, row: Row, currency: str) -> _Item:
    amount = rounded(Decimal(row.quantity) * Decimal(row.price), currency)
    return _Item(line_id=line_id, row=row, quantity=quantity(row.quantity), amount=amount)


def _documents(
    header: Header, items: Sequence[_Item], settings: Settings, *, cancelled: bool
) -> list[tuple[str, Document]]:
    """Rows without money go with the sale or return of their sign; on their own they are a stock move."""
    fees = [item for item in items if item.row.code in settings.fee_codes]
    rest = [item for item in items if item.row.code not in settings.fee_codes]
    discounts = (
        []
        if cancelled
        else [item for item in rest if item.row.code in settings.discount_codes and item.amount.minor < 0]
    )
    rest = [item for item in rest if item not in discounts]
    sold = [item for item in rest if item.amount.minor > 0]
    returned = [item for item in rest if item.amount.minor < 0]
    moved: list[_Item] = []
    for item in (item for item in rest if item.amount.minor == 0):
        (sold if sold and item.quantity > 0 else returned if returned and item.quantity < 0 else moved).append(item)
    if discounts and not sold:
        returned, discounts = returned + discounts, []
    found: list[tuple[str, Document]] = []
    if sold:
        found.append(("sale", _sale(header, sorted(sold, key=_place), discounts, settings)))
    if returned:
        found.append(("return", _return(header, sorted(returned, key=_place), settings)))
    found += [("fee", fee) for fee in _fees(header, fees, settings)]
    if moved:
        found.append(("stock", _stock_move(header, moved)))
    return found


def _place(item: _Item) -> int:
    return int(item.line_id)


def _sale(header: Header, sold: Sequence[_Item], discounts: Sequence[_Item], settings: Settings) -> Sale:
    gross = total((item.amount for item in sold), header.currency)
    off = -total((item.amount for item in discounts), header.currency)
    if gross < off:
        raise NeedsReview("file-discount-too-large", f"invoice {header.number} takes {off} off goods of {gross}")
    shares = split(off, [item.amount.minor for item in sold])
    lines = tuple(_line(item, item.amount, share or None, settings) for item, share in zip(sold, shares, strict=True))
    due = gross - off
    tender = Tender(means=settings.paid_by, processor=settings.processor, amount=due, business_day=header.business_day)
    return Sale(
        header=header,
        lines=lines,
        total=due,
        tenders=(tender,) if due and settings.paid_by else (),
        customer=_customer(header, sold[0].row),
    )


def _return(header: Header, returned: Sequence[_Item], settings: Settings) -> Refund:
    """An unlinked return: the file names no sale. The customer is owed its total."""
    lines = tuple(_line(item, -item.amount, None, settings) for item in returned)
    return Refund(
        header=header,
        lines=lines,
        total=-total((item.amount for item in returned), header.currency),
        settled_as="credit_note",
        customer=_customer(header, returned[0].row),
        reason=returned[0].row.title,
    )


def _fees(header: Header, fees: Sequence[_Item], settings: Settings) -> list[Fee]:
    """One document per invoice and type of fee, net. A negative row costs the seller."""
    types = list(dict.fromkeys(settings.fee_codes[item.row.code] for item in fees))
    found = []
    for fee_type in types:
        mine = [item for item in fees if settings.fee_codes[item.row.code] == fee_type]
        own = (
            header
            if len(types) == 1
            else msgspec.structs.replace(header, external_id=f"{header.external_id}/{fee_type}")
        )
        amount = -total((item.amount for item in mine), header.currency)
        found.append(
            Fee(
                header=own,
                fee_type=fee_type,
                amount=amount,
                taken_from=settings.fees_taken_from,
                title=mine[0].row.title,
            )
        )
    return found


def _stock_move(header: Header, moved: Sequence[_Item]) -> StockMove:
    lines = tuple(
        Moved(line_id=item.line_id, sku=item.row.code, quantity=item.quantity, title=item.row.title) for item in moved
    )
    return StockMove(header=header, lines=lines, reason=next((item.row.title for item in moved if item.row.title), ""))


def _line(item: _Item, listed: Money, discount: Money | None, settings: Settings) -> Line:
    kind = _kind(item.row.code, settings)
    return Line(
        line_id=item.line_id,
        kind=kind,
        listed=listed,
        quantity=abs(item.quantity),
        discount=discount,
        sku=item.row.code,
        title=item.row.title,
        category="discount" if item.row.code in settings.discount_codes else "",
        restocked=kind == "goods" and item.row.code not in settings.discount_codes,
    )


def _kind(code: str, settings: Settings) -> LineKind:
    if code in settings.shipping_codes:
        return "shipping"
    if code in settings.sample_codes:
        return "sample"
    if code in settings.manual_codes or code in settings.discount_codes:
        return "manual"
    if code.startswith(settings.gift_card_prefixes):
        return "gift_card"
    return "goods"


def _customer(header: Header, row: Row) -> Party | None:
    return Party(external_id=row.customer, country=header.country) if row.customer else None
