"""Strict reading: bytes to the fields that are read, the names of those that nobody knows, amounts and days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from leja.connectors.contract import Context
from leja.connectors.stripe import CONNECTOR, Settings
from leja.connectors.stripe.wire import Wire
from leja.core import strict_json
from leja.core.clock import business_day
from leja.core.currency import exponent
from leja.core.errors import Refused
from leja.core.money import Money, from_minor

W = TypeVar("W", bound=Wire)
_LAST: Final = 253402300799


@lru_cache(maxsize=64)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


@lru_cache(maxsize=64)
def _known(shape: type[Wire]) -> frozenset[str]:
    return shape.IGNORED | {field.encode_name for field in msgspec.structs.fields(shape)}


def decoded(body: bytes | msgspec.Raw, shape: Any) -> Any:
    """``body`` as ``shape``. Raises Refused ``json-shape``."""
    try:
        return _decoder(shape).decode(body)
    except (msgspec.MsgspecError, RecursionError, ArithmeticError) as error:
        raise Refused("json-shape", f"the body has another shape than Stripe documents: {str(error)[:200]}") from None


def read(body: bytes | msgspec.Raw, shape: type[W]) -> tuple[W, tuple[str, ...]]:
    """An object and its unread fields."""
    names = decoded(body, dict[str, msgspec.Raw])
    found: W = decoded(body, shape)
    return found, tuple(sorted(names.keys() - _known(shape)))


def strict(body: bytes, shape: type[W]) -> W:
    """A whole body. Raises Refused ``json-...``."""
    strict_json.check(body)
    found: W = decoded(body, shape)
    return found


def money(amount: int, currency: str) -> Money:
    """Stripe's minor units as those of ISO 4217. Raises Refused ``amount-decimals`` where something would be lost.

    The vendor counts UGX and ISK in hundredths and MGA in whole units (docs.stripe.com/currencies, special cases).
    """
    code = currency.upper()
    ours = exponent(code)
    shift = CONNECTOR.wire_exponents.get(code, ours) - ours
    if shift <= 0:
        return from_minor(amount * 10**-shift, code)
    whole, rest = divmod(amount, 10**shift)
    if rest:
        raise Refused("amount-decimals", f"{amount} of Stripe's units of {code} has decimals that {code} does not have")
    return from_minor(whole, code)


def moment(seconds: int) -> datetime:
    """Epoch seconds as an instant. Raises Refused ``instant-unreadable``."""
    if not 0 <= seconds <= _LAST:
        raise Refused("instant-unreadable", f"{seconds} is no time")
    return datetime.fromtimestamp(seconds, UTC)


def day(seconds: int, context: Context) -> date:
    """The business day of the organisation: Stripe knows no places."""
    return business_day(moment(seconds), context.zone, context.day_end_minutes)


def version(at: datetime) -> str:
    """A version that sorts: the instant in UTC with fixed width."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def settings_of(context: Context) -> Settings:
    """The connection's settings."""
    return context.settings if isinstance(context.settings, Settings) else Settings()
