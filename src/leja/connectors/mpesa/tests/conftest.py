"""A database for the tests that go through Leja's own rooms."""

from __future__ import annotations

from tests.conftest import cluster
from tests.connectors.conftest import shelf

__all__ = ["cluster", "shelf"]
