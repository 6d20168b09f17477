"""Asking what happened: by external id, which NetSuite keeps unique, and believed only if amount and day agree.

A look-up by external id reads the record itself and no search index. The lag allows for a call that was given up and still went on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from leja.connectors.contract import Absent, Ambiguous, Anchor, Draft, Finding, Found, RemoteDocument, Session
from leja.connectors.netsuite_soap.api import get_list, unreadable
from leja.connectors.netsuite_soap.delivering import as_drafted, disagreement
from leja.connectors.netsuite_soap.nodes import Node, Unreadable
from leja.connectors.netsuite_soap.plan import RECORDS
from leja.connectors.netsuite_soap.wire import TRANSACTIONS, transaction_in

_LAG: Final = 5
ANCHORS: Final[Mapping[str, Anchor]] = {
    kind: Anchor(field="externalId", unique=True, length=255, look_up="getList by externalId", look_up_lag=_LAG)
    for kind in (*TRANSACTIONS.values(), *sorted(RECORDS))
}


async def find(session: Session, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    """What stands there of each draft; all are asked for together."""
    rows = await get_list(session, [(draft.kind, "", draft.reference) for draft in drafts])
    return tuple([_finding(draft, row) for draft, row in zip(drafts, rows, strict=True)])


def _finding(draft: Draft, row: Node | None) -> Finding:
    if row is None:
        return Absent()
    if draft.kind in RECORDS:
        return _record(draft, row)
    try:
        record = transaction_in(row)
        document = as_drafted(record, draft)
    except Unreadable as problem:
        raise unreadable(problem) from None
    why = disagreement(draft, document, record)
    if why:
        return Ambiguous(why=f"{draft.kind} {document.remote_id}: {why}", documents=(document,))
    return Found(document=document)


def _record(draft: Draft, row: Node) -> Finding:
    document = RemoteDocument(
        kind=draft.kind, remote_id=row.attributes.get("internalId", ""), reference=row.attributes.get("externalId", "")
    )
    if row.flag("isInactive"):
        return Ambiguous(why=f"{draft.kind} {document.remote_id} is inactive", documents=(document,))
    if document.reference != draft.reference or not document.remote_id:
        return Ambiguous(why=f"it bears {document.reference!r}", documents=(document,))
    return Found(document=document)
