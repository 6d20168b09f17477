"""A transaction as documents: a sale, a return, both of them in an exchange, a payment on account, what happened in the drawer.

An exchange is one transaction and two documents, for a return is not a negative sale: what comes back pays, as store credit of
the same moment, what goes out, and only the difference moves money.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import msgspec

from leja.connectors.contract import Context
from leja.connectors.prysm_pos import Settings
from leja.connectors.prysm_pos.figures import TRADE, Part, money_of, parts
from leja.connectors.prysm_pos.wire import Customer, Line, Link, Tender, Transaction, natural, natural_of
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money, from_text, total, zero
from leja.core.quantity import quantity
from leja.documents import parts as shared
from leja.documents.closure import Closure, ControlTotal, DrawerMove, DrawerReason
from leja.documents.document import Document
from leja.documents.header import Header
from leja.documents.payment import Allocation, Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale

_KINDS: Final[dict[str, shared.LineKind]] = {
    "sale": "goods", "return": "goods", "gift_card_sale": "gift_card", "gift_card_reload": "gift_card", "deposit": "gift_card",
    "service_charge": "service", "shipping": "shipping", "tip": "tip", "fee": "manual", "donation": "donation",
}  # fmt: skip
BRIDGE: Final = "store_credit"


def documents_of(transaction: Transaction, store: str, context: Context) -> tuple[Document, ...]:
    """The documents of a completed transaction. Raises NeedsReview ``prysm-account-payment``, Refused for amounts."""
    header = header_of(transaction, store, context)
    if transaction.kind == "account_payment":
        return (_payment(transaction, header, context.settings),)
    if transaction.kind not in TRADE:
        return (_drawer(transaction, header, context.settings),)
    found = parts(transaction)
    sold = [part for part in found if not part.returned]
    back = [part for part in found if part.returned]
    if not found and not Decimal(transaction.totals.gross):
        # Every line was voided: the number is used, and nothing was sold.
        return (Closure(header=header),)
    if sold or not back:
        sale = _sale(transaction, header, sold, context, alone=not back)
        return (sale,) if not back else (sale, _refund(transaction, header, back, context, sale=sale))
    return (_refund(transaction, header, back, context, sale=None),)


def header_of(transaction: Transaction, store: str, context: Context) -> Header:
    """Identity, till, and the business date as the till states it: shops that close after midnight decide it themselves."""
    return Header(
        external_id=natural(store, transaction.workstation_id, transaction.business_date, transaction.sequence_number),
        version="1",
        occurred_at=datetime.fromisoformat(transaction.ended_at.upper()),
        business_day=date.fromisoformat(transaction.business_date),
        currency=transaction.currency,
        number=transaction.sequence_number,
        channel=context.settings.channel,
        location=store,
        register=transaction.workstation_id,
        test=transaction.training,
    )


def _sale(transaction: Transaction, header: Header, sold: Sequence[Part], context: Context, *, alone: bool) -> Sale:
    inclusive = _inclusive(transaction)
    lines = [_line(part, context, inclusive=inclusive, sign=1) for part in sold]
    money = money_of(header.currency)
    if tip := money(transaction.totals.tip):
        lines.append(shared.Line(line_id="tip", kind="tip", listed=tip, title="Tip"))
    owed = total((_charged(line, inclusive=inclusive) for line in lines), header.currency)
    rounding = money(transaction.totals.rounding)
    taken = [tender for tender in transaction.tenders if alone or Decimal(tender.amount) > 0]
    tenders = _tenders(taken, header, context.settings, 1)
    if not alone:
        bridge = owed + rounding - _moved(taken, header.currency)
        tenders += _bridge(bridge, header)
    return Sale(
        header=header, lines=tuple(lines), total=owed, prices_include_tax=inclusive, tenders=tuple(tenders),
        cash_rounding=rounding or None, customer=_party(transaction.customer),
    )  # fmt: skip


def _refund(transaction: Transaction, header: Header, back: Sequence[Part], context: Context, *, sale: Sale | None) -> Refund:
    inclusive = _inclusive(transaction)
    original = _original(transaction, back)
    lines = [_line(part, context, inclusive=inclusive, sign=-1, linked=bool(original)) for part in back]
    if sale is None:
        lines += _extras(transaction, header.currency)
    owed = total((_charged(line, inclusive=inclusive) for line in lines), header.currency)
    given = [tender for tender in transaction.tenders if sale is None or Decimal(tender.amount) <= 0]
    tenders = _tenders(given, header, context.settings, -1)
    if sale is not None:
        tenders += _bridge(owed + _moved(given, header.currency), header)
    on_account = any(tender.kind == "on_account" for tender in given)
    return Refund(
        header=header, lines=tuple(lines), total=owed, sale=original, prices_include_tax=inclusive, tenders=tuple(tenders),
        settled_as="credit_note" if on_account else "money", customer=_party(transaction.customer),
        reason=next((part.line.return_reason for part in back if part.line.return_reason), ""),
    )  # fmt: skip


def _extras(transaction: Transaction, currency: str) -> list[shared.Line]:
    """A tip that goes back, and what cash rounding kept or added: a refund has no member of its own for it."""
    money = money_of(currency)
    tip, rounding = -money(transaction.totals.tip), -money(transaction.totals.rounding)
    found = [shared.Line(line_id="tip", kind="tip", listed=tip, title="Tip", restocked=False)] if tip else []
    if rounding:
        found.append(shared.Line(line_id="rounding", kind="manual", listed=rounding, title="Cash rounding", restocked=False))
    return found


def _line(part: Part, context: Context, *, inclusive: bool, sign: int, linked: bool = False) -> shared.Line:
    """A line as people see it: what was charged, and on top of it what was taken off."""
    said = part.line
    charged, discount = part.net, part.discount
    if inclusive:
        charged = charged + part.tax
    elif discount and any(included for _, _, _, included in part.taxes):
        discount = _without_tax(part)
    charged, discount = Money(sign * charged.minor, charged.currency), Money(sign * discount.minor, charged.currency)
    if discount.minor <= 0:
        discount = zero(charged.currency)
    taxes = tuple(
        shared.Tax(code=code, amount=Money(sign * amount.minor, amount.currency), rate=rate)
        for code, amount, rate, _ in part.taxes
    )
    return shared.Line(
        line_id=_line_id(said, linked=linked), kind=_KINDS[said.kind], listed=charged + discount,
        quantity=abs(quantity(said.quantity)), discount=discount or None, taxes=taxes, sku=said.sku or said.item_id,
        title=said.description, category="deposit" if said.kind == "deposit" else said.department,
        unit_cost=_cost(said, part.net.currency, context),
        restocked=said.kind in ("sale", "return") and said.return_reason not in context.settings.not_restocked,
    )  # fmt: skip


def _without_tax(part: Part) -> Money:
    """The share of a discount that is not tax, for a line whose price holds one tax and not another."""
    held = total((amount for _, amount, _, included in part.taxes if included), part.net.currency)
    gross = part.net + held
    if not gross:
        return part.discount
    share = Decimal(part.discount.minor) * part.net.minor / gross.minor
    return Money(int(share.to_integral_value()), part.net.currency)


def _charged(line: shared.Line, *, inclusive: bool) -> Money:
    charged = line.listed - line.discount if line.discount is not None else line.listed
    return charged if inclusive else total((charged, *(tax.amount for tax in line.taxes)), charged.currency)


def _inclusive(transaction: Transaction) -> bool:
    """Our documents hold all taxes in their prices or none: prices of both kinds are written without tax."""
    taxes = [tax for line in transaction.lines if not line.voided for tax in line.taxes] + list(transaction.taxes)
    return transaction.prices_include_tax and all(tax.included_in_price for tax in taxes)


def _tenders(given: Sequence[Tender], header: Header, settings: Settings, sign: int) -> list[shared.Tender]:
    """What moved money. What was put on account is no tender: the customer owes it, or is owed it."""
    return [
        shared.Tender(
            means=tender.kind,
            amount=Money(sign * from_text(tender.amount, header.currency).minor, header.currency),
            processor=_processor(tender, settings),
            reference=tender.reference,
            business_day=header.business_day,
        )
        for tender in given
        if tender.kind != "on_account" and Decimal(tender.amount)
    ]


def _processor(tender: Tender, settings: Settings) -> str:
    if tender.kind in ("cash", "gift_card", "store_credit"):
        return ""
    return settings.processors.get(tender.label) or settings.processors.get(tender.kind, "")


def _moved(tenders: Sequence[Tender], currency: str) -> Money:
    return total((from_text(tender.amount, currency) for tender in tenders), currency)


def _bridge(amount: Money, header: Header) -> list[shared.Tender]:
    return [shared.Tender(means=BRIDGE, amount=amount, business_day=header.business_day)] if amount else []


def _original(transaction: Transaction, back: Sequence[Part]) -> str:
    """The one sale that all of it comes from, or "": an unlinked return. Goods of several sales are not linked."""
    links = [part.line.link or transaction.link for part in back]
    named = {natural_of(link) if isinstance(link, Link) else "" for link in links}
    return named.pop() if len(named) == 1 else ""


def _line_id(line: Line, *, linked: bool) -> str:
    """The line's own number; of what came back from a known sale the number that it had there, where that is said."""
    if not linked:
        return str(line.line_number)
    named = line.link.line_number if isinstance(line.link, Link) else 0
    return str(named) if named else f"back-{line.line_number}"


