"""What a QuickBooks document is and does: its number, total and date, our mark, and how it moves each account."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteLine, RemoteState
from leja.connectors.quickbooks.wire import DocumentLine, Record, Ref
from leja.core.errors import Refused
from leja.core.money import Money, from_text

_MARK: Final = re.compile(r"\bleja:([A-Z0-9-]+)")
UNKNOWN_ACCOUNT: Final = ""


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that documents reach without naming them."""

    items: Mapping[str, str]
    receivable: str = UNKNOWN_ACCOUNT
    payable: str = UNKNOWN_ACCOUNT
    undeposited: str = UNKNOWN_ACCOUNT
    tax: str = UNKNOWN_ACCOUNT
    home_currency: str = ""


def marked(record: Record) -> str:
    """Our reference, if the document bears our mark."""
    found = _MARK.search(record.private_note)
    return found.group(1) if found else ""


def currency_of(record: Record, home: str) -> str:
    """The document's currency."""
    return record.currency_ref.value if record.currency_ref is not None else home


def remote_document(kind: str, record: Record, home: str) -> RemoteDocument:
    """The document as QuickBooks states it. A journal entry's total is its debits."""
    reference = {"Customer": record.display_name, "Vendor": record.display_name, "Item": record.name}.get(kind)
    if reference is None:
        reference = record.payment_ref_num if kind == "Payment" else record.doc_number
    return RemoteDocument(
        kind=kind,
        remote_id=str(record.id),
        reference=reference,
        version=record.sync_token,
        number=record.doc_number,
        total=_total(kind, record, currency_of(record, home)),
        date=date.fromisoformat(record.txn_date[:10]) if record.txn_date else None,
    )


def _total(kind: str, record: Record, currency: str) -> Money | None:
    if kind in ("Customer", "Vendor", "Item"):
        return None
    if kind == "JournalEntry":
        debits = [
            line.amount for line in record.line
            if line.amount is not None and line.journal_entry_line_detail is not None
            and line.journal_entry_line_detail.posting_type == "Debit"
        ]
        return from_text(sum(debits, Decimal(0)), currency) if debits else None
    amount = record.amount if kind == "Transfer" else record.total_amt
    return None if amount is None else from_text(amount, currency)


def state_of(kind: str, record: Record, places: Places) -> RemoteState:
    """What stands there: document, state, and its movement per account."""
    gone = record.status == "Deleted"
    voided = not gone and record.private_note.startswith("Voided") and not record.total_amt
    document = remote_document(kind, record, places.home_currency)
    mark = marked(record)
    # A document is ours only if it bears our mark; a number alone may be anybody's.
    document = msgspec.structs.replace(document, reference=mark)
    return RemoteState(
        document=document,
        state="deleted" if gone else "voided" if voided else "present",
        lines=() if gone or voided else movement(kind, record, places),
        changed_at=record.meta_data.last_updated_time if record.meta_data is not None else None,
        text=record.private_note,
    )


def movement(kind: str, record: Record, places: Places) -> tuple[RemoteLine, ...]:
    """How the document moves each account, debit positive. An account that it does not name is ``""``."""
    currency = currency_of(record, places.home_currency)
    sums: dict[str, int] = defaultdict(int)
    for account, amount in _parts(kind, record, places):
        sums[account] += from_text(amount, currency).minor
    if sum(sums.values()):
        raise Refused("quickbooks-document-unbalanced", f"{kind} {record.id} does not balance as read: {dict(sums)}")
    return tuple(RemoteLine(account=account, amount=Money(minor, currency)) for account, minor in sums.items() if minor)


def _parts(kind: str, record: Record, places: Places) -> Iterable[tuple[str, Decimal]]:
    total = record.total_amt or Decimal(0)
    if kind == "JournalEntry":
        yield from _journal(record)
    elif kind == "Transfer":
        amount = record.amount or Decimal(0)
        yield _ref(record.from_account_ref), -amount
        yield _ref(record.to_account_ref), amount
    elif kind == "Payment":
        yield _ref(record.deposit_to_account_ref, places.undeposited), total
        yield _ref(record.ar_account_ref, places.receivable), -total
    elif kind == "BillPayment":
        paid = record.check_payment or record.credit_card_payment
        named = (paid.bank_account_ref or paid.cc_account_ref) if paid is not None else None
        yield _ref(named), -total
        yield _ref(record.ap_account_ref, places.payable), total
    else:
        yield from _with_lines(kind, record, places, total)


def _journal(record: Record) -> Iterable[tuple[str, Decimal]]:
    for line in record.line:
        detail = line.journal_entry_line_detail
        if detail is not None and line.amount is not None:
            yield _ref(detail.account_ref), line.amount if detail.posting_type == "Debit" else -line.amount


# Kind -> whether its total is a debit to the account that it stands on.
_SIDE: Final = {
    "SalesReceipt": 1, "Invoice": 1, "Deposit": 1, "VendorCredit": 1,
    "RefundReceipt": -1, "CreditMemo": -1, "Bill": -1, "Purchase": -1,
}


def _with_lines(kind: str, record: Record, places: Places, total: Decimal) -> Iterable[tuple[str, Decimal]]:
    sign = _SIDE[kind] * (-1 if kind == "Purchase" and record.credit else 1)
    control = {
        "Invoice": _ref(record.ar_account_ref, places.receivable),
        "CreditMemo": _ref(record.ar_account_ref, places.receivable),
        "Bill": _ref(record.ap_account_ref, places.payable),
        "VendorCredit": _ref(record.ap_account_ref, places.payable),
        "Purchase": _ref(record.account_ref),
    }.get(kind, _ref(record.deposit_to_account_ref, places.undeposited))
    yield control, sign * total
    left = total
    for account, amount in _lines(record.line, places):
        yield account, -sign * amount
        left -= amount
    tax = (record.txn_tax_detail.total_tax if record.txn_tax_detail is not None else None) or Decimal(0)
    if tax:
        yield places.tax, -sign * tax
        left -= tax
    if left:
        # Shipping, rounding and cash back that the document does not show as lines.
        yield UNKNOWN_ACCOUNT, -sign * left


def _lines(lines: Iterable[DocumentLine], places: Places) -> Iterable[tuple[str, Decimal]]:
    for line in lines:
        if line.group_line_detail is not None:
            yield from _lines(line.group_line_detail.line, places)
            continue
        if line.amount is None or line.detail_type in ("SubTotalLineDetail", "DescriptionOnly"):
            continue
        item = line.sales_item_line_detail or line.item_based_expense_line_detail
        direct = line.account_based_expense_line_detail or line.deposit_line_detail
        if line.discount_line_detail is not None:
            yield _ref(line.discount_line_detail.discount_account_ref), -line.amount
        elif item is not None:
            known = places.items.get(_ref(item.item_ref), UNKNOWN_ACCOUNT)
            yield _ref(item.item_account_ref, known), line.amount
        elif direct is not None and direct.account_ref is not None:
            yield direct.account_ref.value, line.amount
        elif line.linked_txn:
            yield places.undeposited, line.amount


def _ref(ref: Ref | None, otherwise: str = UNKNOWN_ACCOUNT) -> str:
    return ref.value if ref is not None and ref.value else otherwise
