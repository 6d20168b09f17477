"""A payment: money that arrived apart from what it settles. It is always booked at once, known or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from leja.core.errors import NeedsReview
from leja.documents.payment import Allocation, Payment
from leja.posting.case import Case, Draft
from leja.posting.known import Waits
from leja.posting.tenders import role_of


class OpenItem(NamedTuple):
    """A sale or invoice that may be paid: its total, what was paid of it before, and the day whose rate it bears."""

    total: int
    paid: int
    in_base_before: int
    in_base_all: int


def post_payment(case: Case, payment: Payment) -> None:
    """Money against what it pays; the rest to customer credits, or to unidentified receipts where nobody is known."""
    tender = payment.tender
    amount = case.minor(tender.amount)
    if payment.seen_elsewhere:
        _put_rest(case, payment, amount)
        return
    allocated = sum(case.minor(part.amount) for part in payment.allocations)
    if allocated > amount >= 0:
        raise NeedsReview(
            "allocated-over-payment", f"Payment {case.name} is allocated to more than its amount.",
            document=case.header.external_id, amount=amount, allocated=allocated,
        )
    aside = "customer_credits" if payment.customer is not None or payment.identified else "unidentified_receipts"
    at_once = [part for part in payment.allocations if part.business_day in (None, case.day)]
    later = [part for part in payment.allocations if part.business_day not in (None, case.day)]
    draft = case.draft("receipt")
    draft.put(role_of(tender), amount, base=case.in_base(amount), memo=tender.reference)
    settled = _settle(case, payment, draft, at_once, {})
    rest = amount - settled - sum(case.minor(part.amount) for part in later)
    if rest and aside == "unidentified_receipts":
        case.flag("unidentified-receipt")
    draft.put(aside if not later else "unidentified_receipts", settled - amount, base=-case.in_base(amount - settled))
    draft.finish()
    _allocate_later(case, payment, later, at_once)


def _put_rest(case: Case, payment: Payment, amount: int) -> None:
    """What no other connection recorded of a movement. One in another currency is taken as the same: it bears its name."""
    known = case.known.elsewhere.get(payment.header.external_id)
    if known is not None and known.other_currency:
        case.flag("linked-in-other-currency")
        return
    rest = amount - (known.amount if known is not None else 0)
    if known is not None:
        case.flag("linked" if not rest else "linked-in-part")
    if not rest:
        return
    case.flag("unidentified-receipt")
    draft = case.draft("receipt")
    draft.put(role_of(payment.tender), rest, base=case.in_base(rest), memo=payment.tender.reference)
    draft.put("unidentified_receipts", -rest, base=-case.in_base(rest))
    draft.finish()


def _allocate_later(case: Case, payment: Payment, later: Sequence[Allocation], before: Sequence[Allocation]) -> None:
    """What was found out on a later day moves out of unidentified receipts on that day."""
    used: dict[str, int] = {}
    for part in before:
        used[part.document] = used.get(part.document, 0) + case.minor(part.amount)
    for place, part in enumerate(later, 1):
        day: date | None = part.business_day
        draft = case.draft(f"allocation:{place}", day)
        amount = case.minor(part.amount)
        draft.put("unidentified_receipts", amount, base=case.in_base(amount))
        settled = _settle(case, payment, draft, [part], used)
        draft.put("customer_credits", settled - amount, base=-case.in_base(amount - settled))
        draft.finish()


def _settle(
    case: Case, payment: Payment, draft: Draft, parts: Sequence[Allocation], used: dict[str, int]
) -> int:
    """Credit the receivable for each part, at most what is open; small differences close it. Returns what was used."""
    settled = 0
    for part in parts:
        open_item = _open(case, payment, part.document, used.get(part.document, 0))
        wanted = case.minor(part.amount)
        left = open_item.total - open_item.paid
        taken = min(wanted, max(0, left))
        difference = left - taken
        if not 0 < difference <= case.rules.payment_tolerance or not taken:
            difference = 0
        closed = taken + difference
        base = _base_of(open_item, closed)
        draft.put("receivable", -closed, base=-base)
        draft.put("payment_differences", difference, base=case.in_base(difference))
        used[part.document] = used.get(part.document, 0) + wanted
        if taken < wanted:
            case.flag("overpaid")
        settled += taken
    return settled


def _base_of(item: OpenItem, closed: int) -> int:
    """The part of an open item in base at its own rate, such that all parts sum to the whole."""
    if item.total == 0:
        return 0
    after = item.paid + closed
    return (item.in_base_all * after * 2 + item.total) // (2 * item.total) - item.in_base_before


def _open(case: Case, payment: Payment, document: str, used: int) -> OpenItem:
    known = case.known
    owed = known.invoices.get(document)
    total = tendered = 0
    if owed is not None:
        total = case.minor(owed.total)
        header, stated = owed.header, owed.rate
    else:
        sale = known.sales.get(document)
        if sale is None:
            raise Waits(
                "open-item-unknown", f"Payment {case.name} pays {document}, which is not here.",
                waits_for=("document", "invoice", document),
            )
        total = case.minor(sale.total)
        tendered = sum(case.minor(tender.amount) for tender in sale.tenders)
        header, stated = sale.header, sale.rate
    mine = (payment.header.business_day, payment.header.external_id)
    paid = tendered + used + sum(
        part.amount for key, part in known.payments.get(document, {}).items() if (part.day, key) < mine)
    rate = case.rate_on(header.currency, header.business_day, stated)
    whole = case.in_base(total, rate)
    before = (whole * paid * 2 + total) // (2 * total) if total else 0
    return OpenItem(total, paid, before, whole)
