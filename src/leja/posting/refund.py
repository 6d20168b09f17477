"""A refund: revenue and tax go back at the sale's rate, money at the refund's, stock only if goods came back."""

from __future__ import annotations

from decimal import Decimal

from leja.core.errors import NeedsReview
from leja.core.money import format_minor
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.posting.case import Case, Draft
from leja.posting.cost import cost_of, put_cost
from leja.posting.figures import Item, put_taxes, require_small
from leja.posting.known import Known, Waits
from leja.posting.returned import Returned, returned_by, taxes_left
from leja.posting.shipments import SHIPPED, is_deferred, shipped_until
from leja.posting.tenders import movements
from leja.tax.inclusive import round_ratio


def refund_case(known: Known, refund: Refund) -> tuple[Case, Sale | None]:
    """The case of a refund at the sale's rate. Raises Waits ``sale-unknown``."""
    sale = known.sales.get(refund.sale) if refund.sale else None
    if refund.sale and sale is None:
        raise Waits(
            "sale-unknown", f"Refund {refund.header.external_id} belongs to sale {refund.sale}, which is not here.",
            waits_for=("document", "sale", refund.sale),
        )
    if sale is None:
        return Case(known, refund.header, refund.rate), None
    return Case(known, refund.header, sale.rate, rate_day=sale.header.business_day), sale


def post_refund(case: Case, refund: Refund, sale: Sale | None) -> None:
    """The entries of a refund; none before it has succeeded."""
    if refund.state != "succeeded":
        case.flag(f"refund-{refund.state}")
        return
    if sale is None:
        case.flag("unlinked_return")
        _post(case, refund, None, returned_by(case, refund, None))
        return
    _require_within(case, refund, sale)
    left = taxes_left(case, refund, sale)
    back = returned_by(case, refund, left)
    _note_affected(case, refund)
    if _nothing_happened(case, refund, sale):
        case.flag("unpaid-cancelled")
        return
    _post(case, refund, sale, back)


def _post(case: Case, refund: Refund, sale: Sale | None, back: Returned) -> None:
    unshipped = _unshipped(case, refund, sale, back.items) if sale is not None else {}
    untouched = sale is not None and is_deferred(case, sale) and not _shipped(case, sale)
    draft = case.draft("refund")
    for place, item in enumerate(back.items):
        aside = item.net if untouched else _aside(item, unshipped.get(place, Decimal(0)))
        draft.put("deferred_revenue", aside)
        role = "sales_returns" if item.role.startswith("sales") else item.role
        draft.put(
            role, item.net - aside, tax_code=item.tax_code, sku=item.line.sku, category=item.line.category)
    draft.put("deferred_revenue" if untouched else "sales_allowances", back.allowance)
    draft.put("deferred_revenue" if untouched else "rounding", back.rounding)
    put_taxes(draft, back.taxes, sign=1)
    if back.fee is not None:
        draft.put("restocking_fee_income", -back.fee.net, tax_code=back.fee.tax_code)
        put_taxes(draft, dict(back.fee.taxes))
    draft.finish(_put_money(case, draft, refund, sale, back.total))
    put_cost(case, "restock", [
        (item.line, -_cost_back(case, item, unshipped.get(place, Decimal(0)), sale))
        for place, item in enumerate(back.items) if item.line.restocked
    ])


def _put_money(case: Case, draft: Draft, refund: Refund, sale: Sale | None, total: int) -> int:
    """The credit side, at the refund's own rate; returns the exchange difference, debit positive."""
    rate = case.rate
    if refund.header.currency != case.base and refund.tenders:
        rate = case.rate_on(case.currency, case.day, refund.rate or (sale.rate if sale is not None else None))
    paid = 0
    in_base = 0
    for move in movements(case, refund.tenders, _kept_by_channel(case, refund, total)):
        amount = case.in_base(move.amount, rate)
        draft.put(move.role, -move.amount, base=-amount, memo=move.reference, rate=rate)
        paid += move.amount
        in_base += amount
    rest = total - paid
    if rest < 0:
        require_small(case, rest, 0, total)
    if rest > 0:
        owed = rest if refund.settled_as == "credit_note" or sale is None else min(rest, _open(case, sale))
        draft.put("receivable", -owed, base=-case.in_base(owed))
        draft.put("customer_credits", owed - rest, base=-case.in_base(rest - owed))
    return in_base - case.in_base(paid) if rate != case.rate else 0


def _kept_by_channel(case: Case, refund: Refund, total: int) -> int:
    """What the tenders exceed the total by, because the channel gives its own tax back."""
    paid = sum(case.minor(tender.amount) for tender in refund.tenders)
    by_channel = sum(
        case.minor(tax.amount) for line in refund.lines for tax in line.taxes if tax.owed_by == "channel")
    return max(0, min(by_channel, paid - total))


