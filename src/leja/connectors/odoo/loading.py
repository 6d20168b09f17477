"""``load()``: drafts become records with external ids, once made and afterwards brought up to date.

All records of a call are one transaction, and errors come in ``messages`` with HTTP 200: ``ids`` false means that nothing
was done. Those that were refused are then left out and the others loaded without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from leja.connectors.contract import Outcome, Session, Unknown
from leja.connectors.odoo.api import Row, call
from leja.connectors.odoo.drafts import Request
from leja.connectors.odoo.faults import Fault, OdooFault, outcome_of

DEADLINE: Final = 110.0


class Answer(msgspec.Struct, frozen=True):
    """What ``load()`` says. ``messages`` that are no errors are remarks about records that were kept."""

    ids: tuple[int, ...] | bool | None = None
    messages: tuple[Message, ...] = ()


class Message(msgspec.Struct, frozen=True):
    """A message about the record ``record`` of the call."""

    message: str = ""
    type: str = "error"
    record: int | bool | None = None


async def load(session: Session, model: str, requests: Mapping[int, Request]) -> dict[int, int | Outcome]:
    """Place -> database id, or what came of it. One call for those of the same columns. Raises what ``Http`` raises."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, request in requests.items():
        alike.setdefault(request.fields, []).append(place)
    found: dict[int, int | Outcome] = {}
    for fields, places in alike.items():
        found |= await _together(session, model, fields, {place: requests[place] for place in places})
    return found


async def _together(
    session: Session, model: str, fields: tuple[str, ...], requests: dict[int, Request]
) -> dict[int, int | Outcome]:  # fmt: skip
    found: dict[int, int | Outcome] = {}
    left = dict(requests)
    while left:
        places = list(left)
        try:
            answer = await _asked(session, model, fields, [left[place] for place in places])
        except OdooFault as error:
            return found | dict.fromkeys(places, outcome_of(error.fault, session.now()))
        if isinstance(answer.ids, tuple) and len(answer.ids) == len(places):
            return found | dict(zip(places, answer.ids, strict=True))
        refused = _refused(session, answer, places)
        if not refused:
            return found | dict.fromkeys(places, Unknown(why="load() answered neither ids nor messages"))
        found |= refused
        left = {place: request for place, request in left.items() if place not in refused}
    return found


async def _asked(session: Session, model: str, fields: Sequence[str], requests: Sequence[Request]) -> Answer:
    given: Row = {"fields": list(fields), "data": [list(row) for request in requests for row in request.data]}
    answer = await call(session, model, "load", given, write=True, deadline_seconds=DEADLINE)
    try:
        return msgspec.convert(answer, Answer)
    except msgspec.ValidationError:
        return Answer()


def _refused(session: Session, answer: Answer, places: Sequence[int]) -> dict[int, Outcome]:
    """What the messages say of each record; one that names no record is about them all."""
    found: dict[int, Outcome] = {}
    for message in answer.messages:
        if message.type != "error":
            continue
        outcome = outcome_of(Fault(message=message.message), session.now())
        record = message.record
        if isinstance(record, bool) or record is None or not 0 <= record < len(places):
            return dict.fromkeys(places, outcome)
        found.setdefault(places[record], outcome)
    return found
