"""A payout of Shopify Payments to a Payout document: what it settles, line by line."""

from __future__ import annotations

from typing import Final

from leja.connectors.contract import Context, Decoded
from leja.connectors.shopify.graphql_wire import Amount, BalanceTransaction, PayoutEvent
from leja.connectors.shopify.meaning import day_of
from leja.connectors.shopify.reading import external, money, read
from leja.core.clock import instant, utc
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.payout import Component, ComponentKind, Payout

PROCESSOR: Final = "shopify_payments"
STATES: Final[dict[str, int]] = {"SCHEDULED": 0, "IN_TRANSIT": 1, "PAID": 2, "FAILED": 3, "CANCELED": 3}
_TRANSFERS: Final = frozenset({"TRANSFER", "TRANSFER_CANCEL", "TRANSFER_FAILURE", "TRANSFER_REFUND"})
_KINDS: Final[dict[str, ComponentKind]] = {
    "CHARGE": "charge",
    "REFUND": "refund",
    "REFUND_FAILURE": "refund",
    "DISPUTE_WITHDRAWAL": "dispute",
    "CHARGEBACK_HOLD": "dispute",
    "CHARGEBACK_HOLD_RELEASE": "dispute_won",
    "DISPUTE_REVERSAL": "dispute_won",
    "CHARGEBACK_FEE": "dispute_fee",
    "CHARGEBACK_FEE_REFUND": "dispute_fee",
    "RESERVED_FUNDS": "reserve_held",
    "RESERVED_FUNDS_REVERSAL": "reserve_released",
    "RESERVED_FUNDS_WITHDRAWAL": "reserve_held",
    "LENDING_DEBIT": "loan_repayment",
    "LENDING_DEBIT_REVERSAL": "loan_repayment",
    "LENDING_CREDIT_REMITTANCE": "loan_repayment",
    "LENDING_CREDIT_REMITTANCE_REVERSAL": "loan_repayment",
    "LENDING_CAPITAL_REMITTANCE": "loan_repayment",
    "LENDING_CAPITAL_REMITTANCE_REVERSAL": "loan_repayment",
    "STRIPE_FEE": "fee",
    "REFERRAL_FEE": "fee",
    "REFERRAL_FEE_TAX": "fee_tax",
    "BILLING_DEBIT": "fee",
    "BILLING_DEBIT_REVERSAL": "fee",
    "SHIPPING_LABEL": "fee",
    "SHIPPING_LABEL_ADJUSTMENT": "fee",
    "SHIPPING_LABEL_ADJUSTMENT_BASE": "fee",
    "SHIPPING_LABEL_ADJUSTMENT_SURCHARGE": "fee",
    "APPLICATION_FEE_REFUND": "fee",
}
_FEE_TYPES: Final = {"SHIPPING": "shipping_label", "BILLING": "platform", "REFERRAL": "marketplace"}


def decode(body: bytes, context: Context) -> Decoded:
    """The payout and whether its parts come to its net."""
    event, unread = read(body, PayoutEvent)
    payout = event.payout
    currency = payout.net.currency_code
    rank = STATES.get(payout.status)
    if rank is None:
        raise Refused("shopify-payout-state", f"payout {payout.id} has an unknown state: {payout.status}")
    if rank == 0:
        return Decoded(ignored=f"payout {payout.id} is only scheduled", unread=unread)
    lines = [line for line in event.transactions if line.type not in _TRANSFERS]
    components = [part for line in lines for part in _components(line, currency, context)]
    net = _amount(payout.net, currency)
    issued = instant(payout.issued_at)
    document = Payout(
        header=Header(
            external_id=external(payout.id),
            version=f"{utc(issued):%Y-%m-%dT%H:%M:%S.%fZ}/{rank}",
            occurred_at=issued,
            business_day=day_of(issued, "", context),
            currency=currency,
            number=str(payout.legacy_resource_id),
            test=bool(lines) and all(line.test for line in lines),
        ),
        processor=PROCESSOR,
        amount=net,
        components=tuple(components),
        state="failed" if rank == 3 else "paid" if rank == 2 else "in_transit",
    )
    stated = sum(_amount(line.net, currency).minor for line in lines)
    ties = sum(part.amount.minor for part in components) == net.minor == stated
    return Decoded(documents=(document,), unread=unread, ties=ties)


def _components(line: BalanceTransaction, currency: str, context: Context) -> list[Component]:
    """A line is its amount and, apart, the fee that was taken from it."""
    amount, fee = _amount(line.amount, currency), _amount(line.fee, currency)
    at = instant(line.transaction_date)
    day = day_of(at, "", context)
    name = external(line.id)
    reference = str(line.source_order_transaction_id or "")
    parts = []
    if amount:
        kind = _KINDS.get(line.type, "unknown")
        fee_type = _fee_type(line.type) if kind == "fee" else ""
        parts.append(
            Component(
                component_id=name, kind=kind, amount=amount, business_day=day, reference=reference, fee_type=fee_type
            )
        )
    if fee:
        kind = "dispute_fee" if line.type.startswith(("DISPUTE", "CHARGEBACK")) else "fee"
        parts.append(
            Component(
                component_id=f"{name}:fee", kind=kind, amount=-fee, business_day=day, reference=reference,
                fee_type="processing" if kind == "fee" else "",
            )
        )
    return parts


def _fee_type(line_type: str) -> str:
    return _FEE_TYPES.get(line_type.partition("_")[0], "processing")


def _amount(given: Amount, currency: str) -> Money:
    if given.currency_code != currency:
        raise Refused("shopify-contradiction", f"a line in {given.currency_code} stands in a payout in {currency}")
    return money(given.amount, currency)
