"""The inbox keeps what arrived, once."""

from __future__ import annotations

import random
import threading
from collections import Counter

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.connectors.contract import RawEvent
from leja.core.errors import Refused
from leja.database.engine import Database
from leja.database.review import items
from leja.intake.inbox import Arrival, Kept, Parking, keep, keep_group, keep_many

from .conftest import NOW, Place, make_place


def event(key: str, body: bytes = b"{}", **more: str) -> RawEvent:
    return RawEvent(key=key, topic="orders/create", body=body, headers=more)


def held(database: Database, place: Place) -> list[tuple[object, ...]]:
    with database.transaction() as conn:
        return conn.execute(
            "SELECT e.event_key, b.body, s.state FROM event e JOIN event_body b USING (org_id, event_id)"
            " JOIN event_state s USING (org_id, event_id) WHERE e.org_id = %s AND e.connection_id = %s ORDER BY s.seq",
            (place.org_id, place.connection_id),
        ).fetchall()


def put(database: Database, place: Place, *events: RawEvent) -> Kept:
    with database.transaction() as conn:
        return keep(conn, place.org_id, place.connection_id, events, NOW)


def test_events_are_kept_in_the_order_of_their_arrival(database: Database, place: Place) -> None:
    assert put(database, place, event("b", b"1"), event("a", b"2")) == Kept(2)
    assert held(database, place) == [("b", b"1", "new"), ("a", b"2", "new")]


def test_the_same_key_and_content_is_a_repetition(database: Database, place: Place) -> None:
    put(database, place, event("a", b"1"))
    assert put(database, place, event("a", b"1"), event("a", b"1"), event("b", b"1")) == Kept(1, 2)
    assert len(held(database, place)) == 2


def test_the_same_key_with_another_content_is_kept_parked_and_reviewed(database: Database, place: Place) -> None:
    put(database, place, event("a", b"1"))
    assert put(database, place, event("a", b"2"), event("a", b"3")) == Kept(0, 0, 2)
    assert put(database, place, event("a", b"3"), event("a", b"2"), event("a", b"1")) == Kept(0, 3)
    assert held(database, place) == [("a", b"1", "new"), ("a#2", b"2", "parked"), ("a#3", b"3", "parked")]
    with database.transaction() as conn:
        assert [item.code for item in items(conn, place.org_id)] == ["event-key-conflict"] * 2


def test_a_contradiction_inside_one_group_is_found(database: Database, place: Place) -> None:
    assert put(database, place, event("a", b"1"), event("a", b"2"), event("a", b"1")) == Kept(1, 1, 1)


def test_two_rows_of_one_file_are_never_a_repetition(database: Database, place: Place) -> None:
    first = event("a", b"1", **{"leja-file": "f", "leja-row": "2"})
    later = event("a", b"1", **{"leja-file": "f", "leja-row": "9000"})
    assert put(database, place, first, later) == Kept(1, 0, 1)
    assert put(database, place, first, later) == Kept(0, 2, 0)
    other_file = event("a", b"1", **{"leja-file": "g", "leja-row": "7"})
    assert put(database, place, other_file) == Kept(0, 1)


def test_an_erased_body_is_not_brought_back_by_a_repetition(database: Database, place: Place) -> None:
    put(database, place, event("a", b"1"))
    with database.transaction() as conn:
        conn.execute("UPDATE event_body SET body = NULL, salt = NULL, erased_at = %s", (NOW,))
    assert put(database, place, event("a", b"1")) == Kept(0, 1)
    assert held(database, place) == [("a", None, "new")]


def test_organisations_may_have_the_same_key(database: Database) -> None:
    one, two = make_place(database), make_place(database)
    with database.transaction() as conn:
        rows = [Arrival(org_id=p.org_id, connection_id=p.connection_id, event=event("a")) for p in (one, two, one)]
        assert keep_group(conn, rows, NOW) == Kept(2, 1)


def test_secrets_in_headers_are_not_kept(database: Database, place: Place) -> None:
    put(
        database,
        place,
        event("a", **{"authorization": "Bearer verysecret", "x-token": "verysecret", "x-shop-topic": "t"}),
    )
    with database.transaction() as conn:
        (said,) = conn.execute("SELECT headers FROM event").fetchone() or ("",)
    assert msgspec.json.decode(str(said)) == {"x-shop-topic": "t"}


def test_an_event_can_be_parked_from_the_start(database: Database, place: Place) -> None:
    parking = Parking(code="file-line-unreadable", message="Line 7 is no JSON.", remedy="Mend it.")
    with database.transaction() as conn:
        row = Arrival(org_id=place.org_id, connection_id=place.connection_id, event=event("a"), parking=parking)
        assert keep_group(conn, [row], NOW) == Kept(1)
        assert [item.message for item in items(conn, place.org_id)] == ["Line 7 is no JSON."]
    assert held(database, place)[0][2] == "parked"


@pytest.mark.parametrize("key", ["", "x" * 513, "a\x00b", "a\nb"])
def test_a_key_that_cannot_be_kept_is_refused(database: Database, place: Place, key: str) -> None:
    with pytest.raises(Refused) as refused:
        put(database, place, event(key))
    assert refused.value.code == "event-key-unreadable"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrivals=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([b"1", b"2", b"3"])), max_size=20),
    cuts=st.randoms(use_true_random=False),
)
def test_any_order_and_grouping_keeps_each_content_once(
    database: Database, arrivals: list[tuple[str, bytes]], cuts: random.Random
) -> None:
    place = make_place(database)
    total, left = Kept(), list(arrivals)
    while left:
        size = cuts.randint(1, len(left))
        total += put(database, place, *[event(key, body) for key, body in left[:size]])
        left = left[size:]
    kept = Counter((str(key).partition("#")[0], body) for key, body, _ in held(database, place))
    assert kept == Counter(set(arrivals))
    assert total.new == len({key for key, _ in arrivals})
    assert total.new + total.repeated + total.conflicting == len(arrivals)


def test_many_writers_of_the_same_keys_keep_each_once_and_do_not_deadlock(database: Database, place: Place) -> None:
    tallies: list[Kept] = []

    def writer(seed: int) -> None:
        shuffled = [event(f"k{i}", b"same") for i in range(200)]
        random.Random(seed).shuffle(shuffled)
        with database.transaction() as conn:
            tallies.append(keep_many(conn, place.org_id, place.connection_id, shuffled, NOW))

    threads = [threading.Thread(target=writer, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(tallies, Kept()) == Kept(200, 1000)
    assert len(held(database, place)) == 200
