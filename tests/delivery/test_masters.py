"""Items, customers and contacts are told once, however many documents need them."""

from __future__ import annotations

from leja.connectors.contract import Limits

REMOTE = "SELECT kind, count(*) FROM remote_document WHERE org_id = %s GROUP BY kind ORDER BY kind"


def posts(shop, kind):
    return [post for post in shop.fake.posts if post.kind == kind]


def test_many_documents_of_one_round_send_the_record_that_they_need_once(make_shop, run):
    shop = make_shop(item="Leja 4000")
    shop.mode("each")
    shop.target = type(shop.target)(**{**vars(shop.target), "limits": Limits(batch=30, concurrent=4)})
    for n in range(40):
        shop.sale(f"s{n}", 600)
    run(shop, settle=False)
    assert len(posts(shop, "item")) == 1
    assert len(posts(shop, "receipt")) == 40
    assert shop.rows("SELECT count(*) FROM attempt WHERE step = 'item' AND org_id = %s")[0][0] == 1
    assert shop.rows(REMOTE) == [("item", 1), ("receipt", 40)]


def test_a_record_that_was_told_in_an_earlier_run_is_not_sent_again(make_shop, run):
    shop = make_shop(item="Leja 4000")
    shop.mode("each")
    shop.sale("s1", 600)
    run(shop)
    shop.sale("s2", 600)
    run(shop)
    assert [post.kind for post in shop.fake.posts] == ["item", "receipt", "receipt"]
    assert shop.rows("SELECT DISTINCT state FROM deliverable WHERE org_id = %s") == [("done",)]


def test_a_record_that_stands_there_already_is_found_and_kept_once(make_shop, run):
    shop = make_shop(item="Leja 4000", unique=True)
    shop.mode("each")
    shop.fake.faults = ["lost"]
    for n in range(5):
        shop.sale(f"s{n}", 600)
    run(shop)
    assert len(posts(shop, "item")) == 1
    assert len(posts(shop, "receipt")) == 5
    assert shop.rows(REMOTE) == [("item", 1), ("receipt", 5)]


def test_after_a_refusal_the_new_plan_takes_no_record_for_granted(make_shop, run, database, clock):
    from leja.database import review
    from leja.delivery import outbox

    shop = make_shop(item="Leja 4000", unique=True)
    shop.mode("each")
    shop.sale("s1", 600)
    run(shop)
    shop.fake.faults = ["reject:mapping"]
    shop.sale("s2", 300)
    run(shop)
    shop.fake.posts[:] = [post for post in shop.fake.posts if post.kind != "item"]
    with database.transaction() as conn:
        outbox.release(conn, shop.org_id, [item.waits_for for item in review.items(conn, shop.org_id)], clock())
    run(shop)
    assert len(posts(shop, "item")) == 1, "it was deleted over there and made again"
    assert len(posts(shop, "receipt")) == 2
