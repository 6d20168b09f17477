"""Scenario G: webhooks that never come, late commits, edits of old orders, pages that change while they are read."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from leja import flow
from leja.connectors import registry
from leja.connectors.contract import Page, Session
from leja.database import review
from leja.intake.gaps import FOUND, MISSED
from leja.reports.standing import standing
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, EVERY_CURRENCY, SHOP, Scene

HOUR = 3600


def assert_all_there(scene: Scene) -> None:
    """The set and the sums of every day are the channel's own."""
    report = scene.control(SHOP, "report")
    found: dict[str, tuple[int, int]] = {
        row[0].isoformat(): (int(row[1]), int(row[2])) for row in scene.rows(
            "SELECT day, count(*), sum(total)::bigint FROM (SELECT DISTINCT ON (d.document_id) r.business_day AS day,"
            " (r.facts::jsonb #>> '{total,minor}')::bigint AS total, r.withdrawn FROM document d JOIN document_revision r"
            " ON r.org_id = d.org_id AND r.document_id = d.document_id WHERE d.org_id = %s AND d.kind = 'sale'"
            " ORDER BY d.document_id, r.revision DESC) x WHERE NOT withdrawn GROUP BY day")}
    assert found == {day: (row["orders"], row["order_sums"][scene.currency]) for day, row in report["days"].items() if row["orders"]}
    proved = scene.prove()
    assert proved.complete, proved
    assert proved.explained == 100


@pytest.mark.parametrize(("currency", "dropped"), [*(pytest.param(*one.values, 1.0, marks=one.marks) for one in EVERY_CURRENCY), ("GBP", 0.3), ("JPY", 0.6), ("TND", 0.9)])
def test_g_one_poll_finds_what_no_webhook_told(stage: Setting, currency: str, dropped: float) -> None:
    """Given webhooks dropped at random (up to all of them), ... edits of old orders, when the poll backstop has run once, then
    the set and sums of events equal the channel's own for every day."""
    scene, random = stage(currency=currency), Random(f"G{currency}{dropped}")
    scene.fault(SHOP, "webhook_lost", path="WEBHOOK *", rate=dropped)
    orders = []
    for _ in range(30):
        orders.append(scene.sell(str(random.randint(1, 90))))
        scene.clock.advance(random.randint(1, 3 * HOUR))
        if random.random() < 0.2:
            scene.control(SHOP, "edit_order", order=random.choice(orders)["id"], add=[{"title": "More", "price": "5"}], pay=True)
        if random.random() < 0.2:
            scene.control(SHOP, "touch", order=random.choice(orders)["id"])
    scene.webhooks()
    scene.settle()
    assert_all_there(scene)
    scene.assert_settled(BY_DAY)


def test_g_late_commits_below_the_cursor_are_found(stage: Setting) -> None:
    """Given ... late commits, ... when the poll backstop has run once, then the set and sums equal the channel's own."""
    scene = stage()
    scene.fault(SHOP, "webhook_lost", path="WEBHOOK *")
    scene.fault(SHOP, "lagging_search", path="*", rate=0.4, seconds=200)
    for number in range(30):
        scene.sell(str(number + 1))
        scene.clock.advance(20)
        if number % 7 == 0:
            scene.poll()
    assert scene.played(SHOP)["lagging_search"]
    scene.clock.advance(300)
    scene.settle()
    assert_all_there(scene)


def test_g_pages_that_change_while_they_are_read_lose_nothing(stage: Setting) -> None:
    """Given ... pages that change while read, when the poll backstop has run once, then the set and sums equal."""
    scene = stage()
    orders = [scene.sell(str(number + 1), webhooks="lost") for number in range(60) if not scene.clock.advance(30).microsecond]
    plain, changes = registry.verb("shopify", "poll"), iter([orders[5], orders[58], orders[0]])

    async def poll(session: Session, cursor: str | None) -> Page:
        page: Page = await plain(session, cursor)
        for order in [next(changes, None)]:
            if order is not None:
                scene.clock.advance(5)
                scene.control(SHOP, "edit_order", order=order["id"], add=[{"title": "More", "price": "7"}], pay=True, webhooks="lost")
                scene.sell("3", webhooks="lost")
        return page

    verbs: dict[str, Any] = {"poll": poll, "fetch": registry.verb("shopify", "fetch")}
    scene.run(flow.take_in(scene.database, scene.org.org_id, scene.shop.connection_id, verbs, scene.session(scene.shop), scene.clock))
    scene.settle()
    assert_all_there(scene)


