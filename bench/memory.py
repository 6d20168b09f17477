"""(e) The peak memory of a backfill at few and at many orders."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from bench import bodies
from bench.figure import Outcome, figure
from bench.ground import opened, trade
from bench.size import Size

ROOT = Path(__file__).resolve().parent.parent
METHOD = (
    "A process of its own runs leja.intake.backfill over a source that makes its pages of 100 orders as they are asked for, from 200 "
    "real bodies under ever new ids, and keeps them in the inbox. Its peak resident memory, as the system counts it for that program (VmHWM), is taken at few "
    "and at many orders. The database is a process apart."
)


def run(size: Size) -> Outcome:
    """Measure it."""
    few, many = size.backfills
    pattern = msgspec.json.encode([one.body.decode() for one in bodies.orders(200, size.seed)])
    with opened() as house:
        said = {}
        for count in (few, many):
            one = trade(house, f"backfill {count}")
            arguments = [sys.executable, "-m", "bench.backfill_process", str(house.settings.home), str(one.org.org_id),
                         str(one.shop.connection_id), str(count)]
            done = subprocess.run(arguments, input=pattern, capture_output=True, check=True, cwd=ROOT)
            said[count] = json.loads(done.stdout)
            if said[count]["kept"] != count:
                raise RuntimeError(f"of {count} orders {said[count]['kept']} were kept")
    found = figure("e", f"peak memory of a backfill of {many:,} orders", f"of {few:,}", [said[many]["peak_mb"] / said[few]["peak_mb"]],
                   bound=1.2, many_mb=said[many]["peak_mb"], few_mb=said[few]["peak_mb"],
                   before_it_began_mb=said[many]["start_mb"], seconds=said[many]["seconds"])
    return Outcome(part="e", title="memory", method=METHOD, figures=(found,))
