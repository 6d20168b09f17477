"""Asking what happened: searched by anchor, and believed only if number, amount, date and our mark agree.

A filter that Xero ignores brings rows that do not bear the reference; they are dropped, whatever page they are on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from leja.connectors.contract import Absent, Ambiguous, Anchor, Draft, Finding, Found, RemoteDocument, Session
from leja.connectors.xero.api import rows
from leja.connectors.xero.delivering import disagreement
from leja.connectors.xero.documents import COLLECTION_OF, marked, remote_document
from leja.connectors.xero.wire import Record

_KEY_SECONDS: Final = 300
_REFERENCE: Final = Anchor(
    field="Reference", unique=False, length=255, look_up="where Reference ==", look_up_lag=5,
    key_remembered=_KEY_SECONDS,
)


def _numbered(field: str, look_up: str, length: int) -> Anchor:
    return Anchor(
        field=field, unique=True, length=length, look_up=look_up, look_up_lag=5, key_remembered=_KEY_SECONDS
    )


ANCHORS: Final[Mapping[str, Anchor]] = {
    "Invoice": _numbered("InvoiceNumber", "InvoiceNumbers=", 255),
    "CreditNote": _numbered("CreditNoteNumber", "where CreditNoteNumber ==", 255),
    "Contact": _numbered("ContactNumber", "where ContactNumber ==", 50),
    **dict.fromkeys(("Payment", "RefundPayment", "Receive", "Spend", "Overpayment", "BankTransfer"), _REFERENCE),
    "ManualJournal": Anchor(
        field="Narration", unique=False, length=4000, look_up="where Date ==, compared here", look_up_lag=5,
        key_remembered=_KEY_SECONDS,
    ),
}


async def find(session: Session, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    """What stands there of each draft."""
    return tuple([await _find(session, draft) for draft in drafts])


async def _find(session: Session, draft: Draft) -> Finding:
    collection = COLLECTION_OF[draft.kind]
    records = await rows(session, collection, Record, _filter(draft))
    bearing = [record for record in records if draft.reference in _names(draft, record)]
    if draft.kind not in ("Invoice", "CreditNote"):
        # A deleted payment or journal gives its reference free; the number of a voided invoice stays taken.
        bearing = [record for record in bearing if (record.status or "") not in ("DELETED", "VOIDED")]
    if not bearing:
        return Absent()
    documents = tuple(remote_document(collection, record, draft.total.currency) for record in bearing)
    if len(bearing) > 1:
        return Ambiguous(why=f"{len(bearing)} documents bear {draft.reference}", documents=documents)
    why = _unlike(draft, bearing[0], documents[0])
    if why:
        return Ambiguous(why=f"{draft.kind} {documents[0].remote_id}: {why}", documents=documents)
    return Found(document=documents[0])


def _names(draft: Draft, record: Record) -> tuple[str, ...]:
    if draft.kind == "Contact":
        return (record.contact_number or "",)
    number = {"Invoice": record.invoice_number, "CreditNote": record.credit_note_number}.get(draft.kind)
    return (number or "", marked(record))


def _unlike(draft: Draft, record: Record, document: RemoteDocument) -> str:
    why = disagreement(draft, document)
    status = record.status or ""
    if status in ("VOIDED", "DELETED", "DRAFT", "SUBMITTED"):
        return f"it is {status.lower()}" + (f", {why}" if why else "")
    if draft.kind == "Contact" and record.contact_status == "ARCHIVED":
        return "it is archived"
    return why


def _filter(draft: Draft) -> dict[str, str]:
    mark = f"leja:{draft.reference}"
    if draft.kind == "Invoice":
        return {"InvoiceNumbers": draft.reference}
    if draft.kind == "CreditNote":
        return {"where": f'CreditNoteNumber=="{draft.reference}"'}
    if draft.kind == "Contact":
        return {"where": f'ContactNumber=="{draft.reference}"', "includeArchived": "true"}
    if draft.kind == "ManualJournal":
        return {"where": f"Date==DateTime({draft.date.year},{draft.date.month},{draft.date.day})"}
    return {"where": f'Reference=="{mark}"'}
