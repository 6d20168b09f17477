"""Stripe's objects as far as they are read. ``IGNORED`` are fields that are known to say nothing of the books; whatever is in
neither is reported as unread. Fields: the vendor's Python client 16.1.0, API version 2026-10-28.endive."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import msgspec


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """Part of an object."""

    IGNORED: ClassVar[frozenset[str]] = frozenset()


class FeeDetail(Wire, frozen=True, kw_only=True):
    """One part of a fee, in minor units; positive when it costs."""

    amount: int
    currency: str
    type: str


class Movement(Wire, frozen=True, kw_only=True):
    """A balance transaction: ``amount`` - ``fee`` = ``net``, in the currency of settlement. ``source`` is an id."""

    id: str
    amount: int
    fee: int
    net: int
    currency: str
    created: int
    type: str
    reporting_category: str = ""
    fee_details: tuple[FeeDetail, ...] = ()
    exchange_rate: Decimal | None = None
    source: str | None = None
    IGNORED: ClassVar = _names("object available_on balance_type description status")


class Method(Wire, frozen=True, kw_only=True):
    """How a charge was paid."""

    type: str = ""


class Charge(Wire, frozen=True, kw_only=True):
    """A charge. Amounts are in minor units of ``currency``."""

    id: str
    amount: int
    currency: str
    created: int
    status: str
    captured: bool
    amount_captured: int = 0
    livemode: bool = False
    payment_intent: str | None = None
    customer: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    payment_method_details: Method | None = None
    failure_balance_transaction: str | None = None
    balance_transaction: str | None = None
    IGNORED: ClassVar = _names(
        "object amount_refunded application application_fee application_fee_amount authorization_code billing_details "
        "calculated_statement_descriptor disputed failure_code failure_message fraud_details level3 on_behalf_of outcome paid "
        "payment_method presentment_details radar_options receipt_email receipt_number receipt_url refunded refunds review "
        "shipping source source_transfer statement_descriptor statement_descriptor_suffix transfer transfer_data transfer_group"
    )


class Refund(Wire, frozen=True, kw_only=True):
    """A refund of a charge, positive."""

    id: str
    amount: int
    currency: str
    created: int
    status: str | None = None
    charge: str | None = None
    payment_intent: str | None = None
    reason: str | None = None
    balance_transaction: str | None = None
    IGNORED: ClassVar = _names(
        "object customer customer_account description destination_details failure_balance_transaction failure_reason "
        "instructions_email metadata next_action payment_method pending_reason presentment_details receipt_number "
        "source_transfer_reversal transfer_reversal"
    )


class Dispute(Wire, frozen=True, kw_only=True):
    """A dispute of a charge."""

    id: str
    amount: int
    currency: str
    created: int
    status: str
    reason: str
    charge: str
    livemode: bool = False
    balance_transactions: tuple[Movement, ...] = ()
    IGNORED: ClassVar = _names(
        "object enhanced_eligibility_types evidence evidence_details intended_submission_method is_charge_refundable metadata "
        "network_reason_code payment_intent payment_method_details"
    )


class Payout(Wire, frozen=True, kw_only=True):
    """Money sent to the bank; negative: taken from it."""

    id: str
    amount: int
    currency: str
    created: int
    arrival_date: int
    status: str
    automatic: bool
    livemode: bool = False
    reconciliation_status: str = ""
    balance_transaction: str | None = None
    IGNORED: ClassVar = _names(
        "object application_fee application_fee_amount description destination failure_balance_transaction failure_code "
        "failure_message metadata method original_payout payout_method reversed_by source_type statement_descriptor trace_id type"
    )


class Topup(Wire, frozen=True, kw_only=True):
    """Money from the bank to the balance."""

    id: str
    amount: int
    currency: str
    created: int
    status: str
    livemode: bool = False
    balance_transaction: str | None = None
    IGNORED: ClassVar = _names(
        "object description expected_availability_date failure_code failure_message initiated_by metadata payment_method "
        "payment_method_options source statement_descriptor transfer_group"
    )


class RateDetails(Wire, frozen=True, kw_only=True):
    """Which tax rate it was."""

    tax_rate: str = ""


class TaxLine(Wire, frozen=True, kw_only=True):
    """One tax of a line."""

    amount: int
    tax_behavior: str = "exclusive"
    tax_rate_details: RateDetails | None = None


class Discount(Wire, frozen=True, kw_only=True):
    """What a discount took off a line."""

    amount: int


class InvoiceLine(Wire, frozen=True, kw_only=True):
    """A line: ``amount`` before discounts, and before tax where that is exclusive."""

    id: str
    amount: int
    description: str | None = None
    quantity: int | None = 1
    discount_amounts: tuple[Discount, ...] | None = None
    taxes: tuple[TaxLine, ...] | None = None


class Lines(Wire, frozen=True, kw_only=True):
    """A page of lines."""

    data: tuple[InvoiceLine, ...] = ()
    has_more: bool = False


class Shipping(Wire, frozen=True, kw_only=True):
    """What shipping costs."""

    amount_subtotal: int = 0
    amount_tax: int = 0
    amount_total: int = 0


class Address(Wire, frozen=True, kw_only=True):
    """The customer's address."""

    country: str | None = None


