"""A new holder, or an older life of the database: nothing is told while another's call may still be under way."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leja.core import failpoints
from leja.delivery.adopt import catch_up
from leja.delivery.preview import preview
from leja.delivery.send import deliver
from leja.jobs import lease as leases

MORE = [("1000", "clearing:card", 60, ""), ("4000", "sales", -60, "S")]


def test_a_new_holder_leaves_a_group_alone_until_the_last_call_about_it_has_ended_and_is_seen(make_shop, run, clock):
    shop = make_shop(lag=20)
    shop.mode("each")
    one = shop.sale("s1", 1200)

    def crash(place):
        if place == "delivery.before-send":
            raise failpoints.SimulatedCrash(place)

    failpoints.hooked(crash)
    with pytest.raises(failpoints.SimulatedCrash):
        run.once(shop, "first")
    failpoints.hooked(None)
    frozen = clock()
    shop.sale("s1", 0, document_id=one, revision=2, lines=MORE)
    shop.sale("s2", 600)
    clock.forward(seconds=31)
    run.once(shop, "second")
    assert [post.total.minor for post in shop.fake.posts] == [600], "only the other group went on"
    clock.now = frozen + timedelta(seconds=49)
    run.once(shop, "second")
    assert len(shop.fake.posts) == 1
    clock.forward(seconds=31)
    run(shop)
    assert sorted(post.total.minor for post in shop.fake.posts) == [60, 600, 1200]


def test_after_a_restore_the_lost_lifes_last_call_is_waited_for_before_anything_is_planned(make_shop, run, clock):
    shop = make_shop(lag=20)
    shop.mode("each")
    shop.sale("s1", 1200)
    shop.sale("s2", 600)
    lost = _told_elsewhere(shop, clock)
    slept, begun = [], clock()

    async def sleep(seconds):
        """While it is waited, the lost life's last call arrives and becomes visible."""
        slept.append(seconds)
        shop.fake.posts.append(lost[1])
        shop.fake.log.append(lost[1])
        clock.forward(seconds=seconds)

    shop.target.session.http.pacing._sleep = sleep
    _once(shop, clock)
    assert slept == [50]
    assert clock() >= begun + timedelta(seconds=50)
    assert len(shop.fake.posts) == 2, "both were adopted, none was told again"
    assert {row[0] for row in shop.rows("SELECT state FROM deliverable WHERE org_id = %s")} == {"done"}


def _told_elsewhere(shop, clock):
    """What a life that was lost told of the same sales: one document stands there, one is still on its way."""
    from leja.delivery.summaries import group_mark, identity, reference

    rows = shop.rows("SELECT 'document/' || document_id, external_id FROM document WHERE org_id = %s ORDER BY external_id")
    made = []
    for (key, name), gross in zip(rows, (1200, 600), strict=True):
        mark = group_mark(shop.org_id, shop.target_id, identity(key, f"{shop.shop_id}/sale/{name}"))
        tax = gross // 6
        made.append(_post(reference(mark, 1), gross, {"r1000": gross, "r4000": tax - gross, "r2200": -tax}, clock))
    shop.fake.posts.append(made[0])
    shop.fake.log.append(made[0])
    return made


def _post(reference, gross, moves, clock):
    from datetime import date

    from leja_tests_fake_target import FakeDocument

    from leja.core.money import Money

    return FakeDocument("receipt", f"x{gross}", reference, Money(gross, "GBP"), date(2026, 5, 4), moves,
                        at=clock() - timedelta(seconds=30))


def _once(shop, clock):
    with shop.database.transaction() as conn:
        lease = leases.acquire(conn, shop.org_id, shop.target.lease_name, "new life", clock())
    asyncio.run(deliver(shop.database, shop.target, clock, lambda conn: leases.assert_held(conn, lease), lease.epoch))


