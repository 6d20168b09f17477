"""(i) How near a backfill comes to the least time that the vendor's limits allow, with live sales beside it, on a virtual clock."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import date
from pathlib import Path
from random import Random

import msgspec

from bench.figure import Figure, Outcome, figure
from bench.ground import opened
from bench.least import least, within
from bench.past import figures as of_sources
from bench.size import Size
from bench.telling import Counted, Telling
from bench.virtual import START, VirtualLoop, Wire
from leja.connectors import registry
from leja.connectors.contract import Limits
from leja.house import House
from leja.http.pacing import Pacing
from tests.connectors.stages import targets

WHOLE = 100_000
_LAST = ("SELECT extract(epoch FROM max(o.at)) FROM outcome o JOIN attempt a USING (org_id, attempt_id)"
         " JOIN deliverable d USING (org_id, deliverable_id) WHERE o.org_id = %s AND d.lane = 'backfill'")
LIVE_EVERY = 60.0
LIVE_DAY = date(2026, 6, 1)
METHOD = (
    "A backfill of sales, each told by itself, goes through the delivery room and the connector to the vendor's stand-in in the same "
    "process; every call takes a time drawn from the seed (log-normal, median 0.25 s, and 20 ms for each KB), and time is an event "
    "loop's that jumps to the next thing due. Meanwhile a live sale happens every minute; how long it takes until the target "
    "has it is measured. The least time is what the declared limits ask for these very calls, whoever makes them: each window of n "
    "calls lets n go, and all calls' own time is shared by as many as may run at once. Then the pace alone lets go the calls of "
    f"{WHOLE:,} sales, in as many hands as may call at once, with live calls beside them. No call may break a published limit. A source's "
    "past is read through the rooms, with what it makes wanted, and reckoned up to as many sales; a cursor leads from page to page, so what "
    "is beyond one call at a time can only be had within a page."
)


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. ``worst``: the longest that a live sale took, in seconds."""

    seconds: float
    calls: int
    batches: int
    busy: float
    worst: float
    broke: str

    def ratio(self, limits: Limits) -> float:
        """The time it took beside the least that the limits allow."""
        return self.seconds / least(limits, self.calls, self.batches, self.busy)[0]


def run(size: Size) -> Outcome:
    """Measure it for every target that is present."""
    figures: list[Figure] = []
    with opened() as house:
        for slug in targets():
            figures += of_target(house, slug, size)
        read, others = of_sources(house, size)
    return Outcome(part="i", title="a backfill at the vendor's limits", method=METHOD, figures=(*figures, *read), missing=tuple(others))


def of_target(house: House, slug: str, size: Size) -> list[Figure]:
    """The figures of one target: through the rooms, and by the pace alone."""
    limits = registry.connector(slug).limits
    # Where many go in one call it takes more sales until the limits are felt: ten minutes of them at least.
    count = size.told * (10 if limits.batches_per_minute else 1)
    rooms = told(house, slug, count, size.seed)
    calls, batches = rooms.calls * WHOLE // count, rooms.batches * WHOLE // count
    pace = paced(limits, calls, batches, rooms.busy / rooms.calls, size.seed)
    named = {"bound": 1.1, "goal": 1.05}
    return [
        figure("i", f"{slug}: a backfill of {count:,} sales through the rooms", f"the least time, by its {_by(limits, rooms)}",
               [rooms.ratio(limits)], **named, seconds=round(rooms.seconds), calls=rooms.calls, batches=rooms.batches,  # type: ignore[arg-type]
               share_of_the_limit=f"{100 / rooms.ratio(limits):.0f} %", slowest_live_sale_seconds=round(rooms.worst), broke=rooms.broke or "no limit"),
        figure("i", f"{slug}: the calls of {WHOLE:,} sales, by the pace alone", f"the least time, by its {_by(limits, pace)}",
               [pace.ratio(limits)], **named, hours=round(pace.seconds / 3600, 1), calls=calls,  # type: ignore[arg-type]
               share_of_the_limit=f"{100 / pace.ratio(limits):.0f} %", slowest_live_call_seconds=round(pace.worst), broke=pace.broke or "no limit"),
    ]


