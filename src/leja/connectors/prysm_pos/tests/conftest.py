"""The reference material beside the project, and a database for what is told through the real door."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import cluster
from tests.connectors.conftest import shelf

__all__ = ["cluster", "shelf"]


@pytest.fixture(scope="session")
def specs() -> Path:
    """The contract's schema, examples and signature vectors; what needs them is skipped loudly where they are absent."""
    folder = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "prysm_pos"
    if not folder.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so this check against the contract itself cannot run")
    return folder
