"""Asking what happened: only what counts is found, and believed only if amount, date and our mark agree.

A draft that was left behind is not found: it moves nothing, and sending again posts it instead of making another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from leja.connectors.business_central.standing import Standing, standing
from leja.connectors.contract import Absent, Ambiguous, Anchor, Draft, Finding, Found, RemoteDocument, Session
from leja.connectors.outcomes import differences

_EXTERNAL: Final = Anchor(
    field="externalDocumentNumber", unique=False, length=35, look_up="externalDocumentNumber eq, drafts and posted"
)
_DOCUMENT: Final = Anchor(
    field="documentNumber", unique=True, length=20, look_up="generalLedgerEntries documentNumber eq; code of the batch"
)
ANCHORS: Final[Mapping[str, Anchor]] = {
    "Customer": Anchor(field="displayName", unique=False, length=50, look_up="contains(displayName)"),
    "SalesInvoice": _EXTERNAL,
    "SalesCreditMemo": _EXTERNAL,
    "CustomerPayment": _DOCUMENT,
    "Journal": _DOCUMENT,
}


async def find(session: Session, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    """What stands there of each draft."""
    there = await standing(session, drafts)
    return tuple(judged(draft, one) for draft, one in zip(drafts, there, strict=True))


def judged(draft: Draft, there: Standing) -> Finding:
    """The finding of one draft."""
    if not there.counting:
        return Absent()
    documents = tuple(document for document, _why in there.counting)
    if len(documents) > 1:
        return Ambiguous(why=f"{len(documents)} documents bear {draft.reference}", documents=documents)
    document, why = there.counting[0]
    why = ", ".join(filter(None, (why, disagreement(draft, document))))
    return Ambiguous(why=f"{draft.kind} {document.remote_id}: {why}", documents=documents) if why else Found(document=document)


def disagreement(draft: Draft, document: RemoteDocument) -> str:
    """In what a remote document is not the drafted one: mark, amount or date; empty if in nothing."""
    return ", ".join(differences(draft, document))
