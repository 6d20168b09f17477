"""M-Pesa through the real door, intake and bookkeeping: nudges, polls and statements end in the same books, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from leja import flow
from leja.access import connections, organisations
from leja.access.connection_secrets import put_secret
from leja.access.mapping import default_role
from leja.access.vault import Vault
from leja.connectors import registry
from leja.core.errors import Refused, Transient
from leja.database.engine import Database
from leja.house import House, Settings
from leja.intake.file_import import FileConnection, Imported, import_file
from leja_sandbox.kit import SimulatedClock
from leja_sandbox.server import SandboxServer
from tests.connectors.source_scene import _Door

from .wallet import START

CLEARING, FEES, ASIDE = "clearing:mpesa_till", "processor_fees:mobile_money", "unidentified_receipts"


class Shop:
    """An organisation in Nairobi with one wallet, and the stand-in behind it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.clock, self.database, self.folder = SimulatedClock(START), database, folder
        self.server = SandboxServer(slugs=["mpesa"], clock=self.clock).start()
        self.stand_in = self.server.stand_in("mpesa")
        self.call = self.stand_in.control.call
        settings = Settings(home=folder, private_hosts=frozenset({f"127.0.0.1:{self.server.port}"}))
        self.house = House(settings, database, Vault.open_file(folder / "vault.key"), self.clock)
        with database.transaction() as conn:
            now = self.clock()
            self.org = organisations.create(conn, f"Duka {uuid4()}", base_currency="KES", zone="Africa/Nairobi", now=now)
            flow.decide_mapping(conn, self.org.org_id, [default_role(conn, self.org.org_id, CLEARING)], by="test", reason="suite", now=now)
            self.connection = connections.add(
                conn, self.org.org_id, "mpesa", "till", start_date=START.date() - timedelta(days=60), now=now, duty="payments",
                settings={"short_code": "600966", "nominated_number": "0722000000", "register_callbacks": True,
                          "base_url": self.server.url("mpesa")},
            )  # fmt: skip
            for name, value in (("consumer_key", "sandbox-key"), ("consumer_secret", "sandbox-secret")):
                put_secret(conn, self.org.org_id, self.house.vault, self.connection.connection_id, name, value, now)
        self.session = self.house.session(self.connection)
        self.door = _Door(self.house)
        self._runner = asyncio.Runner()
        self.run(registry.verb("mpesa", "subscribe")(self.session, self.door.url(self.connection.door)))

    def run(self, doing: Any) -> Any:
        return self._runner.run(doing)

    def close(self) -> None:
        self.door.stop()
        self.run(self.session.http.close())
        self._runner.close()
        self.server.stop()
        self.house.close()

    def hear(self) -> None:
        """Every callback that is under way arrives."""
        with httpx2.Client(trust_env=False) as client:
            for row in self.stand_in.outgoing():
                assert client.post(row.url, content=row.body, headers=dict(row.headers)).status_code == 200

    def take_in(self, *names: str) -> None:
        verbs = {name: registry.verb("mpesa", name) for name in names}
        self.run(flow.take_in(self.database, self.org.org_id, self.connection.connection_id, verbs, self.session, self.clock))
        flow.record(self.house.bookkeeper(self.org), self.clock)

    def file(self, text: str, name: str = "statement.csv") -> Imported:
        path = self.folder / name
        path.write_text(text)
        connection = FileConnection(
            connection_id=self.connection.connection_id, settings=self.connection.typed_settings(),
            read_file=registry.verb("mpesa", "read_file"), detect=registry.verb("mpesa", "detect"),
        )  # fmt: skip
        done = import_file(self.database, self.org.org_id, connection, path, clock=self.clock)
        flow.record(self.house.bookkeeper(self.org), self.clock)
        return done

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.transaction() as conn:
            return conn.execute(query.encode(), (self.org.org_id,)).fetchall()

    def books(self) -> dict[str, int]:
        return {str(role): int(minor) for role, minor in self.rows(
            "SELECT l.role, sum(l.base)::bigint FROM line l WHERE l.org_id = %s GROUP BY 1 HAVING sum(l.base) <> 0")}  # fmt: skip

    def open_items(self) -> list[str]:
        return [str(row[0]) for row in self.rows("SELECT code FROM review_item WHERE org_id = %s AND settled_at IS NULL ORDER BY 1")]


