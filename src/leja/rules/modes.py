"""Posting modes: how finely a target is told, per channel and kind of customer, dated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

Mode = Literal["each", "daily", "payout"]
CustomerKind = Literal["consumer", "business"]


class PostingMode(msgspec.Struct, frozen=True, kw_only=True):
    """A choice of the accountant; empty ``channel`` or ``customer_kind`` is every one. Later ones win over earlier."""

    target: str
    mode: Mode
    effective_from: date
    channel: str = ""
    customer_kind: Literal["", "consumer", "business"] = ""


def hybrid(customer_kind: CustomerKind) -> Mode:
    """The recommended default: each document for businesses, one summary a day for everybody else."""
    return "each" if customer_kind == "business" else "daily"


def mode_at(
    modes: Sequence[PostingMode], *, target: str, channel: str, customer_kind: CustomerKind, day: date
) -> Mode:
    """The mode that holds for a target on a day; a named channel weighs more than a named kind of customer."""
    chosen: PostingMode | None = None
    best = (-1, date.min)
    for candidate in modes:
        if candidate.target != target or candidate.effective_from > day:
            continue
        if candidate.channel not in ("", channel) or candidate.customer_kind not in ("", customer_kind):
            continue
        rank = (2 * bool(candidate.channel) + bool(candidate.customer_kind), candidate.effective_from)
        if rank >= best:
            chosen, best = candidate, rank
    return chosen.mode if chosen is not None else hybrid(customer_kind)
