"""The stage of the scenarios: a house on a fresh database, stand-ins in memory beside it, and one clock for both.

Everything goes the real way: the merchant acts in the shop's stand-in, webhooks come through the door, what no webhook
told is polled, the books are written, and the accounting stand-ins are told over HTTP.
"""

from __future__ import annotations

import asyncio
import csv
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import pytest
import uvicorn

from leja import flow
from leja.access import connections, grants, organisations
from leja.access.connection_secrets import put_secret
from leja.access.connections import Connection
from leja.access.mapping import ALWAYS, Decision, default_role
from leja.access.vault import Vault
from leja.cli.demo_stage import Recipe
from leja.connectors import registry
from leja.connectors.contract import Location, Session
from leja.core.currency import exponent
from leja.core.errors import Transient
from leja.core.money import format_minor, from_text
from leja.database.engine import Connection as Conn
from leja.database.engine import Database, Urls
from leja.database.rules import books_mapping, set_posting_mode, set_recognition
from leja.delivery import charts
from leja.delivery.preview import Preview, preview
from leja.delivery.send import Delivered
from leja.delivery.target import Target
from leja.house import House, Settings
from leja.http.oauth import Tokens
from leja.http.pacing import Pacing
from leja.intake.file_import import FileConnection, Imported, import_file
from leja.intake.proof import Proof
from leja.reconcile.agreement import Agreement, agreement
from leja.reconcile.read_back import read_back
from leja.web.webhook_door import WebhookDoor
from leja_sandbox.clock import SimulatedClock
from leja_sandbox.server import SandboxServer

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SHOP, TILL, BY_SALE, BY_DAY = "shop", "till", "quickbooks", "xero"
SINCE, UNTIL = date(2000, 1, 1), date(2100, 1, 1)
# Of every number of decimals, the currencies that the scenarios are played in.
CURRENCIES = ("JPY", "XOF", "UGX", "GBP", "KES", "EUR", "TND", "KWD")
QUICK = ("JPY", "GBP", "TND")
EVERY_CURRENCY = [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in CURRENCIES]
VAT = [{"title": "VAT", "rate": "0.2"}]
QUIET = {"per_minute": 0, "per_second": 0, "batches_per_minute": 0, "per_day": 0, "concurrent": 0, "foreign": False}


