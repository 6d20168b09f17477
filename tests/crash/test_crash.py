"""Crash proof: processes die at every named place while a company trades; no sale is lost or doubled, here or there.

Ten seeded runs; ``make soak`` has several at once, since they wait more than they work, and then the rest of this file
with what they kept. ``LEJA_CRASH_RUNS`` asks for more, ``LEJA_CRASH_FIRST`` begins at another seed. Each run is told in one
line and kept in ``LEJA_CRASH_RUNS_FILE`` (``build/crash-runs.jsonl``); with ``LEJA_CRASH_RESUME`` seeds that went well
with the same sources are not run again. The histogram of the places that were hit is printed and written to
``LEJA_CRASH_HISTOGRAM`` (``build/crash-histogram.json``). What failed is kept in ``LEJA_CRASH_KEEP``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psycopg
import pytest

from tests.crash.conftest import Ground
from tests.crash.kept import Kept, histogram
from tests.crash.proof import prove
from tests.crash.run import RUNS, Told, places

pytestmark = pytest.mark.slow
FIRST = int(os.environ.get("LEJA_CRASH_FIRST", "0"))
COUNT = int(os.environ.get("LEJA_CRASH_RUNS", str(RUNS)))
RESUME = bool(os.environ.get("LEJA_CRASH_RESUME"))
SEEDS = range(FIRST, FIRST + COUNT)


@pytest.fixture(scope="module")
def kept() -> Kept:
    """The runs of these sources; without ``LEJA_CRASH_RESUME`` those of this session alone."""
    path = Path(os.environ.get("LEJA_CRASH_RUNS_FILE", "build/crash-runs.jsonl"))
    if not RESUME:
        path.unlink(missing_ok=True)
    return Kept(path)


def test_the_proof_names_what_is_lost_doubled_or_altered(ground: Ground) -> None:
    run = ground.run(7, name="calm")
    company = run.company
    try:
        company.trade(4, manner="lost")
        company.till(3)
        run.settle()
        assert prove(company) == []
        row = next(row for row in company.control("quickbooks", "documents") if row["kind"] == "SalesReceipt")
        company.control("quickbooks", "alter", kind="SalesReceipt", id=row["id"], amount="1.23")
        assert [words for words in prove(company) if words.startswith("quickbooks: ")]
        with psycopg.connect(company.urls.owner, autocommit=True) as conn:
            conn.execute("DELETE FROM remote_document WHERE kind = 'SalesReceipt'")
        assert [words for words in prove(company) if "documents that we do not know" in words]
        company.trade(1, manner="lost")
        assert [words for words in prove(company) if "sales" in words and "in the shop" in words]
    finally:
        company.close()


def test_a_run_that_was_kept_is_not_run_again_and_counts_for_its_own_sources_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    first = Kept(path, "a")
    first.add(Told(seed=1))
    first.add(Told(seed=2, wrong=["lost"]))
    with path.open("ab") as file:
        file.write(b'{"sources": "a", "told": {"se')
    again = Kept(path, "a")
    assert [again.right(seed) for seed in (1, 2, 3)] == [True, False, False]
    assert again.progress(range(1, 5)) == "2/4 done, failed: 2"
    assert not Kept(path, "b").runs


@pytest.mark.parametrize("seed", SEEDS)
def test_no_sale_is_lost_or_doubled(
    seed: int, ground: Ground, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    if RESUME and kept.right(seed):
        pytest.skip(f"seed {seed} went well with these sources before")
    run = ground.run(seed)
    told = run.run()
    kept.add(told)
    ground.judged(run, told, f"{kept.progress(SEEDS)}; {told.sentence()}", capsys)


def test_every_named_place_was_hit(ground: Ground, kept: Kept) -> None:
    runs = [kept.runs[seed] for seed in SEEDS if seed in kept.runs]
    for seed in range(100_001, 100_004):
        # How far a process gets in a moment depends on the machine: places that were not reached get a run of their own.
        missing = tuple(name for name in places() if not any(told.hit[name] for told in runs))
        if missing and len(runs) >= RUNS:
            runs.append(ground.run(seed, only=missing).run())
            assert not runs[-1].wrong, f"seed {seed}, only {missing}:\n" + "\n".join(runs[-1].wrong)
    found, others = histogram(runs)
    path = Path(os.environ.get("LEJA_CRASH_HISTOGRAM", "build/crash-histogram.json"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"runs": len(runs), "places": found, "others": others}, indent=1) + "\n")
    for name, count in found.items():
        sys.stderr.write(f"{count:6} {name}\n")
    if len(runs) < RUNS:
        pytest.skip(f"NOT RUN: {len(runs)} runs went to their end, all places are hit by {RUNS}")
    assert [name for name, count in found.items() if not count] == []
    assert others["database"]
    assert others["vendors"]
    assert others["restore"]
    assert others["paid on another day"]
