"""Strict JSON: what a stranger sends is read exactly, or refused with a sentence that says why.

Refused are: text that is not UTF-8, duplicate keys, NaN and Infinity, exponents, numbers of more than 40 characters,
nesting deeper than ``DEPTH_MAX``, NUL characters, and what is no JSON at all. Typed decoding is msgspec's; this
module checks what msgspec lets pass.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from leja.core.errors import Refused

DEPTH_MAX: Final = 64
NUMBER_MAX: Final = 40
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[^\[\]{}]+")
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LONE: Final = re.compile(r"[\ud800-\udfff]")
_REMEDY: Final = "Ask the sender for well-formed JSON; nothing of this body was read."

T = TypeVar("T")

# NUL, half a surrogate pair, an escaped colon.
_ODD: Final = (b"\\u0000", b"\\ud", b"\\uD", b"\\u003a", b"\\u003A")
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_TOO_LONG: Final = b"0" * NUMBER_MAX
_TOO_DEEP: Final = b"\n" + b" " * DEPTH_MAX


def _exact(text: str) -> Decimal:
    if "e" in text or "E" in text or len(text) > NUMBER_MAX:
        raise ValueError(text)
    return Decimal(text)


_plain: Final = msgspec.json.Decoder(float_hook=_exact).decode
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def check(body: bytes) -> None:
    """Raise Refused unless ``body`` is one strict JSON value. Codes: ``json-...``, see docs/errors.md."""
    if not plainly_strict(body):
        check_closely(body)


def check_closely(body: bytes) -> None:
    """The same, sign by sign: slower, and with the words for what is wrong."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            "json-encoding", f"the body is not UTF-8 text: byte {error.start} is wrong", remedy=_REMEDY
        ) from None
    _check_depth(body)
    if b"\\u0000" in body and _NUL.search(body):
        raise Refused("json-malformed", "the body holds a NUL character", remedy=_REMEDY)
    try:
        _decoder.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise _malformed(error, len(text)) from None


def plainly_strict(body: bytes) -> bool:
    """Whether a quick look proves what a close one would find; in doubt False.

    The body is read and written again. An object that says a key twice loses one of them by that: the bytes differ, and
    where they differ anyway because they were laid out otherwise, there are fewer colons.
    """
    if b"\\" in body and any(odd in body for odd in _ODD):
        return False
    try:
        body.decode()
        again = _encode(_plain(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    if again != body and body.count(b":") != again.count(b":"):
        return False
    return _TOO_LONG not in body.translate(_ZEROS) and _is_shallow(body)


def _is_shallow(body: bytes) -> bool:
    """Whether nothing is nested too deep: laid out with a space a level, no line stands inside the last level allowed.

    Not even one there: an empty list inside it would stand on that line, and be one too many.
    """
    brackets = body.count(b"[") + body.count(b"{")
    return brackets <= DEPTH_MAX or _TOO_DEEP not in msgspec.json.format(body, indent=1)


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """The checked body as ``decoder``'s type. Raises Refused: as ``check``, and ``json-shape`` for another shape."""
    check(body)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refused("json-shape", f"the body has another shape than expected: {error}") from None
    except msgspec.DecodeError as error:
        raise Refused("json-malformed", f"the body is not well-formed JSON: {error}", remedy=_REMEDY) from None


def _check_depth(body: bytes) -> None:
    """Nothing to do unless there are enough opening brackets; then count them outside strings."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return
    depth = 0
    for bracket in _BRACKETS.sub(b"", _STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise _too_deep()


def _too_deep() -> Refused:
    return Refused("json-depth", f"the body is nested deeper than {DEPTH_MAX} levels", remedy=_REMEDY)


def _malformed(error: json.JSONDecodeError, length: int) -> Refused:
    if error.pos >= length or "Unterminated" in error.msg:
        return Refused("json-truncated", f"the body ends too early, after {length} characters", remedy=_REMEDY)
    return Refused(
        "json-malformed", f"the body is not well-formed JSON at character {error.pos}: {error.msg}", remedy=_REMEDY
    )


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Refused("json-duplicate-key", f"the key {twice!r} stands twice in one object", remedy=_REMEDY)
    for name in names:
        if not name.isascii() and _LONE.search(name):
            raise Refused("json-malformed", "the body holds half of a surrogate pair", remedy=_REMEDY)


def _fraction(text: str) -> None:
    if "e" in text or "E" in text:
        raise Refused("json-number", f"the number {text[:NUMBER_MAX]} has an exponent", remedy=_REMEDY)
    _whole(text)


def _whole(text: str) -> None:
    if len(text) > NUMBER_MAX:
        raise Refused("json-number", f"a number has {len(text)} characters: {text[:20]}...", remedy=_REMEDY)


def _constant(name: str) -> NoReturn:
    raise Refused("json-number", f"{name} is not a number", remedy=_REMEDY)


# The values themselves are dropped as they are read: this pass only looks.
_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_fraction, parse_int=_whole, parse_constant=_constant
)
