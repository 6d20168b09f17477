"""Payouts with what they settle, top-ups, and what moves the balance between manual payouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from leja.connectors.contract import Context, Decoded, Wanted
from leja.connectors.stripe.charges import PROCESSOR, is_test
from leja.connectors.stripe.reading import day, decoded, moment, money, read, settings_of
from leja.connectors.stripe.wire import Answer, Movement, Payout, Topup
from leja.core.errors import Refused
from leja.core.money import Money
from leja.documents.document import Document
from leja.documents.fee import Fee
from leja.documents.header import Header
from leja.documents.payout import Component, ComponentKind
from leja.documents.payout import Payout as PayoutDocument

_STATES: Final = {"pending": 0, "in_transit": 1, "paid": 2, "failed": 3, "canceled": 3}
# docs.stripe.com/reports/reporting-categories. What came back from the bank, or was sent by hand, only moves within the balance.
_KINDS: Final[dict[str, ComponentKind]] = {
    "charge": "charge", "charge_failure": "charge", "partial_capture_reversal": "charge", "refund": "refund",
    "refund_failure": "refund", "dispute": "dispute", "dispute_reversal": "dispute_won", "fee": "fee",
    "platform_earning_refund": "fee", "tax": "fee_tax", "topup": "topup", "topup_reversal": "topup", "payout": "topup",
    "payout_reversal": "topup", "anticipation_repayment": "loan_repayment", "financing_paydown": "loan_repayment",
    "financing_paydown_reversal": "loan_repayment", "advance": "loan_repayment", "advance_funding": "loan_repayment",
    "financing_payout": "loan_repayment", "financing_payout_reversal": "loan_repayment",
}  # fmt: skip
_FEES: Final[dict[str, tuple[ComponentKind, str]]] = {
    "stripe_fee": ("fee", "processing"), "payment_method_passthrough_fee": ("fee", "processing"), "application_fee": ("fee", "platform"),
    "tax": ("fee_tax", ""), "withheld_tax": ("withheld_tax", ""),
}  # fmt: skip

_SOURCES: Final = {"ch": "charge", "py": "charge", "re": "refund", "pyr": "refund"}


def decode_payout(answer: Answer, context: Context) -> Decoded:
    """A payout once it is known what it settles. One that failed settled it all the same: its sum went back to the balance."""
    payout, unread = read(answer.object, Payout)
    rank = _STATES.get(payout.status)
    if rank is None:
        raise Refused("stripe-state", f"{payout.id} has an unknown state: {payout.status}")
    if rank == 0:
        return Decoded(ignored=f"{payout.id} is pending", unread=unread)
    if payout.automatic and payout.reconciliation_status != "completed":
        return Decoded(ignored=f"{payout.id} is not yet reconciled by Stripe", unread=unread)
    amount = money(payout.amount, payout.currency)
    moves = [decoded(one, Movement) for one in answer.movements]
    header = _header(payout.id, answer.seen, payout.arrival_date, amount.currency, payout.livemode, context)
    parts = tuple(part for one in moves if one.source != payout.id for part in components(one, amount.currency, context))
    if not payout.automatic:
        parts = (_moved(payout.balance_transaction or payout.id, amount, payout.created, context),)
    returned = rank == 3 and payout.automatic
    if returned:
        parts, amount = (*parts, _moved(f"{payout.id}:returned", -amount, payout.created, context)), Money(0, amount.currency)
    state = "failed" if rank == 3 and not returned else "in_transit" if rank == 1 else "paid"
    document = PayoutDocument(header=header, processor=PROCESSOR, amount=amount, components=parts, state=state)  # type: ignore[arg-type]
    documents: tuple[Document, ...] = (document, *_own_fees(payout, answer, moves, header, context))
    return Decoded(documents=documents, unread=unread, ties=sum(part.amount.minor for part in parts) == amount.minor)


def _own_fees(payout: Payout, answer: Answer, moves: list[Movement], header: Header, context: Context) -> Iterator[Fee]:
    """What the payout itself cost, such as an instant one."""
    own = next((one for one in moves if one.source == payout.id), None) or decoded(answer.movement, Movement | None)
    if own is not None and own.fee:
        yield from fees(own, header.version, header.test, context)


def components(movement: Movement, currency: str, context: Context) -> Iterator[Component]:
    """A balance transaction as its amount and, apart, each part of its fee."""
    if movement.currency.upper() != currency:
        raise Refused("stripe-contradiction", f"{movement.id} in {movement.currency} stands in a payout in {currency}")
    at, name = day(movement.created, context), movement.source or ""
    kind = kind_of(movement)
    if movement.amount:
        fee_type = "processing" if kind == "fee" else ""
        yield Component(component_id=movement.id, kind=kind, amount=money(movement.amount, currency), business_day=at, reference=name,
                        fee_type=fee_type)  # fmt: skip
    for place, (fee_kind, fee_type, amount) in enumerate(_fee_parts(movement, kind)):
        yield Component(component_id=f"{movement.id}:fee{place or ''}", kind=fee_kind, amount=money(-amount, currency), business_day=at,
                        reference=name, fee_type=fee_type)  # fmt: skip


def kind_of(movement: Movement) -> ComponentKind:
    """What a balance transaction is; what nobody knows is "unknown" and reviewed."""
    category = movement.reporting_category
    if category == "risk_reserved_funds" or movement.type.startswith("reserve"):
        return "reserve_held" if movement.amount < 0 else "reserve_released"
    return _KINDS.get(category, "unknown")


def _fee_parts(movement: Movement, kind: ComponentKind) -> list[tuple[ComponentKind, str, int]]:
    """The parts of the fee; what the details leave out is a fee as well."""
    parts: list[tuple[ComponentKind, str, int]] = []
    for detail in movement.fee_details:
        fee_kind, fee_type = _FEES.get(detail.type, ("fee", "processing"))
        if kind in ("dispute", "dispute_won") and fee_kind == "fee":
            fee_kind, fee_type = "dispute_fee", ""
        parts.append((fee_kind, fee_type, detail.amount))
    rest = movement.fee - sum(amount for _, _, amount in parts)
    return [part for part in [*parts, ("fee", "processing", rest)] if part[2]]  # type: ignore[list-item]


def decode_topup(answer: Answer, context: Context) -> Decoded:
    """Money sent to Stripe: a payout of its own with a negative amount."""
    topup, unread = read(answer.object, Topup)
    if topup.status not in ("succeeded", "reversed"):
        return Decoded(ignored=f"{topup.id} is {topup.status}", unread=unread)
    amount = -money(topup.amount, topup.currency)
    header = _header(topup.id, answer.seen, topup.created, amount.currency, topup.livemode, context)
    # A reversed one went back to the bank: neither of the two stays.
    header = msgspec.structs.replace(header, withdrawn=topup.status == "reversed")
    part = _moved(topup.balance_transaction or topup.id, amount, topup.created, context)
    document = PayoutDocument(header=header, processor=PROCESSOR, amount=amount, components=(part,))
    return Decoded(documents=(document,), unread=unread)


def decode_movement(answer: Answer, context: Context) -> Decoded:
    """A balance transaction that was met by itself: what it moved is read. Where payouts are sent by hand and list nothing, its
    fees are told as well, and its amount as a settlement of nothing unless a document of its own tells that."""
    movement, unread = read(answer.movement, Movement)
    source = movement.source or ""
    wanted = (Wanted(kind=_SOURCES[source.partition("_")[0]], external_id=source),) if source.partition("_")[0] in _SOURCES else ()
    documents = tuple(_untold(movement, answer, context)) if settings_of(context).payouts == "manual" else ()
    ignored = "" if documents or wanted else f"{movement.id} is told by a payout"
    return Decoded(documents=documents, wanted=wanted, ignored=ignored, unread=unread)


def _untold(movement: Movement, answer: Answer, context: Context) -> Iterator[Document]:
    yield from fees(movement, answer.seen, is_test(answer.live, context), context)
    kind = kind_of(movement)
    if not movement.amount or kind in ("charge", "refund", "topup"):
        return
    amount = money(movement.amount, movement.currency)
    part = Component(component_id=movement.id, kind=kind, amount=amount, business_day=day(movement.created, context),
                     reference=movement.source or "", fee_type="processing" if kind == "fee" else "")  # fmt: skip
    kept = _moved(f"{movement.id}:kept", -amount, movement.created, context)
    header = _header(movement.id, answer.seen, movement.created, amount.currency, answer.live, context)
    yield PayoutDocument(header=header, processor=PROCESSOR, amount=Money(0, amount.currency), components=(part, kept))


def fees(movement: Movement, seen: str, test: bool, context: Context) -> Iterator[Fee]:
    """The fees of one balance transaction as documents of their own; tax on them is charged with the first."""
    parts = _fee_parts(movement, kind_of(movement))
    tax = sum(amount for kind, _, amount in parts if kind == "fee_tax")
    for place, (kind, fee_type, amount) in enumerate(part for part in parts if part[0] in ("fee", "dispute_fee")):
        cost = money(amount, movement.currency)
        header = _header(f"{movement.id}:fee{place or ''}", seen, movement.created, cost.currency, True, context)
        charged = money(tax, movement.currency) if tax and not place else None
        yield Fee(
            header=msgspec.structs.replace(header, test=test), fee_type="dispute" if kind == "dispute_fee" else fee_type, amount=cost,
            taken_from=PROCESSOR, tax=charged, tax_treatment="charged" if charged else "outside_scope",
        )  # fmt: skip


def _moved(name: str, amount: Money, created: int, context: Context) -> Component:
    return Component(component_id=name, kind="topup", amount=amount, business_day=day(created, context), reference="")


def _header(name: str, seen: str, at: int, currency: str, live: bool, context: Context) -> Header:
    return Header(
        external_id=name, version=seen, occurred_at=moment(at), business_day=day(at, context), currency=currency,
        test=is_test(live, context),
    )  # fmt: skip
