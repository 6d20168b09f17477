"""A company behind its stand-in, and a session with it, for the tests of this connector."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

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
from leja.connectors.sap_b1 import Settings, target
from leja.connectors.sap_b1.login import log_in
from leja.connectors.sap_b1.stand_in import STAND_IN
from leja.core.money import Money
from leja.documents.parts import Party
from leja.http.client import Http
from leja.http.login import SessionKeeper
from leja_sandbox.clock import SimulatedClock
from leja_sandbox.server import SandboxServer

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAY = date(2026, 5, 3)
AMINA = Party(external_id="c-9", name="Amina Odhiambo", company="Soko Ltd")
KINDS = {"130000": "receivable", "111010": "bank", "111060": "bank", "410010": "income", "220010": "tax", "230010":
         "current_liability", "610020": "expense", "210000": "payable", "140000": "current_asset"}  # fmt: skip


class Company:
    """One stand-in, one clock, one session."""

    def __init__(self, server: SandboxServer, clock: SimulatedClock, settings: Settings, password: str) -> None:
        self.server, self.clock, self.stand_in = server, clock, server.stand_in("sap_b1")
        self._runner = asyncio.Runner()
        self.keeper, self.logins = SessionKeeper(), 0
        base, private = server.url("sap_b1"), frozenset({f"127.0.0.1:{server.port}"})
        asking = Http(base_url=base, private_hosts=private, now=clock)

        async def opened() -> Any:
            self.logins += 1
            return await log_in(asking, settings, {"password": password})

        http = Http(base_url=base, private_hosts=private, now=clock, authorise=self.keeper.of(opened, password))
        self.session = Session(
            http=http, settings=settings, base_url=base, tenant="", now=clock,
            context=Context(settings=settings, zone="Europe/London", base_currency="GBP"),
        )  # fmt: skip

    def run(self, doing: Any) -> Any:
        """Something asynchronous."""
        return self._runner.run(doing)

    def control(self, action: str, /, **arguments: Any) -> Any:
        """Act as the bookkeeper over there."""
        return self.stand_in.control.call(action, **arguments)

    def chart(self) -> Chart:
        """What the company has."""
        return self.run(target.chart(self.session))

    def tell(self, bundle: Bundle, chart: Chart | None = None) -> tuple[list[Draft], dict[str, RemoteDocument]]:
        """Every step of a bundle delivered and accepted."""
        known, accepted, drafts = chart or self.chart(), {}, []
        for step in target.steps(bundle, known):
            draft = target.draft(step, known, accepted)
            outcome: Outcome | Finding = self.deliver(draft)
            if isinstance(outcome, AlreadyThere):
                (outcome,) = self.run(target.find(self.session, [draft]))
            assert isinstance(outcome, Accepted | Found), (step.kind, outcome, draft.body)
            accepted[step.name] = outcome.document
            drafts.append(draft)
        return drafts, accepted

    def deliver(self, draft: Draft) -> Outcome:
        """One draft told."""
        (outcome,) = self.run(target.deliver(self.session, [draft]))
        return outcome

    def ledger(self) -> dict[str, int]:
        """What the API moved, by account."""
        sums: dict[str, int] = {}
        for row in self.control("ledger"):
            sums[row["account"]] = sums.get(row["account"], 0) + row["minor"]
        return {account: minor for account, minor in sums.items() if minor}

    def close(self) -> None:
        """Ends the session."""
        self.run(self.session.http.close())
        self._runner.close()


@contextmanager
def company(*, password: str = "sandbox-password", stand_in: dict[str, Any] | None = None, **settings: Any) -> Iterator[Company]:
    """A company without foreign entries and with the key table; ``stand_in`` are more settings of the stand-in."""
    clock = SimulatedClock(NOW)
    own = {"foreign": False, "user_tables": ["LEJAKEYS"], **(stand_in or {})}
    with SandboxServer(slugs=["sap_b1"], clock=clock, settings={"sap_b1": own}, specs={"sap_b1": STAND_IN}) as server:
        opened = Company(server, clock, Settings(company_db="SBODEMOGB", user_name="manager", **settings), password)
        try:
            yield opened
        finally:
            opened.close()


def line(account: str, minor: int, currency: str = "GBP", **more: Any) -> BundleLine:
    """A resolved line."""
    return BundleLine(account=account, account_kind=KINDS[account], role=more.pop("role", "sales"),
                      amount=Money(minor, currency), **more)  # fmt: skip


def bundle(kind: str, lines: list[BundleLine], reference: str = "LJAAAAAAAAAAAAAB", **more: Any) -> Bundle:
    """A bundle of these lines."""
    given = {"date": DAY, "currency": lines[0].amount.currency, "customer": AMINA, "rate": Decimal(1), **more}
    return Bundle(reference=reference, kind=kind, lines=tuple(lines), **given)  # type: ignore[arg-type]


def taxed_invoice(net: int = 20_000, tax: int = 4_000, **more: Any) -> Bundle:
    """Goods to a customer with terms, taxed at 20 %."""
    lines = [line("130000", net + tax), line("410010", -net, tax_code="O1", tax=Money(-tax, "GBP")),
             line("220010", -tax, role="output_tax")]  # fmt: skip
    return bundle("invoice", lines, **more)
