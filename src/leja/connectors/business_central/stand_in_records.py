"""What the stand-in of Business Central keeps: records of its entity sets, and the entries of its general ledger."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec

from leja_sandbox.kit import Environment

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bc_record (
    kind TEXT NOT NULL, id TEXT NOT NULL, number TEXT NOT NULL, parent TEXT NOT NULL, origin TEXT NOT NULL,
    version INTEGER NOT NULL, updated REAL NOT NULL, visible REAL NOT NULL, made INTEGER NOT NULL, body TEXT NOT NULL,
    external TEXT NOT NULL,    PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS bc_record_number ON bc_record (kind, number);
CREATE INDEX IF NOT EXISTS bc_record_external ON bc_record (kind, external);
CREATE INDEX IF NOT EXISTS bc_record_parent ON bc_record (kind, parent, made);
CREATE TABLE IF NOT EXISTS bc_entry (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, day TEXT NOT NULL, document TEXT NOT NULL, type TEXT NOT NULL,
    account TEXT NOT NULL, text TEXT NOT NULL, minor INTEGER NOT NULL, customer TEXT NOT NULL, origin TEXT NOT NULL,
    made REAL NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, dimensions TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS bc_entry_document ON bc_entry (document);
CREATE INDEX IF NOT EXISTS bc_entry_source ON bc_entry (kind, source);
CREATE INDEX IF NOT EXISTS bc_entry_id ON bc_entry (id);
"""


class Stored(msgspec.Struct, frozen=True):
    """A record and what is known about it beside its body. Names that begin with ``_`` in a body are never shown."""

    kind: str
    id: str
    number: str
    parent: str
    origin: str
    version: int
    updated: float
    made: int
    body: dict[str, Any]

    @property
    def etag(self) -> str:
        """The version as the vendor wraps it."""
        return 'W/"' + base64.b64encode(f"{self.id};{self.version};".encode()).decode() + '"'


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the general ledger in base currency, debit positive."""

    account: str
    minor: int
    text: str
    customer: str = ""
    dimensions: Mapping[str, str] = {}


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What the entries of one posting have in common; ``kind`` and ``source`` say what was posted."""

    day: str
    document: str
    type: str
    kind: str
    source: str
    origin: str


def encoded(value: Any) -> bytes:
    """JSON with Decimals as numbers that keep their digits."""
    return _ENCODER.encode(value)


