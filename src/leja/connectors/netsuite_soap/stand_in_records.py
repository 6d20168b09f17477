"""What the stand-in of NetSuite SOAP keeps: records of every kind, what they post, and the tombstones of what was deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.netsuite_soap.stand_in_shapes import KINDS
from leja.core.money import from_text
from leja_sandbox.kit import Environment

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS netsuite_record (
    id INTEGER NOT NULL, kind TEXT NOT NULL, space TEXT NOT NULL, external TEXT, origin TEXT NOT NULL,
    made REAL NOT NULL, updated REAL NOT NULL, visible REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (space, id));
CREATE UNIQUE INDEX IF NOT EXISTS netsuite_external ON netsuite_record (space, external);
CREATE INDEX IF NOT EXISTS netsuite_kind ON netsuite_record (kind, id);
CREATE TABLE IF NOT EXISTS netsuite_posting (
    id INTEGER NOT NULL, line INTEGER NOT NULL, account TEXT NOT NULL, day TEXT NOT NULL, currency TEXT NOT NULL,
    minor INTEGER NOT NULL, home INTEGER NOT NULL, origin TEXT NOT NULL, PRIMARY KEY (id, line));
CREATE TABLE IF NOT EXISTS netsuite_apply (
    id INTEGER NOT NULL, doc INTEGER NOT NULL, minor INTEGER NOT NULL, PRIMARY KEY (id, doc));
CREATE INDEX IF NOT EXISTS netsuite_apply_doc ON netsuite_apply (doc);
CREATE TABLE IF NOT EXISTS netsuite_gone (
    id INTEGER NOT NULL, kind TEXT NOT NULL, origin TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL);
"""


class Invalid(Exception):
    """A record is refused: the code of its statusDetail and the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Posting(msgspec.Struct, frozen=True):
    """One line of the ledger: account by internal id, debit positive, in the document's and the base currency."""

    account: str
    amount: Decimal
    home: Decimal


class Stored(msgspec.Struct, frozen=True):
    """A record and what is known about it beside its body."""

    id: str
    kind: str
    origin: str
    made: float
    updated: float
    body: dict[str, Any]


class Computed(msgspec.Struct, frozen=True):
    """A transaction as it stands: its completed body, what it posts, what it takes of other documents (id, minor units)."""

    body: dict[str, Any]
    postings: tuple[Posting, ...]
    applies: tuple[tuple[str, int], ...] = ()


