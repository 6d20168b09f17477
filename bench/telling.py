"""A target, its stand-in and an organisation on a clock that nobody waits for; sales by the thousand, and what they cost in calls."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from bench.virtual import LoopClock, VirtualLoop, Wire, wired
from leja import flow
from leja.access.vault import Vault
from leja.books.entry import Entry, EntryLine
from leja.connectors import registry
from leja.connectors.contract import Session
from leja.core.ids import uuid7
from leja.database.engine import Connection as Conn
from leja.database.engine import Database
from leja.database.ledger import Ledger
from leja.delivery.outbox import Booking, enqueue, places, told
from leja.house import House, Settings
from leja.http.pacing import Lane, Pacing
from leja_sandbox.server import SandboxServer
from tests.connectors.our_books import OurBooks
from tests.connectors.stages import target_stage
from tests.connectors.target_scene import TargetScene

FIRST_DAY = date(2026, 3, 2)
SALES_A_DAY = 200
SALES_A_PAYOUT = 250
PROCESSOR = "card_processor"


class Counted(Pacing):
    """A pace that remembers each call that it let go: whether it was a batch, and when; and what calls cost where they cost points."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.taken: list[tuple[bool, float]] = []
        self.spent = self.maximum = self.rate = 0.0
        self._heard: tuple[float, float] | None = None

    def points(self, *, available: float, maximum: float, restore_rate: float) -> None:
        """What was spent since the last answer is what is missing of what would have been restored."""
        at = self._at()
        had = maximum if self._heard is None else min(maximum, self._heard[0] + (at - self._heard[1]) * restore_rate)
        self.spent += max(0.0, had - available)
        self._heard, self.maximum, self.rate = (available, at), maximum, restore_rate
        super().points(available=available, maximum=maximum, restore_rate=restore_rate)

    def _take(self, lane: Lane, cost: float, batch: bool) -> None:
        super()._take(lane, cost, batch)
        self.taken.append((batch, self._at()))


class Telling(TargetScene):
    """The suites' scene of a target, without a network and on the virtual clock. ``wire`` counts its calls."""

    def __init__(self, slug: str, database: Database, folder: Path, *, mode: str, seed: int) -> None:
        self.loop = VirtualLoop()
        self.slug, self.stage, self.clock, self.database = slug, target_stage(slug), LoopClock(self.loop), database  # type: ignore[assignment]
        self._runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self._sessions: list[Session] = []
        self.server = SandboxServer(slugs=[slug], clock=self.clock, seed=seed, settings={slug: self.stage.stand_in})
        self.stand_in = self.server.stand_in(slug)
        self._wired = wired(self.server, seed)
        self.wire: Wire = self._wired.__enter__()
        settings = Settings(home=folder, private_hosts=frozenset({f"127.0.0.1:{self.server.port}"}))
        self.house = House(settings, database, Vault.open_file(folder / "vault.key"), self.clock)
        self.pace = Counted(registry.connector(slug).limits, now=self.clock)
        self.books = OurBooks(database, self.clock)
        self.org_id = self.books.org_id
        self.connection = self._connect(mode)
        self.places: dict[str, str] = {}
        self.chart = self.read_chart()
        self._map()

    def __exit__(self, *_: object) -> None:
        self._runner.close()
        self._wired.__exit__(None, None, None)
        self.server.stop()

    def session(self) -> Session:
        """One session, on the counted pace; waiting is the loop's."""
        if not self._sessions:
            session = self.house.session(self.connection)
            session.http.pacing = self.pace
            self._sessions.append(session)
        return self._sessions[0]

    async def told(self) -> None:
        """Tell all that is due, as the worker would go on doing."""
        while True:
            done = await flow.deliver(self.database, self.target(), self.house.holder, self.clock)
            if done is None or done.next_due is None or done.paused:
                return
            await asyncio.sleep(max(1.0, (done.next_due - self.clock()).total_seconds()))

    def sell(self, count: int, lane: str = "live", *, day: date | None = None, payouts: bool = False) -> None:
        """So many sales by card of three lines each, over as many days as it takes; with ``payouts``, what settles them."""
        with self.database.transaction() as conn:
            for first in range(0, count, SALES_A_PAYOUT):
                _write(conn, self, first, min(SALES_A_PAYOUT, count - first), lane, day, payouts)

    def left(self) -> int:
        """Entries and documents that are still to be told."""
        ((waiting,),) = self.rows("SELECT count(*) FROM outbox WHERE org_id = %s")
        ((open_,),) = self.rows("SELECT count(*) FROM deliverable WHERE org_id = %s AND state NOT IN ('done', 'withdrawn')")
        return int(waiting) + int(open_)


