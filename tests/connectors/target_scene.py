"""A target's stand-in, an organisation of ours, the delivery room between them, and one clock that nobody waits for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import msgspec

from leja import flow
from leja.access import connections, grants
from leja.access.connection_secrets import put_secret
from leja.access.connections import Connection
from leja.access.mapping import ALWAYS, Decision
from leja.access.vault import Vault
from leja.connectors import registry
from leja.connectors.contract import Chart, Draft, OAuth, RemoteDocument, Session
from leja.core.errors import Transient
from leja.database import review
from leja.database.engine import Database
from leja.database.rules import set_posting_mode
from leja.delivery import charts
from leja.delivery.mend_bench import Choice
from leja.delivery.preview import Preview, preview
from leja.delivery.send import Delivered
from leja.delivery.target import Target
from leja.delivery.typed_in import Verdict
from leja.house import House, Settings
from leja.http.oauth import Tokens
from leja.http.pacing import Pacing
from leja.reconcile.agreement import Agreement, agreement
from leja.reconcile.read_back import read_back
from leja_sandbox.clock import SimulatedClock
from leja_sandbox.server import SandboxServer

from .our_books import OurBooks
from .stages import target_stage

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SINCE, UNTIL = date(2026, 1, 1), date(2026, 12, 31)
MOST_RUNS = 60


class TargetScene:
    """One target against its own stand-in. ``mode``: each or daily; ``stand_in``: more settings of the stand-in."""

    def __init__(
        self, slug: str, database: Database, folder: Path, *, base: str = "GBP", mode: str = "each",
        stand_in: dict[str, Any] | None = None,
    ) -> None:
        self.slug, self.stage, self.clock = slug, target_stage(slug), SimulatedClock(START)
        self.database = database
        self._runner = asyncio.Runner()
        self._sessions: list[Session] = []
        settings = {**self.stage.stand_in, **({self.stage.home: base} if base != "GBP" else {}), **(stand_in or {})}
        self.server = SandboxServer(slugs=[slug], clock=self.clock, settings={slug: settings}).start()
        self.stand_in = self.server.stand_in(slug)
        self.house = House(
            Settings(home=folder, private_hosts=frozenset({f"127.0.0.1:{self.server.port}"})), database,
            Vault.open_file(folder / "vault.key"), self.clock,
        )
        self._pace = Pacing(registry.connector(slug).limits, now=self.clock, sleep=self._pass_time)
        self.books = OurBooks(database, self.clock, base=base)
        self.org_id = self.books.org_id
        self.connection = self._connect(mode)
        self.places: dict[str, str] = {}
        self.chart = self.read_chart()
        self._map()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions:
            self.run(session.http.close())
        self._runner.close()
        self.server.stop()

    # --- setting up ---

    def _connect(self, mode: str) -> Connection:
        granted, now = self.control("grant"), self.clock()
        with self.database.transaction() as conn:
            made = connections.add(
                conn, self.org_id, self.slug, self.slug, settings={**self.stage.settings, "base_url": self.server.url(self.slug)},
                start_date=SINCE, now=now, tenant=str(granted.get(self.stage.tenant, "")), duty="accounting",
            )
            secrets = {**self.stage.secrets, **{name: granted[field] for name, field in self.stage.granted.items()}}
            for name, value in secrets.items():
                put_secret(conn, self.org_id, self.house.vault, made.connection_id, name, value, now)
            if isinstance(made.connector.auth, OAuth):
                tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=now)
                grants.store(conn, self.org_id, self.house.vault, made.connection_id, tokens)
            set_posting_mode(conn, self.org_id, made.connection_id, mode, ALWAYS, now)
        return made

    def read_chart(self) -> Chart:
        """Read the chart over there and keep it, as the delivery room would."""
        chart: Chart = self.run(self.verbs.chart(self.session()))
        with self.database.transaction() as conn:
            charts.store_chart(conn, self.org_id, self.connection.connection_id, chart, self.clock())
        return chart

    def _map(self) -> None:
        self.places = {role: self.account_named(name) for role, name in self.stage.accounts.items()}
        decisions = [self.decision("account", f"T-{role}", remote) for role, remote in self.places.items()]
        decisions.append(self.decision("role", "rounding", self.places["rounding"]))
        if self.stage.tax_code:
            code = next(one for one in self.chart.tax_codes if one.id == self.stage.tax_code)
            assert code.active
            assert code.rate > 0
            self.books.tax = code.rate
            decisions.append(self.decision("tax_code", "S", code.id))
        self.decide(*decisions)

    def account_named(self, name: str) -> str:
        """The id of the account that is called so over there, by code, id or name."""
        for field in ("code", "id", "name"):
            for account in self.chart.accounts:
                if getattr(account, field) == name:
                    return account.id
        raise AssertionError(f"{self.slug}: the chart has no account {name}")

    def decision(self, kind: str, key: str, value: str | None) -> Decision:
        """A mapping of this target."""
        return Decision(scope=str(self.connection.connection_id), kind=kind, key=key, value=value)  # type: ignore[arg-type]

    def decide(self, *decisions: Decision) -> None:
        """Decide mappings; what waited for them goes on."""
        with self.database.transaction() as conn:
            flow.decide_mapping(conn, self.org_id, decisions, by="test", reason="suite", now=self.clock())

    # --- calls ---

    @property
    def verbs(self) -> Any:
        """The connector's target module."""
        return registry.side(self.slug, "target")

    def run(self, doing: Any) -> Any:
        """Run something asynchronous."""
        return self._runner.run(doing)

    async def _pass_time(self, seconds: float) -> None:
        self.forward(seconds)
        await asyncio.sleep(0)

    def forward(self, seconds: float) -> None:
        """Let time pass for everybody; late commits that fall due meanwhile happen."""
        self.clock.advance(seconds)

        async def late() -> None:
            self.stand_in.app.commit_late()

        loop = self.server._loop
        assert loop is not None
        asyncio.run_coroutine_threadsafe(late(), loop).result()

    def session(self) -> Session:
        """The session through the house, on the scene's pace; opened once, closed with the scene."""
        if not self._sessions:
            session = self.house.session(self.connection)
            session.http.pacing, session.http._sleep = self._pace, self._pass_time
            self._sessions.append(session)
        return self._sessions[0]

    def target(self) -> Target:
        """The target as delivery is handed it."""
        return Target(
            org_id=self.org_id, connection_id=self.connection.connection_id, name=self.slug, verbs=self.verbs,
            session=self.session(), limits=self.connection.connector.limits,
        )

    def deliver(self) -> Delivered:
        """Tell what is due now."""
        done = self.run(flow.deliver(self.database, self.target(), self.house.holder, self.clock))
        assert isinstance(done, Delivered)
        return done

    def settle(self) -> Delivered:
        """Tell all that will ever be told, letting time pass where it must; transient faults are met again."""
        whole = Delivered()
        for _ in range(MOST_RUNS):
            try:
                done = self.deliver()
            except Transient:
                self.forward(30)
                continue
            for name in ("sent", "accepted", "adopted", "refused", "unclear"):
                setattr(whole, name, getattr(whole, name) + getattr(done, name))
            if done.next_due is None or done.paused:
                whole.paused = done.paused
                return whole
            self.forward(max(1.0, (done.next_due - self.clock()).total_seconds()))
        raise AssertionError(f"{self.slug} does not come to rest: {self.held()}")

    def preview(self) -> list[Preview]:
        """What would be told now."""
        with self.database.transaction() as conn:
            kept = charts.stored_chart(conn, self.org_id, self.connection.connection_id)
            assert kept is not None
            return preview(conn, self.target(), kept[0], self.clock())

    def retry(self) -> None:
        """Somebody tries again everything that is held."""
        with self.database.transaction() as conn:
            for item in review.items(conn, self.org_id):
                flow.retry(conn, self.org_id, item, by="test", now=self.clock())

    def agreement(self) -> Agreement:
        """Read the target back and compare."""
        target = self.target()

        async def read() -> Any:
            await read_back(self.database, self.org_id, target.connection_id, target.verbs, target.session, self.clock(), SINCE, UNTIL)
            return await target.verbs.balances(target.session, SINCE, UNTIL)

        balances = self.run(read())
        with self.database.transaction() as conn:
            return agreement(conn, self.org_id, target.connection_id, SINCE, UNTIL, balances)

    def drifted(self) -> list[UUID]:
        """The deliverables that people are asked about, after reading back and sweeping."""
        found = self.run(flow.read_all_back(self.database, self.target(), SINCE, self.clock))
        assert found.connection == self.slug
        with self.database.transaction() as conn:
            return [UUID(item.subject.removeprefix("drift/")) for item in review.items(conn, self.org_id) if item.code == "drift"]

    def mend(self, deliverable_id: UUID, way: Any, *, only_show: bool = False, **given: Any) -> flow.Decided:
        """Somebody decides what is to come of a drift."""
        choice = Choice(way=way, on=self.clock().date(), by="test", **given)
        decided = self.run(flow.mend_drift(
            self.database, self.target(), self.house.holder, self.clock, deliverable_id, choice, only_show=only_show))
        assert isinstance(decided, flow.Decided)
        return decided

    def say(self, group_key: str, answer: Any, *, only_show: bool = False, **given: Any) -> flow.Decided:
        """Somebody says whether a document of others is the one that was about to be told."""
        verdict = Verdict(answer=answer, by="test", **given)
        decided = self.run(flow.decide_typed_in(
            self.database, self.target(), self.house.holder, self.clock, group_key, verdict, only_show=only_show))
        assert isinstance(decided, flow.Decided)
        return decided

    # --- what is true then ---

    def control(self, action: str, /, **arguments: Any) -> Any:
        """Act as the bookkeeper over there."""
        return self.stand_in.control.call(action, **arguments)

    def fault(self, kind: str, **settings: Any) -> None:
        """Switch a fault of the stand-in on; it meets the calls that make documents."""
        self.stand_in.env.faults.add(kind, **{"path": self.stage.writes, **settings})  # type: ignore[arg-type]

    def played(self, kind: str) -> int:
        """How often a fault was played."""
        return self.stand_in.env.faults.played[kind]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database; the organisation's id is the only value."""
        with self.database.transaction() as conn:
            return conn.execute(query.encode(), (self.org_id,)).fetchall()

    def held(self) -> list[tuple[str, str]]:
        """Code and message of every open review item."""
        return [(str(a), str(b)) for a, b in self.rows(
            "SELECT code, message FROM review_item WHERE org_id = %s AND settled_at IS NULL ORDER BY opened_at, code")]

    def ledger(self) -> dict[tuple[str, str, str], int]:
        """The stand-in's own ledger of what the API gave it: account, day, currency -> minor units."""
        sums: dict[tuple[str, str, str], int] = defaultdict(int)
        for row in self.control("ledger"):
            sums[row["account"], str(row["day"]), row["currency"]] += row["minor"]
        return {key: minor for key, minor in sums.items() if minor}

    def whole_ledger(self, origin: str | None = None) -> dict[tuple[str, str], int]:
        """All that stands there now, whoever typed it, in the home currency: account, day -> minor units."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for row in self.control("books", origin=origin):
            sums[row["account"], str(row["day"])] += row["home_minor"]
        return {key: minor for key, minor in sums.items() if minor}

    def drafts(self) -> list[Draft]:
        """Every draft as it was frozen, in the order of the attempts."""
        return [msgspec.json.decode(str(row[0]), type=Draft) for row in self.rows(
            "SELECT f.draft FROM frozen_draft f JOIN (SELECT DISTINCT ON (deliverable_id, step, plan) org_id, deliverable_id,"
            " step, plan, attempted_at, attempt_id FROM attempt ORDER BY deliverable_id, step, plan, send) a"
            " USING (org_id, deliverable_id, step, plan) WHERE f.org_id = %s ORDER BY a.attempted_at, a.attempt_id")]

    def remotes(self) -> list[RemoteDocument]:
        """What we hold to stand there, records that move nothing left out."""
        return [
            RemoteDocument(kind=row[0], remote_id=row[1], reference=row[2], version=row[3], number=row[4], date=row[5])
            for row in self.rows(
                "SELECT kind, remote_id, reference, version, number, date FROM remote_document WHERE org_id = %s"
                " AND moves <> '{}' ORDER BY recorded_at, deliverable_id, step")
        ]

    def row_there(self, document: RemoteDocument) -> dict[str, Any]:
        """The stand-in's row of a document of ours, as ``documents`` lists it."""
        listed = [row for row in self.control("documents") if row["id"] == document.remote_id]
        bearing = [row for row in listed if document.reference in f"{row['number']} {row['note']}"]
        (row,) = bearing if len(listed) > 1 else listed
        return dict(row)

    def standing(self, *, drafts: bool = True) -> list[dict[str, Any]]:
        """The documents of ours that stand there and were neither voided nor deleted; ``drafts``: those too that count for
        nothing yet."""
        out = ("VOIDED", "DELETED") if drafts else ("VOIDED", "DELETED", "DRAFT")
        return [row for row in self.control("documents") if not row.get("gone") and str(row.get("status", "")).upper() not in out]

    def assert_once(self, *, in_base: bool = False, moved: dict[date, date] | None = None, drafts: bool = True) -> None:
        """Nothing is held or open, each reference stands there once, and their ledger moved as our entries say."""
        assert self.held() == []
        assert self.rows("SELECT count(*) FROM outbox WHERE org_id = %s")[0][0] == 0
        assert self.rows("SELECT count(*) FROM deliverable WHERE org_id = %s AND state NOT IN ('done', 'withdrawn')")[0][0] == 0
        there, said = self.ledger(), self.books.said(self.places, in_base=in_base, moved=moved)
        residuals = self.residuals()
        wrong = {
            key: (said.get(key, 0), there.get(key, 0)) for key in said.keys() | there.keys()
            if abs(said.get(key, 0) - there.get(key, 0)) > residuals.get(key[1:], 0)
        }
        assert wrong == {}, "account, day, currency: (ours, theirs)"
        remotes = self.remotes()
        assert len({(one.kind, one.remote_id) for one in remotes}) == len(remotes) == len(self.standing(drafts=drafts))

    def residuals(self) -> dict[tuple[str, str], int]:
        """The target's own rounding, as its drafts declare it: day, currency -> minor units at most."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for draft in self.drafts():
            if draft.residual is not None:
                sums[draft.date.isoformat(), draft.residual.currency] += abs(draft.residual.minor)
        return sums
