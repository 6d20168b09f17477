"""Values on their way in and out: numbers, moments, ids that bear a name, commands that wait for their parent."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any, Final

from leja.connectors.odoo.stand_in_errors import value_error
from leja.connectors.odoo.stand_in_fields import Field

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d\Z")
_DATETIME: Final = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?\Z")


class Deferred(list[Any]):
    """A command that knows by itself how it is carried out once the parent's id is there."""

    def carry_out(self, parent: int) -> None:
        """Does it."""
        raise value_error(f"nothing to do below {parent}")


class Named(int):
    """An id that compares with a name as well, for domains such as ``["partner_id", "ilike", "jane"]``."""

    def __new__(cls, id_: int, _name: str) -> Named:
        return super().__new__(cls, id_)

    def __init__(self, _id: int, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        return self._name == other if isinstance(other, str) else int(self) == other

    def __hash__(self) -> int:
        return int.__hash__(self)


def with_point(value: Decimal) -> Decimal:
    """A number as Python prints a float: at least one decimal, no trailing zeros."""
    if value == 0:
        return Decimal("0.0")
    plain = value.normalize()
    return plain if int(plain.as_tuple().exponent) < 0 else plain.quantize(Decimal("0.1"))


def exact(value: Any) -> Decimal:
    """A number as Decimal. Raises Refusal."""
    if isinstance(value, Decimal | int):
        return Decimal(value)
    try:
        return Decimal(str(value).strip())
    except ArithmeticError:
        raise value_error(f"could not convert string to float: {value!r}") from None


def moment(text: str, kind: str) -> str:
    """A day or an instant as it is kept. Raises Refusal."""
    pattern = _DATE if kind == "date" else _DATETIME
    day = text[:10] if kind == "date" else text
    if not pattern.match(day):
        raise value_error(f"time data {text!r} does not match format '%Y-%m-%d'")
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        raise value_error(f"day is out of range for month: {text!r}") from None
    return day if kind == "date" or len(day) > 10 else f"{day} 00:00:00"


def sortable(value: Any) -> tuple[int, Any]:
    """A key of order: what is empty comes last."""
    if value is None or value is False or value == "":
        return (1, 0)
    if isinstance(value, list):
        return (0, value[0] if value else 0)
    return (0, value)


def is_empty(field: Field, value: Any) -> bool:
    """Whether a required field was left out; numbers never are."""
    return field.type not in ("float", "monetary", "integer", "boolean") and not value


def required_words(title: str, model: str, name: str) -> str:
    """What the database says of a required field that is not set."""
    label = name.removesuffix("_id").replace("_", " ").title()
    return (
        "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n"
        "- Delete: another model requires the record being deleted. If possible, archive it instead.\n\n"
        f"Model: {title} ({model})\nField: {label} ({name})\n"
    )


def only_one(ids: list[int], model: str) -> int:
    """The single id of a call that works on one record."""
    if len(ids) != 1:
        raise value_error(f"Expected singleton: {model}({', '.join(map(str, ids))})")
    return ids[0]
