"""Scenario A: several companies, and an administrator who may write anything into the database."""

from __future__ import annotations

import psycopg
import pytest

from leja.closing.verify import verify
from leja.database.engine import Urls
from leja.delivery.record import resume
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, Scene

# What is done, and to which stored thing.
TAMPERINGS = {
    "a figure is changed": "UPDATE line SET amount = amount + 1, base = base + 1 WHERE org_id = %(org)s AND entry_number = 2",
    "an account is changed": "UPDATE line SET account = '9999' WHERE org_id = %(org)s AND entry_number = 2 AND role = 'sales'",
    "a date is changed": "UPDATE entry SET posting_date = posting_date - 1 WHERE org_id = %(org)s AND number = 2",
    "a tax point is changed": "UPDATE line SET return_period = '2026-01' WHERE org_id = %(org)s AND entry_number = 2 AND role = 'output_tax'",
    "a payload is changed": "UPDATE event_body SET body = 'x'::bytea || body WHERE org_id = %(org)s AND event_id = (SELECT event_id FROM event_body WHERE org_id = %(org)s ORDER BY event_id LIMIT 1)",
    "a revision's facts are changed": "UPDATE document_revision SET facts = replace(facts, '120', '121') WHERE org_id = %(org)s",
    "a mapping is changed": "UPDATE mapping_rule SET value = '9999' WHERE org_id = %(org)s AND scope = 'books' AND key = 'sales'",
    "a line is removed": "DELETE FROM line WHERE org_id = %(org)s AND entry_number = 3",
    "a link is removed": "DELETE FROM chain WHERE org_id = %(org)s AND position = (SELECT max(position) / 2 FROM chain WHERE org_id = %(org)s)",
    "links change places": "UPDATE chain SET position = CASE position WHEN 4 THEN -5 ELSE -4 END WHERE org_id = %(org)s AND position IN (4, 5);"
                           "UPDATE chain SET position = -position WHERE org_id = %(org)s AND position < 0",
    "a line is inserted": "INSERT INTO line SELECT * FROM line WHERE false; UPDATE line SET memo = 'more' WHERE org_id = %(org)s AND entry_number = 1",
    "an attempt is changed": "UPDATE attempt SET draft = draft || ' ' WHERE org_id = %(org)s",
}


@pytest.fixture
def scene(stage: Setting) -> Scene:
    made = stage()
    for number in range(4):
        order = made.sell("100", webhooks="lost")
        if number == 1:
            made.clock.advance(60)
            made.refund(order, lines=[], amount="12.00", webhooks="lost")
    made.settle()
    made.assert_settled()
    return made


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_what_was_tampered_with_is_named(scene: Scene, urls: Urls, what: str) -> None:
    """Given ... an administrator with database access, when any stored figure, date, payload or mapping is changed, removed,
    inserted or reordered, then the verifier run from a copy names the first bad record."""
    with psycopg.connect(urls.owner) as copy:
        assert verify(copy, scene.org.org_id, []).ok
        tables = ("line", "entry", "event_body", "event", "document_revision", "mapping_rule", "chain", "attempt")
        for table in tables:
            copy.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        for statement in TAMPERINGS[what].split(";"):
            copy.execute(statement.encode(), {"org": scene.org.org_id})
        found = verify(copy, scene.org.org_id, [])
        assert not found.ok, what
        assert found.first_bad is not None
        assert found.first_bad.sentence or found.first_bad.subject
        copy.rollback()
        assert verify(copy, scene.org.org_id, []).ok


def test_a_reconciling_and_annotating_stay_possible(scene: Scene, urls: Urls) -> None:
    """... while reconciling and annotating stay possible."""
    receipt = scene.remote(BY_SALE, "SalesReceipt")[0]
    scene.control(BY_SALE, "alter", kind="SalesReceipt", id=receipt["id"], amount="90.00")
    found = scene.agreement(BY_SALE)
    assert [difference.kind for difference in found.differences if not difference.known]
    with scene.database.transaction() as conn:
        resume(conn, scene.org.org_id, scene.targets[BY_DAY].connection_id, "ada", scene.clock())
    with psycopg.connect(urls.owner) as copy:
        assert verify(copy, scene.org.org_id, []).ok