class Scene:
    """One organisation with a shop, a till's file, and two accounting systems: one told each sale, one told each day."""

    def __init__(
        self, urls: Urls, folder: Path, *, currency: str = "GBP", base: str = "", zone: str = "Europe/London",
        day_end_minutes: int = 0, start: datetime = START, recognition: str = "sale", home: dict[str, Any] | None = None,
        shop: dict[str, Any] | None = None, modes: dict[str, str] | None = None,
    ) -> None:
        self.currency, self.base, self.zone = currency, base or currency, zone
        self.clock, self.folder = SimulatedClock(start), folder
        self._day_end, self._start = day_end_minutes, start
        self._recipe, self._modes = Recipe.read(), modes or {}
        self._home, self._shop_settings = home or {}, shop or {}
        self.sandbox = self._sandbox().start()
        settings = Settings(home=folder, private_hosts=frozenset({f"127.0.0.1:{self.sandbox.port}"}))
        self.database = Database(urls)
        self.house = House(settings, self.database, Vault.open_file(folder / "keys" / "vault.key"), self.clock)
        self.house.pace_off = True
        self._runner, self.paced = asyncio.Runner(), False
        self._sessions: list[Session] = []
        self._paces: dict[str, Pacing] = {}
        self._recognition = recognition
        self._found()
        self._door = _Door(self.house)
        self.run(registry.verb("shopify", "subscribe")(self.session(self.shop), self._door.url(self.shop.door)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._door.stop()
        self.sandbox.stop()
        for session in self._sessions:
            self.run(session.http.close())
        self._runner.close()
        self.house.close()

    def run(self, doing: Any) -> Any:
        """Run something asynchronous."""
        return self._runner.run(doing)

    def session(self, connection: Connection) -> Session:
        """A session of a connection, closed with the scene."""
        return self._opened(connection, self.house.session(connection))

    def target(self, name: str) -> Target:
        """A target as delivery is handed it, closed with the scene."""
        target = self.house.target(self.targets[name])
        self._opened(self.targets[name], target.session)
        return target

    def _opened(self, connection: Connection, session: Session) -> Session:
        """Waiting lets the scene's clock go on: a vendor's Retry-After passes in no time."""

        async def pass_time(seconds: float) -> None:
            self.clock.advance(seconds)
            await asyncio.sleep(0)

        limits = connection.connector.limits if self.paced else None
        pace = self._paces.setdefault(connection.name, Pacing(limits, now=self.clock, sleep=pass_time))
        session.http.pacing, session.http._sleep = pace, pass_time
        self._sessions.append(session)
        return session

    # --- setting up ---

    def _sandbox(self) -> SandboxServer:
        decimals = max(2, exponent(self.currency), exponent(self.base))
        known = {"GBP", "USD", "EUR", "JPY", "KES", "XOF", "UGX", "TND", "KWD", "ISK", self.base}
        accounting = {**QUIET, "decimals": decimals, "currencies": sorted(known), **self._home}
        shop = {"points_per_second": 100_000, "currency": self.currency, "zone": self.zone, **self._shop_settings}
        return SandboxServer(
            slugs=[f"shopify:{SHOP}", f"quickbooks:{BY_SALE}", f"xero:{BY_DAY}"], clock=self.clock,
            settings={SHOP: shop, BY_SALE: {**accounting, "home_currency": self.base}, BY_DAY: {**accounting, "base_currency": self.base}},
        )

    def _found(self) -> None:
        recipe, now = self._recipe, self.clock()
        with self.database.transaction() as conn:
            self.org = organisations.create(conn, "Duka", base_currency=self.base, zone=self.zone, now=now, by="test",
                                            day_end_minutes=self._day_end)
            set_recognition(conn, self.org.org_id, "", self._recognition, ALWAYS, now)  # type: ignore[arg-type]
            roles = [*recipe.roles["names"]]
            flow.decide_mapping(conn, self.org.org_id, [default_role(conn, self.org.org_id, role) for role in roles],
                                by="test", reason="the shop's processors", now=now)
            self.shop = self._connect(conn, recipe.shop)
            self.till = self._connect(conn, {**recipe.file, "settings": {"zone": self.zone, "currency": self.currency, "date_format": "yyyy-mm-dd"}})
            self.targets = {str(target["name"]): self._connect(conn, target) for target in recipe.targets}
        for target in recipe.targets:
            self.map_all(str(target["name"]), target)

    def _connect(self, conn: Conn, recipe: dict[str, Any]) -> Connection:
        name, now = str(recipe["name"]), self.clock()
        settings = dict(recipe["settings"])
        if name in self.sandbox.names():
            settings["base_url"] = self.sandbox.url(name)
        granted = self.control(name, "grant") if "tenant" in recipe else {}
        made = connections.add(conn, self.org.org_id, recipe["slug"], name, settings=settings, start_date=date(2020, 1, 1), now=now,
                               tenant=str(granted.get(recipe.get("tenant", ""), settings.get("shop", ""))))
        for secret, value in recipe.get("secrets", {}).items():
            put_secret(conn, self.org.org_id, self.house.vault, made.connection_id, secret, value, now)
        if granted:
            tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=now)
            grants.store(conn, self.org.org_id, self.house.vault, made.connection_id, tokens)
        if "mode" in recipe:
            set_posting_mode(conn, self.org.org_id, made.connection_id, self._modes.get(name, recipe["mode"]), ALWAYS, now)
        return made

    def map_all(self, name: str, recipe: dict[str, Any]) -> None:
        """Read the target's chart and map every account and tax code of the recipe."""
        target = self.targets[name]
        chart = self.run(registry.verb(target.slug, "chart")(self.session(target)))
        remote = {account.code: account.id for account in chart.accounts}
        with self.database.transaction() as conn:
            charts.store_chart(conn, self.org.org_id, target.connection_id, chart, self.clock())
            ours = books_mapping(conn, self.org.org_id).at(date.max)
            decided = {ours.find(role, "", "", "", "", ""): remote[code] for role, code in recipe["accounts"].items()}
            scope = str(target.connection_id)
            decisions = [Decision(scope=scope, kind="account", key=str(key), value=value) for key, value in decided.items()]
            decisions.append(Decision(scope=scope, kind="role", key="rounding", value=remote[recipe["accounts"]["rounding"]]))
            decisions += [Decision(scope=scope, kind="tax_code", key=key, value=value) for key, value in recipe["tax_codes"].items()]
            flow.decide_mapping(conn, self.org.org_id, decisions, by="test", reason=name, now=self.clock())

    def decide(self, target: str, kind: str, key: str, value: str | None) -> int:
        """Decide one mapping, of a target or ("" ) of our own books; says how many things went on."""
        scope = str(self.targets[target].connection_id) if target else "books"
        with self.database.transaction() as conn:
            _, released = flow.decide_mapping(conn, self.org.org_id, [Decision(scope=scope, kind=kind, key=key, value=value)],
                                              by="test", reason="mended", now=self.clock())
        return released

    def decide_roles(self, *roles: str) -> None:
        """Put roles that are new on default accounts, and those on the targets' clearing accounts."""
        with self.database.transaction() as conn:
            flow.decide_mapping(conn, self.org.org_id, [default_role(conn, self.org.org_id, role) for role in roles],
                                by="test", reason="new", now=self.clock())
            ours = {role: books_mapping(conn, self.org.org_id).at(date.max).find(role, "", "", "", "", "") for role in roles}
        for name, remote in ((BY_SALE, "7"), (BY_DAY, "094")):
            for account in ours.values():
                self.decide(name, "account", str(account), self._remote_account(name, remote))

    def _remote_account(self, name: str, code: str) -> str:
        with self.database.transaction() as conn:
            kept = charts.stored_chart(conn, self.org.org_id, self.targets[name].connection_id)
        assert kept is not None
        return next(account.id for account in kept[0].accounts if code in (account.code, account.id))

    def rate(self, currency: str, day: str, rate: str) -> None:
        """Enter a book rate: base units for one unit of ``currency``."""
        with self.database.transaction() as conn:
            flow.enter_rate(conn, self.org.org_id, currency, date.fromisoformat(day), "book", Decimal(rate),
                            source="test", by="test", now=self.clock())

    def place(self, external_id: str, zone: str, day_end_minutes: int = 0) -> None:
        """Say in which zone an outlet is, and when its day ends."""
        with self.database.transaction() as conn:
            connections.set_location(conn, self.org.org_id, self.shop.connection_id, Location(
                external_id=external_id, zone=zone, day_end_minutes=day_end_minutes, name=external_id))

    # --- what happens outside ---

    def control(self, name: str, action: str, /, **arguments: Any) -> Any:
        """Act as the merchant, or as the bookkeeper over there."""
        return self.sandbox.stand_in(name).control.call(action, **arguments)

    def fault(self, name: str, kind: str, **settings: Any) -> None:
        """Switch a fault of a stand-in on."""
        self.sandbox.stand_in(name).env.faults.add(kind, **settings)  # type: ignore[arg-type]

    def played(self, name: str) -> Counter[str]:
        """Which faults were played, and how often."""
        return self.sandbox.stand_in(name).env.faults.played

    def sell(self, *prices: str | dict[str, Any], **given: Any) -> dict[str, Any]:
        """Somebody orders these goods: a price each, in units of the currency that GBP has, or whole lines."""
        lines = [line if isinstance(line, dict) else self.line(line) for line in prices]
        made: dict[str, Any] = self.control(SHOP, "place_order", lines=lines, **given)
        return made

    def line(self, price: str, quantity: int = 1, taxes: list[dict[str, Any]] | None = None, **given: Any) -> dict[str, Any]:
        """A line of goods."""
        return {"title": "Basket", "sku": "B1", "price": price, "quantity": quantity, "taxes": VAT if taxes is None else taxes, **given}

    def refund(self, order: dict[str, Any], **given: Any) -> dict[str, Any]:
        """The merchant gives back."""
        made: dict[str, Any] = self.control(SHOP, "refund", order=order["id"], **given)
        return made

    def till_file(self, rows: Iterable[Sequence[str]], name: str = "till.csv") -> Imported:
        """The till's export: invoice, SKU, quantity, date and price of each row."""
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"])
            writer.writerows([number, sku, sku, quantity, day, price, "", ""] for number, sku, quantity, day, price in rows)
        return self.import_till(path)

    def import_till(self, path: Path) -> Imported:
        """Read a file of the till, or a list of costs."""
        with self.database.transaction() as conn:
            context = self.house.source(conn, self.org.org_id, self.till.connection_id).context
        connection = FileConnection(
            connection_id=self.till.connection_id, settings=context.settings, read_file=registry.verb(self.till.slug, "read_file"),
            detect=registry.verb(self.till.slug, "detect"))
        return import_file(self.database, self.org.org_id, connection, path, clock=self.clock)

    # --- what Leja does ---

    def webhooks(self, hasten: bool = True) -> None:
        """Wait until the shop has sent all that it will send."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if hasten:
                self.control(SHOP, "hasten_webhooks")
            if not self.control(SHOP, "outgoing").get("due", 0):
                return
            time.sleep(0.01)
        raise AssertionError(f"webhooks do not come: {self.control(SHOP, 'outgoing')}")

    def poll(self) -> flow.Taken:
        """Ask the shop for what changed, and fetch what was only heard of."""
        verbs = {name: registry.verb("shopify", name) for name in ("poll", "fetch")}
        return self.run(flow.take_in(self.database, self.org.org_id, self.shop.connection_id, verbs, self.session(self.shop), self.clock))  # type: ignore[no-any-return]

    def fetch(self) -> flow.Taken:
        """Fetch what was only heard of, without a poll."""
        verbs = {"fetch": registry.verb("shopify", "fetch")}
        return self.run(flow.complete(self.database, self.org.org_id, self.shop.connection_id, verbs, self.session(self.shop), self.clock))  # type: ignore[no-any-return]

    def record(self) -> None:
        """Turn what arrived into documents and entries; what that made wanted is fetched and recorded too."""
        for _ in range(3):
            flow.record(self.house.bookkeeper(self.org), self.clock)
            if not self.fetch().answered:
                break
        flow.record(self.house.bookkeeper(self.org), self.clock)

    def deliver(self, name: str) -> Delivered:
        """Tell one target what is due now."""
        done = self.run(flow.deliver(self.database, self.target(name), self.house.holder, self.clock))
        assert done is not None
        return done  # type: ignore[no-any-return]

    def tell(self, *names: str, most: int = 60) -> None:
        """Tell targets all that they will ever be told, letting time pass where it must; transient faults are met again."""
        for name in names or tuple(self.targets):
            for _ in range(most):
                try:
                    done = self.deliver(name)
                except Transient:
                    self.clock.advance(30)
                    continue
                if done.next_due is None or done.paused:
                    break
                wait = max(1.0, (done.next_due - self.clock()) / timedelta(seconds=1))
                self.clock.advance(wait)
            else:
                raise AssertionError(f"{name} does not come to rest")

    def arrived(self) -> None:
        """Wait until the shop has sent what it has to send by now; what it sends later stays where it is."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            counts = self.control(SHOP, "outgoing")
            if counts["due"] == counts["waiting"]:
                return
            time.sleep(0.01)
        raise AssertionError(f"webhooks do not come: {self.control(SHOP, 'outgoing')}")

    def settle(self, *, polling: bool = True) -> None:
        """Everything that happened goes all the way: in, into the books, out."""
        self.arrived()
        if polling:
            self.poll()
        self.record()
        self.tell()

    def prove(self, days: int = 40) -> Proof:
        """The completeness proof of the last days."""
        verbs = {name: registry.verb("shopify", name) for name in ("ids", "day_totals", "fetch")}
        since = self.clock() - timedelta(days=days)
        return self.run(flow.prove(self.database, self.org.org_id, self.shop.connection_id, verbs, self.session(self.shop), since, self.clock))  # type: ignore[no-any-return]

    def preview(self, name: str) -> list[Preview]:
        """What would be told now."""
        with self.database.transaction() as conn:
            kept = charts.stored_chart(conn, self.org.org_id, self.targets[name].connection_id)
            assert kept is not None
            return preview(conn, self.target(name), kept[0], self.clock())

    def read_chart(self, name: str) -> None:
        """Read a target's chart anew."""
        target = self.targets[name]
        chart = self.run(registry.verb(target.slug, "chart")(self.session(target)))
        with self.database.transaction() as conn:
            charts.store_chart(conn, self.org.org_id, target.connection_id, chart, self.clock())

    # --- what is true then ---

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database; the organisation's id is the first value."""
        with self.database.transaction() as conn:
            return conn.execute(query.encode(), (self.org.org_id, *values)).fetchall()

    def books(self, by: str = "role") -> dict[str, int]:
        """The balance of each role (or of each value of another column) in base currency, zeros left out."""
        return {str(key): int(minor) for key, minor in self.rows(
            f"SELECT {by}, sum(base)::bigint FROM line WHERE org_id = %s GROUP BY 1 HAVING sum(base) <> 0")}

    def held(self) -> list[tuple[str, str, str]]:
        """Code, subject and message of every open review item."""
        return [(str(a), str(b), str(c)) for a, b, c in self.rows(
            "SELECT code, subject, message FROM review_item WHERE org_id = %s AND settled_at IS NULL ORDER BY opened_at, code")]

    def unfinished(self) -> Counter[str]:
        """Events that are not decided, by state."""
        return Counter({str(state): int(count) for state, count in self.rows(
            "SELECT state, count(*) FROM event_state WHERE org_id = %s AND state IN ('new', 'waiting', 'parked') GROUP BY state")})

    def sums(self, kind: str = "sale") -> tuple[int, int]:
        """How many documents of a kind stand in the books, and what their totals come to."""
        row = self.rows(
            "SELECT count(*), coalesce(sum(total), 0)::bigint FROM (SELECT DISTINCT ON (d.document_id)"
            " (r.facts::jsonb #>> '{total,minor}')::bigint AS total, r.withdrawn FROM document d JOIN document_revision r"
            " ON r.org_id = d.org_id AND r.document_id = d.document_id WHERE d.org_id = %s AND d.kind = %s"
            " ORDER BY d.document_id, r.revision DESC) x WHERE NOT withdrawn", kind)[0]
        return int(row[0]), int(row[1])

    def remote(self, name: str, *kinds: str) -> list[dict[str, Any]]:
        """The documents of ours that stand at a target, those of some kinds."""
        listed = [one for one in self.control(name, "documents") if not one.get("gone") and one.get("status") not in ("VOIDED", "DELETED")]
        return [one for one in listed if not kinds or one["kind"] in kinds]

    def there(self, name: str) -> dict[str, int]:
        """What our documents do to each account of a target (by code), in minor units of its home currency."""
        sums: dict[str, int] = defaultdict(int)
        for row in self.control(name, "books", origin="api"):
            sums[str(row["account"])] += int(row["home_minor"])
        return {account: minor for account, minor in sums.items() if minor}

    def our_account(self, role: str) -> str:
        """The account of our books that a role stands on."""
        with self.database.transaction() as conn:
            return str(books_mapping(conn, self.org.org_id).at(date.max).find(role, "", "", "", "", ""))

    def account_of(self, name: str, role: str) -> str:
        """The target's id of the account that a role of ours stands on."""
        code = self.our_account(role)
        with self.database.transaction() as conn:
            terms = charts.target_rules(conn, self.org.org_id, self.targets[name].connection_id)
        return next(str(rule.value) for rule in reversed(terms) if rule.kind == "account" and rule.key == code)

    def agreement(self, name: str) -> Agreement:
        """Read a target back and compare."""
        target = self.target(name)
        self.run(read_back(self.database, self.org.org_id, target.connection_id, target.verbs, target.session, self.clock(), SINCE, UNTIL))
        with self.database.transaction() as conn:
            return agreement(conn, self.org.org_id, target.connection_id, SINCE, UNTIL)

    def assert_settled(self, *names: str) -> None:
        """Nothing waits, nothing is held, and each target agrees with the books per account and day."""
        assert self.unfinished() == Counter(), (self.unfinished(), self.held())
        assert self.held() == [], self.held()
        for name in names or tuple(self.targets):
            found = self.agreement(name)
            assert found.agree, [difference for difference in found.differences if not difference.known]
            assert (found.untold, found.waiting) == (0, 0)
            assert found.differences == ()
            self.assert_told_once(name)

    def assert_told_once(self, name: str) -> None:
        """No reference of ours stands twice at the target."""
        if name == BY_SALE:
            numbers = Counter((one["kind"], one["number"]) for one in self.remote(name) if one["number"])
        else:
            numbers = Counter((one["kind"], one["number"] or one["note"]) for one in self.remote(name, "Invoices", "CreditNotes", "ManualJournals"))
        assert [number for number, count in numbers.items() if count > 1] == []

    def minor(self, text: str) -> int:
        """An amount of the shop's currency in minor units."""
        return from_text(text, self.currency).minor

    def amount(self, minor: int) -> str:
        """An amount of the shop's currency as it is written."""
        return format_minor(minor, self.currency)


class _Door:
    """The webhook door on a free port, in a thread."""

    def __init__(self, house: House) -> None:
        door = WebhookDoor(house.doors(), house.committer(), house.clock)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(door, log_config=None, access_log=False, ws="none", lifespan="on"))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])), daemon=True)
        self._thread.start()

    def url(self, door: str) -> str:
        """The address of a connection's door."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/hooks/{door}"

    def stop(self) -> None:
        """Stop taking in."""
        self._server.should_exit = True
        self._thread.join(10)
