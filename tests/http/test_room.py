"""How many calls may go now, and calls that come too late are not made."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leja.connectors.contract import Limits
from leja.core.errors import Transient
from leja.http.client import Http
from leja.http.pacing import Pacing


def test_room_is_what_every_published_limit_leaves(clock):
    pacing = Pacing(Limits(per_minute=10, batches_per_minute=4, concurrent=8), now=clock)
    assert pacing.room(batch=True, most=20) == 4
    assert pacing.room(most=20) == 8
    assert pacing.room(most=2) == 2

    async def three():
        for _ in range(3):
            async with pacing.turn(batch=True):
                pass

    asyncio.run(three())
    assert pacing.room(batch=True, most=20) == 1
    assert pacing.room(most=20) == 7
    pacing.observe("minute", remaining=2)
    assert pacing.room(most=20) == 2
    pacing.pause(30)
    assert pacing.room(most=20) == 0


def test_a_call_after_the_moment_until_which_it_might_be_made_is_certainly_not_made(clock):
    http = Http(base_url="https://books.example.com", now=clock).before(clock() - timedelta(seconds=1))
    with pytest.raises(Transient, match="past"):
        asyncio.run(http.send("POST", "/invoices", content=b"{}", write=True))
