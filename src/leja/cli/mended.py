"""What a mending or an undoing did or would do, for people: entries, sums per account, and what each target is told."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from leja.delivery.mend_shown import EntryShown, LineShown, Told


def say_entries(console: Console, entries: Sequence[EntryShown], count: int, *, would: bool) -> None:
    """The entries, each with its lines."""
    for one in entries:
        console.print(f"{'would book' if would else 'booked'} entry {'' if would else one.number} of {one.posting_date}: {one.text}",
                      soft_wrap=True)
        for line in one.lines:
            console.print(f"    {line.account:<28}{line.amount!s:>20}")
    if count > len(entries):
        console.print(f"and {count - len(entries)} entries more")


def say_accounts(console: Console, accounts: Sequence[LineShown]) -> None:
    """The sum per account."""
    console.print("in our books, per account:")
    for one in accounts:
        console.print(f"    {one.account:<28}{one.amount!s:>20}")


def say_told(console: Console, told: Sequence[Told], *, would: bool) -> None:
    """What goes to each target."""
    for target in told:
        if not target.documents and not target.held:
            console.print(f"{target.target}: {'would be' if would else 'is'} told nothing")
        for one in target.documents:
            console.print(
                f"{target.target}: {'would be' if would else 'will be'} told {one.kind} {one.reference} of {one.date}, {one.total}",
                soft_wrap=True)
            for line in one.moves:
                console.print(f"    {line.name or line.account:<28}{line.amount!s:>20}")
        for trouble in target.held:
            console.print(f"{target.target}: held, {trouble.message}\n    → {trouble.remedy}", soft_wrap=True)
