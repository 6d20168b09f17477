"""``leja connectors``: what people and programs are told of every connector that is present."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from leja.cli.main import build
from leja.connectors import registry

SLUGS = sorted(registry.connectors())


@pytest.fixture(scope="module")
def said() -> tuple[dict[str, dict[str, object]], str]:
    """The list as JSON, by slug, and as people see it."""
    app = build()
    found = CliRunner().invoke(app, ["connectors", "--json"])
    shown = CliRunner().invoke(app, ["connectors"])
    assert (found.exit_code, shown.exit_code) == (0, 0)
    return {one["slug"]: one for one in json.loads(found.stdout)["connectors"]}, shown.stdout


def test_everything_that_is_there_is_listed_once(said: tuple[dict[str, dict[str, object]], str]) -> None:
    assert sorted(said[0]) == SLUGS


@pytest.mark.parametrize("slug", SLUGS)
def test_duties_capabilities_promise_and_judge_are_told(slug: str, said: tuple[dict[str, dict[str, object]], str]) -> None:
    found, shown = said[0][slug], re.sub(r"[^\w]+", "", said[1])
    declared = registry.connector(slug)
    assert found["roles"] == sorted(declared.roles)
    assert found["capabilities"] == sorted(registry.capabilities(slug))
    assert (found["guarantee"], found["judged_by"]) == (declared.guarantee, declared.judged_by)
    if "deliver" in registry.capabilities(slug):
        anchors = registry.verb(slug, "ANCHORS")
        wanted = {kind: 0 if anchor.unique else anchor.look_up_lag for kind, anchor in anchors.items()}
        assert found["within_seconds"] == wanted
    else:
        assert found["within_seconds"] is None
    for word in (slug, *declared.roles):
        assert re.sub(r"[^\w]+", "", word) in shown
    assert declared.judged_by.split()[0].split("-")[0].strip(",") in said[1]
