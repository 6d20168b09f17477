"""Every target and the people over there: locks, archived records, edits behind our back, and what others entered."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from leja.connectors.contract import RemoteDocument
from leja.delivery.sweep import Drift, sweep

from . import told
from .conftest import Against
from .our_books import DAY, Amount
from .stages import target_stage, targets
from .target_scene import SINCE, UNTIL, TargetScene

TARGETS = targets()
LOCKED, OPEN = date(2026, 5, 31), date(2026, 6, 1)


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_a_locked_period_gets_nothing_and_the_true_date_is_kept(slug: str, known: bool, against: Against) -> None:
    scene = against(slug)
    if "lock" in scene.stage.not_offered:
        return
    scene.control("lock", day=LOCKED.isoformat())
    if known:
        assert scene.read_chart().locked_until == LOCKED
    told.sale(scene.books)
    told.invoice(scene.books)
    told.journal(scene.books)
    scene.settle()
    scene.assert_once(moved={DAY: OPEN})
    bundles = [row[0] for row in scene.rows("SELECT bundle FROM deliverable WHERE org_id = %s")]
    assert len(bundles) == 3
    assert all(f"true date {DAY}" in bundle for bundle in bundles)
    assert {row["day"][:10] for row in scene.standing()} == {OPEN.isoformat()}
    assert scene.agreement().agree
    scene.control("lock", day="")
    assert scene.read_chart().locked_until is None


@pytest.mark.parametrize("slug", TARGETS)
def test_an_account_that_is_known_to_be_archived_holds_what_needs_it(slug: str, against: Against) -> None:
    scene = against(slug)
    if "account" not in scene.stage.archivable:
        return
    archive(scene, "account", scene.places["shipping_income"])
    assert not next(one for one in scene.read_chart().accounts if one.id == scene.places["shipping_income"]).active
    told.sale(scene.books)
    told.journal(scene.books)
    scene.settle()
    assert [code for code, _ in scene.held()] == ["account-gone"]
    assert len(scene.standing()) == 1, "what does not need it went on"
    archive(scene, "account", scene.places["shipping_income"], active=True)
    scene.retry()
    scene.settle()
    scene.assert_once()


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("what", ["account", "customer", "item"])
def test_what_was_archived_without_our_knowing_is_held_in_their_words_and_told_once_when_mended(
    slug: str, what: str, against: Against
) -> None:
    scene = against(slug)
    if what not in scene.stage.archivable:
        return
    told.invoice(scene.books)
    told.sale(scene.books)
    scene.settle()
    victim = scene.places["sales"] if what == "account" else made(scene, what)
    archive(scene, what, victim)
    told.invoice(scene.books, 3_000)
    told.sale(scene.books, 4_000)
    scene.settle()
    for _, message in scene.held():
        assert len(message) > 20, "their words are shown"
    archive(scene, what, victim, active=True)
    scene.retry()
    scene.settle()
    scene.assert_once()
    assert scene.agreement().agree


def archive(scene: TargetScene, what: str, key: str, *, active: bool = False) -> None:
    """Somebody archives a record over there, or brings it back."""
    scene.control("deactivate", kind=scene.stage.archivable[what], id=key, active=active)


def made(scene: TargetScene, what: str) -> str:
    """The id of a customer or item that our documents made there."""
    step = {"customer": ("customer", "contact", "partner"), "item": ("item", "product")}[what]
    rows = scene.rows("SELECT lower(kind) || ' ' || step, remote_id FROM remote_document WHERE org_id = %s AND moves = '{}'"
                      " ORDER BY reference")
    found = [str(row[1]) for row in rows if any(word in str(row[0]) for word in step)]
    assert found, f"{scene.slug}: nothing among {rows} is a {what}"
    return found[-1]


def victim_of(scene: TargetScene) -> tuple[RemoteDocument, dict[str, str]]:
    """An open document of ours over there, beside others, with what control calls it."""
    if "invoice" in scene.stage.not_claimed:
        told.sale(scene.books)
    else:
        told.invoice(scene.books)
    scene.settle()
    document = scene.remotes()[0]
    told.journal(scene.books)
    scene.settle()
    row = scene.row_there(document)
    return document, {"kind": row["kind"], "id": row["id"]}


def swept(scene: TargetScene) -> list[Drift]:
    """What the nightly sweep finds after reading back."""
    with scene.database.transaction() as conn:
        return sweep(conn, scene.target(), scene.clock())


def assert_named(scene: TargetScene) -> None:
    """The agreement names exactly the accounts and days at which their ledger and our entries differ, with both amounts."""
    found = scene.agreement()
    assert not found.agree
    there = scene.whole_ledger("api")
    said = {key[:2]: minor for key, minor in scene.books.said(scene.places).items()}
    wrong = {key: (said.get(key, 0), there.get(key, 0)) for key in said.keys() | there.keys() if said.get(key, 0) != there.get(key, 0)}
    assert wrong
    named = {(one.account, one.day.isoformat()): (one.ours, one.theirs) for one in found.differences if not one.known}
    assert named == wrong
    assert {one.currency for one in found.differences} == {"GBP"}
    assert found.connection == scene.slug
    assert found.explained < 1


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("change", ["amount", "day"])
def test_an_edit_over_there_is_named_by_account_day_and_amount(slug: str, change: str, against: Against) -> None:
    scene = against(slug)
    if "alter" in scene.stage.not_offered:
        return
    document, named = victim_of(scene)
    assert scene.agreement().agree
    assert swept(scene) == []
    scene.forward(60)
    given = {"amount": "150.00"} if change == "amount" else {"day": (DAY + timedelta(days=2)).isoformat()}
    scene.control("alter", **named, **given)
    assert_named(scene)
    (drift,) = swept(scene)
    assert (drift.kind, drift.reference, drift.remote_id) == ("edited", document.reference, document.remote_id)
    assert scene.settle().sent == 0, "nothing over there is changed by us"


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("action", ["void", "delete"])
def test_what_was_voided_or_deleted_over_there_is_named(slug: str, action: str, against: Against) -> None:
    scene = against(slug)
    if action in scene.stage.not_offered:
        return
    document, named = victim_of(scene)
    assert scene.agreement().agree
    scene.forward(60)
    scene.control(action, **named)
    assert_named(scene)
    (drift,) = swept(scene)
    assert drift.kind in ("voided", "deleted", "edited")
    assert (drift.reference, drift.remote_id) == (document.reference, document.remote_id)
    (state,) = scene.run(scene.verbs.read_back(scene.session(), [document]))
    assert state.state in ("voided", "deleted")
    assert scene.settle().sent == 0, "it is not told again by itself"


@pytest.mark.parametrize("slug", TARGETS)
def test_foreign_entries_are_told_apart_and_never_touched(slug: str, against: Against) -> None:
    scene = against(slug)
    foreign = scene.stage.foreign
    scene.control("foreign", kind=foreign.kind, body=foreign.body)
    typed = scene.control("documents", origin="foreign")
    before = scene.whole_ledger("foreign")
    account = scene.account_named(foreign.account)
    assert before[account, foreign.day] == foreign.minor
    for kind in ("sale", "invoice", "journal"):
        told.ALONE[kind](scene.books)
    scene.settle()
    scene.assert_once()
    found = scene.agreement()
    assert found.agree, found.differences
    assert {(a, day.isoformat()): minor for a, day, _, minor in found.foreign} == before
    rows = scene.run(scene.verbs.balances(scene.session(), SINCE, UNTIL))
    there = {key: minor for key, minor in scene.whole_ledger().items() if SINCE.isoformat() <= key[1] <= UNTIL.isoformat()}
    assert {(row.account, row.day.isoformat()): row.amount.minor for row in rows if row.amount.minor} == there
    page = scene.run(scene.verbs.changed(scene.session(), None))
    ours = {one.remote_id for one in scene.remotes()}
    strangers = [state for state in page.states if state.document.remote_id in {row["id"] for row in typed} - ours]
    assert strangers
    assert all(not state.document.reference.startswith("LJ") for state in strangers)
    assert scene.control("documents", origin="foreign") == typed


@pytest.mark.parametrize("slug", TARGETS)
def test_a_foreign_currency_is_told_as_it_happened_where_the_target_keeps_it(slug: str, against: Against) -> None:
    scene = against(slug, stand_in=target_currencies(slug, many=True))
    many = scene.stage.many_currencies is not None
    assert scene.chart.multicurrency == many
    told.sale(scene.books, currency="EUR", rate="0.85")
    told.sale(scene.books)
    scene.settle()
    scene.assert_once(in_base=not many)
    assert scene.agreement().agree
    assert [row[0] for row in scene.rows("SELECT in_base FROM deliverable WHERE org_id = %s ORDER BY in_base")] == [False, not many]


@pytest.mark.parametrize("slug", TARGETS)
def test_a_foreign_currency_is_told_in_base_with_our_rate_where_the_target_keeps_one(slug: str, against: Against) -> None:
    scene = against(slug, stand_in=target_currencies(slug, many=False))
    assert not scene.chart.multicurrency
    told.sale(scene.books, currency="EUR", rate="0.85")
    scene.settle()
    scene.assert_once(in_base=True)
    ((in_base, bundle),) = scene.rows("SELECT in_base, bundle FROM deliverable WHERE org_id = %s")
    assert in_base
    assert re.search(r"told in GBP \(EUR at 0\.8(5|499)", bundle)
    assert scene.agreement().agree


def target_currencies(slug: str, *, many: bool) -> dict[str, object]:
    """Settings of the stand-in that switch foreign currencies on or off."""
    stage = target_stage(slug)
    return dict((stage.many_currencies or {}) if many else stage.one_currency)


@pytest.mark.parametrize("slug", TARGETS)
def test_a_penny_of_rounding_stays_over_there(slug: str, against: Against) -> None:
    """The customer was charged a penny less tax than any target would compute: ours is told, or the rest is theirs."""
    scene = against(slug)
    for net, tax in ((10_000, 1_999), (3_333, 667), (1, 0)):
        amounts = Amount("sales", -net, "S"), Amount("output_tax", -tax, "S")
        scene.books.write("sale", Amount("clearing:card_processor", net + tax), *amounts)
    scene.settle()
    scene.assert_once()
    found = scene.agreement()
    assert found.agree, found.differences
    assert all(minor <= 1 for minor in scene.residuals().values())
