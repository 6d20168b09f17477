"""What a Xero document is and does: its kind, reference, total and date, and how it moves each account."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteLine, RemoteState
from leja.connectors.xero.wire import Account, Line, Place, Record, day, moment
from leja.core.errors import Refused
from leja.core.money import Money, from_text

_MARK: Final = re.compile(r"\bleja:([A-Z0-9-]+)")
COLLECTIONS: Final = ("Invoices", "CreditNotes", "Payments", "BankTransactions", "BankTransfers", "ManualJournals")
COLLECTION_OF: Final[Mapping[str, str]] = {
    "Invoice": "Invoices", "Bill": "Invoices", "CreditNote": "CreditNotes", "SupplierCredit": "CreditNotes",
    "Payment": "Payments", "RefundPayment": "Payments", "Receive": "BankTransactions", "Spend": "BankTransactions",
    "Overpayment": "BankTransactions", "BankTransfer": "BankTransfers", "ManualJournal": "ManualJournals",
    "Contact": "Contacts",
}
_POSTED: Final = frozenset({"AUTHORISED", "PAID", "POSTED", ""})


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts by Xero's long id and by code, and those that Xero reaches by itself."""

    known: Mapping[str, str]
    receivable: str = ""
    payable: str = ""
    tax: str = ""
    rounding: str = ""
    home_currency: str = ""


def places_of(accounts: Sequence[Account], home_currency: str) -> Places:
    """The accounts as documents reach them; ours are known by code, else by id."""
    ours = {account.account_id: account.code or account.account_id for account in accounts}
    system = {account.system_account: ours[account.account_id] for account in accounts if account.system_account}
    return Places(
        known=ours | {code: code for code in ours.values()},
        receivable=system.get("DEBTORS", ""),
        payable=system.get("CREDITORS", ""),
        tax=system.get("GST", ""),
        rounding=system.get("ROUNDING", ""),
        home_currency=home_currency,
    )


def kind_of(collection: str, record: Record) -> str:
    """Our name of a document's kind, from what the document itself says."""
    kind = record.type or ""
    if collection == "Invoices":
        return "Bill" if kind == "ACCPAY" else "Invoice"
    if collection == "CreditNotes":
        return "SupplierCredit" if kind == "ACCPAYCREDIT" else "CreditNote"
    if collection == "Payments":
        return "RefundPayment" if record.credit_note is not None else "Payment"
    if collection == "BankTransactions":
        return "Overpayment" if kind.endswith("PAYMENT") else "Spend" if kind.startswith("SPEND") else "Receive"
    return collection.removesuffix("s")


def id_of(collection: str, record: Record) -> str:
    """The document's id."""
    ids = {
        "Invoices": record.invoice_id, "CreditNotes": record.credit_note_id, "Payments": record.payment_id,
        "BankTransactions": record.bank_transaction_id, "BankTransfers": record.bank_transfer_id,
        "ManualJournals": record.manual_journal_id, "Contacts": record.contact_id,
    }
    return ids[collection] or ""


def marked(record: Record) -> str:
    """Our reference, if the document bears our mark."""
    found = _MARK.search(f"{record.reference or ''} {record.narration or ''}")
    return found.group(1) if found else ""


def currency_of(record: Record, otherwise: str) -> str:
    """The document's currency; a payment has that of what it settles."""
    settled = record.invoice or record.credit_note
    inner = settled.currency_code if settled is not None else None
    return record.currency_code or inner or otherwise


def remote_document(collection: str, record: Record, currency: str) -> RemoteDocument:
    """The document as Xero states it. A journal's total is its debits."""
    number = record.invoice_number if collection == "Invoices" else record.credit_note_number
    stated = record.updated_date_utc or record.created_date_utc or ""
    reference = marked(record)
    if collection == "Contacts":
        reference = record.contact_number or ""
    return RemoteDocument(
        kind=kind_of(collection, record),
        remote_id=id_of(collection, record),
        reference=reference,
        version=stated,
        number=(number or "") if collection in ("Invoices", "CreditNotes") else "",
        total=_total(collection, record, currency_of(record, currency)),
        date=day(record.date_string or record.date),
    )


def _total(collection: str, record: Record, currency: str) -> Money | None:
    if collection == "ManualJournals":
        debits = [line.line_amount for line in record.journal_lines or () if line.line_amount and line.line_amount > 0]
        return from_text(sum(debits, Decimal(0)), currency) if debits else None
    amount = record.amount if collection in ("Payments", "BankTransfers") else record.total
    return None if amount is None else from_text(amount, currency)


