"""The ground that every part stands on: a Leja of its own on an embedded database, fsync on, with a shop and a target."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

import msgspec
import psycopg

from leja import flow
from leja.access import connections, organisations
from leja.access.connection_secrets import put_secret
from leja.access.connections import Connection
from leja.access.mapping import default_role
from leja.access.organisations import Organisation
from leja.database.embedded import EmbeddedPostgres
from leja.database.engine import Connection as Conn
from leja.database.rules import set_posting_mode, set_recognition
from leja.house import House, Settings

ALWAYS = date(1970, 1, 1)
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SHOP = "leja-sandbox.myshopify.com"
SIGNED_WITH = "shpss_sandbox"


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation with a shop and an accounting target that is told of every document."""

    org: Organisation
    shop: Connection
    target: Connection


@contextmanager
def opened() -> Iterator[House]:
    """A Leja that lives as long as the block; its clock stands still, its database writes as in earnest."""
    home = Path(tempfile.mkdtemp(prefix="leja-bench-"))
    home.chmod(0o755)
    house = House.open(Settings(home=home), clock=lambda: NOW)
    try:
        yield house
    finally:
        house.close()
        EmbeddedPostgres(home).stop(even_if_used=True)
        shutil.rmtree(home, ignore_errors=True)


def trade(house: House, name: str) -> Trade:
    """An organisation that is ready to record what its shop sells."""
    with house.database.transaction() as conn:
        org = organisations.create(conn, name, base_currency="GBP", country="GB", zone="Europe/London", now=NOW, by="bench")
        set_recognition(conn, org.org_id, "", "sale", ALWAYS, NOW)
        role = default_role(conn, org.org_id, "clearing:shopify_payments")
        flow.decide_mapping(conn, org.org_id, [role], by="bench", reason="the shop's processor", now=NOW)
        shop = connections.add(
            conn, org.org_id, "shopify", "shop", settings={"shop": SHOP, "client_id": "sandbox-client"}, tenant=SHOP,
            start_date=date(2026, 1, 1), now=NOW)
        put_secret(conn, org.org_id, house.vault, shop.connection_id, "webhook_secret", SIGNED_WITH, NOW)
        target = connections.add(
            conn, org.org_id, "quickbooks", "target", settings={"client_id": "sandbox-client"}, start_date=date(2026, 1, 1),
            now=NOW)
        set_posting_mode(conn, org.org_id, target.connection_id, "each", ALWAYS, NOW)
    return Trade(org=org, shop=shop, target=target)


def owner(house: House) -> psycopg.Connection[tuple[object, ...]]:
    """A connection with the owner's rights, for tables of the benchmark's own and for VACUUM."""
    return psycopg.connect(house.database.urls.owner, autocommit=True)


def settle(house: House) -> None:
    """Let the database finish what earlier steps left: statistics, then a checkpoint."""
    with psycopg.connect(EmbeddedPostgres(house.settings.home).url("postgres"), autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE")
        conn.execute("CHECKPOINT")


def number(conn: Conn, query: str, *given: object) -> int:
    """The one number that a query answers with."""
    row = conn.execute(query.encode(), given).fetchone()
    return int(str(row[0])) if row else 0


class Stopwatch:
    """``with Stopwatch() as watch: ...; watch.seconds``"""

    seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._begun = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = perf_counter() - self._begun
