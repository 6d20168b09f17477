"""The shapes of Shopify's webhook bodies (REST resources, 2026-07 and later) as typed structs.

Each field that the vendor documents is mapped or stands under ``ignored``; anything else is reported as unread. Amounts
without ``_set`` are in the shop's currency, except on transactions, which name their own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

Ignored = msgspec.Raw
NOTHING: Final = msgspec.Raw(b"")


class Amount(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An amount in one currency; most bags say ``currency_code``, one says ``currency``."""

    amount: str
    currency_code: str | None = None
    currency: str | None = None


class Bag(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The same amount in the shop's currency and in the one shown to the customer."""

    shop_money: Amount
    presentment_money: Amount | None = None


class TaxLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One tax of a line; ``channel_liable``: the marketplace hands it to the state."""

    title: str
    price: str
    rate: Decimal | None = None
    channel_liable: bool | None = None
    # ignored:
    price_set: Ignored = NOTHING
    source: Ignored = NOTHING


class DiscountAllocation(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A line's share of one discount, order-level discounts included."""

    amount: str
    # ignored:
    amount_set: Ignored = NOTHING
    discount_application_index: Ignored = NOTHING


class Duty(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A customs duty on a line."""

    id: int | str
    shop_money: Amount
    tax_lines: tuple[TaxLine, ...] = ()
    # ignored:
    presentment_money: Ignored = NOTHING
    harmonized_system_code: Ignored = NOTHING
    country_code_of_origin: Ignored = NOTHING
    admin_graphql_api_id: Ignored = NOTHING


class LineItem(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A line; ``price`` is per unit, before any discount."""

    id: int
    price: str
    quantity: int
    title: str = ""
    sku: str | None = None
    gift_card: bool = False
    product_id: int | None = None
    variant_id: int | None = None
    requires_shipping: bool = True
    taxable: bool = True
    current_quantity: int | None = None
    total_discount: str = "0"
    tax_lines: tuple[TaxLine, ...] = ()
    discount_allocations: tuple[DiscountAllocation, ...] = ()
    duties: tuple[Duty, ...] = ()
    # ignored:
    admin_graphql_api_id: Ignored = NOTHING
    attributed_staffs: Ignored = NOTHING
    fulfillable_quantity: Ignored = NOTHING
    fulfillment_service: Ignored = NOTHING
    fulfillment_status: Ignored = NOTHING
    grams: Ignored = NOTHING
    name: Ignored = NOTHING
    price_set: Ignored = NOTHING
    product_exists: Ignored = NOTHING
    properties: Ignored = NOTHING
    total_discount_set: Ignored = NOTHING
    variant_inventory_management: Ignored = NOTHING
    variant_title: Ignored = NOTHING
    vendor: Ignored = NOTHING
    sales_line_item_group_id: Ignored = NOTHING
    pre_tax_price: Ignored = NOTHING
    pre_tax_price_set: Ignored = NOTHING
    tax_code: Ignored = NOTHING
    tip_payment_gateway: Ignored = NOTHING
    tip_payment_method: Ignored = NOTHING
    tip: Ignored = NOTHING
    origin_location: Ignored = NOTHING
    destination_location: Ignored = NOTHING
    applied_discounts: Ignored = NOTHING


class ShippingLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Shipping as charged; ``price`` before discounts."""

    id: int
    price: str
    title: str | None = None
    discounted_price: str | None = None
    is_removed: bool = False
    tax_lines: tuple[TaxLine, ...] = ()
    discount_allocations: tuple[DiscountAllocation, ...] = ()
    # ignored:
    admin_graphql_api_id: Ignored = NOTHING
    carrier_identifier: Ignored = NOTHING
    code: Ignored = NOTHING
    current_discounted_price_set: Ignored = NOTHING
    delivery_category: Ignored = NOTHING
    discounted_price_set: Ignored = NOTHING
    phone: Ignored = NOTHING
    price_set: Ignored = NOTHING
    requested_fulfillment_service_id: Ignored = NOTHING
    source: Ignored = NOTHING
    validation_context: Ignored = NOTHING


class FulfilledLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Which line left, and how much of it."""

    id: int
    quantity: int
    # ignored:
    price: Ignored = NOTHING
    title: Ignored = NOTHING
    sku: Ignored = NOTHING
    gift_card: Ignored = NOTHING
    product_id: Ignored = NOTHING
    variant_id: Ignored = NOTHING
    requires_shipping: Ignored = NOTHING
    taxable: Ignored = NOTHING
    current_quantity: Ignored = NOTHING
    total_discount: Ignored = NOTHING
    tax_lines: Ignored = NOTHING
    discount_allocations: Ignored = NOTHING
    duties: Ignored = NOTHING
    admin_graphql_api_id: Ignored = NOTHING
    attributed_staffs: Ignored = NOTHING
    fulfillable_quantity: Ignored = NOTHING
    fulfillment_service: Ignored = NOTHING
    fulfillment_status: Ignored = NOTHING
    grams: Ignored = NOTHING
    name: Ignored = NOTHING
    price_set: Ignored = NOTHING
    product_exists: Ignored = NOTHING
    properties: Ignored = NOTHING
    total_discount_set: Ignored = NOTHING
    variant_inventory_management: Ignored = NOTHING
    variant_title: Ignored = NOTHING
    vendor: Ignored = NOTHING
    sales_line_item_group_id: Ignored = NOTHING
    pre_tax_price: Ignored = NOTHING
    pre_tax_price_set: Ignored = NOTHING
    tax_code: Ignored = NOTHING
    tip: Ignored = NOTHING
    origin_location: Ignored = NOTHING
    destination_location: Ignored = NOTHING
    fulfillment_line_item_id: Ignored = NOTHING


class Fulfillment(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Goods that left."""

    id: int
    status: str
    created_at: str
    updated_at: str | None = None
    shipment_status: str | None = None
    location_id: int | None = None
    line_items: tuple[FulfilledLine, ...] = ()
    # ignored:
    admin_graphql_api_id: Ignored = NOTHING
    name: Ignored = NOTHING
    order_id: Ignored = NOTHING
    origin_address: Ignored = NOTHING
    receipt: Ignored = NOTHING
    service: Ignored = NOTHING
    tracking_company: Ignored = NOTHING
    tracking_number: Ignored = NOTHING
    tracking_numbers: Ignored = NOTHING
    tracking_url: Ignored = NOTHING
    tracking_urls: Ignored = NOTHING
    email: Ignored = NOTHING
    destination: Ignored = NOTHING
    notify_customer: Ignored = NOTHING
    variant_inventory_management: Ignored = NOTHING


class Transaction(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A movement of money, or the try of one, in its own currency."""

    id: int
    kind: str
    status: str
    amount: str
    order_id: int | None = None
    gateway: str | None = None
    currency: str | None = None
    processed_at: str | None = None
    created_at: str | None = None
    payment_id: str | None = None
    authorization: str | None = None
    # ignored:
    admin_graphql_api_id: Ignored = NOTHING
    authorization_expires_at: Ignored = NOTHING
    device_id: Ignored = NOTHING
    error_code: Ignored = NOTHING
    extended_authorization_attributes: Ignored = NOTHING
    location_id: Ignored = NOTHING
    message: Ignored = NOTHING
    parent_id: Ignored = NOTHING
    payment_details: Ignored = NOTHING
    receipt: Ignored = NOTHING
    source_name: Ignored = NOTHING
    test: Ignored = NOTHING
    user_id: Ignored = NOTHING
    currency_exchange_adjustment: Ignored = NOTHING
    total_unsettled_set: Ignored = NOTHING
    manual_payment_gateway: Ignored = NOTHING
    amount_rounding: Ignored = NOTHING
    payments_refund_attributes: Ignored = NOTHING
    maximum_refundable: Ignored = NOTHING


class RefundLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What came back. ``subtotal`` and ``total_tax`` are JSON numbers, read from their text; the bags are strings."""

    line_item_id: int
    quantity: int
    subtotal: Decimal
    total_tax: Decimal = Decimal(0)
    subtotal_set: Bag | None = None
    total_tax_set: Bag | None = None
    restock_type: str = "no_restock"
    line_item: LineItem | None = None
    # ignored:
    id: Ignored = NOTHING
    location_id: Ignored = NOTHING
    admin_graphql_api_id: Ignored = NOTHING


class RefundShipping(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Shipping that was given back."""

    id: int | None = None
    subtotal_amount_set: Bag
    tax_amount_set: Bag | None = None
    # ignored:
    transaction_id: Ignored = NOTHING
    shipping_line: Ignored = NOTHING
    tax_lines: Ignored = NOTHING
    admin_graphql_api_id: Ignored = NOTHING
    shipping_line_id: Ignored = NOTHING


class OrderAdjustment(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The difference between goods and money of a refund; negative means: more money than goods."""

    id: int | None = None
    amount: str
    tax_amount: str = "0"
    kind: str | None = None
    reason: str | None = None
    # ignored:
    order_id: Ignored = NOTHING
    refund_id: Ignored = NOTHING
    amount_set: Ignored = NOTHING
    tax_amount_set: Ignored = NOTHING
    admin_graphql_api_id: Ignored = NOTHING


class RefundDuty(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A duty that was given back."""

    duty_id: int | str | None = None
    amount_set: Bag | None = None
    # ignored:
    refund_type: Ignored = NOTHING
    admin_graphql_api_id: Ignored = NOTHING


class Refund(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A refund: goods, money, or both."""

    id: int
    created_at: str
    order_id: int | None = None
    processed_at: str | None = None
    note: str | None = None
    refund_line_items: tuple[RefundLine, ...] = ()
    refund_shipping_lines: tuple[RefundShipping, ...] = ()
    order_adjustments: tuple[OrderAdjustment, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    duties: tuple[RefundDuty, ...] = ()
    total_duties_set: Bag | None = None
    total_additional_fees_set: Bag | None = None
    # ignored:
    admin_graphql_api_id: Ignored = NOTHING
    restock: Ignored = NOTHING
    user_id: Ignored = NOTHING
    return_: Ignored = msgspec.field(default=NOTHING, name="return")
    additional_fees: Ignored = NOTHING


class Address(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An address of the customer."""

    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None
    # ignored:
    latitude: Ignored = NOTHING
    longitude: Ignored = NOTHING
    province_code: Ignored = NOTHING
    id: Ignored = NOTHING
    customer_id: Ignored = NOTHING
    country_name: Ignored = NOTHING
    default: Ignored = NOTHING


class Customer(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The customer, as far as the shop lets us see."""

    id: int
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    # ignored:
    created_at: Ignored = NOTHING
    updated_at: Ignored = NOTHING
    state: Ignored = NOTHING
    note: Ignored = NOTHING
    verified_email: Ignored = NOTHING
    multipass_identifier: Ignored = NOTHING
    tax_exempt: Ignored = NOTHING
    email_marketing_consent: Ignored = NOTHING
    sms_marketing_consent: Ignored = NOTHING
    tags: Ignored = NOTHING
    currency: Ignored = NOTHING
    tax_exemptions: Ignored = NOTHING
    admin_graphql_api_id: Ignored = NOTHING
    default_address: Ignored = NOTHING
    accepts_marketing: Ignored = NOTHING
    accepts_marketing_updated_at: Ignored = NOTHING
    marketing_opt_in_level: Ignored = NOTHING
    last_order_id: Ignored = NOTHING
    last_order_name: Ignored = NOTHING
    orders_count: Ignored = NOTHING
    total_spent: Ignored = NOTHING
    addresses: Ignored = NOTHING


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An order as it stood when the webhook was fired."""

    id: int
    name: str
    currency: str
    updated_at: str
    created_at: str
    total_price: str
    taxes_included: bool
    financial_status: str | None
    processed_at: str | None = None
    cancelled_at: str | None = None
    test: bool = False
    presentment_currency: str | None = None
    current_total_price: str | None = None
    total_outstanding: str | None = None
    total_tax: str = "0"
    total_price_set: Bag | None = None
    total_tip_received: str = "0"
    total_cash_rounding_payment_adjustment_set: Bag | None = None
    original_total_additional_fees_set: Bag | None = None
    original_total_duties_set: Bag | None = None
    duties_included: bool = False
    source_name: str | None = None
    location_id: int | None = None
    payment_gateway_names: tuple[str, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()
    line_items: tuple[LineItem, ...]
    shipping_lines: tuple[ShippingLine, ...] = ()
    refunds: tuple[Refund, ...] = ()
    fulfillments: tuple[Fulfillment, ...] = ()
    customer: Customer | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    # ignored:
    admin_graphql_api_id: Ignored = NOTHING
    app_id: Ignored = NOTHING
    browser_ip: Ignored = NOTHING
    buyer_accepts_marketing: Ignored = NOTHING
    cancel_reason: Ignored = NOTHING
    cart_token: Ignored = NOTHING
    checkout_id: Ignored = NOTHING
    checkout_token: Ignored = NOTHING
    client_details: Ignored = NOTHING
    closed_at: Ignored = NOTHING
    company: Ignored = NOTHING
    confirmation_number: Ignored = NOTHING
    confirmed: Ignored = NOTHING
    contact_email: Ignored = NOTHING
    current_shipping_price_set: Ignored = NOTHING
    current_subtotal_price: Ignored = NOTHING
    current_subtotal_price_set: Ignored = NOTHING
    current_total_additional_fees_set: Ignored = NOTHING
    current_total_discounts: Ignored = NOTHING
    current_total_discounts_set: Ignored = NOTHING
    current_total_duties_set: Ignored = NOTHING
    current_total_price_set: Ignored = NOTHING
    current_total_tax: Ignored = NOTHING
    current_total_tax_set: Ignored = NOTHING
    customer_locale: Ignored = NOTHING
    device_id: Ignored = NOTHING
    discount_applications: Ignored = NOTHING
    discount_codes: Ignored = NOTHING
    email: Ignored = NOTHING
    estimated_taxes: Ignored = NOTHING
    fulfillment_status: Ignored = NOTHING
    landing_site: Ignored = NOTHING
    landing_site_ref: Ignored = NOTHING
    merchant_business_entity_id: Ignored = NOTHING
    merchant_of_record_app_id: Ignored = NOTHING
    note: Ignored = NOTHING
    note_attributes: Ignored = NOTHING
    number: Ignored = NOTHING
    order_number: Ignored = NOTHING
    order_status_url: Ignored = NOTHING
    payment_terms: Ignored = NOTHING
    phone: Ignored = NOTHING
    po_number: Ignored = NOTHING
    reference: Ignored = NOTHING
    referring_site: Ignored = NOTHING
    returns: Ignored = NOTHING
    source_identifier: Ignored = NOTHING
    source_url: Ignored = NOTHING
    subtotal_price: Ignored = NOTHING
    subtotal_price_set: Ignored = NOTHING
    tags: Ignored = NOTHING
    tax_exempt: Ignored = NOTHING
    token: Ignored = NOTHING
    total_cash_rounding_refund_adjustment_set: Ignored = NOTHING
    total_discounts: Ignored = NOTHING
    total_discounts_set: Ignored = NOTHING
    total_line_items_price: Ignored = NOTHING
    total_line_items_price_set: Ignored = NOTHING
    total_shipping_price_set: Ignored = NOTHING
    total_tax_set: Ignored = NOTHING
    total_weight: Ignored = NOTHING
    user_id: Ignored = NOTHING
    line_item_groups: Ignored = NOTHING
    additional_fees: Ignored = NOTHING
    deleted_at: Ignored = NOTHING
    checkout_legacy_id: Ignored = NOTHING
    total_duties: Ignored = NOTHING
    total_capturable: Ignored = NOTHING


class Thin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a body that only points at an order must say."""

    id: int | str
    order_id: int | str | None = None
    admin_graphql_api_id: str = ""
