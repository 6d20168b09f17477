"""Reading SAP Business One back: our documents by id, everything that changed, and the movement of each account and day.

The general ledger itself is open: journal entries. What is new is told by their numbers, which only rise; what was changed of
a document by its day of update (Service Layer ignores times in filters, so a day overlaps); a cancelled payment and a
reversed entry by the new entry that takes them back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from leja.connectors.contract import ChangedPage, RemoteBalance, RemoteDocument, RemoteState, Session
from leja.connectors.sap_b1.api import any_of, local_currency, quoted, rows
from leja.connectors.sap_b1.delivering import shape_of
from leja.connectors.sap_b1.documents import (
    KIND_OF,
    MANUAL,
    MARK,
    MARKETING,
    ORIGINS,
    PAYMENTS,
    Record,
    in_home,
    reference_of,
    reversal_in,
    state_of,
)
from leja.connectors.sap_b1.wire import Document, Journal, Payment
from leja.core.errors import Refused
from leja.core.money import Money

_FIRST: Final = timedelta(days=92)
_OVERLAP: Final = 200
_MOVING: Final = (*MARKETING, *PAYMENTS)


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """The last journal entry that was seen, and the day from which changed documents are asked for."""

    entry: int
    day: date


async def read_back(session: Session, documents: Sequence[RemoteDocument]) -> tuple[RemoteState, ...]:
    """Documents by id; what is no longer there is deleted."""
    home = await local_currency(session)
    ids: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        ids[document.kind].append(document.remote_id)
    states: dict[tuple[str, str], RemoteState] = {}
    for kind in (*_MOVING, "JournalEntries"):
        if ids[kind]:
            for state in await _states(session, kind, ids[kind], home):
                states[kind, state.document.remote_id] = state
    return tuple(
        states.get((document.kind, document.remote_id))
        or RemoteState(
            document=document, state="deleted" if document.kind in (*_MOVING, "JournalEntries") else "present"
        )
        for document in documents
    )


async def _states(session: Session, kind: str, ids: Sequence[str], home: str) -> list[RemoteState]:
    key = "JdtNum" if kind == "JournalEntries" else "DocEntry"
    records = await any_of(session, kind, shape_of(kind), key, ids)
    return await _with_entries(session, kind, records, home)


async def _with_entries(session: Session, kind: str, records: Sequence[Record], home: str) -> list[RemoteState]:
    """The records with the journal entries behind them."""
    if kind == "JournalEntries":
        return await _manual(session, [record for record in records if isinstance(record, Journal)], home)
    if kind in MARKETING:
        wanted = [str(record.trans_num) for record in records if isinstance(record, Document) and record.trans_num]
        by_number = {
            entry.jdt_num: entry for entry in await any_of(session, "JournalEntries", Journal, "JdtNum", wanted)
        }
        return [
            state_of(kind, record, by_number.get(record.trans_num or 0), home)
            for record in records
            if isinstance(record, Document)
        ]
    paid = [record for record in records if isinstance(record, Payment)]
    entries = await any_of(
        session, "JournalEntries", Journal, f"OriginalJournal eq {quoted(ORIGINS[kind])} and Original",
        (str(record.doc_entry) for record in paid),
    )  # fmt: skip
    first: dict[int, Journal] = {}
    for entry in sorted(entries, key=lambda each: each.jdt_num):
        first.setdefault(entry.original or 0, entry)
    return [state_of(kind, record, first.get(record.doc_entry), home) for record in paid]


async def _manual(session: Session, entries: Sequence[Journal], home: str) -> list[RemoteState]:
    """Manual entries: of those that bear one reference the first is ours, and a later one may take it back."""
    references = [entry.reference3 for entry in entries if entry.reference3]
    bearing: Mapping[str, list[Journal]] = defaultdict(list)
    for entry in await any_of(session, "JournalEntries", Journal, "Reference3", (quoted(r) for r in references)):
        bearing[entry.reference3 or ""].append(entry)
    states = []
    for entry in entries:
        same = bearing.get(entry.reference3 or "", [])
        takes_back = any(reversal_in(earlier, (entry,), home) for earlier in same)
        reversed_ = bool(entry.reference3) and reversal_in(entry, same, home)
        states.append(state_of("JournalEntries", entry, entry, home, reversed_=reversed_, ours=not takes_back))
    return states


# --- what changed -----------------------------------------------------------------------------------------------------


async def changed(session: Session, cursor: str | None) -> ChangedPage:
    """Everything that changed since the cursor, ours and others'."""
    today, home = session.now().date(), await local_currency(session)
    since = _read(cursor)
    entries, last = await _new_entries(session, since, today)
    day = (since.day if since is not None else today - _FIRST).isoformat()
    wanted: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry.original_journal in KIND_OF and entry.original:
            wanted[KIND_OF[entry.original_journal]].add(entry.original)
    states: list[RemoteState] = []
    for kind in MARKETING:
        where = f"UpdateDate ge {quoted(day)}{_or_ours('Comments') if since is None else ''}"
        touched = await rows(session, kind, Document, {"$filter": where})
        known: dict[int, Document] = {record.doc_entry: record for record in touched}
        missing = [str(number) for number in sorted(wanted[kind] - known.keys())]
        known |= {record.doc_entry: record for record in await any_of(session, kind, Document, "DocEntry", missing)}
        states += await _with_entries(session, kind, list(known.values()), home)
    for kind in PAYMENTS:
        if since is None:
            paid = await rows(session, kind, Payment, {"$filter": f"startswith(Remarks, {quoted(MARK)})"})
            wanted[kind] |= {record.doc_entry for record in paid}
        if wanted[kind]:
            states += await _states(session, kind, [str(number) for number in sorted(wanted[kind])], home)
    states += await _others(session, entries, home)
    left = Cursor(entry=max(0, last - _OVERLAP), day=today - timedelta(days=1))
    return ChangedPage(states=tuple(states), cursor=msgspec.json.encode(left).decode())


