"""A figure of a run: always a ratio, with what it was measured beside, what it should be and whether it is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

import msgspec

Verdict = Literal["holds", "misses", "reported"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """``ratio`` is the median of ``rounds``; ``bound`` with ``better`` says what it must be, ``goal`` what it should be."""

    part: str
    what: str
    beside: str
    ratio: float
    rounds: tuple[float, ...] = ()
    better: Literal["lower", "higher"] = "lower"
    bound: float | None = None
    goal: float | None = None
    verdict: Verdict = "reported"
    detail: dict[str, object] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a part found: figures, how it measured, which peers were not there; when, and how much was measured."""

    part: str
    title: str
    method: str
    figures: tuple[Figure, ...]
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)
    at: str = ""
    size: str = ""


def figure(
    part: str, what: str, beside: str, rounds: Sequence[float], *, better: Literal["lower", "higher"] = "lower",
    bound: float | None = None, goal: float | None = None, **detail: object,
) -> Figure:
    """The figure of several rounds: their median, held against the bound."""
    ratio = median(rounds)
    verdict: Verdict = "reported"
    if bound is not None:
        verdict = "holds" if (ratio <= bound if better == "lower" else ratio >= bound) else "misses"
    return Figure(
        part=part, what=what, beside=beside, ratio=round(ratio, 3), rounds=tuple(round(one, 3) for one in rounds), better=better,
        bound=bound, goal=goal, verdict=verdict, detail=detail)


def per_second(count: int, seconds: float) -> int:
    """A rate, whole."""
    return round(count / seconds) if seconds else 0


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as text."""
    lines = []
    for outcome in outcomes:
        lines.append(f"\n({outcome.part}) {outcome.title}   [{outcome.seconds:.0f} s, load {outcome.load[0]:.2f}]")
        for one in outcome.figures:
            sign = "<=" if one.better == "lower" else ">="
            asked = f"{sign} {one.bound:g}" if one.bound is not None else ""
            asked += f", goal {one.goal:g}" if one.goal is not None else ""
            lines.append(f"  {one.verdict:8} {one.ratio:>9.3f} x  {asked:18} {one.what}, against {one.beside}")
            if len(one.rounds) > 1:
                lines.append(f"{'':12}rounds: {', '.join(f'{each:.2f}' for each in one.rounds)}")
            if one.detail:
                lines.append(f"{'':12}" + "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in one.detail.items()))
        lines += [f"  not run  {word}" for word in outcome.missing]
    return "\n".join(lines)
