"""The ``where`` and ``order`` parameters, as much of them as integrations use: comparisons joined by AND."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

_LITERAL: Final = (
    r"(?:\"(?P<text>[^\"]*)\"|(?i:guid)\(\"(?P<guid>[^\"]*)\"\)|"
    r"DateTime\((?P<date>\d{4}\s*,\s*\d{1,2}\s*,\s*\d{1,2}(?:\s*,\s*\d+)*)\)|"
    r"(?P<bool>(?i:true|false))|(?P<number>-?\d+(?:\.\d+)?)|(?P<null>null))"
)
_CONDITION: Final = re.compile(rf"\s*(?P<field>[A-Za-z][\w.]*)\s*(?P<op>==|!=|>=|<=|>|<|=)\s*{_LITERAL}\s*")
_AND: Final = re.compile(r"(?:AND|and|&&)\s*")
Row = Mapping[str, Any]


class BadFilter(ValueError):
    """The filter cannot be read."""


def where(text: str) -> Callable[[Row], bool]:
    """The filter as a predicate on stored bodies. Raises BadFilter."""
    conditions: list[Callable[[Row], bool]] = []
    place = 0
    while place < len(text):
        match = _CONDITION.match(text, place)
        if match is None:
            raise BadFilter(f"the where clause cannot be read at {text[place:]!r}")
        conditions.append(_condition(match))
        place = match.end()
        if place < len(text):
            joined = _AND.match(text, place)
            if joined is None:
                raise BadFilter(f"the where clause cannot be read at {text[place:]!r}: only AND is played here")
            place = joined.end()
    return lambda row: all(condition(row) for condition in conditions)


def _condition(match: re.Match[str]) -> Callable[[Row], bool]:
    field, operator, wanted = match["field"], match["op"], _wanted(match)

    def holds(row: Row) -> bool:
        value = _value(row, field)
        if wanted is None or value is None:
            return (value is wanted) == (operator in ("==", "="))
        mine, theirs = _alike(value, wanted)
        met: dict[str, bool] = {
            "==": mine == theirs, "=": mine == theirs, "!=": mine != theirs, ">": mine > theirs, "<": mine < theirs,
            ">=": mine >= theirs, "<=": mine <= theirs,
        }  # fmt: skip
        return met[operator]

    return holds


def _wanted(match: re.Match[str]) -> Any:
    if match["text"] is not None:
        return match["text"]
    if match["guid"] is not None:
        return match["guid"].lower()
    if match["date"] is not None:
        parts = [int(part) for part in match["date"].split(",")[:3]]
        return date(*parts).isoformat()
    if match["bool"] is not None:
        return match["bool"].lower() == "true"
    return Decimal(match["number"]) if match["number"] is not None else None


def _alike(value: Any, wanted: Any) -> tuple[Any, Any]:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return bool(value), bool(wanted)
    if isinstance(value, int | Decimal) and isinstance(wanted, Decimal):
        return Decimal(value), wanted
    return str(value), str(wanted)


def _value(row: Row, field: str) -> Any:
    found: Any = row
    for part in field.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def ordered(rows: list[Any], text: str, body: Callable[[Any], Row]) -> list[Any]:
    """Rows by ``Field ASC`` or ``DESC``. Raises BadFilter."""
    match = re.fullmatch(r"\s*([A-Za-z][\w.]*)(?:\s+(ASC|DESC))?\s*", text, re.IGNORECASE)
    if match is None:
        raise BadFilter(f"the order {text!r} cannot be read")
    field, downwards = match[1], (match[2] or "").upper() == "DESC"

    def key(row: Any) -> tuple[bool, Any]:
        value = _value(body(row), field)
        return (value is not None, value if value is not None else "")

    return sorted(rows, key=key, reverse=downwards)