def test_after_a_restore_a_part_of_another_day_keeps_its_number_and_its_entries(make_shop, run, clock):
    """An extra payment was told in the life that was lost; what changed on the day of the sale is told under another name."""
    from datetime import date

    from leja_tests_fake_target import FakeDocument

    from leja.core.money import Money
    from leja.delivery.summaries import group_mark, identity, reference

    shop = make_shop(unique=True)
    shop.mode("each")
    one = shop.sale("s1", 1200)
    run(shop)
    mark = group_mark(shop.org_id, shop.target_id, identity(f"document/{one}", f"{shop.shop_id}/sale/s1"))
    paid = FakeDocument("receipt", "x120", reference(mark, 2), Money(120, "GBP"), date(2026, 5, 5),
                        {"r1000": 120, "r1100": -120}, at=clock())
    shop.fake.posts.append(paid)
    shop.fake.log.append(paid)
    more = [("1100", "receivable", 60, ""), ("4000", "sales", -60, "S")]
    shop.sale("s1", 0, document_id=one, revision=2, lines=more)
    later = [("1000", "clearing:card", 120, ""), ("1100", "receivable", -120, "")]
    shop.sale("s1", 0, document_id=one, revision=3, lines=later, posting=date(2026, 5, 5))
    run(shop)
    references = [post.reference for post in shop.fake.posts]
    assert len(set(references)) == len(references) == 3
    assert shop.rows("SELECT state, count(*) FROM deliverable WHERE org_id = %s GROUP BY 1") == [("done", 3)]
    assert shop.fake.sums()["r1100"] == 60 - 120
    assert shop.fake.sums()["r1000"] == 1200 + 120


def test_after_a_restore_what_the_lost_life_dated_otherwise_is_taken_back_on_its_day_and_told_on_ours(make_shop, run, clock):
    """The lost life saw the sale early and posted it, and a payment, then; this one met it later and dates it later."""
    from datetime import date

    from leja.reconcile.agreement import agreement

    shop = make_shop(unique=True)
    shop.mode("each")
    shop.sale("s1", 1200, posting=date(2026, 5, 6))
    lost = _told_elsewhere_at(shop, "s1", {1: {"r1000": 1200, "r4000": -1000, "r2200": -200}, 2: {"r1000": 300, "r1100": -300}}, clock)
    asyncio.run(catch_up(shop.database, shop.target, clock()))
    chart = asyncio.run(shop.target.verbs.chart(shop.target.session))
    with shop.database.transaction() as conn:
        shown = preview(conn, shop.target, chart, clock())
    assert [(one.adopts, bool(one.entries), len(one.drafts)) for one in shown] == [(2, False, 1), (0, True, 1)]
    run(shop)
    assert [draft.reference for one in shown for draft in one.drafts] == [post.reference for post in shop.fake.posts[2:]]
    assert [post.reference for post in shop.fake.posts[:2]] == lost
    assert len({post.reference for post in shop.fake.posts}) == len(shop.fake.posts) == 4
    days = {}
    for post in shop.fake.posts:
        for account, moved in post.moves.items():
            days[post.date, account] = days.get((post.date, account), 0) + moved
    assert {place: moved for place, moved in days.items() if moved} == {
        (date(2026, 5, 6), "r1000"): 1200, (date(2026, 5, 6), "r4000"): -1000, (date(2026, 5, 6), "r2200"): -200}
    with shop.database.transaction() as conn:
        found = agreement(conn, shop.org_id, shop.target_id, date(2026, 1, 1), date(2026, 12, 31), None)
    assert not [one for one in found.differences if one.kind == "told"]
    assert not found.untold


def _told_elsewhere_at(shop, name, parts, clock):
    """Documents of a lost life about a sale, all of 4 May; their references."""
    from leja.delivery.summaries import group_mark, identity, reference

    key = shop.rows("SELECT 'document/' || document_id FROM document WHERE org_id = %s")[0][0]
    mark = group_mark(shop.org_id, shop.target_id, identity(key, f"{shop.shop_id}/sale/{name}"))
    for part, moves in parts.items():
        post = _post(reference(mark, part), sum(moved for moved in moves.values() if moved > 0), moves, clock)
        shop.fake.posts.append(post)
        shop.fake.log.append(post)
    return [reference(mark, part) for part in parts]