def state_of(collection: str, record: Record, places: Places) -> RemoteState:
    """What stands there: document, state, and its movement per account."""
    status = (record.status or "").upper()
    state: Literal["present", "voided", "deleted"] = "present"
    if status in ("VOIDED", "DELETED"):
        state = "voided" if status == "VOIDED" else "deleted"
    posted = state == "present" and status in _POSTED
    return RemoteState(
        document=remote_document(collection, record, places.home_currency),
        state=state,
        lines=movement(collection, record, places) if posted else (),
        changed_at=moment(record.updated_date_utc or record.created_date_utc),
        text=record.narration or record.reference or "",
    )


def movement(collection: str, record: Record, places: Places) -> tuple[RemoteLine, ...]:
    """How the document moves each account, debit positive. An account that cannot be told is ``""``."""
    currency = currency_of(record, places.home_currency)
    sums: dict[str, int] = defaultdict(int)
    for account, amount in _parts(collection, record, places):
        sums[account] += from_text(amount, currency).minor
    if sum(sums.values()):
        named = id_of(collection, record)
        raise Refused("xero-document-unbalanced", f"{collection} {named} does not balance as read: {dict(sums)}")
    return tuple(RemoteLine(account=account, amount=Money(minor, currency)) for account, minor in sums.items() if minor)


def _parts(collection: str, record: Record, places: Places) -> Iterable[tuple[str, Decimal]]:
    amount = record.amount or Decimal(0)
    if collection == "Payments":
        yield from _payment(record, places, amount)
    elif collection == "BankTransfers":
        yield _place(record.from_bank_account, places), -amount
        yield _place(record.to_bank_account, places), amount
    elif collection == "ManualJournals":
        yield from _journal(record, places)
    elif not (record.type or "").endswith("-TRANSFER"):
        # The two sides of a transfer are listed as bank transactions too; the transfer itself is what counts.
        yield from _with_lines(collection, record, places)


def _payment(record: Record, places: Places, amount: Decimal) -> Iterable[tuple[str, Decimal]]:
    settled = record.invoice or record.credit_note
    kind = record.payment_type or (settled.type if settled is not None else "") or ""
    payable = kind.startswith(("ACCPAY", "AP"))
    outward = payable != (record.credit_note is not None or "CREDIT" in kind or kind.startswith(("AROVER", "ARPRE")))
    sign = -1 if outward else 1
    yield _place(record.account, places), sign * amount
    yield (places.payable if payable else places.receivable), -sign * amount


def _journal(record: Record, places: Places) -> Iterable[tuple[str, Decimal]]:
    for line in record.journal_lines or ():
        amount, tax = line.line_amount or Decimal(0), line.tax_amount or Decimal(0)
        if record.line_amount_types == "Inclusive":
            amount -= tax
        yield _line_account(line, places), amount
        if record.line_amount_types in ("Inclusive", "Exclusive") and tax:
            yield places.tax, tax


def _with_lines(collection: str, record: Record, places: Places) -> Iterable[tuple[str, Decimal]]:
    kind, total = record.type or "", record.total or Decimal(0)
    sign = 1 if kind.startswith(("RECEIVE", "ACCPAYCREDIT")) or kind == "ACCREC" else -1
    control = _place(record.bank_account, places) if collection == "BankTransactions" else (
        places.payable if kind.startswith("ACCPAY") else places.receivable
    )
    yield control, sign * total
    left = total
    for line in record.line_items or ():
        amount = line.line_amount or Decimal(0)
        if record.line_amount_types == "Inclusive":
            amount -= line.tax_amount or Decimal(0)
        # The line of an overpayment names no account: it stands on receivables, or on payables where money was spent.
        waits = "" if "PAYMENT" not in kind else places.receivable if kind.startswith("RECEIVE") else places.payable
        yield _line_account(line, places) or waits, -sign * amount
        left -= amount
    if record.total_tax:
        yield places.tax, -sign * record.total_tax
        left -= record.total_tax
    if left:
        yield places.rounding, -sign * left


def _place(place: Place | None, places: Places) -> str:
    return "" if place is None else _named(place.account_id, place.code, places)


def _line_account(line: Line, places: Places) -> str:
    return _named(line.account_id, line.account_code, places)


def _named(account_id: str | None, code: str | None, places: Places) -> str:
    return places.known.get(account_id or "") or places.known.get(code or "") or code or account_id or ""
