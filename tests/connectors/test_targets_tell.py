"""Every target, through the real delivery room: each kind of thing is told once, found, read back, and agrees.

Passing proves that connector, delivery room and stand-in keep one another's word. It proves nothing about a live vendor:
how far the stand-in is true to it, ``judged_by`` says.
"""

from __future__ import annotations

import msgspec
import pytest

from leja.connectors.contract import Absent, Ambiguous, Draft, Found
from leja.core.money import Money

from . import told
from .conftest import Against
from .our_books import Amount
from .stages import KINDS, target_stage, targets
from .target_scene import TargetScene

TARGETS = targets()
CLAIMED = [(slug, kind) for slug in TARGETS for kind in KINDS if kind not in target_stage(slug).not_claimed]


def tell(scene: TargetScene, kind: str) -> None:
    """Write a thing of that kind, after what it refers to was told, and tell it."""
    if kind in told.AFTER:
        first, second = told.AFTER[kind]
        earlier = first(scene.books)
        scene.settle()
        second(scene.books, earlier)
    else:
        told.ALONE[kind](scene.books)
    if kind == "payout":
        told.banked(scene.books)
    scene.settle()


def mode_of(kind: str) -> str:
    """Days are told as days, all else each by itself."""
    return "daily" if kind == "daily" else "each"


@pytest.mark.parametrize("slug", TARGETS)
def test_the_chart_is_read_and_has_a_place_for_every_role(slug: str, against: Against) -> None:
    scene = against(slug)
    chart = scene.chart
    assert chart.home_currency in ("", "GBP")
    ids = [account.id for account in chart.accounts]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    assert all(account.name and account.kind for account in chart.accounts)
    assert {"bank", "receivable", "income", "expense", "cost_of_sales"} <= {account.kind for account in chart.accounts}
    kinds = {account.id: account.kind for account in chart.accounts}
    assert kinds[scene.places["receivable"]] == "receivable"
    assert kinds[scene.places["bank"]] == "bank"
    assert {code.id for code in chart.tax_codes} >= {code for code in (scene.stage.tax_code,) if code}
    assert scene.read_chart() == chart


@pytest.mark.parametrize(("slug", "kind"), CLAIMED, ids=[f"{slug}-{kind}" for slug, kind in CLAIMED])
def test_each_kind_is_told_once_found_read_back_and_agrees(slug: str, kind: str, against: Against) -> None:
    scene = against(slug, mode=mode_of(kind))
    tell(scene, kind)
    assert kind in {row[0] for row in scene.rows("SELECT kind FROM deliverable WHERE org_id = %s")}
    scene.assert_once()
    assert_found(scene)
    assert_read_back(scene)
    agreed = scene.agreement()
    assert agreed.agree, agreed.differences
    assert (agreed.untold, agreed.waiting) == (0, 0)
    assert agreed.cells > 1
    assert scene.rows("SELECT count(*) FROM outcome WHERE org_id = %s AND kind <> 'accepted'")[0][0] == 0
    before, accepted = scene.ledger(), len(scene.drafts())
    assert (scene.settle().sent, scene.settle().adopted) == (0, 0)
    assert (scene.ledger(), len(scene.drafts())) == (before, accepted)


def assert_found(scene: TargetScene) -> None:
    """Each draft is found by its anchor with the id that we hold; what differs by a unit or a day is not taken for it."""
    drafts, remotes = [one for one in scene.drafts() if one.moves], scene.remotes()
    found = scene.run(scene.verbs.find(scene.session(), drafts))
    assert len(found) == len(drafts) == len(remotes) > 0
    assert all(isinstance(one, Found) for one in found), found
    assert {(one.document.kind, one.document.remote_id) for one in found} == {(one.kind, one.remote_id) for one in remotes}
    for draft in drafts:
        anchor = scene.verbs.ANCHORS[draft.kind]
        assert anchor.field
        assert anchor.look_up
        assert len(draft.reference) <= anchor.length
        assert min(anchor.look_up_lag, anchor.key_remembered) >= 0
        for odd in altered(draft):
            (finding,) = scene.run(scene.verbs.find(scene.session(), [odd]))
            assert isinstance(finding, (Ambiguous, Absent)), (odd, finding)
        (finding,) = scene.run(scene.verbs.find(scene.session(), [msgspec.structs.replace(draft, reference="LJZZZZZZZZZZZZZZ")]))
        assert finding == Absent()


