"""What the stand-in of QuickBooks keeps: documents and names, what they post, and which apply to which."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.core.money import from_text
from leja_sandbox.kit import Environment

TRANSACTIONS: Final = (
    "SalesReceipt", "RefundReceipt", "Invoice", "CreditMemo", "Payment", "JournalEntry", "Purchase", "Bill",
    "BillPayment", "VendorCredit", "Deposit", "Transfer",
)  # fmt: skip
NAMES: Final = ("Customer", "Vendor")
LISTS: Final = ("Account", "Item", "PaymentMethod", "Class", "Department")
FIXED: Final = ("TaxCode", "TaxRate", "TaxAgency", "CompanyCurrency")
_SERIES: Final = {**dict.fromkeys(TRANSACTIONS, "transaction"), **dict.fromkeys(NAMES, "name")}
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS qb_document (
    kind TEXT NOT NULL, id INTEGER NOT NULL, number TEXT, name TEXT, day TEXT NOT NULL, origin TEXT NOT NULL,
    updated REAL NOT NULL, visible REAL NOT NULL, gone INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS qb_document_number ON qb_document (kind, number);
CREATE INDEX IF NOT EXISTS qb_document_name ON qb_document (name);
CREATE INDEX IF NOT EXISTS qb_document_updated ON qb_document (kind, updated);
CREATE TABLE IF NOT EXISTS qb_posting (
    kind TEXT NOT NULL, id INTEGER NOT NULL, line INTEGER NOT NULL, account INTEGER NOT NULL, day TEXT NOT NULL,
    currency TEXT NOT NULL, minor INTEGER NOT NULL, home INTEGER NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (kind, id, line));
CREATE INDEX IF NOT EXISTS qb_posting_account ON qb_posting (account, day);
CREATE TABLE IF NOT EXISTS qb_link (
    kind TEXT NOT NULL, id INTEGER NOT NULL, to_kind TEXT NOT NULL, to_id INTEGER NOT NULL, minor INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS qb_link_from ON qb_link (kind, id);
CREATE INDEX IF NOT EXISTS qb_link_to ON qb_link (to_kind, to_id);
CREATE TABLE IF NOT EXISTS qb_answer (requestid TEXT PRIMARY KEY, status INTEGER NOT NULL, body BLOB NOT NULL);
"""


class Posting(msgspec.Struct, frozen=True):
    """One line of the vendor's own ledger: debit positive, in the document's currency and in the home currency."""

    account: str
    amount: Decimal
    home: Decimal


class Stored(msgspec.Struct, frozen=True):
    """A record and what is known about it beside its body."""

    kind: str
    id: str
    origin: str
    updated: datetime
    gone: bool
    body: dict[str, Any]


def encoded(value: Any) -> bytes:
    """JSON with Decimals as numbers that keep their digits."""
    return _ENCODER.encode(value)


