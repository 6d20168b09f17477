"""A company as the crash runs play it: a shop and two accounting systems in the sandbox, books of its own."""

from __future__ import annotations

import asyncio
import csv
import socket
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import psycopg

from leja import flow
from leja.access import grants
from leja.access.connections import Connection
from leja.cli.demo_sales import COLUMNS, GOODS
from leja.cli.demo_stage import Recipe, Stage
from leja.connectors import registry
from leja.connectors.contract import OAuth
from leja.core.errors import LejaError
from leja.database import review
from leja.database.embedded import EmbeddedPostgres
from leja.database.engine import Urls
from leja.http.oauth import Tokens
from leja_sandbox.server import Remote
from tests.crash.nursery import Child, Nursery
from tests.crash.worker import Place

MANNERS = ("normal",) * 6 + ("twice", "stale", "late", "lost")
VAT = [{"title": "VAT", "rate": "0.2"}]
DAYS_BACK = 9


class _Sandbox:
    """The sandbox of another process, as the stage sees it."""

    def __init__(self, port: int, names: list[str]) -> None:
        self.port, self._names = port, names

    def names(self) -> list[str]:
        return self._names

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


class Company(Stage):
    """The demo's stage without its processes: those live in the nursery and die there."""

    def __init__(self, home: Path, cluster: EmbeddedPostgres, name: str, nursery: Nursery, seed: int) -> None:
        self.home, self.cluster, self.name, self.nursery, self.random = home, cluster, name, nursery, Random(seed)
        self._bouts = self.paid_on_another_day = 0
        self.recipe, self.seed = Recipe.read(), seed
        self._name = self.recipe.organisation["name"]
        self.door_port, port = free_port(), free_port()
        parts = [self.recipe.shop, *self.recipe.targets, *self.others()]
        self.sandbox = _Sandbox(port, [part["name"] for part in parts])  # type: ignore[assignment]
        self._parts, self._remotes, self.log = parts, {}, home / "log"
        self.database_made("template_leja", name)
        self.urls = Urls(**{role: cluster.url(f"leja_{role}", name) for role in ("owner", "app", "web")})
        nobody = "00000000-0000-0000-0000-000000000000"
        place = {
            "home": str(home),
            "urls": msgspec.to_builtins(self.urls),
            "org": nobody,
            "shop": nobody,
            "door_port": self.door_port,
            "sandbox_port": port,
        }
        self.house = msgspec.convert(place, Place).house()
        self.clock = self.house.clock
        self.began = self.clock()
        self._start = (self.began - timedelta(days=40)).date()
        self.play = self.start_sandbox()
        self.org = self._organisation()
        self.shop, self.file = self._connection(self.recipe.shop), self._connection(self.recipe.file)
        self.targets = [self._connection(target) for target in self.recipe.targets]
        place |= {"org": str(self.org.org_id), "shop": str(self.shop.connection_id)}
        self.place = place
        self.callback = self.door_of(self.shop)
        self.orders: list[dict[str, Any]] = []
        self.till_files: list[Path] = []
        self.till_sums: dict[str, int] = {}
        asyncio.run(self.set_up())

    # --- processes ---

    def start_sandbox(self) -> Child:
        """Start the stand-ins, on what they hold already."""
        for remote in self._remotes.values():
            remote._client.close()
        child = self.nursery.start(
            "sandbox", self.log, {}, home=str(self.home), port=self.sandbox.port, parts=self._parts, seed=self.seed
        )
        self._remotes = {name: Remote(self.sandbox.url(name)) for name in self.sandbox.names()}
        self.patiently(lambda: self.control(self.shop.name if hasattr(self, "shop") else "shop", "about"))
        return child

    def start_web(self, failpoints: str = "") -> Child:
        """Start the webhook door and see that the shop's webhooks come there."""
        child = self.nursery.start("web", self.log, self._environment(failpoints), place=self.place)
        self.patiently(lambda: asyncio.run(self._subscribed()))
        return child

    def start_work(self, failpoints: str = "", errands: tuple[str, ...] = ()) -> Child:
        """Start a worker."""
        return self.nursery.start(
            "work", self.log, self._environment(failpoints), place=self.place, files=self.files(), errands=list(errands)
        )

    def others(self) -> list[dict[str, Any]]:
        """Stand-ins beside those of the recipe: name, slug, settings."""
        return []

    def files(self) -> list[tuple[str, str]]:
        """What a worker is to import: the connection and the file."""
        return [(str(self.file.connection_id), str(path)) for path in self.till_files]

    def answered(self) -> int:
        """People settle what they have looked into; says how much that was."""
        return 0

    def odd(self) -> list[str]:
        """What does not hold beside what every run proves."""
        return []

    def hasten(self) -> None:
        """Webhooks that still wait for their time are sent now."""
        self.control("shop", "hasten_webhooks")

    def days_end(self) -> None:
        """What is done before the last nights; may be asked for again."""

    async def _subscribed(self) -> None:
        session = self.house.session(self.shop)
        await registry.verb(self.shop.slug, "subscribe")(session, self.callback)
        await session.http.close()

    def _environment(self, failpoints: str) -> dict[str, str]:
        return {"LEJA_FAILPOINTS": failpoints, "LEJA_CALL_SECONDS": "30", "LEJA_LEASE_SECONDS": "30"}

    def control(self, name: str, action: str, **arguments: Any) -> Any:
        """Act as the merchant, or as the bookkeeper over there."""
        return self._remotes[name].call(action, **arguments)

    def patiently(self, wish: Callable[[], Any]) -> Any:
        """Until it works; ten seconds at most."""
        deadline = time.monotonic() + 10
        while True:
            try:
                return wish()
            except (OSError, ValueError, LejaError, psycopg.Error) as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"not within ten seconds: {error}") from error
            except Exception as error:  # the HTTP library has no common error above its own
                if "httpx" not in type(error).__module__ or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def close(self) -> None:
        """Stop what still runs for this company."""
        self.play.kill()
        for remote in self._remotes.values():
            remote._client.close()
        self.house.close()

    # --- the database ---

    def database_made(self, template: str, name: str) -> None:
        """Make a database as a copy of another that nobody uses."""
        with psycopg.connect(self.cluster.url("postgres", "postgres"), autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (template,))
            conn.execute(f"CREATE DATABASE {name} OWNER leja_owner TEMPLATE {template} STRATEGY file_copy".encode())

    def database_dropped(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        with psycopg.connect(self.cluster.url("postgres", "postgres"), autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def back_up(self) -> None:
        """Keep the database as it is now."""
        self.house.database.close()
        self.database_made(self.name, f"{self.name}_backup")

    def restore(self) -> None:
        """Put the older backup in the place of the database."""
        self.house.database.close()
        self.database_dropped(self.name)
        self.database_made(f"{self.name}_backup", self.name)
        self.database_dropped(f"{self.name}_backup")

    @contextmanager
    def reading(self) -> Any:
        """A connection that sees one state of the books."""
        with self.house.database.transaction() as conn:
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield conn

    def tables_kept(self, path: Path) -> None:
        """Write what delivery holds to a file, for whoever looks why a run failed."""
        with psycopg.connect(self.urls.owner) as conn, path.open("w") as out:
            for table in (
                "deliverable",
                "attempt",
                "outcome",
                "remote_document",
                "remote_state",
                "outbox",
                "review_item",
                "work",
                "document",
                "document_revision",
                "line",
                "event_state",
            ):
                for (row,) in conn.execute(f"SELECT to_jsonb(t)::text FROM {table} t".encode()):
                    out.write(f"{table} {row}\n")

    # --- what the merchant does ---

    def trade(self, count: int, manner: str = "") -> None:
        """Some orders, a refund, and now and then an edit, a note or a cancellation."""
        # What is done follows from the seed and the number of the bout, however often something was done between.
        self._bouts += 1
        self.random.seed(f"{self.seed}/{self._bouts}")
        for _ in range(count):
            self._place(manner or self.random.choice(MANNERS))
        for order in self.random.sample(self.orders, min(2, len(self.orders))):
            self._change(order, manner or self.random.choice(MANNERS))

    def _place(self, manner: str) -> None:
        pick, number, now = self.random, len(self.orders), self.clock()
        at = now
        if number % 4:
            at = self.began - timedelta(days=DAYS_BACK - number % 6, minutes=pick.randint(0, 600))
        lines = [
            {"sku": sku, "title": title, "price": price, "quantity": pick.randint(1, 3), "taxes": VAT}
            for sku, title, price in pick.sample(GOODS, pick.randint(1, 3))
        ]
        lines.append({"title": "Standard", "price": "4.95", "kind": "shipping", "taxes": VAT})
        given = {"taxes_included": True, "customer": {"id": pick.randint(1, 9)}, "webhooks": manner, "delay": 60.0}
        placed = self.control("shop", "place_order", lines=lines, processed_at=_text(at), **given)
        self.orders.append({"id": placed["id"], "at": at, "whole": True, "cancelled": False})

    def take_back(self) -> None:
        """Part of an order comes back; the shop tells of the money's movement by a nudge."""
        whole = [order for order in self.orders if order["whole"]]
        if not whole:
            self._place("normal")
            whole = self.orders[-1:]
        self._refund(self.random.choice(whole), "normal")

    def _refund(self, order: dict[str, Any], manner: str) -> None:
        order["whole"] = False
        at = min(order["at"] + timedelta(days=1), self.clock())
        lines = [{"line": 0, "quantity": 1}]
        self.control("shop", "refund", order=order["id"], lines=lines, processed_at=_text(at), webhooks=manner)

    def _change(self, order: dict[str, Any], manner: str) -> None:
        what = self.random.choice(("refund", "edit_order", "edit_order", "touch", "cancel"))
        if what == "edit_order" and not order["cancelled"]:
            self.pay_more(order, manner)
        elif what == "refund" and order["whole"]:
            self._refund(order, manner)
        elif what == "cancel" and order["whole"]:
            order["whole"], order["cancelled"] = False, True
            self.control("shop", "cancel", order=order["id"], webhooks=manner)
        else:
            self.control("shop", "touch", order=order["id"], webhooks=manner)

    def pay_more(self, order: dict[str, Any], manner: str) -> None:
        """Something is added to an order and paid now: on another day than the order's own, as a rule."""
        order["whole"] = False
        self.paid_on_another_day += self.clock().date() != order["at"].date()
        sku, title, price = self.random.choice(GOODS)
        add = [{"sku": sku, "title": title, "price": price, "quantity": 1, "taxes": VAT}]
        self.control("shop", "edit_order", order=order["id"], add=add, pay=True, webhooks=manner)

    def till(self, invoices: int) -> None:
        """A file of the till's, to be imported by the next worker."""
        number = len(self.till_files)
        path = self.home / f"till-{number}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for each in range(invoices):
                at = self.began - timedelta(days=DAYS_BACK - each % 6)
                sku, title, price = self.random.choice(GOODS)
                invoice, quantity = f"T{number}{each:03}", self.random.randint(1, 4)
                writer.writerow(
                    [invoice, sku, title, quantity, at.strftime("%d/%m/%Y 10:30"), price, "", "United Kingdom"]
                )
                self.till_sums[invoice] = int(price.replace(".", "")) * quantity
        self.till_files.append(path)

    def door_of(self, connection: Connection) -> str:
        """Where a connection's webhooks come."""
        return f"http://127.0.0.1:{self.door_port}/hooks/{connection.door}"

    def refused_request(self) -> None:
        """A request with a wrong signature: counted, and nothing else."""
        import httpx2

        with suppress(httpx2.HTTPError):
            httpx2.post(
                self.callback,
                content=b"{}",
                headers={"x-shopify-hmac-sha256": "d3Jvbmc=", "x-shopify-topic": "orders/create"},
                trust_env=False,
            )

    def faults(self) -> None:
        """The vendors behave badly, each in its own measure."""
        pick = self.random
        for target in self.targets:
            for kind, more in (
                ("answer_lost", {"path": "POST *"}),
                ("error_after", {"path": "POST *"}),
                ("error_before", {}),
                ("cut_before", {}),
                ("rate_limited", {"retry_after": 1}),
                ("slow", {"seconds": 0.1}),
                ("lagging_search", {"seconds": 4.0}),
                ("late_commit", {"path": "POST *", "seconds": 5.0}),
                ("batch_partial", {"path": "POST *"}),
            ):
                self._fault(target.name, kind, pick.choice((0.03, 0.06, 0.1)), more)
        for kind in (
            "error_before",
            "cut_before",
            "slow",
            "webhook_lost",
            "webhook_twice",
            "webhook_stale",
            "webhook_out_of_order",
        ):
            seconds = {"slow": 0.05, "webhook_stale": 40.0, "webhook_out_of_order": 30.0}.get(kind)
            self._fault("shop", kind, 0.05, {"seconds": seconds} if seconds else {})

    def _fault(self, name: str, kind: str, rate: float, more: dict[str, Any]) -> None:
        most = {"path": "POST *"} if kind == "late_commit" else {}
        self.control(name, "fault", kind=kind, rate=rate, times=6, **{**most, **more})

    def faults_end(self) -> dict[str, int]:
        """The vendors behave again; says what was played."""
        played: dict[str, int] = {}
        for name in self.sandbox.names():
            for kind, count in self.control(name, "faults")["played"].items():
                played[kind] = played.get(kind, 0) + count
            self.control(name, "clear_faults")
        return played

    # --- what people do ---

    def consent(self, *, everywhere: bool = False) -> int:
        """The owner logs in again wherever a lost refresh token asks for that; says how often."""
        now, given = self.clock(), 0
        with self.house.database.transaction() as conn:
            lost = {
                row[0] for row in conn.execute("SELECT connection_id FROM token_grant WHERE state = 'needs_consent'")
            }
            asked = [item for item in review.items(conn, self.org.org_id) if item.code == review.CONSENT]
            for target in (one for one in self.targets if isinstance(one.connector.auth, OAuth)):
                items = [item for item in asked if item.connection_id == target.connection_id]
                if everywhere or target.connection_id in lost or items:
                    granted, given = self.control(target.name, "grant"), given + 1
                    tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=now)
                    grants.store(conn, self.org.org_id, self.house.vault, target.connection_id, tokens)
                for item in items:
                    flow.retry(conn, self.org.org_id, item, by="owner", now=now)
        return given

    def try_again(self) -> None:
        """The bookkeeper has what a vendor refused tried again: one part of a batch may fail for reasons of its own."""
        with self.house.database.transaction() as conn:
            for item in review.items(conn, self.org.org_id):
                if item.code == "delivery-refused":
                    flow.retry(conn, self.org.org_id, item, by="bookkeeper", now=self.clock())


def free_port() -> int:
    """A port of the loopback address that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
