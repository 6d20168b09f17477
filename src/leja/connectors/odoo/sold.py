"""Lines of orders, invoices and tills to lines of ours, their taxes brought to what the document's head says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from leja.connectors.contract import Context
from leja.connectors.odoo import Settings
from leja.connectors.odoo.wire import Around, Link, Product, Text
from leja.connectors.odoo.wire import Tax as TaxRow
from leja.core.clock import business_day
from leja.core.errors import Refused
from leja.core.money import Money, from_text, rounded, split, to_decimal
from leja.documents.parts import Line, LineKind, Party, Tax

_NOISE: Final = Decimal("0.000001")
_LARGEST: Final = Decimal(10) ** 15
NOBODY: Final = Settings()


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """A line as any of the three models has it, amounts signed as they stand there."""

    line_id: str
    title: str
    product: int
    quantity: Decimal
    discount: Decimal
    net: Money
    gross: Money
    taxes: tuple[int, ...]


def settings_of(context: Context) -> Settings:
    """The connection's settings, or what they are without any."""
    return context.settings if isinstance(context.settings, Settings) else NOBODY


def text(value: Text) -> str:
    """A text field; an empty one is ``false``."""
    return value if isinstance(value, str) else ""


def link(value: Link) -> int:
    """The id in a many2one; 0 where it is empty."""
    return value[0] if isinstance(value, tuple) else 0


def currency_of(value: Link) -> str:
    """The currency in a many2one, whose display name is its ISO code."""
    code = value[1] if isinstance(value, tuple) else ""
    if len(code) != 3 or not code.isascii() or not code.isupper():
        raise Refused("odoo-shape", f"{code[:20]!r} is no currency")
    return code


def money(amount: Decimal, currency: str) -> Money:
    """An amount: a float that was rounded to the currency, whose last digits may be noise. Raises Refused ``amount-...``."""
    if not amount.is_finite() or abs(amount) >= _LARGEST:
        raise Refused("odoo-shape", f"{str(amount)[:40]} is no amount")
    return from_text(amount.quantize(_NOISE), currency)


def moment(value: Text) -> datetime:
    """An instant; Odoo writes UTC and does not say so."""
    try:
        return datetime.fromisoformat(f"{text(value)}+00:00")
    except ValueError:
        raise Refused("odoo-shape", f"{text(value)[:40]!r} is no instant of Odoo's") from None


def day_of(value: Text) -> date:
    """A day."""
    try:
        return date.fromisoformat(text(value)[:10])
    except ValueError:
        raise Refused("odoo-shape", f"{text(value)[:40]!r} is no day of Odoo's") from None


def trading_day(at: datetime, context: Context) -> date:
    """The business day of an instant, by the organisation's zone and day end."""
    return business_day(at, context.zone, context.day_end_minutes)


def lines_of(sold: Iterable[Sold], around: Around, settings: Settings, *, sign: int = 1) -> tuple[Line, ...]:
    """Lines with amounts; ``sign`` -1 turns those of a till's return around. Prices exclude tax, whatever the customer saw."""
    taxes = {row.id: row for row in around.taxes}
    products = {row.id: row for row in around.products}
    return tuple(_line(one, taxes, products.get(one.product), settings, sign) for one in sold if one.net or one.gross)


def _line(one: Sold, taxes: Mapping[int, TaxRow], product: Product | None, settings: Settings, sign: int) -> Line:
    net = one.net if sign > 0 else -one.net
    before = _before_discount(net, one.discount)
    sku = text(product.default_code) if product is not None else ""
    return Line(
        line_id=one.line_id,
        kind=_kind(net, sku, product, settings),
        listed=before if before.minor > net.minor else net,
        discount=before - net if before.minor > net.minor else None,
        quantity=abs(one.quantity) or Decimal(1),
        taxes=_taxes(one, taxes, sign),
        sku=sku,
        title=one.title,
        restocked=False,
    )


def _before_discount(net: Money, discount: Decimal) -> Money:
    if not discount.is_finite() or not 0 < discount < 100 or net.minor <= 0:
        return net
    return rounded(to_decimal(net) * 100 / (100 - discount), net.currency)


def _kind(net: Money, sku: str, product: Product | None, settings: Settings) -> LineKind:
    """Where a line below zero stands (a reward, a down payment taken off) is the accountant's decision."""
    if net.minor < 0:
        return "manual"
    if sku and sku in settings.gift_card_skus:
        return "gift_card"
    if sku and sku in settings.shipping_skus:
        return "shipping"
    if sku and sku in settings.tip_skus:
        return "tip"
    return "service" if product is not None and product.type == "service" else "goods"


def _taxes(one: Sold, taxes: Mapping[int, TaxRow], sign: int) -> tuple[Tax, ...]:
    whole = one.gross - one.net if sign > 0 else one.net - one.gross
    rows = [taxes[number] for number in one.taxes if number in taxes]
    if not rows:
        return (Tax(code="tax", amount=whole),) if whole else ()
    weights = [abs(row.amount) if row.amount.is_finite() else Decimal(0) for row in rows]
    # A line bears one sum for all of its taxes; it is split by their rates.
    parts = split(whole, weights) if sum(weights) else (whole, *(Money(0, whole.currency),) * (len(rows) - 1))
    return tuple(
        Tax(code=text(row.name) or str(row.id), amount=part, rate=_rate(row)) for row, part in zip(rows, parts, strict=True)
    )


def _rate(row: TaxRow) -> Decimal | None:
    if row.amount_type != "percent" or not row.amount.is_finite():
        return None
    plain = row.amount.quantize(_NOISE).normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


def charged(lines: Iterable[Line]) -> int:
    """What lines come to with their taxes, in minor units."""
    return sum(
        line.listed.minor - (line.discount.minor if line.discount else 0) + sum(tax.amount.minor for tax in line.taxes)
        for line in lines
    )


def to_head(lines: Sequence[Line], total: Money) -> tuple[tuple[Line, ...], bool]:
    """The lines brought to the head's total, and whether that could be.

    A company that rounds tax on the whole document states a head that its lines miss by a unit each at most.
    """
    missing = total.minor - charged(lines)
    places = [(n, k) for n, line in enumerate(lines) for k in range(len(line.taxes))]
    if not missing:
        return tuple(lines), True
    if abs(missing) > len(places):
        return tuple(lines), False
    found = list(lines)
    n, k = max(places, key=lambda place: abs(found[place[0]].taxes[place[1]].amount.minor))
    taxes = list(found[n].taxes)
    taxes[k] = replace(taxes[k], amount=Money(taxes[k].amount.minor + missing, total.currency))
    found[n] = replace(found[n], taxes=tuple(taxes))
    return tuple(found), True


def party_of(partner: Link, around: Around) -> Party | None:
    """The customer."""
    row = next((one for one in around.partners if one.id == link(partner)), None)
    if row is None:
        return None
    name = text(row.name)
    return Party(
        external_id=str(row.id), name="" if row.is_company else name, company=name if row.is_company else "",
        email=text(row.email), phone=text(row.phone), tax_number=text(row.vat), country=country_of(partner, around),
    )  # fmt: skip


def country_of(partner: Link, around: Around) -> str:
    """The customer's country, as its ISO code."""
    row = next((one for one in around.partners if one.id == link(partner)), None)
    wanted = link(row.country_id) if row is not None else 0
    return next((text(one.code) for one in around.countries if one.id == wanted), "")
