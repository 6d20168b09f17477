"""Books, what was told and what stands there are compared cell by cell."""

from __future__ import annotations

from datetime import date

from leja.reconcile.differences import Cell, compare

DAY = date(2026, 5, 4)
TAX, SALES = Cell("tax", DAY, "GBP"), Cell("sales", DAY, "GBP")


def test_equal_cells_are_no_difference():
    assert compare({TAX: 1}, {TAX: 1}, {TAX: 1}, {}) == []


def test_the_targets_own_residual_is_known_up_to_its_size_and_no_further():
    within = compare({TAX: -200}, {TAX: -201}, {TAX: -201}, {(DAY, "GBP"): 1})
    beyond = compare({TAX: -200}, {TAX: -202}, {TAX: -202}, {(DAY, "GBP"): 1})
    assert [(d.kind, d.known) for d in within] == [("residual", True)]
    assert [(d.kind, d.known) for d in beyond] == [("told", False)]


def test_what_stands_there_and_was_never_told_is_a_difference_too():
    found = compare({}, {}, {SALES: -5}, {})
    assert [(d.account, d.day, d.ours, d.theirs, d.known) for d in found] == [("sales", DAY, 0, -5, False)]
