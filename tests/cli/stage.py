"""A command line on a database of its own, and stand-ins of the vendors to connect to."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import typer
import typer.testing
from typer.testing import CliRunner

from leja.cli.main import build
from leja_sandbox.server import SandboxServer

START = "2026-05-01"
ACCOUNTING = {"ledger": ("quickbooks", "realmId"), "accounts": ("xero", "tenantId")}


# The runner builds all commands anew for each call, which takes longer than most commands.
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]


@functools.cache
def _app() -> typer.Typer:
    return build()


class Leja:
    """The command ``leja``, run in this process. ``json`` parses the one object that ``--json`` prints."""

    def __init__(self) -> None:
        self._app = _app()

    def __call__(self, *words: str, code: int = 0, given: str | None = None) -> Any:
        """Run a command and expect its exit code."""
        result = CliRunner().invoke(self._app, [str(word) for word in words], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, (
            f"leja {' '.join(map(str, words))}: {result.exit_code}\n{result.stdout}\n{result.stderr}"
        )
        return result

    def json(self, *words: str, code: int = 0, given: str | None = None) -> Any:
        """Run with --json: standard output must be one JSON object and nothing else."""
        found = json.loads(self(*words, "--json", code=code, given=given).stdout)
        assert isinstance(found, dict)
        return found


class Stage:
    """An organisation with a shop, a till's files and an accounting system, all made by commands."""

    def __init__(self, leja: Leja, sandbox: SandboxServer) -> None:
        self.leja = leja
        self.sandbox = sandbox
        leja("org", "create", "Duka", "--currency", "GBP", "--country", "GB", "--zone", "Europe/London")

    def shop(self) -> None:
        """The web shop."""
        self.leja(
            "connection",
            "add",
            "shopify",
            "shop",
            "--set",
            "shop=leja-sandbox.myshopify.com",
            "--set",
            "reads_all_orders=true",
            "--secret",
            "webhook_secret=shpss_sandbox",
            "--secret",
            "client_secret=shpss_sandbox",
            "--access-token",
            "shpat_sandbox",
            "--tenant",
            "leja-sandbox.myshopify.com",
            "--base-url",
            self.sandbox.url("shop"),
            "--start-date",
            START,
        )

    def till(self) -> None:
        """The till's files."""
        self.leja(
            "connection",
            "add",
            "retail_csv",
            "till",
            "--set",
            "zone=Europe/London",
            "--set",
            "currency=GBP",
            "--start-date",
            "2010-01-01",
        )
        self.leja("mapping", "set", "clearing:retail_terminal", "default")

    def books(self, name: str = "ledger", start: str = "2010-01-01") -> None:
        """An accounting system."""
        slug, tenant = ACCOUNTING[name]
        granted = self.control(name, "grant")
        self.leja(
            "connection",
            "add",
            slug,
            name,
            "--set",
            "client_id=sandbox-client",
            "--secret",
            "client_secret=-",
            "--tenant",
            granted[tenant],
            "--base-url",
            self.sandbox.url(name),
            "--access-token",
            granted["access_token"],
            "--refresh-token",
            granted["refresh_token"],
            "--start-date",
            start,
            given="sandbox-secret\n",
        )

    def control(self, name: str, action: str, **arguments: Any) -> Any:
        """Act as the people over there."""
        return self.sandbox.stand_in(name).control.call(action, **arguments)

    def sales_file(self, folder: Path, *, extra: str = "") -> Path:
        """Two invoices and one return of a till."""
        path = folder / "till.csv"
        path.write_text(
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
            "700001,85123A,KIKAPU BASKET,6,2026-05-04 08:26:00,2.55,17850,United Kingdom\n"
            "700001,71053,BATIK LANTERN,2,2026-05-04 08:26:00,3.39,17850,United Kingdom\n"
            "700002,22633,HAND WARMER,5,2026-05-04 09:02:00,1.85,13047,United Kingdom\n"
            f"C700003,22633,HAND WARMER,-1,2026-05-05 10:00:00,1.85,13047,United Kingdom\n{extra}"
        )
        return path
