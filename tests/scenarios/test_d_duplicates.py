"""Scenario D: duplicates, retries, crashes: each sale once in the books and once at the target."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from random import Random

import httpx2
import pytest

from leja.core import failpoints
from leja.core.failpoints import SimulatedCrash, hits, hooked
from leja.intake.file_import import Imported
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, EVERY_CURRENCY, SHOP, Scene

FAULTS = ("answer_lost", "cut_before", "error_before", "error_after", "rate_limited")
BESIDE_A_CALL = (
    "delivery.after-plan-commit", "delivery.before-freeze-commit", "delivery.after-freeze", "delivery.before-send",
    "http.before-send", "http.after-answer", "delivery.after-send", "delivery.before-record-commit", "delivery.after-record",
)
# Lost answers of the token endpoint are scenario T: these are faults of the documents.
API = {BY_SALE: "/v3/", BY_DAY: "/api.xro/"}
SENDS = ("delivery.before-send", "delivery.after-send")


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    hooked(None)
    failpoints._armed = None


def season(scene: Scene, random: Random, count: int) -> int:
    """Orders, edits and refunds whose webhooks are kept back; says what was sold."""
    for _ in range(count):
        order = scene.sell(*[scene.line(str(random.randint(5, 90))) for _ in range(random.randint(1, 3))], webhooks="lost")
        scene.clock.advance(random.randint(1, 600))
        if random.random() < 0.4:
            scene.refund(order, lines=[{"line": 0}], webhooks="lost")
        elif random.random() < 0.3:
            scene.control(SHOP, "touch", order=order["id"], webhooks="lost")
        scene.clock.advance(random.randint(1, 600))
    return int(scene.control(SHOP, "report")["sums"]["orders"][scene.currency])


def deliver_each_up_to_ten_times(scene: Scene, random: Random) -> None:
    """Every webhook one to ten times, in any order."""
    rows = [row for row in scene.sandbox.stand_in(SHOP).outgoing() for _ in range(random.randint(1, 10))]
    random.shuffle(rows)
    with httpx2.Client(trust_env=False) as client:
        for row in rows:
            assert client.post(row.url, content=row.body, headers=dict(row.headers)).status_code == 200


def assert_once(scene: Scene, count: int, sold: int) -> None:
    """Each sale stands once in the books and once at each target."""
    scene.assert_settled()
    assert scene.sums("sale") == (count, sold)
    assert len(scene.remote(BY_SALE, "SalesReceipt")) == count
    report = scene.control(SHOP, "report")["sums"]
    assert scene.books()["clearing:shopify_payments"] == sold - report["refunds"].get(scene.currency, 0)
    assert scene.there(BY_SALE)[scene.account_of(BY_SALE, "clearing:shopify_payments")] == scene.books()["clearing:shopify_payments"]
    assert scene.there(BY_DAY)[scene.account_of(BY_DAY, "clearing:shopify_payments")] == scene.books()["clearing:shopify_payments"]


def assert_looked_before_sent_again(scene: Scene, *, remembered: bool = True) -> None:
    """After an unclear outcome nothing is sent before the target was asked and said "absent"; only while the target still
    ``remembered`` the key may the identical request ask it: a later send of the same plan carries the same bytes and key."""
    rows = scene.rows(
        "SELECT a.deliverable_id, a.step, a.plan, a.send, array(SELECT o.kind FROM outcome o WHERE o.org_id = a.org_id"
        " AND o.attempt_id = a.attempt_id ORDER BY o.ordinal) FROM attempt a WHERE a.org_id = %s"
        " AND a.step !~ '^(item|contact|customer|supplier)' ORDER BY 1, 2, 3, 4")
    for _, attempts in groupby(rows, key=lambda row: row[:2]):
        listed = list(attempts)
        for (_, _, plan, _, kinds), (_, _, next_plan, _, _) in pairwise(listed):
            clear = bool(kinds) and kinds[-1] in ("absent", "rejected", "later")
            assert clear or (remembered and plan == next_plan), (kinds, listed)
        assert listed[-1][4][-1:] in (["accepted"], ["found"], ["already_there"]), listed


@pytest.mark.parametrize("currency", EVERY_CURRENCY)
def test_d_any_order_and_up_to_ten_deliveries_make_one_sale(stage: Setting, currency: str) -> None:
    """Given any delivery order, up to ten deliveries of each event, when the system settles, then each sale exists exactly
    once in the sub-ledger and exactly once in the target."""
    scene, random = stage(currency=currency), Random(f"D{currency}")
    sold = season(scene, random, 6)
    deliver_each_up_to_ten_times(scene, random)
    scene.settle(polling=False)
    assert_once(scene, 6, sold)
    deliver_each_up_to_ten_times(scene, random)
    scene.settle()
    assert_once(scene, 6, sold)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, 2, 3, 4, 5))])
def test_d_lost_answers_are_settled_by_looking(stage: Setting, seed: int) -> None:
    """Given a lost response between send and acknowledge, ... every unknown outcome was resolved by looking, not by
    resending."""
    scene, random = stage(modes={BY_DAY: "each"}), Random(seed)
    for target in (BY_SALE, BY_DAY):
        scene.sandbox.stand_in(target).env.faults.random.seed(seed)
        for kind in FAULTS:
            scene.fault(target, kind, path=f"P*{API[target]}*", rate=0.15)
        scene.fault(target, "late_commit", path=f"P*{API[target]}*", rate=0.1, seconds=20)
        scene.fault(target, "lagging_search", path=f"P*{API[target]}*", rate=0.2, seconds=4)
    sold = 0
    for _ in range(6):
        sold = season(scene, random, 2)
        scene.settle()
    played = scene.played(BY_SALE) + scene.played(BY_DAY)
    assert played["answer_lost"] + played["error_after"] + played["late_commit"] > 1, played
    for target in (BY_SALE, BY_DAY):
        scene.sandbox.stand_in(target).env.faults.clear()
    assert_once(scene, 12, sold)
    assert_looked_before_sent_again(scene)


@pytest.mark.parametrize(("place", "wait"), [*((place, 61) for place in BESIDE_A_CALL), *((place, 90_000) for place in SENDS)])
def test_d_a_crash_anywhere_beside_a_call_doubles_nothing(stage: Setting, place: str, wait: int) -> None:
    """Given a crash at every point between send and acknowledge, when the system settles, then each sale exists exactly once
    in the sub-ledger and exactly once in the target."""
    scene, random = stage(), Random(place)
    sold = season(scene, random, 5)
    scene.poll()
    scene.record()
    crashes = 0
    for passing in range(1, 4):
        def crash(name: str, at: int = passing) -> None:
            if name == place and hits[name] == at:
                raise SimulatedCrash(name)

        hooked(crash)
        for target in (BY_SALE, BY_DAY):
            try:
                scene.deliver(target)
            except SimulatedCrash:
                crashes += 1
        hooked(None)
        scene.clock.advance(wait)
    assert crashes
    scene.tell()
    assert_once(scene, 5, sold)
    assert_looked_before_sent_again(scene, remembered=wait < 86_400)


@pytest.mark.parametrize("place", ["bookkeeping.before-commit", "bookkeeping.after-commit", "bookkeeping.entries-written",
                                   "intake.before-poll-commit", "intake.after-poll-commit", "intake.after-poll-call"])
def test_d_a_crash_on_the_way_in_loses_and_doubles_nothing(stage: Setting, place: str) -> None:
    """Given a crash ..., when the system settles, then each sale exists exactly once in the sub-ledger."""
    scene, random = stage(), Random(place)
    sold = season(scene, random, 5)

    def crash(name: str) -> None:
        if name == place and hits[name] == 1:
            raise SimulatedCrash(name)

    hooked(crash)
    with pytest.raises(SimulatedCrash):
        scene.settle()
    hooked(None)
    scene.clock.advance(61)
    scene.settle()
    assert_once(scene, 5, sold)


def test_d_a_file_read_ten_times_is_read_once(stage: Setting) -> None:
    """... up to ten deliveries of each event ... each sale exists exactly once: the till's file, too, in any cut."""
    scene, random = stage(), Random(5)
    rows = [(f"5{number:05}", f"S{line}", str(random.randint(1, 9)), "2026-05-30 12:00", f"{random.randint(1, 900) / 100:.2f}")
            for number in range(20) for line in range(random.randint(1, 4))]
    new = 0
    for _ in range(10):
        kept: Imported = scene.till_file(rows)
        new += kept.kept.new
    assert new == 20
    scene.settle()
    scene.assert_settled()
    assert scene.sums("sale")[0] == 20 == len(scene.remote(BY_SALE, "SalesReceipt"))
