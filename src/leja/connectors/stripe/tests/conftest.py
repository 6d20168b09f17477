"""The reference material beside the project, where it is there, and a database for the tests of the books."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import cluster
from tests.connectors.conftest import shelf

__all__ = ["cluster", "shared", "shelf"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The vendor's specifications; what needs them is skipped loudly where they are absent."""
    folder = Path(__file__).resolve().parents[5].parent / "shared"
    if not folder.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so this check against reference material cannot run")
    return folder
