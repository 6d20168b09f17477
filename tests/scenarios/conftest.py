"""A scene for each scenario, closed after it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from leja.database.engine import Urls
from tests.scenarios.stage import Scene

Setting = Callable[..., Scene]


@pytest.fixture
def stage(urls: Urls, tmp_path: Path) -> Iterator[Setting]:
    """Makes the scene; its arguments are those of ``Scene``."""
    with ExitStack() as stack:

        def made(**given: Any) -> Scene:
            return stack.enter_context(Scene(urls, tmp_path, **given))

        yield made
    # The servers of a scene end with connections half open; that is said here and not in the middle of another test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
