"""What a stranger sends is read exactly or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
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


PIECES = st.sampled_from([
    "{", "}", "[", "]", ",", ":", '"', '"a"', '"b"', '"a":', '"a:b"', '"\\u0061":', '"\\u003a"', '"\\u0026"', '"\\u0000"', '"\\\\u0000"', '"\\ud83d"',
    '"\\ud83d\\ude00"', '"é"', "1", "-0", "10.50", "1e2", "1E-3", "0.00001", "1e-5", "9" * 40, "9" * 41, "0." + "9" * 39, "0." + "1" * 38,
    "NaN", "Infinity", "null", "true", " ", "\n", "[" * 64, "]" * 64, '"[{"', '"]"', "\\", "\ufeff"])


def told(check: Callable[[bytes], None], body: bytes) -> str:
    """The code of the refusal, or nothing."""
    try:
        check(body)
    except Refused as error:
        return error.code
    return ""


def agree(body: bytes) -> None:
    """The quick look and the close one come to the same, and the close one agrees with what the quick one passes."""
    assert told(strict_json.check, body) == told(strict_json.check_closely, body), body


@given(st.lists(PIECES, max_size=14).map("".join))
def test_a_quick_look_agrees_with_a_close_one_on_hostile_texts(text: str) -> None:
    agree(text.encode())


@given(VALUES, st.integers(0, 200), st.sampled_from(["", "{", "}", '"a":1,', "\\u0000", "1e5", "[[", ":", "\udc80"]))
def test_a_quick_look_agrees_with_a_close_one_on_damaged_texts(value: Any, at: int, put: str) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, separators=(",", ":"))):
        agree((text[:at] + put + text[at:]).encode(errors="surrogateescape"))


@given(st.recursive(VALUES, lambda inner: st.tuples(st.sampled_from(["a", "b", "a:"]), inner, st.sampled_from(["a", "b"]), inner).map(
    lambda parts: f'{{{json.dumps(parts[0])}:{_text(parts[1])},{json.dumps(parts[2])}:{_text(parts[3])}}}'), max_leaves=6))
def test_a_key_that_stands_twice_anywhere_is_seen(value: Any) -> None:
    agree(_text(value).encode())


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith("{") else json.dumps(value)


@pytest.mark.parametrize("levels", [63, 64, 65, 66, 900])
@pytest.mark.parametrize("filling", ["1", '"]]]]}}}}"', '"[[[[{{{{"'])
def test_depth_is_counted_outside_strings(levels: int, filling: str) -> None:
    body = ('{"a":[' * (levels // 2) + "[" * (levels % 2) + filling + "]" * (levels % 2) + "]}" * (levels // 2)).encode()
    assert told(strict_json.check, body) == ("" if levels <= 64 else "json-depth")
    assert not (strict_json.plainly_strict(body) and levels > 64)
