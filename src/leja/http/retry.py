"""Retry: reads are tried again with growing, jittered waits. A write is never sent again blindly, so there is no way to
ask for that here: whoever writes catches OutcomeUnknown and asks what happened.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from leja.core.errors import Transient

Result = TypeVar("Result")


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a read is tried: waits double from ``first`` to ``longest`` seconds, with up to ``jitter`` added.

    ``attempts`` counts faults only; being asked to wait (429) costs none, up to ``waits`` times.
    """

    attempts: int = 5
    waits: int = 60
    first: float = 0.2
    longest: float = 20.0
    jitter: float = 0.5


PATIENCE: Final = Patience()


async def reads(
    call: Callable[[], Awaitable[Result]],
    patience: Patience = PATIENCE,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> Result:
    """The result of ``call``, a read, tried again after each Transient fault until patience ends."""
    faults = asked_to_wait = 0
    while True:
        try:
            return await call()
        except Transient as fault:
            if fault.retry_after is not None:
                asked_to_wait += 1
                pause = fault.retry_after
            else:
                faults += 1
                pause = min(patience.longest, patience.first * 2 ** (faults - 1)) * (1 + patience.jitter * chance())
            if faults >= patience.attempts or asked_to_wait > patience.waits:
                raise
        await sleep(pause)
