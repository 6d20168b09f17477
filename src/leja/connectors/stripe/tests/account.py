"""An account of the stand-in, asked in process: what a test sells there and what the connector makes of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx2

from leja.connectors.contract import Context, Decoded, RawEvent, Session, Wanted
from leja.connectors.stripe import Settings
from leja.connectors.stripe.decoding import decode
from leja.connectors.stripe.pull import fetch
from leja.connectors.stripe.stand_in import STAND_IN
from leja.http.client import Http
from leja.http.pacing import Pacing
from leja_sandbox.kit import SimulatedClock, environment

START = datetime(2026, 6, 1, 9, tzinfo=UTC)


class Account:
    """``settings``: of the connection; ``given``: of the stand-in."""

    def __init__(self, *, duty: str = "sales", settings: dict[str, Any] | None = None, key: str = "sk_test_sandbox", **given: Any) -> None:
        self.clock = SimulatedClock(START)
        self.stand_in = STAND_IN.build(environment(clock=self.clock, settings=given))
        shown = Settings(api_key=key, **{"test_mode": True, **(settings or {})})
        self.context = Context(settings=Settings(**{"test_mode": True, **(settings or {})}), zone="Europe/London", base_currency="GBP", duty=duty)
        self.asked: list[str] = []
        transport = httpx2.ASGITransport(app=self.stand_in.app)

        async def sleep(seconds: float) -> None:
            self.clock.advance(seconds)

        class Noted(httpx2.AsyncBaseTransport):
            async def handle_async_request(_, request: httpx2.Request) -> httpx2.Response:
                self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
                self.headers = request.headers
                return await transport.handle_async_request(request)

        http = Http(base_url="http://127.0.0.1:9", private_hosts=frozenset({"127.0.0.1:9"}), transport=Noted(), now=self.clock, sleep=sleep,
                    pacing=Pacing(now=self.clock, sleep=sleep))  # fmt: skip
        self.session = Session(http=http, settings=shown, base_url="", tenant="", now=self.clock, context=self.context)

    def __getattr__(self, action: str) -> Any:
        if action.startswith("_"):
            raise AttributeError(action)
        return lambda *args, **named: self.stand_in.control.call(action, *args, **named)

    def run(self, doing: Any) -> Any:
        return asyncio.run(doing)

    def fetched(self, kind: str, name: str) -> tuple[RawEvent, ...]:
        return self.run(fetch(self.session, [Wanted(kind=kind, external_id=name)]))

    def meaning(self, kind: str, name: str) -> Decoded:
        """What the connector makes of one thing as it is now."""
        (event,) = self.fetched(kind, name)
        found = decode(event, self.context)
        assert found.unread == ()
        return found

    def only(self, kind: str, name: str) -> Any:
        (document,) = self.meaning(kind, name).documents
        return document

    def told(self) -> list[RawEvent]:
        """Every event, as a webhook brings it, oldest first."""
        rows = [self.stand_in.env.store.each("event")]
        return [event_of(row) for row in rows[0]]


def event_of(row: dict[str, Any]) -> RawEvent:
    """A webhook's event."""
    return RawEvent(key=row["id"], topic=row["type"], body=json.dumps(row).encode())


def answer(kind: str, body: dict[str, Any], **more: Any) -> RawEvent:
    """An object as the pull hands it on."""
    whole = {"seen": "2026-06-01T09:00:00.000000Z", "object": body, **more}
    return RawEvent(key="k", topic=f"object/{kind}", body=json.dumps(whole).encode())
