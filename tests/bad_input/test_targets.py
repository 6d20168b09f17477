"""Trouble at a target: an account gone, a token revoked, an address that leads elsewhere. Nothing is lost or told twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import msgspec
import pytest

from leja import flow
from leja.access import connections, grants
from leja.access.connections import Connection
from leja.access.vault import Vault
from leja.cli.demo_stage import Recipe, Stage
from leja.core.clock import system_clock
from leja.core.errors import Refused
from leja.database.engine import Database
from leja.database.review import ReviewItem, items
from leja.delivery import charts, record
from leja.delivery.send import Delivered
from leja.house import House, Settings
from leja.http.oauth import Tokens
from leja.operate.rebuild import check

from .front import explained, order, packed, signed


class Play:
    """The demo's stage with sales in the books."""

    def __init__(self, database: Database, home: Path) -> None:
        house = House(Settings(home=home), database, Vault.open_file(home / "vault.key"), system_clock)
        self.stage = Stage(house, Recipe.read(), date(2026, 1, 1))
        self.house, self.database = house, database
        asyncio.run(self.stage.set_up())

    def sell(self, *numbers: int) -> None:
        """Signed webhooks at the door's port, then booked."""
        for number in numbers:
            body = packed(order(number))
            headers = signed(body, "orders/create", f"w{number}")
            answer = httpx2.post(self.stage.callback, content=body, headers=headers, trust_env=False)
            assert answer.status_code == 200
        flow.record(self.house.bookkeeper(self.stage.org), system_clock)

    def target(self, name: str) -> Connection:
        """An accounting connection, as it stands now."""
        with self.database.transaction() as conn:
            return connections.connection(conn, self.stage.org.org_id, name)

    def deliver(self, name: str) -> Delivered:
        """Tell a target what is due."""
        target = self.house.target(self.target(name))

        async def run() -> Delivered | None:
            try:
                return await flow.deliver(self.database, target, self.house.holder, system_clock)
            finally:
                await target.session.http.close()

        done = asyncio.run(run())
        assert done is not None
        return done

    def items(self) -> list[ReviewItem]:
        """What a person must look at; each is explained."""
        with self.database.transaction() as conn:
            assert check(conn, self.stage.org.org_id) == []
            found = items(conn, self.stage.org.org_id)
        for item in found:
            explained(item.code)
        return found

    def told(self, name: str) -> list[str]:
        """The numbers of the documents over there that our API calls made."""
        return sorted(row["number"] for row in self.stage.control(name, "documents") if not row.get("gone"))

    def all_told(self, name: str, sales: int) -> None:
        """What waited is told now, once: the revenue over there is that of the sales, and nothing is left to tell."""
        assert self.deliver(name).accepted > 0
        assert self.deliver(name).sent == 0
        rows = self.stage.control(name, "books", origin="api")
        assert sum(row["minor"] for row in rows if row["name"] == "Sales of Product Income") == -100_000 * sales

    def move(self, name: str, base_url: str) -> None:
        """Point a connection at another address."""
        with self.database.transaction() as conn:
            found = connections.connection(conn, self.stage.org.org_id, name)
            connections.change_settings(conn, self.stage.org.org_id, found, {**found.settings, "base_url": base_url})


@pytest.fixture
def play(database: Database, tmp_path: Path) -> Iterator[Play]:
    made = Play(database, tmp_path)
    yield made
    made.stage.close()


@pytest.mark.parametrize("noticed_first", [True, False], ids=["seen in the chart", "told by the target"])
def test_an_account_that_was_deleted_over_there_parks_what_needs_it_and_goes_on_when_it_is_back(
    play: Play, noticed_first: bool
) -> None:
    play.sell(1, 2)
    play.stage.control("quickbooks", "deactivate", kind="Account", id="40")
    if noticed_first:
        with play.database.transaction() as conn:
            charts.outdate_chart(conn, play.stage.org.org_id, play.target("quickbooks").connection_id)
    play.deliver("quickbooks")
    assert play.told("quickbooks") == []
    found = play.items()
    assert {item.connection_id for item in found} == {play.target("quickbooks").connection_id}
    by_code = {item.code: item for item in found}
    if not noticed_first:
        # The first document runs into it; then the chart is read anew, and the next ones wait for the account.
        told = by_code.pop("delivery-mapping-refused")
        assert "inactive" in told.message
        assert "40 Sales of Product Income" in told.message
    assert set(by_code) == {"account-gone"}
    assert "account 4000" in by_code["account-gone"].message
    assert "deleted or inactive" in by_code["account-gone"].message
    assert all("over there" in item.remedy for item in found)
    assert play.deliver("xero").accepted > 0, "the other target is told all the same"
    play.stage.control("quickbooks", "deactivate", kind="Account", id="40", active=True)
    for item in found:
        with play.database.transaction() as conn:
            flow.retry(conn, play.stage.org.org_id, item, by="owner", now=system_clock())
    play.all_told("quickbooks", 2)
    assert play.items() == []


