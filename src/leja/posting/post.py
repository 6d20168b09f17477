"""Posting: what a document needs, and which entries it means. Pure: the same inputs always give the same entries."""

from __future__ import annotations

from datetime import date

from leja.documents.closure import Closure
from leja.documents.dispute import Dispute
from leja.documents.document import Document
from leja.documents.fee import Fee
from leja.documents.fulfilment import Fulfilment
from leja.documents.invoice import Invoice
from leja.documents.parts import Tender
from leja.documents.payment import Payment
from leja.documents.payout import Payout
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.documents.stock_move import StockMove
from leja.posting.case import Case
from leja.posting.daily_closure import post_closure
from leja.posting.dispute import dispute_case, post_dispute
from leja.posting.fee import post_fee
from leja.posting.fulfilment import fulfilment_case, post_fulfilment
from leja.posting.invoice import post_invoice
from leja.posting.known import Key, Known, Needs, Posted
from leja.posting.payment import post_payment
from leja.posting.payout import post_payout
from leja.posting.refund import post_refund, refund_case
from leja.posting.sale import post_sale
from leja.posting.stock_move import post_stock_move

_NOTHING = Posted()


def post(known: Known, document: Document) -> tuple[Known, Posted]:
    """The entries that a document means, and what is known after it.

    Raises NeedsReview where a person must decide and Waits where another document must come first; then nothing was
    learnt. A test document or a withdrawn one means no entries: revising against that undoes what was posted.
    """
    header = document.header
    if header.test or header.withdrawn:
        affects = _siblings(known, document)
        known.learn(document)
        return known, Posted(flags=("test",) if header.test else ("withdrawn",), affects=affects)
    case = _posted(known, document)
    posted = case.posted() if case.entries or case.flags or case.missing or case.affects else _NOTHING
    known.learn(document)
    return known, posted


def _posted(known: Known, document: Document) -> Case:
    match document:
        case Sale():
            case = Case(known, document.header, document.rate)
            post_sale(case, document)
            _note_changed(case, document)
        case Fulfilment():
            case, sale = fulfilment_case(known, document)
            post_fulfilment(case, document, sale)
        case Refund():
            case, original = refund_case(known, document)
            post_refund(case, document, original)
        case Payment():
            case = Case(known, document.header, document.rate)
            post_payment(case, document)
        case Payout():
            case = Case(known, document.header, document.rate)
            post_payout(case, document)
        case Invoice():
            case = Case(known, document.header, document.rate)
            post_invoice(case, document)
        case Fee():
            case = Case(known, document.header, document.rate)
            post_fee(case, document)
        case StockMove():
            case = Case(known, document.header)
            post_stock_move(case, document)
        case Closure():
            case = Case(known, document.header)
            post_closure(case, document)
        case Dispute():
            case, original = dispute_case(known, document)
            post_dispute(case, document, original)
    return case


def _note_changed(case: Case, sale: Sale) -> None:
    """When a sale that was posted before changes, what hangs on it may mean other entries now."""
    sale_id = sale.header.external_id
    before = case.known.sales.get(sale_id)
    if before is None or (before.lines, before.total, before.tenders, before.state, before.rate) == (
            sale.lines, sale.total, sale.tenders, sale.state, sale.rate):
        return
    case.affects += [("fulfilment", key) for key in case.known.fulfilments.get(sale_id, {})]
    case.affects += [("refund", key) for key in case.known.refunds.get(sale_id, {})]


def _siblings(known: Known, document: Document) -> tuple[Key, ...]:
    """What shares a sale with a fulfilment or refund that is taken back."""
    mine = document.header.external_id
    if isinstance(document, Fulfilment) and mine in known.fulfilments.get(document.sale, {}):
        others = [("fulfilment", key) for key in known.fulfilments[document.sale] if key != mine]
        return (("sale", document.sale), *others)
    if isinstance(document, Refund) and mine in known.refunds.get(document.sale, {}):
        return tuple(("refund", key) for key in known.refunds[document.sale] if key != mine)
    return ()


def needs(document: Document) -> Needs:
    """What must be in ``Known`` before ``post`` is asked about this document."""
    match document:
        case Sale():
            sale_id = document.header.external_id
            days = {document.header.business_day, *(
                tender.business_day for tender in document.tenders if tender.business_day is not None)}
            return Needs(
                sales=(sale_id,), families=(sale_id,), skus=_skus(document.lines), rate_days=_days(document, days))
        case Fulfilment():
            return Needs(sales=(document.sale,), families=(document.sale,))
        case Refund():
            asked: tuple[str, ...] = (document.sale,) if document.sale else ()
            return Needs(
                sales=asked, families=asked, open_items=asked, skus=_skus(document.lines),
                rate_days=_days(document, {document.header.business_day}))
        case Payment():
            asked = tuple(dict.fromkeys(part.document for part in document.allocations))
            return Needs(
                sales=asked, invoices=asked, open_items=asked,
                rate_days=_days(document, {document.header.business_day}),
                movements=names_of(document.tender) if document.seen_elsewhere else ())
        case Payout():
            return _payout_needs(document)
        case Invoice():
            return Needs(
                skus=_skus(document.lines), rate_days=_days(document, {document.header.business_day}))
        case Fee():
            return Needs(rate_days=_days(document, {document.header.business_day}))
        case StockMove():
            return Needs(skus=tuple(dict.fromkeys(line.sku for line in document.lines if line.sku)))
        case Closure():
            return Needs(rate_days=_days(document, {document.header.business_day}))
        case Dispute():
            return _dispute_needs(document)


def names_of(tender: Tender) -> tuple[tuple[str, str], ...]:
    """The (processor, reference) pairs under which a tender's movement may be known."""
    return tuple(dict.fromkeys((tender.processor, name) for name in (tender.reference, *tender.also) if tender.processor and name))


def _dispute_needs(dispute: Dispute) -> Needs:
    days = {dispute.header.business_day, *([dispute.closed_on] if dispute.closed_on is not None else [])}
    if dispute.sale:
        return Needs(sales=(dispute.sale,), rate_days=_days(dispute, days))
    return Needs(rate_days=_days(dispute, days), movements=((dispute.processor, dispute.reference),))


def _payout_needs(payout: Payout) -> Needs:
    days = {payout.header.business_day, *(
        part.business_day for part in payout.components if part.business_day is not None)}
    wanted = _days(payout, days)
    if payout.settled is not None:
        wanted += ((payout.settled.currency, payout.header.business_day),)
    return Needs(rate_days=wanted)


def _skus(lines: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sku for line in lines if (sku := getattr(line, "sku", ""))))


def _days(document: Document, days: set[date]) -> tuple[tuple[str, date], ...]:
    return tuple((document.header.currency, day) for day in sorted(days))
