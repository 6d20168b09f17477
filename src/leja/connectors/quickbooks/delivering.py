"""Telling QuickBooks: one outcome per draft, in order. More than one draft goes out as one batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from leja.connectors.contract import Accepted, Draft, Later, Outcome, Rejected, RemoteDocument, Session, Unknown
from leja.connectors.outcomes import differences, without_answer
from leja.connectors.quickbooks.api import JSON_HEADERS, path, record_in
from leja.connectors.quickbooks.documents import remote_document
from leja.connectors.quickbooks.faults import THROTTLED_SECONDS, fault_in, outcome_of
from leja.core.errors import NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Answer

_BATCH: Final = 30
_DEADLINE: Final = 110.0


async def deliver(session: Session, drafts: Sequence[Draft]) -> tuple[Outcome, ...]:
    """One outcome per draft, in order; never raises for one draft."""
    if len(drafts) == 1:
        return (await _single(session, drafts[0]),)
    outcomes: list[Outcome] = []
    for start in range(0, len(drafts), _BATCH):
        outcomes += await _batch(session, drafts[start : start + _BATCH])
    return tuple(outcomes)


def request_id(key: str, length: int) -> str:
    """The idempotency key as QuickBooks takes it: as it is where it fits, else its digest."""
    return key if len(key) <= length else hashlib.sha256(key.encode()).hexdigest()[:32]


async def _single(session: Session, draft: Draft) -> Outcome:
    query = dict(draft.query)
    if draft.key:
        query["requestid"] = request_id(draft.key, 50)
    answer = await _sent(session, draft.path, query, draft.body, batch=False)
    if not isinstance(answer, Answer):
        return answer
    fault = fault_in(answer.body)
    if fault is not None:
        return outcome_of(fault, session.now())
    if answer.status >= 400:
        return Rejected(code="quickbooks-validation", words=f"HTTP {answer.status} without a fault")
    return _created(draft, answer.body)


def _created(draft: Draft, body: bytes) -> Outcome:
    """Accepted only if the answer holds the record that was sent: a replayed key may bring another."""
    record = record_in(body, draft.kind)
    if record is None or not str(record.id):
        return Unknown(why="the answer does not hold the record that was to be made")
    document = remote_document(draft.kind, record, draft.total.currency)
    different = disagreement(draft, document)
    return Unknown(why=f"the answer holds another record: {different}") if different else Accepted(document=document)


def disagreement(draft: Draft, document: RemoteDocument) -> str:
    """In what a remote document is not the drafted one: reference, amount or date; empty if in nothing."""
    if draft.kind in ("Customer", "Vendor", "Item"):
        return "" if document.reference == draft.reference else f"it is named {document.reference!r}"
    return ", ".join(differences(draft, document))


async def _sent(
    session: Session, rest: str, query: dict[str, str], body: bytes, *, batch: bool
) -> Answer | Later | Unknown | Rejected:
    try:
        return await session.http.send(
            "POST", path(session, rest), headers=JSON_HEADERS, query=query, content=body, write=True,
            deadline_seconds=_DEADLINE, batch=batch,
        )
    except (Transient, OutcomeUnknown, NeedsConsent, Refused) as error:
        return without_answer(error, session.now(), busy_seconds=THROTTLED_SECONDS)


async def _batch(session: Session, drafts: Sequence[Draft]) -> list[Outcome]:
    items: list[dict[str, Any]] = [
        {"bId": str(number), "operation": "create", draft.kind: msgspec.Raw(draft.body)}
        for number, draft in enumerate(drafts)
    ]
    query = {"minorversion": "75"}
    if all(draft.key for draft in drafts):
        query["requestid"] = request_id(" ".join(draft.key for draft in drafts), 36)
    body = msgspec.json.encode({"BatchItemRequest": items})
    answer = await _sent(session, "/batch", query, body, batch=True)
    if not isinstance(answer, Answer):
        return [answer] * len(drafts)
    fault = fault_in(answer.body)
    if fault is not None:
        return [outcome_of(fault, session.now())] * len(drafts)
    if answer.status >= 400:
        return [Rejected(code="quickbooks-validation", words=f"HTTP {answer.status} without a fault")] * len(drafts)
    parts = _parts(answer.body)
    return [_part(session, draft, parts.get(str(number))) for number, draft in enumerate(drafts)]


class _BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    b_id: str = msgspec.field(default="", name="bId")


def _parts(body: bytes) -> dict[str, bytes]:
    try:
        envelope = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        raw = msgspec.json.decode(envelope.get("BatchItemResponse", msgspec.Raw(b"[]")), type=list[msgspec.Raw])
        return {msgspec.json.decode(item, type=_BatchItem).b_id: bytes(item) for item in raw}
    except msgspec.DecodeError:
        return {}


def _part(session: Session, draft: Draft, body: bytes | None) -> Outcome:
    if body is None:
        return Unknown(why="the batch's answer does not speak of this document")
    fault = fault_in(body)
    return outcome_of(fault, session.now()) if fault is not None else _created(draft, body)
