"""A small shop whose source speaks our own canonical documents: what is tested is recording, not a vendor's words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from leja.access import organisations
from leja.bookkeeping.batch import Bookkeeper, Progress
from leja.bookkeeping.fold import Booked
from leja.bookkeeping.source import Source
from leja.connectors.contract import Context, Decoded, RawEvent, Wanted
from leja.core.ids import uuid7
from leja.core.money import Money
from leja.database.engine import Connection, Database
from leja.database.rules import set_recognition
from leja.documents.document import Document, facts, from_facts
from leja.documents.header import Header
from leja.documents.parts import Line, Party, Tax, Tender
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.intake.inbox import keep

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAY = date(2026, 5, 20)


def decode(event: RawEvent, context: Context) -> Decoded:
    """Bodies are canonical documents; "wanted:<id>" is a thin event."""
    if event.body.startswith(b"wanted:"):
        return Decoded(wanted=(Wanted(kind="sale", external_id=event.body[7:].decode()),))
    return Decoded(documents=tuple(from_facts(part) for part in event.body.split(b"\n")))


class Shop:
    """An organisation with one source, its inbox and its bookkeeper."""

    def __init__(self, database: Database, *, start_date: date = date(2026, 1, 1), can_fetch: bool = True) -> None:
        self.database = database
        self.connection_id = uuid7(NOW)
        self.booked: list[Booked] = []
        self.keys = 0
        with database.transaction() as conn:
            org = organisations.create(conn, f"Shop {self.connection_id}", base_currency="GBP", zone="Europe/London", now=NOW)
            self.org_id = org.org_id
            conn.execute(
                "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
                " VALUES (%s, %s, 'shop', 'fake', 'sales', %s, %s, %s)",
                (self.org_id, self.connection_id, start_date, str(self.connection_id), NOW))
            set_recognition(conn, self.org_id, "", "sale", date(2020, 1, 1), NOW)
        self.source = Source(connection_id=self.connection_id, start_date=start_date, decode=decode, can_fetch=can_fetch,
                             context=Context(settings=None, zone="Europe/London"))
        self.bookkeeper = Bookkeeper(database, self.org_id, "GBP", lambda *_: self.source, self._enqueue)

    def _enqueue(self, conn: Connection, org_id: UUID, booked: Sequence[Booked], now: datetime) -> None:
        self.booked += booked

    def arrive(self, *documents: Document, body: bytes = b"", origin: str = "webhook") -> None:
        """One event with these documents."""
        self.keys += 1
        event = RawEvent(key=f"k{self.keys}", topic="t", body=body or b"\n".join(facts(d) for d in documents), origin=origin)  # type: ignore[arg-type]
        with self.database.transaction() as conn:
            keep(conn, self.org_id, self.connection_id, [event], NOW)

    def record(self, limit: int = 500) -> Progress:
        """Record until nothing is left."""
        done = Progress()
        while (step := self.bookkeeper.record(NOW, limit)).events:
            done += step
        return done

    def balances(self) -> dict[str, int]:
        """The balance of each account role in base currency, zeros left out."""
        with self.database.transaction() as conn:
            rows = conn.execute(
                "SELECT role, sum(base)::bigint FROM line WHERE org_id = %s GROUP BY role HAVING sum(base) <> 0", (self.org_id,)
            ).fetchall()
        return {str(row[0]): int(row[1]) for row in rows}

    def states(self) -> list[tuple[str, str]]:
        """State and waits_for of every event in order of arrival."""
        with self.database.transaction() as conn:
            return [(str(r[0]), str(r[1])) for r in conn.execute(
                "SELECT state, waits_for FROM event_state WHERE org_id = %s ORDER BY seq", (self.org_id,))]

    def count(self, table: str) -> int:
        """Rows of this organisation in a table."""
        with self.database.transaction() as conn:
            row = conn.execute(f"SELECT count(*) FROM {table} WHERE org_id = %s".encode(), (self.org_id,)).fetchone()
        return int(row[0]) if row else 0


def header(external_id: str, version: int = 1, **given: object) -> Header:
    """A header on the usual day."""
    kept = {"external_id": external_id, "version": f"{version:04}", "occurred_at": datetime(2026, 5, 20, 10, 0, tzinfo=UTC),
            "business_day": DAY, "currency": "GBP", "number": f"#{external_id}", "channel": "store", **given}
    return Header(**kept)  # type: ignore[arg-type]


def gbp(text: str) -> Money:
    """Pounds from text."""
    return Money(int(Decimal(text) * 100), "GBP")


def sale(external_id: str = "s1", version: int = 1, net: str = "100.00", tax: str = "20.00", customer: Party | None = None, **given: object) -> Sale:
    """A sale paid by card."""
    total = gbp(net) + gbp(tax)
    return Sale(header=header(external_id, version, **given), total=total, customer=customer,
                lines=(Line(line_id="1", kind="goods", listed=gbp(net), sku="A", taxes=(Tax(code="VAT 20%", amount=gbp(tax), rate=Decimal(20)),)),),
                tenders=(Tender(means="card", amount=total, processor="card_processor"),))


def refund(external_id: str = "r1", of: str = "s1", net: str = "10.00", tax: str = "2.00") -> Refund:
    """A refund of goods by card."""
    total = gbp(net) + gbp(tax)
    return Refund(header=header(external_id), sale=of, total=total,
                  lines=(Line(line_id="1", kind="goods", listed=gbp(net), sku="A", taxes=(Tax(code="VAT 20%", amount=gbp(tax), rate=Decimal(20)),)),),
                  tenders=(Tender(means="card", amount=total, processor="card_processor"),))


