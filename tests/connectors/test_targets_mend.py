"""Every target, every change that people make over there, and the three ways out: books and target agree after each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from leja.operate.rebuild import check

from .conftest import Against
from .our_books import DAY
from .stages import targets
from .target_scene import SINCE, TargetScene
from .test_targets_drift import swept, victim_of

TARGETS = targets()
CHANGES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "amount": ("alter", {"amount": "150.00"}),
    "day": ("alter", {"day": (DAY + timedelta(days=2)).isoformat()}),
    "void": ("void", {}),
    "delete": ("delete", {}),
}
WAYS = ("accept", "repost", "reverse")


def by_account(ledger: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """The sums over all days."""
    sums: dict[str, int] = defaultdict(int)
    for (account, _), minor in ledger.items():
        sums[account] += minor
    return {account: minor for account, minor in sums.items() if minor}


def in_books(scene: TargetScene) -> dict[str, int]:
    """What our entries come to on the remote accounts, over all days."""
    of_account = {f"T-{role}": remote for role, remote in scene.places.items()}
    sums: dict[str, int] = defaultdict(int)
    for account, base in scene.rows("SELECT account, base FROM line WHERE org_id = %s"):
        sums[of_account[account]] += base
    return {account: minor for account, minor in sums.items() if minor}


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_books_and_target_agree_after_each_way_out(slug: str, change: str, way: str, against: Against) -> None:
    scene = against(slug)
    action, given = CHANGES[change]
    if action in scene.stage.not_offered:
        return
    _, named = victim_of(scene)
    told, ours = scene.whole_ledger("api"), in_books(scene)
    assert scene.drifted() == []
    scene.forward(60)
    scene.control(action, **named, **given)
    (drift,) = scene.drifted()
    changed = scene.whole_ledger("api")
    shown = scene.mend(drift, way, only_show=True)
    assert shown.mending_id is None
    assert shown.drift
    assert in_books(scene) == ours, "showing changes nothing"
    assert scene.drifted() == [drift]

    done = scene.mend(drift, way, shown=shown.mark)
    assert done.mending_id is not None
    assert [one.lines for one in done.entries] == [one.lines for one in shown.entries]
    assert [len(one.documents) for one in done.told] == [len(one.documents) for one in shown.told]
    scene.settle()
    assert scene.held() == []
    there = scene.whole_ledger("api")
    if way == "accept":
        assert there == changed, "nothing over there is touched"
        assert by_account(there) == in_books(scene)
    elif way == "repost":
        assert there == told, "what our books say stands there again, on its day"
        assert in_books(scene) == ours
    else:
        assert by_account(there) == in_books(scene)
        rest = sum(1 for minor in in_books(scene).values() if minor)
        assert rest == 2, "of both documents the journal alone is left"
    found = scene.agreement()
    assert found.agree, found.differences
    assert swept(scene) == []

    again = scene.mend(drift, way)
    assert (again.mending_id, again.entries) == (None, ())
    assert scene.settle().sent == 0
    assert scene.whole_ledger("api") == there, "twice does what once did"
    with scene.database.transaction() as conn:
        assert check(conn, scene.org_id) == []
    assert scene.rows("SELECT kind FROM mending WHERE org_id = %s") == [(way,)]
    assert SINCE < DAY
