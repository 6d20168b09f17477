"""Every example that a vendor publishes is read by its connector, or stands in the connector's list of what is no document."""

from __future__ import annotations

import pytest

from leja.core.errors import LejaError

from . import reference

EXAMPLES = [(slug, name) for slug in reference.slugs() for name in reference.examples(slug)]


def test_the_reference_material_is_there() -> None:
    if not reference.SPECS.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so no vendor's example was read")
    assert reference.slugs()


@pytest.mark.parametrize("slug", reference.slugs())
def test_no_fewer_examples_are_there_than_were_counted(slug: str) -> None:
    assert len(reference.examples(slug)) >= reference.listed(slug).at_least


@pytest.mark.parametrize(("slug", "name"), EXAMPLES, ids=[f"{slug}-{name}" for slug, name in EXAMPLES])
def test_an_example_is_read_or_is_listed_as_no_document(slug: str, name: str) -> None:
    if name not in reference.listed(slug).no_document:
        assert reference.read(slug, name), f"{slug} makes nothing of {name}: read it, or list it with the reason why it is no document"
        return
    try:
        found = reference.read(slug, name)
    except (LejaError, ValueError, AssertionError):
        return
    assert not found, f"{slug}: {name} is listed as no document and is read: {found}"


@pytest.mark.parametrize("slug", reference.slugs())
def test_the_list_names_what_there_is_each_with_a_reason(slug: str) -> None:
    told = reference.listed(slug).no_document
    assert set(told) <= set(reference.examples(slug)), f"{slug}: not there: {sorted(set(told) - set(reference.examples(slug)))}"
    short = [name for name, why in told.items() if len(why.split()) < 4]
    assert not short, f"{slug}: no reason is given for {short}"
