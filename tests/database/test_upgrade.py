"""A database of an earlier release, with rows in it, comes to the newest schema and is guarded as a new one is."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from leja.books.chain import GENESIS
from leja.closing.verify import verify
from leja.database.embedded import EmbeddedPostgres
from leja.database.engine import Connection, Database, Urls
from leja.database.ledger import Ledger
from leja.database.migrate import HERE, SQL, migrate
from tests.books.builder import NOW, Books, books, happened, post, sale

BEFORE = "0010"  # the last schema whose references were foreign keys
_names = itertools.count(1)


def _brought_to(owner_url: str, revision: str) -> None:
    """The schema as it was, with the rights that it gave."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["owner_url"] = owner_url
    command.upgrade(config, revision)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute((SQL / "9000_post_row_security.sql").read_text().encode())


@pytest.fixture
def old(cluster: EmbeddedPostgres) -> Iterator[Urls]:
    """Addresses of a database that stands at ``BEFORE``."""
    name = f"old_{os.getpid()}_{next(_names)}"
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER leja_owner TEMPLATE template0".encode())
    urls = Urls(**{role: cluster.url(f"leja_{role}", name) for role in ("owner", "app", "web")})
    _brought_to(urls.owner, BEFORE)
    yield urls
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def _post_as_before(conn: Connection, org: Books) -> None:
    """Three entries, by COPY as the release wrote them: there were no functions to call."""
    thing = happened(conn, org)
    conn.execute("INSERT INTO head (org_id) VALUES (%s)", (org.org_id,))
    ledger = Ledger(conn, org.org_id, 0, 0, GENESIS, {})
    ledger.note("event", str(thing.event_id), thing.event_digest)
    ledger.note("revision", f"{thing.document_id}/1", thing.revision_digest)
    ledger.post(thing.document_id, 1, [sale(), sale(2000), sale(2500)])
    ledger.flush(NOW)


def _schema(url: str) -> tuple[list[tuple[object, ...]], ...]:
    """Triggers, constraints and functions, as far as two databases can be compared by them."""
    with psycopg.connect(url) as connection:
        return (
            connection.execute(
                "SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
            ).fetchall(),
            connection.execute(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2").fetchall(),
            connection.execute(
                "SELECT proname, prosrc, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2").fetchall(),
        )


def test_books_of_the_release_before_go_on_and_are_guarded(old: Urls, urls: Urls) -> None:
    database = Database(old)
    with database.transaction() as conn:
        org = books(conn)
        _post_as_before(conn, org)
        conn.execute("INSERT INTO outbox SELECT org_id, %s, number, 'g', 'f', 'live', recorded_at FROM entry", (org.target,))
    migrate(old.owner)
    assert _schema(old.owner) == _schema(urls.owner)
    with database.transaction() as conn:
        assert post(conn, org, [sale(3000)]) == [4]
        assert verify(conn, org.org_id, []).ok
    for statement in ("DELETE FROM document", "DELETE FROM connection", "UPDATE outbox SET entry_number = 99"):
        with pytest.raises(psycopg.errors.RestrictViolation), database.transaction() as conn:
            conn.execute(statement.encode())
    with pytest.raises(psycopg.errors.ForeignKeyViolation), database.transaction() as conn:
        conn.execute("INSERT INTO outbox SELECT org_id, connection_id, 99, group_key, family, lane, due_at FROM outbox LIMIT 1")
    database.close()
