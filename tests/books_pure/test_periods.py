"""Periods and kinds of accounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from leja.books.accounts import in_profit_and_loss
from leja.books.periods import Periods, following, period_of
from leja.tax.inclusive import round_ratio, tax_on


def test_a_late_posting_goes_to_the_first_day_after_all_locked_periods() -> None:
    """Also over a year's end."""
    periods = Periods(locked=frozenset({"2025-11", "2025-12", "2026-01"}))
    assert periods.posting_date(date(2025, 11, 30)) == date(2026, 2, 1)
    assert periods.posting_date(date(2025, 10, 31)) == date(2025, 10, 31)
    assert not periods.is_open(date(2026, 1, 31))


def test_a_return_that_is_filed_passes_its_late_tax_to_the_next() -> None:
    """A lock of the books does not move the return."""
    periods = Periods(locked=frozenset({"2026-05"}), filed=frozenset({"2026-04"}))
    assert periods.return_period(date(2026, 4, 30)) == "2026-05"
    assert periods.return_period(date(2026, 5, 1)) == "2026-05"


def test_periods_follow_each_other() -> None:
    """December is followed by January."""
    assert following("2026-12") == "2027-01"
    assert following("2026-01") == "2026-02"
    assert period_of(date(2026, 1, 2)) == "2026-01"


def test_only_income_and_expenses_are_closed_into_profit() -> None:
    """A tax account stands in the balance sheet."""
    assert in_profit_and_loss("income")
    assert in_profit_and_loss("cost_of_sales")
    assert not in_profit_and_loss("tax")


def test_tax_is_rounded_half_up_and_a_refund_mirrors_its_sale() -> None:
    """On the absolute value, per tax, inside or on top of the price."""
    assert tax_on(333, [Decimal("20")], inclusive=False) == 67
    assert tax_on(99900, [Decimal("16")], inclusive=True) == 13779
    assert tax_on(-99900, [Decimal("16")], inclusive=True) == -13779
    assert tax_on(8000, [Decimal("5"), Decimal("9.975")], inclusive=False) == 400 + 798
    assert (round_ratio(5, 10), round_ratio(-5, 10)) == (1, -1)