def test_g_each_gap_is_named_by_the_proof_and_mended(stage: Setting) -> None:
    """... and each gap was alarmed within one interval: the proof names every order that is missing, and its day."""
    scene = stage()
    told = [scene.sell("10") for _ in range(4)]
    missing = [scene.sell("20", webhooks="lost") for _ in range(3)]
    gone = told[0]
    scene.webhooks()
    scene.record()
    scene.control(SHOP, "delete", order=gone["id"], webhooks="lost")
    scene.clock.advance(HOUR)
    found = scene.prove()
    assert not found.complete
    assert {thing.external_id for thing in found.missing} == {str(order["id"]) for order in missing}
    assert {held.external_id for held in found.gone} == {str(gone["id"])}
    assert [day.business_day.isoformat() for day in found.days if not day.agrees] == ["2026-06-01"]
    scene.settle(polling=False)
    assert_all_there(scene)
    assert scene.sums()[0] == 6


def gaps(scene: Scene, code: str) -> list[review.ReviewItem]:
    with scene.database.transaction() as conn:
        return [item for item in review.items(conn, scene.org.org_id) if item.code == code]


def poll_each(scene: Scene, minutes: int) -> None:
    """The worker polls each minute and books."""
    for _ in range(minutes):
        scene.clock.advance(60)
        scene.webhooks()
        scene.poll()
        scene.record()


def test_g_each_gap_is_alarmed_within_one_interval_and_settles_itself(stage: Setting) -> None:
    """... and each gap was alarmed within one interval."""
    scene = stage()
    poll_each(scene, 2)
    for _ in range(3):
        scene.sell("10")
        poll_each(scene, 1)
    poll_each(scene, 2)
    assert gaps(scene, MISSED) == [], "webhooks that came are no gap"
    for _ in range(3):
        scene.sell("20", webhooks="lost")
    poll_each(scene, 3)
    (item,) = gaps(scene, MISSED)
    assert item.facts["missed"] == 3
    assert "3 webhooks of shop never came" in item.message
    assert item.facts["silent"]
    assert "No webhook came since 2026-06-01T" in item.message
    assert "most likely dead" in item.message
    scene.sell("20", webhooks="lost")
    poll_each(scene, 3)
    (same,) = gaps(scene, MISSED)
    assert (same.item_id, same.facts["missed"]) == (item.item_id, 4), "not one item for each sale"
    scene.sell("30")
    poll_each(scene, 3)
    assert gaps(scene, MISSED) == [], "webhooks come again"
    scene.tell()
    assert_all_there(scene)


def test_g_a_shop_that_is_only_polled_misses_no_webhooks(stage: Setting) -> None:
    scene = stage()
    for _ in range(4):
        scene.sell("20", webhooks="lost")
        poll_each(scene, 1)
    poll_each(scene, 3)
    assert gaps(scene, MISSED) == []


def test_g_a_webhook_that_is_only_slower_than_the_poll_is_no_gap(stage: Setting) -> None:
    scene = stage()
    poll_each(scene, 1)
    scene.sell("5")
    poll_each(scene, 2)
    scene.sell("20", webhooks="late", delay=50.0)
    poll_each(scene, 4)
    assert gaps(scene, MISSED) == []


def test_g_what_the_proof_finds_is_told_and_settled_by_the_next(stage: Setting) -> None:
    scene = stage()
    for _ in range(3):
        scene.sell("20", webhooks="lost")
    scene.clock.advance(HOUR)
    scene.prove()
    (item,) = gaps(scene, FOUND)
    assert "found 3 documents" in item.message
    assert item.facts["first_day"] == "2026-06-01"
    scene.record()
    scene.clock.advance(HOUR)
    scene.prove()
    assert gaps(scene, FOUND) == []


def test_g_what_is_only_information_asks_nothing_of_people(stage: Setting) -> None:
    scene = stage()
    scene.sell("20", webhooks="lost")
    scene.clock.advance(HOUR)
    scene.prove()
    scene.settle()
    with scene.database.transaction() as conn:
        where = standing(conn, scene.org.org_id)
        assert where.review == {FOUND: 1}
        assert where.quiet
        review.open_item(conn, scene.org.org_id, "some-code", "event/1", "m", "r", scene.clock())
        assert not standing(conn, scene.org.org_id).quiet
