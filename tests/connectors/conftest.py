"""Scenes for the suites: one database per file of tests, an organisation and a stand-in of its own per test."""

from __future__ import annotations

import gc
import itertools
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from leja.database.embedded import EmbeddedPostgres
from leja.database.engine import Database, Urls

from .source_scene import SourceScene
from .target_scene import TargetScene

Against = Callable[..., TargetScene]
_names = itertools.count(1)


@pytest.fixture(scope="module")
def shelf(cluster: EmbeddedPostgres) -> Iterator[Database]:
    """One migrated database for all tests of a file; each founds an organisation of its own in it."""
    name = f"suite_{os.getpid()}_{next(_names)}"
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER leja_owner TEMPLATE template_leja STRATEGY file_copy".encode())
    opened = Database(Urls(**{role: cluster.url(f"leja_{role}", name) for role in ("owner", "app", "web")}))
    yield opened
    opened.close()
    _say_what_is_left_open()
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def standing(shelf: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], TargetScene]]:
    """standing(slug): a target's scene that the tests of a file share, for what needs no fresh one."""
    scenes: dict[str, TargetScene] = {}
    with ExitStack() as stack:

        def made(slug: str) -> TargetScene:
            if slug not in scenes:
                scenes[slug] = stack.enter_context(TargetScene(slug, shelf, tmp_path_factory.mktemp(slug)))
            return scenes[slug]

        yield made


@pytest.fixture
def against(shelf: Database, tmp_path: Path) -> Iterator[Against]:
    """against(slug, mode="daily", ...): a target's stand-in with an organisation that tells it."""
    with ExitStack() as stack:

        def made(slug: str, **given: Any) -> TargetScene:
            return stack.enter_context(TargetScene(slug, shelf, tmp_path, **given))

        yield made


@pytest.fixture
def reading(shelf: Database, tmp_path: Path) -> Iterator[Callable[..., SourceScene]]:
    """reading(slug, door=False): a source's stand-in with an organisation that reads it."""
    with ExitStack() as stack:

        def made(slug: str, **given: Any) -> SourceScene:
            return stack.enter_context(SourceScene(slug, shelf, tmp_path, **given))

        yield made


def _say_what_is_left_open() -> None:
    """Servers end with connections half open; that is said at the end of a file and not in the middle of another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
