"""The objects as API version 2026-10-28.endive shows them, and what older versions show in addition.

Every member that the official client of that version names is there; members that this business never uses are null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from leja.connectors.stripe.stand_in_records import Record

VERSION: Final = "2026-10-28.endive"
BASIL: Final = "2025-03-31"

_EVIDENCE: Final = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file "
    "uncategorized_text"
)


def _nulls(names: str) -> Record:
    return dict.fromkeys(names.split())


def charge(**given: Any) -> Record:
    """A charge; ``refunds`` are never in it, they are listed."""
    card = given.pop("method") == "card"
    number = given["id"][-4:]
    details: Record = {"type": "card", "card": {"brand": "visa", "country": "GB", "exp_month": 8, "exp_year": 2030,
                       "fingerprint": number, "funding": "credit", "last4": "4242", "network": "visa",
                       "wallet": None}}  # fmt: skip
    return {
        "object": "charge",
        "amount_captured": 0,
        "amount_refunded": 0,
        **_nulls("application application_fee application_fee_amount authorization_code balance_transaction"),
        "billing_details": {"address": _nulls("city country line1 line2 postal_code state"), "email": None,
                            "name": None, "phone": None, "tax_id": None},
        "calculated_statement_descriptor": "LEJA SANDBOX",
        **_nulls("customer description failure_balance_transaction failure_code failure_message on_behalf_of"),
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "outcome": {"advice_code": None, "network_advice_code": None, "network_decline_code": None,
                    "network_status": "approved_by_network", "reason": None, "risk_level": "normal",
                    "seller_message": "Payment complete.", "type": "authorized"},
        "payment_method": f"pm_{given['id'][3:]}",
        "payment_method_details": details if card else {"type": given.get("_type", "sepa_debit")},
        **_nulls("presentment_details radar_options receipt_email receipt_number receipt_url review shipping source"),
        "refunded": False,
        **_nulls("source_transfer statement_descriptor statement_descriptor_suffix transfer transfer_data"),
        "transfer_group": None,
        **{name: value for name, value in given.items() if name != "_type"},
    }  # fmt: skip


def intent(**given: Any) -> Record:
    """A payment intent."""
    return {
        "object": "payment_intent",
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        **_nulls(
            "allowed_payment_method_types application application_fee_amount canceled_at cancellation_reason customer customer_account"
        ),
        "automatic_payment_methods": {"enabled": True},
        "capture_method": "automatic",
        "client_secret": f"{given['id']}_secret_sandbox",
        "confirmation_method": "automatic",
        **_nulls("description excluded_payment_method_types hooks last_payment_error latest_charge managed_payments"),
        "livemode": False,
        "metadata": {},
        **_nulls("next_action on_behalf_of payment_details payment_method payment_method_configuration_details"),
        "payment_method_options": {},
        "payment_method_types": ["card"],
        **_nulls("payment_record presentment_details processing receipt_email review setup_future_usage shipping"),
        **_nulls("source statement_descriptor statement_descriptor_suffix transfer_data transfer_group"),
        **given,
    }


def refund(**given: Any) -> Record:
    """A refund."""
    return {
        "object": "refund",
        **_nulls("balance_transaction customer customer_account description failure_balance_transaction"),
        "destination_details": {"type": "card", "card": {"type": "refund", "reference_status": "pending"}},
        **_nulls("failure_reason instructions_email next_action payment_method pending_reason presentment_details"),
        "metadata": {},
        **_nulls("reason receipt_number source_transfer_reversal transfer_reversal"),
        **given,
    }


def dispute(**given: Any) -> Record:
    """A dispute; ``balance_transactions`` are whole objects in it, as the vendor shows them."""
    return {
        "object": "dispute",
        "balance_transactions": [],
        "enhanced_eligibility_types": [],
        "evidence": {**_nulls(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {"due_by": given["created"] + 7 * 86400, "enhanced_eligibility": {}, "has_evidence": False,
                             "past_due": False, "submission_count": 0},
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "case_type": "chargeback",
                                   "network_reason_code": "10.4"}},
        **given,
    }  # fmt: skip


def balance_transaction(**given: Any) -> Record:
    """A balance transaction; ``exchange_rate`` and ``status`` are finished by ``dressed``."""
    return {"object": "balance_transaction", "balance_type": "payments", "description": None, "exchange_rate": None,
            "fee": 0, "fee_details": [], "source": None, **given}  # fmt: skip


def payout(**given: Any) -> Record:
    """A payout."""
    return {
        "object": "payout",
        **_nulls("application_fee application_fee_amount balance_transaction failure_balance_transaction failure_code"),
        "destination": "ba_1SSANDBOX",
        **_nulls("failure_message original_payout payout_method reversed_by statement_descriptor"),
        "description": "STRIPE PAYOUT",
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "source_type": "card",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
        **given,
    }


def topup(**given: Any) -> Record:
    """A top-up: money from the bank to the balance."""
    return {"object": "topup", **_nulls("balance_transaction expected_availability_date failure_code failure_message"),
            "description": None, "initiated_by": "user", "livemode": False, "metadata": {},
            **_nulls("payment_method payment_method_options source statement_descriptor transfer_group"), **given}  # fmt: skip


def customer(**given: Any) -> Record:
    """A customer."""
    return {
        "object": "customer",
        "balance": 0,
        **_nulls("address business_name cash_balance currency customer_account default_source description discount"),
        "delinquent": False,
        **_nulls("email individual_name invoice_credit_balance name phone shipping sources subscriptions tax tax_ids"),
        "invoice_prefix": given["id"][-8:].upper(),
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None,
                             "rendering_options": None},
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        "test_clock": None,
        **given,
    }  # fmt: skip


def invoice(**given: Any) -> Record:
    """An invoice since basil: no ``charge``, ``payment_intent`` or ``paid``; ``payments`` only where expanded."""
    return {
        "object": "invoice",
        "account_country": "GB",
        "account_name": "Leja sandbox",
        **_nulls("account_tax_ids amount_paid_off_stripe application automatically_finalizes_at confirmation_secret"),
        "amount_overpaid": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_reason": "manual",
        **_nulls("custom_fields customer_account customer_address customer_email customer_name customer_phone"),
        **_nulls("customer_shipping default_payment_method default_source description due_date effective_at"),
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        **_nulls("ending_balance footer from_invoice hosted_invoice_url invoice_pdf last_finalization_error"),
        "issuer": {"type": "self"},
        **_nulls("latest_revision next_payment_attempt on_behalf_of parent receipt_number rendering shipping_details"),
        "livemode": False,
        "metadata": {},
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        **_nulls("statement_descriptor status_details test_clock threshold_reason webhooks_delivered_at"),
        "total_pretax_credit_amounts": [],
        **given,
    }


def line_item(**given: Any) -> Record:
    """A line of an invoice; ``amount`` is before discounts and, where tax is exclusive, before tax."""
    return {"object": "line_item", "discountable": True, "discounts": [], "livemode": False, "metadata": {},
            "parent": {"invoice_item_details": {"invoice_item": f"ii_{given['id'][3:]}", "proration": False,
                       "proration_details": None, "subscription": None}, "subscription_item_details": None,
                       "type": "invoice_item_details"},
            "pretax_credit_amounts": [], "subscription": None, **given}  # fmt: skip


def invoice_payment(**given: Any) -> Record:
    """One payment of an invoice."""
    return {"object": "invoice_payment", "amount_paid": None, "is_default": True, "livemode": False, **given}


def credit_note(**given: Any) -> Record:
    """A credit note."""
    return {"object": "credit_note", "customer_account": None, "customer_balance_transaction": None, "livemode": False,
            "memo": None, "metadata": {}, "out_of_band_amount": None, "pretax_credit_amounts": [],
            "pdf": f"https://pay.example/credit_notes/{given['id']}/pdf", "shipping_cost": None,
            "voided_at": None, **given}  # fmt: skip


def application_fee(**given: Any) -> Record:
    """What a platform took of a charge."""
    return {"object": "application_fee", "account": None, "amount_refunded": 0, "fee_source": None, "livemode": False,
            "originating_transaction": None, "refunded": False, **given}  # fmt: skip


def endpoint(**given: Any) -> Record:
    """A webhook endpoint; ``secret`` is shown at its creation only."""
    return {"object": "webhook_endpoint", "application": None, "description": None, "livemode": False, "metadata": {},
            "status": "enabled", **given}  # fmt: skip


def listed(rows: Sequence[Record], url: str, more: bool = False) -> Record:
    """The envelope of a list."""
    return {"object": "list", "data": list(rows), "has_more": more, "url": url}


def dressed(body: Record, version: str, now: float, find: Callable[[str, str, str], list[Record]]) -> Record:
    """The object as a version shows it at a moment: ``find(kind, name, value)`` searches. Whatever starts with ``_`` and
    the link of a balance transaction to its payout stay inside."""
    shown = {name: value for name, value in body.items() if not name.startswith("_")}
    kind = shown.get("object")
    if kind == "balance_transaction":
        shown.pop("payout", None)
        shown["status"] = "available" if shown["available_on"] <= now else "pending"
        if shown["exchange_rate"] is not None:
            shown["exchange_rate"] = Decimal(shown["exchange_rate"])
    elif kind == "dispute":
        shown["balance_transactions"] = [dressed(row, version, now, find) for row in shown["balance_transactions"]]
    elif kind == "invoice" and version < BASIL:
        shown.update(_old_invoice(shown, find))
    elif kind == "charge" and version < BASIL:
        paid = find("invoice_payment", "_intent", str(shown["payment_intent"]))
        shown["invoice"] = paid[0]["invoice"] if paid else None
    return shown


def _old_invoice(shown: Mapping[str, Any], find: Callable[[str, str, str], list[Record]]) -> Record:
    payments = [row for row in find("invoice_payment", "invoice", shown["id"]) if row["status"] == "paid"]
    intent_id = next((row["payment"].get("payment_intent") for row in payments), None)
    charges = find("charge", "payment_intent", intent_id) if intent_id else []
    taxes = sum(row["amount"] for row in shown["total_taxes"] or [])
    return {"paid": shown["status"] == "paid", "paid_out_of_band": bool(payments) and intent_id is None,
            "payment_intent": intent_id, "charge": charges[0]["id"] if charges else None, "tax": taxes}  # fmt: skip
