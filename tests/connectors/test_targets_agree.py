"""Every target's verbs by themselves: whatever a bundle holds, its documents move each account exactly as its lines say.

First as the drafts claim it, then as the stand-in posts it by the vendor's rules, then as it is read back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.connectors.contract import Accepted, AlreadyThere, Bundle, Chart, Draft, Found, Later, RemoteDocument, Session
from leja.core.errors import NeedsReview
from leja.core.money import Money
from leja.rules.target_mapping import OurAccount, TheirAccount, suggest_accounts

from .bundles import CURRENCIES, Ground, any_bundle, moved, random_bundle, said
from .conftest import Against
from .stages import ROLES, target_stage, targets
from .target_scene import TargetScene

TARGETS = targets()
MANY, SEED = 60, 20260503
Standing = Callable[[str], TargetScene]
Sums = dict[tuple[str, str], int]


def ground(scene: TargetScene) -> Ground:
    """The scene's chart as ground for bundles."""
    return Ground(scene.verbs, scene.chart, scene.places, scene.stage)


@pytest.mark.parametrize("slug", TARGETS)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_documents_move_each_account_exactly_as_the_lines_say(slug: str, standing: Standing, data: st.DataObject) -> None:
    on = ground(standing(slug))
    told = data.draw(any_bundle(on))
    drafts = on.play(told, msgspec.structs.replace(on.chart, home_currency=told.currency))
    if drafts is None:
        return
    residual = sum(abs(draft.residual.minor) for draft in drafts if draft.residual)
    assert residual <= told.rounding_limit
    there, ours = moved(drafts), said(told.lines)
    assert all(abs(there.get(account, 0) - ours.get(account, 0)) <= residual for account in there.keys() | ours.keys())
    assert_well_formed(on, told, drafts)


def assert_well_formed(on: Ground, told: Bundle, drafts: list[Draft]) -> None:
    """References fit their anchors and are ours, names are unique, totals have the bundle's currency."""
    assert len({draft.step for draft in drafts}) == len(drafts)
    for draft in drafts:
        anchor = on.verbs.ANCHORS[draft.kind]
        assert 0 < len(draft.reference) <= anchor.length
        assert draft.total.currency in (told.currency, on.chart.home_currency)
        if draft.moves:
            assert draft.reference == told.reference or draft.reference.rpartition("-")[0] == told.reference
            assert len(draft.reference) <= len(told.reference) + 4
            assert draft.date == told.date
            assert draft.total.minor > 0
    assert len({(draft.kind, draft.reference) for draft in drafts}) == len(drafts)


@pytest.mark.parametrize("slug", TARGETS)
def test_what_cannot_be_told_in_a_currency_says_whether_base_would_help(slug: str, standing: Standing) -> None:
    on = ground(standing(slug))
    one = msgspec.structs.replace(on.chart, multicurrency=False, home_currency="GBP")
    told = on.bundle("journal", [on.line("processor_fees", 1_001, "EUR"), on.line("inventory", -1_001, "EUR")])
    with pytest.raises(NeedsReview) as refused:
        on.verbs.steps(told, one)
    assert refused.value.facts["in_base"] is True
    assert refused.value.message
    for currency in ("EUR", "KWD"):
        assert helped_in_base(on, on.chart, currency) in (None, True)
    for currency in CURRENCIES:
        home = msgspec.structs.replace(on.chart, home_currency=currency)
        assert helped_in_base(on, home, currency) in ((None, False) if currency == "TND" else (None,))


def helped_in_base(on: Ground, chart: Chart, currency: str) -> bool | None:
    """None: told to the last decimal. Otherwise whether the refusal says that base currency would help."""
    told = on.bundle("journal", [on.line("processor_fees", 1_001, currency), on.line("inventory", -1_001, currency)])
    try:
        steps = on.verbs.steps(told, chart)
    except NeedsReview as error:
        return bool(error.facts.get("in_base"))
    assert moved([on.verbs.draft(step, chart, {}) for step in steps]) == said(told.lines)
    return None


