"""The numbers that a till gave on a day: which of a range are not here."""

from __future__ import annotations

import re
from typing import Final

NUMBERS: Final = "numbers:"
UNUSED: Final = "unused:"
RANGE_MAX: Final = 100_000
NAMED_MAX: Final = 50
_NUMBERED: Final = re.compile(r"(.*?)([0-9]{1,18})\Z", re.DOTALL | re.ASCII)


def not_held(what: str, held: set[str], unused: set[str]) -> tuple[tuple[str, ...], int]:
    """The numbers of ``numbers:FIRST..LAST`` that nobody holds, the first of them, and how many are held.

    ``unused`` are no gap: the till says itself that it used them for nothing. A till that began anew at one on that day
    wraps around; where the numbers cannot be counted through, only those held are counted.
    """
    wanted = _range(what)
    if wanted is None:
        return (), len(held)
    here = held & set(wanted)
    missing = [number for number in wanted if number not in held and number not in unused]
    return tuple(missing[:NAMED_MAX]), len(here)


def _range(what: str) -> list[str] | None:
    first, _, last = what.removeprefix(NUMBERS).partition("..")
    begin, end = _NUMBERED.match(first), _NUMBERED.match(last)
    if begin is None or end is None or begin[1] != end[1]:
        return None
    width = len(begin[2]) if begin[2].startswith("0") or len(begin[2]) == len(end[2]) else 0
    low, high = int(begin[2]), int(end[2])
    turn = 10 ** len(begin[2])
    values = range(low, high + 1) if low <= high else [*range(low, turn), *range(1, high + 1)]
    if len(values) > RANGE_MAX:
        return None
    return [f"{begin[1]}{value:0{width}d}" for value in values]