def _open(case: Case, sale: Sale) -> int:
    """What the customer still owes of a sale."""
    paid = sum(case.minor(tender.amount) for tender in sale.tenders)
    paid += sum(part.amount for part in case.known.payments.get(sale.header.external_id, {}).values())
    return max(0, case.minor(sale.total) - paid)


def _require_within(case: Case, refund: Refund, sale: Sale) -> None:
    """Refunds together never exceed the sale."""
    others = sum(
        one.total.minor for key, one in case.known.refunds.get(refund.sale, {}).items()
        if key != refund.header.external_id and one.state == "succeeded"
    )
    rounding = case.minor(sale.cash_rounding) if sale.cash_rounding is not None else 0
    left = case.minor(sale.total) + max(0, rounding) - others
    wanted = case.minor(refund.total)
    if wanted < 0:
        raise NeedsReview(
            "total-negative", f"Refund {case.name} has a negative total.", document=case.header.external_id)
    if wanted > left:
        raise NeedsReview(
            "refund-over-sale",
            f"Refund {case.name} gives back {format_minor(wanted, case.currency)} {case.currency}, but only "
            f"{format_minor(left, case.currency)} of sale {sale.header.number or refund.sale} is left.",
            remedy="Compare refund and sale with the source, then release or dismiss it.",
            sale=refund.sale, refund=case.header.external_id, wanted=wanted, left=left,
        )


def _nothing_happened(case: Case, refund: Refund, sale: Sale) -> bool:
    """Lines taken off an order that was neither paid for them nor shipped: nothing of them was ever posted."""
    if refund.tenders or refund.settled_as == "credit_note":
        return False
    if sale.state == "cancelled" and not sale.tenders:
        return True
    if not is_deferred(case, sale) or _shipped(case, sale):
        return False
    gone = sum(
        one.total.minor for key, one in case.known.refunds.get(refund.sale, {}).items()
        if not one.tenders and one.state == "succeeded" and key != refund.header.external_id
    )
    return _open(case, sale) >= gone + case.minor(refund.total)


def _note_affected(case: Case, refund: Refund) -> None:
    """Later refunds share what this one leaves."""
    mine = (refund.header.occurred_at, refund.header.external_id)
    for key, one in case.known.refunds.get(refund.sale, {}).items():
        if (one.header.occurred_at, key) > mine:
            case.affects.append(("refund", key))


def _shipped(case: Case, sale: Sale) -> dict[str, Decimal]:
    known = case.known.fulfilments.get(sale.header.external_id)
    if not known:
        return {}
    return shipped_until(sale, known.values(), case.day, case.moment(sale.header))


def _unshipped(case: Case, refund: Refund, sale: Sale, items: tuple[Item, ...]) -> dict[int, Decimal]:
    """How much of each refunded line never left, by place: it was never revenue and has no cost to bring back."""
    if not is_deferred(case, sale):
        return {}
    left = {line.line_id: line.quantity for line in sale.lines if line.kind in SHIPPED}
    for line_id, quantity in _shipped(case, sale).items():
        left[line_id] = left.get(line_id, Decimal(0)) - quantity
    mine = (refund.header.occurred_at, refund.header.external_id)
    for key, one in case.known.refunds.get(refund.sale, {}).items():
        if one.state == "succeeded" and (one.header.occurred_at, key) < mine:
            for line in one.lines:
                left[line.line_id] = max(Decimal(0), left.get(line.line_id, Decimal(0)) - line.quantity)
    found: dict[int, Decimal] = {}
    for place, item in enumerate(items):
        found[place] = min(item.line.quantity, left.get(item.line.line_id, Decimal(0)))
        left[item.line.line_id] = left.get(item.line.line_id, Decimal(0)) - found[place]
    return found


def _aside(item: Item, unshipped: Decimal) -> int:
    if not unshipped or not item.line.quantity:
        return 0
    numerator, denominator = (unshipped / item.line.quantity).as_integer_ratio()
    return round_ratio(item.net * numerator, denominator)


def _cost_back(case: Case, item: Item, unshipped: Decimal, sale: Sale | None) -> int:
    """The original cost of what came back: that of the sale's line where there is one."""
    line = item.line
    quantity = line.quantity - unshipped
    if quantity <= 0:
        return 0
    if line.unit_cost is None and sale is not None:
        sold = next((one for one in sale.lines if one.line_id == line.line_id), None) or next(
            (one for one in sale.lines if one.sku and one.sku == line.sku), None)
        if sold is not None:
            return cost_of(case, sold, quantity, sale.header.business_day)
    day = sale.header.business_day if sale is not None else case.day
    return cost_of(case, line, quantity, day)
