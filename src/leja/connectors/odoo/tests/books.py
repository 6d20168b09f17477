"""A database of Odoo behind its stand-in, in process, and a session with it, for the tests of this connector."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import httpx2

from leja.connectors.contract import (
    Accepted,
    AlreadyThere,
    Bundle,
    BundleLine,
    Chart,
    Context,
    Draft,
    Finding,
    Found,
    Outcome,
    RemoteDocument,
    Session,
)
from leja.connectors.odoo import Settings, target
from leja.connectors.odoo.stand_in import STAND_IN
from leja.core.money import Money
from leja.documents.parts import Party
from leja.http.client import Http
from leja.http.pacing import Pacing
from leja_sandbox.exchange import ConnectionCut
from leja_sandbox.kit import SimulatedClock, environment

T = TypeVar("T")
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAY = date(2026, 5, 3)
ADDRESS = "http://127.0.0.1"
AMINA = Party(external_id="c-9", name="Amina Odhiambo", company="Soko Ltd", email="amina@example.org")
KINDS = {"7": "receivable", "3": "bank", "8": "bank", "10": "current_asset", "11": "current_asset", "27": "income", "22": "tax",
         "20": "current_liability", "36": "expense", "17": "payable", "32": "cost_of_sales"}  # fmt: skip
BANK, TILL, CARD, OWED, SALES, TAX = "3", "8", "10", "7", "27", "22"


class Books:
    """The stand-in on a clock that waiting moves on; ``asked`` is what it was asked."""

    def __init__(self, version: str = "19.0", **settings: Any) -> None:
        self.clock = SimulatedClock(NOW)
        given = {"foreign": False, "home_currency": "GBP", "version": version, **settings}
        self.stand_in = STAND_IN.build(environment(clock=self.clock, public_url=ADDRESS, settings=given))
        self.asked: list[httpx2.Request] = []
        self.granted = self.control("grant")
        self.session = self.opened()

    def opened(self, **settings: Any) -> Session:
        """A session with the key that was granted, unless ``settings`` say otherwise."""
        typed = Settings(**{"database": "odoo", "login": "admin", "api_key": self.granted["api_key"], **settings})
        pacing = Pacing(now=self.clock, sleep=self.sleep)
        http = Http(base_url=ADDRESS, now=self.clock, transport=_Watched(self), private_hosts=frozenset({"127.0.0.1:80"}),
                    pacing=pacing, sleep=self.sleep)  # fmt: skip
        return Session(http=http, settings=typed, base_url=ADDRESS, tenant="", now=self.clock,
                       context=Context(settings=typed, zone="Europe/London", base_currency="GBP"))  # fmt: skip

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Something asynchronous."""
        return asyncio.run(doing)

    def control(self, action: str, /, **arguments: Any) -> Any:
        """Act as the bookkeeper over there."""
        return self.stand_in.control.call(action, **arguments)

    def fault(self, kind: str, **settings: Any) -> None:
        """Switch a fault on."""
        self.stand_in.env.faults.add(kind, **{"times": 1, "path": "*", **settings})  # type: ignore[arg-type]

    def called(self) -> list[str]:
        """``model.method`` of every call, whichever way it came."""
        return [_named(request) for request in self.asked]

    def chart(self, session: Session | None = None) -> Chart:
        """What the company has."""
        return self.run(target.chart(session or self.session))

    def drafts(self, bundle: Bundle, chart: Chart | None = None) -> list[Draft]:
        """The drafts of a bundle, its customer already told."""
        known, accepted = chart or self.chart(), self._customer(bundle, chart)
        return [target.draft(step, known, accepted) for step in target.steps(bundle, known) if step.kind != "Customer"]

    def _customer(self, bundle: Bundle, chart: Chart | None) -> dict[str, RemoteDocument]:
        known, accepted = chart or self.chart(), {}
        for step in target.steps(bundle, known):
            if step.kind == "Customer":
                said = self.deliver(target.draft(step, known, {}))
                assert isinstance(said, Accepted)
                accepted[step.name] = said.document
        return accepted

    def tell(
        self, bundle: Bundle, chart: Chart | None = None, applied: dict[str, RemoteDocument] | None = None
    ) -> tuple[list[Draft], dict[str, RemoteDocument]]:
        """Every step of a bundle delivered and accepted."""
        known, accepted, drafts = chart or self.chart(), dict(applied or {}), []
        for step in target.steps(bundle, known):
            draft = target.draft(step, known, accepted)
            outcome: Outcome | Finding = self.deliver(draft)
            if isinstance(outcome, AlreadyThere):
                (outcome,) = self.run(target.find(self.session, [draft]))
            assert isinstance(outcome, Accepted | Found), (step.kind, outcome, draft.body)
            accepted[step.name] = outcome.document
            drafts.append(draft)
        return drafts, accepted

    def deliver(self, *drafts: Draft) -> Outcome:
        """Drafts told; the outcome of the first."""
        return self.run(target.deliver(self.session, drafts))[0]

    def ledger(self) -> dict[str, int]:
        """What the API moved, by account."""
        sums: dict[str, int] = {}
        for row in self.control("ledger"):
            sums[row["account"]] = sums.get(row["account"], 0) + row["minor"]
        return {account: minor for account, minor in sums.items() if minor}

    def standing(self, state: str = "posted") -> list[dict[str, Any]]:
        """The documents of the API in a state."""
        return [row for row in self.control("documents") if row["status"] in (state, "paid" if state == "posted" else state)
                and not row.get("gone")]  # fmt: skip


