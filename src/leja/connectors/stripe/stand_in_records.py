"""What the stand-in of Stripe remembers: objects in API shape, their ids, their order, and the links to search them by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from leja_sandbox.kit import Environment

Record = dict[str, Any]

PREFIXES: Final[Mapping[str, str]] = {
    "ch": "charge",
    "py": "charge",
    "pi": "payment_intent",
    "re": "refund",
    "pyr": "refund",
    "txn": "balance_transaction",
    "po": "payout",
    "du": "dispute",
    "dp": "dispute",
    "in": "invoice",
    "inpay": "invoice_payment",
    "cn": "credit_note",
    "cus": "customer",
    "tu": "topup",
    "fee": "application_fee",
    "evt": "event",
    "we": "webhook_endpoint",
}
"""Which object an id names; ``dp_`` and ``du_`` both are disputes, ``py_`` is a charge that was not by card."""

LINKS: Final[Mapping[str, tuple[str, ...]]] = {
    "charge": ("payment_intent", "customer"),
    "payment_intent": ("customer",),
    "refund": ("charge", "payment_intent"),
    "balance_transaction": ("payout", "source", "currency", "type"),
    "payout": ("status", "destination"),
    "dispute": ("charge", "payment_intent"),
    "invoice": ("customer", "status", "collection_method"),
    "invoice_payment": ("invoice", "status", "_intent"),
    "credit_note": ("invoice", "customer"),
    "customer": ("email",),
    "topup": ("status",),
    "application_fee": ("charge",),
    "event": ("type",),
}
"""Filters that lists know beside ``created``; ``payout`` of a balance transaction is never shown."""

_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS link (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, sort TEXT NOT NULL,
    id TEXT NOT NULL, PRIMARY KEY (kind, name, value, sort, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_id ON link (kind, id);
"""


class Records:
    """Objects by kind and id. Newest first is by ``created``, then by the order in which they were made."""

    def __init__(self, env: Environment) -> None:
        self.env, self.lag = env, 0.0
        env.store.schema(_SCHEMA)

    def now(self) -> int:
        """The stand-in's time in whole seconds."""
        return int(self.env.now())

    def id(self, prefix: str) -> str:
        """A new id in the vendor's look, the same in every run of a seed."""
        number = self.env.store.next_number(f"id:{prefix}")
        digest = hashlib.sha256(f"{self.env.seed}:{prefix}:{number}".encode()).digest()
        return f"{prefix}_1S{number:06d}" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:16])

    def add(self, kind: str, body: Record) -> Record:
        """Keeps a new object; ``created`` and its turn place it in lists."""
        turn = self.env.store.next_number("turn")
        sort = f"{body['created']:011d}-{turn:010d}"
        self.env.store.put(kind, body["id"], body, sort=sort, visible_from=self.env.now() + self.lag)
        self._link(kind, body, sort)
        return body

    def keep(self, kind: str, body: Record) -> Record:
        """Writes an object that is there already."""
        rows = self.env.store.execute("SELECT sort, visible_from FROM record WHERE kind=? AND id=?", kind, body["id"])
        self.env.store.put(kind, body["id"], body, sort=rows[0][0], visible_from=rows[0][1])
        self._link(kind, body, rows[0][0])
        return body

    def get(self, kind: str, id_: str) -> Record | None:
        """The object, or None."""
        found: Record | None = self.env.store.get(kind, id_)
        return found

    def must(self, kind: str, id_: str) -> Record:
        """The object. Raises ValueError: what control is told about has to be there."""
        if (found := self.get(kind, id_)) is None:
            raise ValueError(f"there is no {kind} {id_}")
        return found

    def all(self, kind: str) -> list[Record]:
        """Every object of a kind, oldest first."""
        return self.env.store.each(kind)

    def linked(self, kind: str, name: str, value: str) -> list[Record]:
        """Objects whose ``name`` is ``value``, newest first."""
        return self.page(kind, {name: value}, None, None, -1)[0]

    def page(
        self,
        kind: str,
        filters: Mapping[str, str],
        after: str | None,
        before: str | None,
        limit: int,
        created: Sequence[tuple[str, int]] = (),
    ) -> tuple[list[Record], bool]:
        """A page, newest first, and whether more are there. Raises KeyError for a cursor that is no such object."""
        where, values = ["r.kind = ?", "r.visible_from <= ?"], [kind, self.env.now()]
        # Rows are walked in order of the record, or of the first filter's links: either way by an index.
        first, *others = filters.items() or [("", "")]
        walked = "record r"
        if first[0]:
            walked = "link l JOIN record r ON r.kind = l.kind AND r.id = l.id"
            where.append("l.kind = ? AND l.name = ? AND l.value = ?")
            values += [kind, *first]
        order_by = "l.sort" if first[0] else "r.sort"
        for name, value in others:
            where.append("r.id IN (SELECT id FROM link WHERE kind = ? AND name = ? AND value = ?)")
            values += [kind, name, value]
        for sign, moment in created:
            # A second is a whole range of sort keys; "gt" means after its last one.
            edge = moment + (1 if sign in ("gt", "lte") else 0)
            where.append(f"{order_by} {'>=' if sign in ('gt', 'gte') else '<'} ?")
            values.append(f"{edge:011d}")
        if after or before:
            where.append(f"{order_by} {'<' if after else '>'} ?")
            values.append(self._sort(kind, str(after or before)))
        order = "ASC" if before else "DESC"
        rows = self.env.store.execute(
            f"SELECT r.body FROM {walked} WHERE {' AND '.join(where)} ORDER BY {order_by} {order} LIMIT ?",
            *values, limit + 1 if limit >= 0 else -1,
        )  # fmt: skip
        more = 0 <= limit < len(rows)
        bodies = [decoded(row[0]) for row in (rows[:limit] if more else rows)]
        return (bodies[::-1] if before else bodies), more

    def _sort(self, kind: str, id_: str) -> str:
        rows = self.env.store.execute("SELECT sort FROM record WHERE kind = ? AND id = ?", kind, id_)
        if not rows:
            raise KeyError(id_)
        return str(rows[0][0])

    def _link(self, kind: str, body: Record, sort: str) -> None:
        self.env.store.execute("DELETE FROM link WHERE kind = ? AND id = ?", kind, body["id"])
        for name in LINKS.get(kind, ()):
            if body.get(name) is not None:
                row = (kind, name, str(body[name]), sort, body["id"])
                self.env.store.execute("INSERT INTO link VALUES (?, ?, ?, ?, ?)", *row)


def decoded(body: bytes) -> Record:
    """A record as the store wrote it."""
    return dict(msgspec.json.decode(body))


def kind_of(id_: object) -> str | None:
    """Which object an id names, or None."""
    return PREFIXES.get(id_.split("_", 1)[0]) if isinstance(id_, str) and "_" in id_ else None


def seconds(moment: str | int | None, now: int) -> int:
    """Epoch seconds of what a control action was told: ISO text with a zone (UTC without), epoch seconds, or now."""
    if moment is None:
        return now
    if isinstance(moment, int):
        return moment
    read = datetime.fromisoformat(moment)
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
