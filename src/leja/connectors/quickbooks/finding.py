"""Asking what happened: searched by anchor, and believed only if reference, amount, date and our mark agree.

QuickBooks cannot filter payments by their reference number, so the payments of the day are read and compared here. A
filter that was ignored brings rows that do not bear the reference; they are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from leja.connectors.contract import Absent, Ambiguous, Anchor, Draft, Finding, Found, Session
from leja.connectors.quickbooks.api import quoted, select_all
from leja.connectors.quickbooks.delivering import disagreement
from leja.connectors.quickbooks.documents import marked, remote_document
from leja.connectors.quickbooks.wire import Record

# A batch is remembered whole, under one requestid; cut differently when it is sent again, its parts would be new to
# QuickBooks and be made twice. So an unclear outcome is always asked after, never sent again by its key.
_REMEMBERED: Final = 0
_NUMBERED: Final = Anchor(
    field="DocNumber", unique=False, length=21, look_up="query where DocNumber =", look_up_lag=5,
    key_remembered=_REMEMBERED,
)


def _named(field: str, length: int) -> Anchor:
    return Anchor(
        field=field, unique=True, length=length, look_up=f"query where {field} =", look_up_lag=5,
        key_remembered=_REMEMBERED,
    )


ANCHORS: Final[Mapping[str, Anchor]] = {
    **dict.fromkeys(("SalesReceipt", "RefundReceipt", "Invoice", "CreditMemo", "JournalEntry"), _NUMBERED),
    "Payment": Anchor(
        field="PaymentRefNum", unique=False, length=21, look_up="query where TxnDate =, compared here", look_up_lag=5,
        key_remembered=_REMEMBERED,
    ),
    "Customer": _named("DisplayName", 100),
    "Vendor": _named("DisplayName", 100),
    "Item": _named("Name", 100),
}


async def find(session: Session, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    """What stands there of each draft."""
    return tuple([await _find(session, draft) for draft in drafts])


async def _find(session: Session, draft: Draft) -> Finding:
    records = await select_all(session, draft.kind, Record, _where(draft))
    bearing = []
    for record in records:
        document = remote_document(draft.kind, record, draft.total.currency)
        if document.reference == draft.reference:
            bearing.append((record, document))
    if not bearing:
        return Absent()
    documents = tuple(document for _, document in bearing)
    if len(bearing) > 1:
        return Ambiguous(why=f"{len(bearing)} documents bear {draft.reference}", documents=documents)
    record, document = bearing[0]
    why = disagreement(draft, document)
    if draft.kind in ("Customer", "Vendor", "Item"):
        why = why or ("" if record.active else "it is inactive")
        if draft.kind == "Item" and record.type not in ("NonInventory", "Service"):
            why = why or f"it is of type {record.type}"
    elif marked(record) != draft.reference:
        why = why or "it does not bear our mark"
    if why:
        return Ambiguous(why=f"{draft.kind} {document.remote_id}: {why}", documents=documents)
    return Found(document=document)


def _where(draft: Draft) -> str:
    if draft.kind == "Payment":
        return f"TxnDate = {quoted(draft.date.isoformat())}"
    field = ANCHORS[draft.kind].field
    both = " and Active in (true, false)" if draft.kind in ("Customer", "Vendor", "Item") else ""
    return f"{field} = {quoted(draft.reference)}{both}"
