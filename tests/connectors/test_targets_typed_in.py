"""Every target: what a person typed in before it was told is found, held, and counted as told or sent."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from leja.delivery import look_alikes
from leja.operate.rebuild import check

from . import told
from .conftest import Against
from .our_books import Amount
from .stages import targets
from .target_scene import SINCE, UNTIL, TargetScene
from .test_targets_drift import swept

TARGETS = targets()


def typed(scene: TargetScene, *, away: int = 0, more: int = 0) -> str:
    """A person types a document in; the same thing happens here, some days away; gives its group."""
    foreign = scene.stage.foreign
    scene.control("foreign", kind=foreign.kind, body=foreign.body)
    scene.decide(scene.decision("account", "T-processor_fees", scene.account_named(foreign.account)))
    scene.places["processor_fees"] = scene.account_named(foreign.account)
    minor = foreign.minor + more
    written = scene.books.write(
        "fee", Amount("processor_fees", minor), Amount("clearing:card_processor", -minor),
        day=date.fromisoformat(foreign.day) + timedelta(days=away))
    return f"document/{written.document_id}"


def rule(scene: TargetScene, look: look_alikes.Look, days: int = 3) -> None:
    """Somebody says how look-alikes are looked for."""
    with scene.database.transaction() as conn:
        look_alikes.set_rule(conn, scene.org_id, scene.connection.connection_id, look, days, "test", scene.clock())


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("away", [0, 2])
def test_the_same_counts_as_told_by_what_stands_there(slug: str, away: int, against: Against) -> None:
    scene = against(slug)
    group = typed(scene, away=away)
    other = told.sale(scene.books)
    scene.settle()
    (held,) = scene.held()
    assert held[0] == "perhaps-typed-in"
    assert "an account in common" in held[1]
    assert scene.rows("SELECT group_key FROM outbox WHERE org_id = %s") == [(group,)], "nothing else waits for it"
    assert f"document/{other.document_id}" != group
    before = len(scene.standing())

    shown = scene.say(group, "same", only_show=True)
    assert shown.mending_id is None
    assert len(scene.held()) == 1
    done = scene.say(group, "same")
    assert [one.reference for one in done.told[0].documents] == [one.reference for one in shown.told[0].documents]
    scene.settle()
    assert scene.held() == []
    found = scene.agreement()
    assert found.agree, found.differences
    assert found.foreign == (), "it is one of ours now"
    fees = scene.places["processor_fees"]
    assert found.balances[fees] == {"GBP": scene.stage.foreign.minor}, "counted once"
    assert len(scene.standing()) == before + len(done.told[0].documents)
    assert swept(scene) == []
    assert scene.say(group, "same").mending_id is None
    with scene.database.transaction() as conn:
        assert check(conn, scene.org_id) == []


@pytest.mark.parametrize("slug", TARGETS)
def test_another_one_is_sent(slug: str, against: Against) -> None:
    scene = against(slug)
    group = typed(scene)
    scene.settle()
    assert [code for code, _ in scene.held()] == ["perhaps-typed-in"]
    scene.say(group, "different")
    scene.settle()
    assert scene.held() == []
    found = scene.agreement()
    assert found.agree, found.differences
    assert len(found.foreign) == 2, "what was typed in stays theirs"
    assert scene.settle().sent == 0


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("how", ["never", "days", "total"])
def test_what_is_not_alike_is_not_held(slug: str, how: str, against: Against) -> None:
    scene = against(slug)
    rule(scene, "never" if how == "never" else "always", 1)
    typed(scene, away=2 if how == "days" else 0, more=1 if how == "total" else 0)
    scene.settle()
    assert scene.held() == []
    assert scene.agreement().agree


@pytest.mark.parametrize("slug", TARGETS)
def test_what_is_dated_in_a_window_is_listed_once_and_with_ours(slug: str, against: Against) -> None:
    scene = against(slug)
    foreign = scene.stage.foreign
    scene.control("foreign", kind=foreign.kind, body=foreign.body)
    first, last = told.sale(scene.books), told.journal(scene.books)
    assert first != last
    scene.settle()
    on = date.fromisoformat(foreign.day)
    states = scene.run(scene.verbs.dated(scene.session(), SINCE, UNTIL))
    ours = {(one.kind, one.remote_id) for one in scene.remotes()}
    assert ours <= {(one.document.kind, one.document.remote_id) for one in states}
    (theirs,) = [one for one in states if (one.document.kind, one.document.remote_id) not in ours]
    assert (theirs.document.date, theirs.document.reference[:2] == "LJ") == (on, False)
    assert abs(theirs.document.total.minor) == foreign.minor
    assert scene.run(scene.verbs.dated(scene.session(), UNTIL, UNTIL)) == ()


@pytest.mark.parametrize("slug", TARGETS)
def test_looking_costs_one_listing_and_no_call_per_sale(slug: str, against: Against) -> None:
    scene = against(slug)
    asked: list[tuple[date, date]] = []
    verbs = scene.verbs

    class Counting:
        def __getattr__(self, name: str) -> object:
            if name != "dated":
                return getattr(verbs, name)

            async def dated(session: object, since: date, until: date) -> object:
                asked.append((since, until))
                return await verbs.dated(session, since, until)

            return dated

    target = scene.target()
    counting = type(target)(**{**target.__dict__, "verbs": Counting()})
    scene.target = lambda: counting  # type: ignore[method-assign]
    for net in range(1_000, 1_020):
        told.sale(scene.books, net)
    scene.settle()
    told.sale(scene.books, 2_000)
    scene.settle()
    assert len(asked) == 1
    assert scene.held() == []
