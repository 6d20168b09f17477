"""What a receipt or a row of the statement means: payment, fee, payout; or, where receipts are the only record, a sale.

A wallet is a clearing account that has to agree with its statement to the cent: every completed row that moves money
becomes a document. What cannot be named is money that came or went unidentified (POST-49), never left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from leja.connectors.contract import Context, Decoded
from leja.connectors.mpesa import Settings
from leja.connectors.mpesa.wire import PULLED_FIELDS, Row, receipt_number
from leja.core.clock import business_day, instant, localised, utc, zone
from leja.core.errors import Refused
from leja.core.money import Money, from_text
from leja.documents.document import Document
from leja.documents.fee import Fee
from leja.documents.header import Header
from leja.documents.parts import Line, Tender
from leja.documents.payment import Payment
from leja.documents.payout import Component, Payout
from leja.documents.refund import Refund
from leja.documents.sale import Sale

PULLED_RANK: Final = 1
STATEMENT_RANK: Final = 2
"""The statement is the truth: what it says of a receipt comes after what the pull service said."""


def pulled(row: Mapping[str, Any], context: Context) -> Decoded:
    """A receipt as the pull service tells it. Raises Refused ``mpesa-value``, ``amount-...``, ``instant-...``."""
    settings = settings_of(context)
    number, when = receipt_number(row.get("transactionId")), _stated(row.get("trxDate"), settings)
    amount = _money(row.get("amount"), settings.currency)
    if amount.minor <= 0:
        raise Refused("mpesa-value", f"receipt {number} comes to {amount}, but only money that came in is pulled")
    account = str(row.get("billreference") or "").strip()
    header = _header(number, when, PULLED_RANK, account, context)
    unread = tuple(sorted(str(name) for name in row.keys() - PULLED_FIELDS))
    return Decoded(documents=(_received(header, amount, number, settings),), unread=unread)


def stated(row: Row, context: Context) -> Decoded:
    """A row of the statement. Rows that are not completed, or move nothing, are ignored with the reason."""
    settings = settings_of(context)
    if row.status.casefold() != "completed":
        return Decoded(ignored=f"receipt {row.receipt}: {row.status or 'no status'} moves no money")
    paid, taken = _money(row.paid_in or "0", settings.currency), _money(row.withdrawn or "0", settings.currency)
    moved = paid - taken
    if paid.minor < 0 or taken.minor < 0 or (paid and taken):
        raise Refused("mpesa-value", f"receipt {row.receipt} is paid in and withdrawn at once")
    if not moved:
        return Decoded(ignored=f"receipt {row.receipt} moves no money")
    when = localised(_moment(row), settings.zone)
    return Decoded(documents=(_document(row, when, moved, context, settings),))


def _document(row: Row, when: datetime, moved: Money, context: Context, settings: Settings) -> Document:
    kind = kind_of(row, settings)
    plain = kind == "receipt" and moved.minor > 0
    # One receipt number may stand on several rows, which differ in their reason and are documents of their own.
    name = row.receipt if plain else f"{row.receipt}/{slug(row.reason or row.details)}"
    header = _header(name, when, STATEMENT_RANK, row.account, context)
    if kind == "charge":
        return Fee(header=header, fee_type="mobile_money", amount=-moved, taken_from=settings.wallet, title=row.reason)
    if kind in ("sweep", "deposit"):
        part = Component(component_id=name, kind="charge" if kind == "sweep" else "topup", amount=-moved,
                         business_day=header.business_day)  # fmt: skip
        return Payout(header=header, processor=settings.wallet, amount=-moved, components=(part,))
    if plain:
        return _received(header, moved, row.receipt, settings)
    return _sent(header, moved, row, settings, reversal=kind == "reversal")


def kind_of(row: Row, settings: Settings) -> str:
    """receipt, charge, sweep, deposit or reversal: by its reason type, or its details in exports without one."""
    said = (row.reason or row.details).casefold()
    for kind, words in (
        ("charge", settings.charges), ("sweep", settings.sweeps), ("deposit", settings.deposits), ("reversal", ("reversal",)),
    ):  # fmt: skip
        if any(word in said for word in words):
            return kind
    return "receipt"


def _received(header: Header, amount: Money, receipt: str, settings: Settings) -> Document:
    tender = _tender(amount, receipt, settings, header)
    if settings.receipts == "sales":
        line = Line(line_id="1", kind="goods", listed=amount)
        return Sale(header=header, lines=(line,), total=amount, tenders=(tender,))
    return Payment(header=header, tender=tender, seen_elsewhere=True)


def _sent(header: Header, moved: Money, row: Row, settings: Settings, *, reversal: bool) -> Document:
    """Money that left: a reversal of a receipt, or a payment out. With the duty of sales a reversal is a refund."""
    if reversal and moved.minor < 0 and settings.receipts == "sales":
        amount = -moved
        linked = row.linked if row.linked != row.receipt else ""
        lines = () if linked else (Line(line_id="1", kind="manual", listed=amount, restocked=False),)
        return Refund(header=header, lines=lines, total=amount, sale=linked, reason=row.reason,
                      tenders=(_tender(amount, row.receipt, settings, header),))  # fmt: skip
    # A name that the payment in bears too would let a till's sale count twice against it.
    reference = row.receipt if reversal and row.linked not in ("", row.receipt) else header.external_id
    return Payment(header=header, tender=_tender(moved, reference, settings, header), seen_elsewhere=True)


def _tender(amount: Money, reference: str, settings: Settings, header: Header) -> Tender:
    return Tender(means=settings.wallet, processor=settings.wallet, amount=amount, reference=reference,
                  business_day=header.business_day)  # fmt: skip


def _header(name: str, when: datetime, rank: int, account: str, context: Context) -> Header:
    settings = settings_of(context)
    place = context.locations.get(settings.location)
    place_zone = place.zone if place else settings.zone
    day_end = place.day_end_minutes if place else context.day_end_minutes
    return Header(
        external_id=name,
        version=f"{rank}/{utc(when):%Y-%m-%dT%H:%M:%SZ}",
        occurred_at=when,
        business_day=business_day(when, place_zone, day_end),
        currency=settings.currency,
        number=account or name.partition("/")[0],
        channel=settings.channel,
        location=settings.location,
    )


def settings_of(context: Context) -> Settings:
    """The connection's settings. Raises Refused ``mpesa-value`` where a context has none."""
    if not isinstance(context.settings, Settings):
        raise Refused("mpesa-value", "an event of M-Pesa cannot be read without the connection's settings")
    return context.settings


