"""(h) How many calls a thousand sales cost at each target, by posting mode, live and in a backfill."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.figure import Figure, Outcome, figure
from bench.ground import opened
from bench.size import Size
from bench.telling import Telling
from leja import flow
from leja.house import House
from tests.connectors.stages import targets

MODES = ("each", "daily", "payout")
LIVE_EVERY = 60.0
METHOD = (
    "Sales by card of three lines go through the delivery room and the connector to the vendor's stand-in in the same process, on a "
    "clock that nobody waits for. Backfill: all at once, 200 a day, with mode payout a payout for each 250. Live: one a minute, each "
    "told as soon as its mode lets it, which includes asking what changed over there. All calls are counted, reads too; reading the "
    "chart once and the items that are made once are not."
)


def run(size: Size) -> Outcome:
    """Count it for every target that is present."""
    with opened() as house:
        figures = [counted(house, slug, mode, lane, size) for slug in targets() for mode in MODES for lane in ("backfill", "live")]
    return Outcome(part="h", title="calls for a thousand sales", method=METHOD, figures=tuple(figures))


def counted(house: House, slug: str, mode: str, lane: str, size: Size) -> Figure:
    """Calls for a sale, times a thousand."""
    count = size.told if lane == "backfill" else size.told_alone
    with tempfile.TemporaryDirectory() as folder, Telling(slug, house.database, Path(folder), mode=mode, seed=size.seed) as scene:
        scene.sell(1)
        scene.run(scene.told())
        scene.wire.calls.clear()
        if lane == "backfill":
            scene.sell(count, lane, payouts=mode == "payout")
            scene.run(scene.told())
        else:
            scene.run(_one_by_one(scene, count, payouts=mode == "payout"))
        if scene.left() or scene.held():
            raise RuntimeError(f"{slug}, {mode}, {lane}: {scene.left()} things were not told: {scene.held()[:3]}")
        calls = len(scene.wire.calls)
        writes = sum(scene.stage.writes != "" and not call.startswith("GET ") for call, _ in scene.wire.calls)
    return figure("h", f"{slug}, {mode}, {lane}: calls", "a thousand sales", [calls * 1000 / count], sales=count, calls=calls, not_get=writes)


async def _one_by_one(scene: Telling, count: int, *, payouts: bool) -> None:
    for _ in range(count):
        scene.sell(1, day=scene.clock().date(), payouts=payouts)
        await flow.deliver(scene.database, scene.target(), scene.house.holder, scene.clock)
        await asyncio.sleep(LIVE_EVERY)
    await scene.told()
