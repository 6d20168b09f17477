"""A source's stand-in, an organisation that reads it, and the webhook door between them, on one clock."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx2
import uvicorn

from leja import flow
from leja.access import connections, grants, organisations
from leja.access.connection_secrets import put_secret
from leja.access.connections import Connection
from leja.access.mapping import ALWAYS, default_role
from leja.access.vault import Vault
from leja.connectors import registry
from leja.connectors.contract import Session
from leja.core.errors import Transient
from leja.database.engine import Database
from leja.database.review import INFORMATION
from leja.database.rules import set_recognition
from leja.house import House, Settings
from leja.http.oauth import Tokens
from leja.http.pacing import Pacing
from leja.intake import backfill
from leja.intake.poll import poll
from leja.intake.proof import Proof
from leja.web.webhook_door import WebhookDoor
from leja_sandbox.clock import SimulatedClock
from leja_sandbox.kit import Outgoing
from leja_sandbox.server import SandboxServer

from .stages import Doing, source_stage

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
PATIENCE_SECONDS = 20.0
Books = dict[tuple[str, str], int]


class SourceScene:
    """One source against its own stand-in. ``door``: whether it is subscribed to webhooks."""

    def __init__(self, slug: str, database: Database, folder: Path, *, door: bool = True) -> None:
        self.slug, self.stage, self.clock, self.database = slug, source_stage(slug), SimulatedClock(START), database
        self._runner = asyncio.Runner()
        self.server = SandboxServer(slugs=[slug], clock=self.clock, settings={slug: self.stage.stand_in}).start()
        self.stand_in = self.server.stand_in(slug)
        settings = Settings(home=folder, private_hosts=frozenset({f"127.0.0.1:{self.server.port}"}))
        self.house = House(settings, database, Vault.open_file(folder / "vault.key"), self.clock)
        self.connection = self._connect()
        self.session = self._session()
        self.door = _Door(self.house) if door and "webhooks" in registry.capabilities(slug) else None
        if self.door is not None:
            self.run(self.house.subscribed(self.connection, self.session, self.door.url(self.connection.door)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.door is not None:
            self.door.stop()
        self.run(self.session.http.close())
        self._runner.close()
        self.server.stop()

    def _connect(self) -> Connection:
        granted = self.control("grant") if "grant" in self.stand_in.control.names() else {}
        with self.database.transaction() as conn:
            now = self.clock()
            self.org = organisations.create(conn, f"Duka {uuid4()}", base_currency="GBP", zone="Europe/London", now=now)
            set_recognition(conn, self.org.org_id, "", "sale", ALWAYS, now)
            roles = [default_role(conn, self.org.org_id, role) for role in self.stage.roles]
            flow.decide_mapping(conn, self.org.org_id, roles, by="test", reason="suite", now=now)
            made = connections.add(
                conn, self.org.org_id, self.slug, self.slug, start_date=START.date() - timedelta(days=200), now=now, duty="sales",
                settings={**self.stage.settings, "base_url": self.server.url(self.slug)}, tenant=str(granted.get(self.stage.tenant, "")),
            )
            for name, value in {**self.stage.secrets, **{n: granted[f] for n, f in self.stage.granted.items()}}.items():
                put_secret(conn, self.org.org_id, self.house.vault, made.connection_id, name, value, now)
            if "access_token" in granted and "access_token" not in self.stage.secrets:
                tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=now)
                grants.store(conn, self.org.org_id, self.house.vault, made.connection_id, tokens)
        return made

    def _session(self) -> Session:
        """Waiting lets the scene's clock go on."""

        async def pass_time(seconds: float) -> None:
            self.clock.advance(seconds)
            await asyncio.sleep(0)

        session = self.house.session(self.connection)
        session.http.pacing = Pacing(self.connection.connector.limits, now=self.clock, sleep=pass_time)
        session.http._sleep = pass_time
        return session

    # --- what happens over there ---

    def control(self, action: str, /, **arguments: Any) -> Any:
        """Act as the merchant."""
        return self.stand_in.control.call(action, **arguments)

    def sell(self, number: int, **more: Any) -> Any:
        """Somebody buys; gives the sale's id."""
        return self.control(self.stage.sell, **{**self.stage.sales[number % len(self.stage.sales)], **more})[self.stage.id]

    def do(self, doing: Doing | None, sale: Any) -> None:
        """The merchant does something with a sale, if the source knows it."""
        if doing is not None:
            self.control(doing.action, **doing.arguments, **{doing.of: sale})

    def season(self) -> list[Any]:
        """Sales of every sort, one touched, one edited, one refunded; gives their ids. Time passes between them."""
        made = []
        for number in range(len(self.stage.sales) + 1):
            made.append(self.sell(number))
            self.clock.advance(300)
        self.do(self.stage.touch, made[0])
        self.clock.advance(60)
        self.do(self.stage.edit, made[0])
        self.clock.advance(60)
        self.do(self.stage.refund, made[1])
        self.clock.advance(60)
        self.do(self.stage.touch, made[1])
        self.clock.advance(60)
        return made

    def fault(self, kind: str, **settings: Any) -> None:
        """Switch a fault of the stand-in on."""
        self.stand_in.env.faults.add(kind, **settings)  # type: ignore[arg-type]

    def webhooks(self) -> int:
        """Wait until all that will be sent was sent; says how many were."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.control("hasten_webhooks")
            counts = self.control("outgoing")
            if not counts.get("due", 0):
                return int(counts.get("done", 0))
            time.sleep(0.005)
        raise AssertionError(f"webhooks do not come: {self.control('outgoing')}")

    def send(self, rows: list[Outgoing]) -> None:
        """Bring these webhooks to the door, in this order."""
        with httpx2.Client(trust_env=False) as client:
            for row in rows:
                assert client.post(row.url, content=row.body, headers=dict(row.headers)).status_code == 200

    # --- what Leja does ---

    def run(self, doing: Any) -> Any:
        """Run something asynchronous."""
        return self._runner.run(doing)

    def verb(self, name: str) -> Any:
        """A verb of the connector."""
        return registry.verb(self.slug, name)

    def take_in(self, *, polling: bool = True) -> None:
        """Poll (or not), fetch what was only heard of, and record, until nothing is new; transient faults are met again."""
        names = ("poll", "fetch") if polling else ("fetch",)
        verbs = {name: self.verb(name) for name in names if name in registry.capabilities(self.slug)}
        for _ in range(40):
            try:
                taken = self.run(flow.take_in(
                    self.database, self.org.org_id, self.connection.connection_id, verbs, self.session, self.clock))
            except Transient:
                self.clock.advance(30)
                continue
            recorded = flow.record(self.house.bookkeeper(self.org), self.clock)
            if not recorded.events and not taken.answered:
                return
        raise AssertionError(f"{self.slug} does not come to rest: {self.unfinished()}")

    def poll_page_by_page(self, between: Any) -> int:
        """One poll; ``between`` happens before each further page. Says how many pages it had."""
        pages = 0

        async def verb(session: Session, cursor: str | None) -> Any:
            nonlocal pages
            if pages:
                between(pages)
            pages += 1
            return await self.verb("poll")(session, cursor)

        self.run(poll(self.database, self.org.org_id, self.connection.connection_id, verb, self.session, clock=self.clock))
        return pages

    def backfill(self) -> int:
        """Plan and read the whole past; says how many events were planned."""
        since, until = START - timedelta(days=2), self.clock() + timedelta(days=1)
        plan = self.run(self.verb("plan")(self.session, since, until))
        with self.database.transaction() as conn:
            begun = backfill.begin(conn, self.org.org_id, self.connection.connection_id, since, until, plan, self.clock())
        self.run(backfill.backfill(self.database, self.org.org_id, begun, self.verb("backfill"), self.session, clock=self.clock))
        self.take_in(polling=False)
        return int(plan.events)

    def prove(self) -> Proof:
        """The completeness proof of the last days, and what it made wanted."""
        verbs = registry.taking_in(self.slug)
        proved = self.run(flow.prove(
            self.database, self.org.org_id, self.connection.connection_id, verbs, self.session, START - timedelta(days=2), self.clock))
        self.take_in(polling=False)
        assert isinstance(proved, Proof)
        return proved

    # --- what is true then ---

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database; the organisation's id is the only value."""
        with self.database.transaction() as conn:
            return conn.execute(query.encode(), (self.org.org_id,)).fetchall()

    def books(self) -> Books:
        """The balance of each role on each day, zeros left out."""
        return {(str(role), str(day)): int(minor) for role, day, minor in self.rows(
            "SELECT l.role, e.business_day, sum(l.base)::bigint FROM line l JOIN entry e ON e.org_id = l.org_id"
            " AND e.number = l.entry_number WHERE l.org_id = %s GROUP BY 1, 2 HAVING sum(l.base) <> 0")}

    def unfinished(self) -> Counter[str]:
        """Events that are not decided, by state."""
        return Counter({str(state): int(count) for state, count in self.rows(
            "SELECT state, count(*) FROM event_state WHERE org_id = %s AND state IN ('new', 'waiting', 'parked') GROUP BY state")})

    def standing(self, kind: str = "sale") -> tuple[int, int]:
        """How many documents of a kind stand in the books, and what their totals come to."""
        ((count, minor),) = self.rows(
            "SELECT count(*), coalesce(sum(total), 0)::bigint FROM (SELECT DISTINCT ON (d.document_id)"
            " (r.facts::jsonb #>> '{total,minor}')::bigint AS total, r.withdrawn FROM document d JOIN document_revision r"
            f" ON r.org_id = d.org_id AND r.document_id = d.document_id WHERE d.org_id = %s AND d.kind = '{kind}'"
            " ORDER BY d.document_id, r.revision DESC) x WHERE NOT withdrawn")
        return int(count), int(minor)

    def to_review(self) -> list[tuple[Any, ...]]:
        """What stands in the review queue, as (code, message)."""
        return self.rows("SELECT code, message FROM review_item WHERE org_id = %s AND settled_at IS NULL")

    def assert_as_over_there(self) -> None:
        """Nothing waits for a person, and sales and refunds are those of the source's own report, in number and sum."""
        assert self.unfinished() == Counter()
        assert [row for row in self.to_review() if row[0] not in INFORMATION] == []
        report = self.control("report")
        assert self.standing("sale") == (report["counts"]["orders"], report["sums"]["orders"].get("GBP", 0))
        assert self.standing("refund") == (report["counts"]["refunds"], report["sums"]["refunds"].get("GBP", 0))


class _Door:
    """The webhook door on a free port, in a thread."""

    def __init__(self, house: House) -> None:
        door = WebhookDoor(house.doors(), house.committer(), house.clock)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(door, log_config=None, access_log=False, ws="none", lifespan="on"))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])), daemon=True)
        self._thread.start()

    def url(self, door: str) -> str:
        """The address of a connection's door."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/hooks/{door}"

    def stop(self) -> None:
        """Stop taking in."""
        self._server.should_exit = True
        self._thread.join(10)