def _by(limits: Limits, ran: Ran) -> str:
    return least(limits, ran.calls, ran.batches, ran.busy)[1]


def told(house: House, slug: str, count: int, seed: int) -> Ran:
    """A backfill through the rooms, with a live sale every minute."""
    with tempfile.TemporaryDirectory() as folder, Telling(slug, house.database, Path(folder), mode="each", seed=seed) as scene:
        scene.sell(1)
        scene.run(scene.told())  # what is made once, such as items, is not counted
        scene.sell(count, "backfill")
        scene.pace.taken.clear()
        scene.wire.calls.clear()
        begun = scene.loop.time()
        waits = scene.run(_beside(scene))
        left = scene.left()
        if left or scene.held():
            raise RuntimeError(f"{slug}: {left} things were not told: {scene.held()[:3]}")
        ((ended,),) = scene.rows(_LAST)
        seconds = float(ended) - START.timestamp() - begun
        taken = [(batch, at) for batch, at in scene.pace.taken if at <= float(ended)]
        return Ran(
            seconds=seconds, calls=len(taken), batches=sum(batch for batch, _ in taken),
            busy=sum(one for _, one in scene.wire.calls[: len(taken)]), worst=max(waits, default=0.0),
            broke=within(registry.connector(slug).limits, (at for _, at in scene.pace.taken)))


async def _beside(scene: Telling) -> list[float]:
    """Tell the backfill; a live sale comes every minute. Gives how long each took until it stood."""
    backfill = asyncio.create_task(scene.told())
    waits: list[float] = []
    while not backfill.done():
        scene.sell(1, day=LIVE_DAY)
        begun = scene.loop.time()
        while not backfill.done() and _live_left(scene):
            await asyncio.sleep(1.0)
        waits.append(scene.loop.time() - begun)
        await asyncio.wait([backfill], timeout=max(0.0, LIVE_EVERY - (scene.loop.time() - begun)))
    await backfill
    await scene.told()
    return waits


def _live_left(scene: Telling) -> bool:
    return bool(scene.rows("SELECT 1 FROM outbox WHERE org_id = %s AND lane = 'live' LIMIT 1")) or bool(
        scene.rows("SELECT 1 FROM deliverable WHERE org_id = %s AND lane = 'live' AND state NOT IN ('done', 'withdrawn') LIMIT 1"))


def paced(limits: Limits, calls: int, batches: int, seconds: float, seed: int) -> Ran:
    """So many calls of so many seconds each, by the pace alone; a live one every minute."""
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_paced(loop, limits, calls, batches, seconds, seed))


async def _paced(loop: VirtualLoop, limits: Limits, calls: int, batches: int, mean: float, seed: int) -> Ran:
    pace, random, waits, spent = Counted(limits, now=loop.now), Random(seed), [], []
    left = [at * batches // calls != (at + 1) * batches // calls for at in range(calls)]

    async def call(pacing: Pacing, lane: str, batch: bool) -> None:
        async with pacing.turn(lane, batch=batch):  # type: ignore[arg-type]
            # The mean of a log-normal is its median times exp(spread squared / 2).
            spent.append(mean * random.lognormvariate(-(Wire.SPREAD**2) / 2, Wire.SPREAD))
            await asyncio.sleep(spent[-1])

    async def hand() -> None:
        while left:
            await call(pace, "backfill", left.pop())

    async def live(hands: asyncio.Future[list[None]]) -> None:
        while not hands.done():
            begun = loop.time()
            await call(pace, "live", False)
            waits.append(loop.time() - begun)
            await asyncio.wait([hands], timeout=max(0.0, LIVE_EVERY - (loop.time() - begun)))

    hands = asyncio.gather(*(hand() for _ in range(limits.concurrent or 8)))
    await live(hands)
    taken = pace.taken
    return Ran(seconds=(loop.now() - START).total_seconds(), calls=len(taken), batches=sum(batch for batch, _ in taken), busy=sum(spent),
               worst=max(waits), broke=within(limits, (at for _, at in taken)))
