"""The books' rows: entries are numbered, chained and summed up under the lock of their organisation's head."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from leja.books import chain
from leja.books.entry import Entry, EntryLine, require_balanced
from leja.core.errors import BrokenInvariant, Refused
from leja.database.arrays import Byteas
from leja.database.balances import Movement, add_to_balances
from leja.database.copying import FEW, Rows, copied
from leja.database.direct import ask_at_the_beginning, call
from leja.database.engine import Connection

_ENTRY = Rows(
    "entry",
    {
        "org_id": "uuid",
        "number": "int8",
        "document_id": "uuid",
        "revision": "int4",
        "ordinal": "int4",
        "label": "text",
        "posting_date": "date",
        "period": "text",
        "business_day": "date",
        "text": "text",
        "reverses": "int8",
        "recorded_at": "timestamptz",
        "digest": "bytea",
    },
)
_LINE = Rows(
    "line",
    {
        "org_id": "uuid",
        "entry_number": "int8",
        "line_number": "int4",
        "account": "text",
        "role": "text",
        "amount": "int8",
        "currency": "text",
        "base": "int8",
        "rate": "numeric",
        "location": "text",
        "channel": "text",
        "tax_code": "text",
        "tax_point": "date",
        "return_period": "text",
        "memo": "text",
    },
)
_CHAIN = Rows(
    "chain",
    {
        "org_id": "uuid",
        "position": "int8",
        "kind": "text",
        "subject": "text",
        "digest": "bytea",
        "hash": "bytea",
    },
)


_PUT: Final = b"SELECT put_in_books($1, $2, $3, $4)"


class _Pending(msgspec.Struct):
    """An entry that has its number and waits to be written."""

    number: int
    document_id: UUID
    revision: int
    ordinal: int
    entry: Entry


class _Note(msgspec.Struct):
    """A chain item that stands for something written elsewhere."""

    kind: chain.Kind
    subject: str
    digest: bytes


class Ledger:
    """The books of one organisation inside the caller's transaction: open, post and note, flush once, commit."""

    def __init__(
        self, conn: Connection, org_id: UUID, number: int, position: int, chain_hash: bytes, periods: dict[str, str]
    ) -> None:
        self._conn = conn
        self._org_id = org_id
        self._number = number
        self._position = position
        self._hash = chain_hash
        self._items: list[_Pending | _Note] = []
        self._ordinals: dict[tuple[UUID, int], int] = defaultdict(int)
        self._periods = periods

    @classmethod
    def open(cls, conn: Connection, org_id: UUID) -> Ledger:
        """Lock the organisation's head until the transaction ends: there is one writer."""
        found = ask_at_the_beginning(conn, f"SELECT open_books('{org_id}')")
        if found is None:
            conn.execute("INSERT INTO head (org_id) VALUES (%s) ON CONFLICT DO NOTHING", (org_id,))
            return cls.open(conn, org_id)
        number, position, chain_hash, opened, locked = found.split("|")
        periods = dict.fromkeys(opened.split(), "open") | dict.fromkeys(locked.split(), "locked")
        return cls(conn, org_id, int(number), int(position), bytes.fromhex(chain_hash), periods)

    def post(self, document_id: UUID, revision: int, entries: Sequence[Entry], *, after: int = 0) -> list[int]:
        """Take balanced entries of a revision in and say their numbers.

        ``after`` is how many entries the revision already has from an earlier transaction. Raises Refused
        ``period-locked`` before any of them is taken in.
        """
        for entry in entries:
            self._require_open(require_balanced(entry))
        key = (document_id, revision)
        numbers = []
        for entry in entries:
            self._number += 1
            self._ordinals[key] = max(self._ordinals[key], after) + 1
            self._items.append(_Pending(self._number, document_id, revision, self._ordinals[key], entry))
            numbers.append(self._number)
        return numbers

    def note(self, kind: chain.Kind, subject: str, digest: bytes) -> None:
        """Put something written elsewhere into the chain, by its digest from ``leja.books.chain``."""
        if len(digest) != 32:
            raise BrokenInvariant("chain-subject", f"the digest of {kind} {subject} is not a SHA-256")
        self._items.append(_Note(kind, chain.require_subject(kind, subject), digest))

    def flush(self, now: datetime) -> None:
        """Write all that was posted and noted; the database's guards move the head and check it."""
        pending = [item for item in self._items if isinstance(item, _Pending)]
        if not self._items:
            return
        self._open_periods({chain.month_of(item.entry.posting_date) for item in pending})
        said = [
            chain.entry_bytes(self._org_id, item.number, item.document_id, item.revision, item.ordinal, item.entry, now)
            for item in pending
        ]
        digests = {item.number: sha256(each).digest() for item, each in zip(pending, said, strict=True)}
        if len(self._items) <= FEW and _few_and_plain(pending):
            links = [(at, kind, subject, digest.hex(), hash_.hex()) for at, kind, subject, digest, hash_ in self._links(digests)]
            entries = (b"[" + b",".join(said) + b"]").decode()
            call(self._conn, _PUT, (self._org_id, entries, Byteas(list(digests.values())), msgspec.json.encode(links).decode()))
        else:
            self._copy(pending, digests, now)
        self._items.clear()

    def _links(self, digests: dict[int, bytes]) -> Iterator[tuple[int, str, str, bytes, bytes]]:
        """Position, kind, subject, digest and hash of each item; the end of the chain moves along."""
        for item in self._items:
            if isinstance(item, _Pending):
                kind, subject, digest = "entry", str(item.number), digests[item.number]
            else:
                kind, subject, digest = item.kind, item.subject, item.digest
            self._position += 1
            self._hash = chain.link(self._hash, self._position, kind, subject, digest)
            yield self._position, kind, subject, digest, self._hash

    def _copy(self, pending: Sequence[_Pending], digests: dict[int, bytes], now: datetime) -> None:
        if pending:
            self._write_entries(pending, digests, now)
            add_to_balances(self._conn, self._org_id, _movements(pending))
        with copied(self._conn, _CHAIN) as write:
            for link in self._links(digests):
                write((self._org_id, *link))

    def locked_periods(self) -> set[str]:
        """The locked periods; they cannot change while the head is held."""
        return {period for period, state in self._periods.items() if state == "locked"}

    def _require_open(self, entry: Entry) -> None:
        period = chain.month_of(entry.posting_date)
        if self._periods.get(period) == "locked":
            raise Refused(
                "period-locked",
                f"entry {entry.label!r} of {entry.posting_date} falls into {period}, which is locked",
                remedy="Post it in the first open period, or reopen the period with a reason.",
                period=period,
            )

    def _write_entries(self, pending: Sequence[_Pending], digests: dict[int, bytes], now: datetime) -> None:
        with copied(self._conn, _ENTRY) as write:
            for item in pending:
                entry = item.entry
                write(
                    (
                        self._org_id,
                        item.number,
                        item.document_id,
                        item.revision,
                        item.ordinal,
                        entry.label,
                        entry.posting_date,
                        chain.month_of(entry.posting_date),
                        entry.business_day,
                        entry.text,
                        entry.reverses,
                        now,
                        digests[item.number],
                    )
                )
        with copied(self._conn, _LINE) as write:
            for item in pending:
                for at, line in enumerate(item.entry.lines, 1):
                    write(
                        (
                            self._org_id,
                            item.number,
                            at,
                            line.account,
                            line.role,
                            line.amount,
                            line.currency,
                            line.base,
                            line.rate,
                            line.location,
                            line.channel,
                            line.tax_code,
                            line.tax_point,
                            line.return_period,
                            line.memo,
                        )
                    )

    def _open_periods(self, wanted: set[str]) -> None:
        missing = sorted(wanted - self._periods.keys())
        if missing:
            self._conn.execute(
                "INSERT INTO period (org_id, period) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING",
                (self._org_id, missing),
            )
            self._periods.update(dict.fromkeys(missing, "open"))


