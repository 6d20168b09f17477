"""Every source that is polled, against its own stand-in: however its news comes, the books are the same and complete.

Passing proves that connector, intake and stand-in keep one another's word. It proves nothing about a live vendor: how far
the stand-in is true to it, ``judged_by`` says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from leja.connectors import registry
from leja_sandbox.control import SALES_ACTIONS

from .source_scene import SourceScene
from .stages import source_stage, sources

SOURCES = sources()
HEARD = [slug for slug in SOURCES if "webhooks" in registry.capabilities(slug)]
Reading = Callable[..., SourceScene]
FAULTS: dict[str, dict[str, Any]] = {
    "rate_limited": {"retry_after": 2.0}, "error_before": {}, "error_after": {}, "answer_lost": {}, "cut_before": {},
}


@pytest.mark.parametrize("slug", SOURCES)
def test_a_poll_alone_finds_everything(slug: str, reading: Reading) -> None:
    scene = reading(slug, door=False)
    scene.season()
    scene.take_in()
    scene.assert_as_over_there()
    assert scene.books()
    assert scene.control("report")["counts"]["orders"] > len(scene.stage.sales)
    assert scene.stand_in.control.missing(SALES_ACTIONS) == []
    before, entries = scene.books(), scene.rows("SELECT count(*) FROM entry WHERE org_id = %s")
    scene.clock.advance(3600)
    scene.take_in()
    assert (scene.books(), scene.rows("SELECT count(*) FROM entry WHERE org_id = %s")) == (before, entries)


@pytest.mark.parametrize("slug", HEARD)
def test_webhooks_alone_tell_everything_and_a_poll_after_them_changes_nothing(slug: str, reading: Reading) -> None:
    polled = reading(slug, door=False)
    polled.season()
    polled.take_in()
    scene = reading(slug)
    scene.season()
    assert scene.webhooks() > len(scene.stage.sales)
    scene.take_in(polling=False)
    scene.assert_as_over_there()
    assert scene.books() == polled.books()
    scene.take_in()
    assert scene.books() == polled.books()
    scene.assert_as_over_there()


@pytest.mark.parametrize("slug", HEARD)
def test_lost_webhooks_are_found_by_the_poll(slug: str, reading: Reading) -> None:
    scene = reading(slug)
    scene.fault("webhook_lost", rate=0.5)
    scene.season()
    scene.webhooks()
    assert scene.stand_in.env.faults.played["webhook_lost"] > 1
    scene.take_in()
    scene.assert_as_over_there()


@pytest.mark.parametrize("slug", HEARD)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stale_repeated_and_disordered_webhooks_give_the_same_books(slug: str, seed: int, reading: Reading) -> None:
    scene, chance = reading(slug), Random(seed)
    scene.season()
    scene.webhooks()
    scene.take_in(polling=False)
    clean = scene.books()
    other = reading(slug)
    for kind in ("webhook_twice", "webhook_stale", "webhook_out_of_order"):
        other.fault(kind, rate=0.4, seconds=900.0)
    other.stand_in.env.faults.random.seed(seed)
    other.season()
    rows = [row for row in other.stand_in.outgoing() for _ in range(chance.randint(1, 4))]
    chance.shuffle(rows)
    other.send(rows[: len(rows) // 2])
    other.take_in(polling=False)
    other.send(rows[len(rows) // 2 :])
    other.webhooks()
    other.take_in(polling=False)
    other.assert_as_over_there()
    assert other.books() == clean


@pytest.mark.parametrize("slug", HEARD)
def test_subscribing_again_makes_nothing_and_repairs_what_is_gone(slug: str, reading: Reading) -> None:
    scene = reading(slug)
    if "subscribe" not in registry.capabilities(slug) or scene.door is None:
        return
    address = scene.door.url(scene.connection.door)
    again = scene.run(scene.verb("subscribe")(scene.session, address))
    assert again.alive
    assert again.created == ()
    elsewhere = scene.run(scene.verb("subscribe")(scene.session, f"{address}x"))
    assert set(elsewhere.created) | set(elsewhere.repaired) == set(again.alive)


@pytest.mark.parametrize("slug", SOURCES)
def test_pages_that_change_while_they_are_read_lose_nothing(slug: str, reading: Reading) -> None:
    scene = reading(slug, door=False)
    sales = [scene.sell(number) for number in range(scene.stage.page) if not scene.clock.advance(1).microsecond]
    assert len(sales) == scene.stage.page

    def merchant(page: int) -> None:
        scene.clock.advance(5)
        for place in (0, len(sales) // 2, -1):
            scene.do(scene.stage.touch, sales[place])
        scene.do(scene.stage.edit, sales[page])
        scene.sell(page)

    assert scene.poll_page_by_page(merchant) > 1, "the stage's `page` is no more than one page"
    scene.take_in()
    scene.assert_as_over_there()


@pytest.mark.parametrize("slug", SOURCES)
def test_what_is_committed_late_within_the_overlap_is_found(slug: str, reading: Reading) -> None:
    scene = reading(slug, door=False)
    if "late" in scene.stage.not_offered:
        return
    late = scene.stage.late
    for number in range(4):
        # Intake reads from the beginning until runs that lie apart have settled a cursor: from there on lateness counts.
        scene.sell(number)
        scene.clock.advance(900)
        scene.take_in()
    seen = scene.standing()[0]
    moment = scene.clock() - timedelta(seconds=late["seconds"])
    scene.sell(0, **{late["argument"]: moment.isoformat()})
    scene.take_in()
    assert scene.standing()[0] == seen + 1
    scene.assert_as_over_there()


@pytest.mark.parametrize("slug", SOURCES)
def test_a_backfill_makes_the_books_that_polling_makes(slug: str, reading: Reading) -> None:
    polled = reading(slug, door=False)
    if "backfill" in polled.stage.not_offered:
        return
    polled.season()
    polled.take_in()
    scene = reading(slug, door=False)
    sales = scene.season()
    assert scene.backfill() >= len(sales)
    scene.assert_as_over_there()
    assert scene.books() == polled.books()
    entries = scene.rows("SELECT count(*) FROM entry WHERE org_id = %s")
    scene.take_in()
    assert scene.rows("SELECT count(*) FROM entry WHERE org_id = %s") == entries, "a poll after it has nothing new"


@pytest.mark.parametrize("slug", SOURCES)
def test_the_proof_agrees_with_the_sources_own_days_and_finds_what_is_missing(slug: str, reading: Reading) -> None:
    scene = reading(slug, door=False)
    scene.season()
    first = scene.prove()
    assert len(first.missing) == sum(scene.control("report")["counts"].values())
    scene.assert_as_over_there()
    proved = scene.prove()
    assert (proved.missing, proved.older, proved.different, proved.gone) == ((), (), (), ())
    assert scene.to_review() == [], "a proof that finds nothing settles what the last one told"
    assert proved.days
    assert all(day.agrees for day in proved.days), proved.days
    if "day_totals" not in scene.stage.not_offered:
        report = scene.control("report")
        stated = [(day.stated_count, day.stated_sum) for day in proved.days if day.kind == "sale"]
        assert sum(count or 0 for count, _ in stated) == report["counts"]["orders"]
        assert sum(minor or 0 for _, minor in stated) == report["sums"]["orders"]["GBP"]


@pytest.mark.parametrize("slug", SOURCES)
def test_the_proof_finds_what_was_deleted_without_a_word(slug: str, reading: Reading) -> None:
    scene = reading(slug, door=False)
    if scene.stage.delete is None:
        assert "delete" in scene.stage.not_offered
        return
    sales = scene.season()
    scene.take_in()
    count, _ = scene.standing()
    scene.do(scene.stage.delete, sales[2])
    proved = scene.prove()
    assert [str(one.external_id) for one in proved.gone] == [str(sales[2])]
    assert scene.standing()[0] == count - 1
    scene.assert_as_over_there()
    assert scene.prove().gone == ()


@pytest.mark.parametrize("slug", SOURCES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_reading_loses_nothing(slug: str, fault: str, reading: Reading) -> None:
    scene = reading(slug, door=False)
    scene.fault(fault, path=scene.stage.reads, rate=0.3, **FAULTS[fault])
    scene.stand_in.env.faults.random.seed(4)
    scene.season()
    for _ in range(3):
        scene.take_in()
        scene.clock.advance(3600)
        scene.do(scene.stage.touch, scene.sell(1))
    scene.stand_in.env.faults.add(fault, path=scene.stage.reads, times=1, **FAULTS[fault])  # type: ignore[arg-type]
    scene.take_in()
    assert scene.stand_in.env.faults.played[fault] > 1
    scene.stand_in.env.faults.clear()
    scene.assert_as_over_there()


@pytest.mark.parametrize("slug", SOURCES)
def test_what_a_source_leaves_out_it_explains(slug: str) -> None:
    said = source_stage(slug)
    for name, why in said.not_offered.items():
        assert len(why.split()) > 3, f"{slug}: why is {name} left out?"
    assert len(said.sales) > 2
    assert said.page > 1
    offered = {"refund": said.refund, "edit": said.edit, "delete": said.delete, "late": said.late or None}
    assert all(there is not None or name in said.not_offered for name, there in offered.items())
