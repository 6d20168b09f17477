"""What a connector's folder must bring for the suites, and that nothing less is there than it says."""

from __future__ import annotations

import pytest

from leja.connectors import registry
from leja.connectors.contract import OAuth
from leja_sandbox.control import ACCOUNTING_ACTIONS
from leja_sandbox.discovery import stand_ins
from leja_sandbox.kit import environment

from .stages import stage, target_stage, targets

SLUGS = sorted(registry.connectors())
TARGETS = targets()


@pytest.mark.parametrize("slug", SLUGS)
def test_a_connector_claims_no_less_than_its_stage_says(slug: str) -> None:
    least = stage(slug).capabilities
    assert least, f"{slug}: tests/stage.py must list CAPABILITIES"
    assert least <= registry.capabilities(slug), f"{slug} lost {sorted(least - registry.capabilities(slug))}"
    assert registry.connector(slug).judged_by
    assert registry.connector(slug).guarantee or "accounting" not in registry.connector(slug).roles


@pytest.mark.parametrize("slug", TARGETS)
def test_a_target_has_every_verb_and_says_so(slug: str) -> None:
    assert set(registry.TARGET_VERBS) <= registry.capabilities(slug)
    assert set(registry.TARGET_VERBS) <= stage(slug).capabilities
    assert "accounting" in registry.connector(slug).roles


@pytest.mark.parametrize("slug", TARGETS)
def test_an_accounting_stand_in_offers_the_actions_that_all_offer(slug: str) -> None:
    control = stand_ins()[slug].build(environment(settings=target_stage(slug).stand_in)).control
    wanted = {name: given for name, given in ACCOUNTING_ACTIONS.items() if name not in target_stage(slug).not_offered}
    if not isinstance(registry.connector(slug).auth, OAuth):
        wanted = {name: given for name, given in wanted.items() if not name.endswith("_tokens")}
    assert control.missing(wanted) == []


@pytest.mark.parametrize("slug", TARGETS)
def test_what_a_target_leaves_out_it_explains(slug: str) -> None:
    said = target_stage(slug)
    for left_out in (said.not_claimed, said.held, said.not_played, said.not_offered):
        for name, why in left_out.items():
            assert len(why.split()) > 3, f"{slug}: why is {name} left out?"