class Records:
    """Reads and writes of the one company's file."""

    def __init__(self, env: Environment, home: str) -> None:
        self.env, self.store, self.home = env, env.store, home
        self.told: Callable[[str, str, str], None] | None = None
        self.store.schema(_SCHEMA)

    def next_id(self, kind: str) -> str:
        """The next Id of the kind's series; transactions share one, so do customers and vendors."""
        return str(self.store.next_number(_SERIES.get(kind, kind.lower())))

    def reserve_ids(self, kind: str, last: int) -> None:
        """Continues a series after ``last``."""
        self.store.execute(
            "INSERT INTO number VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = max(last, excluded.last)",
            _SERIES.get(kind, kind.lower()), last,
        )  # fmt: skip

    def find(self, kind: str, id_: Any) -> Stored | None:
        """The record of that kind and id, deleted ones too."""
        if not str(id_).isascii() or not str(id_).isdigit() or len(str(id_)) > 18:
            return None
        rows = self._rows("kind = ? AND id = ?", kind, int(id_))
        return next(rows, None)

    def body(self, kind: str, id_: Any) -> dict[str, Any] | None:
        """The body of a record that is not deleted."""
        found = self.find(kind, id_)
        return None if found is None or found.gone else found.body

    def each(
        self, kind: str, *, seen_at: float | None = None, since: float | None = None, gone: bool = False,
        number: str | None = None,
    ) -> Iterator[Stored]:  # fmt: skip
        """The records of a kind in order of Id; ``seen_at`` leaves out what search does not find yet."""
        where, values = "kind = ?", [kind]
        for clause, value in (
            ("visible <= ?", seen_at),
            ("updated >= ?", since),
            ("number = ?", number),
            ("gone = ?", None if gone else 0),
        ):
            if value is not None:
                where += f" AND {clause}"
                values.append(value)  # type: ignore[arg-type]
        return self._rows(where, *values)

    def named(self, name: str) -> list[tuple[str, str]]:
        """Kind and id of the records that bear this name, deleted ones not."""
        rows = self.store.execute("SELECT kind, id FROM qb_document WHERE name = ? AND gone = 0", name.casefold())
        return [(kind, str(id_)) for kind, id_ in rows]

    def _rows(self, where: str, *values: Any) -> Iterator[Stored]:
        rows = self.store.execute(
            f"SELECT kind, id, origin, updated, gone, body FROM qb_document WHERE {where} ORDER BY id", *values
        )
        for kind, id_, origin, updated, gone, body in rows:
            yield Stored(
                kind, str(id_), origin, datetime.fromtimestamp(updated, UTC), bool(gone),
                json.loads(body, parse_float=Decimal, parse_int=Decimal),
            )  # fmt: skip

    def write(
        self, kind: str, body: dict[str, Any], *, origin: str, gone: bool = False, lag: float = 0.0,
        postings: tuple[Posting, ...] = (), currency: str = "", name: str = "",
    ) -> None:  # fmt: skip
        """Keeps a record, its postings in place of the old ones."""
        now = self.env.now()
        day = str(body.get("TxnDate") or "")
        if self.told is not None:
            known = self.find(kind, body["Id"]) is not None
            self.told(kind, str(body["Id"]), "deleted" if gone else "updated" if known else "created")
        self.store.execute(
            "INSERT OR REPLACE INTO qb_document VALUES (?,?,?,?,?,?,?,?,?,?)",
            kind, int(body["Id"]), body.get("DocNumber"), name.casefold() or None, day, origin, now, now + lag,
            int(gone), encoded(body).decode(),
        )  # fmt: skip
        self.store.execute("DELETE FROM qb_posting WHERE kind = ? AND id = ?", kind, int(body["Id"]))
        for line, posting in enumerate(() if gone else postings):
            self.store.execute(
                "INSERT INTO qb_posting VALUES (?,?,?,?,?,?,?,?,?)",
                kind, int(body["Id"]), line, int(posting.account), day, currency,
                from_text(posting.amount, currency).minor, from_text(posting.home, self.home).minor, origin,
            )  # fmt: skip

    def relink(self, kind: str, id_: str, links: Mapping[tuple[str, str], int]) -> None:
        """Says what a payment, credit or deposit applies to, in minor units of its currency."""
        self.store.execute("DELETE FROM qb_link WHERE kind = ? AND id = ?", kind, int(id_))
        for (to_kind, to_id), minor in links.items():
            self.store.execute("INSERT INTO qb_link VALUES (?,?,?,?,?)", kind, int(id_), to_kind, int(to_id), minor)

    def applied_to(self, kind: str, id_: str, *, but: tuple[str, str] | None = None) -> int:
        """How much has been applied to a document, in minor units; ``but`` leaves one applying document out."""
        kind_but, id_but = but or ("", "0")
        rows = self.store.execute(
            "SELECT coalesce(sum(minor), 0) FROM qb_link WHERE to_kind = ? AND to_id = ? AND NOT (kind = ? AND id = ?)",
            kind, int(id_), kind_but, int(id_but),
        )  # fmt: skip
        return int(rows[0][0])

    def links_to(self, kind: str, id_: str) -> list[tuple[str, str, int]]:
        """The documents that apply to this one."""
        rows = self.store.execute("SELECT kind, id, minor FROM qb_link WHERE to_kind = ? AND to_id = ?", kind, int(id_))
        return [(k, str(i), int(minor)) for k, i, minor in rows]

    def sums(self, origin: str | None = None, until: str = "9999") -> list[tuple[str, date, str, int, int, str]]:
        """Account, day, currency, minor units, home minor units, origin: the ledger."""
        rows = self.store.execute(
            "SELECT account, day, currency, sum(minor), sum(home), origin FROM qb_posting"
            " WHERE (? IS NULL OR origin = ?) AND day <= ? GROUP BY account, day, currency, origin"
            " ORDER BY account, day, currency, origin",
            origin, origin, until,
        )  # fmt: skip
        return [(str(a), date.fromisoformat(d), c, int(m), int(h), o) for a, d, c, m, h, o in rows]

    def postings_of(self, kind: str, id_: str) -> list[tuple[str, str, str, int, int]]:
        """Account, day, currency, minor, home minor of one document."""
        rows = self.store.execute(
            "SELECT account, day, currency, minor, home FROM qb_posting WHERE kind = ? AND id = ? ORDER BY line",
            kind, int(id_),
        )  # fmt: skip
        return [(str(a), d, c, int(m), int(h)) for a, d, c, m, h in rows]

    def home_balances(self) -> dict[str, int]:
        """Each account's balance in minor units of the home currency."""
        rows = self.store.execute("SELECT account, sum(home) FROM qb_posting GROUP BY account")
        return {str(account): int(home) for account, home in rows}
