"""Telling Business Central: look, make drafts, post them, look again. One outcome per draft, in order.

A draft counts for nothing until it is posted, and posting names its id, so that it can happen once only. What a crash
left between the two is found by the look and posted, if it says what ours says, or removed and made anew. A draft whose
posting is clearly refused is removed, so that nobody over there posts it later. Emptied batches are removed too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import msgspec

from leja.connectors.business_central.api import Call, batched
from leja.connectors.business_central.drafts import SETS
from leja.connectors.business_central.faults import refusal
from leja.connectors.business_central.finding import judged
from leja.connectors.business_central.standing import Standing, standing
from leja.connectors.business_central.wire import Part
from leja.connectors.contract import (
    Accepted,
    AlreadyThere,
    Draft,
    Found,
    Outcome,
    Rejected,
    RemoteDocument,
    Session,
    Unknown,
)
from leja.connectors.outcomes import without_answer
from leja.core.errors import LejaError, OutcomeUnknown, Transient
from leja.core.money import from_text

TOGETHER: Final = frozenset({"SalesInvoice", "SalesCreditMemo", "CustomerPayment", "Journal"})
_DEADLINE: Final = 60.0
_JOURNALS: Final = frozenset({"Journal", "CustomerPayment"})


class _Made(msgspec.Struct, frozen=True):
    """The answer to a record that was made, as far as it is read."""

    id: str
    number: str = ""
    total: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="totalAmountIncludingTax")


async def deliver(session: Session, drafts: Sequence[Draft]) -> tuple[Outcome, ...]:
    """One outcome per draft, in order; never raises for one draft."""
    outcomes: list[Outcome] = []
    for _kind, group in groupby(drafts, key=lambda draft: draft.kind):
        outcomes += await _told(session, list(group))
    return tuple(outcomes)


async def _told(session: Session, drafts: list[Draft]) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    try:
        there = await standing(session, drafts)
        ids = await _made(session, drafts, there, outcomes)
        if drafts[0].kind != "Customer":
            await _posted(session, drafts, ids, outcomes)
    except LejaError as error:
        # Whatever was made is a draft at most: nothing counts that was not posted.
        everyone: Outcome = without_answer(error, session.now())
    else:
        everyone = Unknown(why="nothing was said about it")
    return [outcomes.get(place, everyone) for place in range(len(drafts))]


async def _made(
    session: Session, drafts: Sequence[Draft], there: Sequence[Standing], outcomes: dict[int, Outcome]
) -> dict[int, str]:
    """The id of a draft over there for each of ours that is not told yet: left behind, or made now."""
    ids: dict[int, str] = {}
    stale: list[tuple[str, str]] = []
    for place, (draft, one) in enumerate(zip(drafts, there, strict=True)):
        if one.counting:
            outcomes[place] = AlreadyThere(words=f"{draft.reference} stands there already")
            continue
        usable = [left for left in one.left if left.same]
        if usable:
            ids[place] = usable[0].remote_id
        stale += [(draft.kind, left.remote_id) for left in one.left if not usable or left is not usable[0]]
    await _removed(session, stale)
    missing = [place for place in range(len(drafts)) if place not in ids and place not in outcomes]
    if missing:
        calls = [Call(method="POST", path=drafts[place].path, body=drafts[place].body) for place in missing]
        parts = await batched(session, calls, _DEADLINE, drafts[missing[0]].key if len(missing) == 1 else "")
        wrong = []
        for place, part in zip(missing, parts, strict=True):
            made = _read(drafts[place], part, session, outcomes, place)
            if made is not None and place in outcomes and drafts[place].kind != "Customer":
                wrong.append((drafts[place].kind, made))
            elif made is not None:
                ids[place] = made
        await _removed(session, wrong)
    return ids


def _read(draft: Draft, part: Part, session: Session, outcomes: dict[int, Outcome], place: int) -> str | None:
    """The id of what was made. A sales draft that does not come to our total gets its outcome before anything is posted."""
    if part.status >= 400:
        outcomes[place] = refusal(part, session.now())
        return None
    try:
        made = msgspec.json.decode(part.body, type=_Made)
    except msgspec.DecodeError:
        outcomes[place] = Unknown(why="the answer does not hold the record that was to be made")
        return None
    if draft.kind == "Customer":
        document = RemoteDocument(kind="Customer", remote_id=made.id, reference=draft.reference, number=made.number)
        outcomes[place] = Accepted(document=document)
    elif draft.kind not in _JOURNALS:
        total = from_text(bytes(made.total).decode(), draft.total.currency)
        if total != draft.total:
            words = f"Business Central comes to {total} instead of {draft.total}; the draft was removed"
            outcomes[place] = Rejected(code="business-central-total", words=words)
    return made.id


async def _posted(session: Session, drafts: Sequence[Draft], ids: dict[int, str], outcomes: dict[int, Outcome]) -> None:
    """Posts the drafts and believes what is read afterwards, not the answer alone."""
    if not ids:
        return
    places = sorted(ids)
    calls = [Call(method="POST", path=_post_path(drafts[place].kind, ids[place])) for place in places]
    parts = await batched(session, calls, _DEADLINE)
    told = [drafts[place] for place in places]
    try:
        there = await standing(session, told)
    except LejaError as error:
        # Posted or not: nobody can tell now.
        raise OutcomeUnknown("business-central-unverified", f"what was posted cannot be read: {error.message}") from error
    empty: list[tuple[str, str]] = []
    for place, part, one in zip(places, parts, there, strict=True):
        draft, finding = drafts[place], judged(drafts[place], one)
        if isinstance(finding, Found):
            outcomes[place] = Accepted(document=finding.document)
        elif part.status >= 400 and not one.counting:
            outcomes[place] = refusal(part, session.now())
        else:
            outcomes[place] = Unknown(why="it was posted, and what stands there is not what was drafted")
        clear = isinstance(outcomes[place], Rejected)
        if (draft.kind in _JOURNALS and isinstance(finding, Found)) or clear:
            empty.append((draft.kind, ids[place]))
    await _removed(session, empty)


def _post_path(kind: str, remote_id: str) -> str:
    # A customer payment journal has no post of its own; as a journal it is found by the same id, whatever its template.
    name = "journals" if kind in _JOURNALS else SETS[kind]
    return f"/{name}({remote_id})/Microsoft.NAV.post"


async def _removed(session: Session, records: Sequence[tuple[str, str]]) -> None:
    """Removes drafts and emptied batches. What cannot be removed now stays: it counts for nothing."""
    if not records:
        return
    calls = [Call(method="DELETE", path=f"/{SETS[kind]}({remote_id})", match="*") for kind, remote_id in records]
    try:
        await batched(session, calls, _DEADLINE)
    except (Transient, OutcomeUnknown):
        return