class Records:
    """Reads and writes of the account's file."""

    def __init__(self, env: Environment, base: str) -> None:
        self.env, self.store, self.base = env, env.store, base
        self.store.schema(_SCHEMA)

    def find(self, kind: str, id_: str) -> Stored | None:
        """The record of that kind and internal id."""
        if not id_.isdigit() or len(id_) > 15:
            return None
        return next(self._rows("space = ? AND id = ? AND kind = ?", KINDS[kind].group, int(id_), kind), None)

    def of_group(self, group: str, id_: str = "", external: str = "") -> Stored | None:
        """The record of that internal or external id, whatever its kind in the group."""
        if external:
            return next(self._rows("space = ? AND external = ?", group, external), None)
        return (
            next(self._rows("space = ? AND id = ?", group, int(id_)), None) if id_.isdigit() and len(id_) < 16 else None
        )

    def each(self, kinds: Iterable[str], *, seen_at: float = 9e18) -> Iterator[Stored]:
        """Records of these kinds in the order of their ids; with ``seen_at`` only what a search then finds."""
        names = tuple(kinds)
        return self._rows(f"kind IN ({','.join('?' * len(names))}) AND visible <= ?", *names, seen_at)

    def _rows(self, where: str, *values: Any) -> Iterator[Stored]:
        rows = self.store.execute(
            f"SELECT id, kind, origin, made, updated, body FROM netsuite_record WHERE {where} ORDER BY id", *values
        )
        for id_, kind, origin, made, updated, body in rows:
            yield Stored(str(id_), kind, origin, made, updated, json.loads(body))

    def next_id(self, kind: str) -> str:
        """The next internal id of the kind's group."""
        start = {"transaction": 1001, "entity": 501}.get(KINDS[kind].group, 1)
        return str(self.store.next_number(f"netsuite_{KINDS[kind].group}", start))

    def write(self, kind: str, id_: str, body: dict[str, Any], *, origin: str, lag: float = 0.0) -> None:
        """Keeps a record, new or again."""
        now = self.env.now()
        kept = {**body, "internalId": id_}
        self.store.execute(
            "INSERT INTO netsuite_record VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (space, id) DO UPDATE SET"
            " external = excluded.external, updated = excluded.updated, visible = excluded.visible, body = excluded.body",
            int(id_), kind, KINDS[kind].group, body.get("externalId") or None, origin, now, now, now + lag,
            json.dumps(kept),
        )  # fmt: skip

    def post(self, id_: str, day: str, currency: str, postings: Iterable[Posting], origin: str) -> None:
        """Replaces what a transaction posts."""
        self.store.execute("DELETE FROM netsuite_posting WHERE id = ?", int(id_))
        for line, posting in enumerate(postings):
            minor = from_text(posting.amount, currency).minor
            home = from_text(posting.home, self.base).minor
            if minor or home:
                self.store.execute(
                    "INSERT INTO netsuite_posting VALUES (?,?,?,?,?,?,?,?)",
                    int(id_), line, posting.account, day, currency, minor, home, origin,
                )  # fmt: skip

    def apply(self, id_: str, rows: Iterable[tuple[str, int]]) -> None:
        """Replaces what a payment or credit takes of other documents, in minor units."""
        self.store.execute("DELETE FROM netsuite_apply WHERE id = ?", int(id_))
        for doc, minor in rows:
            self.store.execute("INSERT INTO netsuite_apply VALUES (?,?,?)", int(id_), int(doc), minor)

    def applied_to(self, doc: str, without: str = "0") -> int:
        """Minor units that payments and credits take of a document."""
        rows = self.store.execute(
            "SELECT coalesce(sum(minor), 0) FROM netsuite_apply WHERE doc = ? AND id <> ?", int(doc), int(without)
        )
        return int(rows[0][0])

    def applied_by(self, id_: str) -> int:
        """Minor units that a payment or credit has been applied with."""
        return int(
            self.store.execute("SELECT coalesce(sum(minor), 0) FROM netsuite_apply WHERE id = ?", int(id_))[0][0]
        )

    def remove(self, stored: Stored) -> None:
        """Deletes a record; its tombstone stays."""
        self.store.execute(
            "INSERT INTO netsuite_gone VALUES (?,?,?,?,?)",
            int(stored.id), stored.kind, stored.origin, self.env.now(), json.dumps(stored.body),
        )  # fmt: skip
        self.store.execute(
            "DELETE FROM netsuite_record WHERE space = ? AND id = ?", KINDS[stored.kind].group, int(stored.id)
        )
        if KINDS[stored.kind].group == "transaction":
            self.store.execute("DELETE FROM netsuite_posting WHERE id = ?", int(stored.id))
            self.store.execute("DELETE FROM netsuite_apply WHERE id = ?", int(stored.id))

    def gone(self) -> list[Stored]:
        """The tombstones; ``updated`` is when they were deleted."""
        rows = self.store.execute("SELECT id, kind, origin, at, body FROM netsuite_gone ORDER BY at, id")
        return [Stored(str(i), k, o, at, at, json.loads(body)) for i, k, o, at, body in rows]

    def postings_of(self, id_: str) -> list[tuple[str, str, str, int, int]]:
        """Account, day, currency, minor, home minor of one transaction."""
        rows = self.store.execute(
            "SELECT account, day, currency, minor, home FROM netsuite_posting WHERE id = ? ORDER BY line", int(id_)
        )
        return [(a, d, c, int(m), int(h)) for a, d, c, m, h in rows]

    def sums(self, origin: str | None = None, until: str = "9999") -> list[tuple[str, date, str, int, int, str]]:
        """Account, day, currency, minor, home minor, origin: the ledger."""
        rows = self.store.execute(
            "SELECT account, day, currency, sum(minor), sum(home), origin FROM netsuite_posting"
            " WHERE (? IS NULL OR origin = ?) AND day <= ? GROUP BY account, day, currency, origin"
            " ORDER BY account, day, currency, origin",
            origin, origin, until,
        )  # fmt: skip
        return [(a, date.fromisoformat(d), c, int(m), int(h), o) for a, d, c, m, h, o in rows]

    def preference(self, name: str, default: Any = None) -> Any:
        """A preference of the account."""
        kept = self.store.get("preference", name)
        return default if kept is None else kept

    def prefer(self, name: str, value: Any) -> None:
        """Sets a preference."""
        self.store.put("preference", name, value)
