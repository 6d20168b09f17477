"""The ground of crash runs: a cluster that is killed and comes back, and where processes come from."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from leja.database.embedded import EmbeddedPostgres
from leja.database.migrate import migrate
from leja.database.watch import Watch
from tests.crash.company import Company
from tests.crash.nursery import Nursery
from tests.crash.run import CrashRun, Told


class Ground(NamedTuple):
    """Where runs happen: a folder that the database's account can pass through, a cluster and who watches it, and where
    processes come from."""

    folder: Path
    cluster: EmbeddedPostgres
    watch: Watch
    nursery: Nursery

    def run(
        self, seed: int, name: str = "", only: tuple[str, ...] = (), plays: type[Company] = Company
    ) -> CrashRun:
        """A run with a folder of its own."""
        home = self.folder / (name or f"run-{seed}")
        home.mkdir()
        return CrashRun(seed, home, self.cluster, self.watch, self.nursery, name=name, only=only, plays=plays)

    def judged(self, run: CrashRun, told: Told, words: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Say how a run ended, keep it where that is wanted, fail with what is wrong, and clear it away."""
        with capsys.disabled():
            # On the way of errors, which is the one that leads out of a worker of several, too.
            sys.stderr.write(f"\n{words}")
            sys.stderr.flush()
        if folder := os.environ.get("LEJA_CRASH_KEEP"):
            run.company.tables_kept(run.company.home / "tables.json")
            shutil.copytree(run.company.home, Path(folder) / run.company.home.name, dirs_exist_ok=True)
        assert not told.wrong, f"seed {told.seed}:\n" + "\n".join(told.wrong)
        run.company.database_dropped(run.company.name)
        shutil.rmtree(run.company.home, ignore_errors=True)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A cluster as durable as a real one: it is killed in the middle of commits, and only its watch brings it back."""
    folder = Path(tempfile.mkdtemp(prefix="leja-crash-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "database", options={"shared_buffers": "64MB"})
    server.start()
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE template_leja OWNER leja_owner TEMPLATE template0 STRATEGY file_copy")
    migrate(server.url("leja_owner", "template_leja"))
    watch, nursery = Watch(server, pause_seconds=0.1, calm_seconds=1), Nursery(folder / "nursery.log")
    watch.start()
    yield Ground(folder, server, watch, nursery)
    nursery.close()
    watch.stop()
    server.stop(even_if_used=True)
    shutil.rmtree(folder, ignore_errors=True)
