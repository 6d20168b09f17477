"""A crash at any named place, and a restore of an older backup: everything is told exactly once all the same."""

from __future__ import annotations

import random
from datetime import date

import psycopg
import pytest

from leja.core import failpoints
from leja.database.engine import Database, Urls

PLACES = [
    "delivery.after-changed", "delivery.before-changed-commit", "delivery.before-plan-commit",
    "delivery.after-plan-commit",
    "delivery.before-freeze-commit", "delivery.after-freeze", "delivery.before-send", "delivery.after-send",
    "delivery.before-record-commit", "delivery.after-record", "delivery.after-find", "delivery.before-find-commit",
    "delivery.after-find-commit",
]


@pytest.fixture(autouse=True)
def _unhooked():
    yield
    failpoints.hooked(None)


def crash_at(name, nth):
    passed = 0

    def hook(place):
        nonlocal passed
        passed += place == name
        if place == name and passed == nth:
            raise failpoints.SimulatedCrash(name)

    failpoints.hooked(hook)


def sums(gross):
    tax = gross // 6
    return {"r1000": gross, "r4000": tax - gross, "r2200": -tax}


@pytest.mark.parametrize("mode", ["each", "daily"])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("place", PLACES)
def test_a_crash_at_any_place_loses_and_doubles_nothing(make_shop, run, clock, place, nth, mode):
    shop = make_shop(lag=10)
    shop.mode(mode)
    for n in range(4):
        shop.sale(f"s{n}", 600, day=date(2026, 5, 4 + n))
    shop.fake.faults = ["ok", "lost", "dropped"]
    crash_at(place, nth)
    crashed = False
    for _ in range(3):
        try:
            run(shop)
        except failpoints.SimulatedCrash:
            crashed = True
    failpoints.hooked(None)
    clock.forward(seconds=31)
    run(shop)
    assert crashed, f"{place} was not passed {nth} times"
    assert shop.fake.sums() == sums(2400)
    assert len(shop.fake.posts) == (4 if mode == "each" else 8)
    assert len({p.reference for p in shop.fake.posts}) == len(shop.fake.posts)
    assert shop.rows("SELECT count(*) FROM deliverable WHERE state <> 'done' AND org_id = %s")[0][0] == 0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("unique", [True, False])
def test_random_faults_and_crashes_settle_to_each_entry_once(make_shop, run, clock, seed, unique):
    rng = random.Random(seed)
    shop = make_shop(unique=unique, lag=rng.choice([0, 15]), remembered=rng.choice([0, 3600]), rng=rng)
    gross, documents = 0, []
    for turn in range(6):
        clock.forward(seconds=1)
        shop.mode(rng.choice(["each", "daily"]))
        for n in range(rng.randrange(1, 4)):
            amount = 6 * rng.randrange(1, 50)
            documents.append(shop.sale(f"s{turn}-{n}", amount, day=date(2026, 5, rng.randrange(1, 28))))
            gross += amount
        crash_at(rng.choice(PLACES), rng.randrange(1, 4))
        try:
            run(shop, settle=rng.random() < 0.5)
        except failpoints.SimulatedCrash:
            clock.forward(seconds=rng.choice([0, 5, 40]))
    failpoints.hooked(None)
    shop.fake.rng = None
    clock.forward(seconds=31)
    run(shop)
    assert shop.fake.sums() == sums(gross)
    assert len({p.reference for p in shop.fake.posts}) == len(shop.fake.posts)


@pytest.fixture
def backup(cluster, database, urls):
    """backup() copies the database as it is now; restore() gives a Database on that copy."""
    made = []

    def take():
        database.close()
        name = f"{urls.app.partition('?')[0].rsplit('/', 1)[1]}_backup{len(made)}"
        source = urls.app.partition("?")[0].rsplit("/", 1)[1]
        with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name} OWNER leja_owner TEMPLATE {source} STRATEGY file_copy".encode())
        opened = Database(Urls(**{role: cluster.url(f"leja_{role}", name) for role in ("owner", "app", "web")}))
        made.append((name, opened))
        return opened

    yield take
    for name, opened in made:
        opened.close()
        with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("mode", ["each", "daily"])
