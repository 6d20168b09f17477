"""The shapes of ``wc/v3`` as typed structs: orders and refunds as REST and webhooks write them (11.0.1, and 3.0 on).

Each field that the vendor documents, or a real shop was seen to send, is mapped or stands under ``ignored``; anything else
is reported as unread: plugins add fields of their own. Amounts are texts in major units, without tax whatever
``prices_include_tax`` says.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

Ignored = msgspec.Raw
NOTHING: Final = msgspec.Raw(b"")


class Meta(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A plugin's own fact about an order or a line."""

    key: str
    value: Any = None
    # ignored:
    id: Ignored = NOTHING
    display_key: Ignored = NOTHING
    display_value: Ignored = NOTHING


class LineTax(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The tax of one rate on a line; ``total`` may be empty."""

    id: int
    total: str = ""
    # ignored:
    subtotal: Ignored = NOTHING


class LineItem(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A product: ``subtotal`` before discounts, ``total`` after. A refund's are negative."""

    id: int
    quantity: Decimal = Decimal(1)
    subtotal: str = "0"
    total: str = "0"
    total_tax: str = "0"
    taxes: tuple[LineTax, ...] = ()
    sku: str | None = ""
    name: str | None = ""
    product_id: int = 0
    meta_data: tuple[Meta, ...] = ()
    # ignored:
    variation_id: Ignored = NOTHING
    tax_class: Ignored = NOTHING
    subtotal_tax: Ignored = NOTHING
    price: Ignored = NOTHING
    global_unique_id: Ignored = NOTHING
    image: Ignored = NOTHING
    parent_name: Ignored = NOTHING
    product_data: Ignored = NOTHING
    product_url: Ignored = NOTHING


class ShippingLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A way of shipping."""

    id: int
    total: str = "0"
    total_tax: str = "0"
    taxes: tuple[LineTax, ...] = ()
    method_title: str | None = ""
    meta_data: tuple[Meta, ...] = ()
    # ignored:
    method_id: Ignored = NOTHING
    instance_id: Ignored = NOTHING
    tax_status: Ignored = NOTHING


class FeeLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A fee; plugins write tips, deposits and redeemed vouchers as fees, often negative."""

    id: int
    total: str = "0"
    total_tax: str = "0"
    taxes: tuple[LineTax, ...] = ()
    name: str | None = ""
    meta_data: tuple[Meta, ...] = ()
    # ignored:
    amount: Ignored = NOTHING
    tax_class: Ignored = NOTHING
    tax_status: Ignored = NOTHING


class TaxLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What one rate comes to on the whole order, and its name; the percentage is there since 3.7."""

    rate_id: int
    label: str | None = ""
    rate_code: str | None = ""
    tax_total: str = "0"
    shipping_tax_total: str = "0"
    rate_percent: Decimal | None = None
    # ignored:
    id: Ignored = NOTHING
    compound: Ignored = NOTHING
    meta_data: Ignored = NOTHING


class RefundStub(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A refund as an order mentions it: not enough to book it."""

    id: int
    # ignored:
    reason: Ignored = NOTHING
    refund: Ignored = NOTHING
    total: Ignored = NOTHING
    total_tax: Ignored = NOTHING


class Address(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Billing or shipping address."""

    first_name: str | None = ""
    last_name: str | None = ""
    company: str | None = ""
    address_1: str | None = ""
    address_2: str | None = ""
    city: str | None = ""
    state: str | None = ""
    postcode: str | None = ""
    country: str | None = ""
    email: str | None = ""
    phone: str | None = ""


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An order. ``total`` contains all taxes and is not reduced by refunds."""

    id: int
    status: str
    currency: str
    total: str
    total_tax: str
    date_modified_gmt: str | None
    date_created_gmt: str | None = None
    date_paid_gmt: str | None = None
    parent_id: int = 0
    number: str = ""
    customer_id: int = 0
    payment_method: str | None = ""
    payment_method_title: str | None = ""
    transaction_id: str | None = ""
    billing: Address | None = None
    shipping: Address | None = None
    line_items: tuple[LineItem, ...] = ()
    shipping_lines: tuple[ShippingLine, ...] = ()
    fee_lines: tuple[FeeLine, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()
    refunds: tuple[RefundStub, ...] = ()
    meta_data: tuple[Meta, ...] = ()
    # ignored:
    version: Ignored = NOTHING
    prices_include_tax: Ignored = NOTHING
    date_created: Ignored = NOTHING
    date_modified: Ignored = NOTHING
    date_completed: Ignored = NOTHING
    date_completed_gmt: Ignored = NOTHING
    date_paid: Ignored = NOTHING
    discount_total: Ignored = NOTHING
    discount_tax: Ignored = NOTHING
    shipping_total: Ignored = NOTHING
    shipping_tax: Ignored = NOTHING
    cart_tax: Ignored = NOTHING
    order_key: Ignored = NOTHING
    customer_ip_address: Ignored = NOTHING
    customer_user_agent: Ignored = NOTHING
    customer_note: Ignored = NOTHING
    created_via: Ignored = NOTHING
    cart_hash: Ignored = NOTHING
    coupon_lines: Ignored = NOTHING
    payment_url: Ignored = NOTHING
    is_editable: Ignored = NOTHING
    needs_payment: Ignored = NOTHING
    needs_processing: Ignored = NOTHING
    currency_symbol: Ignored = NOTHING
    set_paid: Ignored = NOTHING
    links: Ignored = msgspec.field(default=NOTHING, name="_links")


class Refund(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A refund. ``amount`` is positive and wins over the lines, whose figures are negative."""

    id: int
    amount: str
    date_created_gmt: str
    reason: str | None = ""
    refunded_payment: bool = False
    line_items: tuple[LineItem, ...] = ()
    shipping_lines: tuple[ShippingLine, ...] = ()
    fee_lines: tuple[FeeLine, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()
    parent_id: int = 0
    meta_data: tuple[Meta, ...] = ()
    # ignored:
    date_created: Ignored = NOTHING
    refunded_by: Ignored = NOTHING
    api_refund: Ignored = NOTHING
    api_restock: Ignored = NOTHING
    links: Ignored = msgspec.field(default=NOTHING, name="_links")


class Whole(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An order with its refunds, as this connector puts them together when it reads."""

    order: Order
    refunds: tuple[Refund, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What any webhook body may hold: a thing's id, an action's argument, or the code of an error."""

    id: int | None = None
    arg: Any = None
    code: str = ""


class Stamped(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What makes the key of a webhook: whose state it tells, and of when."""

    id: int | None = None
    date_modified_gmt: str | None = None
    arg: int | str | None = None
