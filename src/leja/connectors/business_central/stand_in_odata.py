"""The OData of API v2.0, as much as integrations use: addresses, $filter, $orderby, $select, $expand.

The vendor refuses ``or`` across two different fields, and so does this. Code fields are compared in capitals, as they
are kept (UNVERIFIED for filters; the base application does so).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.business_central.stand_in_model import SETS, BadRequest, EntitySet, Field

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<moment>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))|(?P<date>\d{4}-\d\d-\d\d)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_][\w/]*)|(?P<mark>[(),]))"
)
_COMPARE: Final = ("eq", "ne", "gt", "ge", "lt", "le")
_FUNCTIONS: Final = ("contains", "startswith", "endswith")
_SEGMENT: Final = re.compile(r"(?P<name>\$?[A-Za-z][\w.]*)(?:\((?P<key>'[^']*'|[^)']*)\))?\Z")


class Step(msgspec.Struct, frozen=True):
    """One part of an address: ``salesInvoices(id)``."""

    name: str
    key: str = ""


def steps(path: str) -> list[Step]:
    """An address below the API's root. Raises BadRequest."""
    found = []
    for part in path.strip("/").split("/"):
        match = _SEGMENT.match(part)
        if match is None:
            raise BadRequest("Bad Request - Error in query syntax.", "BadRequest_NotFound", 404)
        found.append(Step(match["name"], (match["key"] or "").strip("'")))
    return found


class _Reader:
    def __init__(self, kind: EntitySet, text: str) -> None:
        self._kind, self._text, self._place = kind, text, 0

    def whole(self) -> Test:
        found, _fields = self._either()
        if self._peek() is not None:
            raise self._wrong()
        return found

    def _either(self) -> tuple[Test, set[str]]:
        test, fields = self._both()
        while self._word("or"):
            other, more = self._both()
            if len(fields | more) > 1:
                raise BadRequest("An 'or' across different fields is not supported in an OData filter.",
                                 "BadRequest_MethodNotImplemented", 501)  # fmt: skip
            test = _or(test, other)
        return test, fields

    def _both(self) -> tuple[Test, set[str]]:
        test, fields = self._one()
        while self._word("and"):
            other, more = self._one()
            test, fields = _and(test, other), fields | more
        return test, fields

    def _one(self) -> tuple[Test, set[str]]:
        token = self._next()
        if token is None:
            raise self._wrong()
        if token["mark"] == "(":
            test, fields = self._either()
            self._mark(")")
            return test, fields
        word = token["word"] or ""
        if word in _FUNCTIONS:
            self._mark("(")
            name = self._name(self._next())
            self._mark(",")
            wanted = self._literal(self._field(name))
            self._mark(")")
            return _function(word, name, wanted), {name}
        name = self._name(token)
        operator = (self._next() or {"word": ""})["word"] or ""
        if operator not in _COMPARE:
            raise self._wrong()
        field = self._field(name)
        return _comparison(name, operator, field, self._literal(field)), {name}

    def _name(self, token: Mapping[str, str] | None) -> str:
        if token is None or not token["word"]:
            raise self._wrong()
        return token["word"]

    def _field(self, name: str) -> Field:
        field = self._kind.fields.get(name)
        if field is None:
            raise BadRequest(
                f"Could not find a property named '{name}' on type 'Microsoft.NAV.{self._kind.entity}'.", "BadRequest"
            )
        return field

    def _literal(self, field: Field) -> Any:
        token = self._next()
        if token is None:
            raise self._wrong()
        wanted = {"code": "text", "text": "text", "options": "text", "guid": "guid", "date": "date", "moment": "moment",
                  "decimal": "number", "int": "number", "bool": "word"}[field.type]  # fmt: skip
        text = token[wanted]
        if not text and wanted == "moment" and token["date"]:
            text = f"{token['date']}T00:00:00Z"
        if not text:
            raise BadRequest("A binary operator with incompatible types was detected in the filter.", "BadRequest")
        return value_of(field, text[1:-1].replace("''", "'") if wanted == "text" else text)

    def _peek(self) -> re.Match[str] | None:
        if not self._text[self._place :].strip():
            return None
        match = _TOKEN.match(self._text, self._place)
        if match is None:
            raise self._wrong()
        return match

    def _next(self) -> Mapping[str, str] | None:
        match = self._peek()
        if match is None:
            return None
        self._place = match.end()
        return match.groupdict(default="")

    def _word(self, word: str) -> bool:
        match = self._peek()
        if match is None or match["word"] != word:
            return False
        self._place = match.end()
        return True

    def _mark(self, mark: str) -> None:
        token = self._next()
        if token is None or token["mark"] != mark:
            raise self._wrong()

    def _wrong(self) -> BadRequest:
        return BadRequest(f"Syntax error at position {self._place} in '{self._text}'.", "BadRequest")


