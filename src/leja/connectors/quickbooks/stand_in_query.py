"""The vendor's query language, as much of it as integrations use: no OR, no JOIN, no GROUP BY, as there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from leja.connectors.quickbooks.stand_in_shapes import Fault

_TOKEN: Final = re.compile(r"\s*('(?:[^'\\]|\\.)*'|<=|>=|!=|[=<>(),*]|[\w.:+-]+)")
_LARGEST: Final = 1000
_NOT_FILTERABLE: Final = {("Payment", "DocNumber"), ("Payment", "PaymentRefNum")}
_NEVER: Final = frozenset({"PrivateNote", "Line", "TxnTaxDetail", "CustomerMemo"})


class Condition(msgspec.Struct, frozen=True):
    """One comparison of a WHERE clause."""

    field: str
    operator: str
    values: tuple[str, ...]


class Query(msgspec.Struct, frozen=True):
    """A read statement."""

    entity: str
    count: bool
    fields: tuple[str, ...]
    conditions: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...]
    start: int
    limit: int


def _wrong(detail: str) -> Fault:
    return Fault("4000", "Error parsing query", f"QueryParserError: {detail}")


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        place = 0
        text = text.strip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise _wrong(f"Encountered {text[place : place + 12]!r} at column {place}")
            self._tokens.append(match.group(1))
            place = match.end()

    def peek(self) -> str:
        return self._tokens[0].upper() if self._tokens else ""

    def take(self, *wanted: str) -> str:
        if not self._tokens or (wanted and self.peek() not in wanted):
            found = self._tokens[0] if self._tokens else "end of statement"
            raise _wrong(f"Encountered {found!r} where {' or '.join(wanted) or 'more'} was expected")
        return self._tokens.pop(0)

    def literal(self) -> str:
        token = self.take()
        if token.startswith("'"):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        if token.lower() in ("true", "false") or re.fullmatch(r"-?\d+(\.\d+)?", token):
            return token
        raise _wrong(f"{token!r} is not a literal: text stands in single quotes")

    def number(self) -> int:
        token = self.take()
        if not token.isdigit():
            raise _wrong(f"{token!r} is not a number")
        return int(token)


def read_query(text: str, entities: Iterable[str]) -> Query:
    """A statement as data. Raises Fault 4000 or 4001."""
    reader = _Reader(text)
    reader.take("SELECT")
    fields: list[str] = []
    count = False
    if reader.peek() == "COUNT":
        for part in ("COUNT", "(", "*", ")"):
            reader.take(part)
        count = True
    else:
        fields.append(reader.take())
        while reader.peek() == ",":
            reader.take(",")
            fields.append(reader.take())
    reader.take("FROM")
    entity = reader.take()
    known = {name.lower(): name for name in entities}
    if entity.lower() not in known:
        raise Fault("4001", "Invalid query", f"QueryValidationError: invalid context declaration: {entity}")
    conditions = _conditions(reader)
    order: list[tuple[str, bool]] = []
    if reader.peek() in ("ORDERBY", "ORDER"):
        if reader.take("ORDERBY", "ORDER").upper() == "ORDER":
            reader.take("BY")
        order.append(_ordering(reader))
        while reader.peek() == ",":
            reader.take(",")
            order.append(_ordering(reader))
    start, limit = 1, 100
    while reader.peek() in ("STARTPOSITION", "MAXRESULTS"):
        if reader.take().upper() == "STARTPOSITION":
            start = max(1, reader.number())
        else:
            limit = reader.number()
    if reader.peek():
        raise _wrong(f"Encountered {reader.peek()!r}")
    if limit > _LARGEST:
        raise Fault(
            "4001", "Invalid query", f"QueryValidationError: value {limit} is too large. Max allowed value is 1000"
        )
    return Query(known[entity.lower()], count, tuple(fields), conditions, tuple(order), start, limit)


def _conditions(reader: _Reader) -> tuple[Condition, ...]:
    found: list[Condition] = []
    if reader.peek() != "WHERE":
        return ()
    reader.take("WHERE")
    while True:
        field = reader.take()
        operator = reader.take("=", "<", ">", "<=", ">=", "LIKE", "IN").upper()
        if operator == "IN":
            reader.take("(")
            values = [reader.literal()]
            while reader.peek() == ",":
                reader.take(",")
                values.append(reader.literal())
            reader.take(")")
        else:
            values = [reader.literal()]
        found.append(Condition(field, operator, tuple(values)))
        if reader.peek() != "AND":
            return tuple(found)
        reader.take("AND")


def _ordering(reader: _Reader) -> tuple[str, bool]:
    field = reader.take()
    downwards = reader.peek() in ("ASC", "DESC") and reader.take().upper() == "DESC"
    return field, downwards


def check_fields(query: Query, known: Callable[[str, str], bool]) -> None:
    """Refuses fields that do not exist or cannot be filtered on, as the service does."""
    for field in [c.field for c in query.conditions] + [f for f, _ in query.order]:
        top = field.split(".")[0]
        if top in _NEVER or (query.entity, top) in _NOT_FILTERABLE or not known(query.entity, top):
            raise Fault("4001", "Invalid query", f"QueryValidationError: property '{field}' is not queryable")


def _value(body: Mapping[str, Any], field: str) -> Any:
    found: Any = body
    for part in field.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found.get("value") if isinstance(found, Mapping) and "value" in found else found


def _comparable(value: Any, literal: str) -> tuple[Any, Any]:
    if isinstance(value, bool):
        return value, literal.lower() == "true"
    if isinstance(value, int | Decimal):
        try:
            return Decimal(value), Decimal(literal)
        except InvalidOperation:
            raise Fault("4001", "Invalid query", f"QueryValidationError: {literal!r} is not a number") from None
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return _moment(value), _moment(literal)
    if isinstance(value, str) and value.isdigit() and literal.isdigit():
        return int(value), int(literal)
    return str(value).casefold(), literal.casefold()


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Fault("4001", "Invalid query", f"QueryValidationError: {text!r} is not a date") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def holds(body: Mapping[str, Any], condition: Condition) -> bool:
    """Whether one row meets one condition. A field that is not there meets none."""
    value = _value(body, condition.field)
    if value is None:
        return False
    if condition.operator == "LIKE":
        pattern = "".join(".*" if c == "%" else re.escape(c) for c in condition.values[0])
        return re.fullmatch(pattern, str(value), re.IGNORECASE | re.DOTALL) is not None
    pairs = [_comparable(value, literal) for literal in condition.values]
    mine, theirs = pairs[0]
    met: dict[str, bool] = {
        "=": mine == theirs, "IN": any(a == b for a, b in pairs), "<": mine < theirs, ">": mine > theirs,
        "<=": mine <= theirs, ">=": mine >= theirs,
    }  # fmt: skip
    return met[condition.operator]


def select(query: Query, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows that meet the query, ordered, before paging."""
    found = [row for row in rows if all(holds(row, c) for c in query.conditions)]
    for field, downwards in reversed(query.order):
        found.sort(key=lambda row: _sort_key(_value(row, field)), reverse=downwards)
    return found


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, ""
    if isinstance(value, bool | int | Decimal):
        return 1, Decimal(value)
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return 2, _moment(value).timestamp()
    return (1, Decimal(value)) if isinstance(value, str) and value.isdigit() else (3, str(value).casefold())
