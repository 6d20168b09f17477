"""The shapes of GraphQL answers, as ``queries.py`` asks for them: nothing is ignored."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class _Shape(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel", forbid_unknown_fields=True):
    """Field names in camel case; an unknown field is reported."""


class Amount(_Shape, frozen=True, kw_only=True):
    """MoneyV2."""

    amount: str
    currency_code: str


class Bag(_Shape, frozen=True, kw_only=True):
    """MoneyBag, the shop's side of it."""

    shop_money: Amount


class Ref(_Shape, frozen=True, kw_only=True):
    """Another thing, by id."""

    id: str


class PageInfo(_Shape, frozen=True, kw_only=True):
    """Whether a connection goes on."""

    has_next_page: bool = False
    end_cursor: str | None = None


class TaxLine(_Shape, frozen=True, kw_only=True):
    """One tax of a line."""

    title: str
    price_set: Bag
    rate: Decimal | None = None
    channel_liable: bool | None = None


class Allocation(_Shape, frozen=True, kw_only=True):
    """A line's share of one discount."""

    allocated_amount_set: Bag


class Duty(_Shape, frozen=True, kw_only=True):
    """A customs duty on a line."""

    id: str
    price: Bag
    tax_lines: tuple[TaxLine, ...] = ()


class AdditionalFee(_Shape, frozen=True, kw_only=True):
    """A fee of the whole order."""

    id: str
    name: str
    price: Bag
    tax_lines: tuple[TaxLine, ...] = ()