def altered(draft: Draft) -> list[Draft]:
    """The draft with another total, and with another day."""
    more = Money(draft.total.minor + 1, draft.total.currency)
    return [msgspec.structs.replace(draft, total=more),
            msgspec.structs.replace(draft, date=draft.date.replace(day=draft.date.day + 1))]


def assert_read_back(scene: TargetScene) -> None:
    """Read by id and listed as changed, each document moves the accounts that its draft said, on its day."""
    moves = {draft.reference: (draft.date, dict(draft.moves)) for draft in scene.drafts() if draft.moves}
    remotes = scene.remotes()
    states = scene.run(scene.verbs.read_back(scene.session(), remotes))
    page = scene.run(scene.verbs.changed(scene.session(), None))
    listed = {(state.document.kind, state.document.remote_id): state for state in page.states}
    assert len(states) == len(remotes)
    for state in (*states, *(listed[one.kind, one.remote_id] for one in remotes)):
        assert state.state == "present"
        day, said = moves[state.document.reference]
        assert state.document.date == day
        there: dict[str, int] = {}
        for line in state.lines:
            there[line.account] = there.get(line.account, 0) + line.amount.minor
        assert {account: minor for account, minor in there.items() if minor} == said
    later = scene.run(scene.verbs.changed(scene.session(), page.cursor))
    assert not later.more


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("kind", ["sale", "invoice", "daily", "payout"])
def test_a_preview_shows_the_bytes_that_are_sent(slug: str, kind: str, against: Against) -> None:
    if kind in target_stage(slug).not_claimed:
        return
    scene = against(slug, mode=mode_of(kind))
    told.ALONE[kind](scene.books)
    (shown,) = scene.preview()
    assert (shown.kind, shown.troubles) == (kind, ())
    scene.settle()
    sent = {draft.step: draft for draft in scene.drafts()}
    assert {one.step for one in shown.drafts} == set(sent)
    ids = {row[0]: row[1] for row in scene.rows("SELECT step, remote_id FROM remote_document WHERE org_id = %s")}
    for before in shown.drafts:
        after = sent[before.step]
        assert after.key
        assert (before.kind, before.reference) == (after.kind, after.reference)
        assert filled(before.body, ids) == filled(after.body, {})
        assert filled(before.path.encode(), ids) == after.path.encode()
        assert (before.method, before.query, before.date, before.total, before.moves, before.residual) == (
            after.method, after.query, after.date, after.total, after.moves, after.residual)


def filled(body: bytes, ids: dict[str, str]) -> bytes:
    """A body with the ids that a preview cannot know yet in their places, whether they are text or numbers."""
    for step, remote in ids.items():
        body = body.replace(f'"({step})"'.encode(), f'"{remote}"'.encode()).replace(f"({step})".encode(), remote.encode())
    return body


@pytest.mark.parametrize("slug", TARGETS)
def test_a_preview_and_the_delivery_name_the_same_reasons(slug: str, against: Against) -> None:
    scene = against(slug)
    scene.decide(scene.decision("account", "T-shipping_income", None))
    told.sale(scene.books)
    (shown,) = scene.preview()
    assert [one.code for one in shown.troubles] == ["account-unmapped"]
    scene.settle()
    assert [code for code, _ in scene.held()] == ["account-unmapped"]
    assert scene.ledger() == {}
    scene.decide(scene.decision("account", "T-shipping_income", scene.places["shipping_income"]))
    scene.settle()
    scene.assert_once()


@pytest.mark.parametrize("slug", TARGETS)
def test_what_moves_nothing_over_there_needs_no_document(slug: str, against: Against) -> None:
    """Both sides of a transfer stand on one account of the target: it is withdrawn, and what comes after goes on."""
    scene = against(slug)
    scene.places["cash:till"] = scene.places["bank"]
    scene.decide(scene.decision("account", "T-cash:till", scene.places["bank"]))
    scene.books.write("payout", Amount("bank", 5_000), Amount("cash:till", -5_000))
    told.journal(scene.books)
    scene.settle()
    scene.assert_once()
    assert len(scene.standing()) == 1
    assert scene.agreement().agree
