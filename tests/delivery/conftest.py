"""The fake target and the shop of these tests."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("leja_tests_fake_target", Path(__file__).with_name("fake.py"))
fake = importlib.util.module_from_spec(_spec)
sys.modules["leja_tests_fake_target"] = fake
_spec.loader.exec_module(fake)


@pytest.fixture
def make_shop(database, clock):
    """A shop with a fake target: make_shop(unique=..., lag=...)."""
    return lambda **options: fake.Shop(database, clock, fake.FakeTarget(clock, **options))


@pytest.fixture
def run(database, clock):
    """Deliver until nothing is due; with ``settle`` time moves on until nothing waits for time."""
    from leja.delivery.send import deliver
    from leja.jobs import lease as leases

    def once(shop, holder="one"):
        with database.transaction() as conn:
            lease = leases.acquire(conn, shop.org_id, shop.target.lease_name, holder, clock())
        assert lease is not None
        return asyncio.run(deliver(database, shop.target, clock, lambda conn: leases.assert_held(conn, lease),
        lease.epoch))

    def deliver_all(shop, *, settle=True):
        done = once(shop)
        for _ in range(60):
            if not settle or done.next_due is None or done.paused:
                return done
            clock.now = max(clock.now, done.next_due)
            done = once(shop)
        raise AssertionError(f"still something due: {done}")

    deliver_all.once = once
    return deliver_all


@pytest.fixture
def run_on(clock):
    """Like ``run``, on whatever database the shop is on now (after a restore)."""
    from leja.delivery.send import deliver
    from leja.jobs import lease as leases

    def deliver_all(shop):
        for _ in range(60):
            with shop.database.transaction() as conn:
                lease = leases.acquire(conn, shop.org_id, shop.target.lease_name, "one", clock())
            done = asyncio.run(
                deliver(shop.database, shop.target, clock, lambda conn, at=lease: leases.assert_held(conn, at),
                lease.epoch)
            )
            if done.next_due is None:
                return
            clock.now = max(clock.now, done.next_due)
        raise AssertionError(f"still something due: {done}")

    return deliver_all
