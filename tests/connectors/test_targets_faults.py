"""Every target, whatever goes wrong on the way: each thing stands there exactly once, and the ledgers agree.

The faults are those of ``leja_sandbox.faults``. Time is simulated, except where a call has to be given up (``slow``).
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from leja.access import grants
from leja.connectors import registry
from leja.connectors.contract import Absent, Found, OAuth
from leja.delivery import record
from leja.delivery.calls import CALL_SECONDS
from leja.http.oauth import Tokens

from . import told
from .conftest import Against
from .stages import targets
from .target_scene import TargetScene

TARGETS = targets()
FAULTS: dict[str, dict[str, Any]] = {
    "answer_lost": {}, "cut_before": {}, "rate_limited": {"retry_after": 2.0}, "error_before": {}, "error_after": {},
}
UNCLEAR = ("answer_lost", "cut_before", "error_after")


def lag(scene: TargetScene) -> int:
    """The shortest look-up lag that the connector declares."""
    return min(anchor.look_up_lag for anchor in scene.verbs.ANCHORS.values())


def assert_once_and_agrees(scene: TargetScene) -> None:
    """Once, and the target read back agrees."""
    scene.assert_once()
    scene.forward(60)
    agreed = scene.agreement()
    assert agreed.agree, agreed.differences


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_any_write_ends_in_one_document(slug: str, fault: str, against: Against) -> None:
    scene = against(slug)
    for at, kind in enumerate(("sale", "invoice", "invoice", "journal")):
        # First a write that makes records that documents need, then those after it.
        scene.fault(fault, times=1, skip=at % 2 if kind == "invoice" else 0, **FAULTS[fault])
        told.ALONE[kind](scene.books)
        scene.settle()
    assert scene.played(fault) >= 3
    assert_once_and_agrees(scene)
    kinds = {row[0] for row in scene.rows("SELECT kind FROM outcome WHERE org_id = %s")}
    if fault in UNCLEAR:
        assert "unknown" in kinds
    if fault == "rate_limited":
        assert kinds == {"accepted", "later"}, "a limit costs no attempt and is never unclear"


@pytest.mark.parametrize("slug", TARGETS)
def test_a_write_that_is_late_within_the_declared_lag_is_waited_for(slug: str, against: Against) -> None:
    scene = against(slug)
    told.sale(scene.books)
    scene.settle()
    scene.fault("late_commit", times=1, seconds=CALL_SECONDS + max(lag(scene) - 1, -1))
    told.sale(scene.books, 7_000)
    scene.settle()
    assert scene.played("late_commit") == 1
    assert_once_and_agrees(scene)


@pytest.mark.parametrize("slug", TARGETS)
def test_a_look_up_that_lags_as_declared_is_not_believed_too_soon(slug: str, against: Against) -> None:
    scene = against(slug)
    if lag(scene) < 2:
        return
    told.sale(scene.books)
    scene.settle()
    scene.fault("lagging_search", times=1, seconds=CALL_SECONDS + lag(scene) - 1)
    scene.fault("answer_lost", times=1)
    told.sale(scene.books, 7_000)
    scene.settle()
    assert scene.played("lagging_search") == scene.played("answer_lost") == 1
    assert_once_and_agrees(scene)


@pytest.mark.parametrize("slug", TARGETS)
def test_an_answer_that_comes_too_slowly_is_given_up_and_asked_after(
    slug: str, against: Against, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = against(slug)
    told.sale(scene.books)
    scene.settle()
    monkeypatch.setenv("LEJA_CALL_SECONDS", "1")
    scene.fault("slow", times=1, seconds=1.2)
    told.sale(scene.books, 7_000)
    scene.settle()
    assert scene.played("slow") == 1
    assert_once_and_agrees(scene)


@pytest.mark.parametrize("slug", TARGETS)
def test_a_batch_may_succeed_in_part(slug: str, against: Against) -> None:
    scene = against(slug)
    if registry.connector(slug).limits.batch < 2 or "batch_partial" in scene.stage.not_offered:
        return
    told.sale(scene.books)
    scene.settle()
    scene.fault("batch_partial", path="*", times=1, skip=1)
    for number in range(4):
        told.sale(scene.books, 1_000 + number)
    scene.settle()
    assert scene.played("batch_partial") == 1
    stood = [row[0] for row in scene.rows("SELECT state FROM deliverable WHERE org_id = %s")]
    assert stood.count("done") >= 4, "the other parts stand"
    scene.retry()
    scene.settle()
    assert_once_and_agrees(scene)


@pytest.mark.parametrize("slug", TARGETS)
def test_an_expired_token_is_renewed_and_nothing_is_lost(slug: str, against: Against) -> None:
    scene = against(slug)
    if not isinstance(registry.connector(slug).auth, OAuth):
        return
    for number in range(3):
        scene.fault("token_expired", path="*" if number else scene.stage.writes, times=1)
        told.sale(scene.books, 1_000 + number)
        scene.settle()
    assert scene.played("token_expired") >= 3
    assert_once_and_agrees(scene)


@pytest.mark.parametrize("slug", TARGETS)
def test_a_log_in_that_was_taken_back_pauses_and_goes_on_after_consent(slug: str, against: Against) -> None:
    scene = against(slug)
    if not isinstance(registry.connector(slug).auth, OAuth):
        return
    scene.control("revoke_tokens")
    told.sale(scene.books)
    assert scene.settle().paused
    assert scene.ledger() == {}
    assert [code for code, _ in scene.held()] == ["connection-needs-consent"]
    granted = scene.control("grant")
    with scene.database.transaction() as conn:
        tokens = Tokens(access=granted["access_token"], refresh=granted["refresh_token"], obtained_at=scene.clock())
        target = scene.connection.connection_id
        grants.store(conn, scene.org_id, scene.house.vault, target, tokens)
        record.resume(conn, scene.org_id, target, "test", scene.clock())
    scene.settle()
    assert_once_and_agrees(scene)


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_storm_of_faults_ends_in_one_document_each(slug: str, seed: int, against: Against) -> None:
    scene = against(slug)
    scene.stand_in.env.faults.random.seed(seed)
    for fault, settings in FAULTS.items():
        scene.fault(fault, rate=0.15, **settings)
    scene.fault("late_commit", rate=0.1, seconds=20)
    if lag(scene) > 1:
        scene.fault("lagging_search", rate=0.2, seconds=lag(scene) - 1)
    for number in range(3):
        first = told.invoice(scene.books, 5_000 + number)
        for _ in range(2):
            told.sale(scene.books, 1_000 + number)
        scene.settle()
        told.payment(scene.books, first, 1_000)
        scene.settle()
    assert sum(scene.played(fault) for fault in FAULTS) > 1
    scene.stand_in.env.faults.clear()
    assert_once_and_agrees(scene)


@pytest.mark.parametrize("slug", TARGETS)
def test_a_filter_that_is_ignored_fools_nobody(slug: str, against: Against) -> None:
    """Where the stand-in offers ``ignore_filters``: every search answers everything, as a vendor does who knows no such
    parameter."""
    scene = against(slug)
    if "ignore_filters" not in scene.stand_in.control.names():
        return
    for number in range(3):
        told.sale(scene.books, 1_000 + number)
    scene.settle()
    drafts = [draft for draft in scene.drafts() if draft.moves]
    scene.control("ignore_filters", on=True)
    found = scene.run(scene.verbs.find(scene.session(), drafts))
    assert all(isinstance(one, Found) for one in found)
    assert {one.document.remote_id for one in found} == {one.remote_id for one in scene.remotes()}
    missing = [msgspec.structs.replace(draft, reference="LJZZZZZZZZZZZZZZ") for draft in drafts]
    assert set(map(type, scene.run(scene.verbs.find(scene.session(), missing)))) == {Absent}
