"""A fulfilment: goods leave, so what was deferred becomes revenue and their cost moves."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from leja.documents.fulfilment import Fulfilment
from leja.documents.parts import Line
from leja.documents.sale import Sale
from leja.posting.case import Case
from leja.posting.cost import cost_of, put_cost
from leja.posting.figures import put_item, put_taxes
from leja.posting.known import Known, Waits
from leja.posting.sale import sale_figures
from leja.posting.shipments import Handover, is_deferred, shipments_of
from leja.posting.timeline import Step, walk


def fulfilment_case(known: Known, fulfilment: Fulfilment) -> tuple[Case, Sale]:
    """The case of a fulfilment, with the sale's currency, rate and dimensions. Raises Waits ``sale-unknown``."""
    sale = known.sales.get(fulfilment.sale)
    if sale is None:
        raise Waits(
            "sale-unknown",
            f"Fulfilment {fulfilment.header.external_id} belongs to sale {fulfilment.sale}, which is not here.",
            waits_for=("document", "sale", fulfilment.sale),
        )
    header = msgspec.structs.replace(
        fulfilment.header, currency=sale.header.currency, channel=sale.header.channel, location=sale.header.location,
        country=sale.header.country,
    )
    return Case(known, header, sale.rate, rate_day=sale.header.business_day), sale


def post_fulfilment(case: Case, fulfilment: Fulfilment, sale: Sale) -> None:
    """The entries of a fulfilment; none where revenue and cost already moved at the sale."""
    if not is_deferred(case, sale) or sale.seller_is == "agent":
        return
    if sale.state == "cancelled" and not sale.tenders:
        case.flag("sale-cancelled")
        return
    at_delivery = case.moment(sale.header) == "delivery"
    known = case.known.fulfilments.get(sale.header.external_id, {})
    among = {**known, fulfilment.header.external_id: fulfilment}
    if at_delivery and fulfilment.event == "dispatched":
        put_cost(case, "in_transit", _costs(case, sale, fulfilment), to="inventory:with_courier")
        return
    found, moves = sale_figures(case, sale)
    handed = shipments_of(case, sale, found, among.values())
    steps = walk(found, moves, [one.whole for one in handed])
    mine = next(place for place, step in enumerate(steps) if _is(step, fulfilment))
    handover = next(one for one in handed if one.whole.key == fulfilment.header.external_id)
    _release(case, handover, steps[mine])
    _note_affected(case, sale, steps, mine)
    underway = at_delivery and any(
        one.event == "dispatched" and one.header.business_day <= case.day for one in among.values())
    costs = [(part.item.line, cost_of(case, part.item.line, part.quantity, case.day)) for part in handover.parts]
    put_cost(case, "cost", costs, of="inventory:with_courier" if underway else "inventory")


def _release(case: Case, handover: Handover, step: Step) -> None:
    draft = case.draft("fulfilment")
    draft.put("deferred_revenue", step.deferred, base=case.part_in_base(step.deferred_before, step.deferred))
    draft.put("receivable", step.receivable, base=case.part_in_base(step.receivable_before, step.receivable))
    for part in handover.parts:
        put_item(draft, part.item, part.net, part.discount)
    for role, amount in handover.extras:
        draft.put(role, -amount)
    put_taxes(draft, step.taxes)
    draft.finish()


def _note_affected(case: Case, sale: Sale, steps: list[Step], mine: int) -> None:
    """Later goods follow this one's shares; later money settles the receivables that it opened or moved."""
    owed = False
    for place, step in enumerate(steps[mine:]):
        if step.is_tender:
            if owed:
                case.affects.append(("sale", sale.header.external_id))
            continue
        owed = owed or step.receivable > 0
        if place:
            case.affects.append(("fulfilment", step.key))


def _is(step: Step, fulfilment: Fulfilment) -> bool:
    return not step.is_tender and step.key == fulfilment.header.external_id


def _costs(case: Case, sale: Sale, fulfilment: Fulfilment) -> list[tuple[Line, int]]:
    quantities: dict[str, Decimal] = {}
    for part in fulfilment.lines:
        quantities[part.line_id] = quantities.get(part.line_id, Decimal(0)) + part.quantity
    return [
        (line, cost_of(case, line, quantities[line.line_id], case.day))
        for line in sale.lines if line.line_id in quantities
    ]
