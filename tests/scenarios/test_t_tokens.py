"""Scenario T: refresh tokens that rotate on use, several workers, and a death between refresh and save."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leja.access import grants
from leja.core.errors import NeedsConsent
from leja.core.failpoints import SimulatedCrash, hooked
from leja.http.oauth import Tokens
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, Scene

TARGETS = (BY_SALE, BY_DAY)


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    hooked(None)


def consent(scene: Scene, name: str) -> None:
    """The owner connects again."""
    granted = scene.control(name, "grant")
    with scene.database.transaction() as conn:
        grants.store(conn, scene.org.org_id, scene.house.vault, scene.targets[name].connection_id, Tokens(
            access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=scene.clock()))
        for (item,) in conn.execute("SELECT subject FROM review_item WHERE org_id = %s AND settled_at IS NULL", (scene.org.org_id,)).fetchall():
            from leja.delivery import record

            if str(item).startswith("connection/"):
                record.resume(conn, scene.org.org_id, scene.targets[name].connection_id, "ada", scene.clock())


def state(scene: Scene, name: str) -> tuple[str, str]:
    """State and reason of a target's grant."""
    row = scene.rows("SELECT state, because FROM token_grant WHERE org_id = %s AND connection_id = %s", scene.targets[name].connection_id)[0]
    return str(row[0]), str(row[1])


def tell_if_it_may(scene: Scene, name: str) -> None:
    """What a worker does: it meets the refusal, and goes on with other work."""
    for _ in range(4):
        try:
            scene.tell(name)
            return
        except NeedsConsent:
            return


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("place", ["grants.before-refresh", "grants.after-refresh", "grants.before-save-commit"])
def test_t_a_death_between_refresh_and_save(stage: Setting, name: str, place: str) -> None:
    """Given refresh tokens that rotate on use ..., when the process dies between refresh and save, then the connection either
    recovers by itself or asks for consent at once with the exact reason, and no posting is lost or doubled."""
    scene = stage(modes={BY_DAY: "each"})
    for number in range(4):
        scene.sell(str(10 + number), webhooks="lost")
    scene.settle()
    for number in range(3):
        scene.sell(str(20 + number), webhooks="lost")
    scene.clock.advance(2 * 3600)
    scene.poll()
    scene.record()

    def die(passed: str) -> None:
        if passed == place:
            raise SimulatedCrash(passed)

    hooked(die)
    with pytest.raises(SimulatedCrash):
        scene.deliver(name)
    hooked(None)
    scene.clock.advance(120)
    tell_if_it_may(scene, name)
    standing, because = state(scene, name)
    if place == "grants.before-refresh":
        assert standing == "good"
    else:
        assert standing == "needs_consent"
        assert "never saved" in because
        assert "refused" in because
        consent(scene, name)
    scene.tell()
    scene.assert_settled()
    assert len(scene.remote(name, "SalesReceipt", "Invoices")) == 7


@pytest.mark.parametrize("name", TARGETS)
def test_t_rotation_in_the_middle_of_work_loses_and_doubles_nothing(stage: Setting, name: str) -> None:
    """Given refresh tokens that rotate on use and several workers, ... no posting is lost or doubled."""
    scene = stage(modes={BY_DAY: "each"})
    for number in range(12):
        scene.sell(str(10 + number), webhooks="lost")
        if number % 4 == 3:
            scene.clock.advance(40)
            scene.control(name, "expire_tokens")
            scene.settle()
            scene.clock.advance(3600)
    before = scene.rows("SELECT generation FROM token_grant WHERE org_id = %s AND connection_id = %s", scene.targets[name].connection_id)[0][0]
    assert int(before) > 1
    scene.fault(name, "token_expired", path="*", rate=0.2)
    for number in range(6):
        scene.sell(str(50 + number), webhooks="lost")
        scene.clock.advance(60)
        scene.settle()
    scene.sandbox.stand_in(name).env.faults.clear()
    scene.clock.advance(60)
    scene.settle()
    scene.assert_settled()
    assert len(scene.remote(name, "SalesReceipt", "Invoices")) == 18