def test_after_the_restore_of_an_older_backup_what_stands_there_is_adopted(make_shop, run_on, backup, mode):
    shop = make_shop()
    shop.mode(mode)
    shop.sale("s1", 1200)
    run_on(shop)
    older = backup()
    shop.sale("s2", 600, day=date(2026, 5, 5))
    three = shop.sale("s3", 300, day=date(2026, 5, 6))
    run_on(shop)
    change = [("1000", "clearing:card", -60, ""), ("4000", "sales", 60, "S")]
    shop.sale("s3", 0, document_id=three, revision=2, lines=change, day=date(2026, 5, 6))
    run_on(shop)
    posts, before = len(shop.fake.posts), shop.fake.sums()
    shop.database = older
    shop.sale("s2", 600, day=date(2026, 5, 5))
    three = shop.sale("s3", 300, day=date(2026, 5, 6))
    shop.sale("s3", 0, document_id=three, revision=2, lines=change, day=date(2026, 5, 6))
    shop.sale("s4", 120, day=date(2026, 5, 7))
    run_on(shop)
    assert shop.fake.sums()["r1000"] == before["r1000"] + 120
    assert len(shop.fake.posts) == posts + (1 if mode == "each" else 2)
    assert shop.rows("SELECT count(*) FROM outbox WHERE org_id = %s")[0][0] == 0


def test_after_a_restore_only_the_rest_of_a_changed_group_is_told(make_shop, run_on, backup):
    shop = make_shop()
    shop.mode("daily")
    older = backup()
    shop.sale("s1", 1200)
    run_on(shop)
    shop.database = older
    shop.sale("s1", 1200)
    shop.sale("s2", 600)
    run_on(shop)
    assert shop.fake.sums() == sums(1800)


@pytest.mark.parametrize("less", [0, 60])
def test_after_a_restore_parts_of_one_group_on_two_days_are_each_adopted(make_shop, run_on, backup, less):
    shop = make_shop()
    shop.mode("each")
    older = backup()
    first, second, third = (
        [("1000", "clearing:card", minor, ""), ("4000", "sales", -minor, "S")] for minor in (1200 - less, 60, less)
    )
    one = shop.sale("s1", 0, lines=first, day=date(2026, 5, 4))
    run_on(shop)
    shop.sale("s1", 0, document_id=one, revision=2, lines=second, day=date(2026, 5, 9))
    run_on(shop)
    posts = len(shop.fake.posts)
    shop.database = older
    one = shop.sale("s1", 0, lines=first, day=date(2026, 5, 4))
    if less:
        shop.sale("s1", 0, document_id=one, revision=2, lines=third, day=date(2026, 5, 4))
    shop.sale("s1", 0, document_id=one, revision=3, lines=second, day=date(2026, 5, 9))
    run_on(shop)
    assert shop.fake.sums() == {"r1000": 1260, "r4000": -1260}
    assert len(shop.fake.posts) == posts + bool(less)


PAYOUT = [("1000", "bank", 1200, ""), ("1200", "clearing:card", -1200, "")]


@pytest.mark.parametrize("told_by", ["payout", "day"])
def test_after_a_restore_a_settled_sale_stays_where_the_older_life_told_it(make_shop, run_on, backup, clock, told_by):
    """By its day after the wait was over, or with its payout: the newer life knows both and tells neither again."""
    shop = make_shop()
    shop.mode("payout")
    older = backup()
    shop.sale("s1", 1200, settles=["tx1"])
    if told_by == "day":
        clock.forward(days=40)
        run_on(shop)
    shop.sale("p1", kind="payout", lines=PAYOUT, settles=["tx1"])
    run_on(shop)
    posts, before = len(shop.fake.posts), shop.fake.sums()
    shop.database = older
    shop.sale("p1", kind="payout", lines=PAYOUT, settles=["tx1"])
    shop.sale("s1", 1200, settles=["tx1"])
    clock.forward(days=40)
    run_on(shop)
    assert len(shop.fake.posts) == posts
    assert shop.fake.sums() == before
    assert {row[0] for row in shop.rows("SELECT split_part(group_key, '/', 1) FROM deliverable WHERE org_id = %s")} == {
        "document", "daily" if told_by == "day" else "payout"}