def _write(conn: Conn, scene: Telling, first: int, count: int, lane: str, day: date | None, payouts: bool) -> None:
    """Documents, entries and outbox rows as bookkeeping writes them; their references where a payout settles them."""
    books, org_id, run = scene.books, scene.org_id, uuid4().hex[:8]
    event_id = _event(conn, org_id, books.shop_id, run, scene)
    ledger, bookings = Ledger.open(conn, org_id), []
    for at in range(first, first + count):
        on = day or FIRST_DAY + timedelta(days=at // SALES_A_DAY)
        net = 1_000 + at * 37 % 9_000
        goods, tax = books.taxed(net)
        lines = (("clearing:card_processor", -goods.minor - tax.minor, ""), ("sales", goods.minor, "S"), ("output_tax", tax.minor, "S"))
        facts = msgspec.json.encode({"tenders": [{"processor": PROCESSOR}]} if payouts else {}).decode()
        document = _document(conn, scene, event_id, "sale", f"{run}-{at}", on, facts)
        bookings.append(_booked(ledger, document, "sale", on, lines, lane))
        if payouts:
            _refers(conn, org_id, document, f"ch-{run}-{at}")
    if payouts:
        on = bookings[-1].business_day + timedelta(days=2)
        document = _document(conn, scene, event_id, "payout", f"po-{run}", on, "{}")
        bookings.append(_booked(ledger, document, "payout", on, (("bank", 9_000, ""), ("clearing:card_processor", -9_000, "")), lane))
        for at in range(first, first + count):
            _refers(conn, org_id, document, f"ch-{run}-{at}")
    ledger.flush(scene.clock())
    enqueue(conn, org_id, bookings, told(conn, org_id), places(conn, org_id), scene.clock())


def _booked(ledger: Ledger, document: UUID, kind: str, on: date, lines: tuple[tuple[str, int, str], ...], lane: str) -> Booking:
    entry = Entry(label=kind, posting_date=on, business_day=on, lines=tuple(
        EntryLine(account=f"T-{role}", role=role, amount=minor, currency="GBP", base=minor, tax_code=code, location="nairobi", channel="web")
        for role, minor, code in lines))
    return Booking(ledger.post(document, 1, [entry])[0], document, kind, on, on, "nairobi", "web", "GBP", lane=lane)


def _event(conn: Conn, org_id: UUID, shop_id: UUID, run: str, scene: Telling) -> UUID:
    event_id = uuid7(scene.clock())
    conn.execute(
        "INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, digest, received_at)"
        " VALUES (%s, %s, %s, %s, 't', 'poll', '\\x00', %s)", (org_id, event_id, shop_id, run, scene.clock()))
    return event_id


def _document(conn: Conn, scene: Telling, event_id: UUID, kind: str, name: str, on: date, facts: str) -> UUID:
    document, now = uuid7(scene.clock()), scene.clock()
    conn.execute("INSERT INTO document VALUES (%s, %s, %s, %s, %s)", (scene.org_id, document, scene.books.shop_id, kind, name))
    conn.execute(
        "INSERT INTO document_revision (org_id, document_id, revision, version, digest, event_id, occurred_at, offset_minutes,"
        " business_day, number, currency, facts, recorded_at) VALUES (%s, %s, 1, '1', '\\x00', %s, %s, 0, %s, %s, 'GBP', %s, %s)",
        (scene.org_id, document, event_id, now, on, name, facts, now))
    return document


def _refers(conn: Conn, org_id: UUID, document: UUID, reference: str) -> None:
    conn.execute("INSERT INTO processor_reference (org_id, processor, reference, document_id) VALUES (%s, %s, %s, %s)",
                 (org_id, PROCESSOR, reference, document))
