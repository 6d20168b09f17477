"""How the tests of the stand-in ask it things, and a listener for what it sends."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx2

from leja.connectors.woocommerce.stand_in import STAND_IN
from leja_sandbox.kit import SimulatedClock, StandIn, environment

KEY, SECRET = "ck_sandbox", "cs_sandbox"
API = "/wp-json/wc/v3"


def basic(key: str = KEY, secret: str = SECRET) -> dict[str, str]:
    """The header of Basic."""
    return {"Authorization": f"Basic {base64.b64encode(f'{key}:{secret}'.encode()).decode()}"}


def shop_of(clock: SimulatedClock, **settings: Any) -> StandIn:
    """A shop behind TLS."""
    return STAND_IN.build(environment(clock=clock, public_url="https://shop.test", settings=settings))


def at(text: str) -> SimulatedClock:
    """A clock that stands at an instant in UTC."""
    return SimulatedClock(datetime.fromisoformat(text).replace(tzinfo=UTC))


def call(
    shop: StandIn, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **params: Any
) -> httpx2.Response:
    """One request in process; ``path`` is under ``wc/v3`` unless it begins with a slash."""
    url = path if path.startswith("/") else f"{API}/{path}"
    query = f"?{urlencode(params)}" if params else ""

    async def asked() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=shop.app)
        async with httpx2.AsyncClient(transport=transport, base_url=shop.env.public_url) as client:
            told = basic() if headers is None else headers
            return await client.request(method, f"{url}{query}", json=body, headers=told)

    return asyncio.run(asked())


class Listener:
    """Receives what the queue sends; ``status`` is what it answers."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.got = status, []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.got.append((dict(request.headers), request.content, str(request.url)))
        return httpx2.Response(self.status)

    def run(self, shop: StandIn) -> int:
        """Runs the queue once."""

        async def sent() -> int:
            async with httpx2.AsyncClient(transport=httpx2.MockTransport(self)) as client:
                assert shop.webhooks is not None
                return await shop.webhooks.send_due(client)

        return asyncio.run(sent())


def subscribed(shop: StandIn, *topics: str, secret: str = "s3") -> None:
    """Registers webhooks and lets their pings pass."""
    for topic in topics:
        made = call(shop, "POST", "webhooks", {"topic": topic, "delivery_url": "https://leja.test/in", "secret": secret})
        assert made.status_code == 201, made.text
    Listener().run(shop)
