"""The demo's stage: a sandbox with stand-ins, an organisation connected to them, a webhook door. Set up once, reused after."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import tomllib
from contextlib import suppress
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from leja import flow
from leja.access import connections, grants, organisations
from leja.access.connection_secrets import put_secret
from leja.access.connections import Connection
from leja.access.mapping import Decision, default_role
from leja.access.organisations import Organisation
from leja.connectors import registry
from leja.core.errors import Refused
from leja.database.engine import Connection as Conn
from leja.database.rules import books_mapping, set_posting_mode, set_recognition
from leja.delivery import charts
from leja.house import House
from leja.http.oauth import Tokens
from leja.web.webhook_door import WebhookDoor
from leja_sandbox.server import SandboxServer

ALWAYS = date(1970, 1, 1)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Which platforms the demo plays; read from data."""

    organisation: dict[str, str]
    shop: dict[str, Any]
    file: dict[str, Any]
    roles: dict[str, list[str]]
    targets: list[dict[str, Any]]

    @classmethod
    def read(cls) -> Recipe:
        """The recipe that is shipped."""
        return msgspec.convert(tomllib.loads((files("leja.cli") / "demo_recipe.toml").read_text()), cls)


class Stage:
    """Everything that the demo plays on, running. ``close`` stops it; what it holds stays on disk.

    ``play`` names what is played: each play has an organisation and a sandbox of its own, so that two never mix.
    """

    def __init__(self, house: House, recipe: Recipe, start: date, play: str = "") -> None:
        self.house = house
        self.recipe = recipe
        self._start = start
        self._name = recipe.organisation["name"] + (f", {play}" if play else "")
        self.folder = house.settings.home / "sandbox" / (re.sub(r"[^a-z0-9]+", "-", play.lower()) or "own")
        self.sandbox = demo_sandbox(self.folder, recipe).start()
        # The sandbox lifts the vendors' limits, so that the demo shows the work and not the waiting.
        house.pace_off = True
        allowed = house.settings.private_hosts | {f"127.0.0.1:{self.sandbox.port}"}
        house.settings = msgspec.structs.replace(house.settings, private_hosts=allowed)
        self.org = self._organisation()
        self.shop = self._connection(recipe.shop)
        self.file = self._connection(recipe.file)
        self.targets = [self._connection(target) for target in recipe.targets]
        self._door = _Door(house)
        self.callback = f"http://127.0.0.1:{self._door.port}/hooks/{self.shop.door}"

    def close(self) -> None:
        """Stop the door and the sandbox."""
        self._door.stop()
        self.sandbox.stop()

    def control(self, name: str, action: str, **arguments: Any) -> Any:
        """Act as the merchant, or as the bookkeeper over there."""
        return self.sandbox.stand_in(name).control.call(action, **arguments)

    async def set_up(self) -> None:
        """Connect the targets: read their charts, map accounts, choose modes. Safe to repeat."""
        for recipe, target in zip(self.recipe.targets, self.targets, strict=True):
            session = self.house.session(target)
            chart = await registry.verb(target.slug, "chart")(session)
            with self.house.database.transaction() as conn:
                charts.store_chart(conn, self.org.org_id, target.connection_id, chart, self.house.clock())
                self._map(conn, target, recipe, {account.code: account.id for account in chart.accounts})

    async def subscribe(self) -> None:
        """Ask the shop for webhooks at our door."""
        await self.house.subscribed(self.shop, self.house.session(self.shop), self.callback)

    def _organisation(self) -> Organisation:
        wanted = self.recipe.organisation
        with self.house.database.transaction() as conn:
            with suppress(Refused):
                return organisations.organisation(conn, self._name)
            made = organisations.create(conn, self._name, base_currency=wanted["currency"], country=wanted["country"],
                                        zone=wanted["zone"], now=self.house.clock(), by="demo")
            set_recognition(conn, made.org_id, "", "sale", ALWAYS, self.house.clock())
            flow.decide_mapping(conn, made.org_id, [default_role(conn, made.org_id, role) for role in self.recipe.roles["names"]],
                                by="demo", reason="the shop's processors", now=self.house.clock())
            return made

    def _connection(self, recipe: dict[str, Any]) -> Connection:
        settings, name = dict(recipe["settings"]), str(recipe["name"])
        if name in self.sandbox.names():
            settings["base_url"] = self.sandbox.url(name)
        with self.house.database.transaction() as conn:
            try:
                found = connections.connection(conn, self.org.org_id, name)
                return connections.change_settings(conn, self.org.org_id, found, settings)
            except Refused:
                return self._connect(conn, recipe, settings)

    def _connect(self, conn: Conn, recipe: dict[str, Any], settings: dict[str, Any]) -> Connection:
        now, name = self.house.clock(), str(recipe["name"])
        granted = self.control(name, "grant") if "tenant" in recipe else {}
        tenant = str(granted.get(recipe.get("tenant", ""), settings.get("shop", "")))
        made = connections.add(conn, self.org.org_id, recipe["slug"], name, settings=settings, tenant=tenant,
                               start_date=self._start, now=now)
        for secret, value in recipe.get("secrets", {}).items():
            put_secret(conn, self.org.org_id, self.house.vault, made.connection_id, secret, value, now)
        if granted:
            tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=now)
            grants.store(conn, self.org.org_id, self.house.vault, made.connection_id, tokens)
        if "mode" in recipe:
            set_posting_mode(conn, self.org.org_id, made.connection_id, recipe["mode"], ALWAYS, now)
        return made

    def _map(self, conn: Conn, target: Connection, recipe: dict[str, Any], remote: dict[str, str]) -> None:
        if charts.target_rules(conn, self.org.org_id, target.connection_id):
            return
        ours = books_mapping(conn, self.org.org_id).at(date.max)
        decided = {ours.find(role, "", "", "", "", ""): remote[code] for role, code in recipe["accounts"].items()}
        scope = str(target.connection_id)
        decisions = [Decision(scope=scope, kind="account", key=str(key), value=value) for key, value in decided.items()]
        decisions += [Decision(scope=scope, kind="tax_code", key=key, value=value) for key, value in recipe["tax_codes"].items()]
        flow.decide_mapping(
            conn, self.org.org_id, decisions,
            by="demo", reason=f"accounts at {target.name}", now=self.house.clock(),
        )


class _Door:
    """The webhook door on a free port of the loopback address, in a thread."""

    def __init__(self, house: House) -> None:
        self._door = WebhookDoor(house.doors(), house.committer(), house.clock)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(self._door, log_config=None, access_log=False, ws="none", lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])), daemon=True, name="door")
        self._thread.start()

    def stop(self) -> None:
        """Stop taking in; what was acknowledged is stored."""
        self._server.should_exit = True
        self._thread.join(10)


def demo_sandbox(folder: Path, recipe: Recipe) -> SandboxServer:
    """The stand-ins, with what they had accepted before, on the port that they had before if it is free."""
    folder.mkdir(parents=True, exist_ok=True)
    remembered = folder / "port"
    port = int(remembered.read_text()) if remembered.exists() else 0
    parts = [recipe.shop, *recipe.targets]
    wanted = {
        "slugs": [f"{part['slug']}:{part['name']}" for part in parts],
        "settings": {str(part["name"]): part.get("stand_in", {}) for part in parts},
        "data_dir": folder,
    }
    try:
        sandbox = SandboxServer(port=port, **wanted)  # type: ignore[arg-type]
    except OSError:
        sandbox = SandboxServer(port=0, **wanted)  # type: ignore[arg-type]
    remembered.write_text(str(sandbox.port))
    return sandbox
