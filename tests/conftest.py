"""Fixtures that every room's tests share: a fresh database each, a clock that stands still, the reference material."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis.internal.observability  # noqa: F401
import psycopg
import pytest

from leja.database.embedded import EmbeddedPostgres
from leja.database.engine import Database, Urls
from leja.database.migrate import migrate

# A pytest plugin imports hypothesis at the very end, when Python 3.11 may not be able to parse a module any more: formatting
# tracebacks in several threads at once upsets its parser's bookkeeping (CPython issue 106905). Schemathesis' own plugin does the
# same and is not needed, so pyproject.toml leaves it out.
ROOT = Path(__file__).resolve().parent.parent
_names = itertools.count(1)


class StillClock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> datetime:
        """Move on by a timedelta's arguments."""
        self.now += timedelta(**amount)
        return self.now


@pytest.fixture
def clock() -> StillClock:
    """A clock that stands at 09:00 UTC on 1 June 2026 until it is moved."""
    return StillClock()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the project; tests that need it are skipped loudly where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so this check against reference material cannot run")
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedPostgres]:
    """One embedded PostgreSQL for the run, with a migrated template database."""
    home = Path(tempfile.mkdtemp(prefix="leja-tests-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(
        home, options={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
    )
    server.start()
    _create(server, "template_leja", "template0")
    migrate(server.url("leja_owner", "template_leja"))
    yield server
    server.stop(even_if_used=True)
    shutil.rmtree(home, ignore_errors=True)


def _create(server: EmbeddedPostgres, name: str, template: str) -> None:
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER leja_owner TEMPLATE {template} STRATEGY file_copy".encode())


@pytest.fixture
def urls(cluster: EmbeddedPostgres) -> Iterator[Urls]:
    """Addresses of a fresh, migrated database."""
    name = f"test_{os.getpid()}_{next(_names)}"
    _create(cluster, name, "template_leja")
    yield Urls(**{role: cluster.url(f"leja_{role}", name) for role in ("owner", "app", "web")})
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.fixture
def database(urls: Urls) -> Iterator[Database]:
    """A fresh, migrated database; transactions are those of role leja_app."""
    opened = Database(urls)
    yield opened
    opened.close()


@pytest.fixture
def owner_connection(urls: Urls) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection with the owner's rights, in autocommit: what an administrator could do."""
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        yield connection
