"""Deliveries, mappings and parties are in the chain too; what may be erased is erased without breaking it."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest

from leja.books import chain
from leja.closing.verify import verify
from leja.database.engine import Connection, Database
from leja.database.ledger import Ledger
from tests.books.builder import NOW, Books, books, happened

DRAFT = '{"body":"name and address"}'


def delivered(conn: Connection, org: Books, ledger: Ledger) -> UUID:
    """A deliverable with one attempt and its outcome."""
    deliverable_id, attempt_id, salt = uuid4(), uuid4(), b"salt"
    digest = chain.event_digest(salt, DRAFT.encode())
    conn.execute(
        "INSERT INTO deliverable (org_id, deliverable_id, connection_id, group_key, part, kind, reference, family,"
        " lane, date, bundle, state, not_before, created_at)"
        " VALUES (%s, %s, %s, 'g', 1, 'sale', 'ref', 'f', 'live', '2026-05-03', '{}', 'done', %s, %s)",
        (org.org_id, deliverable_id, org.target, NOW, NOW),
    )
    conn.execute(
        "INSERT INTO frozen_draft (org_id, deliverable_id, step, plan, salt, draft)"
        " VALUES (%s, %s, 'invoice', 1, %s, %s)",
        (org.org_id, deliverable_id, salt, DRAFT),
    )
    row = (org.org_id, attempt_id, org.target, deliverable_id, "invoice", 1, 1, "ref", "{}", digest, 1, NOW, NOW)
    conn.execute(f"INSERT INTO attempt VALUES ({', '.join(['%s'] * len(row))})".encode(), row)
    conn.execute("INSERT INTO outcome VALUES (%s, %s, 1, 'accepted', '{}', %s)", (org.org_id, attempt_id, NOW))
    ledger.note("attempt", str(attempt_id), chain.attempt_digest(*row))
    ledger.note("outcome", f"{attempt_id}/1", chain.outcome_digest(org.org_id, attempt_id, 1, "accepted", "{}", NOW))
    return attempt_id


def mapped(conn: Connection, org: Books, ledger: Ledger) -> None:
    """A mapping version with one rule."""
    day = date(2026, 1, 1)
    conn.execute("INSERT INTO mapping_version VALUES (%s, 1, %s, 'first', 'ann', %s)", (org.org_id, day, NOW))
    conn.execute(
        "INSERT INTO mapping_rule VALUES (%s, 1, 'books', 'role', 'sales', %s::jsonb, '4000', 1)",
        (org.org_id, '{"channel": "web", "sku": "x"}'),
    )
    rules = [(1, "books", "role", "sales", {"sku": "x", "channel": "web"}, "4000")]
    ledger.note("mapping", "1", chain.mapping_digest(org.org_id, 1, day, "first", "ann", NOW, rules))


def with_party(conn: Connection, org: Books, ledger: Ledger) -> None:
    """A second revision of a document, with a customer."""
    thing, party_id, data = happened(conn, org), uuid4(), '{"name":"Amina"}'
    digest = chain.party_digest(b"salt", data)
    conn.execute(
        "INSERT INTO party (org_id, party_id, connection_id, external_id, salt, data, digest)"
        " VALUES (%s, %s, %s, 'c1', 'salt', %s, %s)",
        (org.org_id, party_id, org.shop, data, digest),
    )
    conn.execute(
        "INSERT INTO document_revision SELECT org_id, document_id, 2, '2', digest, event_id, occurred_at,"
        " offset_minutes, business_day, number, currency, facts, %s, %s, true, '{late}', recorded_at"
        " FROM document_revision"
        " WHERE org_id = %s AND document_id = %s",
        (party_id, digest, org.org_id, thing.document_id),
    )
    row = conn.execute(
        "SELECT r.document_id, revision, connection_id, kind, external_id, version, digest, event_id, occurred_at,"
        " offset_minutes, business_day, number, currency, facts, party_id, party_digest, withdrawn, flags, recorded_at"
        " FROM document_revision r JOIN document USING (org_id, document_id) WHERE r.org_id = %s AND revision = 2",
        (org.org_id,),
    ).fetchone()
    assert row is not None
    ledger.note("event", str(thing.event_id), thing.event_digest)
    ledger.note("revision", f"{thing.document_id}/1", thing.revision_digest)
    ledger.note("revision", f"{thing.document_id}/2", chain.revision_digest(org.org_id, *row))  # type: ignore[arg-type]


@pytest.fixture
def org_id(database: Database, owner_connection: Connection) -> UUID:
    with database.transaction() as conn:
        org = books(conn)
        ledger = Ledger.open(conn, org.org_id)
        delivered(conn, org, ledger)
        mapped(conn, org, ledger)
        with_party(conn, org, ledger)
        ledger.flush(NOW)
        assert verify(conn, org.org_id).bad == ()
    for table in ("attempt", "outcome", "mapping_version", "mapping_rule", "chain"):
        owner_connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    return org.org_id


@pytest.mark.parametrize(
    ("statement", "tampering", "kind"),
    [
        ("UPDATE attempt SET reference = 'other'", "changed", "attempt"),
        ("UPDATE frozen_draft SET draft = 'other'", "changed", "attempt"),
        ("DELETE FROM frozen_draft", "changed", "attempt"),
        ("UPDATE outcome SET detail = 'other'", "changed", "outcome"),
        ("DELETE FROM outcome", "deleted", "outcome"),
        ("INSERT INTO outcome SELECT org_id, attempt_id, 2, kind, detail, at FROM outcome", "inserted", "outcome"),
        ("UPDATE mapping_rule SET value = '4010'", "changed", "mapping"),
        ("DELETE FROM mapping_rule", "changed", "mapping"),
        ("INSERT INTO mapping_version SELECT org_id, 2, effective_from, '', 'x', recorded_at FROM mapping_version",
         "inserted", "mapping"),
        ("UPDATE party SET data = '{}'", "changed", "revision"),
        ("UPDATE party SET data = NULL", "changed", "revision"),
    ],
)  # fmt: skip
def test_tampering_is_named(
    owner_connection: Connection, org_id: UUID, statement: str, tampering: str, kind: str
) -> None:
    owner_connection.execute(statement.encode())
    bad = verify(owner_connection, org_id).first_bad
    assert bad is not None
    assert (bad.tampering, bad.kind) == (tampering, kind)


def test_erased_on_record_it_still_verifies(owner_connection: Connection, org_id: UUID) -> None:
    for table, content in (("party", "data"), ("frozen_draft", "draft"), ("event_body", "body")):
        owner_connection.execute(f"UPDATE {table} SET {content} = NULL, salt = NULL, erased_at = now()".encode())
    assert verify(owner_connection, org_id).ok
