"""Telling SAP Business One: the row of the key table and the document in one change set, so that both happen or neither.

The second time a reference is sent, its row is there already: the system itself refuses, and what stands there is asked
for. Partners need no row, for their code is their key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from leja.connectors.contract import Accepted, Draft, Later, Outcome, Rejected, RemoteDocument, Session, Unknown
from leja.connectors.outcomes import differences, without_answer
from leja.connectors.sap_b1.api import JSON_HEADERS, ROOT, local_currency
from leja.connectors.sap_b1.batch import Request, answers, change_set
from leja.connectors.sap_b1.documents import PAYMENTS, Record, remote_document
from leja.connectors.sap_b1.faults import outcome_of
from leja.connectors.sap_b1.wire import Document, Journal, Partner, Payment
from leja.core.errors import NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Answer

_DEADLINE: Final = 110.0
_AT_LEAST: Final = 5
_FOREIGN: Final = (b'"DocRate":', b'"FCCurrency":')


def shape_of(kind: str) -> type[Record]:
    """The shape of a kind's answers."""
    if kind == "BusinessPartners":
        return Partner
    if kind == "JournalEntries":
        return Journal
    return Payment if kind in PAYMENTS else Document


async def deliver(session: Session, drafts: Sequence[Draft]) -> tuple[Outcome, ...]:
    """One outcome per draft, in order; never raises for one draft."""
    return tuple([await _deliver(session, draft) for draft in drafts])


async def _deliver(session: Session, draft: Draft) -> Outcome:
    table = session.settings.key_table
    try:
        home = await _home(session, draft)
    except Transient as error:
        return Later(until=session.now(), why=error.message)
    if draft.kind == "BusinessPartners" or not table:
        answer = await _sent(session, draft.path, dict(JSON_HEADERS), draft.body)
        if not isinstance(answer, Answer):
            return answer
        return _judged(session, draft, home, answer.status, answer.body)
    row = msgspec.json.encode({"Code": draft.reference, "Name": draft.reference})
    kind, body = change_set(
        draft.reference, [Request(f"{ROOT}/U_{table}", row), Request(f"{ROOT}{draft.path}", draft.body)]
    )
    answer = await _sent(session, "/$batch", {"accept": "multipart/mixed", "content-type": kind}, body)
    if not isinstance(answer, Answer):
        return answer
    if answer.status >= 400:
        return _judged(session, draft, home, answer.status, answer.body)
    parts = answers(answer.headers.get("content-type", ""), answer.body)
    if not parts:
        return Unknown(why="the answer to the change set cannot be read")
    if len(parts) == 1 and parts[0].status < 400:
        return Unknown(why="the answer to the change set does not speak of the document")
    return _judged(session, draft, home, parts[-1].status, parts[-1].body)


async def _home(session: Session, draft: Draft) -> str:
    """The company's currency, without which the answer to a foreign document cannot be read."""
    abroad = any(name in draft.body for name in _FOREIGN)
    return await local_currency(session) if abroad else draft.total.currency


async def _sent(
    session: Session, rest: str, headers: dict[str, str], body: bytes
) -> Answer | Later | Unknown | Rejected:
    try:
        return await session.http.send(
            "POST", f"{ROOT}{rest}", headers=headers, content=body, write=True, deadline_seconds=_DEADLINE
        )
    except (Transient, OutcomeUnknown, NeedsConsent, Refused) as error:
        return without_answer(error, session.now(), busy_seconds=_AT_LEAST)


def _judged(session: Session, draft: Draft, home: str, status: int, body: bytes) -> Outcome:
    """Accepted only if the answer holds the document that was sent."""
    if status >= 400:
        return outcome_of(status, body, session.settings.key_table, session.now())
    try:
        record: Record = msgspec.json.decode(body, type=shape_of(draft.kind))
    except msgspec.DecodeError:
        return Unknown(why="the answer does not hold the document that was to be made")
    document = remote_document(draft.kind, record, home)
    different = disagreement(draft, document)
    return Unknown(why=f"the answer holds another document: {different}") if different else Accepted(document=document)


def disagreement(draft: Draft, document: RemoteDocument) -> str:
    """In what a remote document is not the drafted one: reference, amount or date; empty if in nothing."""
    if draft.kind == "BusinessPartners":
        document = replace(document, total=None, date=None)
    return ", ".join(differences(draft, document))
