"""Reading NetSuite back: our documents by id, everything that changed, and the movement of each account and day.

Read are the six kinds of transactions that Leja makes, of one subsidiary. Changes are told by ``lastModifiedDate``, deletions by
``getDeleted``. The cursor names a search that is paged on; when that has run out, the search is begun anew from the same moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from leja.connectors.contract import ChangedPage, RemoteBalance, RemoteDocument, RemoteState, Session
from leja.connectors.netsuite_soap import api
from leja.connectors.netsuite_soap.chart import currencies_of, tax_codes
from leja.connectors.netsuite_soap.documents import Places, reference_of, state_of
from leja.connectors.netsuite_soap.nodes import Node, Unreadable
from leja.connectors.netsuite_soap.plan import RECORDS
from leja.connectors.netsuite_soap.wire import SEARCHED_AS, TRANSACTIONS, Transaction, transaction_in
from leja.core.errors import Refused
from leja.core.money import Money

_FIRST: Final = timedelta(days=92)
_OVERLAP: Final = timedelta(minutes=5)
_OURS: Final = "LJ"
_AT_ONCE: Final = 100


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """From when on changes are asked for, from when on the next time, and the search that is under way.

    ``stage``: "recent"; the first time "first", which is followed by "older": what bears a reference of ours and has not
    changed since, however old.
    """

    since: datetime
    next: datetime
    stage: str = "recent"
    search_id: str = ""
    index: int = 0


async def places_of(session: Session) -> Places:
    """Currencies and tax accounts, by internal id."""
    currencies = await currencies_of(session)
    try:
        codes = await tax_codes(session)
    except Unreadable as problem:
        raise api.unreadable(problem) from None
    return Places(
        currencies={node.attributes.get("internalId", ""): node.value("symbol") for node in currencies},
        taxes={code.id: code.account for code in codes},
        home=next((node.value("symbol") for node in currencies if node.flag("isBaseCurrency")), ""),
    )


async def _with_items(session: Session, places: Places, records: Iterable[Transaction]) -> Places:
    """The places, with the income accounts of all items on these transactions."""
    items = dict(places.items)
    wanted = sorted({line.item for record in records for line in record.lines if line.item} - items.keys())
    for start in range(0, len(wanted), _AT_ONCE):
        asked = api.criteria("Item", api.referring("internalId", wanted[start : start + _AT_ONCE]))
        for row in await api.found(session, asked):
            items[row.attributes.get("internalId", "")] = row.ref("incomeAccount")
    return replace(places, items=items)


def _transactions(rows: Iterable[Node]) -> list[Transaction]:
    try:
        return [transaction_in(row) for row in rows]
    except Unreadable as problem:
        raise api.unreadable(problem) from None


async def _states(session: Session, places: Places, rows: Iterable[Node]) -> tuple[Places, list[RemoteState]]:
    records = _transactions(rows)
    places = await _with_items(session, places, records)
    try:
        return places, [state_of(record, places) for record in records]
    except Unreadable as problem:
        raise api.unreadable(problem) from None


# --- by id ------------------------------------------------------------------------------------------------------------


async def read_back(session: Session, documents: Sequence[RemoteDocument]) -> tuple[RemoteState, ...]:
    """Documents by id; what is no longer there is deleted."""
    asked = [document for document in documents if document.kind not in RECORDS]
    rows = await api.get_list(session, [(document.kind, document.remote_id, "") for document in asked])
    places = await places_of(session)
    _, states = await _states(session, places, [row for row in rows if row is not None])
    there = {(state.document.kind, state.document.remote_id): state for state in states}
    return tuple(
        there.get((document.kind, document.remote_id))
        or RemoteState(document=document, state="present" if document.kind in RECORDS else "deleted")
        for document in documents
    )


# --- what changed -----------------------------------------------------------------------------------------------------


async def changed(session: Session, cursor: str | None) -> ChangedPage:
    """Everything that changed since the cursor, ours and others', page by page; deletions with the first page."""
    at = _read(cursor, session.now().astimezone(UTC))
    page = await api.more(session, at.search_id, at.index) if at.search_id else None
    begun = page is None
    if page is None:
        page = await api.search(session, _wanted(session, at))
    _, states = await _states(session, await places_of(session), page.records)
    if begun and at.stage != "older":
        states += await _deleted(session, at.since)
    if not page.last:
        return _page(states, replace(at, search_id=page.search_id, index=page.index + 1), more=True)
    if at.stage == "first":
        return _page(states, replace(at, stage="older", search_id="", index=0), more=True)
    return _page(states, Cursor(since=at.next, next=at.next), more=False)