def _few_and_plain(pending: Sequence[_Pending]) -> bool:
    """Whether the digests' bytes hold all that is stored: they leave out zeros at the end of a rate."""
    lines = [line for item in pending for line in item.entry.lines]
    return len(lines) <= FEW and all(str(line.rate) == chain.number_text(line.rate) for line in lines)


def _movements(pending: Sequence[_Pending]) -> dict[Movement, list[int]]:
    sums: dict[Movement, list[int]] = {}
    for item in pending:
        day = item.entry.posting_date
        for line in item.entry.lines:
            key = (day, line.account, line.currency, line.location, line.channel, line.tax_code)
            held = sums.get(key)
            if held is None:
                held = sums[key] = [0, 0, 0, 0]
            held[0 if line.amount > 0 else 1] += abs(line.amount)
            held[2] += line.base
            held[3] += 1
    return sums


def locked_periods(conn: Connection, org_id: UUID) -> set[str]:
    """The locked periods of an organisation; only under its head's lock do they stay what they are."""
    rows = conn.execute("SELECT period FROM period WHERE org_id = %s AND state = 'locked'", (org_id,)).fetchall()
    return {str(row[0]) for row in rows}


def entries_of(conn: Connection, org_id: UUID, document_ids: Iterable[UUID]) -> dict[UUID, list[tuple[int, Entry]]]:
    """The entries of documents, all revisions, by number; a document without entries is left out."""
    heads = conn.execute(
        "SELECT document_id, number, label, posting_date, business_day, text, reverses FROM entry"
        " WHERE org_id = %s AND document_id = ANY(%s) ORDER BY number",
        (org_id, list(document_ids)),
    ).fetchall()
    lines = lines_of(conn, org_id, [row[1] for row in heads])  # type: ignore[misc]
    found: dict[UUID, list[tuple[int, Entry]]] = defaultdict(list)
    for document_id, number, label, posting_date, business_day, text, reverses in heads:
        entry = Entry(
            label=label,
            posting_date=posting_date,
            business_day=business_day,
            lines=lines[number],  # type: ignore[arg-type, index]
            text=text,
            reverses=reverses,
        )  # type: ignore[arg-type]
        found[document_id].append((number, entry))  # type: ignore[index, arg-type]
    return dict(found)


def lines_of(conn: Connection, org_id: UUID, numbers: Sequence[int]) -> dict[int, tuple[EntryLine, ...]]:
    """The lines of entries, in their order."""
    gathered: dict[int, list[EntryLine]] = {number: [] for number in numbers}
    rows = conn.execute(
        "SELECT entry_number, account, role, amount, currency, base, rate, location, channel, tax_code, tax_point,"
        " return_period, memo FROM line WHERE org_id = %s AND entry_number = ANY(%s)"
        " ORDER BY entry_number, line_number",
        (org_id, list(numbers)),
    )
    for number, *values in rows:
        gathered[number].append(EntryLine(**dict(zip(EntryLine.__struct_fields__, values, strict=True))))  # type: ignore[index, arg-type]
    return {number: tuple(lines) for number, lines in gathered.items()}


def first_open_day(locked: Iterable[str], day: date) -> date:
    """``day`` itself, or the first day of the first later period that is not locked."""
    periods = set(locked)
    while chain.month_of(day) in periods:
        day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day
