"""Telling NetSuite: records by upsertList, documents by addList, many in one call, each with an outcome of its own.

The answer to a write names the record and nothing else, so what was made is read back at once, in one call for all, and
believed only if amount and day are those of the draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from leja.connectors.contract import Accepted, Draft, Later, Outcome, Rejected, RemoteDocument, Session, Unknown
from leja.connectors.netsuite_soap.api import get_list, sent
from leja.connectors.netsuite_soap.documents import Places, remote_document
from leja.connectors.netsuite_soap.faults import BUSY_SECONDS, Fault, outcome_of_fault, outcome_of_status, read_answer
from leja.connectors.netsuite_soap.nodes import Node, Unreadable
from leja.connectors.netsuite_soap.plan import RECORDS
from leja.connectors.netsuite_soap.wire import Transaction, Written, status_of, transaction_in, written_in
from leja.connectors.outcomes import differences, without_answer
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Answer

_DEADLINE: Final = 110.0


async def deliver(session: Session, drafts: Sequence[Draft]) -> tuple[Outcome, ...]:
    """One outcome per draft, in order; never raises for one draft."""
    outcomes: list[Outcome] = []
    for path, group in groupby(drafts, key=lambda draft: draft.path):
        part = list(group)
        outcomes += await _written(session, path.strip("/"), part)
    return tuple(await _read_back(session, drafts, outcomes))


async def _written(session: Session, operation: str, drafts: Sequence[Draft]) -> list[Outcome]:
    answer = await _sent(session, operation, "".join(draft.body.decode() for draft in drafts))
    if not isinstance(answer, Answer):
        return [answer] * len(drafts)
    try:
        response = read_answer(answer)
        if isinstance(response, Fault):
            return [outcome_of_fault(response, session.now())] * len(drafts)
        return _parts(session, operation, response, drafts)
    except Unreadable as problem:
        return [Unknown(why=f"the answer cannot be read: {problem}")] * len(drafts)


async def _sent(session: Session, operation: str, records: str) -> Answer | Later | Unknown | Rejected:
    try:
        return await sent(session, operation, records, write=True, seconds=_DEADLINE)
    except (Transient, OutcomeUnknown, NeedsConsent, Refused) as error:
        return without_answer(error, session.now(), busy_seconds=BUSY_SECONDS)


def _parts(session: Session, operation: str, response: Node, drafts: Sequence[Draft]) -> list[Outcome]:
    """The outcome of each record: the list as a whole succeeds although records in it are refused."""
    listed = response.child("writeResponseList")
    if response.name != f"{operation}Response" or listed is None:
        raise Unreadable(f"{response.name} where {operation}Response was expected")
    parts = [written_in(each) for each in listed.all("writeResponse")]
    if not parts and listed.child("status") is not None and not (whole := status_of(listed)).ok:
        return [outcome_of_status(whole, session.now())] * len(drafts)
    if len(parts) != len(drafts):
        return [Unknown(why=f"the answer speaks of {len(parts)} records instead of {len(drafts)}")] * len(drafts)
    return [_part(session, draft, part) for draft, part in zip(drafts, parts, strict=True)]


def _part(session: Session, draft: Draft, part: Written) -> Outcome:
    if not part.status.ok:
        return outcome_of_status(part.status, session.now())
    if part.external_id not in ("", draft.reference) or not part.internal_id:
        return Unknown(why=f"the answer names {part.external_id or 'no record'} instead of {draft.reference}")
    return Accepted(document=RemoteDocument(kind=draft.kind, remote_id=part.internal_id, reference=draft.reference))


async def _read_back(session: Session, drafts: Sequence[Draft], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, of documents made with what stands there; unclear where that is another, or cannot be read."""
    judged = list(outcomes)
    made = [
        (at, draft, said.document)
        for at, (draft, said) in enumerate(zip(drafts, outcomes, strict=True))
        if isinstance(said, Accepted) and draft.kind not in RECORDS
    ]
    if not made:
        return judged
    try:
        rows = await get_list(session, [(draft.kind, document.remote_id, "") for _, draft, document in made])
    except LejaError as error:
        for at, _, document in made:
            judged[at] = Unknown(why=f"it was made as {document.remote_id} but cannot be read: {error.message}")
        return judged
    for (at, draft, document), row in zip(made, rows, strict=True):
        judged[at] = _made(draft, document, row)
    return judged


def _made(draft: Draft, document: RemoteDocument, row: Node | None) -> Outcome:
    if row is None:
        return Unknown(why=f"it was made as {document.remote_id}, which is not there")
    try:
        record = transaction_in(row)
        there = as_drafted(record, draft)
        different = disagreement(draft, there, record)
    except (Unreadable, Refused) as problem:
        return Unknown(why=f"it was made as {document.remote_id}, which cannot be read: {problem}")
    return Unknown(why=f"NetSuite made another document: {different}") if different else Accepted(document=there)


def as_drafted(record: Transaction, draft: Draft) -> RemoteDocument:
    """The document as it stands there, its amounts taken in the currency of the draft."""
    currencies = {record.currency: draft.total.currency}
    return remote_document(record, Places(currencies=currencies, home=draft.total.currency))


def disagreement(draft: Draft, document: RemoteDocument, record: Transaction | None = None) -> str:
    """In what a remote document is not the drafted one: reference, amount or date; empty if in nothing."""
    said = differences(draft, document)
    if record is not None and record.voided:
        said.append("it was voided")
    if record is not None and not record.posts:
        said.append("it awaits approval")
    return ", ".join(said)
