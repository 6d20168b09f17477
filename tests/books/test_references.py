"""What a row refers to is there, and stays: for the application and for the owner, in both directions."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from leja.database.engine import Connection, Database, Urls
from tests.books.builder import Books, books, post, sale

# How a row comes in that refers to what is not there; each is a copy of a good row with another reference.
NOWHERE = {
    "event of no connection": "INSERT INTO event SELECT org_id, gen_random_uuid(), gen_random_uuid(), 'k', topic, origin, parent, headers,"
                              " digest, received_at FROM event LIMIT 1",
    "event of another organisation's connection": "INSERT INTO event SELECT %(other)s, gen_random_uuid(), connection_id, 'k', topic,"
                                                  " origin, parent, headers, digest, received_at FROM event LIMIT 1",
    "body of no event": "INSERT INTO event_body SELECT org_id, gen_random_uuid(), salt, body FROM event_body LIMIT 1",
    "state of no event": "INSERT INTO event_state (org_id, event_id, connection_id, at) SELECT org_id, gen_random_uuid(), connection_id, at"
                         " FROM event_state LIMIT 1",
    "document of no connection": "INSERT INTO document SELECT org_id, gen_random_uuid(), gen_random_uuid(), kind, 'x' FROM document LIMIT 1",
    "party of no connection": "INSERT INTO party (org_id, party_id, connection_id, external_id, digest) SELECT org_id, gen_random_uuid(),"
                              " gen_random_uuid(), 'x', ''::bytea FROM document LIMIT 1",
    "revision of no document": "INSERT INTO document_revision SELECT (r).* FROM (SELECT jsonb_populate_record(d, jsonb_build_object("
                               "'document_id', gen_random_uuid())) AS r FROM document_revision d LIMIT 1) AS made",
    "revision of no event": "INSERT INTO document_revision SELECT (r).* FROM (SELECT jsonb_populate_record(d, jsonb_build_object("
                            "'revision', 2, 'event_id', gen_random_uuid())) AS r FROM document_revision d LIMIT 1) AS made",
    "link of no document": "INSERT INTO document_link SELECT org_id, gen_random_uuid(), 'refund_of', connection_id, 'sale', 'x'"
                           " FROM document LIMIT 1",
    "entry of no revision": "INSERT INTO entry SELECT (r).* FROM (SELECT jsonb_populate_record(e, jsonb_build_object("
                            "'number', 3, 'revision', 9)) AS r FROM entry e LIMIT 1) AS made",
    "outbox of no connection": "INSERT INTO outbox SELECT org_id, gen_random_uuid(), number, 'g', 'f', 'live', recorded_at FROM entry LIMIT 1",
    "outbox of no entry": "INSERT INTO outbox SELECT org_id, %(target)s, 99, 'g', 'f', 'live', recorded_at FROM entry LIMIT 1",
    "head of no organisation": "INSERT INTO head (org_id) VALUES (gen_random_uuid())",
}
# How what is referred to would go, or become another, and how a reference would be bent afterwards.
GONE = {
    "connection": ("DELETE FROM connection", "UPDATE connection SET connection_id = gen_random_uuid()", "TRUNCATE connection CASCADE"),
    "event": ("DELETE FROM event", "UPDATE event SET event_id = gen_random_uuid()", "TRUNCATE event CASCADE"),
    "document": ("DELETE FROM document", "UPDATE document SET document_id = gen_random_uuid()", "TRUNCATE document CASCADE"),
    "revision": ("DELETE FROM document_revision", "UPDATE document_revision SET revision = 9", "TRUNCATE document_revision CASCADE"),
    "entry": ("DELETE FROM entry", "UPDATE entry SET number = 9", "TRUNCATE entry CASCADE"),
    "organisation": ("DELETE FROM org", "UPDATE org SET org_id = gen_random_uuid()", "TRUNCATE org CASCADE"),
    "what refers": (
        "UPDATE event_state SET event_id = gen_random_uuid()", "UPDATE event_body SET event_id = gen_random_uuid()",
        "UPDATE document SET connection_id = gen_random_uuid()", "UPDATE party SET connection_id = gen_random_uuid()",
        "UPDATE outbox SET entry_number = 99", "UPDATE outbox SET connection_id = gen_random_uuid()"),
}
REFUSED = (psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)


@pytest.fixture
def org(database: Database) -> Books:
    with database.transaction() as conn:
        made = books(conn)
        post(conn, made, [sale(), sale()])
        conn.execute(
            "INSERT INTO outbox SELECT org_id, %s, number, 'g', 'f', 'live', recorded_at FROM entry", (made.target,))
    return made


def _refused(conn: Connection, statement: str, org: Books, *errors: type[psycopg.Error]) -> None:
    with pytest.raises(errors) as refusal:
        conn.execute(statement.encode(), {"other": uuid4(), "target": org.target} if "%(" in statement else None)
    assert str(refusal.value).strip()


@pytest.mark.parametrize("what", NOWHERE)
@pytest.mark.parametrize("role", ["app", "owner"])
def test_no_row_refers_to_what_is_not_there(org: Books, urls: Urls, role: str, what: str) -> None:
    with psycopg.connect(getattr(urls, role), autocommit=True) as conn:
        _refused(conn, NOWHERE[what], org, psycopg.errors.ForeignKeyViolation)


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("statement", [each for group in GONE.values() for each in group])
def test_what_is_referred_to_stays_and_stays_referred_to(org: Books, urls: Urls, role: str, statement: str) -> None:
    with psycopg.connect(getattr(urls, role), autocommit=True) as conn:
        _refused(conn, statement, org, *REFUSED)


def test_what_is_written_in_the_same_statement_is_there(org: Books, database: Database) -> None:
    """An event, its body and its state come as one statement: the questions are asked at its end."""
    with database.transaction() as conn:
        conn.execute(
            "WITH e AS (INSERT INTO event SELECT org_id, gen_random_uuid(), connection_id, 'k', topic, origin, parent, headers, digest,"
            " received_at FROM event LIMIT 1 RETURNING org_id, event_id, connection_id, received_at),"
            " b AS (INSERT INTO event_body (org_id, event_id) SELECT org_id, event_id FROM e)"
            " INSERT INTO event_state (org_id, event_id, connection_id, at) SELECT org_id, event_id, connection_id, received_at FROM e")


def test_the_guards_of_references_fire_always(owner_connection: Connection) -> None:
    rows = owner_connection.execute(
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
        " AND (tgname LIKE 'has\\_%' OR tgname LIKE '%\\_stays%')").fetchall()
    assert len(rows) > 15
    assert {row[2] for row in rows} == {"A"}
