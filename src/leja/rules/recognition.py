"""Recognition: on which event revenue and its cost move, per channel, dated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

import msgspec

Moment = Literal["sale", "dispatch", "delivery"]

# Till at the sale, web at dispatch; a channel that nobody has said anything about sells over the counter.
DEFAULTS: Final[dict[str, Moment]] = {"store": "sale", "pos": "sale", "web": "dispatch"}


class Recognition(msgspec.Struct, frozen=True, kw_only=True):
    """A choice of the accountant; an empty channel is every channel."""

    moment: Moment
    effective_from: date
    channel: str = ""


def moment_at(choices: Sequence[Recognition], channel: str, day: date) -> Moment:
    """When revenue of a channel is recognised; a named channel wins over every channel, later wins over earlier."""
    chosen: Moment | None = None
    best = (False, date.min)
    for choice in choices:
        if choice.channel in ("", channel) and choice.effective_from <= day:
            rank = (bool(choice.channel), choice.effective_from)
            if chosen is None or rank >= best:
                chosen, best = choice.moment, rank
    return chosen or DEFAULTS.get(channel, "sale")
