"""A worker that lost its lease between call and record writes nothing; the next one asks and adopts."""

from __future__ import annotations

import asyncio

import pytest

from leja.core.errors import Conflict
from leja.delivery.send import deliver
from leja.jobs import lease as leases


def test_a_late_record_is_refused_and_the_sale_stands_there_once(make_shop, run, database, clock):
    shop = make_shop()
    shop.mode("each")
    shop.sale("s1", 1200)
    with database.transaction() as conn:
        slow = leases.acquire(conn, shop.org_id, shop.target.lease_name, "slow", clock())
    send = shop.fake.deliver

    async def slowly(session, drafts):
        outcomes = await send(session, drafts)
        clock.forward(seconds=60)
        with database.transaction() as conn:
            assert leases.acquire(conn, shop.org_id, shop.target.lease_name, "other", clock()) is not None
        return outcomes

    shop.fake.deliver = slowly
    with pytest.raises(Conflict, match="lease-lost"):
        asyncio.run(deliver(database, shop.target, clock, lambda conn: leases.assert_held(conn, slow), slow.epoch))
    shop.fake.deliver = send
    assert shop.rows("SELECT count(*) FROM outcome WHERE org_id = %s")[0][0] == 0
    done = run.once(shop, "other")
    assert done.adopted == 1
    assert len(shop.fake.posts) == 1
