"""Charges and refunds: a sale where Stripe is its only record, else a payment that another connection knows too."""

from __future__ import annotations

from collections.abc import Mapping

from leja.connectors.contract import Context, Decoded
from leja.connectors.stripe.reading import day, decoded, moment, money, read, settings_of
from leja.connectors.stripe.wire import Answer, Charge, Movement, Refund
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.document import Document
from leja.documents.header import Header
from leja.documents.parts import Line, Party, Rate, Tender
from leja.documents.payment import Allocation, Payment
from leja.documents.refund import Refund as RefundDocument
from leja.documents.sale import Sale

PROCESSOR = "stripe"
_REFUNDS = {"succeeded": "succeeded", "pending": "pending", "requires_action": "pending", "failed": "failed", "canceled": "failed"}


def decode_charge(answer: Answer, context: Context) -> Decoded:
    """The sale or payment of a captured charge. One that failed after it had succeeded is withdrawn."""
    charge, unread = read(answer.object, Charge)
    fell_through = charge.status == "failed" and charge.failure_balance_transaction is not None
    if not fell_through and (charge.status != "succeeded" or not charge.captured or not charge.amount_captured):
        return Decoded(ignored=f"{charge.id} is {charge.status if charge.status != 'succeeded' else 'not captured'}", unread=unread)
    movement = decoded(answer.movement, Movement | None)
    total = money(charge.amount_captured or charge.amount, charge.currency)
    header = Header(
        external_id=charge.id, version=answer.seen, occurred_at=moment(charge.created), business_day=day(charge.created, context),
        currency=total.currency, number=_number(charge.metadata or {}, context), test=is_test(charge.livemode, context),
        withdrawn=fell_through,
    )  # fmt: skip
    also = dict.fromkeys(name for name in (charge.payment_intent, charge.balance_transaction) if name)
    means = charge.payment_method_details.type if charge.payment_method_details else ""
    tender = Tender(means=means or "card", processor=PROCESSOR, amount=total, reference=charge.id, also=tuple(also),
                    business_day=header.business_day)  # fmt: skip
    return Decoded(documents=(_charged(charge, header, tender, answer, movement, context),), unread=unread)


def _charged(
    charge: Charge, header: Header, tender: Tender, answer: Answer, movement: Movement | None, context: Context
) -> Document:
    total, rate = tender.amount, rate_of(movement, tender.amount, context)
    if context.duty == "payments":
        return Payment(header=header, tender=tender, seen_elsewhere=True, rate=rate)
    customer = Party(external_id=charge.customer) if charge.customer else None
    if answer.payment is not None:
        return Payment(
            header=header, tender=tender, allocations=(Allocation(document=answer.payment.invoice, amount=total),), customer=customer,
            rate=rate,
        )  # fmt: skip
    line = Line(line_id="1", kind=settings_of(context).line_kind, listed=total, title=charge.description or "")
    return Sale(header=header, lines=(line,), total=total, prices_include_tax=True, tenders=(tender,), customer=customer, rate=rate)


def decode_refund(answer: Answer, context: Context) -> Decoded:
    """A refund, or the payment back that another connection knows as one."""
    refund, unread = read(answer.object, Refund)
    state = _REFUNDS.get(refund.status or "succeeded")
    if state is None:
        raise Refused("stripe-state", f"{refund.id} has an unknown state: {refund.status}")
    total = money(refund.amount, refund.currency)
    header = Header(
        external_id=refund.id, version=answer.seen, occurred_at=moment(refund.created), business_day=day(refund.created, context),
        currency=total.currency, test=is_test(answer.live, context),
    )  # fmt: skip
    rate = rate_of(decoded(answer.movement, Movement | None), total, context)
    # Not under the charge's name: what a shop refunded would then be counted with what it sold.
    also = (refund.balance_transaction,) if refund.balance_transaction else ()
    tender = Tender(means="card", processor=PROCESSOR, amount=total, reference=refund.id, also=also, business_day=header.business_day)
    if context.duty == "payments":
        return Decoded(documents=_paid_back(header, tender, state, rate), unread=unread,
                       ignored="" if state != "pending" else f"{refund.id} is pending")  # fmt: skip
    document = RefundDocument(
        header=header, lines=(), total=total, sale="" if answer.on_invoice else refund.charge or "", prices_include_tax=True,
        tenders=(tender,) if state == "succeeded" else (), state=state, reason=refund.reason or "", rate=rate,  # type: ignore[arg-type]
    )  # fmt: skip
    return Decoded(documents=(document,), unread=unread)


def _paid_back(header: Header, tender: Tender, state: str, rate: Rate | None) -> tuple[Document, ...]:
    if state == "pending":
        return ()
    back = Tender(means=tender.means, processor=tender.processor, amount=-tender.amount, reference=tender.reference,
                  also=tender.also, business_day=tender.business_day)  # fmt: skip
    gone = Header(
        external_id=header.external_id, version=header.version, occurred_at=header.occurred_at, business_day=header.business_day,
        currency=header.currency, test=header.test, withdrawn=state == "failed",
    )  # fmt: skip
    return (Payment(header=gone, tender=back, seen_elsewhere=True, rate=rate),)


def rate_of(movement: Movement | None, total: Money, context: Context) -> Rate | None:
    """The rate at which Stripe itself converted the money, where it converted it into the base currency."""
    if movement is None or movement.exchange_rate is None or movement.currency.upper() != context.base_currency:
        return None
    if not movement.exchange_rate.is_finite() or movement.exchange_rate <= 0 or total.currency == context.base_currency:
        return None
    return Rate(rate=movement.exchange_rate, base=context.base_currency, source=PROCESSOR)


def _number(metadata: Mapping[str, str], context: Context) -> str:
    """The order's number for people, where the shop wrote it into the metadata."""
    return next((metadata[name] for name in settings_of(context).order_fields if metadata.get(name)), "")


def is_test(live: bool, context: Context) -> bool:
    """Test data, unless the connection is to a sandbox on purpose."""
    return not live and not settings_of(context).test_mode
