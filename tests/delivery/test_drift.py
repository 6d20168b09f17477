"""What others do to our documents is found and listed, and the agreement names account, day and amount."""

from __future__ import annotations

import asyncio
from datetime import date

from leja import flow
from leja.core.money import Money
from leja.database import review
from leja.delivery.adopt import catch_up
from leja.delivery.preview import preview
from leja.delivery.sweep import sweep
from leja.reconcile.agreement import agreement
from leja.reconcile.differences import keep_differences
from leja.reconcile.read_back import read_back

MAY = (date(2026, 5, 1), date(2026, 5, 31))


def swept(shop, database, clock):
    asyncio.run(catch_up(database, shop.target, clock()))
    with database.transaction() as conn:
        return sweep(conn, shop.target, clock())


def agreed(shop, database, clock, *, balances=False):
    asyncio.run(read_back(database, shop.org_id, shop.target_id, shop.fake, None, clock(), *MAY))
    theirs = asyncio.run(shop.fake.balances(None, *MAY)) if balances else None
    with database.transaction() as conn:
        return agreement(conn, shop.org_id, shop.target_id, *MAY, theirs)


def told(make_shop, run, mode="each", sales=3):
    shop = make_shop()
    shop.mode(mode)
    for n in range(sales):
        shop.sale(f"s{n}", 1200, day=date(2026, 5, 4 + n))
    run(shop)
    return shop


def test_edited_voided_deleted_and_doubled_documents_are_differences_and_nothing_is_overwritten(make_shop, run,
database, clock):
    shop = told(make_shop, run, sales=4)
    assert swept(shop, database, clock) == []
    one, two, three, four = shop.fake.posts
    shop.fake.change(one, moves={"r1000": 1100, "r4000": -1100}, total=Money(1100, "GBP"))
    shop.fake.change(two, state="voided")
    shop.fake.change(three, state="deleted")
    shop.fake.change(shop.fake._store(_draft(four)))
    found = {drift.kind: drift for drift in swept(shop, database, clock)}
    assert set(found) == {"edited", "voided", "deleted", "doubled"}
    assert "account r1000: 11.00 GBP instead of 12.00 GBP" in found["edited"].cause
    swept(shop, database, clock)
    kinds = shop.rows("SELECT DISTINCT kind FROM difference WHERE org_id = %s AND settled_at IS NULL")
    assert sorted(kind for kind, in kinds) == ["deleted", "doubled", "edited", "voided"]
    shop.fake.change(two, state="present")
    assert "voided" not in {drift.kind for drift in swept(shop, database, clock)}


def test_what_a_lost_life_told_and_took_back_is_adopted_and_what_it_left_there_is_for_people(make_shop, run, database, clock):
    shop = told(make_shop, run)
    lost = {
        "LJAAAAAAAAAAAAAB": {"r1000": 900, "r4000": -900}, "LJAAAAAAAAAAAAAC": {"r1000": -900, "r4000": 900},
        "LJBBBBBBBBBBBBAB": {"r1000": 500, "r4000": -500},
    }  # fmt: skip
    for reference, moves in lost.items():
        total = Money(max(moves.values()), "GBP")
        shop.fake.change(shop.fake._store(_stray(reference, moves, total)))
    (found,) = swept(shop, database, clock)
    assert (found.kind, found.reference, found.theirs) == ("doubled", "LJBBBBBBBBBBBBAB", 500)
    assert "it was told before a restore" in found.cause
    adopted = "SELECT d.group_key, d.part FROM deliverable d JOIN remote_document r USING (org_id, deliverable_id)"
    adopted += " WHERE d.org_id = %s AND d.kind = 'adopted' ORDER BY 2"
    assert shop.rows(adopted) == [("lost/LJAAAAAAAAAAAA", 1), ("lost/LJAAAAAAAAAAAA", 2)]
    assert len(swept(shop, database, clock)) == 1
    assert len(shop.rows(adopted)) == 2
    assert not [one for one in agreed(shop, database, clock).differences if one.kind == "told"]


def test_what_will_still_be_told_is_left_to_its_plan(make_shop, run, database, clock):
    """The sweep comes between the listing and the plan of a group whose documents a lost life made."""
    from leja.delivery.summaries import group_mark, identity, reference

    shop = told(make_shop, run)
    shop.sale("late", 1200)
    (key,) = shop.rows("SELECT DISTINCT group_key FROM outbox WHERE org_id = %s")[0]
    source = f"{shop.shop_id}/sale/late" if key.startswith("document/") else ""
    mark = group_mark(shop.org_id, shop.target_id, identity(key, source))
    for part, sign in ((7, 1), (8, -1)):
        moves = {"r1000": 900 * sign, "r4000": -900 * sign}
        shop.fake.change(shop.fake._store(_stray(reference(mark, part), moves, Money(900, "GBP"))))
    assert swept(shop, database, clock) == []
    assert shop.rows("SELECT 1 FROM deliverable WHERE org_id = %s AND kind = 'adopted'") == []


def _stray(reference, moves, total):
    from types import SimpleNamespace

    return SimpleNamespace(kind="receipt", reference=reference, total=total, date=date(2026, 5, 5), moves=moves, key="")


