"""What a transaction of NetSuite is and does: its reference, total and day, and how it moves each account.

SuiteTalk shows no ledger lines of a transaction, so movements follow from the record: what it stands on, the income accounts of
its items, the accounts of its tax codes. What is left over (shipping, handling, discounts of the document) moves an account that the
record does not name: ``""``. Documents of ours have nothing left over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteLine, RemoteState
from leja.connectors.netsuite_soap.nodes import Unreadable
from leja.connectors.netsuite_soap.wire import Line, Transaction
from leja.core.money import Money, from_text

# References of ours: an external id of any other shape is another integration's.
_OURS: Final = re.compile(r"LJ[A-Z0-9]{10,15}(-[A-Z0-9]{1,3})?\Z")
_SIDE: Final = {"invoice": 1, "cashSale": 1, "creditMemo": -1, "cashRefund": -1}


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that transactions reach without naming them, and currencies, by internal id."""

    currencies: Mapping[str, str]
    taxes: Mapping[str, str] = {}
    items: Mapping[str, str] = {}
    home: str = ""

    def currency(self, internal_id: str) -> str:
        """The ISO code. Raises Unreadable for a currency that the account does not list."""
        if not internal_id:
            return self.home
        if internal_id not in self.currencies:
            raise Unreadable(f"currency {internal_id} is not in the account's list")
        return self.currencies[internal_id]


def reference_of(record: Transaction) -> str:
    """Our reference; empty where the document is not ours. A copy made in the browser has no external id."""
    return record.external_id if _OURS.match(record.external_id) else ""


def remote_document(record: Transaction, places: Places) -> RemoteDocument:
    """The document as the account states it. A journal entry's total is its debits."""
    currency = places.currency(record.currency)
    return RemoteDocument(
        kind=record.kind,
        remote_id=record.id,
        reference=reference_of(record),
        version=record.changed_at.isoformat() if record.changed_at is not None else "",
        number=record.number,
        total=None if record.total is None else from_text(record.total, currency),
        date=record.day,
    )


def state_of(record: Transaction, places: Places) -> RemoteState:
    """What stands there: document, state, and its movement per account."""
    moves = not record.voided and record.posts
    return RemoteState(
        document=remote_document(record, places),
        state="voided" if record.voided or _emptied(record) else "present",
        lines=movement(record, places) if moves else (),
        changed_at=record.changed_at,
        text=record.memo,
    )


def _emptied(record: Transaction) -> bool:
    """Voiding a journal entry sets its lines to zero and says so in the memo; it has no status."""
    return record.kind == "journalEntry" and record.memo.startswith("VOID") and not record.total


def movement(record: Transaction, places: Places) -> tuple[RemoteLine, ...]:
    """How the transaction moves each account, debit positive."""
    currency = places.currency(record.currency)
    sums: dict[str, int] = defaultdict(int)
    for account, amount in _parts(record, places):
        sums[account] += from_text(amount, currency).minor
    return tuple(RemoteLine(account=account, amount=Money(minor, currency)) for account, minor in sums.items() if minor)


def _parts(record: Transaction, places: Places) -> Iterable[tuple[str, Decimal]]:
    total = record.total or Decimal(0)
    if record.kind == "journalEntry":
        for line in record.lines:
            yield from _journal_line(line, places)
    elif record.kind == "customerPayment":
        yield record.account, total
        yield record.receivable, -total
    else:
        yield from _sold(record, places, _SIDE[record.kind], total)


def _sold(record: Transaction, places: Places, sign: int, total: Decimal) -> Iterable[tuple[str, Decimal]]:
    yield record.account, sign * total
    left = total
    for line in record.lines:
        yield places.items.get(line.item, ""), -sign * line.amount
        yield places.taxes.get(line.tax_code, ""), -sign * line.tax
        left -= line.amount + line.tax
    yield "", -sign * left


def _journal_line(line: Line, places: Places) -> Iterable[tuple[str, Decimal]]:
    amount = line.debit - line.credit
    yield line.account, amount
    if line.tax:
        account = line.tax_account or places.taxes.get(line.tax_code, "")
        yield account, line.tax if amount >= 0 else -line.tax
