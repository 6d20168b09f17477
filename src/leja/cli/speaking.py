"""How commands speak: tables for people, one JSON object with ``--json``, exit codes by remedy, errors with the way out."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from leja.core.errors import (
    BrokenInvariant,
    Conflict,
    LejaError,
    NeedsConsent,
    NeedsReview,
    OutcomeUnknown,
    Refused,
    Transient,
)
from leja.house import House, Settings

EXIT: Final[Mapping[type[LejaError], int]] = {
    Refused: 2, NeedsReview: 3, NeedsConsent: 4, Transient: 5, OutcomeUnknown: 6, Conflict: 7, BrokenInvariant: 70,
}
FOUND_SOMETHING: Final = 1

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Org = Annotated[str, typer.Option("--org", envvar="LEJA_ORG", help="The organisation, where there are several.")]

F = TypeVar("F", bound=Callable[..., Any])


def out() -> Console:
    """Where people read: the terminal, or plain text of a fixed width."""
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False, markup=False)


def aside() -> Console:
    """Where progress and errors go, so that the answer can be piped on."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else 120, highlight=False, markup=False)


def command(function: F) -> F:
    """A command that ends with the exit code of its error, printed with its remedy; or as JSON where that was asked for."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except LejaError as error:
            _tell(error, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(next(code for kind, code in EXIT.items() if isinstance(error, kind))) from None

    return run  # type: ignore[return-value]


def _tell(error: LejaError, *, as_json: bool) -> None:
    if as_json:
        answer({"error": error.as_dict()})
        return
    console = aside()
    console.print(f"[red]{error.code}[/red]: {escape(error.message)}", markup=True, soft_wrap=True)
    console.print(f"  → {error.remedy}", markup=False, soft_wrap=True)


def answer(value: Any) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """A table for people; columns named in ``right`` hold amounts."""
    shown = Table(title=Text(title), title_justify="left", header_style="bold")
    for column in columns:
        shown.add_column(column, justify="right" if column in right else "left")
    for row in rows:
        # As plain text: what came from outside may look like markup.
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    out().print(shown)


@contextmanager
def opened() -> Iterator[House]:
    """Leja, opened for one command."""
    house = House.open(Settings.read(os.environ))
    try:
        yield house
    finally:
        house.close()
