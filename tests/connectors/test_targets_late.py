"""Every target, when a write comes through later, or a look-up lags longer, than it declares: nothing is doubled unsaid.

Within the declared lag nothing is doubled at all (``test_targets_faults.py``). Beyond it, what the vendor does not refuse by a key
or a number of its own may stand there twice: the sweep finds it, names both, and it is mended over there.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leja.connectors import registry
from leja.database import review
from leja.database.review import ReviewItem
from leja.delivery.calls import CALL_SECONDS
from leja.delivery.sweep import DOUBLED

from . import told
from .conftest import Against
from .stages import targets
from .target_scene import TargetScene
from .test_targets_drift import swept

TARGETS = targets()
# Where the vendor itself says that our reference is taken, a person is asked; nothing is doubled then.
ASKED = {"delivery-reference-taken", "delivery-ambiguous"}
KINDS = ("sale", "journal", "payment")


def remembered(scene: TargetScene) -> int:
    """Seconds for which the target says that it remembers a key."""
    return max(one.key_remembered for one in scene.verbs.ANCHORS.values())


def longest(scene: TargetScene) -> int:
    """Seconds for which the target declares that it may not show, or may still remember, a write."""
    return CALL_SECONDS + max(one.look_up_lag for one in scene.verbs.ANCHORS.values()) + remembered(scene)


def teller(scene: TargetScene, kind: str) -> Callable[[], object]:
    """Tells one more thing of a kind."""
    if kind != "payment":
        return lambda: told.ALONE[kind](scene.books)
    invoice = told.invoice(scene.books)
    scene.settle()
    return lambda: told.payment(scene.books, invoice, 1_000)


def beyond(scene: TargetScene, kind: str, fault: str, skip: int) -> bool:
    """Something is told whose write is seen too late by everybody; says whether the fault was played."""
    tell = teller(scene, kind)
    tell()
    scene.settle()
    # The second sending's key is forgotten too by the time that the first comes through.
    late = longest(scene) + remembered(scene) + 120
    scene.fault(fault, times=1, skip=skip, seconds=late)
    if fault == "lagging_search":
        scene.fault("answer_lost", times=1, skip=skip)
    tell()
    scene.deliver()
    # Nobody asks before the target has, by its own word, made up its mind.
    scene.forward(longest(scene) + 60)
    scene.settle()
    scene.forward(late)
    scene.settle()
    return scene.played(fault) == 1


def doubled(scene: TargetScene) -> list[ReviewItem]:
    """What stands there twice, as people are shown it after a read-back."""
    scene.drifted()
    with scene.database.transaction() as conn:
        return [item for item in review.items(conn, scene.org_id) if item.code == DOUBLED]


def voided(scene: TargetScene, item: ReviewItem) -> None:
    """Somebody voids the one of both that our books do not know, as the item says."""
    reference, known = str(item.facts["reference"]), {one.remote_id for one in scene.remotes()}
    twins = [row for row in scene.standing(drafts=False) if reference in f"{row['number']} {row['note']}"]
    (stranger,) = [row for row in twins if row["id"] not in known]
    assert len(twins) == 2
    assert all(row["id"] in item.message for row in twins), "both are named"
    assert f"document {stranger['id']} bears our reference and is not the one that we know" in item.message
    scene.control("void", kind=stranger["kind"], id=stranger["id"])


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("fault", ["late_commit", "lagging_search"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("skip", [0, 1])
def test_what_comes_later_than_declared_is_never_doubled_unsaid(slug: str, fault: str, kind: str, skip: int, against: Against) -> None:
    scene = against(slug)
    if not beyond(scene, kind, fault, skip):
        return
    waits = [(code, message) for code, message in scene.held() if code != DOUBLED]
    assert {code for code, _ in waits} <= ASKED
    assert all("LJ" in message for _, message in waits), "by its reference"
    if waits:
        scene.retry()
        scene.settle()
    items = doubled(scene)
    anchors = scene.verbs.ANCHORS.values()
    assert not items or not all(one.unique for one in anchors), "a reference that is unique there cannot stand there twice"
    if items:
        assert not scene.agreement().agree
    for item in items:
        scene.forward(60)
        voided(scene, item)
    assert doubled(scene) == []
    assert swept(scene) == []
    scene.assert_once(drafts=False)
    agreed = scene.agreement()
    assert agreed.agree, agreed.differences


@pytest.mark.parametrize("kind", ["journal", "payment"])
def test_where_nothing_but_a_search_protects_it_it_stands_twice(kind: str, against: Against) -> None:
    """So that the test above has something to find: where keys are forgotten and the reference is not unique, it does."""
    searched = [slug for slug in TARGETS if forgets(slug)]
    if not searched:
        pytest.skip("NOT RUN: there is no target that forgets its keys and takes a reference twice")
    found = 0
    for slug in searched:
        scene = against(slug)
        if beyond(scene, kind, "late_commit", 0):
            found += len(doubled(scene))
    assert found


def forgets(slug: str) -> bool:
    """Whether a reference may stand there twice and its key is remembered, but not for ever."""
    return any(not one.unique and one.key_remembered for one in registry.verb(slug, "ANCHORS").values())
