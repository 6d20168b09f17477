"""Every signature vector of the vendors' material holds through the connector's own code, and nothing that differs from it."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping

import pytest

from leja.connectors import registry
from leja.core.errors import Refused

from . import reference
from .reference import Made, Verified

VECTORS = [(slug, vector) for slug in reference.slugs() for vector in reference.vectors(slug)]
VERIFIED = [(slug, one) for slug, one in VECTORS if isinstance(one, Verified)]
MADE = [(slug, one) for slug, one in VECTORS if isinstance(one, Made)]
PRINTED = string.ascii_letters + string.digits + string.punctuation
ALL_BITS_BELOW = 600


def _names(found: list[tuple[str, Verified]] | list[tuple[str, Made]]) -> list[str]:
    return [f"{slug}-{one.where}" for slug, one in found]


def test_the_reference_material_is_there() -> None:
    if not reference.SPECS.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so no signature vector was verified")


@pytest.mark.parametrize("slug", reference.slugs())
def test_every_vector_that_is_there_is_verified(slug: str) -> None:
    there, read = reference.vectors_there(slug), [one.where for one in reference.vectors(slug)]
    for where, count in there.items():
        assert read.count(where) == count, f"{slug}: {where} holds {count} signatures, tests/reference.py reads {read.count(where)}"
    assert len(there) >= reference.listed(slug).vectors


@pytest.mark.parametrize(("slug", "vector"), VERIFIED, ids=_names(VERIFIED))
def test_a_vector_verifies_and_nothing_that_differs_does(slug: str, vector: Verified) -> None:
    verify = registry.verb(slug, "webhooks").verify
    verify(vector.headers, vector.body, (vector.secret,), vector.now)
    verify(vector.headers, vector.body, ("another", vector.secret), vector.now)
    tried = 0
    for headers, body in [*_other_bodies(vector), *_other_headers(vector)]:
        tried += 1
        try:
            verify(headers, body, (vector.secret,), vector.now)
        except Refused:
            continue
        changed = {name: value for name, value in headers.items() if value != vector.headers.get(name)}
        raise AssertionError(f"{slug}: {vector.where} verifies with {changed or body!r}")
    assert tried > len(vector.body) + 20 * sum(map(len, vector.signed.values()))
    for secret in ("another", ""):
        with pytest.raises(Refused):
            verify(vector.headers, vector.body, (secret,), vector.now)


@pytest.mark.parametrize(("slug", "vector"), MADE, ids=_names(MADE))
def test_a_signature_is_made_as_in_the_vector_and_every_part_counts(slug: str, vector: Made) -> None:
    assert vector.sign(vector.parts) == vector.expected
    for name, text in vector.parts.items():
        for other in _other_texts(text):
            assert vector.sign({**vector.parts, name: other}) != vector.expected, f"{slug}: {name} {other!r} is signed like {text!r}"


def _other_bodies(vector: Verified) -> Iterator[tuple[Mapping[str, str], bytes]]:
    """Every byte changed: in each of its bits where the body is short, in one where it is long; dropped; one more."""
    body = vector.body
    for place, byte in enumerate(body):
        for bit in range(8) if len(body) < ALL_BITS_BELOW else (place % 8,):
            yield vector.headers, body[:place] + bytes([byte ^ (1 << bit)]) + body[place + 1 :]
        yield vector.headers, body[:place] + body[place + 1 :]
    yield vector.headers, body + b"\n"


def _other_headers(vector: Verified) -> Iterator[tuple[Mapping[str, str], bytes]]:
    """Every character of what is signed and of the signature changed into every other, and each header left out."""
    for name, part in vector.signed.items():
        whole = vector.headers[name]
        at = whole.rindex(part)
        for other in _other_texts(part):
            yield {**vector.headers, name: whole[:at] + other + whole[at + len(part) :]}, vector.body
        yield {other: value for other, value in vector.headers.items() if other != name}, vector.body


def _other_texts(text: str) -> Iterator[str]:
    for place, character in enumerate(text):
        for other in PRINTED:
            if other != character:
                yield text[:place] + other + text[place + 1 :]
        yield text[:place] + text[place + 1 :]
