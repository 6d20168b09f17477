"""Reading Xero back: our documents by id, everything that changed, and the movement of each account and day.

The ledger itself (Journals) is open to Xero's advanced tier only, so movements are derived from documents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from leja.connectors.contract import ChangedPage, RemoteBalance, RemoteDocument, RemoteState, Session
from leja.connectors.xero.api import one, rows
from leja.connectors.xero.chart import accounts_there, organisation_of
from leja.connectors.xero.documents import COLLECTION_OF, COLLECTIONS, Places, places_of, state_of
from leja.connectors.xero.wire import Record
from leja.core.errors import Refused
from leja.core.money import Money

_OVERLAP: Final = timedelta(seconds=60)
_FIRST: Final = timedelta(days=30)


async def _places(session: Session) -> Places:
    organisation = await organisation_of(session)
    return places_of(await accounts_there(session), organisation.base_currency)


async def read_back(session: Session, documents: Sequence[RemoteDocument]) -> tuple[RemoteState, ...]:
    """Documents by id; what Xero no longer knows is deleted."""
    places = await _places(session)
    states = []
    for document in documents:
        collection = COLLECTION_OF[document.kind]
        record = None if collection == "Contacts" else await one(session, collection, document.remote_id)
        if record is not None:
            states.append(state_of(collection, record, places))
        else:
            states.append(RemoteState(document=document, state="present" if collection == "Contacts" else "deleted"))
    return tuple(states)


async def changed(session: Session, cursor: str | None) -> ChangedPage:
    """Everything that changed since the cursor, ours and others', with a minute of overlap."""
    now = session.now().astimezone(UTC)
    try:
        since = datetime.fromisoformat(cursor) if cursor else now - _FIRST
    except ValueError:
        raise Refused("xero-cursor", f"{cursor!r} is not a cursor of Xero's changes") from None
    places = await _places(session)
    header = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    states: list[RemoteState] = []
    for collection in COLLECTIONS:
        query = {"includeDeleted": "true"} if collection == "BankTransfers" else {}
        found = await rows(session, collection, Record, query, header)
        states += [state_of(collection, record, places) for record in found]
    return ChangedPage(states=tuple(states), cursor=(now - _OVERLAP).isoformat())


async def dated(session: Session, since: date, until: date) -> tuple[RemoteState, ...]:
    """All documents dated from ``since`` to ``until``, ours and others'."""
    places = await _places(session)
    where = f"Date>={_day(since)} AND Date<={_day(until)}"
    states = [
        state_of(collection, record, places)
        for collection in COLLECTIONS for record in await rows(session, collection, Record, {"where": where})
    ]
    return tuple(state for state in states if state.document.date is not None and since <= state.document.date <= until)


async def balances(session: Session, since: date, until: date) -> tuple[RemoteBalance, ...]:
    """The movement of each account on each day from ``since`` to ``until``, of all documents."""
    sums: dict[tuple[str, date, str], int] = defaultdict(int)
    for state in await dated(session, since, until):
        for line in state.lines:
            sums[line.account, state.document.date or since, line.amount.currency] += line.amount.minor
    return tuple(
        RemoteBalance(account=account, day=on, amount=Money(minor, currency))
        for (account, on, currency), minor in sorted(sums.items()) if minor
    )


def _day(on: date) -> str:
    return f"DateTime({on.year},{on.month},{on.day})"
