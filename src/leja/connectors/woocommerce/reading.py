"""Strict reading: bytes to typed structs, the fields that nobody knows reported, the amounts exact.

The quick way decodes with unknown fields forbidden. Only when that fails for an unknown field are the
unknown ones found, reported and taken out, and the rest decoded again.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from leja.core import strict_json
from leja.core.clock import instant, utc
from leja.core.errors import Refused
from leja.core.money import Money, from_text

T = TypeVar("T")
# NUL, half a surrogate pair, an escaped colon: rare enough to be looked at slowly.
_ODD: Final = (b"\\u0000", b"\\ud", b"\\uD", b"\\u003a", b"\\u003A")
_UNKNOWN: Final = "unknown field"


def _plain_number(text: str) -> Decimal:
    if "e" in text or "E" in text or len(text) > strict_json.NUMBER_MAX:
        raise ValueError(text)
    return Decimal(text)


_anything: Final = msgspec.json.Decoder(float_hook=_plain_number)
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


@lru_cache(maxsize=64)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def read(body: bytes, shape: type[T]) -> tuple[T, tuple[str, ...]]:
    """``body`` as ``shape`` and the paths of its unread fields. Raises Refused ``json-...``."""
    if not _plainly_strict(body):
        strict_json.check(body)
    whole: Any = shape
    decoder: msgspec.json.Decoder[T] = _decoder(whole)
    try:
        return decoder.decode(body), ()
    except msgspec.ValidationError as error:
        if _UNKNOWN not in str(error):
            raise _misshapen(error) from None
    unread: set[str] = set()
    known = _known(_anything.decode(body), shape, "", unread)
    try:
        return decoder.decode(_encoder.encode(known)), tuple(sorted(unread))
    except msgspec.ValidationError as error:
        raise _misshapen(error) from None


def _plainly_strict(body: bytes) -> bool:
    """Whether a quick look proves what ``strict_json.check`` proves; in doubt False, and then that is asked.

    An object that says a key twice loses one when it is decoded, and with it a colon when it is written again.
    """
    if b"\\u" in body and any(odd in body for odd in _ODD):
        return False
    try:
        body.decode()
        again = _encoder.encode(_anything.decode(body))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return body.count(b":") == again.count(b":")


def _misshapen(error: msgspec.ValidationError) -> Refused:
    return Refused("json-shape", f"the body has another shape than WooCommerce documents: {error}")


def _known(value: Any, shape: Any, path: str, unread: set[str]) -> Any:
    """``value`` without the fields that ``shape`` does not name."""
    if isinstance(value, list):
        inner = _inner(shape)
        return [_known(part, inner, f"{path}[]", unread) for part in value] if inner is not None else value
    fields = _fields(shape)
    if not isinstance(value, dict) or fields is None:
        return value
    unread.update(f"{path}.{name}".lstrip(".") for name in value if name not in fields)
    return {
        name: _known(part, fields[name], f"{path}.{name}", unread) for name, part in value.items() if name in fields
    }


@lru_cache(maxsize=256)
def _inner(shape: Any) -> Any:
    """The element type of a tuple type, optional or not."""
    for option in typing.get_args(shape) if typing.get_origin(shape) is not tuple else (shape,):
        if typing.get_origin(option) is tuple:
            return typing.get_args(option)[0]
    return None


@lru_cache(maxsize=256)
def _fields(shape: Any) -> Mapping[str, Any] | None:
    """The fields of a struct type, optional or not, by the vendor's name."""
    for option in (shape, *typing.get_args(shape)):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return {field.encode_name: field.type for field in msgspec.structs.fields(option)}
    return None


@lru_cache(maxsize=65536)
def money(text: str | Decimal, currency: str) -> Money:
    """An amount exactly as the vendor wrote it. Raises Refused ``amount-...``."""
    return from_text(text, currency)


def moment(gmt: str | None) -> datetime | None:
    """An instant of a ``_gmt`` field, which is UTC and does not say so; the fields beside it are the shop's wall clock."""
    if not gmt:
        return None
    return instant(gmt if gmt.endswith("Z") or "+" in gmt else f"{gmt}Z")


def version(modified_gmt: str | None, completeness: str) -> str:
    """A version that sorts: the second of the last change, then how much is known.

    "0" is a webhook's body; "1" an order that was read, and when, for the shop's own clock knows no less than seconds.
    """
    changed = moment(modified_gmt)
    if changed is None:
        raise Refused("woocommerce-value", "an order does not say when it was changed last")
    return f"{utc(changed):%Y-%m-%dT%H:%M:%SZ}/{completeness}"


def rate_percent(rate: Decimal | None) -> Decimal | None:
    """A percentage without trailing zeros."""
    if rate is None or not rate.is_finite():
        return None
    plain = rate.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


def quantity_of(quantity: Decimal) -> Decimal:
    """How many, whatever the sign; never zero, for a refunded amount without pieces is one line."""
    return abs(quantity) or Decimal(1)
