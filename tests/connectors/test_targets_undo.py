"""Every target: a whole stretch is undone in one go by dated reversals, shown first, told, and redone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from leja import flow
from leja.bookkeeping.undo import Scope
from leja.operate.rebuild import check

from . import told
from .conftest import Against
from .our_books import DAY
from .stages import targets
from .target_scene import TargetScene
from .test_targets_mend import by_account, in_books

TARGETS = targets()
ON = date(2026, 5, 30)


def undo(scene: TargetScene, on: date = ON, *, only_show: bool = False, **scope: Any) -> flow.Reversed:
    """Somebody undoes what the shop brought."""
    return flow.undo(
        scene.database, scene.org_id, Scope(connection_id=scene.books.shop_id, **scope), on, [scene.target()], by="test", reason="suite",
        clock=scene.clock, only_show=only_show)


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("mode", ["each", "daily"])
def test_what_a_connection_brought_is_undone_told_and_redone(slug: str, mode: str, against: Against) -> None:
    scene = against(slug, mode=mode)
    first = told.sale(scene.books)
    told.journal(scene.books)
    if "invoice" not in scene.stage.not_claimed:
        told.invoice(scene.books, 3_000)
    told.refund(scene.books, first)
    told.sale(scene.books, 4_000, day=DAY + timedelta(days=1))
    scene.settle()
    before, ours = scene.whole_ledger("api"), in_books(scene)
    documents = len(scene.standing())

    shown = undo(scene, what="connection", only_show=True)
    assert shown.count >= 4
    assert shown.mending_id is None
    assert {one.account: one.amount.minor for one in shown.accounts} == {
        account: -minor for account, minor in by_account_of_ours(scene).items()}
    assert in_books(scene) == ours, "showing changes nothing"
    scene.settle()
    assert len(scene.standing()) == documents

    done = undo(scene, what="connection")
    assert done.accounts == shown.accounts
    ((target_told,), (target_shown,)) = done.told, shown.told
    assert [one.reference for one in target_told.documents] == [one.reference for one in target_shown.documents]
    assert target_told.entries == done.count
    scene.settle()
    assert scene.held() == []
    assert by_account(scene.whole_ledger("api")) == in_books(scene) == {}
    frozen = {(draft.reference, draft.total) for draft in scene.drafts() if draft.moves}
    assert {(one.reference, one.total) for one in target_shown.documents if one.moves} <= frozen, "what was shown is what was sent"
    assert {key: minor for key, minor in scene.whole_ledger("api").items() if key[1] != ON.isoformat()} == before
    found = scene.agreement()
    assert found.agree, found.differences
    assert undo(scene, what="connection").mending_id is None

    assert done.mending_id is not None
    again = flow.redo(scene.database, scene.org_id, done.mending_id, ON, [scene.target()], by="test", reason="", clock=scene.clock)
    assert again.count == done.count
    scene.settle()
    assert by_account(scene.whole_ledger("api")) == in_books(scene) == ours
    assert scene.agreement().agree
    with scene.database.transaction() as conn:
        assert check(conn, scene.org_id) == []


def by_account_of_ours(scene: TargetScene) -> dict[str, int]:
    """The balance of our own accounts."""
    rows = scene.rows("SELECT account, sum(amount)::int FROM line WHERE org_id = %s GROUP BY 1 HAVING sum(amount) <> 0")
    return {str(account): minor for account, minor in rows}


@pytest.mark.parametrize("slug", TARGETS)
def test_what_was_not_told_yet_is_undone_without_a_call(slug: str, against: Against) -> None:
    scene = against(slug)
    told.sale(scene.books)
    undo(scene, on=DAY, what="connection")
    scene.settle()
    assert scene.standing() == []
    assert scene.held() == []
    assert scene.agreement().agree


@pytest.mark.parametrize("slug", TARGETS)
def test_a_reversal_dated_into_what_is_locked_over_there_stands_on_the_first_open_day(slug: str, against: Against) -> None:
    scene = against(slug)
    if "lock" in scene.stage.not_offered:
        return
    told.sale(scene.books)
    scene.settle()
    scene.control("lock", day="2026-05-31")
    scene.read_chart()
    undo(scene, what="connection")
    scene.settle()
    assert scene.held() == []
    assert by_account(scene.whole_ledger("api")) == {}
    assert {day for _, day in scene.whole_ledger("api")} == {DAY.isoformat(), "2026-06-01"}
    assert scene.agreement().agree
