"""A shop's front seen from outside: its webhook door, its inbox and its books, with bad input between good sales."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from leja import flow
from leja.access import connections, organisations
from leja.access.connection_secrets import put_secret
from leja.access.mapping import default_role
from leja.access.vault import Vault
from leja.bookkeeping.batch import Progress
from leja.connectors import registry
from leja.core.clock import Clock
from leja.core.errors import Refused
from leja.database.engine import Connection, Database
from leja.database.review import ReviewItem, items
from leja.database.rules import set_recognition
from leja.house import House, Settings
from leja.intake.committer import GroupCommitter
from leja.intake.file_import import FileConnection, Imported, import_file
from leja.operate.rebuild import check, rebuild
from leja.web.webhook_door import WebhookDoor

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "src/leja/connectors/shopify/samples/order-plain-tax-included.json"
SECRET, SHOP = "shpss_sandbox", "leja-sandbox.myshopify.com"
ALWAYS = date(1970, 1, 1)
Json = dict[str, Any]


@cache
def documented() -> dict[str, str]:
    """Code and what to do about it, of every row of docs/errors.md and of the connectors' own pages."""
    pages = [ROOT / "docs/errors.md", *sorted((ROOT / "src/leja/connectors").glob("*/README.md"))]
    return {
        code: remedy for page in pages
        for code, remedy in re.findall(r"^\| `([a-z0-9-]+)` \| .+? \| (.+?) \|$", page.read_text(), re.MULTILINE)
    }


def order(number: int, **changes: Any) -> Json:
    """A paid order of 1200.00 GBP with 200.00 of tax in it, as a webhook brings it."""
    text = SAMPLE.read_text().replace("0.16", "0.2")
    for old, new in (("KES", "GBP"), ("1160.00", "1200.00"), ("580.00", "600.00"), ("160.00", "200.00")):
        text = text.replace(f'"{old}"', f'"{new}"')
    body: Json = json.loads(text)["event"]["body"]
    body |= {"id": 6_000_000_000 + number, "name": f"#{number}", "number": number, "order_number": number}
    return {**body, **changes}


def packed(body: Json) -> bytes:
    """The body as bytes."""
    return json.dumps(body, separators=(",", ":")).encode()


def signed(body: bytes, topic: str, key: str, secret: str = SECRET) -> dict[str, str]:
    """The headers of a delivery."""
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {"x-shopify-topic": topic, "x-shopify-hmac-sha256": digest, "x-shopify-webhook-id": key,
            "x-shopify-shop-domain": SHOP, "x-shopify-triggered-at": "2026-03-14T17:30:06Z"}  # fmt: skip


