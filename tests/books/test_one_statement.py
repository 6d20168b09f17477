"""A handful of entries in one statement: stored as a batch is, with nobody's rights but the caller's, and guarded the same."""

from __future__ import annotations

import threading
from uuid import UUID

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.books import chain
from leja.books.entry import Entry
from leja.core.errors import Transient
from leja.database import ledger as writing
from leja.database.arrays import Byteas
from leja.database.direct import ask_at_the_beginning, call
from leja.database.engine import Connection, Database, Urls
from leja.database.ledger import Ledger
from tests.books.builder import NOW, Books, Happened, books, exchange, foreign_sale, happened, post, sale
from tests.books.test_guards import put_entry, put_lines
from tests.books.test_ledger import entries

TABLES = ("entry", "line", "balance_day", "balance_month", "chain", "head", "period")


def _stored(conn: Connection, org_id: UUID, thing: Happened, posted: list[Entry], few: int) -> dict[str, list[str]]:
    """What stands in the books afterwards, to the letter; then it is taken back."""
    usual, writing.FEW = writing.FEW, few  # type: ignore[misc]
    try:
        with conn.transaction(force_rollback=True):
            ledger = Ledger.open(conn, org_id)
            ledger.note("event", str(thing.event_id), thing.event_digest)
            ledger.post(thing.document_id, 1, posted)
            ledger.flush(NOW)
            ledger.note("revision", f"{thing.document_id}/1", thing.revision_digest)
            ledger.flush(NOW)
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
            return {
                table: [row[0] for row in conn.execute(f"SELECT t::text FROM {table} t WHERE org_id = %s ORDER BY 1".encode(), (org_id,))]
                for table in TABLES
            }
    finally:
        writing.FEW = usual  # type: ignore[misc]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(entries(), st.sampled_from([
    sale(), foreign_sale(10000, "JPY", 5230, "0.005230"), exchange(10000, "JPY", 5100, 5230)])), min_size=1, max_size=3))
def test_few_are_stored_as_many_are(database: Database, posted: list[Entry]) -> None:
    with database.transaction() as conn:
        org = books(conn)
        thing = happened(conn, org)
        post(conn, org, [sale(700)])
        one_by_one = _stored(conn, org.org_id, thing, posted, 100)
        assert one_by_one == _stored(conn, org.org_id, thing, posted, 0)
    assert len(one_by_one["entry"]) == len(posted) + 1


def test_requests_may_not_write_by_the_function(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
    for attempt in (f"SELECT open_books('{org.org_id}')", f"SELECT put_in_books('{org.org_id}', '[]', '{{}}', '[[1,\"period\",\"x\",\"\",\"\"]]')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction("web", orgs=[org.org_id]) as conn:
            conn.execute(attempt.encode())


def _written(conn: Connection, org: Books, thing: Happened, entry: Entry, *, lost_to: str = "") -> None:
    ledger = Ledger.open(conn, org.org_id)
    ledger.post(thing.document_id, 1, [entry])
    if lost_to:
        with psycopg.connect(lost_to, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
    ledger.flush(NOW)


def _lame(change: str) -> Entry:
    good = sale()
    first = good.lines[0]
    altered = {
        "balance": msgspec.structs.replace(first, amount=first.amount + 1, base=first.base + 1),
        "base": msgspec.structs.replace(first, base=first.base + 1),
        "currency": msgspec.structs.replace(first, currency="USD"),
        "account": msgspec.structs.replace(first, account="9999"),
    }[change]
    return msgspec.structs.replace(good, lines=(altered, *good.lines[1:]))


@pytest.mark.parametrize(("change", "held_by"), [
    ("balance", "entry_balances"), ("base", "entry_balances"), ("currency", "entry_balances"), ("account", "line_account")])
def test_what_is_wrong_is_refused_by_its_guard_and_leaves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: str, held_by: str
) -> None:
    monkeypatch.setattr(writing, "require_balanced", lambda entry: entry)
    with database.transaction() as conn:
        org = books(conn)
        thing = happened(conn, org)
    with pytest.raises(psycopg.errors.IntegrityError) as refusal, database.transaction() as conn:
        _written(conn, org, thing, _lame(change))
    assert refusal.value.diag.constraint_name == held_by
    with database.transaction() as conn:
        assert post(conn, org, [sale()]) == [1]


def test_who_waited_while_the_head_moved_is_judged_by_where_it_stands_then(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale()])
        thing = happened(conn, org)
        _, position, said, _, _ = str(ask_at_the_beginning(conn, f"SELECT open_books('{org.org_id}')")).split("|")
    at, digest = int(position) + 1, bytes(32)
    item = (at, "period", "late", digest.hex(), chain.link(bytes.fromhex(said), at, "period", "late", digest).hex())
    written: list[int] = []

    def late() -> None:
        with database.transaction() as conn:
            conn.execute("SELECT 1")
            call(conn, b"SELECT put_in_books($1, $2, $3, $4)", (org.org_id, "[]", Byteas([]), msgspec.json.encode([item]).decode()))
        written.append(at)

    with database.transaction() as conn:
        put_entry(conn, org, thing, 2)
        other = threading.Thread(target=late)
        other.start()
        other.join(0.3)
        assert written == []
        put_lines(conn, org, 2, 100, -100)
    other.join(10)
    with database.transaction() as conn:
        head = conn.execute("SELECT entry_number, chain_position FROM head WHERE org_id = %s", (org.org_id,)).fetchone()
    assert (written, head) == ([at], (2, at))


def test_a_server_that_is_gone_is_said_as_everywhere(database: Database, urls: Urls) -> None:
    with database.transaction() as conn:
        org = books(conn)
        thing = happened(conn, org)
    with pytest.raises(Transient, match="database-away"), database.transaction() as conn:
        _written(conn, org, thing, sale(), lost_to=urls.app)
    with database.transaction() as conn:
        assert post(conn, org, [sale()]) == [1]
