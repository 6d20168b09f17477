"""Scenario L: a target that admits so many reads a month: counted here, across processes, and people hear in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from leja.access import metered_reads, tokens
from leja.database import review
from leja.house import House
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, Scene


def used(scene: Scene) -> int:
    rows = scene.rows("SELECT reads FROM metered_reads WHERE org_id = %s AND connection_id = %s", scene.targets[BY_SALE].connection_id)
    return int(rows[0][0]) if rows else 0


def read_back(scene: Scene, house: House) -> Any:
    return scene.run(house._read_back(scene.org.org_id, str(scene.targets[BY_SALE].connection_id)))


def open_items(scene: Scene) -> list[review.ReviewItem]:
    with scene.database.transaction() as conn:
        return [item for item in review.items(conn, scene.org.org_id) if item.code == metered_reads.RUNNING_OUT]


def told_so(scene: Scene, counted: int) -> None:
    """Another process saves what it counted."""
    target = scene.targets[BY_SALE]
    with scene.database.transaction() as conn:
        metered_reads.add(conn, scene.org.org_id, target.connection_id, target.name,
                          target.connector.limits.reads_per_month, counted, scene.clock())


def test_l_reads_are_counted_across_processes_and_slowed_before_they_are_used_up(stage: Setting) -> None:
    scene = stage(start=datetime(2026, 6, 10, 9, tzinfo=UTC))
    target = scene.targets[BY_SALE]
    scene.house._meters.clear()
    ran = read_back(scene, scene.house)
    assert ran.not_before - scene.clock() < timedelta(days=1, hours=5)
    assert used(scene) == 0, "a few reads are kept in memory"
    scene.house._meters[target.connection_id].save()
    first = used(scene)
    assert first > 0
    again = House(scene.house.settings, scene.database, scene.house.vault, scene.clock)
    again.pace_off = True
    read_back(scene, again)
    again._meters[target.connection_id].save()
    assert used(scene) > first, "another process goes on from what is stored"
    told_so(scene, 400_000)
    (item,) = open_items(scene)
    assert "admits 500,000 reads a month" in item.message
    assert "at this pace they end on 2026-06-12" in item.message
    again._meters[target.connection_id].count()
    again._meters[target.connection_id].save()
    assert read_back(scene, again).not_before - scene.clock() > timedelta(days=5), "read-backs are stretched"
    delivered = scene.run(again._deliver(scene.org.org_id, str(target.connection_id)))
    assert delivered.not_before - scene.clock() > timedelta(seconds=60)
    assert scene.run(again._deliver(scene.org.org_id, str(scene.targets[BY_DAY].connection_id))).not_before - scene.clock() < timedelta(seconds=10)
    scene.clock.advance(25 * 86_400)
    told_so(scene, 1)
    assert open_items(scene) == [], "it began anew with the month"


def test_l_the_api_and_the_check_show_how_the_month_stands(stage: Setting, monkeypatch: Any) -> None:
    from litestar.testing import TestClient

    from leja.cli import connection_check
    from leja.web.api import application

    scene = stage(start=datetime(2026, 6, 10, 9, tzinfo=UTC))
    told_so(scene, 123_456)
    with scene.database.transaction() as conn:
        token = tokens.create(conn, scene.org.org_id, "test", ["read"], scene.clock())
    scene.house.settings = msgspec.structs.replace(scene.house.settings)
    with TestClient(application(scene.house)) as client:
        shown = client.get(f"/api/v1/orgs/{scene.org.org_id}/connections", headers={"authorization": f"Bearer {token}"}).json()
    by_name = {each["name"]: each["reads"] for each in shown}
    assert by_name[BY_SALE] == {"month": "2026-06-01", "allowance": 500_000, "used": 123_456, "ends_on": None}
    assert by_name[BY_DAY] is None
    (checked,) = scene.run(connection_check.check_all(scene.house, [scene.targets[BY_SALE]]))
    told = connection_check.as_json(checked)["reads"]
    assert (told["allowance"], told["used"]) == (500_000, 123_456)
