"""The webhook door: a bare ASGI application. A request is acknowledged only when its events are durable.

``POST /hooks/<door>``, in this order: 404 for an unknown door before the body is read, 405, 503 when full, 413, 408,
the vendor's handshake, the refusal that the vendor expects (401) for a bad signature, 400 for a body whose key cannot
be read, 429 for too many nudges, 503 when the database is away or the queue is full. When all is kept: what the connector
objects to (422), its answer to a contradiction (409), else 200.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any, Final

from leja.connectors.contract import HandshakeAnswer, RawEvent, ReadEvent, Webhooks
from leja.core.clock import Clock
from leja.core.errors import LejaError, Refused, Transient
from leja.http.redaction import kept_headers
from leja.intake.committer import Batch, GroupCommitter, WantedThing
from leja.intake.doors import Door, DoorDirectory
from leja.intake.inbox import Arrival, require_key, rows_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_MAX: Final = 5 * 1024 * 1024
OFF_LOOP_BYTES: Final = 256 * 1024
WANTED_MAX: Final = 100
_log = logging.getLogger("leja.door")


class _Answer(Exception):
    def __init__(
        self, status: int, code: str = "", headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> None:
        self.status, self.code, self.headers, self.body = status, code, headers, body


class WebhookDoor:
    """The application.

    It owns the committer: ``start`` and ``stop`` bracket its life, or the server's lifespan does.
    """

    def __init__(
        self,
        doors: DoorDirectory,
        committer: GroupCommitter,
        clock: Clock,
        *,
        body_max: int = BODY_MAX,
        read_seconds: float = 10.0,
        answer_seconds: float = 4.0,
        requests_max: int = 1024,
        nudges_per_minute: int = 60,
    ) -> None:
        self._doors = doors
        self._committer = committer
        self._clock = clock
        self._body_max = body_max
        self._read_seconds = read_seconds
        self._answer_seconds = answer_seconds
        self._requests_max = requests_max
        self._requests = 0
        self._nudges = _Pace(nudges_per_minute)

    def start(self) -> None:
        """Begin to take events in."""
        self._committer.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self._committer.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            self._requests += 1
            try:
                answer = await self._handled(scope, receive)
            finally:
                self._requests -= 1
            if answer is not None:
                await _send(send, answer)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _handled(self, scope: Scope, receive: Receive) -> _Answer | None:
        """The answer, or None if the caller has gone."""
        try:
            return await self._taken_in(scope, receive)
        except _Answer as answer:
            return answer
        except _Gone:
            return None
        except Transient as error:
            return _Answer(503, error.code, (("retry-after", str(int(error.retry_after or 1))),))
        except TimeoutError:
            return _Answer(503, "door-slow", (("retry-after", "1"),))
        except Exception:
            _log.exception("a request to the webhook door failed")
            return _Answer(500, "door-failed")

    async def _taken_in(self, scope: Scope, receive: Receive) -> _Answer:
        door = await self._doors.find(_door_name(scope))
        if door is None:
            raise _Answer(404, "door-unknown")
        if scope["method"] != "POST":
            raise _Answer(405, "door-method", (("allow", "POST"),))
        if self._requests > self._requests_max:
            raise Transient("door-busy", "too many requests at once", retry_after=1)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self._require_length(door, headers)
        body = await self._body(door, receive)
        batch = await self._batch(door, headers, body, scope.get("query_string", b"").decode("latin-1"))
        async with asyncio.timeout(self._answer_seconds):
            contradicts = await self._committer.submit(batch)
        return self._told(door, headers, body, contradicts=contradicts)

    def _told(self, door: Door, headers: dict[str, str], body: bytes, *, contradicts: bool) -> _Answer:
        """What the sender of a signed request is told once it is kept: 200, unless its connector declares more."""
        webhooks = door.ways.webhooks
        objection = webhooks.objection(headers, body) if webhooks and webhooks.objection else None
        if objection is not None:
            self._committer.count_refused(door.org_id, door.connection_id, "webhook-objection")
            return _vendors(objection)
        if contradicts and webhooks and webhooks.conflict is not None:
            self._committer.count_refused(door.org_id, door.connection_id, "webhook-conflict")
            return _vendors(webhooks.conflict)
        return _Answer(200)

    def _require_length(self, door: Door, headers: dict[str, str]) -> None:
        stated = headers.get("content-length", "0")
        if not stated.isdecimal():
            raise self._refusal(door, 400, "door-body-length")
        if len(stated) > 12 or int(stated) > self._body_max:
            raise self._refusal(door, 413, "door-body-too-large")

    async def _body(self, door: Door, receive: Receive) -> bytes:
        """The whole body, in time and under the cap, which is counted and not believed."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._read_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self._body_max:
                        raise self._refusal(door, 413, "door-body-too-large")
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise self._refusal(door, 408, "door-body-slow") from None

    async def _batch(self, door: Door, headers: dict[str, str], body: bytes, query: str) -> Batch:
        if door.ways.handshake is not None:
            # Some vendors put their challenge into the address; a caller's own header of that name counts for nothing.
            answer = door.ways.handshake({**headers, "leja-query": query}, body, door.secrets)
            if answer is not None:
                raise _vendors(answer)
        if door.ways.webhooks is not None:
            return await self._events(door, door.ways.webhooks, headers, body)
        if door.ways.nudges is not None:
            return self._wanted(door, headers, body)
        raise self._refusal(door, 404, "door-unknown")

    async def _events(self, door: Door, webhooks: Webhooks, headers: dict[str, str], body: bytes) -> Batch:
        """The events of a signed request, each for the connection of its account."""
        off_loop = len(body) > OFF_LOOP_BYTES
        given = (door, webhooks, headers, body)
        read = await asyncio.to_thread(self._read, *given) if off_loop else self._read(*given)
        others = {} if webhooks.one_tenant else await self._others(door, read, headers, body)
        theirs = [[*([] if _stranger(door, event) else [door]), *others.get(event.account, ())] for event in read]
        if not all(theirs):
            refusal = self._refusal(door, webhooks.refusal_status, "webhook-wrong-account")
            if webhooks.one_tenant or not any(theirs):
                raise refusal
        kept = kept_headers(headers)
        sorted_out = zip(read, theirs, strict=True)
        arrivals = [_arrival(whose, event, kept, body) for event, doors in sorted_out for whose in doors]
        return Batch(rows=rows_of(arrivals, self._clock()))

    def _read(self, door: Door, webhooks: Webhooks, headers: dict[str, str], body: bytes) -> tuple[ReadEvent, ...]:
        """What a request says. Nothing of the body is looked at before the signature holds."""
        try:
            webhooks.verify(headers, body, door.secrets, self._clock())
        except Refused as error:
            raise self._refusal(door, webhooks.refusal_status, error.code) from None
        try:
            read = webhooks.read(headers, body)
            for event in read:
                require_key(event.key)
        except LejaError as error:
            raise self._refusal(door, 400, error.code) from None
        return read

    async def _others(
        self, door: Door, read: Sequence[ReadEvent], headers: dict[str, str], body: bytes
    ) -> dict[str, list[Door]]:
        """Who else an app's webhook is for: connections with its accounts whose *own* secret signed this very body.

        So an event reaches a connection here only if the same request, sent to its own address, would have.
        """
        if self._doors.tenants is None:
            return {}
        found: dict[str, list[Door]] = {}
        for account in {event.account for event in read if event.account}:
            others = await self._doors.tenants.find(door.slug, account)
            found[account] = [
                other
                for other in others
                if other.connection_id != door.connection_id and _verifies(other, headers, body, self._clock())
            ]
        return found

    def _wanted(self, door: Door, headers: dict[str, str], body: bytes) -> Batch:
        """The things that a nudge names. Whoever nudges too often is asked to wait: a nudge costs a fetch."""
        nudges = door.ways.nudges
        assert nudges is not None
        try:
            nudges.admit(headers, body, door.secrets, self._clock())
        except Refused as error:
            raise self._refusal(door, nudges.refusal_status, error.code) from None
        if not self._nudges.admits(str(door.connection_id), self._clock().timestamp()):
            raise self._refusal(door, 429, "nudge-too-often", (("retry-after", "60"),))
        try:
            named = nudges.read(headers, body)[:WANTED_MAX]
            for thing in named:
                require_key(thing.external_id)
        except LejaError as error:
            raise self._refusal(door, 400, error.code) from None
        return Batch(
            wanted=tuple(
                WantedThing(org_id=door.org_id, connection_id=door.connection_id, wanted=thing) for thing in named
            )
        )

    def _refusal(self, door: Door, status: int, code: str, headers: tuple[tuple[str, str], ...] = ()) -> _Answer:
        """The answer to a refused request, counted per connection, day and code."""
        self._committer.count_refused(door.org_id, door.connection_id, code)
        return _Answer(status, code, headers)


