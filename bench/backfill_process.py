"""A process of its own: a backfill from a source that makes its pages as they are asked for; prints its peak memory.

python -m bench.backfill_process HOME ORG CONNECTION COUNT < bodies
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from bench.bodies import Sent, renamed
from bench.ground import NOW, Stopwatch
from leja.connectors.contract import BackfillPlan, Page, RawEvent, Session
from leja.house import House, Settings
from leja.intake.backfill import backfill, begin

PAGE = 100


class Lazy:
    """The source: a page is made when it is asked for and forgotten after."""

    def __init__(self, pattern: list[bytes], count: int) -> None:
        self._pattern = pattern
        self._count = count

    async def __call__(self, session: Session, since: datetime, until: datetime, cursor: str | None) -> Page:
        """The next page."""
        del session, since, until
        first = int(cursor or 0)
        last = min(first + PAGE, self._count)
        events = tuple(self._event(at) for at in range(first, last))
        return Page(events=events, cursor=str(last), more=last < self._count)

    def _event(self, at: int) -> RawEvent:
        sent = renamed(Sent(self._pattern[at % len(self._pattern)], "orders/create"), at // len(self._pattern))
        return RawEvent(key=f"order/{at}", topic=sent.topic, body=sent.body)


async def main(home: str, org: str, connection: str, count: str) -> None:
    """Run it."""
    pattern = [text.encode() for text in msgspec.json.decode(sys.stdin.buffer.read(), type=list[str])]
    house = House.open(Settings(home=Path(home)), clock=lambda: NOW)
    plan = BackfillPlan(events=int(count), calls=int(count) // PAGE, seconds=0)
    with house.database.transaction() as conn:
        run = begin(conn, UUID(org), UUID(connection), NOW - timedelta(days=365), NOW, plan, NOW)
    started = _peak_kb()
    session: Any = None  # this source calls nobody
    with Stopwatch() as watch:
        done = await backfill(house.database, UUID(org), run, Lazy(pattern, int(count)), session, clock=lambda: NOW)
    house.close()
    print(json.dumps({"kept": done.kept.new, "peak_mb": round(_peak_kb() / 1024, 1), "start_mb": round(started / 1024, 1),
                      "seconds": round(watch.seconds, 1)}))


def _peak_kb() -> int:
    """The peak of this program alone. Not ru_maxrss: that outlives exec and would be the peak of whoever started us."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