async def tell(session: Session, on: Ground, bundle: Bundle) -> tuple[list[Draft], list[RemoteDocument]]:
    """Every step delivered; names that are taken are asked after, and what comes later had no effect, as delivery has it."""
    accepted: dict[str, RemoteDocument] = {}
    drafts = []
    for step in on.verbs.steps(bundle, on.chart):
        draft = msgspec.structs.replace(on.verbs.draft(step, on.chart, accepted), key=f"{bundle.reference}-{step.name}"[:36])
        (outcome,) = await on.verbs.deliver(session, [draft])
        while isinstance(outcome, Later):
            await session.http.pacing.sleep(max(1.0, (outcome.until - session.now()).total_seconds()))
            (outcome,) = await on.verbs.deliver(session, [draft])
        if isinstance(outcome, AlreadyThere):
            (outcome,) = await on.verbs.find(session, [draft])
        assert isinstance(outcome, (Accepted, Found)), (step.kind, outcome, draft.body)
        accepted[step.name] = outcome.document
        drafts.append(draft)
    return drafts, list(accepted.values())


def ledger(scene: TargetScene) -> Sums:
    """The stand-in's ledger per account and day."""
    sums: Sums = defaultdict(int)
    for (account, day, _), minor in scene.ledger().items():
        sums[account, day] += minor
    return {key: minor for key, minor in sums.items() if minor}


def sums_of(bundles: list[Bundle]) -> Sums:
    """What bundles come to per account and day."""
    sums: Sums = defaultdict(int)
    for bundle in bundles:
        for account, minor in said(bundle.lines).items():
            sums[account, bundle.date.isoformat()] += minor
    return {key: minor for key, minor in sums.items() if minor}


def grown(before: Sums, after: Sums) -> Sums:
    """What was added between two looks."""
    sums = {key: after.get(key, 0) - before.get(key, 0) for key in before.keys() | after.keys()}
    return {key: minor for key, minor in sums.items() if minor}


def playable(on: Ground, number: int, chance: Random) -> list[Bundle]:
    """Random bundles without those that may be held or that the stand-in does not play; most must be left."""
    drawn = [random_bundle(on, chance, one) for one in range(number)]
    left = []
    for bundle in drawn:
        drafts = on.play(bundle)
        if drafts is not None and not {draft.kind for draft in drafts} & on.stage.not_played.keys():
            left.append(bundle)
    assert len(left) > number * 2 // 3
    return left


@pytest.mark.parametrize("slug", TARGETS)
def test_the_ledger_there_moves_per_account_and_day_as_the_bundles_say_and_is_read_back_so(slug: str, standing: Standing) -> None:
    scene = standing(slug)
    on, session, before = ground(scene), scene.session(), ledger(scene)
    bundles = playable(on, MANY, Random(SEED))

    async def all_of_them() -> tuple[list[Draft], list[RemoteDocument]]:
        drafts, documents = [], []
        for bundle in bundles:
            made, stood = await tell(session, on, bundle)
            drafts += made
            documents += stood
        return drafts, documents

    drafts, documents = scene.run(all_of_them())
    assert grown(before, ledger(scene)) == sums_of(bundles)
    found = scene.run(on.verbs.find(session, drafts))
    assert {type(one) for one in found} == {Found}
    ours: Sums = defaultdict(int)
    states, cursor, more = [], None, True
    while more:
        page = scene.run(on.verbs.changed(session, cursor))
        states, cursor, more = [*states, *page.states], page.cursor, page.more
    for state in states:
        if state.document.reference.startswith("LJAGREE"):
            for line in state.lines:
                ours[line.account, str(state.document.date)] += line.amount.minor
    assert {key: minor for key, minor in ours.items() if minor} == sums_of(bundles)
    back = scene.run(on.verbs.read_back(session, documents))
    assert {state.state for state in back} == {"present"}


