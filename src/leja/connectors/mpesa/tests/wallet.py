"""How the tests reach the stand-in: a session in process, polls to their end, statements read, and the books they come to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec

from leja.connectors.contract import Context, Location, RawEvent, Session
from leja.connectors.mpesa import Settings, source
from leja.connectors.mpesa.stand_in import STAND_IN
from leja.documents.document import Document, kind_of
from leja.http.client import Http
from leja.http.pacing import Pacing
from leja.posting.post import post
from leja_sandbox.kit import ConnectionCut, SimulatedClock, StandIn, environment
from tests.posting.samples import known

START = datetime(2026, 5, 4, 6, tzinfo=UTC)
SETTINGS = Settings(short_code="600966", consumer_key="sandbox-key", consumer_secret="sandbox-secret",
                    nominated_number="0722000000")  # fmt: skip


class _Line(httpx2.ASGITransport):
    """A line that breaks where the stand-in closes it without an answer."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await super().handle_async_request(request)
        except ConnectionCut as cut:
            raise httpx2.ReadError(str(cut)) from cut


class Wallet:
    """One wallet of the stand-in and what Leja makes of it."""

    def __init__(self, settings: Settings = SETTINGS, **stand_in: Any) -> None:
        self.clock = SimulatedClock(START)
        self.settings = settings
        self.stand_in: StandIn = STAND_IN.build(environment(clock=self.clock, settings=stand_in))
        self.call = self.stand_in.control.call

    def context(self, *places: Location) -> Context:
        return Context(settings=self.settings, zone="UTC", base_currency="KES", duty="payments",
                       locations={place.external_id: place for place in places})  # fmt: skip

    def session(self) -> Session:
        async def sleep(seconds: float) -> None:
            self.clock.advance(seconds)

        http = Http(base_url="https://sandbox.safaricom.co.ke", now=self.clock, sleep=sleep, pacing=Pacing(now=self.clock, sleep=sleep),
                    transport=_Line(self.stand_in.app))  # fmt: skip
        return Session(http=http, settings=self.settings, base_url="", tenant="", now=self.clock, context=self.context())

    def ask(self, question: Callable[[Session], Awaitable[Any]]) -> Any:
        async def asked() -> Any:
            return await question(self.session())

        return asyncio.run(asked())

    def subscribe(self, url: str = "https://leja.test/hooks/a1b2c3d4") -> Any:
        return self.ask(lambda session: source.subscribe(session, url))

    def poll(self, cursor: str | None = None) -> tuple[list[RawEvent], str]:
        events: list[RawEvent] = []
        while True:
            page = self.ask(lambda session: source.poll(session, cursor))  # noqa: B023
            events += page.events
            cursor = page.cursor
            if not page.more:
                return events, cursor

    def statement(self, first: str = "2026-05-01", last: str = "2026-05-31", **given: Any) -> list[RawEvent]:
        return self.read(self.call("statement", first=first, last=last, **given))

    def read(self, text: str, **settings: Any) -> list[RawEvent]:
        stated = msgspec.structs.replace(self.settings, **settings)
        shape = source.detect(text.encode(), stated)
        found = {name: getattr(shape, name) for name in ("encoding", "delimiter", "decimal_mark", "date_format", "columns")}
        return list(source.read_file(iter([text.encode()]), "s.csv", msgspec.structs.replace(stated, **found)))

    def documents(self, *groups: Iterable[RawEvent]) -> dict[tuple[str, str], Document]:
        """The latest version of each document, as the books keep it."""
        latest: dict[tuple[str, str], Document] = {}
        for event in (event for group in groups for event in group):
            for document in source.decode(event, self.context()).documents:
                key = (kind_of(document), document.header.external_id)
                if key not in latest or latest[key].header.version < document.header.version:
                    latest[key] = document
        return latest

    def books(self, *groups: Iterable[RawEvent]) -> dict[str, int]:
        """Balance of each role, debit positive, zeros left out."""
        state, sums = known("KES"), defaultdict(int)
        for document in self.documents(*groups).values():
            state, posted = post(state, document)
            for entry in posted.entries:
                for line in entry.lines:
                    sums[line.role] += line.amount
        return {role: minor for role, minor in sorted(sums.items()) if minor}


def amount_of(document: Any) -> int:
    """What a payment or sale comes to."""
    return int(document.tender.amount.minor if kind_of(document) == "payment" else document.total.minor)
