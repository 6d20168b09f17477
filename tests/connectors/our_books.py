"""Our side of the target suite: an organisation that writes entries as bookkeeping does, and remembers what it wrote.

What a target must come to is summed up here from the same numbers, not by the code under test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec

from leja.access import organisations
from leja.books.entry import Entry, EntryLine
from leja.core.clock import Clock
from leja.core.ids import uuid7
from leja.database.engine import Connection, Database
from leja.database.ledger import Ledger
from leja.delivery.outbox import Booking, enqueue, places, told
from leja.documents.parts import Party

from .stages import ROLES

LINKS = {"refund": "refund_of", "payment": "payment_of", "fulfilment": "fulfilment_of"}
DAY = date(2026, 5, 4)


class Amount(msgspec.Struct, frozen=True):
    """A line of an entry: role, minor units debit positive, and the tax code it was taxed with ("S" or none)."""

    role: str
    minor: int
    tax_code: str = ""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A document of ours that was written, for later revisions and links."""

    document_id: UUID
    kind: str
    name: str


class OurBooks:
    """One organisation with one shop; ``tax`` is the percentage that tax code S stands for."""

    def __init__(self, database: Database, clock: Clock, *, base: str = "GBP") -> None:
        self.database, self.clock, self.base = database, clock, base
        self.tax = Decimal(20)
        self._rows: list[tuple[date, str, Amount, int]] = []
        self._names = 0
        with database.transaction() as conn:
            org = organisations.create(conn, f"Duka {uuid4()}", base_currency=base, zone="UTC", now=clock())
            self.org_id = org.org_id
            self.shop_id = uuid7(clock())
            conn.execute(
                "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
                " VALUES (%s, %s, 'shop', 'shop', 'sales', '2026-01-01', %s, %s)",
                (self.org_id, self.shop_id, str(self.shop_id), clock()),
            )
            for role, kind in ROLES.items():
                conn.execute("INSERT INTO account VALUES (%s, %s, %s, %s)", (self.org_id, _account(role), role, kind))

    def taxed(self, net: int) -> tuple[Amount, Amount]:
        """Goods sold for ``net`` and the tax on them, as credits."""
        tax = int((net * self.tax / 100).quantize(Decimal(1)))
        return Amount("sales", -net, "S"), Amount("output_tax", -tax, "S")

    def write(
        self, kind: str, *amounts: Amount, day: date = DAY, currency: str = "", rate: str = "1", of: Written | None = None,
        again: Written | None = None, customer: Party | None = None, due: date | None = None, channel: str = "web",
    ) -> Written:
        """A document and its entry, put before every target in one transaction; ``again`` is a further revision."""
        assert sum(one.minor for one in amounts) == 0
        currency = currency or self.base
        self._names += 1
        written = again or Written(document_id=uuid7(self.clock()), kind=kind, name=f"{kind[0].upper()}{self._names}")
        lines = self._lines(amounts, currency, Decimal(rate), channel)
        entry = Entry(label=f"{kind}{self._names}", posting_date=day, business_day=day, lines=lines)
        with self.database.transaction() as conn:
            revision = self._document(conn, written, day, currency, of, again is None, customer, due)
            ledger = Ledger.open(conn, self.org_id)
            number = ledger.post(written.document_id, revision, [entry])[0]
            ledger.flush(self.clock())
            booking = Booking(number, written.document_id, kind, day, day, "nairobi", channel, currency)
            enqueue(conn, self.org_id, [booking], told(conn, self.org_id), places(conn, self.org_id), self.clock())
        self._rows += [(day, currency, one, line.base) for one, line in zip(amounts, lines, strict=True)]
        return written

    def _lines(self, amounts: Sequence[Amount], currency: str, rate: Decimal, channel: str) -> tuple[EntryLine, ...]:
        bases = [int((one.minor * rate).quantize(Decimal(1))) for one in amounts]
        bases[0] -= sum(bases)
        return tuple(
            EntryLine(account=_account(one.role), role=one.role, amount=one.minor, currency=currency, base=base, rate=rate,
                      tax_code=one.tax_code, location="nairobi", channel=channel)
            for one, base in zip(amounts, bases, strict=True)
        )

    def _document(
        self, conn: Connection, written: Written, day: date, currency: str, of: Written | None, new: bool,
        customer: Party | None, due: date | None,
    ) -> int:
        now = self.clock()
        if new:
            conn.execute("INSERT INTO document VALUES (%s, %s, %s, %s, %s)",
                         (self.org_id, written.document_id, self.shop_id, written.kind, written.name))
        if of is not None:
            conn.execute("INSERT INTO document_link VALUES (%s, %s, %s, %s, %s, %s)",
                         (self.org_id, written.document_id, LINKS[written.kind], self.shop_id, of.kind, of.name))
        event_id = uuid7(now)
        conn.execute(
            "INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, digest, received_at)"
            " VALUES (%s, %s, %s, %s, 't', 'poll', '\\x00', %s)", (self.org_id, event_id, self.shop_id, str(event_id), now))
        (revision,) = conn.execute(
            "SELECT coalesce(max(revision), 0) + 1 FROM document_revision WHERE org_id = %s AND document_id = %s",
            (self.org_id, written.document_id)).fetchone() or (1,)
        conn.execute(
            "INSERT INTO document_revision (org_id, document_id, revision, version, digest, event_id, occurred_at,"
            " offset_minutes, business_day, number, currency, facts, party_id, recorded_at)"
            " VALUES (%s, %s, %s, '1', '\\x00', %s, %s, 0, %s, %s, %s, %s, %s, %s)",
            (self.org_id, written.document_id, revision, event_id, now, day, written.name, currency,
             f'{{"due": "{due}"}}' if due else "{}", self._party(conn, customer), now))
        return int(str(revision))

    def _party(self, conn: Connection, customer: Party | None) -> UUID | None:
        if customer is None:
            return None
        party_id = uuid7(self.clock())
        conn.execute(
            "INSERT INTO party (org_id, party_id, connection_id, external_id, salt, data, digest)"
            " VALUES (%s, %s, %s, %s, '\\x00', %s, '\\x00')",
            (self.org_id, party_id, self.shop_id, customer.external_id, msgspec.json.encode(customer).decode()))
        return party_id

    def said(
        self, places: Mapping[str, str], *, in_base: bool = False, moved: Mapping[date, date] | None = None,
    ) -> dict[tuple[str, str, str], int]:
        """What was written, per remote account (``places``: role -> its id), day and currency; zeros left out.

        ``moved``: days that the target must hold on another day, since it is closed there.
        """
        sums: dict[tuple[str, str, str], int] = defaultdict(int)
        for day, currency, one, base in self._rows:
            on = (moved or {}).get(day, day)
            sums[places[one.role], on.isoformat(), self.base if in_base else currency] += base if in_base else one.minor
        return {key: minor for key, minor in sums.items() if minor}


def _account(role: str) -> str:
    return f"T-{role}"
