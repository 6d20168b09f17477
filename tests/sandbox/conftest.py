"""A small stand-in of the tests' own, served over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx2
import pytest

from leja_sandbox.kit import (
    Environment,
    LedgerRow,
    Refuse,
    Request,
    Router,
    SimulatedClock,
    StandIn,
    StandInSpec,
    WebhookQueue,
    json_answer,
)
from leja_sandbox.server import SandboxServer


def build(env: Environment) -> StandIn:
    """Notes: POST /notes {"id", "text"}, GET /notes/{id}, GET /notes as a search."""
    stand_in, router = StandIn(env), Router()

    @router.post("/notes")
    def write(request: Request):
        note = request.json()
        env.store.put("note", note["id"], note, sort=note["id"], visible_from=env.now() + request.search_lag)
        if note["text"] == "bad":
            raise Refuse(json_answer({"error": "bad"}, 422))
        return json_answer({"count": env.store.count("note")})

    @router.get("/notes/{id}")
    def read(request: Request):
        found = env.store.get("note", request.params["id"])
        return json_answer(found) if found else json_answer({"error": "none"}, 404)

    @router.get("/notes")
    def search(request: Request):
        return json_answer(env.store.each("note", seen_at=request.now))

    @stand_in.control.action("webhook")
    def webhook(url: str, manner: str = "normal", delay: float = 0.0):
        stand_in.webhooks.enqueue("1", "note/made", url, {"x-id": "7"}, b'{"old": true}', manner=manner, delay=delay)

    stand_in.router = router
    stand_in.webhooks = WebhookQueue(env, retry_gaps=(10, 20))
    stand_in.ledger = lambda: [LedgerRow(account="1", day=date(2026, 1, 2), currency="GBP", minor=5)]
    return stand_in


SPECS = {"notes": StandInSpec(slug="notes", build=build)}


@pytest.fixture
def simulated() -> SimulatedClock:
    """A clock that stands until it is moved."""
    return SimulatedClock(datetime(2026, 6, 1, 9, tzinfo=UTC))


@pytest.fixture
def sandbox(simulated: SimulatedClock) -> Iterator[SandboxServer]:
    """The notes, served."""
    with SandboxServer(specs=SPECS, clock=simulated, own_ports=True) as server:
        yield server


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    """A plain client."""
    with httpx2.Client(trust_env=False, timeout=5) as opened:
        yield opened
