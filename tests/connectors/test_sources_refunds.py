"""A source whose stand-in can delete a refund, which no vendor tells: the proof must find it, be it the only one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .source_scene import SourceScene
from .stages import sources

Reading = Callable[..., SourceScene]


@pytest.mark.parametrize("slug", sources())
def test_the_proof_finds_a_refund_that_was_deleted_without_a_word(slug: str, reading: Reading) -> None:
    scene = reading(slug, door=False)
    if "delete_refund" not in scene.stand_in.control.names():
        return
    assert scene.stage.refund is not None
    sale = scene.sell(0)
    scene.clock.advance(60)
    refund = scene.control(scene.stage.refund.action, **scene.stage.refund.arguments, **{scene.stage.refund.of: sale})
    scene.clock.advance(60)
    scene.take_in()
    scene.assert_as_over_there()
    assert scene.standing("refund")[0] == 1
    scene.control("delete_refund", **{scene.stage.refund.of: sale, "refund": refund["refund_id"]})
    proved = scene.prove()
    assert [(one.kind, one.external_id) for one in proved.gone] == [("refund", str(refund["refund_id"]))]
    assert scene.standing("refund")[0] == 0
    scene.assert_as_over_there()
