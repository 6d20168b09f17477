"""Undoing and redoing entries by dated entries: nothing is deleted, the books say what was undone, when and by which entry.

An entry that a person undid stays undone until a person redoes it: a later revision of its document does not book it again.
Labels tell the kinds apart: ``undo:<number>`` undoes an entry, ``drift:<id>`` follows what somebody changed at a target.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from leja.books.entry import Entry, reversal
from leja.books.periods import Periods

UNDO: Final = "undo:"
DRIFT: Final = "drift:"


def undoing(entry: Entry, number: int, on: date, periods: Periods, reason: str = "") -> Entry:
    """The entry that undoes ``entry``, stored under ``number``, on a day of its own.

    The business day stays: a target that was not told of the entry, because it lies before its start, is not told of this.
    The tax goes back in the return of ``on``.
    """
    made = reversal(entry, number, on, f"{UNDO}{number}")
    lines = tuple([
        line if line.tax_point is None else msgspec.structs.replace(line, tax_point=on, return_period=periods.return_period(on))
        for line in made.lines
    ])
    return msgspec.structs.replace(made, lines=lines, text=_words(f"Undoes entry {number}", reason))


def redoing(entry: Entry, number: int, on: date, periods: Periods, reason: str = "") -> Entry:
    """The entry that says again on ``on`` what entry ``number`` said; the tax goes into the return of ``on``.

    Under its own label and business day, so that a later revision of the document finds it and compares.
    """
    lines = tuple([
        line if line.tax_point is None else msgspec.structs.replace(line, return_period=periods.return_period(on))
        for line in entry.lines
    ])
    return msgspec.structs.replace(
        entry, posting_date=on, lines=lines, reverses=None, text=_words(f"Says entry {number} again", reason))


def wanted_still(stored: Sequence[tuple[int, Entry]], wanted: Sequence[Entry]) -> Sequence[Entry]:
    """What of ``wanted`` may be booked: not what a person undid. Where a document was undone whole and last, nothing."""
    undone = {entry.reverses for _, entry in stored if entry.label.startswith(UNDO)}
    if not undone:
        return wanted
    in_order = sorted(stored, key=lambda one: one[0])
    gone = {entry.reverses for _, entry in stored if entry.reverses is not None}
    latest = {entry.label: number for number, entry in in_order if entry.reverses is None and not entry.label.startswith(DRIFT)}
    if in_order[-1][1].label.startswith(UNDO) and gone.issuperset(latest.values()):
        return ()
    return [entry for entry in wanted if latest.get(entry.label) not in undone]


def _words(what: str, reason: str) -> str:
    return f"{what}: {reason}" if reason else what
