"""The front that bad input is thrown at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leja.database.engine import Database

from .front import Front


@pytest.fixture
def front(database: Database, clock: Any, tmp_path: Path) -> Front:
    """A shop and a till with empty books."""
    return Front(database, clock, tmp_path)
