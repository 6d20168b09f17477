"""The shapes of events: rows as Odoo's ``read`` gives them, with the rows that they refer to. Amounts are decimals.

An empty field is ``false`` whatever its type; a many2one is ``[id, display name]``.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

Link = tuple[int, str] | bool
Text = str | bool
NONE: Decimal = Decimal(0)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Any row. Fields that are not named are not asked for."""

    id: int


class Order(Row, frozen=True, kw_only=True):
    """``sale.order``."""

    name: Text = ""
    state: Text = ""
    date_order: Text = ""
    write_date: Text = ""
    client_order_ref: Text = ""
    currency_id: Link = False
    partner_id: Link = False
    amount_tax: Decimal = NONE
    amount_total: Decimal = NONE


class OrderLine(Row, frozen=True, kw_only=True):
    """``sale.order.line``; its taxes are ``tax_id`` up to 18 and ``tax_ids`` since."""

    name: Text = ""
    display_type: Text = ""
    product_id: Link = False
    product_uom_qty: Decimal = NONE
    discount: Decimal = NONE
    price_subtotal: Decimal = NONE
    price_total: Decimal = NONE
    tax_id: tuple[int, ...] = ()
    tax_ids: tuple[int, ...] = ()


class Move(Row, frozen=True, kw_only=True):
    """``account.move``: an invoice, a receipt or a credit note."""

    name: Text = ""
    ref: Text = ""
    state: Text = ""
    move_type: Text = ""
    date: Text = ""
    invoice_date: Text = ""
    invoice_date_due: Text = ""
    write_date: Text = ""
    posted_before: bool = False
    currency_id: Link = False
    partner_id: Link = False
    reversed_entry_id: Link = False
    amount_tax: Decimal = NONE
    amount_total: Decimal = NONE


class MoveLine(Row, frozen=True, kw_only=True):
    """``account.move.line`` of a document."""

    name: Text = ""
    product_id: Link = False
    quantity: Decimal = NONE
    discount: Decimal = NONE
    price_subtotal: Decimal = NONE
    price_total: Decimal = NONE
    tax_ids: tuple[int, ...] = ()


class Paid(Row, frozen=True, kw_only=True):
    """``account.payment``; ``memo`` is called ``ref`` up to 17."""

    name: Text = ""
    state: Text = ""
    date: Text = ""
    write_date: Text = ""
    memo: Text = ""
    ref: Text = ""
    payment_type: Text = ""
    payment_reference: Text = ""
    amount: Decimal = NONE
    currency_id: Link = False
    partner_id: Link = False


class Till(Row, frozen=True, kw_only=True):
    """``pos.order``."""

    name: Text = ""
    pos_reference: Text = ""
    state: Text = ""
    date_order: Text = ""
    write_date: Text = ""
    currency_id: Link = False
    partner_id: Link = False
    session_id: Link = False
    refunded_order_id: Link = False
    refunded_order_ids: tuple[int, ...] = ()
    amount_tax: Decimal = NONE
    amount_total: Decimal = NONE


class TillLine(Row, frozen=True, kw_only=True):
    """``pos.order.line``."""

    full_product_name: Text = ""
    product_id: Link = False
    qty: Decimal = NONE
    discount: Decimal = NONE
    price_subtotal: Decimal = NONE
    price_subtotal_incl: Decimal = NONE
    tax_ids: tuple[int, ...] = ()


class TillPayment(Row, frozen=True, kw_only=True):
    """``pos.payment``; change is a payment below zero."""

    amount: Decimal = NONE
    payment_method_id: Link = False


class Method(Row, frozen=True, kw_only=True):
    """``pos.payment.method``."""

    name: Text = ""
    journal_id: Link = False


class Journal(Row, frozen=True, kw_only=True):
    """``account.journal``."""

    name: Text = ""
    type: Text = ""


class Tax(Row, frozen=True, kw_only=True):
    """``account.tax``."""

    name: Text = ""
    amount: Decimal = NONE
    amount_type: Text = ""


class Product(Row, frozen=True, kw_only=True):
    """``product.product``."""

    default_code: Text = ""
    type: Text = ""


class Partner(Row, frozen=True, kw_only=True):
    """``res.partner``."""

    name: Text = ""
    email: Text = ""
    phone: Text = ""
    vat: Text = ""
    is_company: bool = False
    country_id: Link = False


class Country(Row, frozen=True, kw_only=True):
    """``res.country``."""

    code: Text = ""


class Allocated(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a payment settles which document (external id)."""

    document: str
    amount: Decimal


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that a document refers to."""

    taxes: tuple[Tax, ...] = ()
    products: tuple[Product, ...] = ()
    partners: tuple[Partner, ...] = ()
    countries: tuple[Country, ...] = ()


class OrderEvent(Around, frozen=True, kw_only=True):
    """Topic ``sale.order``."""

    order: Order
    lines: tuple[OrderLine, ...] = ()


class MoveEvent(Around, frozen=True, kw_only=True):
    """Topic ``account.move``. ``order``: the sales order behind it, 0 where there is none."""

    move: Move
    lines: tuple[MoveLine, ...] = ()
    order: int = 0


class PaymentEvent(Around, frozen=True, kw_only=True):
    """Topic ``account.payment``."""

    payment: Paid
    journal: Journal | None = None
    allocations: tuple[Allocated, ...] = ()


class TillEvent(Around, frozen=True, kw_only=True):
    """Topic ``pos.order``."""

    order: Till
    lines: tuple[TillLine, ...] = ()
    payments: tuple[TillPayment, ...] = ()
    methods: tuple[Method, ...] = ()
    journals: tuple[Journal, ...] = ()
