"""Scenario T: a login that is refused while reading is told to people once, and settled by the next call that works."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from leja.access.connection_secrets import put_secret
from leja.connectors.contract import Wanted
from leja.core.errors import NeedsConsent
from leja.database import review
from leja.house import House
from leja.intake.fetch import want
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, Scene
from tests.scenarios.test_t_tokens import consent

READING = ("poll", "fetch", "proof", "subscriptions")


def step(scene: Scene, name: str, connection: Any) -> None:
    """What a worker does."""
    house: House = scene.house
    house.settings = msgspec.structs.replace(house.settings, public_url="https://leja.example")
    steps = {
        "poll": house._poll, "fetch": house._fetch, "proof": house._prove, "subscriptions": house._subscribe,
        "read-back": house._read_back,
    }  # fmt: skip
    if name == "fetch":
        with scene.database.transaction() as conn:
            want(conn, scene.org.org_id, connection.connection_id, [Wanted(kind="sale", external_id="1")], scene.clock())
        scene.clock.advance(3 * 24 * 3600)
    scene.run(steps[name](scene.org.org_id, str(connection.connection_id)))


def paste(scene: Scene, token: str) -> None:
    """The owner pastes a token."""
    scene.clock.advance(1)
    with scene.database.transaction() as conn:
        put_secret(conn, scene.org.org_id, scene.house.vault, scene.shop.connection_id, "access_token", token, scene.clock())


def items(scene: Scene) -> list[review.ReviewItem]:
    with scene.database.transaction() as conn:
        return [item for item in review.items(conn, scene.org.org_id) if item.code == review.CONSENT]


@pytest.mark.parametrize("name", READING)
def test_t_a_login_refused_while_reading_becomes_one_item_and_settles_by_itself(stage: Setting, name: str) -> None:
    """... asks for consent at once with the exact reason."""
    scene = stage()
    scene.sell("10", webhooks="lost")
    paste(scene, "shpat_of-another-shop")
    for _ in range(2):
        with pytest.raises(NeedsConsent):
            step(scene, name, scene.shop)
    (item,) = items(scene)
    assert "the vendor no longer accepts the access token that was pasted" in item.message
    assert "leja secret rotate shop" in item.remedy
    assert (item.subject, item.facts["step"]) == (f"connection/{scene.shop.connection_id}", name)
    paste(scene, "shpat_sandbox")
    step(scene, "poll", scene.shop)
    assert items(scene) == []
    how = scene.rows("SELECT settled_by, settled_how FROM review_item WHERE org_id = %s AND code = %s", review.CONSENT)
    assert how == [("leja", "mended")]


def test_t_a_refusal_of_one_thing_is_not_settled_by_another_that_works(stage: Setting, monkeypatch: Any) -> None:
    scene = stage()

    async def may_not(*_: object) -> None:
        raise NeedsConsent("shop-scope", "the app may not set up webhooks")

    with monkeypatch.context() as patched:
        patched.setattr("leja.connectors.registry.verb", lambda *_: may_not)
        with pytest.raises(NeedsConsent):
            step(scene, "subscriptions", scene.shop)
    step(scene, "poll", scene.shop)
    assert [item.facts["reason"] for item in items(scene)] == ["shop-scope"]
    step(scene, "subscriptions", scene.shop)
    assert items(scene) == []


def test_t_a_login_lost_while_reading_back_pauses_delivery_until_it_works(stage: Setting) -> None:
    scene = stage()
    scene.sell("10")
    scene.settle()
    scene.control(BY_DAY, "revoke_tokens")
    with pytest.raises(NeedsConsent):
        step(scene, "read-back", scene.targets[BY_DAY])
    (item,) = items(scene)
    assert "found when reading back" in item.message
    assert scene.deliver(BY_DAY).paused
    consent(scene, BY_DAY)
    step(scene, "read-back", scene.targets[BY_DAY])
    assert items(scene) == []
    assert not scene.deliver(BY_DAY).paused
