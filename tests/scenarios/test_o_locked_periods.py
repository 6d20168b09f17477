"""Scenario O: what arrives for a month that is closed, there or here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from leja.closing.lock import lock
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, SHOP, Scene

MAY = datetime(2026, 5, 20, 9, 0, tzinfo=UTC)
JUNE = datetime(2026, 6, 3, 9, 0, tzinfo=UTC)
END = "2026-05-31"


def may_there(scene: Scene, name: str) -> list[dict[str, Any]]:
    """Everything that stands in the locked month."""
    return list(scene.control(name, "books", until=END))


def scene_in_june(stage: Setting, currency: str = "GBP") -> tuple[Scene, list[dict[str, Any]]]:
    """A May that was told, then locked at both targets; it is June."""
    scene = stage(currency=currency, start=MAY)
    orders = [scene.sell("100", webhooks="lost"), scene.sell("200", webhooks="lost")]
    scene.settle()
    scene.assert_settled()
    scene.clock.set(JUNE)
    return scene, orders


@pytest.mark.parametrize("currency", ["JPY", "GBP", "KWD"])
@pytest.mark.parametrize("known", [True, False], ids=["chart read again", "lock not known yet"])
def test_o_nothing_dated_in_a_period_locked_there_changes(stage: Setting, currency: str, known: bool) -> None:
    """Given a target locked to month end, when a refund or a sale of the locked month arrives, then nothing dated in the locked
    period changes: the posting date is in the first open period, the true date is kept, ... and the batch reports the truth per
    document."""
    scene, orders = scene_in_june(stage, currency)
    for target in (BY_SALE, BY_DAY):
        scene.read_chart(target)
        scene.control(target, "lock", day=END)
        if known:
            scene.read_chart(target)
    before = {target: may_there(scene, target) for target in (BY_SALE, BY_DAY)}
    late = scene.sell("50", created_at="2026-05-28T10:00:00+00:00", processed_at="2026-05-28T10:00:00+00:00", webhooks="lost")
    scene.refund(orders[0], processed_at="2026-05-29T10:00:00+00:00", webhooks="lost")
    open_one = scene.sell("70", webhooks="lost")
    scene.settle()
    assert scene.held() == []
    for target in (BY_SALE, BY_DAY):
        assert may_there(scene, target) == before[target]
        assert not scene.agreement(target).differences
    dated = {one["number"]: one for one in scene.remote(BY_SALE)}
    by_total = {(one["kind"], scene.minor(one["total"])): one for one in dated.values()}
    moved = by_total["SalesReceipt", scene.minor(late["total"])]
    back = by_total["RefundReceipt", scene.minor(orders[0]["total"])]
    assert moved["day"] == back["day"] == "2026-06-01"
    assert "true date 2026-05-28" in moved["note"]
    assert "true date 2026-05-29" in back["note"]
    assert by_total["SalesReceipt", scene.minor(open_one["total"])]["day"] == "2026-06-03"
    days = {row[0].isoformat() for row in scene.rows("SELECT posting_date FROM entry WHERE org_id = %s")}
    assert days == {"2026-05-20", "2026-05-28", "2026-05-29", "2026-06-03"}


def test_o_a_period_locked_here_keeps_its_figures(stage: Setting) -> None:
    """... when a refund or a sale of the locked month arrives, then nothing dated in the locked period changes: the posting date
    is in the first open period, the true date is kept, tax point and return period follow the rule."""
    scene, orders = scene_in_june(stage)
    with scene.database.transaction() as conn:
        lock(conn, scene.org.org_id, "2026-05", "ada", "the month is done", scene.clock())
    months = "SELECT account, sum(l.base)::bigint FROM line l JOIN entry e ON e.org_id = l.org_id AND e.number = l.entry_number WHERE l.org_id = %s AND e.posting_date < '2026-06-01' GROUP BY 1 ORDER BY 1"
    before = scene.rows(months)
    assert before
    scene.sell("50", created_at="2026-05-28T10:00:00+00:00", processed_at="2026-05-28T10:00:00+00:00", webhooks="lost")
    scene.refund(orders[0], processed_at="2026-05-29T10:00:00+00:00", webhooks="lost")
    scene.control(SHOP, "edit_order", order=orders[1]["id"], add=[{"title": "More", "price": "5"}], pay=True, webhooks="lost")
    scene.settle()
    assert scene.rows(months) == before
    late = scene.rows("SELECT e.business_day, e.posting_date, l.tax_point, l.return_period FROM line l JOIN entry e ON e.org_id = l.org_id"
                      " AND e.number = l.entry_number WHERE l.org_id = %s AND l.role = 'output_tax' AND e.business_day BETWEEN '2026-05-28' AND '2026-05-29'"
                      " ORDER BY e.business_day")
    assert [(row[0].isoformat(), row[1].isoformat(), row[2].isoformat()) for row in late] == [
        ("2026-05-28", "2026-06-01", "2026-05-28"), ("2026-05-29", "2026-06-01", "2026-05-29")]
    assert {row[3] for row in late} == {"2026-05"}
    scene.assert_settled()
