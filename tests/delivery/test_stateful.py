"""Any order of sales, changes, refunds, changes of mode, faults and deliveries: each entry counts at the
target once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.delivery.send import deliver
from leja.jobs import lease as leases

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), st.integers(1, 40), st.integers(1, 6)),
        st.tuples(st.just("change"), st.integers(0, 5), st.integers(-30, 30)),
        st.tuples(st.just("refund"), st.integers(0, 5), st.integers(1, 20)),
        st.tuples(st.just("mode"), st.sampled_from(["each", "daily"]), st.just(0)),
        st.tuples(st.just("deliver"), st.lists(st.sampled_from(["ok", "lost", "dropped", "late", "later"]),
        max_size=4), st.just(0)),
    ),
    min_size=4, max_size=14,
)


def deliver_once(shop, clock):
    with shop.database.transaction() as conn:
        lease = leases.acquire(conn, shop.org_id, shop.target.lease_name, "one", clock())
    return asyncio.run(deliver(shop.database, shop.target, clock, lambda conn: leases.assert_held(conn, lease),
    lease.epoch))


def act(shop, clock, documents, action, first, second):
    clock.forward(seconds=1)
    day = date(2026, 5, second if action == "sale" else 7)
    if action == "sale":
        name = f"s{len(documents)}"
        documents.append([name, shop.sale(name, 6 * first, day=day), 1, day])
    elif action == "change" and documents:
        known = documents[first % len(documents)]
        known[2] += 1
        shop.sale(known[0], 6 * second, document_id=known[1], revision=known[2], day=known[3])
    elif action == "refund" and documents:
        known = documents[first % len(documents)]
        name = f"r{clock()}"
        shop.sale(name, -6 * second, kind="refund", of=known[0], day=day)
    elif action == "mode":
        shop.mode(first)
    elif action == "deliver":
        shop.fake.faults = list(first)
        deliver_once(shop, clock)


@pytest.mark.parametrize("unique", [True, False])
def test_whatever_happens_the_target_ends_with_the_sums_of_the_books(make_shop, clock, unique):
    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(actions=ACTIONS)
    def play(actions):
        shop = make_shop(unique=unique, lag=20)
        documents = []
        for action in actions:
            act(shop, clock, documents, *action)
        shop.fake.faults = []
        for _ in range(80):
            done = deliver_once(shop, clock)
            if done.next_due is None:
                break
            clock.now = max(clock.now + timedelta(seconds=1), done.next_due)
        books = dict(shop.rows(
            "SELECT 'r' || account, sum(amount)::int FROM line WHERE org_id = %s GROUP BY 1 HAVING sum(amount) <> 0"))
        assert shop.fake.sums() == books
        assert len({p.reference for p in shop.fake.posts}) == len(shop.fake.posts)
        assert shop.rows("SELECT count(*) FROM outbox WHERE org_id = %s")[0][0] == 0
        members, entries = shop.rows(
            "SELECT (SELECT count(*) FROM deliverable_member m WHERE m.org_id = e.org_id), count(*) FROM entry e"
            " WHERE org_id = %s GROUP BY e.org_id")[0] if books or documents else (0, 0)
        assert members == entries

    play()
