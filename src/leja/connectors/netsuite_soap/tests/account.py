"""An account behind its stand-in, and a session with it, for the tests of this connector."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from leja.connectors.contract import (
    Accepted,
    Bundle,
    BundleLine,
    Chart,
    Context,
    Draft,
    Found,
    Outcome,
    RemoteDocument,
    Session,
)
from leja.connectors.netsuite_soap import Settings, target
from leja.connectors.netsuite_soap.stand_in import STAND_IN
from leja.core.money import Money
from leja.documents.parts import Party
from leja.http.client import Http
from leja.http.pacing import Pacing
from leja_sandbox.clock import SimulatedClock
from leja_sandbox.server import SandboxServer

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAY = date(2026, 5, 3)
AMINA = Party(external_id="c-9", name="Amina Odhiambo", company="Soko & Sons", email="amina@example.org")
# Internal id of an account in the stand-in's chart -> what it is here.
KINDS = {"1": "bank", "2": "bank", "3": "bank", "12": "receivable", "13": "current_asset", "14": "payable",
         "15": "tax", "17": "current_liability", "26": "income", "27": "income", "33": "cost_of_sales", "39": "expense"}  # fmt: skip
WRITES = "POST /services/*/[au]*List"


class Account:
    """One stand-in, one clock, one session."""

    def __init__(self, server: SandboxServer, clock: SimulatedClock, settings: dict[str, Any]) -> None:
        self.server, self.clock, self.stand_in = server, clock, server.stand_in("netsuite_soap")
        self._runner = asyncio.Runner()
        self.granted = self.control("grant")
        named = {name: self.granted[name] for name in ("consumer_key", "consumer_secret", "token_id", "token_secret")}
        base = server.url("netsuite_soap")

        async def pass_time(seconds: float) -> None:
            clock.advance(seconds)
            await asyncio.sleep(0)

        http = Http(
            base_url=base, private_hosts=frozenset({f"127.0.0.1:{server.port}"}), now=clock, sleep=pass_time,
            pacing=Pacing(now=clock, sleep=pass_time),
        )  # fmt: skip
        known = Settings(**{"account": "1234567-sb1", **named, **settings})
        self.session = Session(
            http=http, settings=known, base_url=base, tenant="", now=clock,
            context=Context(settings=known, zone="Europe/London", base_currency="GBP"),
        )  # fmt: skip

    def run(self, doing: Any) -> Any:
        """Something asynchronous."""
        return self._runner.run(doing)

    def control(self, action: str, /, **arguments: Any) -> Any:
        """Act as the bookkeeper over there."""
        return self.stand_in.control.call(action, **arguments)

    def fault(self, kind: str, **settings: Any) -> None:
        """Switches a fault of the stand-in on; of writes unless told otherwise."""
        self.stand_in.env.faults.add(kind, **{"path": WRITES, **settings})  # type: ignore[arg-type]

    def chart(self) -> Chart:
        """What the account has."""
        return self.run(target.chart(self.session))

    def with_settings(self, **settings: Any) -> Session:
        """The session under other settings."""
        return msgspec.structs.replace(
            self.session, settings=msgspec.structs.replace(self.session.settings, **settings)
        )

    def draft(self, of: Bundle, chart: Chart) -> tuple[Draft, dict[str, RemoteDocument]]:
        """The last draft of a bundle, everything before it told and accepted."""
        accepted: dict[str, RemoteDocument] = {}
        *before, last = target.steps(of, chart)
        for step in before:
            accepted[step.name] = self.accepted(target.draft(step, chart, accepted))
        return target.draft(last, chart, accepted), accepted

    def accepted(self, draft: Draft) -> RemoteDocument:
        """The document that comes of a draft."""
        outcome = self.deliver(draft)
        assert isinstance(outcome, Accepted), (outcome, draft.body)
        return outcome.document

    def tell(
        self, of: Bundle, chart: Chart | None = None, settled: dict[str, RemoteDocument] | None = None
    ) -> tuple[list[Draft], dict[str, RemoteDocument]]:
        """Every step of a bundle delivered and accepted."""
        known, accepted, drafts = chart or self.chart(), dict(settled or {}), []
        for step in target.steps(of, known):
            drafts.append(target.draft(step, known, accepted))
            accepted[step.name] = self.accepted(drafts[-1])
        return drafts, accepted

    def deliver(self, draft: Draft) -> Outcome:
        """One draft told."""
        (outcome,) = self.run(target.deliver(self.session, [draft]))
        return outcome

    def find(self, draft: Draft) -> Any:
        """What is found of a draft."""
        (finding,) = self.run(target.find(self.session, [draft]))
        return finding

    def found(self, draft: Draft) -> RemoteDocument:
        """The document that is found of a draft."""
        finding = self.find(draft)
        assert isinstance(finding, Found), finding
        return finding.document

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
def account(*, stand_in: dict[str, Any] | None = None, **settings: Any) -> Iterator[Account]:
    """An account without foreign entries; ``stand_in`` are more settings of the stand-in."""
    clock = SimulatedClock(NOW)
    own = {"foreign": False, **(stand_in or {})}
    with SandboxServer(
        slugs=["netsuite_soap"], clock=clock, settings={"netsuite_soap": own}, specs={"netsuite_soap": STAND_IN}
    ) as server:
        opened = Account(server, clock, settings)
        try:
            yield opened
        finally:
            opened.close()


def line(account_id: str, minor: int, currency: str = "GBP", **more: Any) -> BundleLine:
    """A resolved line."""
    role = more.pop("role", "output_tax" if account_id == "15" else "sales")
    return BundleLine(account=account_id, account_kind=KINDS[account_id], role=role, amount=Money(minor, currency), **more)


def bundle(kind: str, lines: list[BundleLine], reference: str = "LJAAAAAAAAAAAAAB", **more: Any) -> Bundle:
    """A bundle of these lines."""
    given = {"date": DAY, "currency": lines[0].amount.currency, "customer": AMINA, "rate": Decimal(1), **more}
    return Bundle(reference=reference, kind=kind, lines=tuple(lines), **given)  # type: ignore[arg-type]


def sold(net: int = 10_000, tax: int = 2_000, reference: str = "LJAAAAAAAAAAAAAB", **more: Any) -> Bundle:
    """Goods paid by card, taxed at 20 %."""
    lines = [line("3", net + tax), line("26", -net, tax_code="1", tax=Money(-tax, "GBP")), line("15", -tax)]
    return bundle("sale", lines, reference, **more)


def invoiced(net: int = 20_000, tax: int = 4_000, reference: str = "LJAAAAAAAAAAAAAC", **more: Any) -> Bundle:
    """Goods to a customer with terms, taxed at 20 %."""
    lines = [line("12", net + tax), line("26", -net, tax_code="1", tax=Money(-tax, "GBP")), line("15", -tax)]
    return bundle("invoice", lines, reference, **more)


def banked(reference: str = "LJAAAAAAAAAAAAAD", minor: int = 5_000, **more: Any) -> Bundle:
    """Money from the processor's clearing account to the bank."""
    return bundle("payout", [line("1", minor), line("3", -minor)], reference, **more)