def _cost(line: Line, currency: str, context: Context) -> Money | None:
    """The cost of one unit, where it is stated in the currency of the books and in whole minor units."""
    if not line.unit_cost or currency != context.base_currency:
        return None
    exact = Decimal(line.unit_cost).scaleb(exponent(currency))
    return Money(int(exact), currency) if exact == exact.to_integral_value() else None


def _party(customer: Customer | msgspec.UnsetType) -> shared.Party | None:
    if not isinstance(customer, Customer):
        return None
    name = customer.id or customer.email or customer.phone or customer.name
    if not name:
        return None
    return shared.Party(
        external_id=name, name=customer.name, email=customer.email, phone=customer.phone, tax_number=customer.tax_id
    )


def _payment(transaction: Transaction, header: Header, settings: Settings) -> Payment:
    tenders = _tenders(transaction.tenders, header, settings, 1)
    if len(tenders) != 1:
        raise NeedsReview(
            "prysm-account-payment", f"payment {header.number} on account was made with {len(tenders)} tenders; one is expected",
            remedy="Book it by hand, or have the till send one payment for each tender, and dismiss this item.",
        )  # fmt: skip
    (tender,) = tenders
    link = transaction.link
    paid = (Allocation(document=natural_of(link), amount=tender.amount),) if isinstance(link, Link) else ()
    return Payment(header=header, tender=tender, allocations=paid, customer=_party(transaction.customer))


def _drawer(transaction: Transaction, header: Header, settings: Settings) -> Closure:
    """A pay-in, a pay-out, or a drawer that was opened without a sale, which moves nothing and uses up its number."""
    left = -_moved([tender for tender in transaction.tenders if tender.kind == "cash"], header.currency)
    if transaction.kind == "no_sale" or not left:
        return Closure(header=header)
    words = [word for line in transaction.lines for word in (line.department, line.description) if word]
    words.append(transaction.external_reference)
    default: DrawerReason = "banked" if transaction.kind == "pay_in" else "expense"
    reason = next((settings.drawer_reasons[word] for word in words if word in settings.drawer_reasons), default)
    if reason == "float":
        return Closure(header=header, totals=(ControlTotal(what="float", amount=-left),))
    category = words[0] if reason == "expense" else ""
    memo = next((line.description for line in transaction.lines if line.description), "")
    move = DrawerMove(move_id=header.number, reason=reason, amount=left, category=category, memo=memo)
    return Closure(header=header, moves=(move,))