def _draft(post):
    from types import SimpleNamespace

    return SimpleNamespace(kind=post.kind, reference=post.reference, total=post.total, date=post.date,
    moves=post.moves, key="")


def test_books_told_and_theirs_agree_per_account_and_day(make_shop, run, database, clock):
    result = agreed(told(make_shop, run), database, clock)
    assert result.agree
    assert (result.cells, result.explained, result.waiting, result.untold) == (9, 1, 0, 0)
    assert result.balances["r1000"] == {"GBP": 3600}


def test_summaries_agree_too_and_receivables_that_pass_through_leave_nothing(make_shop, run, database, clock):
    result = agreed(told(make_shop, run, "daily"), database, clock)
    assert result.agree
    assert "r1100" not in result.balances


def test_an_altered_document_is_named_with_account_day_and_amount(make_shop, run, database, clock):
    shop = told(make_shop, run)
    shop.fake.posts[1].moves["r4000"] = -900
    result = agreed(shop, database, clock)
    assert not result.agree
    wrong = result.differences[0]
    assert (wrong.account, wrong.day, wrong.ours, wrong.theirs, wrong.currency) == ("r4000", date(2026, 5, 5), -1000,
    -900, "GBP")
    assert result.explained < 1
    with database.transaction() as conn:
        keep_differences(conn, shop.org_id, shop.target_id, result.differences, clock())
    assert shop.rows("SELECT kind, known FROM difference WHERE org_id = %s") == [("amount", False)]


def test_a_document_that_was_deleted_over_there_is_missing(make_shop, run, database, clock):
    shop = told(make_shop, run)
    gone = shop.fake.posts.pop(0)
    result = agreed(shop, database, clock)
    assert {d.kind for d in result.differences} == {"missing"}
    assert {d.day for d in result.differences} == {gone.date}


def test_foreign_entries_stay_apart(make_shop, run, database, clock):
    shop = told(make_shop, run)
    foreign = _draft(shop.fake.posts[0])
    foreign.reference, foreign.moves = "RENT-MAY", {"r5000": 70_000, "r1000": -70_000}
    shop.fake._store(foreign)
    result = agreed(shop, database, clock, balances=True)
    assert result.agree
    assert [(account, amount) for account, _, _, amount in result.foreign] == [("r1000", -70_000), ("r5000", 70_000)]


def test_an_entry_that_stands_in_neither_outbox_nor_deliverable_is_untold(make_shop, run, database, clock):
    shop = told(make_shop, run)
    shop.sale("s9", 600)
    with database.transaction() as conn:
        conn.execute("DELETE FROM outbox WHERE org_id = %s", (shop.org_id,))
    result = agreed(shop, database, clock)
    assert (result.untold, result.agree) == (1, False)


def test_the_preview_shows_exactly_what_is_then_sent_and_writes_nothing(make_shop, run, database, clock):
    shop = make_shop()
    shop.mode("daily")
    for n in range(3):
        shop.sale(f"s{n}", 600, day=date(2026, 5, 4))
    chart = asyncio.run(shop.fake.chart(None))
    with database.transaction() as conn:
        shown = preview(conn, shop.target, chart, clock())
    assert [len(one.drafts) for one in shown] == [2]
    assert shop.rows("SELECT count(*) FROM deliverable WHERE org_id = %s")[0][0] == 0
    run(shop)
    assert [(d.reference, d.total, d.moves) for d in shown[0].drafts] == [
        (p.reference, p.total, p.moves) for p in shop.fake.posts]


def test_the_preview_gives_the_same_verdict_as_planning_for_what_is_held(make_shop, run, database, clock):
    shop = make_shop()
    shop.mode("each")
    shop.map({"account:4000": None})
    shop.sale("s1")
    run(shop)
    chart = asyncio.run(shop.fake.chart(None))
    with database.transaction() as conn:
        shown = preview(conn, shop.target, chart, clock())
    assert [trouble.code for trouble in shown[0].troubles] == ["account-unmapped"]


def test_what_stands_there_twice_is_shown_until_it_does_no_more_or_somebody_leaves_it(make_shop, run, database, clock):
    shop = told(make_shop, run)

    def shown():
        swept(shop, database, clock)
        return shop.rows("SELECT subject, message FROM review_item WHERE org_id = %s AND code = 'document-doubled' AND settled_at IS NULL")

    assert shown() == []
    twins = [shop.fake._store(_draft(post)) for post in shop.fake.posts[:2]]
    for twin in twins:
        shop.fake.change(twin)
    subjects = dict(shown())
    assert {subject.rpartition("/")[2] for subject in subjects} == {twin.reference for twin in twins}
    assert all("is not the one that we know" in message for message in subjects.values())
    assert dict(shown()) == subjects, "shown once, however often it is found"
    shop.fake.change(twins[0], state="voided")
    ((left, _),) = shown()
    assert left.endswith(twins[1].reference)
    with database.transaction() as conn:
        (item,) = [one for one in review.items(conn, shop.org_id) if one.code == "document-doubled"]
        flow.dismiss(conn, shop.org_id, item, by="amina", now=clock())
    assert shown() == [], "a person has seen exactly this"
