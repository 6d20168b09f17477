"""What a stand-in remembers: one SQLite file (or memory), written before the answer goes out.

A stand-in that is killed and started again on the same file has everything that it accepted and nothing else.
Records are JSON objects by kind and id. Keep amounts as integers of minor units or as
text, never as numbers with a point.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, Final

import msgspec

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL, id TEXT NOT NULL, sort TEXT NOT NULL, visible_from REAL NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_sort ON record (kind, sort, id);
CREATE TABLE IF NOT EXISTS number (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS late_request (id INTEGER PRIMARY KEY, due REAL NOT NULL, request BLOB NOT NULL);
"""


class Store:
    """Durable records of one stand-in. ``with store.transaction():`` is atomic; inside another it is a savepoint."""

    def __init__(self, path: Path | None = None) -> None:
        self._db = sqlite3.connect(str(path or ":memory:"), check_same_thread=False, isolation_level=None)
        # A process that dies loses nothing with these settings; only a dying operating system would.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._lock = RLock()
        self._depth = 0
        self.schema(_SCHEMA)

    def schema(self, script: str) -> None:
        """Creates a stand-in's own tables; every statement must bear IF NOT EXISTS."""
        with self._lock:
            self._db.executescript(script)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """All or nothing; nested calls are savepoints, so that parts of a batch can fail alone."""
        with self._lock:
            depth = self._depth
            self._db.execute("BEGIN IMMEDIATE" if depth == 0 else f"SAVEPOINT part_{depth}")
            self._depth += 1
            try:
                yield self
            except BaseException:
                self._depth -= 1
                if depth == 0:
                    self._db.execute("ROLLBACK")
                else:
                    self._db.execute(f"ROLLBACK TO part_{depth}")
                    self._db.execute(f"RELEASE part_{depth}")
                raise
            self._depth -= 1
            self._db.execute("COMMIT" if depth == 0 else f"RELEASE part_{depth}")

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement and returns its rows."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def put(self, kind: str, key: str | int, body: Any, *, sort: str = "", visible_from: float = 0.0) -> None:
        """Writes a record, new or again. ``sort`` orders ``each``; ``visible_from`` (epoch) is when search finds it."""
        self.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, id) DO UPDATE"
            " SET sort = excluded.sort, visible_from = excluded.visible_from, body = excluded.body",
            kind, str(key), sort, visible_from, msgspec.json.encode(body),
        )  # fmt: skip

    def get(self, kind: str, key: str | int) -> Any | None:
        """The record of that id, or None. A read by id always sees it, lag or not."""
        rows = self.execute("SELECT body FROM record WHERE kind = ? AND id = ?", kind, str(key))
        return msgspec.json.decode(rows[0][0]) if rows else None

    def remove(self, kind: str, key: str | int) -> None:
        """Deletes the record if it is there."""
        self.execute("DELETE FROM record WHERE kind = ? AND id = ?", kind, str(key))

    def each(
        self,
        kind: str,
        *,
        since: str = "",
        until: str | None = None,
        seen_at: datetime | None = None,
        newest_first: bool = False,
        offset: int = 0,
        limit: int = -1,
    ) -> list[Any]:
        """Records of a kind in order of ``sort``, from ``since`` on and before ``until``.

        With ``seen_at`` it is a search: records that are not yet visible then are left out.
        """
        order = "DESC" if newest_first else "ASC"
        rows = self.execute(
            "SELECT body FROM record WHERE kind = ? AND sort >= ? AND (? IS NULL OR sort < ?) AND visible_from <= ?"
            f" ORDER BY sort {order}, id {order} LIMIT ? OFFSET ?",
            kind, since, until, until, seen_at.timestamp() if seen_at else 9e18, limit, offset,
        )  # fmt: skip
        return [msgspec.json.decode(row[0]) for row in rows]

    def count(self, kind: str) -> int:
        """How many records of a kind there are."""
        return int(self.execute("SELECT count(*) FROM record WHERE kind = ?", kind)[0][0])

    def next_number(self, name: str, start: int = 1) -> int:
        """The next number of a gap-free series."""
        rows = self.execute(
            "INSERT INTO number VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last",
            name, start,
        )  # fmt: skip
        return int(rows[0][0])

    def next_numbers(self, name: str, count: int, start: int = 1) -> range:
        """The next ``count`` numbers of a gap-free series."""
        rows = self.execute(
            "INSERT INTO number VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = last + ? RETURNING last",
            name, start + count - 1, count,
        )  # fmt: skip
        return range(int(rows[0][0]) - count + 1, int(rows[0][0]) + 1)
