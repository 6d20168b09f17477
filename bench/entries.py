"""Journal entries to measure with, posted through the ledger: the same accounts, days and dimensions whatever their number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import msgspec

from bench.ground import NOW, Stopwatch, Trade
from leja.books.entry import Entry, EntryLine
from leja.connectors.contract import RawEvent
from leja.core.ids import uuid7
from leja.database.copying import Rows, copied
from leja.database.engine import Connection, Database
from leja.database.ledger import Ledger
from leja.intake.inbox import keep

VARIETY = 500  # so many different combinations; after that they repeat
CHANNELS = ("web", "store")
FIRST_DAY = date(2026, 1, 1)
_DOCUMENT = Rows("document", {"org_id": "uuid", "document_id": "uuid", "connection_id": "uuid", "kind": "text", "external_id": "text"})
_REVISION = Rows("document_revision", {
    "org_id": "uuid", "document_id": "uuid", "revision": "int4", "version": "text", "digest": "bytea", "event_id": "uuid",
    "occurred_at": "timestamptz", "offset_minutes": "int4", "business_day": "date", "currency": "text", "facts": "text",
    "recorded_at": "timestamptz"})


class Posted(msgspec.Struct, frozen=True):
    """A document and its entry."""

    document_id: UUID
    entry: Entry


def accounts(conn: Connection, org_id: UUID) -> list[str]:
    """Some accounts of the chart, in a fixed order."""
    return [str(row[0]) for row in conn.execute("SELECT code FROM account WHERE org_id = %s ORDER BY code LIMIT 12", (org_id,))]


def entry(chart: list[str], at: int, lines: int = 5) -> Entry:
    """The entry number ``at``: balanced, and the same as the one ``VARIETY`` before in all but its amounts."""
    kind = at % VARIETY
    parts = [100 + (at * 7 + leg * 13) % 5000 for leg in range(lines - 1)]
    amounts = [sum(parts), *(-part for part in parts)]
    day = FIRST_DAY + timedelta(days=kind % 120)
    return Entry(
        label="sale", posting_date=day, business_day=day, text="Sale",
        lines=tuple(
            EntryLine(account=chart[(kind + leg) % len(chart)], role="sales", amount=amount, currency="GBP", base=amount,
                      channel=CHANNELS[kind % 2])
            for leg, amount in enumerate(amounts)
        ))


def documents(conn: Connection, one: Trade, count: int) -> list[UUID]:
    """Documents for so many entries: each entry stands on one of its own."""
    org_id, name = one.org.org_id, str(uuid7(NOW))
    keep(conn, org_id, one.shop.connection_id, [RawEvent(key=name, topic="bench", body=b"{}")], NOW)
    row = conn.execute("SELECT event_id FROM event WHERE org_id = %s AND event_key = %s", (org_id, name)).fetchone()
    assert row is not None
    ids = [uuid7(NOW) for _ in range(count)]
    with copied(conn, _DOCUMENT) as write:
        for at, document_id in enumerate(ids):
            write((org_id, document_id, one.shop.connection_id, "sale", f"{name}/{at}"))
    with copied(conn, _REVISION) as write:
        for document_id in ids:
            write((org_id, document_id, 1, "1", bytes(32), row[0], NOW, 0, FIRST_DAY, "GBP", "{}", NOW))
    return ids


def made(database: Database, one: Trade, count: int, lines: int = 5) -> Iterator[Posted]:
    """Entries with documents that are stored already."""
    with database.transaction() as conn:
        chart = accounts(conn, one.org.org_id)
    for first in range(0, count, 10_000):
        with database.transaction() as conn:
            ids = documents(conn, one, min(10_000, count - first))
        for at, document_id in enumerate(ids, first):
            yield Posted(document_id, entry(chart, at, lines))


def post(database: Database, one: Trade, posted: list[Posted], batch: int) -> float:
    """Post them, ``batch`` in one transaction; the seconds it took."""
    with Stopwatch() as watch:
        for at in range(0, len(posted), batch):
            with database.transaction() as conn:
                ledger = Ledger.open(conn, one.org.org_id)
                for each in posted[at : at + batch]:
                    ledger.post(each.document_id, 1, [each.entry])
                ledger.flush(NOW)
    return watch.seconds


def fill(database: Database, one: Trade, count: int, lines: int = 2) -> None:
    """Post so many entries, 10,000 in one transaction, all kept in the order of their numbers."""
    waiting: list[Posted] = []
    for each in made(database, one, count, lines):
        waiting.append(each)
        if len(waiting) == 10_000:
            post(database, one, waiting, 10_000)
            waiting.clear()
    if waiting:
        post(database, one, waiting, 10_000)
