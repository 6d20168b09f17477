"""Tells one target what is due, in rounds: settle what is unclear, go on with what is open, plan what is new, send."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from leja.connectors.contract import Chart, Finding, Later, Outcome, Rejected, Unknown
from leja.core.clock import Clock
from leja.core.errors import LejaError, NeedsConsent, Refused, Transient
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.delivery import charts, prepare, record, states
from leja.delivery.adopt import catch_up
from leja.delivery.attempt import Sending, freeze
from leja.delivery.prepare import Asked, Round
from leja.delivery.record import Answer
from leja.delivery.states import NO_ANCHOR
from leja.delivery.target import Target
from leja.delivery.unknown_outcome import ask

CALL_SECONDS = 30
GIVEN_UP_ASKING_SECONDS = 30

_Item = TypeVar("_Item")
Guard = Callable[[Connection], None]
Renew = Callable[[], Awaitable[None]]


class Delivered(msgspec.Struct, kw_only=True):
    """What a run did. ``next_due`` is when something falls due by itself; None: nothing waits for time."""

    sent: int = 0
    accepted: int = 0
    adopted: int = 0
    refused: int = 0
    unclear: int = 0
    rounds: int = 0
    paused: bool = False
    next_due: datetime | None = None


class Delivery:
    """The deliverer of one target while its lease is held.

    ``guard`` is called first in every writing transaction and raises when the lease is lost; ``epoch`` is the lease's.
    """

    def __init__(self, database: Database, target: Target, clock: Clock, guard: Guard, epoch: int) -> None:
        self._database = database
        self._target = target
        self._clock = clock
        self._guard = guard
        self._epoch = epoch
        self._seconds = call_seconds()
        self._chart: Chart | None = None
        self._deadline = clock()
        self.done = Delivered()

    async def start(self) -> None:
        """Before the first call under a new lease: list what changed over there, and read the chart."""
        await catch_up(self._database, self._target, self._clock())
        await self._read_chart()

    async def run(self, *, rounds: int = 0) -> Delivered:
        """Rounds until nothing is due (or at most ``rounds`` of them)."""
        while not rounds or self.done.rounds < rounds:
            if not await self.round():
                break
        self.done.next_due = await asyncio.to_thread(self._next_due)
        return self.done

    async def round(self) -> bool:
        """One round; False when there was nothing to do."""
        chart = self._chart or await self._read_chart()
        work = await asyncio.to_thread(self._prepare, chart)
        self.done.rounds += 1
        self.done.paused = work.paused
        if work.asks:
            await self._ask(work.asks)
        sends, adopted = await self._looked_up(work.sends)
        if sends:
            await self._send(sends)
        return bool(work.asks or work.moved or sends or adopted)

    def _prepare(self, chart: Chart) -> Round:
        now = self._clock()
        with self._database.transaction() as conn:
            self._guard(conn)
            limits = self._target.limits
            room = max(1, limits.batch) * max(1, limits.concurrent)
            found = prepare.next_round(conn, self._target, chart, now, room)
            failpoint("delivery.before-plan-commit")
        failpoint("delivery.after-plan-commit")
        return found

    async def _ask(self, asked: Sequence[Asked]) -> None:
        for batch in _batches(asked, self._target.limits.batch):
            findings = await ask(self._target, [one.sending for one in batch], self._seconds)
            failpoint("delivery.after-find")
            await asyncio.to_thread(self._record_found, batch, findings)

    def _record_found(self, asked: Sequence[Asked], findings: Sequence[Finding | None]) -> None:
        now = self._clock()
        answers = [self._answer(one.sending, said, one) for one, said in zip(asked, findings, strict=True) if said]
        silent = [one.sending for one, said in zip(asked, findings, strict=True) if said is None]
        self.done.adopted += sum(1 for answer in answers if record.stands(answer.said))
        with self._database.transaction() as conn:
            record.record(conn, self._target.org_id, self._target.connection_id, answers, now, self._guard)
            record.ask_later(conn, self._target.org_id, silent, now + timedelta(seconds=GIVEN_UP_ASKING_SECONDS))
            failpoint("delivery.before-find-commit")
        failpoint("delivery.after-find-commit")

    def _answer(self, sending: Sending, said: Outcome | Finding, asked: Asked | None = None) -> Answer:
        anchor = self._target.verbs.ANCHORS.get(sending.step.kind, NO_ANCHOR)
        if asked is None:
            return Answer(sending=sending, said=said, anchor=anchor, deadline=self._deadline)
        return Answer(
            sending=sending, said=said, anchor=anchor, deadline=asked.deadline, before=asked.before, early=asked.early
        )

    async def _looked_up(self, sends: Sequence[Sending]) -> tuple[list[Sending], int]:
        """First sends of what may stand there already (a restore, a new plan) are asked after before they are sent.

        Those that the target has no answer about are left for a later run.
        """
        doubtful = [sending for sending in sends if sending.ask_first]
        if not doubtful:
            return list(sends), 0
        findings: list[Finding | None] = []
        for batch in _batches(doubtful, self._target.limits.batch):
            findings += await ask(self._target, batch, self._seconds)
        failpoint("delivery.after-look-up")
        told = [(s, f) for s, f in zip(doubtful, findings, strict=True) if f is not None and not record.absent(f)]
        if told:
            await asyncio.to_thread(self._freeze, [s for s, _ in told])
            failpoint("delivery.after-freeze")
            asked = [Asked(sending=s, deadline=self._deadline, before=(), early=False) for s, _ in told]
            await asyncio.to_thread(self._record_found, asked, [f for _, f in told])
        clear = {s.attempt_id for s, f in zip(doubtful, findings, strict=True) if f is not None and record.absent(f)}
        return [sending for sending in sends if not sending.ask_first or sending.attempt_id in clear], len(told)

    async def _send(self, sends: Sequence[Sending]) -> None:
        await asyncio.to_thread(self._freeze, sends)
        failpoint("delivery.after-freeze")
        calls = [self._call(batch) for batch in _batches(sends, self._target.limits.batch)]
        for finished in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(finished, BaseException):
                raise finished

    def _freeze(self, sends: Sequence[Sending]) -> None:
        now = self._clock()
        self._deadline = now + timedelta(seconds=self._seconds)
        with self._database.transaction() as conn:
            freeze(
                conn, self._target.org_id, self._target.connection_id, self._epoch, sends, self._target.verbs.ANCHORS,
                now,
                self._deadline, self._guard,
            )
            failpoint("delivery.before-freeze-commit")

    async def _call(self, batch: Sequence[Sending]) -> None:
        failpoint("delivery.before-send")
        outcomes = await self._deliver(batch)
        failpoint("delivery.after-send")
        await asyncio.to_thread(self._record, batch, outcomes)
        failpoint("delivery.after-record")

    async def _deliver(self, batch: Sequence[Sending]) -> tuple[Outcome, ...]:
        drafts = tuple(sending.draft for sending in batch)
        everyone: Outcome
        try:
            outcomes = await asyncio.wait_for(self._target.verbs.deliver(self._target.session, drafts), self._seconds)
            if len(outcomes) == len(drafts):
                return tuple(outcomes)
            everyone = Unknown(why=f"{len(outcomes)} outcomes for {len(drafts)} drafts")
        except NeedsConsent as error:
            everyone = Rejected(code=error.code, words=error.message, remedy="consent")
        except Transient as error:
            everyone = Later(until=self._clock() + timedelta(seconds=error.retry_after or 5), why=error.message)
        except Refused as error:
            everyone = Rejected(code=error.code, words=error.message)
        except TimeoutError:
            everyone = Unknown(why=f"no answer within {self._seconds} seconds")
        except (LejaError, OSError) as error:
            everyone = Unknown(why=str(error))
        return (everyone,) * len(drafts)

    def _record(self, batch: Sequence[Sending], outcomes: Sequence[Outcome]) -> None:
        now = self._clock()
        answers = [self._answer(sending, said) for sending, said in zip(batch, outcomes, strict=True)]
        with self._database.transaction() as conn:
            record.record(conn, self._target.org_id, self._target.connection_id, answers, now, self._guard)
            failpoint("delivery.before-record-commit")
        self.done.sent += len(batch)
        self.done.accepted += sum(1 for said in outcomes if record.stands(said))
        self.done.refused += sum(1 for said in outcomes if isinstance(said, Rejected))
        self.done.unclear += sum(1 for said in outcomes if isinstance(said, Unknown))
        if any(isinstance(said, Rejected) for said in outcomes):
            self._chart = None

    async def _read_chart(self) -> Chart:
        kept = await asyncio.to_thread(self._kept_chart)
        if kept is not None and self.done.rounds == 0:
            chart = kept
        else:
            chart = await self._target.verbs.chart(self._target.session)
            await asyncio.to_thread(self._keep_chart, chart)
        self._chart = chart
        return chart

    def _kept_chart(self) -> Chart | None:
        with self._database.transaction() as conn:
            kept = charts.stored_chart(conn, self._target.org_id, self._target.connection_id)
        fresh = kept and kept[1] > self._clock() - timedelta(seconds=charts.CHART_SECONDS)
        return kept[0] if kept and fresh else None

    def _keep_chart(self, chart: Chart) -> None:
        with self._database.transaction() as conn:
            charts.store_chart(conn, self._target.org_id, self._target.connection_id, chart, self._clock())

    def _next_due(self) -> datetime | None:
        with self._database.transaction() as conn:
            return states.next_due(conn, self._target.org_id, self._target.connection_id)


def call_seconds() -> int:
    """After how many seconds a call is given up on our side (``LEJA_CALL_SECONDS``)."""
    text = os.environ.get("LEJA_CALL_SECONDS", str(CALL_SECONDS))
    if not text.isdigit() or not int(text):
        raise Refused("setting-unreadable", f"LEJA_CALL_SECONDS is {text!r}, not a whole number of seconds")
    return int(text)


async def deliver(
    database: Database, target: Target, clock: Clock, guard: Guard, epoch: int, *, renew: Renew | None = None,
    renew_seconds: float = 10,
) -> Delivered:
    """Start and run until nothing is due, renewing the lease meanwhile where ``renew`` is given."""
    engine = Delivery(database, target, clock, guard, epoch)
    keeper = asyncio.create_task(_keep(renew, renew_seconds)) if renew else None
    try:
        await engine.start()
        return await engine.run()
    finally:
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


async def _keep(renew: Renew, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await renew()


def _batches(items: Sequence[_Item], size: int) -> list[Sequence[_Item]]:
    return [items[at : at + max(1, size)] for at in range(0, len(items), max(1, size))]
