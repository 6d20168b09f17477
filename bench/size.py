"""How much is measured. ``small`` finishes in a minute or two, the usual size in about ten, ``full`` takes its time."""

from __future__ import annotations

import msgspec


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one run."""

    name: str
    seed: int = 1
    rounds: int = 5
    orders: int = 5_000
    door_rounds: int = 5
    door_seconds: float = 2.5
    few_entries: int = 1_000
    many_entries: int = 1_000_000
    exported: int = 10_000
    posted: int = 20_000
    posted_alone: int = 1_500
    backfills: tuple[int, int] = (20_000, 200_000)
    chained: int = 20_000
    told: int = 2_000
    told_alone: int = 250


SIZES = {
    "small": Size(name="small", rounds=2, orders=1_000, door_rounds=2, door_seconds=1.0, many_entries=50_000, exported=2_000,
                  posted=2_000, posted_alone=300, backfills=(2_000, 20_000), chained=2_000, told=400, told_alone=100),
    "usual": Size(name="usual"),
    "full": Size(name="full", rounds=7, orders=20_000, door_rounds=9, door_seconds=5.0, exported=100_000, posted=100_000,
                 posted_alone=10_000, chained=200_000, told=100_000, told_alone=1_000),
}
