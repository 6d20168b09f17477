"""A payout: clearing is emptied into the bank; fees, disputes and reserves are named on the way."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

from leja.books.periods import period_of
from leja.core.errors import NeedsReview
from leja.core.money import format_minor
from leja.documents.payout import Component, Payout
from leja.posting.case import Case, Draft
from leja.posting.fee import FEE_ROLES
from leja.posting.tenders import tender_role

# Components that were posted to clearing on their own day, or that the channel keeps of the charges in it.
_IN_CLEARING = frozenset({"charge", "refund", "withheld_tax", "topup"})
_FEES = frozenset({"fee", "fee_tax", "dispute_fee"})
_ROLES = {
    "fee_tax": "input_tax", "dispute": "disputes_receivable", "dispute_won": "disputes_receivable",
    "dispute_fee": "dispute_fees", "reserve_held": "processor_reserve", "reserve_released": "processor_reserve",
    "loan_repayment": "loan_payable", "unknown": "unidentified_receipts",
}


def post_payout(case: Case, payout: Payout) -> None:
    """The entries of a payout that was paid. Raises NeedsReview ``payout-does-not-add-up``."""
    if payout.state != "paid":
        case.flag(f"payout-{payout.state.replace('_', '-')}")
        return
    amount = case.minor(payout.amount)
    parts = sum(case.minor(part.amount) for part in payout.components)
    if parts != amount:
        raise NeedsReview(
            "payout-does-not-add-up",
            f"Payout {case.name} is {format_minor(amount, case.currency)} {case.currency}, but its components come to "
            f"{format_minor(parts, case.currency)}.",
            remedy="Fetch it again; if the processor's own figures differ, the missing component is unknown.",
            document=case.header.external_id, stated=amount, found=parts,
        )
    clearing = tender_role("processor", payout.processor)
    early: dict[date, list[Component]] = defaultdict(list)
    rest: list[Component] = []
    for part in payout.components:
        day = part.business_day or case.day
        (early[day] if part.kind in _FEES and _earlier(case, day) else rest).append(part)
    carried = 0
    for day, fees in sorted(early.items()):
        carried += _fees_of_a_day(case, day, fees, clearing)
    draft = case.draft("payout")
    _put_bank(case, draft, payout, amount)
    _put_components(case, draft, rest, clearing, [part for fees in early.values() for part in fees], carried)
    draft.finish()


def _earlier(case: Case, day: date) -> bool:
    """Fees of an earlier month belong to it; in a foreign currency each day has its own rate."""
    if case.currency != case.base:
        return day < case.day
    return day < case.day and period_of(day) != period_of(case.day)


def _fees_of_a_day(case: Case, day: date, fees: list[Component], clearing: str) -> int:
    """Fees on their own day; returns what they took out of clearing in base (negative)."""
    rate = _rate(case, day)
    draft = case.draft(f"fees:{day.isoformat()}", day)
    total = sum(case.minor(part.amount) for part in fees)
    taken = case.in_base(total, rate)
    draft.put(clearing, total, base=taken, rate=rate)
    left = taken
    for place, part in enumerate(fees):
        amount = case.minor(part.amount)
        base = left if place == len(fees) - 1 else case.in_base(amount, rate)
        left -= base
        _put_part(case, draft, part, -amount, -base, rate)
    draft.finish()
    return taken


def _put_bank(case: Case, draft: Draft, payout: Payout, amount: int) -> None:
    memo = payout.header.number or payout.header.external_id
    settled = payout.settled
    if settled is None or settled.currency == case.currency:
        draft.put("bank", amount, base=case.in_base(amount), memo=memo)
        return
    rate = case.rate_on(settled.currency, case.day)
    draft.put(
        "bank", settled.minor, base=case.in_base(settled.minor, rate, settled.currency), currency=settled.currency,
        rate=rate, memo=memo)


def _put_components(
    case: Case, draft: Draft, rest: list[Component], clearing: str, early: list[Component], carried: int,
) -> None:
    """Clearing gives what charges and refunds put there, at the rates of their days, less the fees taken before."""
    total = sum(case.minor(part.amount) for part in early)
    by_rate: dict[Decimal, int] = defaultdict(int)
    for part in rest:
        amount = case.minor(part.amount)
        rate = _rate(case, part.business_day or case.day)
        if part.kind in _IN_CLEARING:
            by_rate[rate] += amount
        else:
            _put_part(case, draft, part, -amount, -case.in_base(amount, rate), rate)
    total += sum(by_rate.values())
    carried += sum(case.in_base(amount, rate) for rate, amount in by_rate.items())
    draft.put(clearing, -total, base=-carried)


def _put_part(case: Case, draft: Draft, part: Component, amount: int, base: int, rate: Decimal) -> None:
    role = _ROLES.get(part.kind) or FEE_ROLES.get(part.fee_type or "processing")
    if part.kind == "unknown" or role is None:
        case.flag("unknown-component")
        role = "unidentified_receipts"
    draft.put(role, amount, base=base, rate=rate, tax=part.kind == "fee_tax", memo=part.reference if
              role == "unidentified_receipts" else "")


def _rate(case: Case, day: date) -> Decimal:
    return case.rate if day == case.day else case.rate_on(case.currency, day)
