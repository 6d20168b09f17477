"""What a decision would do, made by the same code as the real thing: the caller rolls back afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from leja.connectors.contract import Chart, Draft
from leja.core.money import Money
from leja.database import mending
from leja.database.engine import Connection
from leja.delivery.plan import Trouble
from leja.delivery.preview import Preview, preview, preview_open
from leja.delivery.target import Target

SHOWN_MAX = 200


class LineShown(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an entry, or a sum per account; debit positive. ``name``: what a target calls its account."""

    account: str
    amount: Money
    name: str = ""


class EntryShown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was or would be booked."""

    number: int
    document: UUID
    posting_date: date
    text: str
    reverses: int | None
    lines: tuple[LineShown, ...]


class DocumentShown(msgspec.Struct, frozen=True, kw_only=True):
    """A document that goes to a target: what it does to the accounts there, and the exact request."""

    kind: str
    reference: str
    date: date
    total: Money
    moves: tuple[LineShown, ...]
    method: str
    path: str
    body: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a target is told of it, in the order in which it goes out, at most ``SHOWN_MAX`` groups; ``held``: what is not
    told yet, and why; ``entries``: of how many entries it is told in all."""

    target: str
    entries: int
    documents: tuple[DocumentShown, ...]
    held: tuple[Trouble, ...]


def entries_shown(conn: Connection, org_id: UUID, numbers: Sequence[int]) -> tuple[EntryShown, ...]:
    """Entries as they stand in the books of this transaction."""
    return tuple(
        EntryShown(
            number=one.number, document=one.document_id, posting_date=one.entry.posting_date, text=one.entry.text,
            reverses=one.entry.reverses,
            lines=tuple(LineShown(account=line.account, amount=Money(line.amount, line.currency)) for line in one.entry.lines))
        for one in mending.held(conn, org_id, numbers)
    )


def per_account(entries: Iterable[EntryShown]) -> tuple[LineShown, ...]:
    """The sum of entries per account and currency; what comes to nothing is left out."""
    sums: dict[tuple[str, str], int] = {}
    for line in (line for entry in entries for line in entry.lines):
        key = line.account, line.amount.currency
        sums[key] = sums.get(key, 0) + line.amount.minor
    return tuple(LineShown(account=account, amount=Money(minor, currency)) for (account, currency), minor in sorted(sums.items()) if minor)


def told_of(
    conn: Connection, target: Target, chart: Chart, entries: Sequence[int], opened: Sequence[UUID], now: datetime
) -> Told:
    """What the target will be told of entries in its outbox and of open deliverables."""
    row = conn.execute(
        "SELECT count(*) FROM outbox WHERE org_id = %s AND connection_id = %s AND entry_number = ANY(%s)",
        (target.org_id, target.connection_id, list(entries)),
    ).fetchone()
    waiting: list[Preview] = preview(conn, target, chart, now, limit=SHOWN_MAX, entries=entries) if entries else []
    names = {one.id: f"{one.code} {one.name}".strip() for one in chart.accounts}
    every = [*preview_open(conn, target, chart, opened), *waiting]
    return Told(
        target=target.name, entries=int(str(row[0])) if row else 0,
        documents=tuple(_document(draft, names) for one in every for draft in one.drafts),
        held=tuple(trouble for one in every for trouble in one.troubles))


def _document(draft: Draft, names: Mapping[str, str]) -> DocumentShown:
    return DocumentShown(
        kind=draft.kind, reference=draft.reference, date=draft.date, total=draft.total, method=draft.method, path=draft.path,
        moves=tuple(
            LineShown(account=account, amount=Money(minor, draft.total.currency), name=names.get(account, ""))
            for account, minor in sorted(draft.moves.items())),
        body=draft.body.decode("utf-8", "replace"))
