"""What undoes a transaction, and what ends a till's day."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from leja.connectors.contract import Context
from leja.connectors.prysm_pos.figures import money_of
from leja.connectors.prysm_pos.wire import ClosedTender, DayClose, Void, natural
from leja.core.money import Money, from_text, total, zero
from leja.documents.closure import Closure, ControlTotal
from leja.documents.document import Document
from leja.documents.header import Header
from leja.documents.parts import Tender
from leja.documents.payment import Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale


def withdrawn(void: Void, store: str, context: Context) -> tuple[Document, ...]:
    """Whatever the transaction was, withdrawn: a void does not say whether it was a sale, a return or a pay-out.

    It may come before what it undoes: the later version stands, and the earlier one is an observation.
    """
    currency = context.settings.currency or context.base_currency
    header = Header(
        external_id=natural(store, void.workstation_id, void.business_date, void.sequence_number),
        version="2",
        occurred_at=datetime.fromisoformat(void.voided_at.upper()),
        business_day=date.fromisoformat(void.business_date),
        currency=currency,
        number=void.sequence_number,
        channel=context.settings.channel,
        location=store,
        register=void.workstation_id,
        withdrawn=True,
    )
    nothing = zero(currency)
    return (
        Sale(header=header, lines=(), total=nothing),
        Refund(header=header, lines=(), total=nothing),
        Payment(header=header, tender=Tender(means="cash", amount=nothing)),
        Closure(header=header),
    )


def closure_of(day: DayClose, store: str, context: Context) -> Closure:
    """The end of a till's day: the drawer against its count, and totals that its documents must come to."""
    header = Header(
        external_id=natural(store, day.workstation_id, day.business_date, day.sequence_number),
        version="1",
        occurred_at=datetime.fromisoformat(day.closed_at.upper()),
        business_day=date.fromisoformat(day.business_date),
        currency=day.currency,
        number=day.sequence_number,
        channel=context.settings.channel,
        location=store,
        register=day.workstation_id,
    )
    cash = [tender for tender in day.tenders if tender.kind == "cash"]
    floated = money_of(day.currency)(day.opening_float) if context.settings.float_in_expected else zero(day.currency)
    expected = _summed([tender.expected for tender in cash], day.currency) - floated if cash else None
    is_counted = bool(cash) and all(tender.counted for tender in cash)
    counted = _summed([tender.counted for tender in cash], day.currency) - floated if is_counted else None
    return Closure(header=header, expected=expected, counted=counted, totals=_totals(day, expected))


def _totals(day: DayClose, drawer: Money | None) -> tuple[ControlTotal, ...]:
    found = []
    if drawer is not None:
        found.append(ControlTotal(what="drawer", amount=drawer))
    by_kind: dict[str, list[ClosedTender]] = {}
    for tender in day.tenders:
        if tender.kind not in ("cash", "on_account", "foreign_cash"):
            by_kind.setdefault(tender.kind, []).append(tender)
    for kind, mine in by_kind.items():
        found.append(ControlTotal(what=f"tender:{kind}", amount=_summed([one.expected for one in mine], day.currency)))
    found.append(ControlTotal(what="tax", amount=from_text(day.tax, day.currency)))
    if day.first_sequence and day.last_sequence:
        what = f"numbers:{day.first_sequence}..{day.last_sequence}"
        found.append(ControlTotal(what=what, amount=zero(day.currency), count=day.transaction_count))
        found += [ControlTotal(what=f"unused:{number}", amount=zero(day.currency)) for number in day.missing_sequences]
    return tuple(found)


def _summed(amounts: list[str], currency: str) -> Money:
    return total((from_text(format(Decimal(amount), "f"), currency) for amount in amounts), currency)