def _or(one: Test, other: Test) -> Test:
    return lambda row: one(row) or other(row)


def _and(one: Test, other: Test) -> Test:
    return lambda row: one(row) and other(row)


def value_of(field: Field, text: Any) -> Any:
    """A literal or a shown value in the form in which it is compared."""
    if field.type == "code":
        return str(text).upper()
    if field.type == "guid":
        return str(text).lower()
    if field.type == "moment":
        return (
            datetime.fromisoformat(str(text)).astimezone(UTC)
            if not str(text).startswith("0001")
            else datetime.min.replace(tzinfo=UTC)
        )
    if field.type in ("decimal", "int"):
        return Decimal(text)
    if field.type == "bool":
        return text if isinstance(text, bool) else text == "true"
    return text


def _comparison(name: str, operator: str, field: Field, wanted: Any) -> Test:
    def holds(row: Row) -> bool:
        mine = value_of(field, row[name])
        met: dict[str, bool] = {
            "eq": mine == wanted, "ne": mine != wanted, "gt": mine > wanted, "ge": mine >= wanted,
            "lt": mine < wanted, "le": mine <= wanted,
        }  # fmt: skip
        return met[operator]

    return holds


def _function(word: str, name: str, wanted: Any) -> Test:
    def holds(row: Row) -> bool:
        mine = str(row[name])
        met = {"contains": wanted in mine, "startswith": mine.startswith(wanted), "endswith": mine.endswith(wanted)}
        return met[word]

    return holds


def read_filter(kind: EntitySet, text: str) -> Test:
    """``$filter`` as a predicate on shown rows. Raises BadRequest."""
    return _Reader(kind, text).whole() if text else lambda _row: True


def ordered(kind: EntitySet, rows: Sequence[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Rows by ``$orderby``. Raises BadRequest."""
    found = list(rows)
    for part in reversed([p.strip() for p in text.split(",") if p.strip()]):
        name, _, direction = part.partition(" ")
        field = kind.fields.get(name)
        if field is None or direction.strip() not in ("", "asc", "desc"):
            raise BadRequest(
                f"Could not find a property named '{name}' on type 'Microsoft.NAV.{kind.entity}'.", "BadRequest"
            )
        found.sort(key=lambda row, f=field, n=name: value_of(f, row[n]), reverse=direction.strip() == "desc")  # type: ignore[misc]
    return found


def read_select(kind: EntitySet, text: str) -> list[str]:
    """The fields of ``$select``; none means all. Raises BadRequest."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in kind.fields and name not in kind.below:
            raise BadRequest(
                f"Could not find a property named '{name}' on type 'Microsoft.NAV.{kind.entity}'.", "BadRequest"
            )
    return names


def read_expand(kind: EntitySet, text: str) -> dict[str, str]:
    """The navigation properties of ``$expand``, each with its own options in brackets. Raises BadRequest."""
    found = {}
    for part in _split(text, ","):
        name, _, rest = part.partition("(")
        if name not in kind.below:
            raise BadRequest(
                f"Could not find a property named '{name}' on type 'Microsoft.NAV.{kind.entity}'.", "BadRequest"
            )
        found[name] = rest[:-1] if rest.endswith(")") else ""
    return found


def read_options(text: str) -> dict[str, str]:
    """``$select=a,b;$expand=c`` inside an ``$expand``."""
    return dict(part.partition("=")[::2] for part in _split(text, ";"))


def _split(text: str, mark: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += letter
    return [part for part in [*parts, current.strip()] if part]


def known(name: str) -> EntitySet:
    """The entity set of that name. Raises BadRequest 404."""
    if name not in SETS:
        raise BadRequest(f"Resource not found for the segment '{name}'.", "BadRequest_ResourceNotFound", 404)
    return SETS[name]


def hints(text: str) -> dict[str, str]:
    """What a filter of plain ANDs certainly demands, so that a search need not look at everything."""
    if " or " in text or "(" in text:
        return {}
    found = dict(re.findall(r"\b(externalDocumentNumber eq|documentNumber eq) '([^']*)'(?!')", text))
    return found | dict(re.findall(r"\b(entryNumber gt) (\d+)\b", text))