@pytest.mark.parametrize("slug", TARGETS)
def test_a_taxed_sale_lands_its_tax_as_charged(slug: str, standing: Standing) -> None:
    scene = standing(slug)
    on = ground(scene)
    for number, odd in enumerate((0, 1)):
        before = ledger(scene)
        tax = int(scene.books.tax * 100) - odd
        code = {"tax_code": on.stage.tax_code, "tax": Money(-tax, "GBP")} if on.stage.tax_code else {}
        lines = [on.line("clearing:card_processor", 10_000 + tax), on.line("sales", -10_000, **code), on.line("output_tax", -tax)]
        bundle = on.bundle("sale", lines, f"LJTAXED{number:07}AB", date=date(2026, 5, 20 + number))
        drafts, _ = scene.run(tell(scene.session(), on, bundle))
        residual = sum(abs(draft.residual.minor) for draft in drafts if draft.residual)
        there, ours = grown(before, ledger(scene)), sums_of([bundle])
        assert all(abs(there.get(key, 0) - ours.get(key, 0)) <= residual for key in there.keys() | ours.keys())


@pytest.mark.parametrize("slug", TARGETS)
def test_balances_are_those_of_the_whole_ledger(slug: str, against: Against) -> None:
    """With a year of what others entered, where the stand-in can play one, and documents of ours beside it."""
    year = "foreign" in target_stage(slug).stand_in
    scene = against(slug, stand_in={"foreign": True} if year else {})
    on = ground(scene)
    lines = [on.line("bank", 500), on.line("clearing:card_processor", -500)]
    scene.run(tell(scene.session(), on, on.bundle("payout", lines)))
    foreign = scene.stage.foreign
    scene.control("foreign", kind=foreign.kind, body=foreign.body)
    since, until = date(2026, 1, 1), date(2026, 6, 30)
    rows = scene.run(scene.verbs.balances(scene.session(), since, until))
    there = {key: minor for key, minor in scene.whole_ledger().items() if since.isoformat() <= key[1] <= until.isoformat()}
    assert len(there) > (20 if year else 3)
    assert {(row.account, row.day.isoformat()): row.amount.minor for row in rows if row.amount.minor} == there


@pytest.mark.parametrize("slug", TARGETS)
def test_a_repeat_of_the_same_request_is_answered_the_same_or_refused(slug: str, standing: Standing) -> None:
    """Where a key is remembered or the reference is unique, sending the frozen bytes again makes nothing twice."""
    scene = standing(slug)
    on, session = ground(scene), scene.session()
    lines = [on.line("bank", 500), on.line("clearing:card_processor", -500)]
    first, _ = scene.run(tell(session, on, on.bundle("payout", lines, "LJONCE0000000AB", date=DAY_OF_REPEAT)))
    drafts, _ = scene.run(tell(session, on, on.bundle("payout", lines, "LJTWICE000000AB", date=DAY_OF_REPEAT)))
    assert [one.kind for one in first] == [one.kind for one in drafts]
    for draft in drafts:
        anchor = on.verbs.ANCHORS[draft.kind]
        if not (anchor.key_remembered or anchor.unique):
            continue
        before = ledger(scene)
        (again,) = scene.run(on.verbs.deliver(session, [draft]))
        assert isinstance(again, (Accepted, AlreadyThere)), again
        assert ledger(scene) == before
        (found,) = scene.run(on.verbs.find(session, [draft]))
        assert isinstance(found, Found)


DAY_OF_REPEAT = date(2026, 5, 3) + timedelta(days=20)


@pytest.mark.parametrize("slug", TARGETS)
def test_roles_are_suggested_from_the_chart(slug: str, standing: Standing) -> None:
    """What `leja mapping suggest` makes of the chart: an account of the right kind for most roles, and never another kind."""
    scene = standing(slug)
    theirs = [TheirAccount(id=one.id, code=one.code, name=one.name, kind=one.kind, active=one.active, currency=one.currency)
              for one in scene.chart.accounts]
    kinds = {one.id: one.kind for one in scene.chart.accounts}
    ours = [OurAccount(code=f"T-{role}", name=role.replace("_", " "), kind=kind, roles=(role,)) for role, kind in ROLES.items()]
    suggested = {one.key: one.value for one in suggest_accounts(ours, theirs)}
    answered = {key: value for key, value in suggested.items() if value}
    assert len(answered) * 2 > len(ours), suggested
    assert all(kinds[value] == ROLES[key.removeprefix("T-")] for key, value in answered.items())
    assert suggested["T-receivable"] == scene.places["receivable"]
