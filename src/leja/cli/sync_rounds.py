"""The rounds of ``leja sync``: each connection by itself, so that one whose vendor is away holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import msgspec

from leja import flow
from leja.access import connections
from leja.access.connections import Connection
from leja.access.organisations import Organisation
from leja.bookkeeping.batch import Progress as Recorded
from leja.connectors import registry
from leja.core.errors import LejaError
from leja.delivery.send import Delivered
from leja.house import House
from leja.reports import standing

SOON: Final = timedelta(seconds=30)
ROUNDS_IDLE_MAX: Final = 20


class Synced(msgspec.Struct, kw_only=True):
    """What all rounds came to. ``delivered`` is None where another process holds the target."""

    taken: flow.Taken
    recorded: Recorded
    delivered: dict[str, Delivered | None]
    failed: dict[str, LejaError]
    standing: standing.Standing

    @property
    def paused(self) -> list[str]:
        """Targets that wait until their owner logs in again."""
        return [name for name, told in self.delivered.items() if told is not None and told.paused]


class Sync:
    """One run over an organisation, or over one of its connections."""

    def __init__(self, house: House, org: Organisation, only: str, say: Callable[[str], None]) -> None:
        self._house, self._org, self._say = house, org, say
        with house.database.transaction() as conn:
            every = connections.connections(conn, org.org_id)
            chosen = connections.connection(conn, org.org_id, only) if only else None
        self._sources = [c for c in every if c.duty != "accounting" and chosen in (None, c)]
        self._targets = [
            c
            for c in every
            if c.duty == "accounting" and (chosen in (None, c) or (chosen is not None and chosen.duty != "accounting"))
        ]
        self._taken, self._recorded = flow.Taken(), Recorded()
        self._delivered: dict[str, Delivered | None] = {}
        self._failed: dict[str, LejaError] = {}

    async def run(self) -> Synced:
        """Rounds until nothing is due now or soon."""
        idle = 0
        while idle < ROUNDS_IDLE_MAX:
            self._failed = {}
            moved = await self._take_in()
            moved += await asyncio.to_thread(self._record)
            moved += await self._deliver()
            if moved:
                idle = 0
                continue
            pause = self._pause()
            if pause is None:
                break
            idle += 1
            self._say(f"waiting {pause.seconds} s for what falls due")
            await asyncio.sleep(pause.total_seconds())
        flow.close_days(self._house.database, self._org.org_id, self._house.clock)
        with self._house.database.transaction() as conn:
            where = standing.standing(conn, self._org.org_id)
        return Synced(
            taken=self._taken, recorded=self._recorded, delivered=self._delivered, failed=self._failed, standing=where
        )

    async def _take_in(self) -> int:
        self._say("taking in")
        found = await asyncio.gather(*(self._source(source) for source in self._sources))
        for one in found:
            self._taken = flow.Taken(
                kept=self._taken.kept + one.kept,
                pages=self._taken.pages + one.pages,
                answered=self._taken.answered + one.answered,
            )
        return sum(one.kept.new + one.answered for one in found)

    async def _source(self, source: Connection) -> flow.Taken:
        able = registry.capabilities(source.slug) & {"poll", "fetch"}
        if not able:
            return flow.Taken()
        verbs = {name: registry.verb(source.slug, name) for name in able}
        try:
            session = self._house.session(source)
            try:
                return await flow.take_in(
                    self._house.database, self._org.org_id, source.connection_id, verbs, session, self._house.clock
                )
            finally:
                await session.http.close()
        except LejaError as error:
            self._failed[source.name] = error
            return flow.Taken()

    def _record(self) -> int:
        done = flow.record(
            self._house.bookkeeper(self._org),
            self._house.clock,
            lambda p: self._say(f"recording: {p.events} events, {p.entries} entries"),
        )
        self._recorded += done
        return done.entries

    async def _deliver(self) -> int:
        self._say("telling the accounting systems")
        return sum(await asyncio.gather(*(self._target(target) for target in self._targets)))

    async def _target(self, found: Connection) -> int:
        try:
            target = self._house.target(found)
            try:
                told = await flow.deliver(self._house.database, target, self._house.holder, self._house.clock)
            finally:
                await target.session.http.close()
        except LejaError as error:
            self._failed[found.name] = error
            self._delivered.setdefault(found.name, Delivered())
            return 0
        before = self._delivered.get(found.name)
        self._delivered[found.name] = _together(before, told)
        return told.accepted + told.adopted if told else 0

    def _pause(self) -> timedelta | None:
        """How long until the next thing falls due by itself, if that is soon. A target that failed is not waited for."""
        now = self._house.clock()
        due = [
            told.next_due
            for name, told in self._delivered.items()
            if told is not None and told.next_due is not None and not told.paused and name not in self._failed
        ]
        soon = min(due, default=None)
        if soon is None or soon - now > SOON:
            return None
        return max(soon - now, timedelta(milliseconds=200))


def _together(before: Delivered | None, now: Delivered | None) -> Delivered | None:
    if before is None or now is None:
        return now or before
    return Delivered(
        sent=before.sent + now.sent,
        accepted=before.accepted + now.accepted,
        adopted=before.adopted + now.adopted,
        refused=before.refused + now.refused,
        unclear=before.unclear + now.unclear,
        rounds=before.rounds + now.rounds,
        paused=now.paused,
        next_due=now.next_due,
    )


def as_json(done: Synced) -> dict[str, Any]:
    """A run as ``--json`` prints it."""
    return {
        "taken_in": {
            "new": done.taken.kept.new,
            "repeated": done.taken.kept.repeated,
            "conflicting": done.taken.kept.conflicting,
            "fetched": done.taken.answered,
        },
        "recorded": done.recorded,
        "delivered": done.delivered,
        "standing": {**msgspec.to_builtins(done.standing), "parked": done.standing.parked},
        "paused": done.paused,
        "failed": {name: error.as_dict() for name, error in done.failed.items()},
    }
