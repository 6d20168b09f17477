"""Reading Business Central back: our documents, everything that changed, and the movement of each account and day.

The general ledger is open, so what a document does is read from its entries, whatever made them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from leja.connectors.business_central.api import named, rows
from leja.connectors.business_central.drafts import SETS
from leja.connectors.business_central.standing import DRAFTS, journal_document, sales_document
from leja.connectors.business_central.wire import CreditMemo, Entry, Invoice, Sales, Setup, day, moment
from leja.connectors.contract import ChangedPage, RemoteBalance, RemoteDocument, RemoteLine, RemoteState, Session
from leja.core.errors import Refused
from leja.core.money import Money, from_text

_OVERLAP: Final = timedelta(seconds=60)
_FIRST: Final = timedelta(days=30)
_OURS: Final = re.compile(r"LJ[A-Z0-9]{8,15}(-[A-Z0-9]{1,3})?\Z")
_TYPES: Final[Mapping[str, str]] = {"Invoice": "SalesInvoice", "Credit Memo": "SalesCreditMemo"}
_SHAPES: Final[Mapping[str, type[Any]]] = {"SalesInvoice": Invoice, "SalesCreditMemo": CreditMemo}
_GONE: Final = frozenset({"Canceled", "Corrective"})


async def _currency(session: Session) -> str:
    return (await rows(session, "generalLedgerSetup", Setup))[0].local_currency_code


async def read_back(session: Session, documents: Sequence[RemoteDocument]) -> tuple[RemoteState, ...]:
    """Documents by id; what Business Central no longer knows, or has no entry of, is deleted."""
    currency = await _currency(session)
    sales: dict[str, tuple[str, Sales]] = {}
    for kind, shape in _SHAPES.items():
        wanted = [document.remote_id for document in documents if document.kind == kind]
        sales |= {row.id: (kind, row) for row in await named(session, SETS[kind], shape, "id", wanted)}
    journals = [document.remote_id for document in documents if document.kind in ("Journal", "CustomerPayment")]
    numbers = [*journals, *(row.number for _kind, row in sales.values() if row.status not in DRAFTS)]
    entries = await _entries(session, numbers)
    states = []
    for document in documents:
        if document.kind == "Customer":
            states.append(RemoteState(document=document, state="present"))
        elif document.remote_id in sales:
            kind, row = sales[document.remote_id]
            states.append(_sales_state(kind, row, entries.get(row.number, ()), currency))
        elif document.remote_id in entries:
            states.append(_journal_state(document.kind, entries[document.remote_id], currency))
        else:
            states.append(RemoteState(document=document, state="deleted"))
    return tuple(states)


async def _entries(session: Session, numbers: Iterable[str]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    wanted = sorted(set(filter(None, numbers)))
    for entry in await named(session, "generalLedgerEntries", Entry, "documentNumber", wanted):
        found[entry.document_number].append(entry)
    return dict(found)


def _lines(entries: Iterable[Entry], currency: str) -> tuple[RemoteLine, ...]:
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        amount = from_text(entry.debit_amount, currency) - from_text(entry.credit_amount, currency)
        sums[entry.account_number] += amount.minor
    return tuple(RemoteLine(account=account, amount=Money(minor, currency)) for account, minor in sums.items() if minor)


def _sales_state(kind: str, row: Sales, entries: Sequence[Entry], currency: str) -> RemoteState:
    document = sales_document(kind, row, currency)
    if row.status == "Corrective":
        # The vendor copied our reference into the document that cancels ours; it is not one of ours.
        document = RemoteDocument(**{**_fields(document), "reference": ""})
    gone = row.status in _GONE
    return RemoteState(
        document=document, state="voided" if gone else "present", lines=() if gone else _lines(entries, currency),
        changed_at=moment(row.last_modified_date_time), text=row.external_document_number,
    )


def _fields(document: RemoteDocument) -> dict[str, Any]:
    return {name: getattr(document, name) for name in document.__struct_fields__}


def _journal_state(kind: str, entries: Sequence[Entry], currency: str) -> RemoteState:
    document = journal_document(kind, entries, currency)
    if not _OURS.match(document.reference):
        document = RemoteDocument(**{**_fields(document), "reference": ""})
    lines = _lines(entries, currency)
    return RemoteState(
        document=document, state="present" if lines else "voided", lines=lines,
        changed_at=moment(max(entry.last_modified_date_time for entry in entries)), text=entries[0].description,
    )


async def changed(session: Session, cursor: str | None) -> ChangedPage:
    """Everything that changed since the cursor, ours and others', with a minute of overlap."""
    now = session.now().astimezone(UTC)
    try:
        since = datetime.fromisoformat(cursor) if cursor else now - _FIRST
    except ValueError:
        raise Refused("business-central-cursor", f"{cursor!r} is not a cursor of Business Central's changes") from None
    query = {"$filter": f"lastModifiedDateTime ge {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    touched = await rows(session, "generalLedgerEntries", Entry, query)
    return ChangedPage(states=await _behind(session, touched, query), cursor=(now - _OVERLAP).isoformat())


async def dated(session: Session, since: date, until: date) -> tuple[RemoteState, ...]:
    """All documents posted from ``since`` to ``until``, ours and others'."""
    posted = {"$filter": f"postingDate ge {since} and postingDate le {until}"}
    states = await _behind(session, await rows(session, "generalLedgerEntries", Entry, posted), None)
    return tuple(state for state in states if state.document.date is not None and since <= state.document.date <= until)


async def _behind(session: Session, touched: Sequence[Entry], query: Mapping[str, str] | None) -> tuple[RemoteState, ...]:
    """The documents behind these entries, with all of their entries; with ``query``, the sales documents that it finds too."""
    sales: dict[str, tuple[str, Sales]] = {}
    for kind, shape in _SHAPES.items():
        numbers = sorted({entry.document_number for entry in touched if _TYPES.get(entry.document_type) == kind})
        found = [*(await rows(session, SETS[kind], shape, query) if query else ()),
                 *await named(session, SETS[kind], shape, "number", numbers)]
        sales |= {row.number: (kind, row) for row in found if row.status not in DRAFTS}
    entries = await _entries(session, [*sales, *(entry.document_number for entry in touched)])
    currency = await _currency(session)
    states = [_sales_state(kind, row, entries.get(number, ()), currency) for number, (kind, row) in sales.items()]
    for number, posted in entries.items():
        if number not in sales:
            kind = "CustomerPayment" if posted[0].document_type == "Payment" else "Journal"
            states.append(_journal_state(kind, posted, currency))
    return tuple(states)


async def balances(session: Session, since: date, until: date) -> tuple[RemoteBalance, ...]:
    """The movement of each account on each day from ``since`` to ``until``, of all entries."""
    currency = await _currency(session)
    query = {
        "$filter": f"postingDate ge {since} and postingDate le {until}",
        "$select": "entryNumber,postingDate,documentNumber,accountNumber,debitAmount,creditAmount",
    }
    sums: dict[tuple[str, date], int] = defaultdict(int)
    for entry in await rows(session, "generalLedgerEntries", Entry, query):
        on = day(entry.posting_date)
        if on is not None and since <= on <= until:
            amount = from_text(entry.debit_amount, currency) - from_text(entry.credit_amount, currency)
            sums[entry.account_number, on] += amount.minor
    return tuple(
        RemoteBalance(account=account, day=on, amount=Money(minor, currency))
        for (account, on), minor in sorted(sums.items()) if minor
    )