class LineItem(_Shape, frozen=True, kw_only=True):
    """A line with its totals before discounts."""

    id: str
    title: str
    quantity: int
    is_gift_card: bool
    taxable: bool
    requires_shipping: bool
    original_total_set: Bag
    sku: str | None = None
    product: Ref | None = None
    variant: Ref | None = None
    discount_allocations: tuple[Allocation, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()
    duties: tuple[Duty, ...] = ()


class LineItems(_Shape, frozen=True, kw_only=True):
    """A connection, all pages joined."""

    nodes: tuple[LineItem, ...]
    page_info: PageInfo = PageInfo()


class ShippingLine(_Shape, frozen=True, kw_only=True):
    """Shipping as charged."""

    title: str
    original_price_set: Bag
    discounted_price_set: Bag
    id: str | None = None
    is_removed: bool = False
    discount_allocations: tuple[Allocation, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()


class ShippingLines(_Shape, frozen=True, kw_only=True):
    """A connection, all pages joined."""

    nodes: tuple[ShippingLine, ...]
    page_info: PageInfo = PageInfo()


class Transaction(_Shape, frozen=True, kw_only=True):
    """A movement of money, or the try of one."""

    id: str
    kind: str
    status: str
    amount_set: Bag
    gateway: str | None = None
    processed_at: str | None = None
    created_at: str | None = None
    payment_id: str | None = None
    authorization_code: str | None = None
    amount_rounding_set: Bag | None = None


class Transactions(_Shape, frozen=True, kw_only=True):
    """A connection, all pages joined."""

    nodes: tuple[Transaction, ...]
    page_info: PageInfo = PageInfo()


class RefundLine(_Shape, frozen=True, kw_only=True):
    """What came back."""

    quantity: int
    restock_type: str
    line_item: Ref
    subtotal_set: Bag
    total_tax_set: Bag


class RefundLines(_Shape, frozen=True, kw_only=True):
    """A connection, all pages joined."""

    nodes: tuple[RefundLine, ...]
    page_info: PageInfo = PageInfo()


class RefundShippingLine(_Shape, frozen=True, kw_only=True):
    """Shipping that was given back."""

    id: str
    subtotal_amount_set: Bag
    tax_amount_set: Bag


class RefundShippingLines(_Shape, frozen=True, kw_only=True):
    """A connection, all pages joined."""

    nodes: tuple[RefundShippingLine, ...]
    page_info: PageInfo = PageInfo()


class Adjustment(_Shape, frozen=True, kw_only=True):
    """The difference between goods and money of a refund."""

    id: str
    amount_set: Bag
    tax_amount_set: Bag
    reason: str | None = None


class Adjustments(_Shape, frozen=True, kw_only=True):
    """A connection, all pages joined."""

    nodes: tuple[Adjustment, ...]
    page_info: PageInfo = PageInfo()


class RefundDuty(_Shape, frozen=True, kw_only=True):
    """A duty that was given back."""

    amount_set: Bag


class Refund(_Shape, frozen=True, kw_only=True):
    """A refund: goods, money, or both."""

    id: str
    processed_at: str
    refund_line_items: RefundLines
    refund_shipping_lines: RefundShippingLines
    order_adjustments: Adjustments
    transactions: Transactions
    created_at: str | None = None
    note: str | None = None
    duties: tuple[RefundDuty, ...] | None = None


class FulfilledLine(_Shape, frozen=True, kw_only=True):
    """Which line left, and how much of it."""

    line_item: Ref
    quantity: int | None = None


class FulfilledLines(_Shape, frozen=True, kw_only=True):
    """A connection, all pages joined."""

    nodes: tuple[FulfilledLine, ...]
    page_info: PageInfo = PageInfo()


class Fulfillment(_Shape, frozen=True, kw_only=True):
    """Goods that left."""

    id: str
    status: str
    created_at: str
    fulfillment_line_items: FulfilledLines
    display_status: str | None = None
    delivered_at: str | None = None


class Address(_Shape, frozen=True, kw_only=True):
    """An address of the customer."""

    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    zip: str | None = None
    city: str | None = None
    province: str | None = None
    country_code_v2: str | None = msgspec.field(default=None, name="countryCodeV2")


class Email(_Shape, frozen=True, kw_only=True):
    """An e-mail address."""

    email_address: str | None = None


class Customer(_Shape, frozen=True, kw_only=True):
    """The customer, as far as the shop lets us see."""

    id: str
    display_name: str | None = None
    default_email_address: Email | None = None


class Rounding(_Shape, frozen=True, kw_only=True):
    """What cash rounding did to the payments."""

    payment_set: Bag


class Order(_Shape, frozen=True, kw_only=True):
    """An order, complete."""

    id: str
    name: str
    created_at: str
    updated_at: str
    processed_at: str
    test: bool
    taxes_included: bool
    currency_code: str
    total_price_set: Bag
    line_items: LineItems
    shipping_lines: ShippingLines
    transactions: tuple[Transaction, ...]
    refunds: tuple[Refund, ...]
    fulfillments: tuple[Fulfillment, ...]
    cancelled_at: str | None = None
    duties_included: bool = False
    source_name: str | None = None
    retail_location: Ref | None = None
    customer: Customer | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    total_tax_set: Bag | None = None
    total_tip_received_set: Bag | None = None
    total_cash_rounding_adjustment: Rounding | None = None
    tax_lines: tuple[TaxLine, ...] = ()
    additional_fees: tuple[AdditionalFee, ...] = ()


class Payout(_Shape, frozen=True, kw_only=True):
    """A payout of Shopify Payments."""

    id: str
    legacy_resource_id: str | int
    issued_at: str
    status: str
    transaction_type: str
    net: Amount


class BalanceTransaction(_Shape, frozen=True, kw_only=True):
    """One line of a payout."""

    id: str
    type: str
    test: bool
    transaction_date: str
    amount: Amount
    fee: Amount
    net: Amount
    source_order_transaction_id: str | int | None = None
    adjustment_reason: str | None = None
    associated_order: Ref | None = None
    associated_payout: Ref | None = None


class PayoutEvent(_Shape, frozen=True, kw_only=True):
    """The body of a payout event: the payout and all its balance transactions."""

    payout: Payout
    transactions: tuple[BalanceTransaction, ...]
