"""Each entry is told once, whatever the target answers."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from leja.database import review
from leja.delivery import outbox


def states(shop):
    return [row[0] for row in shop.rows("SELECT state FROM deliverable WHERE org_id = %s ORDER BY created_at, part")]


def test_each_sale_becomes_one_remote_document_with_the_same_sums(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    for n in range(10):
        shop.sale(f"s{n}", 600 + 6 * n)
    done = run(shop)
    assert done.accepted == 10
    assert len(shop.fake.posts) == 10
    assert shop.fake.sums() == {"r1000": 6270, "r4000": -5225, "r2200": -1045}
    assert shop.rows("SELECT count(*) FROM outbox WHERE org_id = %s")[0][0] == 0
    assert set(states(shop)) == {"done"}
    assert run(shop).sent == 0


def test_a_day_becomes_one_summary_with_its_payment_after_its_end(make_shop, run, clock):
    shop = make_shop()
    shop.mode("daily")
    for n in range(5):
        shop.sale(f"s{n}", 600, day=date(2026, 6, 1))
    assert run.once(shop).sent == 0, "the day is not over"
    clock.forward(days=1)
    run(shop)
    assert [(p.kind, p.total.minor) for p in shop.fake.posts] == [("receipt", 3000), ("payment", 3000)]
    shop.sale("late", 60, day=date(2026, 6, 1))
    run(shop)
    assert len(shop.fake.posts) == 4
    assert shop.fake.sums() == {"r1000": 3060, "r4000": -2550, "r2200": -510}


def test_an_edited_sale_is_told_as_a_delta_and_an_unsent_one_as_its_latest_state(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    one = shop.sale("s1", 1200)
    shop.sale("s1", 1200, document_id=one, revision=2, lines=[("1000", "clearing:card", -600, ""), ("4000", "sales",
    600, "S")])
    run(shop)
    assert [p.total.minor for p in shop.fake.posts] == [600]
    shop.sale("s1", 0, document_id=one, revision=3, lines=[("1000", "clearing:card", 100, ""), ("4000", "sales", -100,
    "S")])
    run(shop)
    assert [p.total.minor for p in shop.fake.posts] == [600, 100]
    assert [r[0] for r in shop.rows("SELECT kind FROM deliverable WHERE org_id = %s ORDER BY part")] == ["sale",
    "delta"]


def test_entries_that_net_to_nothing_are_members_and_nothing_is_sent(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    one = shop.sale("s1", 1200)
    shop.sale("s1", -1200, document_id=one, revision=2)
    run(shop)
    assert shop.fake.posts == []
    assert states(shop) == ["withdrawn"]
    assert shop.rows("SELECT count(*) FROM deliverable_member WHERE org_id = %s")[0][0] == 2


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("remembered", [0, 3600])
@pytest.mark.parametrize("fault", ["lost", "dropped", "late", "later"])
def test_an_unclear_answer_is_settled_by_asking_and_the_sale_stands_there_once(make_shop, run, unique, remembered,
fault):
    shop = make_shop(unique=unique, remembered=remembered, lag=40)
    shop.mode("each")
    shop.sale("s1", 1200)
    shop.sale("s2", 600)
    shop.fake.faults = [fault]
    run(shop)
    assert sorted(p.total.minor for p in shop.fake.posts) == [600, 1200]
    assert states(shop) == ["done", "done"]


def test_absent_is_believed_only_the_second_time(make_shop, run, clock):
    shop = make_shop(lag=40)
    shop.mode("each")
    shop.sale("s1", 1200)
    shop.fake.faults = ["dropped"]
    begun = clock()
    run(shop)
    kinds = [r[0] for r in shop.rows(
        "SELECT o.kind FROM outcome o JOIN attempt a USING (org_id, attempt_id) WHERE org_id = %s ORDER BY a.send,"
        " o.ordinal"
    )]
    assert kinds == ["unknown", "absent", "absent", "accepted"]
    assert clock() - begun >= timedelta(seconds=30 + 40 + 40)


def test_a_reference_that_is_taken_by_another_amount_is_parked_with_a_reason(make_shop, run, database):
    shop = make_shop(unique=True)
    shop.mode("each")
    shop.sale("s1", 1200)
    shop.fake.faults = ["lost"]
    run.once(shop)
    shop.fake.posts[0].total = type(shop.fake.posts[0].total)(999, "GBP")
    run(shop)
    with database.transaction() as conn:
        items = review.items(conn, shop.org_id)
    assert [i.code for i in items] == ["delivery-ambiguous"]
    assert "9.99 GBP instead of 12.00 GBP" in items[0].message


def test_a_batch_may_succeed_in_part_and_a_refusal_parks_with_the_vendors_words(make_shop, run, database, clock):
    shop = make_shop()
    shop.mode("each")
    for n in range(3):
        shop.sale(f"s{n}", 600)
    shop.fake.faults = ["ok", "reject:review", "ok"]
    run(shop)
    assert sorted(states(shop)) == ["done", "done", "parked"]
    with database.transaction() as conn:
        item = review.items(conn, shop.org_id)[0]
        assert "Words of the vendor" in item.message
        outbox.release(conn, shop.org_id, [item.waits_for], clock())
    run(shop)
    assert states(shop) == ["done", "done", "done"]
    assert len(shop.fake.posts) == 3


def test_a_missing_mapping_holds_the_group_with_every_reason_and_setting_it_releases_all(make_shop, run, database,
clock):
    shop = make_shop()
    shop.mode("each")
    shop.map({"account:4000": None, "tax_code:S": None})
    for n in range(3):
        shop.sale(f"s{n}", 600)
    run(shop)
    assert shop.fake.posts == []
    with database.transaction() as conn:
        items = review.items(conn, shop.org_id)
    assert {i.code for i in items} == {"account-unmapped", "tax-code-unmapped"}
    shop.map({"account:4000": "r4000", "tax_code:S": "T20"})
    with database.transaction() as conn:
        assert outbox.release(conn, shop.org_id, [i.waits_for for i in items], clock()) == 3
        assert review.items(conn, shop.org_id) == []
    run(shop)
    assert len(shop.fake.posts) == 3


def test_an_account_that_is_inactive_over_there_holds_the_group(make_shop, run, database):
    shop = make_shop(inactive={"4000"})
    shop.mode("each")
    shop.sale("s1")
    run(shop)
    with database.transaction() as conn:
        assert [i.code for i in review.items(conn, shop.org_id)] == ["account-gone"]


def test_nothing_is_dated_inside_the_targets_locked_period_and_the_true_date_is_kept(make_shop, run):
    shop = make_shop(locked_until=date(2026, 5, 31))
    shop.mode("each")
    shop.sale("s1", day=date(2026, 5, 4))
    run(shop)
    assert [p.date for p in shop.fake.posts] == [date(2026, 6, 1)]
    text = shop.rows("SELECT bundle FROM deliverable WHERE org_id = %s")[0][0]
    assert "true date 2026-05-04" in text


def test_a_lock_that_we_did_not_know_of_is_planned_around(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    shop.sale("s0", day=date(2026, 5, 3))
    run(shop)
    shop.fake.locked_until = date(2026, 5, 31)
    shop.sale("s1", day=date(2026, 5, 4))
    run(shop)
    assert [p.date for p in shop.fake.posts] == [date(2026, 5, 3), date(2026, 6, 1)]


def test_a_refund_waits_for_its_parked_sale_and_nothing_else_does(make_shop, run, database, clock):
    shop = make_shop()
    shop.mode("each")
    shop.sale("s1", 1200)
    shop.fake.faults = ["reject:review"]
    run(shop)
    shop.sale("r1", -600, kind="refund", of="s1")
    shop.sale("s2", 300)
    run(shop)
    assert [p.total.minor for p in shop.fake.posts] == [300]
    with database.transaction() as conn:
        outbox.release(conn, shop.org_id, [i.waits_for for i in review.items(conn, shop.org_id)], clock())
    run(shop)
    assert [p.total.minor for p in shop.fake.posts] == [300, 1200, 600]


def test_a_lost_login_pauses_the_connection_and_nothing_is_lost(make_shop, run, database, clock):
    from leja.delivery import record

    shop = make_shop()
    shop.mode("each")
    shop.sale("s1", 1200)
    shop.fake.faults = ["reject:consent"]
    assert run(shop).paused
    shop.sale("s2", 600)
    assert run.once(shop).sent == 0
    with database.transaction() as conn:
        record.resume(conn, shop.org_id, shop.target_id, "me", clock())
    run(shop)
    assert sorted(p.total.minor for p in shop.fake.posts) == [600, 1200]


def test_a_change_of_mode_in_place_counts_nothing_twice(make_shop, run, clock):
    shop = make_shop()
    shop.mode("each")
    one = shop.sale("s1", 1200)
    run(shop)
    clock.forward(seconds=1)
    shop.mode("daily")
    shop.sale("s2", 600)
    shop.sale("s1", 0, document_id=one, revision=2, lines=[("1000", "clearing:card", -60, ""), ("4000", "sales", 60,
    "S")])
    run(shop)
    clock.forward(seconds=1)
    shop.mode("each")
    shop.sale("s3", 300)
    run(shop)
    assert shop.fake.sums()["r1000"] == 1200 + 600 - 60 + 300
    assert shop.rows("SELECT count(*) FROM deliverable_member WHERE org_id = %s")[0][0] == 4


def test_live_sales_go_before_backfill(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    for n in range(8):
        shop.sale(f"old{n}", 600, lane="backfill")
    shop.sale("new", 60)
    run(shop)
    assert shop.fake.posts[0].total.minor == 60
    assert len(shop.fake.posts) == 9


def test_a_target_with_one_currency_gets_base_currency_with_our_rate_in_the_text(make_shop, run):
    shop = make_shop(multicurrency=False)
    shop.mode("each")
    shop.sale("s1", 1200, currency="EUR")
    run(shop)
    assert [p.total.currency for p in shop.fake.posts] == ["GBP"]
    assert "told in GBP" in shop.rows("SELECT bundle FROM deliverable WHERE org_id = %s")[0][0]


def test_entries_before_the_start_are_never_told(make_shop, run):
    shop = make_shop()
    shop.mode("each")
    shop.sale("s1", day=date(2025, 12, 31))
    run(shop)
    assert shop.fake.posts == []


def test_what_a_target_cannot_be_told_in_its_currency_is_told_in_base_with_our_rate(make_shop, run, database):
    shop = make_shop(refuses="EUR")
    shop.mode("each")
    shop.sale("s1", 1200, currency="EUR")
    shop.sale("s2", 600)
    run(shop)
    assert sorted((p.total.minor, p.total.currency) for p in shop.fake.posts) == [(600, "GBP"), (1200, "GBP")]
    told = shop.rows("SELECT in_base, bundle FROM deliverable WHERE org_id = %s ORDER BY in_base DESC")
    assert [row[0] for row in told] == [True, False]
    assert "told in GBP (EUR at 1)" in told[0][1]
    with database.transaction() as conn:
        assert review.items(conn, shop.org_id) == []


def test_what_cannot_be_told_in_base_either_is_held_in_the_connectors_words(make_shop, run, database):
    shop = make_shop(refuses="GBP")
    shop.mode("each")
    shop.sale("s1", 1200)
    run(shop)
    assert shop.fake.posts == []
    with database.transaction() as conn:
        assert [(i.code, i.message) for i in review.items(conn, shop.org_id)] == [
            ("fake-home-currency-only", "GBP cannot be told")]