@pytest.fixture
def shop(shelf: Database, tmp_path: Path) -> Iterator[Shop]:
    made = Shop(shelf, tmp_path)
    yield made
    made.close()


def test_a_callback_a_poll_and_two_statements_are_one_receipt(shop: Shop) -> None:
    for amount in (1500, 2300, 150):
        shop.call("pay", amount=amount, reference="INV-1")
        shop.clock.advance(60)
    shop.call("forge", amount=9000)
    shop.hear()
    shop.take_in("fetch")
    assert shop.books() == {CLEARING: 395000, ASIDE: -395000}
    shop.take_in("poll", "fetch")
    assert shop.books() == {CLEARING: 395000, ASIDE: -395000}
    shop.clock.advance(600)
    shop.call("sweep", amount=1000, charge="24.75")
    text = shop.call("statement", first="2026-05-04")
    assert shop.file(text).kept.new == 7
    report = shop.call("report")
    (day,) = report["days"].values()
    whole = {CLEARING: report["balance"], FEES: day["charges"], "bank": day["sweeps"], ASIDE: -day["payments"]}
    assert shop.books() == whole
    assert shop.file(text).already
    assert shop.file(shop.call("statement", first="2026-05-01", last="2026-05-31", dates="iso"), "again.csv").kept.new == 0
    shop.hear()
    shop.take_in("poll", "fetch")
    assert shop.books() == whole
    assert set(shop.open_items()) <= {"unidentified-receipt", "fetch-unanswered"}
    assert shop.rows("SELECT count(*) FROM document WHERE org_id = %s AND kind = 'payment'") == [(3,)]


def test_a_forged_callback_books_nothing(shop: Shop) -> None:
    shop.call("forge", amount=9000)
    shop.hear()
    shop.take_in("poll", "fetch")
    assert shop.books() == {}
    assert shop.rows("SELECT count(*) FROM document WHERE org_id = %s") == [(0,)]


def test_what_was_out_of_reach_is_reviewed_until_the_statement_came(shop: Shop) -> None:
    for _ in range(3):
        shop.take_in("poll", "fetch")
        shop.clock.advance(900)
    shop.call("pay", amount=500)
    shop.clock.advance(3 * 86400)
    shop.take_in("poll", "fetch")
    assert shop.books() == {}
    assert shop.open_items() == ["mpesa-gap"]
    shop.file(shop.call("statement", first="2026-05-01", last="2026-05-31"))
    assert shop.books()[CLEARING] == shop.call("report")["balance"]


def test_a_statement_that_was_cut_is_refused_before_anything_is_written(shop: Shop) -> None:
    for amount in (1500, 2300, 150):
        shop.call("pay", amount=amount)
    lines = shop.call("statement", first="2026-05-04").splitlines(keepends=True)
    with pytest.raises(Refused) as caught:
        shop.file("".join([*lines[:6], *lines[7:]]))
    assert caught.value.code == "mpesa-statement-balance"
    assert shop.rows("SELECT count(*) FROM event WHERE org_id = %s") == [(0,)]


def test_faults_of_the_pull_service_lose_nothing(shop: Shop) -> None:
    for _ in range(4):
        shop.call("pay", amount=200)
    shop.stand_in.env.faults.add("error_before", path="POST /pull*", times=2)
    shop.stand_in.env.faults.add("answer_lost", path="POST /pull*", times=1)
    for _ in range(8):
        try:
            shop.take_in("poll", "fetch")
        except Transient:
            shop.clock.advance(60)
    assert shop.books() == {CLEARING: 80000, ASIDE: -80000}
