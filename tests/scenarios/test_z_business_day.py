"""Scenario Z: the business day that the outlet printed, over zones, cut-offs and both changes of the clock."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, SHOP, Scene

LONDON, NEW_YORK, TUNIS = "Europe/London", "America/New_York", "Africa/Tunis"
# The weeks in which the clocks of London and of New York change, there and back.
WEEKS = (datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC))
CUT_OFF = 120


@pytest.fixture(params=["UTC", "Pacific/Kiritimati", "America/New_York"])
def server_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """The zone of the machine, which must not matter."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def printed(moment: datetime, zone: str) -> str:
    """The day on the outlet's receipt: its wall clock, two hours back."""
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return (wall - timedelta(minutes=CUT_OFF)).date().isoformat()


def outlets(scene: Scene) -> dict[str, str]:
    """Two outlets in different zones, whose day ends at two in the morning."""
    found = {}
    for zone in (LONDON, NEW_YORK):
        place = scene.control(SHOP, "location", name=zone)
        found[zone] = str(place["id"])
        scene.place(found[zone], zone, CUT_OFF)
    return found


@pytest.mark.parametrize("week", WEEKS, ids=lambda week: f"{week:%Y-%m-%d}")
def test_z_every_sale_falls_on_the_day_its_outlet_printed(stage: Setting, server_zone: str, week: datetime) -> None:
    """Given two outlets in different zones, a 02:00 cut-off and both DST changes, when a week is closed, then every sale falls
    on the trading date its outlet printed, daily totals equal each channel's own daily report, and moving the server's zone
    changes nothing."""
    scene = stage(zone=LONDON, day_end_minutes=CUT_OFF, start=week - timedelta(days=1))
    places = outlets(scene)
    expected: dict[str, str] = {}
    takings: Counter[tuple[str, str]] = Counter()
    moments = [week + timedelta(hours=hour, minutes=minute) for hour in range(0, 168, 24) for minute in (29, 89, 119, 120, 121, 299, 300, 359, 360, 361, 420, 421, 700)]
    for number, moment in enumerate(moments):
        zone = (LONDON, NEW_YORK)[number % 2]
        made = scene.sell(scene.line(str(1 + number)), location_id=int(places[zone]), source_name="pos", created_at=moment.isoformat(),
                          processed_at=moment.isoformat(), webhooks="lost")
        expected[str(made["id"])] = printed(moment, zone)
        takings[printed(moment, zone), places[zone]] += scene.minor(made["total"])
    scene.clock.set(week + timedelta(days=9))
    scene.settle()
    assert {row[0]: row[1].isoformat() for row in scene.rows(
        "SELECT d.external_id, r.business_day FROM document d JOIN document_revision r ON r.org_id = d.org_id AND r.document_id = d.document_id"
        " WHERE d.org_id = %s AND d.kind = 'sale'")} == expected
    booked = {(row[0].isoformat(), row[1]): int(row[2]) for row in scene.rows(
        "SELECT e.business_day, l.location, sum(l.base)::bigint FROM line l JOIN entry e ON e.org_id = l.org_id AND e.number = l.entry_number"
        " WHERE l.org_id = %s AND l.role LIKE 'clearing%%' GROUP BY 1, 2")}
    assert booked == dict(takings)
    by_day: Counter[str] = Counter()
    for (day, _), total in takings.items():
        by_day[day] += total
    told: Counter[str] = Counter()
    for one in scene.remote(BY_DAY, "Invoices"):
        told[one["day"][:10]] += scene.minor(one["total"])
    assert told == by_day
    scene.assert_settled()


@pytest.mark.parametrize("zone", [LONDON, NEW_YORK, TUNIS, "Asia/Kolkata"])
def test_z_daily_totals_equal_the_channels_own_report(stage: Setting, zone: str) -> None:
    """... daily totals equal each channel's own daily report."""
    start = datetime(2026, 10, 24, tzinfo=UTC)
    scene = stage(zone=zone, start=start)
    for hour in range(0, 72, 2):
        moment = (start + timedelta(hours=hour, minutes=hour * 7 % 60)).isoformat()
        scene.sell(str(10 + hour), created_at=moment, processed_at=moment, webhooks="lost")
    scene.clock.set(start + timedelta(days=4))
    scene.settle()
    report = {day: row["order_sums"][scene.currency] for day, row in scene.control(SHOP, "report")["days"].items()}
    assert {row[0].isoformat(): int(row[1]) for row in scene.rows(
        "SELECT e.business_day, sum(l.amount)::bigint FROM line l JOIN entry e ON e.org_id = l.org_id AND e.number = l.entry_number"
        " WHERE l.org_id = %s AND l.role LIKE 'clearing%%' GROUP BY 1")} == report
    assert scene.prove().complete
    assert {one["day"][:10]: scene.minor(one["total"]) for one in scene.remote(BY_DAY, "Invoices")} == report


def test_z_the_tills_file_follows_the_cut_off(stage: Setting, server_zone: str) -> None:
    """... every sale falls on the trading date its outlet printed: the till's file too, in the hour that comes twice."""
    scene = stage(zone=LONDON, day_end_minutes=CUT_OFF, start=datetime(2026, 10, 27, tzinfo=UTC))
    written = {"1": "2026-10-24 23:59", "2": "2026-10-25 00:30", "3": "2026-10-25 01:30", "4": "2026-10-25 02:00", "5": "2026-10-26 01:59"}
    scene.till_file([(number, "S1", "1", moment, "10.00") for number, moment in written.items()])
    scene.settle()
    found = {row[0]: row[1].isoformat() for row in scene.rows(
        "SELECT r.facts::jsonb #>> '{header,number}', r.business_day FROM document d JOIN document_revision r ON r.org_id = d.org_id"
        " AND r.document_id = d.document_id WHERE d.org_id = %s AND d.kind = 'sale'")}
    assert found == {"1": "2026-10-24", "2": "2026-10-24", "3": "2026-10-24", "4": "2026-10-25", "5": "2026-10-25"}
    scene.assert_settled()
