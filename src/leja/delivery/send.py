"""Tells one target what is due, in rounds: settle what is unclear, go on with what is open, plan what is new, send.

Calls are a rolling window: as many are in flight as the vendor allows, and as each ends it is recorded and the next
goes out. The pace is waited for before anything is frozen, so that what is frozen is sent at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from leja.connectors.contract import Chart, Finding, Outcome, Rejected, Unknown
from leja.core.clock import Clock
from leja.core.errors import NeedsConsent
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.delivery import calls, charts, prepare, record, restored, states
from leja.delivery.adopt import catch_up, longest_unseen
from leja.delivery.attempt import Sending, freeze
from leja.delivery.look_alikes import list_stretch
from leja.delivery.prepare import Asked, Round, UnderWay
from leja.delivery.record import Answer
from leja.delivery.states import NO_ANCHOR
from leja.delivery.target import Target
from leja.delivery.unknown_outcome import ask

GIVEN_UP_ASKING_SECONDS = 30
ASKED_AT_ONCE = 5
PLANNED_AHEAD = 4
BACKFILL_SHARE = 10
LONGEST_REST_SECONDS = 90.0

_log = logging.getLogger("leja.delivery")
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


class _Call(msgspec.Struct, frozen=True):
    """A call in flight."""

    batch: tuple[Sending, ...]
    deadline: datetime


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
        self._seconds = calls.call_seconds()
        self._chart: Chart | None = None
        self._flying: dict[asyncio.Task[tuple[Outcome, ...]], _Call] = {}
        self._together = max(1, target.limits.batch)
        self._pace_seconds = 0.0
        self.done = Delivered()

    async def start(self) -> None:
        """Before the first call under a new lease: wait for the calls of a life that was lost, list what changed over
        there, and read the chart."""
        wait = (await asyncio.to_thread(self._held_until) - self._clock()).total_seconds()
        if wait > 0:
            _log.warning("%s is told nothing for %.0f s: the database may have been restored", self._target.name, wait)
            await self._target.session.http.pacing.sleep(wait)
        await catch_up(self._database, self._target, self._clock())
        await list_stretch(self._database, self._target, self._clock())
        await self._read_chart()

    def _held_until(self) -> datetime:
        target = self._target
        with self._database.transaction() as conn:
            self._guard(conn)
            until = restored.held_until(
                conn, target.org_id, target.connection_id, target.witness, longest_unseen(target), self._clock()
            )
            link = restored.newest_link(conn, target.org_id)
        if target.witness is not None:
            target.witness.note(target.connection_id, link)
        return until

    async def pause(self, error: NeedsConsent) -> Delivered:
        """The login was refused while reading: nothing more is sent until the owner has logged in again."""
        await asyncio.to_thread(self._pause, error)
        self.done.paused = True
        return self.done

    def _pause(self, error: NeedsConsent) -> None:
        with self._database.transaction() as conn:
            self._guard(conn)
            record.pause(
                conn, self._target.org_id, self._target.connection_id, error.message, self._clock(), reason=error.code
            )

    async def run(self, *, rounds: int = 0) -> Delivered:
        """Rounds until nothing is due (or at most ``rounds`` of them)."""
        rest = 0.0
        try:
            while not rounds or self.done.rounds < rounds:
                if await self.round():
                    continue
                if self._flying:
                    await self._land()
                    continue
                rest = self._pace_seconds
                if not 0 < rest <= LONGEST_REST_SECONDS:
                    break
                await self._target.session.http.pacing.sleep(rest)
            while self._flying:
                await self._land()
        finally:
            await self._abandon()
        self.done.next_due = await asyncio.to_thread(self._next_due)
        if rest > LONGEST_REST_SECONDS and self.done.next_due is not None:
            self.done.next_due = max(self.done.next_due, self._clock() + timedelta(seconds=rest))
        return self.done

    async def round(self) -> bool:
        """One round; False when there was nothing that could be done now."""
        self._pace_seconds = 0.0
        free = max(1, self._target.limits.concurrent) - len(self._flying)
        if free <= 0:
            return False
        chart = self._chart or await self._read_chart()
        work = await asyncio.to_thread(self._prepare, chart, free)
        self.done.paused = work.paused
        if work.asks:
            await self._ask(work.asks)
        sends, adopted = await self._looked_up(work.sends)
        sent = await self._send(sends, free) if sends else 0
        self.done.rounds += 1
        return bool(work.asks or work.moved or sent or adopted)

    def _prepare(self, chart: Chart, free: int) -> Round:
        room = free * min(max(1, self._target.limits.batch), self._together)
        with self._database.transaction() as conn:
            self._guard(conn)
            found = prepare.next_round(
                conn, self._target, chart, self._clock(), room, self._under_way(),
                kept_for_backfill=max(room // BACKFILL_SHARE, int(self._backfills_turn())),
            )
            failpoint("delivery.before-plan-commit")
        failpoint("delivery.after-plan-commit")
        return found

    def _backfills_turn(self) -> bool:
        """Now and then the oldest of backfill goes first, however much is live."""
        return self.done.rounds % BACKFILL_SHARE == BACKFILL_SHARE - 1

    def _under_way(self) -> UnderWay:
        sendings = [sending for call in self._flying.values() for sending in call.batch]
        return UnderWay(
            deliverables=frozenset(sending.deliverable_id for sending in sendings),
            masters=frozenset((s.step.kind, s.step.reference) for s in sendings if s.master),
        )

    async def _ask(self, asked: Sequence[Asked]) -> None:
        for at in range(0, len(asked), ASKED_AT_ONCE):
            batch = asked[at : at + ASKED_AT_ONCE]
            findings = await self._asked([one.sending for one in batch])
            failpoint("delivery.after-find")
            await asyncio.to_thread(self._record_found, batch, findings)

    async def _asked(self, sendings: Sequence[Sending]) -> tuple[Finding | None, ...]:
        """The findings; the pace is waited for first, so that a question is not given up before it is put."""
        pacing = self._target.session.http.pacing
        wait = pacing.delay("live")
        if wait > LONGEST_REST_SECONDS:
            return (None,) * len(sendings)
        if wait > 0:
            await pacing.sleep(wait)
        return await ask(self._target, sendings, self._seconds)

    def _record_found(self, asked: Sequence[Asked], findings: Sequence[Finding | None]) -> None:
        now = self._clock()
        answers = [
            self._answer(one.sending, said, one.deadline, one)
            for one, said in zip(asked, findings, strict=True) if said
        ]
        silent = [one.sending for one, said in zip(asked, findings, strict=True) if said is None]
        self.done.adopted += sum(1 for answer in answers if record.stands(answer.said))
        with self._database.transaction() as conn:
            record.record(conn, self._target.org_id, self._target.connection_id, answers, now, self._guard)
            record.ask_later(conn, self._target.org_id, silent, now + timedelta(seconds=GIVEN_UP_ASKING_SECONDS))
            failpoint("delivery.before-find-commit")
        failpoint("delivery.after-find-commit")

    def _answer(
        self, sending: Sending, said: Outcome | Finding, deadline: datetime, asked: Asked | None = None
    ) -> Answer:
        anchor = self._target.verbs.ANCHORS.get(sending.step.kind, NO_ANCHOR)
        return Answer(
            sending=sending, said=said, anchor=anchor, deadline=deadline, before=asked.before if asked else (),
            early=asked.early if asked else False,
        )

    async def _looked_up(self, sends: Sequence[Sending]) -> tuple[list[Sending], int]:
        """First sends of what may stand there already (a restore, a new plan) are asked after before they are sent.

        Those that the target has no answer about are left for a later run.
        """
        doubtful = [sending for sending in sends if sending.ask_first]
        if not doubtful:
            return list(sends), 0
        findings: list[Finding | None] = []
        for at in range(0, len(doubtful), ASKED_AT_ONCE):
            findings += await self._asked(doubtful[at : at + ASKED_AT_ONCE])
        failpoint("delivery.after-look-up")
        told = [(s, f) for s, f in zip(doubtful, findings, strict=True) if f is not None and not record.absent(f)]
        if told:
            deadline = await asyncio.to_thread(self._freeze, [s for s, _ in told])
            failpoint("delivery.after-freeze")
            asked = [Asked(sending=s, deadline=deadline, before=(), early=False) for s, _ in told]
            await asyncio.to_thread(self._record_found, asked, [f for _, f in told])
        clear = {s.attempt_id for s, f in zip(doubtful, findings, strict=True) if f is not None and record.absent(f)}
        return [sending for sending in sends if not sending.ask_first or sending.attempt_id in clear], len(told)

    async def _send(self, sends: Sequence[Sending], free: int) -> int:
        """Freeze and send as much as the pace admits now; says how many sendings. The rest stays as it was."""
        cut = calls.cut(self._target, sends)
        if self._backfills_turn():
            cut.reverse()
        taken = self._admitted(cut, free)
        if not taken:
            return 0
        self._together = max(PLANNED_AHEAD, 2 * sum(map(len, taken)) // len(taken))
        deadline = await asyncio.to_thread(self._freeze, [sending for batch in taken for sending in batch])
        failpoint("delivery.after-freeze")
        for batch in taken:
            self._flying[asyncio.create_task(self._call(batch, deadline))] = _Call(batch, deadline)
        return sum(map(len, taken))

    def _admitted(self, cut: Sequence[tuple[Sending, ...]], free: int) -> list[tuple[Sending, ...]]:
        pacing, many = self._target.session.http.pacing, self._target.limits.batch > 1
        live, old = (pacing.room(lane, batch=many, most=free) for lane in ("live", "backfill"))
        taken: list[tuple[Sending, ...]] = []
        for batch in cut:
            if len(taken) < (live if batch[0].lane == "live" else old):
                taken.append(batch)
        if cut and not taken:
            lane = cut[0][0].lane
            # The least is a guard: a place in flight that somebody else holds has no time at which it is free.
            self._pace_seconds = max(0.05, pacing.delay("live" if lane == "live" else "backfill", batch=many))
        return taken

    def _freeze(self, sends: Sequence[Sending]) -> datetime:
        now = self._clock()
        deadline = now + timedelta(seconds=self._seconds)
        with self._database.transaction() as conn:
            freeze(
                conn, self._target.org_id, self._target.connection_id, self._epoch, sends, self._target.verbs.ANCHORS,
                now, deadline, self._guard,
            )
            link = restored.newest_link(conn, self._target.org_id)
            failpoint("delivery.before-freeze-commit")
        if self._target.witness is not None:
            self._target.witness.note(self._target.connection_id, link)
        return deadline

    async def _call(self, batch: tuple[Sending, ...], deadline: datetime) -> tuple[Outcome, ...]:
        failpoint("delivery.before-send")
        outcomes = await calls.deliver(self._target, batch, deadline, self._clock)
        failpoint("delivery.after-send")
        return outcomes

    async def _land(self) -> None:
        """Wait for the next call to end, and record it with all others that ended meanwhile."""
        ended, _ = await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
        landed = [(self._flying.pop(task), task) for task in ended]
        # Whatever one of them raises, what the others brought is recorded.
        told = [(call, task.result()) for call, task in landed if not task.cancelled() and task.exception() is None]
        if told:
            await asyncio.to_thread(self._record, told)
            failpoint("delivery.after-record")
        for _, task in landed:
            task.result()

    async def _abandon(self) -> None:
        """After a fault, calls in flight are given up: nothing is known of them, and they are asked after."""
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        self._flying.clear()

    def _record(self, told: Sequence[tuple[_Call, tuple[Outcome, ...]]]) -> None:
        now = self._clock()
        answers = [
            self._answer(sending, said, call.deadline)
            for call, outcomes in told for sending, said in zip(call.batch, outcomes, strict=True)
        ]
        with self._database.transaction() as conn:
            record.record(conn, self._target.org_id, self._target.connection_id, answers, now, self._guard)
            failpoint("delivery.before-record-commit")
        outcomes = [answer.said for answer in answers]
        self.done.sent += len(answers)
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
    except NeedsConsent as error:
        return await engine.pause(error)
    finally:
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


async def _keep(renew: Renew, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await renew()
