"""What the stand-in of SAP Business One keeps: objects, journal lines, and what is applied to what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja_sandbox.kit import Environment

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sap_object (
    kind TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, origin TEXT NOT NULL, visible REAL NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sap_object_seq ON sap_object (kind, seq);
CREATE TABLE IF NOT EXISTS sap_term (
    kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (kind, name, value, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sap_term_of ON sap_term (kind, id);
CREATE TABLE IF NOT EXISTS sap_line (
    jdt INTEGER NOT NULL, line INTEGER NOT NULL, account TEXT NOT NULL, card TEXT NOT NULL, day TEXT NOT NULL,
    currency TEXT NOT NULL, minor INTEGER NOT NULL, local INTEGER NOT NULL, system INTEGER NOT NULL,
    origin TEXT NOT NULL, PRIMARY KEY (jdt, line)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sap_line_account ON sap_line (account, day);
CREATE INDEX IF NOT EXISTS sap_line_card ON sap_line (card);
CREATE TABLE IF NOT EXISTS sap_applied (
    kind TEXT NOT NULL, id TEXT NOT NULL, to_kind TEXT NOT NULL, to_id TEXT NOT NULL, minor INTEGER NOT NULL,
    local INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS sap_applied_to ON sap_applied (to_kind, to_id);
CREATE INDEX IF NOT EXISTS sap_applied_from ON sap_applied (kind, id);
CREATE TABLE IF NOT EXISTS sap_session (id TEXT PRIMARY KEY, used REAL NOT NULL);
"""
_INDEXED: Final = frozenset({
    "NumAtCard", "Reference", "Reference1", "Reference2", "Reference3", "CounterReference", "TransferReference", "CardName",
    "Comments", "Memo", "FormatCode", "FederalTaxID", "EmailAddress",
})  # fmt: skip


class Stored(msgspec.Struct, frozen=True):
    """An object and where it came from: ``api`` or ``foreign``."""

    kind: str
    id: str
    origin: str
    body: dict[str, Any]


class LedgerLine(msgspec.Struct, frozen=True):
    """A line of the general ledger in minor units, debit positive: in its own, the local and the system currency."""

    account: str
    card: str
    currency: str
    minor: int
    local: int
    system: int


def encoded(value: Any) -> bytes:
    """JSON with Decimals as numbers that keep their digits."""
    return _ENCODER.encode(value)


