"""A killed embedded PostgreSQL is brought back by whoever uses it, once, and one that was stopped on purpose is not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from leja.core.errors import Transient
from leja.database.embedded import EmbeddedPostgres
from leja.database.watch import Watch

SMALL = {"shared_buffers": "16MB", "max_wal_size": "64MB", "min_wal_size": "32MB"}


@pytest.fixture
def home() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="leja-watch-"))
    parent.chmod(0o711)
    yield parent / "home"
    shutil.rmtree(parent, ignore_errors=True)


def until(wish: Callable[[], object], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not wish():
        assert time.monotonic() < ends, "it did not come to that in time"
        time.sleep(0.05)


def servers(home: Path) -> list[int]:
    """The servers that run on a home's cluster; their own children bear other command lines."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/postgres") and str(home).encode() in b" ".join(words):
            found.append(int(line.parent.name))
    return found


def killed(server: EmbeddedPostgres) -> int:
    pid = server.server_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_killed_server_is_brought_back_with_what_was_committed(home: Path) -> None:
    server = EmbeddedPostgres(home, options=SMALL)
    url = server.start().owner
    watch = Watch(server)
    watch.start()
    try:
        for round_ in range(2):
            with psycopg.connect(url) as connection:
                connection.execute(f"CREATE TABLE kept_{round_} (x int)".encode())
            before = killed(server)
            until(lambda number=round_: watch.restarts == number + 1)  # type: ignore[misc]
            assert watch.state == "running"
            assert server.server_pid() not in (None, before)
            with psycopg.connect(url) as connection:
                assert connection.execute(f"SELECT count(*) FROM kept_{round_}".encode()).fetchone() == (0,)
    finally:
        watch.stop()
        server.stop(even_if_used=True)
    assert not server._answers()


WATCHER = """
import sys, time
from pathlib import Path
from leja.database.embedded import EmbeddedPostgres
from leja.database.watch import Watch
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
Watch(server).start()
print("watching", flush=True)
time.sleep(120)
"""


def test_of_several_processes_that_watch_one_starts_it(home: Path) -> None:
    server = EmbeddedPostgres(home, options=SMALL)
    server.start()
    watch = Watch(server)
    watch.start()
    others = [
        subprocess.Popen([sys.executable, "-c", WATCHER, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            assert other.stdout.readline() == "watching\n"
        for _ in range(2):
            before = killed(server)
            until(lambda gone=before: server.server_pid() not in (None, gone))  # type: ignore[misc]
            time.sleep(1)
            assert servers(home) == [server.server_pid()]
        # Whoever is killed together with the server does not matter: one that watches is enough.
        others[0].kill()
        before = killed(server)
        until(lambda: server.server_pid() not in (None, before))
    finally:
        for other in others:
            other.kill()
            other.wait()
            other.stdout.close()  # type: ignore[union-attr]
        watch.stop()
        server.stop(even_if_used=True)
    assert servers(home) == []


def test_a_server_that_was_stopped_on_purpose_stays_stopped(home: Path) -> None:
    server = EmbeddedPostgres(home, options=SMALL)
    server.start()
    watch = Watch(server)
    watch.start()
    try:
        EmbeddedPostgres(home).stop(even_if_used=True)
        until(lambda: watch.state == "stopped")
        assert servers(home) == []
    finally:
        watch.stop()


class Stubborn:
    """A server that ends at once, whatever is done; it counts how often it was started."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.back = False

    def server_pid(self) -> int | None:
        return os.getpid() if self.back else None

    def bring_back(self) -> bool:
        self.starts.append(time.monotonic())
        if not self.back:
            raise Transient("database-away", "the embedded PostgreSQL does not start: no space left on device")
        return True


def test_a_server_that_does_not_start_is_tried_more_and_more_slowly(caplog: pytest.LogCaptureFixture) -> None:
    server = Stubborn()
    watch = Watch(server, pause_seconds=0.05)
    watch.start()
    try:
        until(lambda: len(server.starts) == 5)
        assert watch.state == "restarting"
        gaps = [later - before for before, later in zip(server.starts, server.starts[1:], strict=False)]
        assert all(gap >= least for gap, least in zip(gaps, (0.05, 0.1, 0.2, 0.4), strict=True))
        server.back = True
        until(lambda: watch.state == "running")
    finally:
        watch.stop()
    assert "no space left on device" in caplog.text
    assert "is back after" in caplog.text
    assert not [thread for thread in threading.enumerate() if thread.name == "leja-database-watch"]
