"""What a stranger sends is read exactly or refused by name."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.core import strict_json
from leja.core.errors import Refused

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc\"\\{[é", max_size=4), inner, max_size=4),
    max_leaves=30,
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json-truncated"),
        (b'{"a": 1', "json-truncated"),
        (b'{"a": "x', "json-truncated"),
        (b'{"a": 1}}', "json-malformed"),
        (b"{'a': 1}", "json-malformed"),
        (b'{"a": "\xff"}', "json-encoding"),
        ('{"a": 1}'.encode("utf-16"), "json-encoding"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "json-duplicate-key"),
        (b'{"a": 1, "\\u0061": 1}', "json-duplicate-key"),
        (b'{"a": NaN}', "json-number"),
        (b'{"a": -Infinity}', "json-number"),
        (b'{"a": 1e2}', "json-number"),
        (b'{"a": 1.5E2}', "json-number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "json-number"),
        (b'{"a": 0.' + b"9" * 60 + b"}", "json-number"),
        (b"[" * 100_000, "json-depth"),
        (b"[" * 65 + b"]" * 65, "json-depth"),
        (b'{"a": "\\u0000"}', "json-malformed"),
        (b'{"\\ud800": 1}', "json-malformed"),
    ],
)
def test_what_is_not_strict_json_is_refused_by_name(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        strict_json.check(body)
    assert refused.value.code == code


@pytest.mark.parametrize("body", [b'{"a": "' + b"[{" * 500 + b'"}', b"[" * 64 + b"]" * 64, b'"\\\\u0000"', b"1.50"])
def test_what_only_looks_wrong_is_accepted(body: bytes) -> None:
    strict_json.check(body)


def test_amounts_keep_the_text_of_their_number() -> None:
    decoder = msgspec.json.Decoder(dict[str, Decimal])
    assert str(strict_json.decode(b'{"a": 10.50}', decoder)["a"]) == "10.50"
    with pytest.raises(Refused) as refused:
        strict_json.decode(b'{"a": []}', decoder)
    assert refused.value.code == "json-shape"


@given(VALUES)
def test_whatever_is_written_by_the_book_is_read(value: Any) -> None:
    strict_json.check(json.dumps(value).encode())
    strict_json.check(json.dumps(value, ensure_ascii=False, indent=1).encode())


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fall_over(body: bytes) -> None:
    try:
        strict_json.check(body)
    except Refused:
        return
    json.loads(body.decode())