def slug(text: str) -> str:
    """Small letters, digits and hyphens of a reason: part of a name."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60] or "other"


def _stated(value: object, settings: Settings) -> datetime:
    """The time of a pulled receipt. Its Z may be true or only printed (UNVERIFIED): the settings say which."""
    text = value.strip() if isinstance(value, str) else ""
    if settings.pull_times == "local" or not re.search(r"(Z|[+-]\d\d:?\d\d)\Z", text):
        naive = _naive(re.sub(r"(Z|[+-]\d\d:?\d\d)\Z", "", text))
        return localised(naive, settings.zone)
    moment = instant(text)
    _in_range(moment.replace(tzinfo=None))
    return moment.astimezone(zone(settings.zone))


def _moment(row: Row) -> datetime:
    return _naive(row.at)


def _naive(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("mpesa-value", f"{text[:40]!r} is no time of a receipt") from None
    if moment.tzinfo is not None:
        raise Refused("mpesa-value", f"{text[:40]!r} is no time of a statement")
    return _in_range(moment)


def _in_range(moment: datetime) -> datetime:
    if not 2000 <= moment.year <= 2100:
        raise Refused("mpesa-value", f"{moment.year} is no year of a receipt")
    return moment


def _money(value: object, currency: str) -> Money:
    """An amount from text or a whole number; fractions have stayed text."""
    text = str(value) if type(value) in (int, str) else ""
    return from_text(text, currency)
