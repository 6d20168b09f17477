"""What the stand-in of Xero keeps: documents, what they post, journals of it, and what applies to what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.core.money import from_text
from leja_sandbox.kit import Environment

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS xero_document (
    kind TEXT NOT NULL, id TEXT NOT NULL, number TEXT, name TEXT, origin TEXT NOT NULL, updated REAL NOT NULL,
    visible REAL NOT NULL, made INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS xero_document_number ON xero_document (kind, number);
CREATE INDEX IF NOT EXISTS xero_document_name ON xero_document (kind, name);
CREATE INDEX IF NOT EXISTS xero_document_made ON xero_document (kind, made);
CREATE TABLE IF NOT EXISTS xero_posting (
    kind TEXT NOT NULL, id TEXT NOT NULL, line INTEGER NOT NULL, account TEXT NOT NULL, day TEXT NOT NULL,
    currency TEXT NOT NULL, minor INTEGER NOT NULL, home INTEGER NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (kind, id, line));
CREATE TABLE IF NOT EXISTS xero_journal (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, made REAL NOT NULL, day TEXT NOT NULL,
    source TEXT NOT NULL, reference TEXT NOT NULL, lines TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS xero_link (
    kind TEXT NOT NULL, id TEXT NOT NULL, to_kind TEXT NOT NULL, to_id TEXT NOT NULL, minor INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS xero_link_from ON xero_link (kind, id);
CREATE INDEX IF NOT EXISTS xero_link_to ON xero_link (to_kind, to_id);
CREATE TABLE IF NOT EXISTS xero_answer (
    key TEXT PRIMARY KEY, until REAL NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    type TEXT NOT NULL);
"""


class Posting(msgspec.Struct, frozen=True):
    """One line of the vendor's own ledger, by account code: debit positive, in document and base currency."""

    account: str
    amount: Decimal
    home: Decimal
    tax_type: str = ""
    text: str = ""


class Stored(msgspec.Struct, frozen=True):
    """A record and what is known about it beside its body."""

    kind: str
    id: str
    origin: str
    updated: float
    body: dict[str, Any]


def encoded(value: Any) -> bytes:
    """JSON with Decimals as numbers that keep their digits."""
    return _ENCODER.encode(value)


