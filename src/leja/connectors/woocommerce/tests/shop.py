"""A stand-in of the shop in process, and a session of the connector that calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx2

from leja.connectors.contract import Context, Page, Session
from leja.connectors.woocommerce import Settings
from leja.connectors.woocommerce.stand_in import STAND_IN
from leja.connectors.woocommerce.sweep import poll
from leja.http.client import Http
from leja.http.pacing import Pacing
from leja_sandbox.kit import SimulatedClock, environment

T = TypeVar("T")
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
ADDRESS = "http://127.0.0.1"
LINE = {"name": "Basket", "sku": "B1", "price": "12.50", "quantity": 2}


class Shop:
    """The stand-in on a clock that waiting moves on."""

    def __init__(self, address: str = ADDRESS, **settings: Any) -> None:
        self.clock, self.address = SimulatedClock(START), address
        self.stand_in = STAND_IN.build(environment(clock=self.clock, public_url=address, settings=settings))
        self.asked: list[httpx2.Request] = []
        self._http: Http | None = None

    def session(self, **settings: Any) -> Session:
        """A session with the shop's own key, unless ``settings`` say otherwise."""
        known = {"consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox", "webhook_secret": "longrandomword"}
        http = Http(base_url=self.address, now=self.clock, transport=_Watched(self), private_hosts=frozenset({"127.0.0.1:80"}),
                    pacing=Pacing(now=self.clock, sleep=self.sleep), sleep=self.sleep)  # fmt: skip
        typed = Settings(**{"shop": "127.0.0.1", **known, **settings})
        return Session(http=http, settings=typed, base_url=self.address, tenant="", now=self.clock,
                       context=Context(settings=typed, zone="Europe/London", base_currency="GBP"))  # fmt: skip

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    def control(self, name: str, /, **arguments: Any) -> Any:
        return self.stand_in.control.call(name, **arguments)

    def sell(self, **given: Any) -> int:
        """Somebody buys; the order's number."""
        return int(self.control("place_order", **{"lines": [LINE], **given})["id"])


class _Watched(httpx2.ASGITransport):
    """The stand-in's application, and what it was asked."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(app=shop.stand_in.app)
        self._shop = shop

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._shop.asked.append(request)
        return await super().handle_async_request(request)


def run(doing: Coroutine[Any, Any, T]) -> T:
    """Runs something asynchronous."""
    return asyncio.run(doing)


def polled(session: Session, cursor: str | None = None) -> Page:
    """A whole poll as one page."""
    events: list[Any] = []
    while True:
        page = run(poll(session, cursor))
        events += page.events
        cursor = page.cursor
        if not page.more:
            return Page(events=tuple(events), cursor=cursor)
