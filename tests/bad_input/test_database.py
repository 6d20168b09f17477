"""The database's disk is full, or the database goes away and returns: 503 at the door, and nothing acknowledged is lost.

The full disk is a real one where a small tmpfs can be mounted (as root); it is played beside that by a commit that fails.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from leja.core.errors import Transient
from leja.database.embedded import EmbeddedPostgres
from leja.database.engine import Database, Urls
from leja.database.migrate import migrate
from leja.web.webhook_door import WebhookDoor

from .front import SECRET, Front, ask, explained, order, packed, signed

SMALL = {"shared_buffers": "16MB", "max_wal_size": "64MB", "min_wal_size": "32MB", "fsync": "off"}


class FullAtCommit(Database):
    """A database whose disk is full when the door or the bookkeeper wants to commit."""

    full = False

    @contextmanager
    def transaction(self, *args: Any, **more: Any) -> Iterator[Any]:
        with super().transaction(*args, **more) as conn:
            yield conn
            if self.full:
                raise psycopg.errors.DiskFull("could not extend file: No space left on device")


def test_a_full_disk_at_a_commit_answers_503_and_what_was_acknowledged_stays(
    urls: Urls, clock: Any, tmp_path: Path
) -> None:
    database = FullAtCommit(urls)
    front = Front(database, clock, tmp_path)
    assert front.post(packed(order(1)), key="1")[0] == 200
    door = WebhookDoor(front.house.doors(), front.committer(), clock)
    door.start()
    name, body = front.shop.door, packed(order(2))
    first = packed(order(1))
    assert asyncio.run(ask(door, name, first, signed(first, "orders/create", "1", SECRET)))[0] == 200
    database.full = True
    assert asyncio.run(ask(door, name, body, signed(body, "orders/create", "2"))) == (503, "database-disk-full")
    with pytest.raises(Transient, match="disk of the database is full") as caught:
        front.record()
    explained(caught.value.code)
    database.full = False
    assert asyncio.run(ask(door, name, body, signed(body, "orders/create", "2")))[0] == 200
    door.stop()
    front.record()
    assert front.booked() == ["6000000001", "6000000002"]
    front.clean()
    database.close()


@pytest.fixture
def little_disk() -> Iterator[Path]:
    """A disk of its own, 400 MB small."""
    folder = Path(tempfile.mkdtemp(prefix="leja-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", str(folder)],
                             capture_output=True, check=False)  # fmt: skip
    if mounted.returncode:
        shutil.rmtree(folder)
        pytest.skip("NOT RUN: a tmpfs cannot be mounted here; the full disk is only played by a failing commit")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A folder that the server's account may pass through."""
    home = Path(tempfile.mkdtemp(prefix="leja-own-"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


def opened(home: Path) -> tuple[EmbeddedPostgres, Urls]:
    """A server of its own with Leja's schema."""
    server = EmbeddedPostgres(home / "server", options=SMALL)
    urls = server.start()
    migrate(urls.owner)
    return server, urls


def test_a_disk_that_is_really_full_loses_nothing_that_was_acknowledged(
    little_disk: Path, clock: Any, tmp_path: Path
) -> None:
    server, urls = opened(little_disk)
    database = Database(urls, wait_seconds=3)
    try:
        front = Front(database, clock, tmp_path, answer_seconds=20)
        acknowledged = [key for key in range(5) if front.post(packed(order(key)), key=str(key))[0] == 200]
        assert len(acknowledged) == 5
        filler = little_disk / "filler"
        _fill(filler)
        refused = 0
        for key in range(5, 40):
            # Large bodies that do not pack: the free room inside the files is used up soon.
            body = packed(order(key, note=os.urandom(300_000).hex()))
            status, code = front.post(body, key=str(key))
            assert status in (200, 503)
            if status == 200:
                acknowledged.append(key)
                continue
            assert code in ("database-disk-full", "database-away")
            explained(code)
            refused += 1
            if refused == 3:
                break
        assert refused == 3, "the disk was never full"
        filler.unlink()
        server.start()
        for key in range(40, 42):
            assert front.post(packed(order(key)), key=str(key))[0] == 200
        front.record()
        held = {int(row[0]) for row in front.rows("SELECT event_key FROM event WHERE org_id = :org")}
        assert held >= {*acknowledged, 40, 41}
        assert set(front.booked()) >= {str(6_000_000_000 + key) for key in acknowledged}
        front.clean()
    finally:
        database.close()
        server.stop(even_if_used=True)


def _kill(pid: int) -> None:
    """The server and its backends at once, as a power cut would: a backend alone might still finish a commit."""
    parents = {int(stat.parent.name): int(stat.read_text().rpartition(")")[2].split()[1])
               for stat in Path("/proc").glob("[0-9]*/stat")}  # fmt: skip
    for one in (pid, *(child for child, parent in parents.items() if parent == pid)):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError as error:
            assert error.errno == 28  # noqa: PT017 - ENOSPC is what ends the loop


def test_a_database_that_is_killed_and_returns_loses_nothing_that_was_acknowledged(
    own_home: Path, clock: Any, tmp_path: Path
) -> None:
    server, urls = opened(own_home)
    database = Database(urls, wait_seconds=1)
    try:
        front = Front(database, clock, tmp_path)
        door = WebhookDoor(front.house.doors(), front.committer(), clock)
        door.start()

        def send(key: int) -> tuple[int, str]:
            body = packed(order(key))
            return asyncio.run(ask(door, front.shop.door, body, signed(body, "orders/create", str(key))))

        assert [send(key)[0] for key in range(1, 4)] == [200] * 3
        _kill(int((server.cluster / "postmaster.pid").read_text().split()[0]))
        status, code = send(4)
        assert (status, code) in ((503, "database-away"), (503, "door-slow"))
        explained(code)
        with pytest.raises(Transient, match="database cannot be reached") as caught:
            front.record()
        explained(caught.value.code)
        server.start()
        assert send(4)[0] == 200
        door.stop()
        front.record()
        assert front.booked() == [str(6_000_000_000 + key) for key in range(1, 5)]
        front.clean()
    finally:
        database.close()
        server.stop(even_if_used=True)
