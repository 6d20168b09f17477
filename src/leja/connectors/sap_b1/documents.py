"""What a document of SAP Business One is: its reference, total and date, our mark, and the journal entry behind it.

Every document that posts has a journal entry, so movements are read, not derived. A document is ours only if it bears our
reference and our mark; a cancellation document and a reversing entry copy both and are not ours.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from leja.connectors.contract import RemoteDocument, RemoteLine, RemoteState
from leja.connectors.sap_b1.wire import Document, Journal, JournalLine, Partner, Payment
from leja.core.money import Money, from_text

MARK: Final = "leja:"
_MARK: Final = re.compile(rf"\A{MARK}([A-Z0-9-]+)(?:\s|\Z)")
PAYMENTS: Final = ("IncomingPayments", "VendorPayments")
MARKETING: Final = ("Invoices", "CreditNotes")
# The vendor's word in a journal entry for the kind of document behind it.
ORIGINS: Final = {
    "Invoices": "ttARInvoice", "CreditNotes": "ttARCredItnote", "IncomingPayments": "ttReceipt",
    "VendorPayments": "ttVendorPayment",
}  # fmt: skip
KIND_OF: Final = {origin: kind for kind, origin in ORIGINS.items()}
MANUAL: Final = "ttJournalEntry"
Record = Document | Payment | Journal | Partner
_ZERO: Final = Decimal(0)


def marked(text: str | None, reference: str | None) -> str:
    """Our reference, if the text begins with our mark and the reference stands in its own field too."""
    found = _MARK.match(text or "")
    return found.group(1) if found and found.group(1) == (reference or "") else ""


def reference_of(record: Record) -> str:
    """Our reference, empty where the document is not ours."""
    if isinstance(record, Partner):
        return record.card_code
    if isinstance(record, Payment):
        return marked(record.remarks, record.transfer_reference)
    if isinstance(record, Journal):
        return marked(record.memo, record.reference3)
    return "" if record.cancel_status == "csCancellation" else marked(record.comments, record.num_at_card)


def remote_document(kind: str, record: Record, home: str) -> RemoteDocument:
    """The document as the company states it."""
    if isinstance(record, Partner):
        return RemoteDocument(kind=kind, remote_id=record.card_code, reference=record.card_code)
    day = record.reference_date if isinstance(record, Journal) else record.doc_date
    return RemoteDocument(
        kind=kind,
        remote_id=str(record.jdt_num if isinstance(record, Journal) else record.doc_entry),
        reference=reference_of(record),
        version=_stamp(record),
        number=str(record.number if isinstance(record, Journal) else record.doc_num),
        total=_total(record, home),
        date=date.fromisoformat(day[:10]) if day else None,
    )


def _stamp(record: Record) -> str:
    return f"{(record.update_date or '')[:10]}T{record.update_time or ''}" if isinstance(record, Document) else ""


def _total(record: Document | Payment | Journal, home: str) -> Money | None:
    if isinstance(record, Journal):
        lines = _lines(record, home)
        debits = sum(minor for _, minor, _ in lines if minor > 0)
        return Money(debits, lines[0][2]) if lines else None
    currency = record.doc_currency or home
    if isinstance(record, Payment):
        cards = sum((card.credit_sum or _ZERO for card in record.payment_credit_cards or ()), _ZERO)
        return from_text((record.cash_sum or _ZERO) + (record.transfer_sum or _ZERO) + cards, currency)
    total = record.doc_total if currency == home else record.doc_total_fc
    return None if total is None else from_text(total, currency)


# --- movements --------------------------------------------------------------------------------------------------------


def _lines(journal: Journal, home: str) -> list[tuple[str, int, str]]:
    """Account, minor units and currency of each line, debit positive; in the foreign currency where it has one."""
    return [_line(line, home) for line in journal.journal_entry_lines]


def _line(line: JournalLine, home: str) -> tuple[str, int, str]:
    # A line that only corrects the local amount (a currency difference) names no foreign currency, or moves none of it.
    currency = line.fc_currency or home
    if currency == home:
        amount = (line.debit or _ZERO) - (line.credit or _ZERO)
    else:
        amount = (line.fc_debit or _ZERO) - (line.fc_credit or _ZERO)
    return line.control_account or line.account_code or "", from_text(amount, currency).minor, currency


def movement(journal: Journal, home: str) -> tuple[RemoteLine, ...]:
    """How an entry moves each account, debit positive."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for account, minor, currency in _lines(journal, home):
        sums[account, currency] += minor
    return tuple(
        RemoteLine(account=account, amount=Money(minor, currency))
        for (account, currency), minor in sums.items()
        if minor
    )


def in_home(journal: Journal, home: str) -> Iterable[tuple[str, int]]:
    """Account and local minor units of each line."""
    for line in journal.journal_entry_lines:
        amount = from_text((line.debit or _ZERO) - (line.credit or _ZERO), home)
        yield line.control_account or line.account_code or "", amount.minor


def reversal_in(own: Journal, bearing: Sequence[Journal], home: str) -> bool:
    """Whether a later entry with the same reference takes back exactly what this one moved."""
    back = {(line.account, line.amount.currency): -line.amount.minor for line in movement(own, home)}
    return bool(back) and any(
        later.jdt_num > own.jdt_num
        and {(line.account, line.amount.currency): line.amount.minor for line in movement(later, home)} == back
        for later in bearing
    )


def state_of(
    kind: str, record: Record, journal: Journal | None, home: str, *, reversed_: bool = False, ours: bool = True
) -> RemoteState:
    """What stands there: document, state, and its movement per account."""
    document = remote_document(kind, record, home)
    voided = reversed_ or (not isinstance(record, Journal | Partner) and record.cancelled == "tYES")
    if not ours:
        document = RemoteDocument(
            kind=document.kind, remote_id=document.remote_id, reference="", version=document.version,
            number=document.number, total=document.total, date=document.date,
        )  # fmt: skip
    text = record.memo if isinstance(record, Journal) else ""
    if isinstance(record, Document | Payment):
        text = record.comments if isinstance(record, Document) else record.remarks
    return RemoteState(
        document=document,
        state="voided" if voided else "present",
        lines=() if voided or journal is None else movement(journal, home),
        changed_at=_changed(record),
        text=text or "",
    )


def _changed(record: Record) -> datetime | None:
    if not isinstance(record, Document) or not record.update_date:
        return None
    try:
        return datetime.fromisoformat(f"{record.update_date[:10]}T{record.update_time or '00:00:00'}").replace(
            tzinfo=UTC
        )
    except ValueError:
        return None
