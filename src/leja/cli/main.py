"""The command line: ``leja <noun> <verb>``. One file per noun."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Final

import typer

GROUPS: Final = {
    "org": "Organisations.",
    "connection": "Connections to sales and accounting systems.",
    "mapping": "Which account a role stands on, here and at each target.",
    "intake": "What arrived, and the proof that all of it did.",
    "books": "Trial balance, entries, exports.",
    "period": "Periods: lock and reopen.",
    "review": "What a person must decide.",
    "undo": "Take back what was booked by dated reversals, and say it again.",
    "audit": "The chain and its anchors.",
    "token": "API tokens.",
    "secret": "Credentials of connections.",
}
SINGLE: Final = ("demo", "up", "serve", "work", "sandbox", "sync", "explain", "check", "restored", "connectors")

app = typer.Typer(
    name="leja",
    help="Every sale, in the books, exactly once, and provable to the cent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def build() -> typer.Typer:
    """The application with every noun in it."""
    for name, words in GROUPS.items():
        app.add_typer(import_module(f"leja.cli.{name}").app, name=name, help=words, no_args_is_help=True)
    for name in SINGLE:
        app.command(name)(import_module(f"leja.cli.{name}").run)
    return app


def main() -> None:
    """Entry point of the ``leja`` command."""
    # Batches make thousands of small objects that never refer in circles: collecting seldom saves a twelfth of the time.
    gc.set_threshold(50_000, 20, 50)
    build()()
