"""Crash proof: processes die at every named place while a company trades; no sale is lost or doubled, here or there.

Ten seeded runs; ``LEJA_CRASH_RUNS`` asks for more, ``LEJA_CRASH_FIRST`` begins at another seed. The histogram of the
places that were hit is printed and written to ``LEJA_CRASH_HISTOGRAM`` (``build/crash-histogram.json``). What failed is
kept in ``LEJA_CRASH_KEEP``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from leja.database.embedded import EmbeddedPostgres
from leja.database.migrate import migrate
from tests.crash.nursery import Nursery
from tests.crash.proof import prove
from tests.crash.run import RUNS, CrashRun, Told, places

pytestmark = pytest.mark.slow
FIRST = int(os.environ.get("LEJA_CRASH_FIRST", "0"))
COUNT = int(os.environ.get("LEJA_CRASH_RUNS", str(RUNS)))
TOLD: list[Told] = []


@pytest.fixture(scope="module")
def ground() -> Iterator[Path]:
    """A folder that the database's account can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="leja-crash-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def crash_cluster(ground: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster of its own, as durable as a real one: it is killed in the middle of commits."""
    server = EmbeddedPostgres(ground / "database", options={"shared_buffers": "64MB"})
    server.start()
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE template_leja OWNER leja_owner TEMPLATE template0 STRATEGY file_copy")
    migrate(server.url("leja_owner", "template_leja"))
    yield server
    server.stop(even_if_used=True)


@pytest.fixture(scope="module")
def nursery(ground: Path) -> Iterator[Nursery]:
    """Where processes come from."""
    made = Nursery(ground / "nursery.log")
    yield made
    made.close()


def test_the_proof_names_what_is_lost_doubled_or_altered(
    ground: Path, crash_cluster: EmbeddedPostgres, nursery: Nursery
) -> None:
    home = ground / "calm"
    home.mkdir()
    run = CrashRun(7, home, crash_cluster, nursery, name="calm")
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


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_no_sale_is_lost_or_doubled(seed: int, ground: Path, crash_cluster: EmbeddedPostgres, nursery: Nursery) -> None:
    home = ground / f"run-{seed}"
    home.mkdir()
    run = CrashRun(seed, home, crash_cluster, nursery)
    told = run.run()
    TOLD.append(told)
    sys.stderr.write(
        f"\nseed {seed}: {told.seconds} s, hit {dict(told.hit)}, missed {told.missed}, others {dict(told.others)},"
        f" faults {told.faults}\n"
    )
    if kept := os.environ.get("LEJA_CRASH_KEEP"):
        run.company.tables_kept(home / "tables.json")
        shutil.copytree(home, Path(kept) / home.name, dirs_exist_ok=True)
    assert not told.wrong, f"seed {seed}:\n" + "\n".join(told.wrong)
    run.company.database_dropped(run.company.name)
    shutil.rmtree(home, ignore_errors=True)


def _once_more(seed: int, missing: list[str], ground: Path, cluster: EmbeddedPostgres, nursery: Nursery) -> Told:
    """A run at the places that were not reached in time: how far a process gets in a moment depends on the machine."""
    home = ground / f"run-{seed}"
    home.mkdir()
    told = CrashRun(seed, home, cluster, nursery, only=missing).run()
    assert not told.wrong, f"seed {seed}, only {missing}:\n" + "\n".join(told.wrong)
    return told


def test_every_named_place_was_hit(ground: Path, crash_cluster: EmbeddedPostgres, nursery: Nursery) -> None:
    for seed in range(1001, 1004):
        missing = [name for name in places() if not any(told.hit[name] for told in TOLD)]
        if missing and len(TOLD) >= RUNS:
            TOLD.append(_once_more(seed, missing, ground, crash_cluster, nursery))
    hit: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for told in TOLD:
        hit.update(told.hit)
        others.update(told.others)
    histogram = {name: hit[name] for name in places()}
    path = Path(os.environ.get("LEJA_CRASH_HISTOGRAM", "build/crash-histogram.json"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"runs": len(TOLD), "places": histogram, "others": others}, indent=1) + "\n")
    for name, count in histogram.items():
        sys.stderr.write(f"{count:6} {name}\n")
    if len(TOLD) < RUNS:
        pytest.skip(f"NOT RUN: {len(TOLD)} runs went to their end, all places are hit by {RUNS}")
    assert [name for name, count in histogram.items() if not count] == []
    assert others["database"]
    assert others["vendors"]
    assert others["restore"]
