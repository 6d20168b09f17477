"""Asking what happened: searched by reference, and believed only if reference, amount, date and our mark agree.

A reversing entry and a cancellation document copy the reference of what they take back: of journal entries the first one
counts, and cancellation documents say what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from leja.connectors.contract import Absent, Ambiguous, Anchor, Draft, Finding, Found, Session
from leja.connectors.sap_b1.api import entity, local_currency, quoted, rows
from leja.connectors.sap_b1.delivering import disagreement, shape_of
from leja.connectors.sap_b1.documents import Record, reference_of, remote_document, reversal_in
from leja.connectors.sap_b1.wire import Document, Journal, Partner, Payment

# Writes are in the database when they are answered; the lag allows for one that was given up and still went on.
_LAG: Final = 5


def _searched(field: str, length: int) -> Anchor:
    return Anchor(field=field, unique=True, length=length, look_up=f"$filter={field} eq", look_up_lag=_LAG)


ANCHORS: Final[Mapping[str, Anchor]] = {
    **dict.fromkeys(("Orders", "Invoices", "CreditNotes"), _searched("NumAtCard", 100)),
    **dict.fromkeys(("IncomingPayments", "VendorPayments"), _searched("TransferReference", 27)),
    "JournalEntries": _searched("Reference3", 27),
    "BusinessPartners": Anchor(field="CardCode", unique=True, length=15, look_up="by its key", look_up_lag=_LAG),
}


async def find(session: Session, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    """What stands there of each draft."""
    home = await local_currency(session) if any(draft.kind != "BusinessPartners" for draft in drafts) else ""
    return tuple([await _find(session, draft, home) for draft in drafts])


async def _find(session: Session, draft: Draft, home: str) -> Finding:
    if draft.kind == "BusinessPartners":
        partner = await entity(session, f"BusinessPartners({quoted(draft.reference)})", Partner)
        return Absent() if partner is None else _partner(draft, partner)
    query = {"$filter": f"{ANCHORS[draft.kind].field} eq {quoted(draft.reference)}"}
    there = await rows(session, draft.kind, shape_of(draft.kind), query)
    bearing = [record for record in there if reference_of(record) == draft.reference]
    if draft.kind == "JournalEntries":
        bearing = _first(bearing, home)
    else:
        bearing = [record for record in bearing if not _cancelled(record)]
    if not bearing:
        return Absent()
    documents = tuple(remote_document(draft.kind, record, home) for record in bearing)
    if len(bearing) > 1:
        return Ambiguous(why=f"{len(bearing)} documents bear {draft.reference}", documents=documents)
    why = disagreement(draft, documents[0])
    if why:
        return Ambiguous(why=f"{draft.kind} {documents[0].remote_id}: {why}", documents=documents)
    return Found(document=documents[0])


def _partner(draft: Draft, partner: Partner) -> Finding:
    document = remote_document(draft.kind, partner, "")
    if partner.frozen == "tYES" or partner.valid == "tNO":
        return Ambiguous(why=f"business partner {partner.card_code} is inactive", documents=(document,))
    return Found(document=document)


def _cancelled(record: Record) -> bool:
    return isinstance(record, Document | Payment) and record.cancelled == "tYES"


def _first(bearing: Sequence[Record], home: str) -> list[Record]:
    """Entries that stand: those that a later one takes back are gone, and so is what takes them back."""
    entries = sorted((each for each in bearing if isinstance(each, Journal)), key=lambda each: each.jdt_num)
    left: list[Record] = []
    for entry in entries:
        taken_back = any(isinstance(each, Journal) and reversal_in(each, (entry,), home) for each in entries)
        if not taken_back and not reversal_in(entry, entries, home):
            left.append(entry)
    return left