class _Watched(httpx2.ASGITransport):
    def __init__(self, books: Books) -> None:
        super().__init__(app=books.stand_in.app)
        self._books = books

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._books.asked.append(request)
        try:
            return await super().handle_async_request(request)
        except ConnectionCut as cut:
            raise httpx2.ReadError(str(cut), request=request) from cut


def _named(request: httpx2.Request) -> str:
    path = str(request.url.path)
    if path.startswith("/json/2/"):
        return path.removeprefix("/json/2/").replace("/", ".")
    params = json.loads(request.content)["params"]
    return f"{params['args'][3]}.{params['args'][4]}" if params["service"] == "object" else f"{params['service']}.{params['method']}"


def line(account: str, minor: int, currency: str = "GBP", **more: Any) -> BundleLine:
    """A resolved line."""
    return BundleLine(account=account, account_kind=KINDS[account], role=more.pop("role", "sales"),
                      amount=Money(minor, currency), **more)  # fmt: skip


def bundle(kind: str, lines: list[BundleLine], reference: str = "LJAAAAAAAAAAAAAB", **more: Any) -> Bundle:
    """A bundle of these lines."""
    given = {"date": DAY, "currency": lines[0].amount.currency, "customer": AMINA, "rate": Decimal(1), **more}
    return Bundle(reference=reference, kind=kind, lines=tuple(lines), **given)  # type: ignore[arg-type]


def invoice(net: int = 20_000, tax: int = 4_000, **more: Any) -> Bundle:
    """Goods to a customer with terms, taxed at 20 %."""
    lines = [line(OWED, net + tax), line(SALES, -net, tax_code="4", tax=Money(-tax, "GBP")),
             line(TAX, -tax, role="output_tax")]  # fmt: skip
    return bundle("invoice", lines, **more)


def sale(net: int = 10_000, **more: Any) -> Bundle:
    """Goods paid by card."""
    return bundle("sale", [line(CARD, net), line(SALES, -net)], **more)


def payment(minor: int, of: str, account: str = BANK, **more: Any) -> Bundle:
    """Money against an invoice."""
    lines = [line(account, minor, role="bank"), line(OWED, -minor, role="receivable")]
    return bundle("payment", lines, more.pop("reference", "LJPAID00000000AB"), applies_to=(of,), **more)