class Records:
    """Reads and writes of the company's file."""

    def __init__(self, env: Environment) -> None:
        self.env, self.store = env, env.store
        self.store.schema(_SCHEMA)

    def find(self, kind: str, id_: str | int) -> Stored | None:
        """The object of that key."""
        return next(self._rows("kind = ? AND id = ?", kind, str(id_)), None)

    def each(
        self, kind: str, *, seen_at: float = 9e18, equal: Mapping[str, str] | None = None, since: int = 0
    ) -> Iterator[Stored]:
        """Objects of a kind by rising key: those that a search finds by then, narrowed by indexed text or number."""
        for name, value in (equal or {}).items():
            if name in _INDEXED or name.startswith("U_"):
                where = "id IN (SELECT id FROM sap_term WHERE kind = ? AND name = ? AND value = ?)"
                return self._rows(f"kind = ? AND visible <= ? AND {where}", kind, seen_at, kind, name, value)
        return self._rows("kind = ? AND visible <= ? AND seq >= ?", kind, seen_at, since)

    def _rows(self, where: str, *values: Any) -> Iterator[Stored]:
        sql = f"SELECT kind, id, origin, body FROM sap_object WHERE {where} ORDER BY seq, id"
        for kind, id_, origin, body in self.store.execute(sql, *values):
            yield Stored(kind, id_, origin, json.loads(body, parse_float=Decimal, parse_int=_whole))

    def put(
        self, kind: str, id_: str | int, body: Mapping[str, Any], *, origin: str = "", lag: float = 0.0
    ) -> None:  # fmt: skip
        """Keeps an object, new or again; its origin and what hides it from a search stay as they were."""
        text = encoded(body).decode()
        self.store.execute(
            "INSERT INTO sap_object VALUES (?,?,?,?,?,?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            kind, str(id_), id_ if isinstance(id_, int) else 0, origin, self.env.now() + lag, text,
        )  # fmt: skip
        self.store.execute("DELETE FROM sap_term WHERE kind = ? AND id = ?", kind, str(id_))
        for name, value in body.items():
            if isinstance(value, str) and value and (name in _INDEXED or name.startswith("U_")):
                self.store.execute("INSERT INTO sap_term VALUES (?,?,?,?)", kind, name, value, str(id_))

    def remove(self, kind: str, id_: str | int) -> None:
        """Deletes an object."""
        self.store.execute("DELETE FROM sap_object WHERE kind = ? AND id = ?", kind, str(id_))
        self.store.execute("DELETE FROM sap_term WHERE kind = ? AND id = ?", kind, str(id_))

    # --- the general ledger ---------------------------------------------------------------------------------------

    def enter(self, jdt: int, day: str, origin: str, lines: list[LedgerLine]) -> None:
        """Writes the lines of a journal entry, anew where it was written before."""
        self.store.execute("DELETE FROM sap_line WHERE jdt = ?", jdt)
        for number, row in enumerate(lines):
            self.store.execute(
                "INSERT INTO sap_line VALUES (?,?,?,?,?,?,?,?,?,?)", jdt, number, row.account, row.card, day,
                row.currency, row.minor, row.local, row.system, origin,
            )  # fmt: skip

    def lines_of(self, jdt: int) -> list[LedgerLine]:
        """The lines of a journal entry."""
        rows = self.store.execute(
            "SELECT account, card, currency, minor, local, system FROM sap_line WHERE jdt = ? ORDER BY line", jdt
        )
        return [LedgerLine(*row) for row in rows]

    def sums(self, origin: str | None = None, until: str = "9999") -> list[tuple[str, date, str, int, int, str]]:
        """Account, day, currency, minor units, local minor units, origin: the ledger."""
        rows = self.store.execute(
            "SELECT account, day, currency, sum(minor), sum(local), origin FROM sap_line"
            " WHERE (? IS NULL OR origin = ?) AND day <= ? GROUP BY account, day, currency, origin"
            " ORDER BY account, day, currency, origin",
            origin, origin, until,
        )  # fmt: skip
        return [(a, date.fromisoformat(d), c, int(m), int(lo), o) for a, d, c, m, lo, o in rows]

    def balance(self, column: str, value: str) -> tuple[int, int]:
        """What an ``account`` or a ``card`` stands at: local and system minor units."""
        which = {"account": "account", "card": "card"}[column]
        sql = f"SELECT coalesce(sum(local), 0), coalesce(sum(system), 0) FROM sap_line WHERE {which} = ?"
        local, system = self.store.execute(sql, value)[0]
        return int(local), int(system)

    # --- what is applied to what ----------------------------------------------------------------------------------

    def apply(self, kind: str, id_: str, to_kind: str, to_id: str, minor: int, local: int) -> None:
        """A payment takes so much of a document: minor units of the document's currency, and local ones."""
        self.store.execute("INSERT INTO sap_applied VALUES (?,?,?,?,?,?)", kind, id_, to_kind, to_id, minor, local)

    def unapply(self, kind: str, id_: str) -> list[tuple[str, str]]:
        """Takes back what a payment was applied to, and names it."""
        rows = self.store.execute("SELECT to_kind, to_id FROM sap_applied WHERE kind = ? AND id = ?", kind, id_)
        self.store.execute("DELETE FROM sap_applied WHERE kind = ? AND id = ?", kind, id_)
        return [(to_kind, to_id) for to_kind, to_id in rows]

    def applied_to(self, to_kind: str, to_id: str) -> tuple[int, int]:
        """How much of a document is settled: minor units of its currency, local ones."""
        rows = self.store.execute(
            "SELECT coalesce(sum(minor), 0), coalesce(sum(local), 0) FROM sap_applied WHERE to_kind = ? AND to_id = ?",
            to_kind, to_id,
        )  # fmt: skip
        return int(rows[0][0]), int(rows[0][1])


def _whole(text: str) -> int | Decimal:
    # A whole number of an amount must stay a number that adds to Decimals; int does.
    return int(text)
