"""Arrays in their binary form mean to PostgreSQL what the driver's own would."""

from __future__ import annotations

from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.database.arrays import Byteas, Texts, Uuids
from leja.database.engine import Database

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.uuids()), st.lists(WORDS), st.lists(st.binary()))
def test_what_goes_in_comes_out(database: Database, ids: list[UUID], words: list[str], bodies: list[bytes]) -> None:
    with database.transaction() as conn:
        found = conn.execute(
            "SELECT %b::uuid[], %b::text[], %b::bytea[]",
            (Uuids(ids), Texts(words, conn.info.encoding), Byteas(bodies)),
        ).fetchone()
    assert found == (ids, words, bodies)