def moment(seconds: float) -> str:
    """An instant as the vendor writes it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


class Records:
    """Reads and writes of the company's file."""

    def __init__(self, env: Environment) -> None:
        self.env, self.store = env, env.store
        self.told: Callable[[str, str, str], None] | None = None
        self.store.schema(_SCHEMA)

    def find(self, kind: str, id_: str) -> Stored | None:
        """The record of that id."""
        return next(self._rows("kind = ? AND id = ?", kind, id_.lower()), None)

    def by_number(self, kind: str, number: str) -> Stored | None:
        """The record of that number or code."""
        return next(self._rows("kind = ? AND number = ?", kind, number.upper()), None)

    def each(
        self, kind: str, parent: str | None = None, *, seen_at: float = 9e18, external: str | None = None
    ) -> Iterator[Stored]:
        """The records of a kind, those below one record, or those of one external number, as they were made."""
        if external is not None:
            return self._rows("kind = ? AND external = ? AND visible <= ?", kind, external.upper(), seen_at)
        if parent is None:
            return self._rows("kind = ? AND visible <= ?", kind, seen_at)
        return self._rows("kind = ? AND parent = ? AND visible <= ?", kind, parent, seen_at)

    def _rows(self, where: str, *values: Any) -> Iterator[Stored]:
        rows = self.store.execute(
            "SELECT kind, id, number, parent, origin, version, updated, made, body FROM bc_record"
            f" WHERE {where} ORDER BY made", *values
        )  # fmt: skip
        for own, id_, number, parent, origin, version, updated, made, body in rows:
            shown = json.loads(body, parse_float=Decimal, parse_int=Decimal)
            yield Stored(own, id_, number, parent, origin, version, updated, made, shown)

    def add(
        self,
        kind: str,
        body: dict[str, Any],
        *,
        origin: str,
        number: str = "",
        parent: str = "",
        id_: str = "",
        lag: float = 0.0,
    ) -> Stored:
        """Keeps a new record and tells of it."""
        own, now = id_ or str(uuid4()), self.env.now()
        made = self.store.next_number("bc_made")
        self.store.execute(
            "INSERT INTO bc_record VALUES (?,?,?,?,?,?,?,?,?,?,?)", kind, own, number.upper(), parent, origin,
            self.store.next_number("bc_version"), now, now + lag, made, encoded(body).decode(),
            str(body.get("externalDocumentNumber", "")),
        )  # fmt: skip
        self._tell(kind, own, "created")
        return self.get(kind, own)

    def get(self, kind: str, id_: str) -> Stored:
        """The record of that id, which is there."""
        return next(self._rows("kind = ? AND id = ?", kind, id_))

    def rewrite(self, stored: Stored, body: dict[str, Any], *, number: str | None = None) -> Stored:
        """Writes a new version of a record."""
        self.store.execute(
            "UPDATE bc_record SET body = ?, external = ?, number = ?, version = ?, updated = ? WHERE kind = ? AND id = ?",
            encoded(body).decode(), str(body.get("externalDocumentNumber", "")), (stored.number if number is None else number).upper(),
            self.store.next_number("bc_version"), self.env.now(), stored.kind, stored.id,
        )  # fmt: skip
        self._tell(stored.kind, stored.id, "updated")
        return self.get(stored.kind, stored.id)

    def touch(self, stored: Stored) -> None:
        """A change of something below a record is a change of the record."""
        self.rewrite(stored, stored.body)

    def remove(self, stored: Stored) -> None:
        """Deletes a record with all that hangs below it."""
        self.store.execute("DELETE FROM bc_record WHERE kind = ? AND id = ?", stored.kind, stored.id)
        self.store.execute("DELETE FROM bc_record WHERE parent = ?", stored.id)
        self._tell(stored.kind, stored.id, "deleted")

    def _tell(self, kind: str, id_: str, change: str) -> None:
        if self.told is not None:
            self.told(kind, id_, change)

    # --- the general ledger ---------------------------------------------------------------------------------------

    def post(self, heading: Heading, entries: list[Entry]) -> None:
        """Writes balanced entries; zero ones are left out."""
        if sum(entry.minor for entry in entries) != 0:
            raise ValueError(f"{heading.document} does not balance")
        for entry in entries:
            if not entry.minor:
                continue
            own = str(uuid4())
            self.store.execute(
                "INSERT INTO bc_entry VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", self.store.next_number("bc_entry"), own,
                heading.day, heading.document, heading.type, entry.account, entry.text[:100], entry.minor,
                entry.customer, heading.origin, self.env.now(), heading.kind, heading.source,
                json.dumps(dict(entry.dimensions)),
            )  # fmt: skip
            self._tell("generalLedgerEntries", own, "created")

    def entries(self, where: str = "1 = 1", *values: Any) -> list[tuple[Any, ...]]:
        """Entries as they lie in the file: number, id, day, document, type, account, text, minor, made, dimensions."""
        return self.store.execute(
            "SELECT number, id, day, document, type, account, text, minor, made, dimensions FROM bc_entry"
            f" WHERE {where} ORDER BY number", *values
        )  # fmt: skip

    def balance(self, column: str, value: str) -> int:
        """The sum of all entries of an account or a customer, in minor units of the base currency."""
        rows = self.store.execute(f"SELECT coalesce(sum(minor), 0) FROM bc_entry WHERE {column} = ?", value)
        return int(rows[0][0])

    def balances(self) -> dict[str, int]:
        """The sum of every account that has entries."""
        return {a: int(m) for a, m in self.store.execute("SELECT account, sum(minor) FROM bc_entry GROUP BY account")}

    def sums(self, origin: str | None = None, until: str = "9999-12-31") -> list[tuple[str, date, int, str]]:
        """Account number, day, minor units, origin: the ledger."""
        rows = self.store.execute(
            "SELECT account, day, sum(minor), origin FROM bc_entry WHERE (? IS NULL OR origin = ?) AND day <= ?"
            " GROUP BY account, day, origin ORDER BY account, day, origin", origin, origin, until,
        )  # fmt: skip
        return [(a, date.fromisoformat(d), int(m), o) for a, d, m, o in rows]
