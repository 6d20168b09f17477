"""COPY in its binary form: a fifth faster here than the text form, measured, and nothing to escape.

A handful of rows goes as one prepared INSERT instead: a COPY costs a round trip more and most of its time is its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Final

from psycopg import Copy, RawCursor

from leja.database.engine import Connection

FEW: Final = 12
Row = Sequence[object]


class Rows:
    """Which columns of a table a COPY fills, and their types."""

    def __init__(self, table: str, columns: dict[str, str]) -> None:
        self.statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)".encode()
        self.types = list(columns.values())
        self._head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        self.inserts = [self._insert(count).encode() for count in range(FEW + 1)]

    def _insert(self, rows: int) -> str:
        width = len(self.types)
        return self._head + ", ".join(
            "(" + ", ".join(f"${row * width + at}::{type_}" for at, type_ in enumerate(self.types, 1)) + ")" for row in range(rows))


@contextmanager
def copied(conn: Connection, rows: Rows) -> Iterator[Callable[[Row], None]]:
    """One statement for all rows of the block, as the function that takes one row; the guards see it when the block ends."""
    held: list[Row] = []
    into: Copy | None = None
    with ExitStack() as open_copy:

        def take(row: Row) -> None:
            nonlocal into
            if into is not None:
                into.write_row(row)
                return
            held.append(row)
            if len(held) > FEW:
                into = open_copy.enter_context(open_copy.enter_context(conn.cursor()).copy(rows.statement))
                into.set_types(rows.types)
                for each in held:
                    into.write_row(each)

        yield take
    if held and into is None:
        # A raw cursor: the other kind reads a statement of so many values anew each time.
        RawCursor(conn).execute(rows.inserts[len(held)], list(chain.from_iterable(held)))
