"""A sale: revenue and tax against the tenders, at once or deferred until the goods leave."""

from __future__ import annotations

from leja.core.errors import NeedsReview
from leja.core.money import format_minor
from leja.documents.sale import Sale
from leja.posting.case import Case, Draft
from leja.posting.cost import cost_of, put_cost
from leja.posting.figures import Figures, figures, put_earned, put_taxes
from leja.posting.shipments import is_deferred, shipments_of
from leja.posting.tenders import Movement, movements, put_movement
from leja.posting.timeline import Shipment, Step, walk
from leja.posting.voucher import less_voucher_tax


def post_sale(case: Case, sale: Sale) -> None:
    """The entries of a sale. Raises NeedsReview ``total-negative`` and those of its figures."""
    found, moves = sale_figures(case, sale)
    if found.total < 0:
        stated = format_minor(sale.total.minor, case.currency)
        raise NeedsReview(
            "total-negative", f"{case.name} has a negative total of {stated} {case.currency}.",
            remedy="Compare it with the source: money that goes back is a refund.", document=case.header.external_id,
        )
    if sale.state == "cancelled":
        if not sum(move.amount for move in moves):
            case.flag("cancelled")
            return
        case.flag("cancelled-with-money")
    if sale.seller_is == "agent":
        _agent(case, sale, found, moves)
    elif is_deferred(case, sale):
        _deferred(case, sale, found, moves)
    else:
        if all(move.day == case.day for move in moves):
            _at_once(case, found, moves)
        else:
            _over_days(case, found, moves)
        put_cost(case, "cost", [
            (item.line, cost_of(case, item.line, item.line.quantity, case.day)) for item in found.items])


def sale_figures(case: Case, sale: Sale) -> tuple[Figures, list[Movement]]:
    """A sale's figures and movements, without what the channel owes and what a voucher was already taxed with."""
    rounding = case.minor(sale.cash_rounding) if sale.cash_rounding is not None else 0
    found = figures(case, sale.lines, case.minor(sale.total), sale.prices_include_tax, rounding)
    kept = 0
    if found.owed_by_channel:
        paid = sum(case.minor(tender.amount) for tender in sale.tenders)
        kept = max(0, min(found.owed_by_channel, paid - found.total))
    return less_voucher_tax(case, sale, found, movements(case, sale.tenders, kept))


def _at_once(case: Case, found: Figures, moves: list[Movement]) -> None:
    draft = case.draft("sale")
    owed = found.total
    for move in moves:
        put_movement(draft, case, move)
        owed -= move.amount
    _put_difference(case, draft, owed)
    put_earned(draft, found)
    draft.finish()


def _put_difference(case: Case, draft: Draft, owed: int) -> None:
    if owed > 0:
        draft.put("receivable", owed, base=case.in_base(owed))
    elif owed < 0:
        case.flag("overpaid")
        draft.put("customer_credits", owed, base=case.in_base(owed))


def _over_days(case: Case, found: Figures, moves: list[Movement]) -> None:
    """Revenue on the day of the sale; tenders of other days stand in entries of their own."""
    whole = Shipment(case.day, "", found.total, found.net)
    sale = case.draft("sale")
    for step in walk(found, moves, [whole]):
        if step.is_tender:
            _put_tender(case, sale, step, "customer_deposits")
            continue
        sale.put("receivable", step.receivable, base=case.part_in_base(step.receivable_before, step.receivable))
        sale.put("customer_deposits", step.deferred, base=case.part_in_base(step.deferred_before, step.deferred))
        put_taxes(sale, step.taxes)
        put_earned(sale, found._replace(taxes={}))
    sale.finish()


def _deferred(case: Case, sale: Sale, found: Figures, moves: list[Movement]) -> None:
    """Only money posts: what is paid is deferred, its tax is due; goods that left bring the revenue themselves."""
    draft = case.draft("sale")
    shipments = shipments_of(case, sale, found, case.known.fulfilments.get(sale.header.external_id, {}).values())
    for step in walk(found, moves, [shipment.whole for shipment in shipments]):
        if step.is_tender:
            _put_tender(case, draft, step, "deferred_revenue")
    draft.finish()


def _put_tender(case: Case, sale: Draft, step: Step, aside: str) -> None:
    movement = step.movement
    if movement is None:
        return
    if movement.day == case.day:
        _fill_tender(case, sale, step, movement, aside)
        return
    draft = case.draft(step.key, movement.day)
    exchange = 0
    own = case.rate
    rate = case.rate_on(case.currency, movement.day, case.stated)
    draft.put(
        movement.role, movement.amount, base=case.in_base(movement.amount, rate), memo=movement.reference, rate=rate)
    if rate != own:
        exchange = case.in_base(movement.amount) - case.in_base(movement.amount, rate)
    _fill_counter(case, draft, step, aside)
    draft.finish(exchange)


def _fill_tender(case: Case, draft: Draft, step: Step, movement: Movement, aside: str) -> None:
    put_movement(draft, case, movement)
    _fill_counter(case, draft, step, aside)


def _fill_counter(case: Case, draft: Draft, step: Step, aside: str) -> None:
    draft.put("receivable", -step.receivable, base=-case.part_in_base(step.receivable_before, step.receivable))
    draft.put(aside, -step.deferred, base=-case.part_in_base(step.deferred_before, step.deferred))
    if step.over:
        case.flag("overpaid")
        draft.put("customer_credits", -step.over, base=-case.in_base(step.over))
    put_taxes(draft, step.taxes)


def _agent(case: Case, sale: Sale, found: Figures, moves: list[Movement]) -> None:
    """The goods are another's: only the commission is ours, the rest is owed to the consignor."""
    if sale.commission is None:
        raise NeedsReview(
            "commission-missing", f"{case.name} is an agency sale, but its commission is not stated.",
            document=case.header.external_id,
        )
    commission = case.minor(sale.commission)
    tax = case.minor(sale.commission_taxes) if sale.commission_taxes is not None else 0
    draft = case.draft("sale")
    owed = found.total
    for move in moves:
        put_movement(draft, case, move)
        owed -= move.amount
    _put_difference(case, draft, owed)
    draft.put("consignor_payable", commission + tax - found.total)
    draft.put("commission_income", -commission)
    draft.put("output_tax", -tax, tax=True)
    draft.finish()