class Records:
    """Reads and writes of the organisation's file."""

    def __init__(self, env: Environment, base: str) -> None:
        self.env, self.store, self.base = env, env.store, base
        self.told: Callable[[str, str, bool, dict[str, Any]], None] | None = None
        self.store.schema(_SCHEMA)

    def find(self, kind: str, id_: str) -> Stored | None:
        """The record of that id."""
        return next(self._rows("kind = ? AND id = ?", kind, id_.lower()), None)

    def by_number(self, kind: str, number: str) -> list[Stored]:
        """Records that bear the number or code, newest last."""
        return list(self._rows("kind = ? AND number = ?", kind, number))

    def by_name(self, kind: str, name: str) -> list[Stored]:
        """Active records of that name, whatever its capitals."""
        return list(self._rows("kind = ? AND name = ?", kind, name.casefold()))

    def each(self, kind: str, *, seen_at: float = 9e18, since: float | None = None) -> Iterator[Stored]:
        """The records of a kind in the order of their making."""
        return self._rows("kind = ? AND visible <= ? AND updated > ?", kind, seen_at, -9e18 if since is None else since)

    def _rows(self, where: str, *values: Any) -> Iterator[Stored]:
        rows = self.store.execute(
            f"SELECT kind, id, origin, updated, body FROM xero_document WHERE {where} ORDER BY made", *values
        )
        for kind, id_, origin, updated, body in rows:
            yield Stored(kind, id_, origin, updated, json.loads(body, parse_float=Decimal, parse_int=Decimal))

    def write(
        self, kind: str, id_: str, body: dict[str, Any], *, origin: str, number: str = "", name: str = "",
        lag: float = 0.0, postings: tuple[Posting, ...] = (), currency: str = "", source: str = "",
    ) -> None:  # fmt: skip
        """Keeps a record with its postings; what changed in them becomes journals."""
        now = self.env.now()
        if self.told is not None:
            self.told(kind, id_, self.find(kind, id_) is None, body)
        self.store.execute(
            "INSERT INTO xero_document VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (kind, id) DO UPDATE SET"
            " number = excluded.number, name = excluded.name, updated = excluded.updated, visible = excluded.visible,"
            " body = excluded.body",
            kind, id_, number or None, name.casefold() or None, origin, now, now + lag,
            self.store.next_number("xero_made"), encoded(body).decode(),
        )  # fmt: skip
        day = str(body.get("Date") or "")
        before = self.postings_of(kind, id_)
        after = [
            (p.account, day, currency, from_text(p.amount, currency).minor, from_text(p.home, self.base).minor)
            for p in postings
        ]
        if before == after:
            return
        reference = str(body.get("Reference") or body.get("Narration") or "")
        if before:
            lines = [{"account": a, "home": -home, "tax_type": "", "text": ""} for a, _d, _c, _m, home in before]
            self._journal(kind, id_, before[0][1], source, reference, lines)
        if after:
            lines = [
                {"account": row[0], "home": row[4], "tax_type": p.tax_type, "text": p.text}
                for row, p in zip(after, postings, strict=True)
            ]
            self._journal(kind, id_, day, source, reference, lines)
        self.store.execute("DELETE FROM xero_posting WHERE kind = ? AND id = ?", kind, id_)
        for line, row in enumerate(after):
            self.store.execute("INSERT INTO xero_posting VALUES (?,?,?,?,?,?,?,?,?)", kind, id_, line, *row, origin)

    def rewrite(self, stored: Stored, body: dict[str, Any]) -> None:
        """Writes a body without touching its postings."""
        if self.told is not None:
            self.told(stored.kind, stored.id, False, body)
        self.store.execute(
            "UPDATE xero_document SET body = ?, updated = ? WHERE kind = ? AND id = ?",
            encoded(body).decode(), self.env.now(), stored.kind, stored.id,
        )  # fmt: skip

    def _journal(self, kind: str, id_: str, day: str, source: str, reference: str, lines: list[dict[str, Any]]) -> None:
        self.store.execute(
            "INSERT INTO xero_journal VALUES (?,?,?,?,?,?,?,?)", self.store.next_number("xero_journal"), kind, id_,
            self.env.now(), day, source, reference, encoded(lines).decode(),
        )  # fmt: skip

    def journals(self, after: int, since: float | None, limit: int) -> list[tuple[Any, ...]]:
        """Journals whose number is greater than ``after``."""
        return self.store.execute(
            "SELECT number, kind, id, made, day, source, reference, lines FROM xero_journal"
            " WHERE number > ? AND made > ? ORDER BY number LIMIT ?",
            after,
            -9e18 if since is None else since,
            limit,
        )

    def link(self, kind: str, id_: str, to_kind: str, to_id: str, minor: int) -> None:
        """Says that a payment or an allocation takes ``minor`` of a document."""
        self.store.execute("INSERT INTO xero_link VALUES (?,?,?,?,?)", kind, id_, to_kind, to_id, minor)

    def unlink(self, kind: str, id_: str) -> None:
        """Takes a payment or an allocation away again."""
        self.store.execute("DELETE FROM xero_link WHERE kind = ? AND id = ?", kind, id_)

    def links_to(self, to_kind: str, to_id: str, kind: str | None = None) -> list[tuple[str, str, int]]:
        """What applies to a document: kind, id, minor units."""
        rows = self.store.execute(
            "SELECT kind, id, minor FROM xero_link WHERE to_kind = ? AND to_id = ? AND (? IS NULL OR kind = ?)",
            to_kind, to_id, kind, kind,
        )  # fmt: skip
        return [(k, i, int(minor)) for k, i, minor in rows]

    def postings_of(self, kind: str, id_: str) -> list[tuple[str, str, str, int, int]]:
        """Account, day, currency, minor, home minor of one document."""
        rows = self.store.execute(
            "SELECT account, day, currency, minor, home FROM xero_posting WHERE kind = ? AND id = ? ORDER BY line",
            kind,
            id_,
        )
        return [(a, d, c, int(m), int(h)) for a, d, c, m, h in rows]

    def sums(self, origin: str | None = None, until: str = "9999") -> list[tuple[str, date, str, int, int, str]]:
        """Account code, day, currency, minor units, home minor units, origin: the ledger."""
        rows = self.store.execute(
            "SELECT account, day, currency, sum(minor), sum(home), origin FROM xero_posting"
            " WHERE (? IS NULL OR origin = ?) AND day <= ? GROUP BY account, day, currency, origin"
            " ORDER BY account, day, currency, origin",
            origin, origin, until,
        )  # fmt: skip
        return [(a, date.fromisoformat(d), c, int(m), int(h), o) for a, d, c, m, h, o in rows]
