"""Somebody edits an accepted document over there: the agreement names connection, account, day and both amounts."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest

from leja import flow
from leja.access import connections, grants
from leja.access.mapping import Decision
from leja.access.vault import Vault
from leja.bookkeeping.batch import Bookkeeper
from leja.cli.demo_stage import Recipe
from leja.core.clock import system_clock
from leja.database.rules import books_mapping, set_posting_mode
from leja.delivery import charts
from leja.house import House, Settings
from leja.http.oauth import Tokens
from leja.reconcile.agreement import agreement
from leja.reconcile.read_back import read_back
from leja_sandbox.server import SandboxServer
from tests.bookkeeping.shop import DAY, NOW, Shop, sale

SINCE, UNTIL, START = date(2026, 1, 1), date(2026, 12, 31), date(2026, 1, 1)
SALES = {"s1": "100.00", "s2": "50.00", "s3": "25.00"}


@pytest.fixture
def house(database, tmp_path):
    opened = House(Settings(home=tmp_path), database, Vault.open_file(tmp_path / "vault.key"), system_clock)
    opened.pace_off = True
    return opened


@pytest.fixture
def stood(house, database, tmp_path):
    """stood(slug): three sales of a shop, recorded and told to a stand-in of that platform."""
    servers = []

    def stand(slug):
        recipe = next(one for one in Recipe.read().targets if one["slug"] == slug)
        name = str(recipe["name"])
        server = SandboxServer(slugs=[f"{slug}:{name}"], settings={name: recipe["stand_in"]}).start()
        servers.append(server)
        allowed = frozenset({f"127.0.0.1:{server.port}"})
        house.settings = Settings(home=tmp_path, private_hosts=allowed)
        shop = Shop(database, start_date=START)
        target = _connect(house, shop, server, recipe)
        shop.bookkeeper = Bookkeeper(database, shop.org_id, "GBP", lambda *_: shop.source, house.enqueue)
        for number, net in SALES.items():
            shop.arrive(sale(number, net=net, tax=str(Decimal(net) / 5)))
        shop.record()
        told = with_target(house, target, lambda opened: flow.deliver(database, opened, "me", system_clock))
        assert told is not None
        assert told.unclear == told.refused == 0
        return target, server.stand_in(name).control.call

    yield stand
    for server in servers:
        server.stop()


def with_target(house, target, action):
    """What an action with the opened target comes to; its calls are closed with it."""
    async def run():
        opened = house.target(target)
        try:
            return await action(opened)
        finally:
            await opened.session.http.close()

    return asyncio.run(run())


def _connect(house, shop, server, recipe):
    name = str(recipe["name"])
    granted = server.stand_in(name).control.call("grant")
    with house.database.transaction() as conn:
        made = connections.add(
            conn, shop.org_id, recipe["slug"], name, settings={**recipe["settings"], "base_url": server.url(name)},
            tenant=granted[recipe["tenant"]], start_date=START, now=NOW)
        tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=system_clock())
        grants.store(conn, shop.org_id, house.vault, made.connection_id, tokens)
        set_posting_mode(conn, shop.org_id, made.connection_id, "each", START, NOW)
    chart = with_target(house, made, lambda opened: opened.verbs.chart(opened.session))
    with house.database.transaction() as conn:
        charts.store_chart(conn, shop.org_id, made.connection_id, chart, system_clock())
        ours, remote = books_mapping(conn, shop.org_id).at(date.max), {one.code: one.id for one in chart.accounts}
        wanted = {ours.find(role, "", "", "", "", ""): remote[code] for role, code in recipe["accounts"].items()}
        scope = str(made.connection_id)
        decisions = [Decision(scope=scope, kind="account", key=k, value=v) for k, v in wanted.items() if k]
        decisions.append(Decision(scope=scope, kind="tax_code", key="VAT 20%", value=recipe["tax_codes"]["VAT"]))
        flow.decide_mapping(conn, shop.org_id, decisions, by="me", reason="test", now=system_clock())
    return made


def compared(house, target):
    async def read(opened):
        await read_back(house.database, target.org_id, target.connection_id, opened.verbs, opened.session,
                        system_clock(), SINCE, UNTIL)
        return await opened.verbs.balances(opened.session, SINCE, UNTIL)

    balances = with_target(house, target, read)
    with house.database.transaction() as conn:
        return agreement(conn, target.org_id, target.connection_id, SINCE, UNTIL, balances)


@pytest.mark.parametrize(
    ("slug", "kind", "sales", "ours"),
    [("quickbooks", "SalesReceipt", "4000", -17500), ("xero", "Invoices", "200", -17500)],
)
def test_an_altered_amount_is_named_with_connection_account_day_and_both_amounts(house, stood, slug, kind, sales, ours):
    target, control = stood(slug)
    assert compared(house, target).agree
    bodies = [control("document", kind=kind, id=one["id"]) for one in control("documents", kind=kind)]
    assert len(bodies) == len(SALES)
    picked = next(body for body in bodies if any(abs(p["minor"]) == 5000 for p in body["postings"]))
    control("alter", kind=kind, id=picked["id"], amount="49.00", line=0)
    found = compared(house, target)
    assert not found.agree
    assert found.connection == slug
    with house.database.transaction() as conn:
        chart = charts.stored_chart(conn, target.org_id, target.connection_id)[0]
    account = next(one.id for one in chart.accounts if one.code == sales)
    wrong = {(d.account, d.day): (d.ours, d.theirs, d.currency) for d in found.differences}
    assert wrong[account, DAY] == (ours, ours + 100, "GBP")
    assert {day for _, day in wrong} == {DAY}


@pytest.mark.parametrize(("slug", "kind"), [("quickbooks", "SalesReceipt"), ("xero", "Invoices")])
def test_a_document_moved_to_another_day_is_named_on_both_days(house, stood, slug, kind):
    target, control = stood(slug)
    later = DAY + timedelta(days=1)
    control("alter", kind=kind, id=control("documents", kind=kind)[0]["id"], day=later.isoformat())
    found = compared(house, target)
    assert not found.agree
    assert {d.day for d in found.differences} >= {DAY, later}
