"""Invoices, credit notes and disputes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

from leja.connectors.contract import Context, Decoded
from leja.connectors.stripe.charges import PROCESSOR, is_test
from leja.connectors.stripe.reading import day, moment, money, read, settings_of
from leja.connectors.stripe.wire import Answer, CreditNote, Dispute, Invoice, InvoiceLine, TaxLine
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.dispute import Dispute as DisputeDocument
from leja.documents.header import Header
from leja.documents.invoice import Invoice as InvoiceDocument
from leja.documents.parts import Line, Party, Tax
from leja.documents.refund import Refund

# docs.stripe.com/disputes/categories
_GOODS: Final = frozenset({"product_not_received", "product_unacceptable", "credit_not_processed", "subscription_canceled", "duplicate"})
_FRAUD: Final = frozenset({"fraudulent", "unrecognized"})
_OPEN: Final = frozenset({"needs_response", "under_review", "warning_needs_response", "warning_under_review"})
_WON: Final = frozenset({"won", "warning_closed", "prevented"})


def decode_invoice(answer: Answer, context: Context) -> Decoded:
    """An invoice once it is owed; a voided one is withdrawn. One that is written off is still owed until somebody says so."""
    invoice, unread = read(answer.object, Invoice)
    if context.duty == "payments":
        return Decoded(ignored="other connections record the sales", unread=unread)
    if invoice.status in (None, "draft") or not invoice.total:
        return Decoded(ignored=f"{invoice.id} is {invoice.status or 'no invoice yet'}", unread=unread)
    currency = invoice.currency
    lines = [_line(line, currency) for line in invoice.lines.data]
    if invoice.shipping_cost is not None and invoice.shipping_cost.amount_total:
        cost = invoice.shipping_cost
        tax = (Tax(code="shipping", amount=money(cost.amount_tax, currency)),) if cost.amount_tax else ()
        lines.append(Line(line_id="shipping", kind="shipping", listed=money(cost.amount_subtotal, currency), taxes=tax))
    at = invoice.effective_at or (invoice.status_transitions and invoice.status_transitions.finalized_at) or invoice.created
    total = money(invoice.total, currency)
    document = InvoiceDocument(
        header=Header(
            external_id=invoice.id, version=answer.seen, occurred_at=moment(at), business_day=day(at, context), currency=total.currency,
            number=invoice.number or "", test=is_test(invoice.livemode, context), withdrawn=invoice.status == "void",
        ),
        lines=tuple(lines), total=total, customer=_customer(invoice), due=day(invoice.due_date, context) if invoice.due_date else None,
    )  # fmt: skip
    stated = sum(line.listed.minor - (line.discount.minor if line.discount else 0) + _taxes(line) for line in lines)
    return Decoded(documents=(document,), unread=unread, ties=stated == total.minor and not invoice.lines.has_more)


def _taxes(line: Line) -> int:
    return sum(tax.amount.minor for tax in line.taxes)


def _line(line: InvoiceLine, currency: str) -> Line:
    """A line without its tax: a tax that its price contains is taken out."""
    taxes = tuple(_tax(tax, currency) for tax in line.taxes or () if tax.amount)
    inside = sum(tax.amount for tax in line.taxes or () if tax.tax_behavior == "inclusive")
    off = sum(part.amount for part in line.discount_amounts or ())
    return Line(
        line_id=line.id, kind="goods", listed=money(line.amount - inside, currency), quantity=Decimal(line.quantity or 1),
        discount=money(off, currency) if off else None, taxes=taxes, title=line.description or "",
    )  # fmt: skip


def _tax(tax: TaxLine, currency: str) -> Tax:
    name = tax.tax_rate_details.tax_rate if tax.tax_rate_details else ""
    return Tax(code=name or "tax", amount=money(tax.amount, currency))


def _customer(invoice: Invoice) -> Party | None:
    if not invoice.customer:
        return None
    country = invoice.customer_address.country if invoice.customer_address else ""
    return Party(external_id=invoice.customer, name=invoice.customer_name or "", email=invoice.customer_email or "", country=country or "")


def decode_credit_note(answer: Answer, context: Context) -> Decoded:
    """What a credit note takes off the debt. What it pays back after payment is told by its refund."""
    note, unread = read(answer.object, CreditNote)
    if context.duty == "payments" or not note.pre_payment_amount:
        why = "other connections record the sales" if context.duty == "payments" else f"{note.id} takes nothing off a debt"
        return Decoded(ignored=why, unread=unread)
    total = money(note.pre_payment_amount, note.currency)
    taxes = _shares(note.total_taxes or (), note)
    net = total.minor - sum(tax.amount.minor for tax in taxes)
    header = Header(
        external_id=note.id, version=answer.seen, occurred_at=moment(note.created), business_day=day(note.created, context),
        currency=total.currency, number=note.number, test=is_test(note.livemode, context), withdrawn=note.status == "void",
    )  # fmt: skip
    line = Line(line_id="1", kind="goods", listed=Money(net, total.currency), taxes=taxes, restocked=False)
    customer = Party(external_id=note.customer) if note.customer else None
    document = Refund(header=header, lines=(line,), total=total, settled_as="credit_note", customer=customer)
    return Decoded(documents=(document,), unread=unread)


def _shares(taxes: Sequence[TaxLine], note: CreditNote) -> tuple[Tax, ...]:
    """The taxes of the note, in proportion to the part of it that comes off the debt."""
    if note.total <= 0:
        raise Refused("stripe-contradiction", f"credit note {note.number or note.id} has no total")
    found = []
    for tax in taxes:
        part = (abs(tax.amount) * note.pre_payment_amount * 2 + note.total) // (2 * note.total)
        if part:
            found.append(msgspec.structs.replace(_tax(tax, note.currency), amount=money(part, note.currency)))
    return tuple(found)


def decode_dispute(answer: Answer, context: Context) -> Decoded:
    """A dispute and how it ended. The money itself moves in payouts."""
    dispute, unread = read(answer.object, Dispute)
    amount = money(dispute.amount, dispute.currency)
    state = _state(dispute)
    closed = answer.closed
    if closed is None and state == "won" and dispute.balance_transactions:
        closed = max(one.created for one in dispute.balance_transactions)
    document = DisputeDocument(
        header=Header(
            external_id=dispute.id, version=answer.seen, occurred_at=moment(dispute.created),
            business_day=day(dispute.created, context), currency=amount.currency, test=is_test(dispute.livemode, context),
        ),
        processor=PROCESSOR, reference=dispute.charge, amount=amount, sale=dispute.charge if context.duty == "sales" else "",
        state=state, reason=_reason(dispute.reason, context),
        closed_on=day(closed, context) if closed is not None and state != "open" else None,
    )  # fmt: skip
    return Decoded(documents=(document,), unread=unread)


def _state(dispute: Dispute) -> Literal["open", "won", "lost"]:
    if dispute.status in _OPEN:
        return "open"
    if dispute.status in _WON:
        return "won"
    if dispute.status == "lost":
        return "lost"
    raise Refused("stripe-state", f"{dispute.id} has an unknown state: {dispute.status}")


def _reason(reason: str, context: Context) -> Literal["goods", "fraud", "unknown"]:
    if reason in _GOODS:
        return "goods"
    return "fraud" if reason in _FRAUD else settings_of(context).unknown_disputes
