"""Telling Odoo: load drafts with external ids, compare, post, look again. One outcome per draft, in order.

A draft counts for nothing until it is posted. What a crash left behind is brought up to date by the next load, for
document and lines bear external ids. Odoo posts into a closed period without a word, on another day: what stands on another
day than was said is reset to draft at once and told as locked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

from leja.connectors.contract import (
    Accepted,
    AlreadyThere,
    Draft,
    Later,
    Outcome,
    Rejected,
    RemoteDocument,
    Session,
    Unknown,
)
from leja.connectors.odoo.api import call
from leja.connectors.odoo.documents import MOVE, PARTNER, Record, named, records
from leja.connectors.odoo.drafts import Request, request_of
from leja.connectors.odoo.faults import OdooFault, outcome_of
from leja.connectors.odoo.finding import disagreement
from leja.connectors.odoo.loading import DEADLINE, load
from leja.connectors.odoo.names import model_of, name_of
from leja.connectors.odoo.settling import settle
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Transient

TOGETHER: Final = frozenset({"Customer", "Invoice", "CreditNote", "Entry", "Payment"})
_log = logging.getLogger("leja.connectors.odoo")


async def deliver(session: Session, drafts: Sequence[Draft]) -> tuple[Outcome, ...]:
    """One outcome per draft, in order; never raises for one draft."""
    outcomes: list[Outcome] = []
    for model, group in groupby(drafts, key=lambda draft: model_of(draft.kind)):
        outcomes += await _Telling(session, model, list(group)).told()
    return tuple(outcomes)


class _Telling:
    """Drafts of one model on their way. Those without an outcome are still under way, ``ids`` is what they became."""

    def __init__(self, session: Session, model: str, drafts: list[Draft]) -> None:
        self.session, self.model, self.drafts = session, model, drafts
        self.requests: list[Request] = [request_of(draft.body) for draft in drafts]
        self.outcomes: dict[int, Outcome] = {}
        self.ids: dict[int, int] = {}
        self.posting = False

    async def told(self) -> list[Outcome]:
        """Everything, until each draft has its outcome."""
        everyone: Outcome = Unknown(why="nothing was said about it")
        try:
            await self._load(range(len(self.drafts)))
            await self._load_anew()
            if self.model == PARTNER:
                self.outcomes |= {place: self._partner(place) for place in self._open()}
            else:
                await self._compare()
                await self._post()
        except LejaError as error:
            everyone = self._fallen(error)
        return [self.outcomes.get(place, everyone) for place in range(len(self.drafts))]

    def _fallen(self, error: LejaError) -> Outcome:
        """What a fault means for those without an outcome: before posting nothing counts, whatever was loaded."""
        if self.posting or isinstance(error, OutcomeUnknown):
            return Unknown(why=error.message)
        if isinstance(error, Transient):
            return Later(until=self.session.now() + timedelta(seconds=error.retry_after or 0), why=error.message)
        remedy = "consent" if isinstance(error, NeedsConsent) else "review"
        return Rejected(code=error.code, words=error.message, remedy=remedy)  # type: ignore[arg-type]

    def _open(self) -> list[int]:
        return [place for place in self.ids if place not in self.outcomes]

    async def _load(self, places: Iterable[int]) -> None:
        wanted = {place: self.requests[place] for place in places}
        for place, said in (await load(self.session, self.model, wanted)).items():
            if isinstance(said, int):
                self.ids[place] = said
            else:
                self.outcomes[place] = said

    async def _load_anew(self) -> None:
        """What was refused may stumble over a draft of an earlier plan, whose other lines stayed: it is removed, once."""
        refused = [place for place, said in self.outcomes.items() if isinstance(said, Rejected)]
        if not refused or self.model == PARTNER:
            return
        names = {place: name_of(self.drafts[place].kind, self.drafts[place].reference) for place in refused}
        left = await named(self.session, self.model, list(names.values()))
        there = await records(self.session, self.model, list(left.values()), {})
        stale = [place for place, name in names.items() if name in left and left[name] in there and there[left[name]].state == "draft"]
        for place in stale:
            self.ids[place] = left[names[place]]
        await self._removed(stale)
        for place in stale:
            del self.outcomes[place], self.ids[place]
        await self._load(stale)

    def _partner(self, place: int) -> Outcome:
        draft = self.drafts[place]
        return Accepted(document=RemoteDocument(kind=draft.kind, remote_id=str(self.ids[place]), reference=draft.reference))

    # --- compare ---

    async def _compare(self) -> None:
        """Nothing is posted that does not come to what we say. What an earlier plan left behind is made anew, once."""
        wrong = await self._wrong()
        if wrong:
            await self._removed(wrong)
            await self._load(wrong)
            for place, why in (await self._wrong()).items():
                self.outcomes[place] = Rejected(code="odoo-differs", words=f"Odoo makes something else of it: {why}")
                await self._removed([place])

    async def _wrong(self) -> dict[int, str]:
        there = await self._records(self._open())
        found: dict[int, str] = {}
        for place in self._open():
            draft, record = self.drafts[place], there.get(place)
            if record is None:
                self.outcomes[place] = Unknown(why="what was loaded is not there")
            elif record.state == "posted":
                self.outcomes[place] = AlreadyThere(words=f"{draft.reference} is posted already")
            elif record.state == "cancelled":
                words = f"{record.document.kind} {record.document.remote_id} bears {draft.reference} and was cancelled there"
                self.outcomes[place] = Rejected(code="odoo-cancelled", words=words)
            elif record.document.date != draft.date:
                self.outcomes[place] = _locked(draft, record)
                await self._removed([place])
            elif why := disagreement(draft, record):
                found[place] = why
        return found

    async def _records(self, places: Iterable[int]) -> dict[int, Record]:
        own = {self.ids[place]: self.drafts[place].reference for place in places}
        found = await records(self.session, self.model, list(own), own)
        return {place: found[self.ids[place]] for place in places if self.ids[place] in found}

    async def _removed(self, places: Iterable[int]) -> None:
        """Removes drafts. One that cannot be removed, for it once had a number, stays a draft and counts for nothing."""
        for place in places:
            try:
                await call(self.session, self.model, "unlink", {}, ids=[self.ids[place]], write=True)
            except OdooFault as error:
                _log.info("a draft of %s stays in Odoo: %s", self.drafts[place].reference, error)

    # --- post ---

    async def _post(self) -> None:
        """Posts the drafts and believes what is read afterwards, not the answer alone."""
        places = self._open()
        if not places:
            return
        refused = await self._posted(places)
        there = await self._records(places)
        for place in places:
            record = there.get(place)
            if record is None or (record.state != "posted" and place not in refused):
                self.outcomes[place] = Unknown(why="it was posted, and is not there")
            elif record.state != "posted":
                self.outcomes[place] = refused[place]
                if isinstance(refused[place], Rejected):
                    await self._removed([place])
            else:
                self.outcomes[place] = await self._judged(place, record)
        await self._settled()

    async def _posted(self, places: Sequence[int]) -> dict[int, Outcome]:
        """Posts them in one transaction; if that is refused one by one. Gives the refusals."""
        self.posting = True
        try:
            ids = [self.ids[place] for place in places]
            await call(self.session, self.model, "action_post", {}, ids=ids, write=True, deadline_seconds=DEADLINE)
        except OdooFault as error:
            if len(places) == 1:
                return {places[0]: outcome_of(error.fault, self.session.now())}
            refused: dict[int, Outcome] = {}
            for place in places:
                refused |= await self._posted([place])
            return refused
        return {}

    async def _judged(self, place: int, record: Record) -> Outcome:
        draft = self.drafts[place]
        why = disagreement(draft, record)
        if not why:
            return Accepted(document=record.document)
        method = "button_draft" if self.model == MOVE else "action_draft"
        try:
            await call(self.session, self.model, method, {}, ids=[self.ids[place]], write=True)
        except OdooFault as error:
            return Unknown(why=f"it was posted otherwise than said ({why}) and cannot be taken back: {error}")
        await self._removed([place])
        if record.document.date != draft.date:
            return _locked(draft, record)
        code = "odoo-payment-account" if draft.kind == "Payment" else "odoo-differs"
        return Rejected(code=code, words=f"Odoo posted something else, which was taken back: {why}")

    async def _settled(self) -> None:
        for place, outcome in self.outcomes.items():
            for settled in self.requests[place].settles if isinstance(outcome, Accepted) else ():
                await settle(self.session, self.model, self.ids[place], int(settled))


def _locked(draft: Draft, record: Record) -> Rejected:
    words = f"Odoo dates {draft.reference} {record.document.date} instead of {draft.date}: the period is closed there"
    return Rejected(code="odoo-period-locked", words=words, remedy="period_locked")
