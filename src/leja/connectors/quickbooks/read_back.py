"""Reading QuickBooks back: our documents by id, everything that changed, and the movement of each account and day.

Reads are metered by the vendor, so documents are read by the thousand (queries with IN, change data capture) and the
answer to the create counts as the first read-back.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from leja.connectors.contract import ChangedPage, Chart, RemoteBalance, RemoteDocument, RemoteState, Session
from leja.connectors.quickbooks.api import decoded, get, quoted, select_all
from leja.connectors.quickbooks.chart import chart
from leja.connectors.quickbooks.documents import Places, state_of
from leja.connectors.quickbooks.wire import Record
from leja.core.errors import NeedsReview, Refused
from leja.core.money import Money

POSTING: Final = (
    "SalesReceipt", "RefundReceipt", "Invoice", "CreditMemo", "Payment", "JournalEntry",
    "Deposit", "Transfer", "Purchase", "Bill", "BillPayment", "VendorCredit",
)
_RECORDS: Final = frozenset({"Customer", "Vendor", "Item"})
_CDC_DAYS: Final = 29
_CDC_MOST: Final = 1000
_OVERLAP: Final = timedelta(seconds=60)
_IDS: Final = 200
_ABSENT_KIND: Final = re.compile(r"entities\.(\w+) specified is unsupported")


def places_of(known: Chart) -> Places:
    """The accounts that documents reach without naming them; one that cannot be told apart stays unknown."""
    accounts = [account for account in known.accounts if account.active]

    def only(matching: list[str]) -> str:
        return matching[0] if matching else ""

    return Places(
        items={item.id: item.income_account for item in known.items},
        receivable=only([a.id for a in accounts if a.kind == "receivable" and a.currency in ("", known.home_currency)]),
        payable=only([a.id for a in accounts if a.kind == "payable" and a.currency in ("", known.home_currency)]),
        undeposited=only([a.id for a in accounts if a.system == "UndepositedFunds"]),
        tax=only([a.id for a in accounts if a.kind == "tax"]),
        home_currency=known.home_currency,
    )


async def read_back(session: Session, documents: Sequence[RemoteDocument]) -> tuple[RemoteState, ...]:
    """Documents by id; what a query no longer gives is deleted."""
    places = places_of(await chart(session))
    by_kind: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        if document.kind not in _RECORDS:
            by_kind[document.kind].append(document.remote_id)
    found: dict[tuple[str, str], RemoteState] = {}
    for kind, ids in by_kind.items():
        for start in range(0, len(ids), _IDS):
            listed = ", ".join(quoted(remote_id) for remote_id in ids[start : start + _IDS])
            for record in await select_all(session, kind, Record, f"Id in ({listed})"):
                found[kind, str(record.id)] = state_of(kind, record, places)
    return tuple(
        found.get((document.kind, document.remote_id))
        or RemoteState(document=document, state="present" if document.kind in _RECORDS else "deleted")
        for document in documents
    )


async def changed(session: Session, cursor: str | None) -> ChangedPage:
    """Everything that changed since the cursor. Change data capture tells deletions; beyond its reach, queries help."""
    now = session.now().astimezone(UTC)
    since = _since(cursor, now)
    places = places_of(await chart(session))
    # A full answer may have been cut off: then the queries, which page, are asked too; capture alone tells deletions.
    states: dict[tuple[str, str], RemoteState] = {}
    reach = max(since, now - timedelta(days=_CDC_DAYS))
    for state in await _captured(session, reach, places):
        states[state.document.kind, state.document.remote_id] = state
    if since < reach or len(states) >= _CDC_MOST:
        where = f"MetaData.LastUpdatedTime >= {quoted(since.isoformat())}"
        for kind in POSTING:
            for record in await _there(session, kind, where, "MetaData.LastUpdatedTime"):
                states[kind, str(record.id)] = state_of(kind, record, places)
    return ChangedPage(states=tuple(states.values()), cursor=(now - _OVERLAP).isoformat())


def _since(cursor: str | None, now: datetime) -> datetime:
    if not cursor:
        return now - timedelta(days=_CDC_DAYS)
    try:
        return datetime.fromisoformat(cursor)
    except ValueError:
        raise Refused("quickbooks-cursor", f"{cursor!r} is not a cursor of QuickBooks' changes") from None


class _Captured(msgspec.Struct, frozen=True, kw_only=True):
    query_response: tuple[dict[str, msgspec.Raw], ...] = msgspec.field(default=(), name="QueryResponse")


async def _cdc(session: Session, kinds: Sequence[str], since: str) -> dict[str, msgspec.Raw]:
    """Change data capture; asked again without a kind that this company's edition does not have."""
    try:
        return await get(session, "/cdc", {"entities": ",".join(kinds), "changedSince": since})
    except NeedsReview as error:
        absent = _ABSENT_KIND.search(error.message)
        left = [kind for kind in kinds if absent is None or kind != absent.group(1)]
        if len(left) == len(kinds):
            raise
        return await _cdc(session, left, since)


async def _there(session: Session, kind: str, where: str, order: str = "Id") -> list[Record]:
    """Documents of a kind; none where this company's edition does not have the kind."""
    try:
        return await select_all(session, kind, Record, where, order)
    except NeedsReview as error:
        if f"invalid context declaration: {kind}" in error.message:
            return []
        raise


async def _captured(session: Session, since: datetime, places: Places) -> list[RemoteState]:
    envelope = await _cdc(session, POSTING, since.isoformat(timespec="seconds"))
    answers: tuple[_Captured, ...] = decoded(envelope.get("CDCResponse", msgspec.Raw(b"[]")), tuple[_Captured, ...])
    states = []
    for answer in answers:
        for part in answer.query_response:
            for kind in POSTING:
                if kind in part:
                    records: list[Record] = decoded(part[kind], list[Record])
                    states += [state_of(kind, record, places) for record in records]
    return states


async def dated(session: Session, since: date, until: date) -> tuple[RemoteState, ...]:
    """All documents dated from ``since`` to ``until``, ours and others'."""
    places = places_of(await chart(session))
    where = f"TxnDate >= {quoted(since.isoformat())} and TxnDate <= {quoted(until.isoformat())}"
    states = [state_of(kind, record, places) for kind in POSTING for record in await _there(session, kind, where)]
    return tuple(state for state in states if state.document.date is not None and since <= state.document.date <= until)


async def balances(session: Session, since: date, until: date) -> tuple[RemoteBalance, ...]:
    """The movement of each account on each day from ``since`` to ``until``, of all documents."""
    sums: dict[tuple[str, date, str], int] = defaultdict(int)
    for state in await dated(session, since, until):
        for line in state.lines:
            sums[line.account, state.document.date or since, line.amount.currency] += line.amount.minor
    return tuple(
        RemoteBalance(account=account, day=day, amount=Money(minor, currency))
        for (account, day, currency), minor in sorted(sums.items()) if minor
    )
