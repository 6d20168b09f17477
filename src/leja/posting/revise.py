"""Revising: what must be booked so that the books say what a document means now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from leja.books.entry import Entry, reversal
from leja.books.periods import Periods, period_of
from leja.books.undo import DRIFT, wanted_still
from leja.documents.document import Document
from leja.documents.sale import Sale


class StoredEntry(NamedTuple):
    """An entry of the document that is in the books, under its number."""

    number: int
    entry: Entry


def revise(
    stored: Sequence[StoredEntry], wanted: Sequence[Entry], periods: Periods, day: date | None = None
) -> tuple[Entry, ...]:
    """Label by label: what is equal stays, what changed or vanished is reversed, what is new is booked.

    ``stored`` are all entries of the document, reversals among them. A reversal is dated like the entry that it undoes,
    or on ``day`` where the source says when it was called off, or on the first open date where that period is locked.
    With the result stored too, revising again gives nothing. What a person undid stays undone, and what follows a change
    at a target stays.
    """
    wanted = wanted_still(stored, wanted)
    standing = _standing(stored)
    by_label = {entry.label: entry for entry in wanted}
    booked: list[Entry] = []
    kept: set[str] = set()
    for one in standing:
        now = by_label.get(one.entry.label)
        if now is not None and one.entry.label not in kept and _same(one.entry, now):
            kept.add(one.entry.label)
            continue
        booked.append(_undo(one, periods, None if now is not None else day))
    booked += [entry for entry in wanted if entry.label not in kept]
    return tuple(booked)


def called_off_on(document: Document) -> date | None:
    """The business day on which a document was cancelled, for dating what undoes it."""
    return document.cancelled_on if isinstance(document, Sale) and document.state == "cancelled" else None


def _standing(stored: Sequence[StoredEntry]) -> list[StoredEntry]:
    """The entries that nothing has undone yet, by number."""
    undone = {one.entry.reverses for one in stored if one.entry.reverses is not None}
    return sorted(
        (one for one in stored
         if one.entry.reverses is None and one.number not in undone and not one.entry.label.startswith(DRIFT)),
        key=lambda one: one.number)


def _undo(one: StoredEntry, periods: Periods, day: date | None) -> Entry:
    entry = one.entry
    undone = reversal(entry, one.number, periods.posting_date(day or entry.posting_date), f"reversal:{one.number}")
    if day is None:
        return undone
    # Called off on a day of its own: the tax goes back in that day's return, not in the one of the sale.
    return msgspec.structs.replace(undone, business_day=day, lines=tuple([
        line if line.tax_point is None else msgspec.structs.replace(
            line, tax_point=day, return_period=periods.return_period(day) if periods.filed else period_of(day))
        for line in undone.lines
    ]))


def _same(stored: Entry, wanted: Entry) -> bool:
    """Whether two entries say the same, apart from where a lock has moved them to and from notes.

    A payment's reference that is learnt later is a note: it moves no money.
    """
    if stored.business_day != wanted.business_day or len(stored.lines) != len(wanted.lines):
        return False
    return all(
        msgspec.structs.replace(old, return_period=new.return_period, memo=new.memo) == new
        for old, new in zip(stored.lines, wanted.lines, strict=True)
    )
