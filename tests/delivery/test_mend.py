"""The three ways out of a drift: what is booked, what is told, what is refused, and that nothing of it happens twice."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from leja import flow
from leja.closing.lock import lock
from leja.core.errors import Refused, Transient
from leja.core.money import Money
from leja.database import mending, review
from leja.delivery import charts, drift
from leja.delivery.mend_bench import Choice
from leja.delivery.sweep import sweep
from leja.jobs import lease as leases
from leja.operate.rebuild import check
from leja.reconcile.agreement import agreement
from leja.reconcile.read_back import read_back

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
MAY4 = date(2026, 5, 4)


def found(shop):
    """The deliverables that people are asked about."""
    asyncio.run(read_back(shop.database, shop.org_id, shop.target_id, shop.fake, None, shop.clock(), *YEAR))
    with shop.database.transaction() as conn:
        sweep(conn, shop.target, shop.clock())
        return [drifted(item) for item in review.items(conn, shop.org_id) if item.code == drift.CODE]


def drifted(item):
    return UUID(item.subject.removeprefix("drift/"))


def mend(shop, deliverable_id, way, *, only_show=False, on=date(2026, 6, 1), **more):
    choice = Choice(way=way, on=on, by="me", reason="because", **more)
    shop.clock.forward(seconds=leases.lease_seconds() + 1)  # whoever told last gave nothing back
    return asyncio.run(flow.mend_drift(shop.database, shop.target, "me", shop.clock, deliverable_id, choice, only_show=only_show))


def agreed(shop):
    asyncio.run(read_back(shop.database, shop.org_id, shop.target_id, shop.fake, None, shop.clock(), *YEAR))
    balances = asyncio.run(shop.fake.balances(None, *YEAR))
    with shop.database.transaction() as conn:
        assert check(conn, shop.org_id) == []
        return agreement(conn, shop.org_id, shop.target_id, *YEAR, balances)


def books(shop):
    return dict(shop.rows("SELECT 'r' || account, sum(amount)::int FROM line WHERE org_id = %s GROUP BY 1 HAVING sum(amount) <> 0"))


def told(make_shop, run, mode="each", sales=1, **options):
    shop = make_shop(**options)
    shop.mode(mode)
    for n in range(sales):
        shop.sale(f"s{n}", 1200, day=MAY4)
    run(shop)
    return shop


def edit(shop, at=0, gross=1100):
    shop.fake.change(shop.fake.posts[at], moves={"r1000": gross, "r4000": -gross}, total=Money(gross, "GBP"))


def test_accepting_books_the_difference_as_told_with_its_trail(make_shop, run):
    shop = told(make_shop, run)
    edit(shop)
    (one,) = found(shop)
    done = mend(shop, one, "accept")
    (entry,) = done.entries
    assert {line.account: line.amount.minor for line in entry.lines} == {"1000": -100, "2200": 200, "4000": -100}
    assert entry.posting_date == MAY4
    assert entry.text.startswith("Accepted from fake: receipt 1 was edited there: total 11.00 GBP instead of 12.00 GBP")
    assert shop.rows("SELECT kind, state FROM deliverable WHERE org_id = %s ORDER BY part") == [
        ("sale", "done"), ("accepted", "done")]
    run(shop)
    assert len(shop.fake.posts) == 1
    assert agreed(shop).agree
    with shop.database.transaction() as conn:
        (kept,) = mending.kept(conn, shop.org_id)
        assert (kept.kind, kept.subject, kept.reason, kept.made_by) == ("accept", f"deliverable/{one}", "because", "me")
        assert mending.entries_of(conn, shop.org_id, kept.mending_id) == [entry.number]
    assert shop.rows("SELECT action, subject FROM access_log WHERE org_id = %s") == [("drift.accept", f"deliverable/{one}")]
    assert shop.rows("SELECT settled_how, settled_by FROM review_item WHERE org_id = %s") == [("accepted", "me")]


def test_reposting_what_is_gone_tells_it_anew_under_a_reference_that_was_never_used(make_shop, run):
    shop = told(make_shop, run, unique=True)
    shop.fake.change(shop.fake.posts[0], state="voided")
    (one,) = found(shop)
    mend(shop, one, "repost")
    run(shop)
    first, second = shop.fake.posts
    assert (first.state, second.state) == ("voided", "present")
    assert first.reference != second.reference
    assert first.reference[:14] == second.reference[:14]
    assert first.moves == second.moves
    assert agreed(shop).agree
    shop.sale("s0", -200, document_id=shop.rows("SELECT document_id FROM document WHERE org_id = %s")[0][0], revision=2)
    run(shop)
    assert len({post.reference for post in shop.fake.posts}) == 3
    assert agreed(shop).agree


def test_a_repost_whose_answer_is_lost_is_not_made_twice(make_shop, run):
    shop = told(make_shop, run, lag=20)
    shop.fake.change(shop.fake.posts[0], state="deleted")
    (one,) = found(shop)
    mend(shop, one, "repost")
    shop.fake.faults = ["lost"]
    run(shop)
    assert [post.state for post in shop.fake.posts] == ["deleted", "present"]
    assert agreed(shop).agree


def test_reversing_what_is_gone_books_a_reversal_that_counts_as_told(make_shop, run):
    shop = told(make_shop, run)
    shop.fake.change(shop.fake.posts[0], state="deleted")
    (one,) = found(shop)
    done = mend(shop, one, "reverse")
    assert [(entry.reverses, entry.posting_date) for entry in done.entries] == [(1, date(2026, 6, 1))]
    run(shop)
    assert len(shop.fake.posts) == 1
    assert books(shop) == {}
    assert agreed(shop).agree


def test_reversing_what_was_edited_takes_back_what_stands_there(make_shop, run):
    shop = told(make_shop, run)
    edit(shop)
    (one,) = found(shop)
    mend(shop, one, "reverse")
    run(shop)
    assert [post.moves for post in shop.fake.posts] == [{"r1000": 1100, "r4000": -1100}, {"r1000": -1100, "r4000": 1100}]
    assert books(shop) == shop.fake.sums() == {}
    assert agreed(shop).agree


def test_one_step_of_a_summary_that_is_gone_is_told_anew_beside_the_rest(make_shop, run):
    shop = told(make_shop, run, mode="daily", sales=3)
    payment = next(post for post in shop.fake.posts if post.kind == "payment")
    shop.fake.change(payment, state="deleted")
    (one,) = found(shop)
    mend(shop, one, "repost")
    run(shop)
    assert [post.kind for post in shop.fake.posts if post.state == "present"] == ["receipt", "payment"]
    assert agreed(shop).agree


@pytest.mark.parametrize("way", ["accept", "reverse"])
def test_one_step_of_a_summary_that_is_gone_is_accepted_or_reversed(make_shop, run, way):
    shop = told(make_shop, run, mode="daily", sales=3)
    payment = next(post for post in shop.fake.posts if post.kind == "payment")
    shop.fake.change(payment, state="deleted")
    (one,) = found(shop)
    mend(shop, one, way)
    run(shop)
    assert books(shop) == shop.fake.sums()
    assert bool(books(shop)) == (way == "accept")
    assert agreed(shop).agree


def test_a_change_on_a_day_that_is_locked_in_our_books_counts_from_the_first_open_day(make_shop, run):
    shop = told(make_shop, run)
    edit(shop)
    (one,) = found(shop)
    with shop.database.transaction() as conn:
        lock(conn, shop.org_id, "2026-05", "me", "closed", shop.clock())
    done = mend(shop, one, "accept")
    assert done.entries[0].posting_date == date(2026, 6, 1)
    assert agreed(shop).agree


def test_a_reversal_into_a_locked_period_is_refused_and_nothing_is_done(make_shop, run):
    shop = told(make_shop, run)
    shop.fake.change(shop.fake.posts[0], state="deleted")
    (one,) = found(shop)
    with shop.database.transaction() as conn:
        lock(conn, shop.org_id, "2026-05", "me", "closed", shop.clock())
    with pytest.raises(Refused) as refused:
        mend(shop, one, "reverse", on=date(2026, 5, 31))
    assert refused.value.code == "period-locked"
    assert found(shop) == [one]
    assert len(shop.rows("SELECT 1 FROM entry WHERE org_id = %s")) == 1


def test_a_correction_is_refused_where_the_target_is_locked_and_accepting_still_works(make_shop, run):
    shop = told(make_shop, run)
    edit(shop)
    (one,) = found(shop)
    shop.fake.locked_until = date(2026, 5, 31)
    with shop.database.transaction() as conn:
        charts.store_chart(conn, shop.org_id, shop.target_id, asyncio.run(shop.fake.chart(None)), shop.clock())
    with pytest.raises(Refused) as refused:
        mend(shop, one, "repost")
    assert refused.value.code == "drift-target-locked"
    mend(shop, one, "accept")
    assert agreed(shop).agree


def test_an_account_that_none_of_ours_leads_to_is_refused_to_accept_and_put_right_by_reposting(make_shop, run):
    shop = told(make_shop, run)
    shop.map({"account:1200": None})
    shop.fake.change(shop.fake.posts[0], moves={"r1200": 1200, "r4000": -1000, "r2200": -200})
    (one,) = found(shop)
    for way in ("accept", "reverse"):
        with pytest.raises(Refused) as refused:
            mend(shop, one, way)
        assert refused.value.code == "drift-account-unmapped"
    mend(shop, one, "repost")
    run(shop)
    assert shop.fake.sums() == books(shop)
    assert agreed(shop).agree


def test_of_several_accounts_that_lead_there_the_one_that_is_meant_is_named(make_shop, run):
    shop = told(make_shop, run)
    shop.map({"account:1100": "r1200"})
    shop.fake.change(shop.fake.posts[0], moves={"r1200": 1200, "r4000": -1000, "r2200": -200})
    (one,) = found(shop)
    with pytest.raises(Refused) as refused:
        mend(shop, one, "accept")
    assert "--account r1200=CODE" in refused.value.remedy
    done = mend(shop, one, "accept", accounts={"r1200": "1100"})
    assert {line.account: line.amount.minor for line in done.entries[0].lines} == {"1000": -1200, "1100": 1200}
    assert agreed(shop).agree


def test_a_foreign_currency_is_followed_at_the_rate_it_was_booked_at(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    shop.sale("s1", 1200, currency="KES")
    run(shop)
    shop.fake.change(shop.fake.posts[0], moves={"r1000": 600, "r4000": -500, "r2200": -100}, total=Money(600, "KES"))
    (one,) = found(shop)
    mend(shop, one, "accept")
    assert shop.rows("SELECT sum(amount)::int, sum(base)::int FROM line WHERE org_id = %s AND account = '1000'") == [(600, 600)]
    assert agreed(shop).agree


def test_what_was_shown_and_changed_meanwhile_is_not_decided_on(make_shop, run):
    shop = told(make_shop, run)
    edit(shop)
    (one,) = found(shop)
    shown = mend(shop, one, "accept", only_show=True)
    edit(shop, gross=900)
    with pytest.raises(Refused) as refused:
        mend(shop, one, "accept", shown=shown.mark)
    assert refused.value.code == "drift-changed"
    assert mend(shop, one, "accept", shown=mend(shop, one, "accept", only_show=True).mark).mending_id is not None


def test_what_was_set_right_over_there_settles_itself(make_shop, run):
    shop = told(make_shop, run)
    shop.fake.change(shop.fake.posts[0], state="voided")
    (one,) = found(shop)
    shop.fake.change(shop.fake.posts[0], state="present")
    assert mend(shop, one, "repost").mending_id is None
    assert found(shop) == []
    assert shop.rows("SELECT settled_how FROM review_item WHERE org_id = %s") == [("agrees",)]


def test_nobody_decides_while_the_target_is_being_told(make_shop, run):
    shop = told(make_shop, run)
    edit(shop)
    (one,) = found(shop)
    with shop.database.transaction() as conn:
        held = leases.acquire(conn, shop.org_id, shop.target.lease_name, "one", shop.clock(), seconds=600)
    with pytest.raises(Transient) as busy:
        mend(shop, one, "accept")
    assert busy.value.code == "target-busy"
    with shop.database.transaction() as conn:
        leases.assert_held(conn, held)
        leases.release(conn, held, shop.clock())
    assert mend(shop, one, "accept").mending_id is not None


def test_what_is_still_being_told_is_not_decided_on(make_shop, run):
    shop = told(make_shop, run, mode="daily", sales=2)
    edit(shop)
    (one,) = found(shop)
    with shop.database.transaction() as conn:
        conn.execute("UPDATE deliverable SET state = 'open' WHERE org_id = %s", (shop.org_id,))
    with pytest.raises(Refused) as refused:
        mend(shop, one, "accept")
    assert refused.value.code == "drift-under-way"


def test_reversing_what_was_undone_already_is_refused(make_shop, run):
    shop = told(make_shop, run)
    edit(shop)
    (one,) = found(shop)
    flow.undo(shop.database, shop.org_id, flow.Scope(what="entry", name="1"), date(2026, 6, 1), [], by="me", reason="", clock=shop.clock)
    run(shop)
    with pytest.raises(Refused) as refused:
        mend(shop, one, "reverse")
    assert refused.value.code == "drift-nothing-to-reverse"
    mend(shop, one, "repost")
    run(shop)
    assert books(shop) == shop.fake.sums() == {}
    assert agreed(shop).agree


def test_an_unknown_deliverable_has_nothing_to_mend(make_shop, run):
    shop = told(make_shop, run)
    assert mend(shop, uuid4(), "accept").mending_id is None


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), st.integers(1, 40), st.integers(1, 6)),
        st.tuples(st.just("change"), st.integers(0, 5), st.integers(-30, 30)),
        st.tuples(st.just("edit"), st.integers(0, 9), st.integers(1, 40)),
        st.tuples(st.just("move"), st.integers(0, 9), st.integers(1, 20)),
        st.tuples(st.just("gone"), st.integers(0, 9), st.sampled_from(["voided", "deleted"])),
        st.tuples(st.just("mend"), st.integers(0, 5), st.sampled_from(["accept", "repost", "reverse"])),
        st.tuples(st.just("undo"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("deliver"), st.lists(st.sampled_from(["ok", "lost", "dropped", "later"]), max_size=3), st.just(0)),
    ), min_size=5, max_size=14)


REFUSALS = ("drift-nothing-to-reverse", "drift-under-way", "drift-without-entries", "drift-account-unmapped")


def changed(deed, second):
    """What somebody makes of a document over there."""
    if deed == "edit":
        return {"moves": {"r1000": second, "r4000": -second}, "total": Money(second, "GBP")}
    return {"date": MAY4 + timedelta(days=second)} if deed == "move" else {"state": second}


def do(shop, clock, run, known, deed, first, second):
    clock.forward(seconds=1)
    if deed == "sale":
        day = date(2026, 5, second)
        known.append([f"s{len(known)}", shop.sale(f"s{len(known)}", 6 * first, day=day), 1, day])
    elif deed == "change" and known:
        one = known[first % len(known)]
        one[2] += 1
        shop.sale(one[0], 6 * second, document_id=one[1], revision=one[2], day=one[3])
    elif deed in ("edit", "move", "gone") and shop.fake.posts:
        post = shop.fake.posts[first % len(shop.fake.posts)]
        acknowledged = shop.rows(f"SELECT 1 FROM remote_document WHERE org_id = %s AND remote_id = '{post.id}'")
        if post.state == "present" and acknowledged:
            shop.fake.change(post, **changed(deed, second))
    elif deed == "mend":
        those = found(shop)
        if those:
            try:
                mend(shop, those[first % len(those)], second)
            except Refused as refused:
                if refused.code not in REFUSALS:
                    raise
    elif deed == "undo" and known:
        one = known[first % len(known)]
        flow.undo(shop.database, shop.org_id, flow.Scope(what="document", name=str(one[1])), date(2026, 6, 1), [], by="me", reason="",
                  clock=clock)
    elif deed == "deliver":
        shop.fake.faults = list(first)
        run.once(shop)


@pytest.mark.parametrize("mode", ["each", "daily"])
def test_whatever_is_changed_over_there_and_decided_here_both_agree_in_the_end(make_shop, run, clock, mode):
    @settings(max_examples=30, phases=(Phase.explicit, Phase.generate), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(deeds=DEEDS, last=st.sampled_from(["accept", "repost"]))
    def play(deeds, last):
        shop = make_shop(lag=20)
        shop.mode(mode)
        known = []
        for deed in deeds:
            do(shop, clock, run, known, *deed)
        shop.fake.faults = []
        run(shop)
        for one in found(shop):
            mend(shop, one, last)
        run(shop)
        assert found(shop) == []
        assert shop.fake.sums() == books(shop)
        assert agreed(shop).agree
        assert len({post.reference for post in shop.fake.posts}) == len(shop.fake.posts)

    play()
