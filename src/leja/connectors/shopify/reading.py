"""Strict reading: bytes to typed structs, the fields that nobody knows reported, the amounts exact.

The quick way decodes with unknown fields forbidden. Only when that fails for an unknown field are the
unknown ones found, reported and taken out, and the rest decoded again.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from leja.core import strict_json
from leja.core.clock import instant, utc
from leja.core.errors import Refused
from leja.core.money import Money, from_text

T = TypeVar("T")
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


def _misshapen(error: msgspec.ValidationError) -> Refused:
    return Refused("json-shape", f"the body has another shape than Shopify documents: {error}")


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


@lru_cache(maxsize=4096)
def percentage(rate: Decimal | None) -> Decimal | None:
    """The vendor's fraction 0.2 as the percentage 20."""
    if rate is None or not rate.is_finite():
        return None
    percent = (rate * 100).normalize()
    return percent.quantize(Decimal(1)) if percent == percent.to_integral_value() else percent


def version(updated_at: str, completeness: str) -> str:
    """A version that sorts: the instant in UTC with fixed width, then how complete the shape is.

    A fetched order says more than the webhook of the same instant, so "1" sorts after "0".
    """
    return f"{utc(instant(updated_at)).replace(tzinfo=None).isoformat(timespec='microseconds')}Z/{completeness}"


def external(identifier: str | int) -> str:
    """The number of a thing: ``gid://shopify/Order/1`` and ``1`` are one id."""
    text = str(identifier).partition("?")[0].rpartition("/")[2]
    if not text or not text.isascii():
        raise Refused("id-unreadable", f"{str(identifier)[:60]!r} is not an id of Shopify")
    return text


@lru_cache(maxsize=4096)
def quantity_of(count: int) -> Decimal:
    """A whole quantity; never negative."""
    if count < 0:
        raise Refused("quantity-unreadable", f"{count} is not a quantity that can be sold")
    return Decimal(count)
