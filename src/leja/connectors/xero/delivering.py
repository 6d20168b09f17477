"""Telling Xero: one outcome per draft, in order. Documents with a unique number go out in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import msgspec
from msgspec.structs import replace

from leja.connectors.contract import Accepted, Draft, Later, Outcome, Rejected, RemoteDocument, Session, Unknown
from leja.connectors.outcomes import differences, without_answer
from leja.connectors.xero.api import headers, observe
from leja.connectors.xero.documents import COLLECTION_OF, currency_of, remote_document
from leja.connectors.xero.faults import errors_of, outcome_of_status, refusal
from leja.connectors.xero.wire import Record
from leja.core.errors import NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Answer

_BATCH: Final = 50
_DEADLINE: Final = 60.0
# Only where Xero itself keeps the number unique may a batch be cut differently when it is sent again.
TOGETHER: Final = frozenset({"Invoice", "CreditNote", "Contact"})


async def deliver(session: Session, drafts: Sequence[Draft]) -> tuple[Outcome, ...]:
    """One outcome per draft, in order; never raises for one draft."""
    outcomes: list[Outcome] = []
    for kind, group in groupby(drafts, key=lambda draft: draft.kind):
        alike = list(group)
        size = _BATCH if kind in TOGETHER else 1
        for start in range(0, len(alike), size):
            outcomes += await _together(session, alike[start : start + size])
    return tuple(outcomes)


def idempotency_key(drafts: Sequence[Draft]) -> str | None:
    """The key of one draft, or one for a batch; none where a draft has none."""
    keys = [draft.key for draft in drafts]
    if not all(keys):
        return None
    if len(keys) == 1 and len(keys[0]) <= 128:
        return keys[0]
    return hashlib.sha256(" ".join(keys).encode()).hexdigest()


async def _together(session: Session, drafts: Sequence[Draft]) -> list[Outcome]:
    collection = COLLECTION_OF[drafts[0].kind]
    body = drafts[0].body if len(drafts) == 1 else _merged(collection, drafts)
    answer = await _sent(session, drafts, body)
    if not isinstance(answer, Answer):
        return [answer] * len(drafts)
    refused = outcome_of_status(answer.status, answer.body, session.now())
    if refused is not None:
        if len(drafts) == 1 or not isinstance(refused, Rejected):
            return [refused] * len(drafts)
        # One bad element failed the whole call, so nothing was made: each is told alone and answered for itself.
        return [(await _together(session, [draft]))[0] for draft in drafts]
    elements = _elements(collection, answer.body)
    if len(elements) != len(drafts):
        return [Unknown(why=f"the answer speaks of {len(elements)} documents instead of {len(drafts)}")] * len(drafts)
    return [_outcome(draft, collection, element) for draft, element in zip(drafts, elements, strict=True)]


def _merged(collection: str, drafts: Sequence[Draft]) -> bytes:
    elements = [msgspec.json.decode(draft.body, type=dict[str, list[msgspec.Raw]])[collection][0] for draft in drafts]
    return msgspec.json.encode({collection: elements})


async def _sent(session: Session, drafts: Sequence[Draft], body: bytes) -> Answer | Later | Unknown | Rejected:
    first = drafts[0]
    try:
        answer = await session.http.send(
            first.method, first.path, headers=headers(session), query=first.query, content=body, write=True,
            deadline_seconds=_DEADLINE, idempotency_key=idempotency_key(drafts),
        )
    except (Transient, OutcomeUnknown, NeedsConsent, Refused) as error:
        return without_answer(error, session.now())
    observe(session, answer)
    return answer


def _elements(collection: str, body: bytes) -> list[Record]:
    try:
        raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get(collection, msgspec.Raw(b"[]"))
        return msgspec.json.decode(raw, type=list[Record])
    except msgspec.DecodeError:
        return []


def _outcome(draft: Draft, collection: str, element: Record) -> Outcome:
    said = errors_of(element)
    if said:
        return refusal(said)
    document = remote_document(collection, element, currency_of(element, draft.total.currency))
    if not document.remote_id:
        return Unknown(why="the answer does not hold the record that was to be made")
    different = disagreement(draft, document)
    return Unknown(why=f"the answer holds another record: {different}") if different else Accepted(document=document)


def disagreement(draft: Draft, document: RemoteDocument) -> str:
    """In what a remote document is not the drafted one: kind, mark, amount or date; empty if in nothing."""
    if draft.kind == "Contact":
        document = replace(document, total=None, date=None)
    said = [] if document.kind == draft.kind else [f"kind {document.kind} instead of {draft.kind}"]
    return ", ".join([*said, *differences(draft, document)])
