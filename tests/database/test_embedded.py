"""The embedded PostgreSQL starts in seconds, survives a kill, and leaves other people's folders alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from leja.database.embedded import EmbeddedPostgres


@pytest.fixture
def home() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="leja-embedded-"))
    parent.chmod(0o711)
    yield parent / "home"
    shutil.rmtree(parent, ignore_errors=True)


def test_a_killed_server_is_started_again_with_its_data(home: Path) -> None:
    server = EmbeddedPostgres(home)
    url = server.start().owner
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    pid = server.server_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with psycopg.connect(EmbeddedPostgres(home).start().owner) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    server.stop(even_if_used=True)


def test_the_server_stays_while_another_process_uses_it_and_stops_with_the_last(home: Path) -> None:
    first, second = EmbeddedPostgres(home), EmbeddedPostgres(home)
    first.start()
    second.start()
    first.stop()
    assert second._answers()
    second.stop()
    assert not second._answers()


def test_a_user_that_was_killed_does_not_keep_the_server_running(home: Path) -> None:
    code = f"from pathlib import Path; from leja.database.embedded import EmbeddedPostgres as E; E(Path({str(home)!r})).start(); import os; os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    server = EmbeddedPostgres(home)
    server.start()
    server.stop()
    assert not server._answers()


def test_the_working_roles_are_no_superusers_and_a_password_is_asked(home: Path) -> None:
    server = EmbeddedPostgres(home)
    urls = server.start()
    with psycopg.connect(urls.app) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(urls.app.replace("leja_app:", "leja_app:x"))
    server.stop(even_if_used=True)


def test_folders_that_were_there_keep_their_modes(home: Path) -> None:
    home.mkdir(mode=0o755)
    home.parent.chmod(0o711)
    server = EmbeddedPostgres(home)
    server.start()
    server.stop(even_if_used=True)
    assert home.parent.stat().st_mode & 0o777 == 0o711
    assert home.stat().st_mode & 0o777 == 0o755
