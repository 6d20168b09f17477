"""The webhook door acknowledges what is durable, and refuses the rest with the right answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.connectors.contract import HandshakeAnswer, Nudges, ReadEvent, Wanted, Webhooks
from leja.core.clock import Clock
from leja.core.errors import Refused, Transient
from leja.core.ids import uuid7
from leja.database.engine import Database
from leja.intake.committer import GroupCommitter
from leja.intake.doors import DatabaseDoors, Door, DoorDirectory, Ways
from leja.web.webhook_door import WebhookDoor

pytestmark = pytest.mark.anyio
SECRET = "correct horse"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    if headers.get("x-signature") not in [signature(body, secret) for secret in secrets]:
        raise Refused("signature-wrong", "the signature does not hold")


def read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:
    try:
        said = msgspec.json.decode(body, type=dict[str, str])
    except msgspec.DecodeError:
        raise Refused("json-malformed", "no JSON") from None
    return (ReadEvent(key=said["id"], topic=headers.get("x-topic", ""), account=said.get("shop", "")),)


def read_nudge(headers: Mapping[str, str], body: bytes) -> tuple[Wanted, ...]:
    return (Wanted(kind="order", external_id=body.decode()),)


def handshake(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> HandshakeAnswer | None:
    return HandshakeAnswer(status=200, body=b"pong") if headers.get("x-topic") == "ping" else None


SIGNED = Ways(webhooks=Webhooks(verify=verify, read=read, secret_setting="signing"), handshake=handshake)
NUDGED = Ways(nudges=Nudges(admit=verify, read=read_nudge, secret_setting="signing"))


def make_connection(database: Database, clock: Clock, slug: str = "signed", tenant: str = "") -> tuple[UUID, UUID, str]:
    org_id, connection_id, door = uuid7(clock()), uuid7(clock()), uuid4().hex
    with database.transaction() as conn:
        conn.execute(
            "INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, %s, 'GBP', %s)",
            (org_id, str(org_id), clock()),
        )
        conn.execute(
            "INSERT INTO connection (org_id, connection_id, name, slug, duty, tenant, start_date, door, created_at)"
            " VALUES (%s, %s, 'shop', %s, 'sales', %s, %s, %s, %s)",
            (org_id, connection_id, slug, tenant, date(2026, 1, 1), door, clock()),
        )
    return org_id, connection_id, door


class Client:
    """Calls the door as a server would."""

    def __init__(self, app: WebhookDoor) -> None:
        self.app = app
        self.body_reads = 0

    async def post(
        self,
        door: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        parts: Sequence[bytes] | None = None,
        stall: bool = False,
        sign: bool = True,
    ) -> tuple[int, bytes, dict[str, str]]:
        said = {"x-signature": signature(body), "x-topic": "orders/create"} if sign else {}
        said.update(headers or {})
        pieces = list(parts if parts is not None else [body])
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            self.body_reads += 1
            if stall:
                await asyncio.sleep(60)
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": f"/hooks/{door}",
            "headers": [(name.encode(), value.encode()) for name, value in said.items()],
        }  # fmt: skip
        await self.app(scope, receive, send)
        return sent[0]["status"], sent[1]["body"], {n.decode(): v.decode() for n, v in sent[0]["headers"]}


def secrets_of(org_id: UUID, connection_id: UUID, name: str) -> tuple[str, ...]:
    return (SECRET, "the older one")


@asynccontextmanager
async def opened(database: Database, clock: Clock, **options: Any) -> AsyncIterator[Client]:
    load = options.pop("load", None) or DatabaseDoors(database, {"signed": SIGNED, "nudged": NUDGED}.get, secrets_of)
    committer = options.pop("committer", None) or GroupCommitter(database, clock)
    app = WebhookDoor(DoorDirectory(load, clock), committer, clock, **options)
    app.start()
    try:
        yield Client(app)
    finally:
        await asyncio.to_thread(app.stop)


def rows(database: Database, sql: str) -> list[tuple[object, ...]]:
    with database.transaction() as conn:
        return conn.execute(sql.encode()).fetchall()


def order(key: str, **more: str) -> bytes:
    return msgspec.json.encode({"id": key, **more})


async def test_a_signed_event_is_durable_when_it_is_acknowledged(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock)
    async with opened(database, clock) as client:
        status, _, _ = await client.post(door, order("1"), {"authorization": "Bearer secret"})
        assert status == 200
        found = rows(database, "SELECT event_key, topic, origin, headers FROM event")
    assert found == [("1", "orders/create", "webhook", '{"x-topic":"orders/create"}')]


async def test_an_unknown_door_is_404_before_the_body_is_read(database: Database, clock: Clock) -> None:
    async with opened(database, clock) as client:
        for name in (uuid4().hex, "x", "a/b/cdefghijk", "..%2f"):
            assert (await client.post(name, b"{}"))[0] == 404
        assert client.body_reads == 0


async def test_an_unknown_door_is_remembered_and_a_new_one_found_after_a_while(database: Database, clock: Any) -> None:
    looked: list[str] = []
    doors = DatabaseDoors(database, {"signed": SIGNED}.get, secrets_of)

    def load(name: str) -> Door | None:
        looked.append(name)
        return doors(name)

    async with opened(database, clock, load=load) as client:
        for _ in range(3):
            assert (await client.post("a" * 32, b"{}"))[0] == 404
        assert len(looked) == 1
        clock.forward(seconds=6)
        assert (await client.post("a" * 32, b"{}"))[0] == 404
        assert len(looked) == 2


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"method": "GET"}, 405, None),
        ({"headers": {"content-length": "999999"}}, 413, "door-body-too-large"),
        ({"headers": {"content-length": "9" * 40}}, 413, "door-body-too-large"),
        ({"headers": {"content-length": "-1"}}, 400, "door-body-length"),
        ({"parts": [b"x" * 600, b"x" * 600]}, 413, "door-body-too-large"),
        ({"stall": True}, 408, "door-body-slow"),
        ({"sign": False}, 401, "signature-wrong"),
        ({"headers": {"x-signature": "00"}}, 401, "signature-wrong"),
        ({"headers": {"x-signature": signature(b"another body")}}, 401, "signature-wrong"),
        ({"body": b"no json"}, 400, "json-malformed"),
        ({"body": order("k" * 600)}, 400, "event-key-unreadable"),
        ({"body": order("1", shop="other.example")}, 401, "webhook-wrong-account"),
    ],
)
async def test_what_is_refused_is_counted_and_not_kept(
    database: Database, clock: Clock, request_: dict[str, Any], status: int, code: str | None
) -> None:
    _, _, door = make_connection(database, clock, tenant="mine.example")
    async with opened(database, clock, body_max=1000, read_seconds=0.05) as client:
        body = request_.pop("body", order("1"))
        assert (await client.post(door, body, **request_))[0] == status
    assert rows(database, "SELECT count(*) FROM event") == [(0,)]
    assert rows(database, "SELECT code, count FROM refused_request") == ([(code, 1)] if code else [])


async def test_two_secrets_are_valid_while_one_is_rotated_out(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock)
    async with opened(database, clock) as client:
        body = order("1")
        assert (await client.post(door, body, {"x-signature": signature(body, "the older one")}))[0] == 200


async def test_a_handshake_is_answered_and_not_kept(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock)
    async with opened(database, clock) as client:
        assert (await client.post(door, b"{}", {"x-topic": "ping"}))[:2] == (200, b"pong")
    assert rows(database, "SELECT count(*) FROM event") == [(0,)]


async def test_many_requests_at_once_are_each_kept_exactly_once(database: Database, clock: Clock) -> None:
    doors = [make_connection(database, clock)[2] for _ in range(3)]
    async with opened(database, clock) as client:
        calls = [client.post(doors[i % 3], order(str(i // 2))) for i in range(300)]
        answers = await asyncio.gather(*calls)
    assert {answer[0] for answer in answers} == {200}
    assert rows(database, "SELECT count(*) FROM event") == [(len({(i % 3, i // 2) for i in range(300)}),)]
    assert rows(database, "SELECT count(*) FROM review_item") == [(0,)]


async def test_a_full_queue_answers_503_and_when_to_come_back(
    database: Database, owner_connection: Any, clock: Clock
) -> None:
    _, _, door = make_connection(database, clock)
    committer = GroupCommitter(database, clock, waiting_max=1)
    async with opened(database, clock, committer=committer) as client:
        with owner_connection.transaction():
            owner_connection.execute("LOCK TABLE event IN EXCLUSIVE MODE")
            calls = [asyncio.create_task(client.post(door, order(str(i)))) for i in range(6)]
            await asyncio.sleep(0.5)
        answers = await asyncio.gather(*calls)
    statuses = [answer[0] for answer in answers]
    assert 503 in statuses
    assert all(answer[2]["retry-after"] == "1" for answer in answers if answer[0] == 503)
    assert rows(database, "SELECT count(*) FROM event") == [(statuses.count(200),)]


async def test_too_many_requests_at_once_are_turned_away_before_their_body_is_read(
    database: Database, clock: Clock
) -> None:
    _, _, door = make_connection(database, clock)
    async with opened(database, clock, requests_max=2, read_seconds=0.3) as client:
        await client.post(door, order("first"))
        slow = [asyncio.create_task(client.post(door, b"", stall=True)) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert (await client.post(door, order("1")))[0] == 503
        assert [(await task)[0] for task in slow] == [408, 408]
        assert (await client.post(door, order("1")))[0] == 200


class Flaky(Database):
    """A database that goes away and returns."""

    away = False
    bad_key = ""

    @contextmanager
    def transaction(self, *args: Any, **more: Any) -> Any:
        if self.away:
            raise Transient("database-away", "gone")
        with super().transaction(*args, **more) as conn:
            yield conn
            if self.bad_key and conn.execute("SELECT 1 FROM event WHERE event_key = %s", (self.bad_key,)).fetchone():
                raise ValueError("this row cannot be written")


async def test_nothing_is_acknowledged_while_the_database_is_away(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock)
    flaky = Flaky(database.urls)
    async with opened(flaky, clock) as client:
        assert (await client.post(door, order("1")))[0] == 200
        flaky.away = True
        assert (await client.post(door, order("2")))[0] == 503
        assert (await client.post("b" * 32, order("2")))[0] == 503
        assert (await client.post(door, order("3"), sign=False))[0] == 401
        flaky.away = False
        assert (await client.post(door, order("2")))[0] == 200
    flaky.close()
    assert rows(database, "SELECT event_key FROM event ORDER BY 1") == [("1",), ("2",)]
    assert rows(database, "SELECT code, count FROM refused_request") == [("signature-wrong", 1)]


async def test_one_bad_row_does_not_lose_its_group(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock)
    flaky = Flaky(database.urls)
    flaky.bad_key = "13"
    async with opened(flaky, clock) as client:
        answers = await asyncio.gather(*[client.post(door, order(str(i))) for i in range(40)])
    flaky.close()
    assert [answer[0] for answer in answers] == [500 if i == 13 else 200 for i in range(40)]
    assert rows(database, "SELECT count(*) FROM event") == [(39,)]


async def test_a_server_that_is_killed_loses_nothing_that_was_acknowledged(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock)
    async with opened(database, clock) as client:
        acknowledged: set[str] = set()

        async def caller(name: int) -> None:
            for i in range(30):
                key = f"{name}-{i}"
                for _ in range(20):
                    if (await client.post(door, order(key)))[0] == 200:
                        acknowledged.add(key)
                        break

        async def killer() -> None:
            for _ in range(6):
                await asyncio.sleep(0.02)
                with psycopg.connect(database.urls.app) as conn:
                    conn.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND usename = 'leja_app' AND pid <> pg_backend_pid()"
                    )

        await asyncio.gather(killer(), *[caller(name) for name in range(8)])
    assert len(acknowledged) == 240
    assert {str(key) for (key,) in rows(database, "SELECT event_key FROM event")} == acknowledged


async def test_a_nudge_keeps_no_event_and_makes_a_thing_wanted_once(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock, "nudged")
    async with opened(database, clock, nudges_per_minute=3) as client:
        answers = [(await client.post(door, b"4711"))[0] for _ in range(4)]
        assert answers == [200, 200, 200, 429]
        assert (await client.post(door, b"4711", sign=False))[0] == 401
    assert rows(database, "SELECT kind, external_id, tries FROM wanted") == [("order", "4711", 0)]
    assert rows(database, "SELECT count(*) FROM event") == [(0,)]


async def test_the_servers_lifespan_starts_and_stops_the_door(database: Database, clock: Clock) -> None:
    _, _, door = make_connection(database, clock)
    app = WebhookDoor(
        DoorDirectory(DatabaseDoors(database, {"signed": SIGNED}.get, secrets_of), clock),
        GroupCommitter(database, clock),
        clock,
    )
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        if len(messages) == 1:
            assert (await Client(app).post(door, order("1")))[0] == 200
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), signed=st.booleans(), headers=st.dictionaries(
    st.text("abcdefgh-", min_size=1, max_size=12), st.text("abc \xe9/;=", max_size=20), max_size=4
))  # fmt: skip
def test_no_request_is_answered_with_500(
    database: Database, clock: Clock, body: bytes, signed: bool, headers: dict[str, str]
) -> None:
    async def ask() -> int:
        async with opened(database, clock, load=_one_door) as client:
            return (await client.post("c" * 32, body, headers, sign=signed))[0]

    assert asyncio.run(ask()) in ((200, 400, 401) if signed else (401,))


def _one_door(name: str) -> Door:
    refusing = Webhooks(verify=verify, read=_read_nothing, secret_setting="signing")
    return Door(org_id=uuid4(), connection_id=uuid4(), ways=Ways(webhooks=refusing), secrets=(SECRET,))


def _read_nothing(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:
    read(headers, body)
    return ()


async def test_what_a_connector_objects_to_is_kept_and_then_answered_in_its_words(
    database: Database, clock: Clock
) -> None:
    def objection(headers: Mapping[str, str], body: bytes) -> HandshakeAnswer | None:
        return (
            HandshakeAnswer(status=422, body=b"no", headers={"content-type": "text/plain"}) if b"odd" in body else None
        )

    signed = msgspec.structs.replace(
        SIGNED.webhooks,
        objection=objection,
        conflict=HandshakeAnswer(status=409, body=b"other"),  # type: ignore[type-var]
    )
    load = DatabaseDoors(database, {"signed": Ways(webhooks=signed)}.get, secrets_of)
    _, _, door = make_connection(database, clock)
    async with opened(database, clock, load=load) as client:
        assert (await client.post(door, b'{"id":"1"}'))[:2] == (200, b"")
        status, body, headers = await client.post(door, b'{"id":"2","odd":"x"}')
        assert (status, body, headers["content-type"]) == (422, b"no", "text/plain")
        assert (await client.post(door, b'{"id":"1"}'))[0] == 200, "a repetition is no contradiction"
        assert (await client.post(door, b'{"id":"1","more":"x"}'))[:2] == (409, b"other")
        assert (await client.post(door, b'{"id":"1","more":"x"}'))[:2] == (409, b"other")
        assert (await client.post(door, b'{"id":"odd","more":"x"}', sign=False))[0] == 401, "a stranger is told nothing"
        answers = await asyncio.gather(*(client.post(door, f'{{"id":"7","n":"{n}"}}'.encode()) for n in range(4)))
        assert sorted(answer[0] for answer in answers) == [200, 409, 409, 409], "each request is told of its own event"
    assert rows(database, "SELECT count(*) FROM event") == [(7,)]


async def test_a_connector_that_declares_nothing_answers_200_to_a_contradiction(
    database: Database, clock: Clock
) -> None:
    _, _, door = make_connection(database, clock)
    async with opened(database, clock) as client:
        assert (await client.post(door, b'{"id":"1"}'))[0] == 200
        assert (await client.post(door, b'{"id":"1","more":"x"}'))[0] == 200


MIXED = Ways(
    webhooks=Webhooks(
        verify=verify, read=lambda headers, body: _read_mixed(body), secret_setting="signing", one_tenant=False
    )
)


def _read_mixed(body: bytes) -> tuple[ReadEvent, ...]:
    parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    named = [(msgspec.json.decode(part, type=dict[str, str]), bytes(part)) for part in parts]
    return tuple(ReadEvent(key=said["id"], topic="x", account=said["shop"], body=part) for said, part in named)


async def test_a_delivery_that_mixes_merchants_reaches_each_of_them_and_nobody_else(
    database: Database, clock: Clock
) -> None:
    own = {name: make_connection(database, clock, slug="mixed", tenant=name) for name in ("a", "b", "c")}
    twin = make_connection(database, clock, slug="mixed", tenant="a")
    make_connection(database, clock, slug="signed", tenant="b")
    strange = own["c"][1]

    def secrets(org_id: UUID, connection_id: UUID, name: str) -> tuple[str, ...]:
        return ("a secret of its own app",) if connection_id == strange else (SECRET,)

    doors = DatabaseDoors(database, {"mixed": MIXED, "signed": SIGNED}.get, secrets)
    app = WebhookDoor(DoorDirectory(doors, clock, tenants=doors.of_tenant), GroupCommitter(database, clock), clock)
    app.start()
    client, door = Client(app), own["a"][2]
    try:
        body = msgspec.json.encode([{"id": f"{shop}1", "shop": shop} for shop in "abcd"])
        assert (await client.post(door, body))[0] == 200
        assert (await client.post(door, body))[0] == 200, "told again, kept once"
        assert (await client.post(door, msgspec.json.encode([{"id": "c2", "shop": "c"}])))[0] == 401
        assert (await client.post(door, body, sign=False))[0] == 401
    finally:
        await asyncio.to_thread(app.stop)
    kept = rows(
        database,
        "SELECT connection_id, event_key, body FROM event JOIN event_body USING (org_id, event_id)",
    )
    part = {shop: msgspec.json.encode({"id": f"{shop}1", "shop": shop}) for shop in "ab"}
    assert sorted(kept) == sorted(
        [(own["a"][1], "a1", part["a"]), (twin[1], "a1", part["a"]), (own["b"][1], "b1", part["b"])]
    )
    assert rows(database, "SELECT code, sum(count) FROM refused_request GROUP BY 1 ORDER BY 1") == [
        ("signature-wrong", 1), ("webhook-wrong-account", 3)
    ]  # fmt: skip
