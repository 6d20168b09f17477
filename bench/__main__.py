"""``python -m bench [a b c d e f g h i] [--size small|usual|full] [--seed N] [--out FILE]``: a table, and the same as JSON."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench import balances, calls, chain, door, limits, memory, posting, recording, sources
from bench.figure import Outcome, table
from bench.ground import Stopwatch
from bench.machine import machine
from bench.size import SIZES, Size

PARTS: dict[str, Callable[[Size], Outcome]] = {
    "a": recording.run, "b": door.run, "c": balances.run, "d": posting.run, "e": memory.run, "f": chain.run, "g": sources.run,
    "h": calls.run, "i": limits.run,
}
LATEST = Path(__file__).parent / "results" / "latest.json"


def main(arguments: list[str]) -> None:
    """Run the parts that were asked for."""
    asked = _parser().parse_args(arguments)
    size = msgspec.structs.replace(SIZES[asked.size], seed=asked.seed)
    about, load = machine(), os.getloadavg()
    print(f"{about.cores} cores, {about.processor}, {about.memory_gb} GB, Python {about.python}, PostgreSQL {about.postgres},"
          f" fsync {about.fsync}, load before {load[0]:.2f}")
    outcomes = []
    for part in asked.parts or sorted(PARTS):
        with Stopwatch() as watch:
            outcome = PARTS[part](size)
        outcomes.append(msgspec.structs.replace(
            outcome, seconds=round(watch.seconds, 1), load=os.getloadavg(), at=_now(), size=size.name))
        print(table(outcomes[-1:]), flush=True)
    written = {"at": _now(), "machine": about, "load_before": load, "size": size,
               "outcomes": sorted([*outcomes, *_earlier(asked.out, outcomes)], key=lambda one: one.part)}
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n")
    print(f"\nwritten to {asked.out}")


def _earlier(file: Path, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """What the file says of the parts that were not run now: it keeps the newest of each, with its day and size."""
    if not file.exists():
        return []
    run = {one.part for one in outcomes}
    return [one for one in msgspec.json.decode(file.read_bytes(), type=_Kept).outcomes if one.part not in run]


class _Kept(msgspec.Struct):
    outcomes: list[Outcome]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios, measured in one run.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help="which parts; all without")
    parser.add_argument("--size", choices=sorted(SIZES), default="usual")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=LATEST)
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
