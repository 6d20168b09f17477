"""Searches: which criteria a record meets, and pages of what was found, for fifteen minutes.

Dates in criteria are instants; ``tranDate`` and the ends of periods are compared by day.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from leja.connectors.netsuite_soap.stand_in_company import Company
from leja.connectors.netsuite_soap.stand_in_envelope import Node, Unreadable, invalid, reference, scalar
from leja.connectors.netsuite_soap.stand_in_records import Invalid, Stored
from leja.connectors.netsuite_soap.stand_in_shapes import KINDS, SEARCH_SPACES, SEARCHED, SEARCHES
from leja_sandbox.kit import Request

_OPERATORS: Final = {
    "S": ("contains", "doesNotContain", "doesNotStartWith", "empty", "is", "isNot", "notEmpty", "startsWith"),
    "T": ("equalTo", "notEqualTo", "empty", "notEmpty"),
    "D": ("after", "before", "notAfter", "notBefore", "on", "onOrAfter", "onOrBefore", "within"),
    "M": ("anyOf", "noneOf"), "E": ("anyOf", "noneOf"), "B": (),
    "L": ("between", "equalTo", "greaterThan", "greaterThanOrEqualTo", "lessThan", "lessThanOrEqualTo", "notEqualTo"),
}  # fmt: skip
_TYPES: Final = {"S": ("SearchStringField",), "T": ("SearchTextNumberField",), "D": ("SearchDateField",), "M": ("SearchMultiSelectField",),
                 "E": ("SearchEnumMultiSelectField",), "B": ("SearchBooleanField",),
                 "L": ("SearchLongField", "SearchDoubleField")}  # fmt: skip
_DAYS: Final = frozenset({"tranDate", "startDate", "endDate", "dueDate"})
_TEXTS: Final = {
    "name": ("acctName", "name", "itemId"),
    "number": ("acctNumber",),
    "memoMain": ("memo",),
    "externalIdString": ("externalId",),
}


class Criterion:
    """One field of a search."""

    def __init__(self, name: str, kind: str, operator: str, values: list[Any]) -> None:
        self.name, self.kind, self.operator, self.values = name, kind, operator, values

    @property
    def cheap(self) -> bool:
        """Whether the record as it is kept answers it, without what follows from others."""
        return self.name in (
            "type",
            "internalId",
            "externalId",
            "externalIdString",
            "internalIdNumber",
            "entity",
            "tranDate",
            "tranId",
        )

    def meets(self, company: Company, stored: Stored, body: dict[str, Any]) -> bool:
        """Whether a record, or what is shown of it, meets it."""
        if self.kind in ("S", "T"):
            names = _TEXTS.get(self.name, (self.name,))
            return _text(self.operator, next((str(body[n]) for n in names if body.get(n)), ""), self.values)
        if self.kind == "D":
            return _date(
                company,
                self.operator,
                str(
                    body.get("createdDate" if self.name == "dateCreated" and "createdDate" in body else self.name) or ""
                ),
                self.values,
                self.name,
            )
        if self.kind == "B":
            return self._boolean(body)
        if self.kind == "L":
            number = stored.id if self.name == "internalIdNumber" else body.get("total", "0")
            return _number(self.operator, Decimal(number), self.values)
        return self._among(stored, body) == (self.operator == "anyOf")

    def _boolean(self, body: dict[str, Any]) -> bool:
        # A transaction is shown once, as its main line.
        always = {"mainLine": "true", "posting": "false" if body.get("approved") == "false" else "true",
                  "voided": "true" if body.get("status") == "Voided" else "false"}  # fmt: skip
        return bool(always.get(self.name, body.get(self.name) or "false") == self.values[0])

    def _among(self, stored: Stored, body: dict[str, Any]) -> bool:
        if self.name == "type":
            kind = KINDS[stored.kind]
            return (kind.transaction_type or body.get("acctType") or f"_{kind.name}") in self.values
        if self.name in ("status", "accountType"):
            return str(body.get("status", "")).replace(" ", "").lower() in {v.lstrip("_").lower() for v in self.values}
        if self.name in ("internalId", "externalId"):
            return any(body.get(self.name) == v.get(self.name, v.get("internalId")) for v in self.values)
        given = [body.get(n) for n in (self.name, "customer" if self.name == "entity" else self.name)]
        here = {ref.get("internalId") for ref in given if isinstance(ref, dict)}
        return any(value.get("internalId") in here for value in self.values)


def _text(operator: str, text: str, values: list[str]) -> bool:
    text, value = text.casefold(), (values[0] if values else "").casefold()
    return {
        "contains": value in text, "doesNotContain": value not in text, "startsWith": text.startswith(value),
        "doesNotStartWith": not text.startswith(value), "is": text == value, "isNot": text != value,
        "empty": not text, "notEmpty": bool(text), "equalTo": text == value, "notEqualTo": text != value,
    }[operator]  # fmt: skip


def _date(company: Company, operator: str, text: str, values: list[str], name: str) -> bool:
    if not text:
        return False

    def instant(each: str) -> Any:
        moment = datetime.fromisoformat(each)
        moment = moment.astimezone(company.zone) if moment.tzinfo else moment.replace(tzinfo=company.zone)
        return moment.date() if name in _DAYS else moment

    at, first = instant(text), instant(values[0])
    if operator == "within":
        return bool(first <= at <= instant(values[-1]))
    same = at == first if name in _DAYS else at.date() == first.date()
    return bool({
        "after": at > first, "before": at < first, "notAfter": at <= first, "notBefore": at >= first, "on": same,
        "onOrAfter": at >= first, "onOrBefore": at <= first,
    }[operator])  # fmt: skip


def _number(operator: str, number: Decimal, values: list[str]) -> bool:
    first = Decimal(values[0])
    return {
        "between": first <= number <= Decimal(values[-1]), "equalTo": number == first, "greaterThan": number > first,
        "greaterThanOrEqualTo": number >= first, "lessThan": number < first, "lessThanOrEqualTo": number <= first,
        "notEqualTo": number != first,
    }[operator]  # fmt: skip


def criteria(node: Node, version: str) -> tuple[str, list[Criterion]]:
    """What is searched and the criteria of a searchRecord: XSearchBasic, or XSearch with ``basic``. Raises Unreadable."""
    name = node.kind[1]
    what = name.removesuffix("Basic").removesuffix("Search")
    if what not in SEARCHES or not name.startswith(f"{what}Search"):
        raise Unreadable(f"org.xml.sax.SAXException: No deserializer for {{{node.kind[0]}}}{name}")
    shape = SEARCHES[what]
    if not name.endswith("Basic"):
        if node.kind[0] != SEARCH_SPACES[what] or any(child.name != "basic" for child in node.children):
            raise Unreadable(f"org.xml.sax.SAXException: Invalid element in {name}")
        node = node.children[0] if node.children else Node("", "", version, (shape.space, shape.name), {}, [])
    elif node.kind[0] != shape.space:
        raise Unreadable(f"org.xml.sax.SAXException: No deserializer for {{{node.kind[0]}}}{name}")
    found = []
    for child in node.children:
        field = shape.fields.get(child.name)
        if field is None or (child.space, child.version) != (shape.space, version):
            raise invalid(shape, version, child.name)
        found.append(_criterion(child, field.kind, version))
    return what, found


def _criterion(node: Node, kind: str, version: str) -> Criterion:
    if node.kind[1] and node.kind[1] not in _TYPES[kind]:
        raise Unreadable(f"org.xml.sax.SAXException: Bad types ({node.kind[1]} -> {_TYPES[kind][0]}) in {node.name}")
    operator = node.attributes.get("operator", "")
    values: list[Any] = []
    for child in node.children:
        if child.name not in ("searchValue", "searchValue2") or child.space != "core.platform":
            raise Unreadable(f"org.xml.sax.SAXException: Invalid element in {_TYPES[kind][0]} - {child.name}")
        simple = {"D": "t", "B": "b", "L": "d"}.get(kind, "s")
        values.append(reference(child, version) if kind == "M" else scalar(child.name, simple, child.text))
    if operator not in _OPERATORS[kind] and kind != "B":
        raise Invalid("WS_INVALID_SEARCH_OPERATN", f"Invalid search operator {operator!r} for {node.name}")
    if not values and operator not in ("empty", "notEmpty"):
        raise Invalid("INVALID_SEARCH_VALUE", f"A search value is required for {node.name}")
    return Criterion(node.name, kind, operator, values)


def run(company: Company, what: str, wanted: list[Criterion], request: Request) -> list[tuple[str, str]]:
    """The kinds and ids that are found, in the order of their ids."""
    if company.records.preference("ignore_filters", False):
        wanted = []
    first, rest = [c for c in wanted if c.cheap], [c for c in wanted if not c.cheap]
    found = []
    for stored in company.records.each(SEARCHED[what], seen_at=request.now.timestamp()):
        if all(criterion.meets(company, stored, stored.body) for criterion in first):
            body = company.shown(stored) if rest else {}
            if all(criterion.meets(company, stored, body) for criterion in rest):
                found.append((stored.kind, stored.id))
    return found


def met_by_date(company: Company, operator: str, text: str, values: list[str]) -> bool:
    """Whether an instant meets a date criterion. Raises Unreadable."""
    if operator not in _OPERATORS["D"] or not values:
        raise Unreadable(f"org.xml.sax.SAXException: {operator!r} is no operator of SearchDateField")
    return _date(company, operator, text, [scalar("searchValue", "t", value) for value in values], "")