def test_a_revoked_token_pauses_its_target_alone_until_the_owner_logs_in_again(play: Play) -> None:
    play.sell(1, 2)
    play.stage.control("quickbooks", "revoke_tokens")
    assert play.deliver("quickbooks").paused
    assert play.deliver("quickbooks").paused, "and stays so"
    assert play.told("quickbooks") == []
    (item,) = [item for item in play.items() if item.code == "connection-needs-consent"]
    assert "no longer accepts our login" in item.message
    assert play.deliver("xero").accepted > 0
    granted, found = play.stage.control("quickbooks", "grant"), play.target("quickbooks")
    now = system_clock()
    with play.database.transaction() as conn:
        tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=now)
        grants.store(conn, found.org_id, play.house.vault, found.connection_id, tokens)
        record.resume(conn, found.org_id, found.connection_id, "owner", now)
    play.all_told("quickbooks", 2)


class Elsewhere:
    """A server that answers every call with a redirect, or, as its other host, writes down what it is told."""

    def __init__(self, status: int = 0, to: str = "") -> None:
        self.got: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                outer.got.append(f"{self.command} {self.path} {self.headers.get('authorization', '')}")
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(status or 200)
                if status:
                    self.send_header("location", to + self.path)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def refused(play: Play, name: str) -> LejaWords:
    """How a delivery ends that may not go where its address leads."""
    with pytest.raises(Refused) as caught:
        play.deliver(name)
    explained(caught.value.code)
    return caught.value.code, caught.value.message, caught.value.remedy


LejaWords = tuple[str, str, str]


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_is_not_followed(play: Play, status: int) -> None:
    play.sell(1)
    right = str(play.target("quickbooks").settings["base_url"])
    thief = Elsewhere()
    mover = Elsewhere(status, f"http://{thief.host}")
    allowed = play.house.settings.private_hosts | {mover.host, thief.host}
    play.house.settings = msgspec.structs.replace(play.house.settings, private_hosts=allowed)
    play.move("quickbooks", f"http://{mover.host}")
    code, message, remedy = refused(play, "quickbooks")
    assert code == "http-redirect"
    assert "redirects to 127.0.0.1" in message
    assert "credentials never follow" in message
    assert "address of the connection" in remedy
    assert mover.got
    assert thief.got == []
    assert play.deliver("xero").accepted > 0
    play.move("quickbooks", right)
    play.all_told("quickbooks", 1)
    for server in (mover, thief):
        server.close()


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("https://10.0.0.5", "address-private", ("10.0.0.5", "private")),
        ("https://169.254.169.254", "address-private", ("169.254.169.254", "private")),
        ("https://[::1]", "address-private", ("::1", "private")),
        ("https://localhost", "address-private", ("localhost", "private")),
        ("http://127.0.0.1:9", "address-scheme", ("127.0.0.1", "https")),
    ],
)
def test_an_address_inside_a_private_network_is_not_called(
    play: Play, address: str, code: str, words: tuple[str, ...]
) -> None:
    play.sell(1)
    right = str(play.target("quickbooks").settings["base_url"])
    play.move("quickbooks", address)
    said, message, remedy = refused(play, "quickbooks")
    assert said == code
    assert all(word in message for word in words), message
    assert "LEJA_ALLOW_PRIVATE_HOSTS" in remedy
    play.move("quickbooks", right)
    play.all_told("quickbooks", 1)
    assert play.items() == []


