"""Every way in which a value breaks the contract, each with its JSON path; and what the contract does not know.

msgspec stops at the first fault. A sender who is told all of them mends them at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import inspect

PROBLEMS_MAX: Final = 50
_FORMATS: Final[dict[str, Callable[[str], object]]] = {"date": date.fromisoformat, "date-time": datetime.fromisoformat}


class Found(msgspec.Struct):
    """``problems`` are (path, what is wrong); ``unknown`` are paths of members that the contract does not know."""

    problems: list[tuple[str, str]] = []
    unknown: list[str] = []

    def add(self, path: str, words: str) -> None:
        """One more, unless there are enough."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append((path, words))


def examined(value: Any, shape: type, path: str, found: Found | None = None) -> Found:
    """What is wrong with ``value`` (plain JSON data) as ``shape``, a Struct of ``wire``."""
    said = found if found is not None else Found()
    _look(value, _type_of(shape), path, said)
    return said


@lru_cache(maxsize=32)
def _type_of(shape: type) -> inspect.Type:
    return inspect.type_info(shape)


def _look(value: Any, wanted: inspect.Type, path: str, found: Found) -> None:
    if isinstance(wanted, inspect.Metadata):
        _look(value, wanted.type, path, found)
        if isinstance(value, str) and not _reads(value, (wanted.extra or {}).get("format", "")):
            found.add(path, "is no date or time that exists")
    elif isinstance(wanted, inspect.UnionType):
        _look(value, next(one for one in wanted.types if isinstance(one, inspect.StructType)), path, found)
    elif isinstance(wanted, inspect.StructType):
        _look_into(value, wanted, path, found)
    elif isinstance(wanted, inspect.VarTupleType):
        if not isinstance(value, list):
            found.add(path, "must be a list")
            return
        if wanted.max_length is not None and len(value) > wanted.max_length:
            found.add(path, f"has more than {wanted.max_length} members")
        for place, part in enumerate(value):
            _look(part, wanted.item_type, f"{path}[{place}]", found)
    elif words := _plain(value, wanted):
        found.add(path, words)


def _look_into(value: Any, wanted: inspect.StructType, path: str, found: Found) -> None:
    if not isinstance(value, dict):
        found.add(path, "must be an object")
        return
    fields = {field.encode_name: field for field in wanted.fields}
    for name, field in fields.items():
        if name in value:
            _look(value[name], field.type, f"{path}.{name}", found)
        elif field.required:
            found.add(f"{path}.{name}", "is missing")
    found.unknown += [f"{path}.{name}" for name in value if name not in fields]


def _plain(value: Any, wanted: inspect.Type) -> str:
    if isinstance(wanted, inspect.LiteralType):
        return "" if value in wanted.values and isinstance(value, str) else f"must be one of {', '.join(map(str, wanted.values))}"
    if isinstance(wanted, inspect.BoolType):
        return "" if isinstance(value, bool) else "must be true or false"
    if isinstance(wanted, inspect.IntType):
        if type(value) is not int or (wanted.ge is not None and value < wanted.ge):
            return f"must be a whole number from {wanted.ge} on"
        return ""
    if isinstance(wanted, inspect.StrType):
        return _text(value, wanted)
    return "" if isinstance(value, dict) else "must be an object"


def _text(value: Any, wanted: inspect.StrType) -> str:
    if not isinstance(value, str):
        return "must be text"
    if len(value) < (wanted.min_length or 0) or len(value) > (wanted.max_length or len(value)):
        return f"must have {wanted.min_length or 0} to {wanted.max_length} characters"
    if wanted.pattern and not _compiled(wanted.pattern)(value):
        return "is not written as the contract says"
    return ""


@lru_cache(maxsize=32)
def _compiled(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.ASCII).search


def _reads(value: str, form: str) -> bool:
    read = _FORMATS.get(form)
    if read is None:
        return True
    try:
        read(value.upper())
    except ValueError:
        return False
    return True
