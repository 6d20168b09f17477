"""Who is told of an entry, in which group, and from when on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from leja.core.errors import Refused
from leja.delivery.outbox import Booking, Places, Told, grace, group_of, mode_for
from leja.delivery.summaries import group_mark, part_of, reference
from leja.rules.modes import PostingMode

DOCUMENT = UUID(int=1)
TARGET = Told(UUID(int=2), date(2026, 1, 1), ())


def booking(**changes):
    facts = {"entry_number": 1, "document_id": DOCUMENT, "kind": "sale", "business_day": date(2026, 5, 4),
             "posting_date": date(2026, 5, 4), "location": "nairobi", "channel": "till", "currency": "KES"}
    return Booking(**facts | changes)


@pytest.mark.parametrize(("kind", "customer", "mode"), [
    ("sale", "consumer", "daily"), ("sale", "business", "each"), ("refund", "consumer", "daily"), ("payout",
    "consumer", "each"),
    ("fee", "consumer", "each"), ("invoice", "business", "each"),
])
def test_the_default_is_daily_for_consumers_and_each_for_businesses_and_payouts(kind, customer, mode):
    assert mode_for(booking(kind=kind, customer_kind=customer), TARGET) == mode


def test_an_accountants_choice_wins_from_its_day_on():
    chosen = Told(TARGET.connection_id, date(2026, 1, 1), (
        PostingMode(target=str(TARGET.connection_id), mode="each", effective_from=date(2026, 5, 1), channel="till"),))
    assert mode_for(booking(), chosen) == "each"
    assert mode_for(booking(business_day=date(2026, 4, 30)), chosen) == "daily"
    assert mode_for(booking(channel="web"), chosen) == "daily"


def test_a_day_is_over_at_its_places_day_end_also_when_the_clocks_change():
    places = Places("UTC", 0, {"nairobi": ("Africa/Nairobi", 120), "london": ("Europe/London", 0)})
    assert places.day_ends(date(2026, 6, 1), "nairobi") == datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
    assert places.day_ends(date(2026, 6, 1), "elsewhere") == datetime(2026, 6, 2, tzinfo=UTC)
    assert places.day_ends(date(2026, 3, 28), "london") == datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert places.day_ends(date(2026, 3, 29), "london") == datetime(2026, 3, 29, 23, 0, tzinfo=UTC)


def test_the_grace_time_is_a_setting(monkeypatch):
    assert grace() == timedelta(hours=2)
    monkeypatch.setenv("LEJA_DAILY_GRACE", "soon")
    with pytest.raises(Refused, match="LEJA_DAILY_GRACE"):
        grace()


def test_groups_are_named_for_document_or_day():
    assert group_of(booking(), "each") == f"document/{DOCUMENT}"
    assert group_of(booking(), "daily") == "daily/2026-05-04/nairobi/till/KES"


@pytest.mark.parametrize("part", [1, 2, 31, 32, 1023, 1024, 32767])
def test_a_reference_is_short_plain_the_same_every_time_and_bears_its_part(part):
    mark = group_mark(UUID(int=1), UUID(int=2), "daily/2026-05-04/nairobi/till/KES")
    made = reference(mark, part)
    assert made == reference(mark, part)
    assert len(made) <= 17
    assert made.isalnum()
    assert made.isupper()
    assert part_of(made) == part
    assert part_of(made + "-P1") == part


@pytest.mark.parametrize("text", ["", "RENT-MAY", "LJ", "S-1001", "LJsmall", "LJABCDEFGHIJKL1"])
def test_what_we_did_not_make_bears_no_part(text):
    assert part_of(text) is None


def test_other_targets_and_groups_have_other_references():
    marks = {group_mark(UUID(int=o), UUID(int=t), g) for o in (1, 2) for t in (3, 4) for g in ("a", "b")}
    assert len(marks) == 8
