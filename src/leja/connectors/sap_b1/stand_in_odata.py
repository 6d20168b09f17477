"""The query options of Service Layer: $filter, $orderby, $select and pages, in the dialects of OData 3 and 4.

A filter tells beside its test which text it compares for equality and from which key on it looks, so that a search does
not read every record. An unknown property in $filter is error 201, in $select -1000, as servers answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.sap_b1.stand_in_shapes import ENUMS, Field, Refused, day

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>(?:datetime)?'(?:[^']|'')*')|(?P<day>\d{4}-\d{2}-\d{2}(?:T[0-9:.]+Z?)?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[(),]))"
)
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
}  # fmt: skip
_TEXT: Final[dict[str, Callable[[str, str], bool]]] = {
    "startswith": lambda a, b: a.startswith(b), "endswith": lambda a, b: a.endswith(b), "contains": lambda a, b: b in a,
    "substringof": lambda a, b: a in b,
}  # fmt: skip
Test = Callable[[Mapping[str, Any]], bool]


class Filter(msgspec.Struct):
    """A $filter that was understood: ``test`` a body; ``equal`` and ``since`` narrow the search beforehand."""

    test: Test
    equal: dict[str, str] = {}
    since: dict[str, int] = {}


def parse_filter(text: str, fields: Mapping[str, Field], ignore_case: bool = False) -> Filter:
    """The filter of a query. Raises Refused."""
    return _Parser(text, fields, ignore_case).whole()


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, Field], ignore_case: bool) -> None:
        self._fields, self._fold, self._at = fields, ignore_case, 0
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise Refused(-1000, f"Query string error: '{text[position:]}' is not understood")
            self._tokens.append((str(match.lastgroup), match.group(match.lastgroup or 0)))
            position = match.end()

    def whole(self) -> Filter:
        found = self._or()
        if self._at < len(self._tokens):
            raise Refused(-1000, f"Query string error near '{self._tokens[self._at][1]}'")
        return found

    def _next(self, wanted: str = "") -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise Refused(-1000, "Query string error: the expression ends too soon")
        token = self._tokens[self._at]
        if wanted and token[1] != wanted:
            raise Refused(-1000, f"Query string error near '{token[1]}'")
        self._at += 1
        return token

    def _is(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1] == word:
            self._at += 1
            return True
        return False

    def _or(self) -> Filter:
        parts = [self._and()]
        while self._is("or"):
            parts.append(self._and())
        if len(parts) == 1:
            return parts[0]
        return Filter(lambda body: any(part.test(body) for part in parts))

    def _and(self) -> Filter:
        parts = [self._one()]
        while self._is("and"):
            parts.append(self._one())
        if len(parts) == 1:
            return parts[0]
        equal = {name: value for part in parts for name, value in part.equal.items()}
        since = {name: value for part in parts for name, value in part.since.items()}
        return Filter(lambda body: all(part.test(body) for part in parts), equal, since)

    def _one(self) -> Filter:
        if self._is("not"):
            inner = self._one()
            return Filter(lambda body: not inner.test(body))
        if self._is("("):
            inner = self._or()
            self._next(")")
            return inner
        kind, word = self._next()
        if kind == "word" and self._is("("):
            return self._function(word)
        field = self._field(kind, word)
        operator = self._next()[1]
        if operator not in _COMPARE:
            raise Refused(-1000, f"Query string error near '{operator}'")
        return self._comparison(field, operator, self._literal(field))

    def _function(self, name: str) -> Filter:
        if name not in _TEXT:
            raise Refused(-1000, f"Property '{name}' is invalid")
        first, _comma, second = self._next(), self._next(","), self._next()
        self._next(")")
        (field, text) = (second, first) if name == "substringof" else (first, second)
        column, literal = self._field(*field).name, _text(text[1])
        test = _TEXT[name]
        if name == "substringof":
            return Filter(lambda body: test(literal, str(body.get(column) or "")))
        return Filter(lambda body: test(str(body.get(column) or ""), literal))

    def _field(self, kind: str, word: str) -> Field:
        if kind != "word" or word not in self._fields or self._fields[word].kind == "c":
            raise Refused(201, f"Property '{word}' is invalid")
        return self._fields[word]

    def _literal(self, field: Field) -> Any:
        kind, word = self._next()
        if kind == "word":
            if word != "null":
                raise Refused(-1000, f"Query string error near '{word}'")
            return None
        if field.kind == "e":
            text = _text(word)
            names = ENUMS[field.of]
            return next((name for name, letter in names.items() if text in (name, letter)), text)
        if field.kind == "d":
            return day(_text(word)) or _unfit(field, word)
        if field.kind in "in":
            return Decimal(_text(word)) if re.fullmatch(r"-?\d+(\.\d+)?", _text(word)) else _unfit(field, word)
        return _text(word) if kind == "text" else _unfit(field, word)

    def _comparison(self, field: Field, operator: str, literal: Any) -> Filter:
        name, compare, fold = field.name, _COMPARE[operator], self._fold and field.kind == "t"
        wanted = literal.casefold() if fold and literal is not None else literal
        number = field.kind in "in"

        def test(body: Mapping[str, Any]) -> bool:
            value = body.get(name)
            if value is None or wanted is None:
                return (value is None) == (wanted is None) if operator == "eq" else (
                    (value is None) != (wanted is None) if operator == "ne" else False
                )  # fmt: skip
            value = Decimal(value) if number else value.casefold() if fold else value
            return compare(value, wanted)

        equal = {name: literal} if operator == "eq" and field.kind == "t" and literal and not fold else {}
        since = {name: int(literal)} if operator in ("ge", "gt", "eq") and field.kind == "i" and literal else {}
        return Filter(test, equal, since)


def _text(word: str) -> str:
    word = word.removeprefix("datetime")
    return word[1:-1].replace("''", "'") if word.startswith("'") else word


def _unfit(field: Field, word: str) -> Any:
    raise Refused(-1000, f"Query string error: {word} is no value for '{field.name}'")


def ordered(rows: list[dict[str, Any]], text: str, fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    """The rows in the order of $orderby. Raises Refused."""
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        name, down = part[0], part[1:] == ["desc"]
        if name not in fields or (part[1:] not in ([], ["asc"], ["desc"])):
            raise Refused(201, f"Property '{name}' is invalid")
        number = fields[name].kind in "in"

        def key(body: dict[str, Any], name: str = name, number: bool = number) -> tuple[bool, Any]:
            value = body.get(name)
            return (value is not None, Decimal(value or 0) if number else value or "")

        rows = sorted(rows, key=key, reverse=down)
    return rows


def selected(text: str, shape: str, fields: Mapping[str, Field]) -> list[str] | None:
    """The properties that $select names, None for all. Raises Refused."""
    if not text:
        return None
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in fields:
            raise Refused(-1000, f"Property '{name}' of '{shape}' is invalid")
    return names