class Front:
    """An organisation with a shop and a till, and everything that a stranger can reach of it."""

    def __init__(self, database: Database, clock: Clock, home: Path, **door: Any) -> None:
        self.database, self.clock = database, clock
        self.house = House(Settings(home=home), database, Vault.open_file(home / "vault.key"), clock)
        self._door_options, self._keys = door, 0
        with database.transaction() as conn:
            self.org = organisations.create(
                conn, "Duka", base_currency="GBP", country="GB", zone="Europe/London", now=clock()
            )
            set_recognition(conn, self.org.org_id, "", "sale", ALWAYS, clock())
            roles = ("clearing:shopify_payments", "clearing:retail_terminal")
            flow.decide_mapping(conn, self.org.org_id, [default_role(conn, self.org.org_id, role) for role in roles],
                                by="test", reason="processors", now=clock())  # fmt: skip
            self.shop = self._add(conn, "shopify", "shop", {"shop": SHOP, "client_id": "c", "reads_all_orders": True})
            self.till = self._add(conn, "retail_csv", "till", {"zone": "Europe/London", "currency": "GBP"})
            put_secret(
                conn, self.org.org_id, self.house.vault, self.shop.connection_id, "webhook_secret", SECRET, clock()
            )

    def _add(self, conn: Connection, slug: str, name: str, settings: Mapping[str, Any]) -> connections.Connection:
        return connections.add(conn, self.org.org_id, slug, name, settings=settings, now=self.clock(),
                               tenant=SHOP if name == "shop" else "", start_date=date(2009, 1, 1))  # fmt: skip

    # --- what comes in ---

    def post(self, body: bytes, topic: str = "orders/create", **more: Any) -> tuple[int, str]:
        """One delivery at the door: status and code of the answer."""
        return self.post_all([(body, topic, more)])[0]

    def post_all(self, deliveries: Sequence[tuple[bytes, str, Mapping[str, Any]]]) -> list[tuple[int, str]]:
        """Deliveries one after another at a door that is opened for them."""
        door = WebhookDoor(self.house.doors(), self.committer(), self.clock, **self._door_options)
        door.start()
        try:
            return asyncio.run(_posted(door, [self._request(*delivery) for delivery in deliveries]))
        finally:
            door.stop()

    def committer(self) -> GroupCommitter:
        """Who writes what the door takes in."""
        return self.house.committer()

    def _request(self, body: bytes, topic: str, more: Mapping[str, Any]) -> tuple[str, bytes, dict[str, str]]:
        self._keys += 1
        headers = signed(body, topic, str(more.get("key", f"w{self._keys}")), more.get("secret", SECRET))
        headers |= more.get("headers", {})
        return self.shop.door, body, {name: value for name, value in headers.items() if value}

    def put(self, content: bytes, path: Path, **settings: Any) -> Imported:
        """Import a file of the till. Raises Refused."""
        path.write_bytes(content)
        with self.database.transaction() as conn:
            found = connections.change_settings(
                conn, self.org.org_id, self.till, {**self.till.settings, **settings}
            )  # fmt: skip
        verbs = {name: registry.verb("retail_csv", name) for name in ("read_file", "detect")}
        connection = FileConnection(
            connection_id=self.till.connection_id, settings=found.typed_settings(), **verbs
        )  # fmt: skip
        return import_file(self.database, self.org.org_id, connection, path, clock=self.clock)

    def record(self) -> Progress:
        """Book all that waits."""
        return flow.record(self.house.bookkeeper(self.org), self.clock)

    # --- what can be seen ---

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of this organisation; the statement names :org."""
        with self.database.transaction() as conn:
            return conn.execute(sql.replace(":org", "%(org)s").encode(), {"org": self.org.org_id}).fetchall()

    def states(self) -> list[str]:
        """Where each event stands, in the order of arrival."""
        return [row[0] for row in self.rows("SELECT state FROM event_state WHERE org_id = :org ORDER BY seq")]

    def bodies(self) -> list[bytes]:
        """What the inbox holds, in the order of arrival."""
        return [bytes(row[0]) for row in self.rows(
            "SELECT b.body FROM event_body b JOIN event_state s USING (org_id, event_id) WHERE b.org_id = :org"
            " ORDER BY s.seq")]  # fmt: skip

    def booked(self) -> list[str]:
        """The documents that stand in the books, by the source's id."""
        return [row[0] for row in self.rows("SELECT external_id FROM document WHERE org_id = :org ORDER BY 1")]

    def items(self) -> list[ReviewItem]:
        """What a person must look at."""
        with self.database.transaction() as conn:
            return items(conn, self.org.org_id)

    def refused(self) -> dict[str, int]:
        """How many requests the door refused, by code."""
        return dict(self.rows("SELECT code, count FROM refused_request WHERE org_id = :org"))

    def clean(self) -> None:
        """Nothing is half-written: every event stands somewhere, every entry has its lines, every check holds."""
        with self.database.transaction() as conn:
            assert check(conn, self.org.org_id) == []
            assert rebuild(conn, self.org.org_id).different == 0
        assert "new" not in self.states()
        stray = self.rows(
            "SELECT r.document_id FROM document_revision r JOIN event_state s USING (org_id, event_id)"
            " WHERE r.org_id = :org AND s.state IN ('parked', 'waiting')"
        )
        assert stray == [], "a document was written of an event that does not stand as done"
        lone = self.rows("SELECT number FROM entry e WHERE org_id = :org AND NOT EXISTS (SELECT 1 FROM line l"
                         " WHERE l.org_id = e.org_id AND l.entry_number = e.number)")  # fmt: skip
        assert lone == [], "an entry without lines"


async def _posted(door: WebhookDoor, requests: Sequence[tuple[str, bytes, dict[str, str]]]) -> list[tuple[int, str]]:
    return [await ask(door, *request) for request in requests]


async def ask(door: WebhookDoor, name: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """One request to the ASGI application."""
    sent: list[Any] = []

    async def receive() -> Json:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await door({"type": "http", "method": "POST", "path": f"/hooks/{name}", "headers": pairs}, receive, send)
    code = ""
    with suppress(msgspec.DecodeError):
        code = str(msgspec.json.decode(sent[1]["body"] or b"{}").get("code", ""))
    return sent[0]["status"], code


def explained(code: str) -> None:
    """The code is explained, with something to do about it."""
    assert documented().get(code), f"no page explains {code}"


def refusal(call: Callable[[], object]) -> Refused:
    """What a call was refused with, explained in the documentation."""
    try:
        call()
    except Refused as error:
        explained(error.code)
        return error
    raise AssertionError("this should have been refused")
