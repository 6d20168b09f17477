"""The least that certain connectors must be able to do (``minimum.toml``), whatever their own folders claim."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from leja.connectors import registry

from .stages import stage

LEAST: dict[str, dict[str, list[str]]] = tomllib.loads(Path(__file__).with_name("minimum.toml").read_text())
VERBS = {*registry.SOURCE_VERBS, *registry.TARGET_VERBS}


def test_whoever_is_promised_is_there() -> None:
    if absent := sorted(set(LEAST) - set(registry.connectors())):
        pytest.skip(f"NOT RUN: there is no connector for {', '.join(absent)}, which was promised to be able to do something")


@pytest.mark.parametrize("slug", sorted(set(LEAST) & set(registry.connectors())))
def test_a_connector_can_do_no_less_than_was_promised_of_it(slug: str) -> None:
    wanted = verbs(slug)
    lost = wanted - registry.capabilities(slug)
    assert not lost, f"{slug} lost {sorted(lost)}"
    assert set(LEAST[slug]["duties"]) <= registry.connector(slug).roles
    assert wanted <= stage(slug).capabilities, f"{slug}: CAPABILITIES of its stage is to say {sorted(wanted - stage(slug).capabilities)}"


def test_the_list_names_verbs_and_duties_that_there_are() -> None:
    for slug, told in LEAST.items():
        assert told.keys() == {"duties", "verbs"}
        assert set() < verbs(slug) <= VERBS
        assert set() < set(told["duties"]) <= {"sales", "payments", "accounting"}


def verbs(slug: str) -> set[str]:
    """The verbs that are asked of it."""
    told = set(LEAST[slug]["verbs"])
    return told - {"targets"} | (set(registry.TARGET_VERBS) if "targets" in told else set())