class Transitions(Wire, frozen=True, kw_only=True):
    """When an invoice changed its state."""

    finalized_at: int | None = None


class Invoice(Wire, frozen=True, kw_only=True):
    """An invoice since basil (2025-03-31): its payments stand apart."""

    id: str
    currency: str
    created: int
    status: str | None
    total: int
    number: str | None = None
    customer: str | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    customer_address: Address | None = None
    due_date: int | None = None
    effective_at: int | None = None
    livemode: bool = False
    lines: Lines = Lines()
    shipping_cost: Shipping | None = None
    status_transitions: Transitions | None = None
    IGNORED: ClassVar = _names(
        "object account_country account_name account_tax_ids amount_due amount_overpaid amount_paid amount_paid_off_stripe "
        "amount_remaining amount_shipping application attempt_count attempted auto_advance automatic_tax "
        "automatically_finalizes_at billing_reason collection_method confirmation_secret custom_fields customer_account "
        "customer_phone customer_shipping customer_tax_exempt customer_tax_ids default_payment_method default_source "
        "default_tax_rates deleted description discounts ending_balance footer from_invoice hosted_invoice_url invoice_pdf "
        "issuer last_finalization_error latest_revision metadata next_payment_attempt on_behalf_of parent payment_settings "
        "payments period_end period_start post_payment_credit_notes_amount pre_payment_credit_notes_amount receipt_number "
        "rendering shipping_details starting_balance statement_descriptor status_details subtotal subtotal_excluding_tax "
        "test_clock threshold_reason total_discount_amounts total_excluding_tax total_pretax_credit_amounts total_taxes "
        "webhooks_delivered_at"
    )


class CreditNote(Wire, frozen=True, kw_only=True):
    """A credit note: what it takes off the debt, and what is paid back after payment."""

    id: str
    currency: str
    created: int
    status: str
    invoice: str
    total: int
    number: str = ""
    customer: str | None = None
    livemode: bool = False
    pre_payment_amount: int = 0
    total_taxes: tuple[TaxLine, ...] | None = None
    IGNORED: ClassVar = _names(
        "object amount amount_shipping customer_account customer_balance_transaction discount_amount discount_amounts effective_at "
        "lines memo metadata out_of_band_amount pdf post_payment_amount pretax_credit_amounts reason refunds shipping_cost subtotal "
        "subtotal_excluding_tax total_excluding_tax type voided_at"
    )


class InvoicePayment(Wire, frozen=True, kw_only=True):
    """One payment of an invoice."""

    id: str
    invoice: str
    amount_paid: int | None = None
    status: str = ""


class Named(Wire, frozen=True, kw_only=True):
    """Any object, as far as an event names it."""

    id: str = ""
    object: str = ""
    charge: str | None = None
    latest_charge: str | None = None
    payment_intent: str | None = None
    payment: Mapping[str, str | None] | None = None


class Snapshot(Wire, frozen=True, kw_only=True):
    """The object of an event, undecoded."""

    object: msgspec.Raw


class Related(Wire, frozen=True, kw_only=True):
    """What a thin event of v2 refers to."""

    id: str
    type: str = ""


class Event(Wire, frozen=True, kw_only=True):
    """An event of v1 with a snapshot, or a thin one of v2 without."""

    id: str
    type: str
    object: str = "event"
    account: str | None = None
    context: str | None = None
    created: int | str = 0
    data: Snapshot | None = None
    related_object: Related | None = None


class Answer(Wire, frozen=True, kw_only=True):
    """What ``pull`` makes of an object: itself, when it was read, and what belongs to it."""

    seen: str
    object: msgspec.Raw
    movement: msgspec.Raw = msgspec.Raw(b"null")
    movements: tuple[msgspec.Raw, ...] = ()
    payment: InvoicePayment | None = None
    closed: int | None = None
    live: bool = True
    on_invoice: bool = False