class _Gone(Exception):
    pass


class _Pace:
    """So many a minute for each name, refilled evenly."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def admits(self, name: str, seconds: float) -> bool:
        """Whether one more is within the pace; takes it if so."""
        left, since = self._left.get(name, (self._per_minute, seconds))
        refill = int((seconds - since) * self._per_minute / 60)
        if refill > 0:
            left, since = min(self._per_minute, left + refill), seconds
        self._left[name] = (max(left - 1, 0), since)
        self._left.move_to_end(name)
        while len(self._left) > 10_000:
            self._left.popitem(last=False)
        return left > 0


def _door_name(scope: Scope) -> str:
    path: str = scope["path"]
    root = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    path = path.removeprefix("/hooks").removeprefix("/")
    return path if "/" not in path else ""


def _stranger(door: Door, event: ReadEvent) -> bool:
    """Signed with a secret that several shops share, but meant for another one than this door's."""
    return bool(door.tenant and event.account and event.account != door.tenant)


def _verifies(door: Door, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    webhooks = door.ways.webhooks
    if webhooks is None or not door.secrets:
        return False
    try:
        webhooks.verify(headers, body, door.secrets, now)
    except Refused:
        return False
    return True


def _arrival(door: Door, event: ReadEvent, headers: Mapping[str, str], body: bytes) -> Arrival:
    raw = RawEvent(key=event.key, topic=event.topic, body=event.body or body, headers=headers)
    return Arrival(org_id=door.org_id, connection_id=door.connection_id, event=raw)


def _vendors(answer: HandshakeAnswer) -> _Answer:
    return _Answer(answer.status, "", tuple(answer.headers.items()), answer.body)


async def _send(send: Send, answer: _Answer) -> None:
    body = answer.body or (f'{{"code":"{answer.code}"}}'.encode() if answer.code else b"")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(body)).encode()))
    if answer.code:
        headers.append((b"content-type", b"application/json"))
    if answer.status in (404, 408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
