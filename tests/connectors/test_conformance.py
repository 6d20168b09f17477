"""Every connector that is present keeps what all must keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leja.connectors import registry
from leja.core.errors import Refused

from . import conformance, mutants, samples

SLUGS = sorted(registry.connectors())
WITH_WEBHOOKS = [slug for slug in SLUGS if "webhooks" in registry.capabilities(slug)]
WITH_DECODE = [slug for slug in SLUGS if "decode" in registry.capabilities(slug)]
SAMPLES = samples.found()


def test_connectors_are_found_by_presence() -> None:
    folder = Path(registry.__file__).parent
    present = {path.parent.name for path in folder.glob("*/__init__.py") if "CONNECTOR" in path.read_text()}
    assert present == set(SLUGS)
    assert "shopify" in SLUGS


def test_an_unknown_connector_is_refused_by_name() -> None:
    with pytest.raises(Refused) as caught:
        registry.connector("sapphire")
    assert caught.value.code == "connector-unknown"


def test_a_verb_that_is_not_there_is_refused_not_faked() -> None:
    with pytest.raises(Refused) as caught:
        registry.verb("shopify", "deliver")
    assert caught.value.code == "connector-capability"
    with pytest.raises(Refused):
        registry.verb("shopify", "__file__")


@pytest.mark.parametrize("slug", SLUGS)
def test_a_connector_declares_itself(slug: str) -> None:
    conformance.declares_itself(slug)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_connector_claims_what_it_has(slug: str) -> None:
    conformance.claims_what_it_has(slug)


@pytest.mark.parametrize("slug", WITH_WEBHOOKS)
def test_a_webhook_is_verified_to_the_byte(slug: str) -> None:
    conformance.verifies_every_byte(slug)


@pytest.mark.parametrize("slug", WITH_DECODE)
def test_decoding_is_the_same_twice_and_free_of_floats(slug: str) -> None:
    conformance.decodes_the_same_twice(slug)


@pytest.mark.parametrize("slug", WITH_DECODE)
def test_decoding_never_breaks(slug: str) -> None:
    conformance.never_breaks(slug)


def test_no_sample_stands_without_its_expectation() -> None:
    assert samples.lonely() == []


@pytest.mark.parametrize(("slug", "path"), SAMPLES, ids=[f"{slug}-{path.stem}" for slug, path in SAMPLES])
def test_a_sample_means_what_is_expected(slug: str, path: Path) -> None:
    expected = json.loads((path.parent / f"{path.stem}.expected.json").read_text())
    assert samples.outcome(slug, json.loads(path.read_text())) == expected


def test_every_seeded_mutant_still_fits_the_code() -> None:
    for slug, folder in registry.folders().items():
        if (folder / "tests" / "mutants.toml").exists():
            assert mutants.misfits(slug) == []
            assert len(mutants.listed(slug)) >= 20