def _read(cursor: str | None) -> Cursor | None:
    if not cursor:
        return None
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError:
        raise Refused("sap-b1-cursor", f"{cursor!r} is not a cursor of SAP Business One's changes") from None


def _or_ours(field: str) -> str:
    return f" or startswith({field}, {quoted(MARK)})"


async def _new_entries(session: Session, since: Cursor | None, today: date) -> tuple[list[Journal], int]:
    """Journal entries after the last one seen; the first time those of the last three months, and all that are ours."""
    newest = await rows(session, "JournalEntries", Journal, {"$orderby": "JdtNum desc", "$top": "1"})
    last = newest[0].jdt_num if newest else 0
    first = f"ReferenceDate ge {quoted((today - _FIRST).isoformat())}{_or_ours('Memo')}"
    what = f"JdtNum gt {since.entry}" if since is not None else first
    return await rows(session, "JournalEntries", Journal, {"$filter": what, "$orderby": "JdtNum"}), last


async def _others(session: Session, entries: Iterable[Journal], home: str) -> list[RemoteState]:
    """Manual entries, ours and others'; and entries of documents that Leja never makes, which are others'."""
    every = [entry for entry in entries if entry.original_journal not in KIND_OF]
    manual = [entry for entry in every if entry.original_journal == MANUAL]
    states = await _manual(session, manual, home)
    # The first entry with a reference may be older than what is new: its reversal says that it is gone.
    taken_back = {state.document.remote_id for state in states if not state.document.reference}
    again = {entry.reference3 for entry in manual if str(entry.jdt_num) in taken_back and reference_of(entry)}
    if again:
        earlier = await any_of(
            session, "JournalEntries", Journal, "Reference3", (quoted(str(r)) for r in sorted(map(str, again)))
        )
        known = {state.document.remote_id for state in states}
        states += await _manual(session, [entry for entry in earlier if str(entry.jdt_num) not in known], home)
    return states + [
        state_of("JournalEntries", entry, entry, home, ours=False)
        for entry in every
        if entry.original_journal != MANUAL
    ]


# --- what is dated in a window ----------------------------------------------------------------------------------------


async def dated(session: Session, since: date, until: date) -> tuple[RemoteState, ...]:
    """All documents dated from ``since`` to ``until``, ours and others', found by their journal entries."""
    home = await local_currency(session)
    where = f"ReferenceDate ge {quoted(since.isoformat())} and ReferenceDate le {quoted(until.isoformat())}"
    entries = await rows(session, "JournalEntries", Journal, {"$filter": where, "$orderby": "JdtNum"})
    states: list[RemoteState] = []
    for kind in (*MARKETING, *PAYMENTS):
        wanted = sorted({entry.original for entry in entries if KIND_OF.get(entry.original_journal or "") == kind and entry.original})
        if wanted:
            states += await _states(session, kind, [str(number) for number in wanted], home)
    states += await _others(session, entries, home)
    return tuple(state for state in states if state.document.date is not None and since <= state.document.date <= until)


# --- balances ---------------------------------------------------------------------------------------------------------


async def balances(session: Session, since: date, until: date) -> tuple[RemoteBalance, ...]:
    """The movement of each account on each day from ``since`` to ``until``, of the whole general ledger.

    In the currency of the entry; what an entry moves in local currency alone (a currency difference) in that.
    """
    home = await local_currency(session)
    where = f"ReferenceDate ge {quoted(since.isoformat())} and ReferenceDate le {quoted(until.isoformat())}"
    sums: dict[tuple[str, date, str], int] = defaultdict(int)
    for entry in await rows(session, "JournalEntries", Journal, {"$filter": where, "$orderby": "JdtNum"}):
        day = date.fromisoformat((entry.reference_date or "")[:10])
        if not since <= day <= until:
            continue
        for account, minor, currency in _moves(entry, home):
            sums[account, day, currency] += minor
    return tuple(
        RemoteBalance(account=account, day=day, amount=Money(minor, currency))
        for (account, day, currency), minor in sorted(sums.items())
        if minor
    )


def _moves(entry: Journal, home: str) -> Iterable[tuple[str, int, str]]:
    if any(line.fc_currency not in (None, "", home) for line in entry.journal_entry_lines):
        state = state_of("JournalEntries", entry, entry, home)
        for line in state.lines:
            yield line.account, line.amount.minor, line.amount.currency
        return
    for account, minor in in_home(entry, home):
        yield account, minor, home
