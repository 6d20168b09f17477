"""What a stand-in is made of. A connector's ``stand_in.py`` imports this module and ``leja.core``, nothing else.

The smallest stand-in of an accounting system::

    from leja_sandbox.kit import Environment, LedgerRow, Refuse, Router, StandIn, StandInSpec, json_answer

    def build(env: Environment) -> StandIn:
        router, stand_in = Router(), StandIn(env)

        @router.post("/v3/company/{realm}/journalentry")
        def journal_entry(request):                       # sync; one store transaction around it
            body = request.json()                         # numbers with a point are Decimal
            if problem(body):
                raise Refuse(json_answer({"Fault": ...}, 400))    # rolls back
            number = env.store.next_number("journal")
            env.store.put("journal", number, record, sort=day, visible_from=env.now() + request.search_lag)
            return json_answer({"JournalEntry": record})  # committed BEFORE this goes out

        @stand_in.control.action("alter")                 # POST /_control/alter {"id": ...}: behind Leja's back
        def alter(id: str, minor: int): ...

        stand_in.router = router
        stand_in.ledger = lambda: [LedgerRow(account="4000", day=day, currency="GBP", minor=-1250)]
        return stand_in

    STAND_IN = StandInSpec(slug="example", build=build)

The kit plays every fault of ``faults.py`` itself except ``batch_partial`` (ask ``request.fault("batch_partial")`` for
each part) and the token faults, which ``TokenBook.check(token, request)`` plays. ``lagging_search``: write with
``visible_from=env.now() + request.search_lag`` and search with ``store.each(kind, seen_at=request.now)``. Requests to
``/_control/...`` and to paths in ``fault_free`` meet no faults and no latency. An accounting stand-in offers every action of
``ACCOUNTING_ACTIONS`` in ``control.py``, one that sells those of ``SALES_ACTIONS``: the shared suites play the people there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from leja.core.clock import Clock, system_clock
from leja_sandbox.clock import SimulatedClock
from leja_sandbox.control import ACCOUNTING_ACTIONS, SALES_ACTIONS, Control
from leja_sandbox.exchange import (
    Answer,
    ConnectionCut,
    Handler,
    Refuse,
    Request,
    Router,
    json_answer,
    redirect,
    text_answer,
)
from leja_sandbox.faults import Fault, FaultKind, Faults
from leja_sandbox.gateway import Gateway
from leja_sandbox.store import Store
from leja_sandbox.tokens import Grant, TokenBook, TokenRefused
from leja_sandbox.webhooks import Manner, Outgoing, WebhookQueue

__all__ = [
    "ACCOUNTING_ACTIONS", "SALES_ACTIONS", "Answer", "ConnectionCut", "Control", "Environment", "Fault", "FaultKind", "Faults", "Grant", "Handler", "Latency",
    "LedgerRow", "Manner", "Outgoing", "Refuse", "Request", "Router", "SimulatedClock", "StandIn", "StandInSpec",
    "Store", "TokenBook", "TokenRefused", "WebhookQueue", "environment", "json_answer", "redirect", "text_answer",
]  # fmt: skip


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long each answer takes: ``seconds`` and up to ``jitter`` more; on the simulated clock if there is one."""

    seconds: float = 0.0
    jitter: float = 0.0


class Environment(msgspec.Struct, kw_only=True):
    """All that a stand-in is handed. ``public_url`` is where it is reached, without a slash at the end.

    ``settings`` are free words for this stand-in, such as ``{"plan": "plus"}``: its own docstring names them.
    """

    clock: Clock
    faults: Faults
    latency: Latency
    seed: int
    store: Store
    public_url: str
    random: Random
    settings: Mapping[str, Any] = {}

    def now(self) -> float:
        """The stand-in's time in seconds of the epoch."""
        return self.clock().timestamp()


def environment(
    *,
    clock: Clock = system_clock,
    seed: int = 0,
    path: Path | None = None,
    public_url: str = "http://127.0.0.1",
    latency: Latency | None = None,
    faults: Faults | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Environment:
    """An environment for a stand-in of its own, in memory unless ``path`` names a file."""
    return Environment(
        clock=clock,
        faults=faults or Faults(seed),
        latency=latency or Latency(),
        seed=seed,
        store=Store(path),
        public_url=public_url,
        random=Random(seed),  # noqa: S311
        settings=settings or {},
    )


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What the accepted requests did to one remote account on one day: ``minor`` units, debit positive."""

    account: str
    day: date
    currency: str
    minor: int


def _plain_error(status: int, retry_after: float | None) -> Answer:
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Answer(status=status, body=b"Too many requests" if status == 429 else b"Unavailable", headers=headers)


class StandIn:
    """One running stand-in: ``app`` is the ASGI application, the rest is what tests and the demo take hold of.

    Set by its builder: ``router``; ``ledger`` where it is an accounting system; ``webhooks`` where it sends any;
    ``error`` (status, retry_after) -> Answer words 429 and 5xx faults as the vendor does; ``fault_free`` are path
    prefixes that faults leave alone.
    """

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.router = Router()
        self.control = Control(self)
        self.webhooks: WebhookQueue | None = None
        self.ledger: Callable[[], list[LedgerRow]] = list
        self.error: Callable[[int, float | None], Answer] = _plain_error
        self.fault_free: tuple[str, ...] = ()
        self.accepted = 0
        self.app = Gateway(self)

    def outgoing(self) -> list[Outgoing]:
        """Every webhook that was ever enqueued; empty where the vendor has none."""
        return self.webhooks.all() if self.webhooks else []

    async def run(self) -> None:
        """The stand-in's own work, for ever: late commits and webhooks."""
        await self.app.run()


class StandInSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What ``stand_in.py`` of a connector declares as ``STAND_IN``."""

    slug: str
    build: Callable[[Environment], StandIn]