def _page(states: Sequence[RemoteState], cursor: Cursor, *, more: bool) -> ChangedPage:
    return ChangedPage(states=tuple(states), cursor=msgspec.json.encode(cursor).decode(), more=more)


def _read(cursor: str | None, now: datetime) -> Cursor:
    """Where to go on. A cursor with a search under way keeps its own end; else the next one begins shortly before now."""
    if not cursor:
        return Cursor(since=now - _FIRST, next=now - _OVERLAP, stage="first")
    try:
        found = msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError:
        raise Refused("netsuite-soap-cursor", f"{cursor!r} is not a cursor of NetSuite's changes") from None
    under_way = found.search_id or found.since != found.next
    return found if under_way else replace(found, next=now - _OVERLAP)


def _wanted(session: Session, at: Cursor) -> str:
    since = at.since.isoformat(timespec="milliseconds")
    if at.stage == "older":
        older = api.at_least("lastModifiedDate", since, "before")
        return _criteria(session, api.beginning("externalIdString", _OURS), older)
    return _criteria(session, api.at_least("lastModifiedDate", since))


def _criteria(session: Session, *which: str) -> str:
    own = session.settings.subsidiary
    fields = [*which, *([api.referring("subsidiary", [own])] if own else []), api.among("type", SEARCHED_AS.values())]
    return api.criteria("Transaction", *fields)


async def _deleted(session: Session, since: datetime) -> list[RemoteState]:
    rows = await api.deleted(session, since.isoformat(timespec="milliseconds"), TRANSACTIONS.values())
    return [
        RemoteState(
            document=RemoteDocument(
                kind=row.attributes.get("type", ""), remote_id=row.attributes.get("internalId", ""),
                reference=reference_of(
                    Transaction(kind="", id="", external_id=row.attributes.get("externalId", ""))
                ),
            ),
            state="deleted",
        )
        for row in rows
        if row.attributes.get("type") in SEARCHED_AS
    ]  # fmt: skip


async def dated(session: Session, since: date, until: date) -> tuple[RemoteState, ...]:
    """All documents of the six kinds dated from ``since`` to ``until``, ours and others'."""
    within = api.at_least("tranDate", f"{since}T12:00:00", "within", f"{until}T12:00:00")
    places = await places_of(session)
    there: dict[tuple[str, str], RemoteState] = {}
    async for rows in api.pages(session, _criteria(session, within)):
        places, states = await _states(session, places, rows)
        there |= {(state.document.kind, state.document.remote_id): state for state in states}
    return tuple(there.values())


# --- balances ---------------------------------------------------------------------------------------------------------


async def balances(session: Session, since: date, until: date) -> tuple[RemoteBalance, ...]:
    """The movement of each account on each day from ``since`` to ``until``, of all transactions of the six kinds."""
    whole: dict[tuple[str, date, str], int] = defaultdict(int)
    for state in await dated(session, since, until):
        for key, minor in _by_day(state, since, until).items():
            whole[key] += minor
    return tuple(
        RemoteBalance(account=account, day=day, amount=Money(minor, currency))
        for (account, day, currency), minor in sorted(whole.items())
        if minor
    )


def _by_day(state: RemoteState, since: date, until: date) -> dict[tuple[str, date, str], int]:
    day = state.document.date
    if day is None or not since <= day <= until:
        return {}
    return {(line.account, day, line.amount.currency): line.amount.minor for line in state.lines}
