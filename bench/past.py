"""The source half of (i): how near reading the past of a source comes to the least time that its limits allow, on a virtual clock."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from bench.figure import Figure, figure
from bench.least import least
from bench.size import Size
from bench.telling import Counted
from bench.virtual import LoopClock, VirtualLoop, Wire, wired
from leja.access.vault import Vault
from leja.connectors import registry
from leja.house import House, Settings
from leja_sandbox.server import SandboxServer
from tests.connectors.source_scene import SourceScene
from tests.connectors.stages import source_stage, sources

WHOLE = 100_000


class Reading(SourceScene):
    """The suites' scene of a source, without a network, a door and a clock that anybody waits for."""

    def __init__(self, slug: str, house: House, folder: Path, *, seed: int) -> None:
        self.loop = VirtualLoop()
        self.slug, self.stage, self.clock, self.database = slug, source_stage(slug), LoopClock(self.loop), house.database  # type: ignore[assignment]
        self._runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self.server = SandboxServer(slugs=[slug], clock=self.clock, seed=seed, settings={slug: self.stage.stand_in})
        self.stand_in = self.server.stand_in(slug)
        self._wired = wired(self.server, seed)
        self.wire: Wire = self._wired.__enter__()
        settings = Settings(home=folder, private_hosts=frozenset({f"127.0.0.1:{self.server.port}"}))
        self.house = House(settings, house.database, Vault.open_file(folder / "vault.key"), self.clock)
        self.pace = Counted(registry.connector(slug).limits, now=self.clock)
        self.connection, self.door = self._connect(), None
        self.session = self.house.session(self.connection)
        self.session.http.pacing = self.pace

    def __exit__(self, *_: object) -> None:
        self.run(self.session.http.close())
        self._runner.close()
        self._wired.__exit__(None, None, None)
        self.server.stop()

    def taken(self) -> int:
        """Sales that stand in our books."""
        ((count,),) = self.rows("SELECT count(*) FROM document WHERE org_id = %s AND kind = 'sale'")
        return int(count)


def figures(house: House, size: Size) -> tuple[list[Figure], list[str]]:
    """The figures of every source that can be backfilled, and which sources cannot be."""
    able = [slug for slug in sources() if "backfill" in registry.capabilities(slug)]
    others = sorted(slug for slug, one in registry.connectors().items() if one.roles & {"sales", "payments"} and slug not in able)
    return [read(house, slug, size.told, size.seed) for slug in able], [
        f"{slug}: its past comes in files, which no limit slows down, or in the hours that its poll looks back" for slug in others]


def read(house: House, slug: str, count: int, seed: int) -> Figure:
    """The past of one source with so many sales in it, backfill and what it makes wanted."""
    limits = registry.connector(slug).limits
    with tempfile.TemporaryDirectory() as folder, Reading(slug, house, Path(folder), seed=seed) as scene:
        for number in range(count):
            scene.sell(number)
            scene.loop.jump(30)
        scene.wire.calls.clear()
        scene.pace.spent = 0.0
        begun = scene.loop.time()
        scene.backfill()
        seconds = scene.loop.time() - begun
        if scene.taken() != count:
            raise RuntimeError(f"{slug}: {scene.taken()} of {count} sales are in the books: {scene.unfinished()}")
        calls, busy = len(scene.wire.calls), sum(one for _, one in scene.wire.calls)
        pace = scene.pace
    whole = [round(one * WHOLE / count) for one in (calls, seconds, busy)]
    points = (max(0.0, pace.spent * WHOLE / count - pace.maximum) / pace.rate if pace.rate else 0.0, "cost points")
    asked, by = max(least(limits, whole[0], 0, whole[2]), points)
    detail: dict[str, Any] = {
        "sales_read": count, "calls": calls, f"calls_of_{WHOLE}_sales": whole[0], "hours": round(whole[1] / 3600, 2),
        "beside_its_calls_one_after_the_other": round(seconds / busy, 3),
    }  # fmt: skip
    return figure("i", f"{slug}: reading {WHOLE:,} sales of the past", f"the least time, by its {by}", [whole[1] / asked], **detail)
