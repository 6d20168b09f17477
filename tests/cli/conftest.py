"""A command line per test: its own database, home folder and sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leja.database.engine import Urls
from leja_sandbox.server import SandboxServer
from tests.cli.stage import Leja, Stage


@pytest.fixture
def leja(urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leja:
    """The command, on a fresh database."""
    monkeypatch.setenv("LEJA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LEJA_DATABASE_URL", urls.owner)
    monkeypatch.setenv("LEJA_DATABASE_APP_URL", urls.app)
    monkeypatch.setenv("LEJA_DATABASE_WEB_URL", urls.web)
    monkeypatch.delenv("LEJA_ORG", raising=False)
    return Leja()


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """A shop and two accounting systems, with no limits of pace."""
    server = SandboxServer(
        slugs=["shopify:shop", "quickbooks:ledger", "xero:accounts"],
        settings={
            "shop": {"points_per_second": 100_000},
            "ledger": {"per_minute": 0, "per_second": 0, "batches_per_minute": 0},
            "accounts": {"per_minute": 0, "per_day": 0, "concurrent": 0},
        },
    )
    monkeypatch.setenv("LEJA_ALLOW_PRIVATE_HOSTS", f"127.0.0.1:{server.port}")
    with server:
        yield server


@pytest.fixture
def stage(leja: Leja, sandbox: SandboxServer) -> Stage:
    """An organisation and the vendors."""
    return Stage(leja, sandbox)
