"""The vendor's search syntax for orders, as SQL: ``updated_at:>='2026-03-01T00:00:00Z' AND status:open -test:true``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

_TOKEN: Final = re.compile(r"""\(|\)|-?[\w.]+:(?:>=|<=|>|<)?(?:'[^']*'|"[^"]*"|[^\s()]+)|'[^']*'|"[^"]*"|[^\s()]+""")
_TERM: Final = re.compile(r"""(-?)([\w.]+):(>=|<=|>|<)?(.+)\Z""", re.DOTALL)
_TIMES: Final = {"created_at": "created", "updated_at": "updated", "processed_at": "processed"}
_WORDS: Final = {"financial_status": "financial", "fulfillment_status": "fulfilment", "location_id": "location"}


class Search(NamedTuple):
    """A condition over ``shop_order`` with its values, and the fields that the vendor would warn about."""

    where: str
    values: list[Any]
    warnings: list[dict[str, str]]


def parsed(query: str | None, zone: str) -> Search:
    """The condition of a search. Like the vendor, an unknown field is left out with a warning, not refused."""
    search = Search("", [], [])
    pieces: list[str] = []
    joined = True
    for term in _TOKEN.findall(query or ""):
        if term in ("AND", "OR", "NOT"):
            pieces.append(term)
            joined = True
            continue
        if term == ")":
            pieces.append(term)
            joined = False
            continue
        if not joined:
            pieces.append("AND")
        if term == "(":
            pieces.append(term)
            joined = True
            continue
        pieces.append(_condition(term, zone, search))
        joined = False
    return search._replace(where=" ".join(pieces) or "1 = 1")


def _condition(token: str, zone: str, search: Search) -> str:
    term = _TERM.match(token)
    if term is None:
        search.values.append(token.strip("'\""))
        return "name = ?"
    minus, field, operator, raw = term.groups()
    value, sign = raw.strip("'\""), operator or "="
    condition = _known(field, sign, value, zone, search.values)
    if condition is None:
        search.warnings.append(
            {"field": field, "message": "Invalid search field for this query.", "code": "invalid_field"}
        )
        return "1 = 1"
    return f"NOT ({condition})" if minus else condition


def _known(field: str, sign: str, value: str, zone: str, values: list[Any]) -> str | None:
    if field in _TIMES:
        values.append(_moment(value, zone))
        return f"{_TIMES[field]} {sign} ?"
    if field == "id":
        values.append(int(value.rsplit("/", 1)[-1]))
        return f"id {sign} ?"
    if field == "name":
        values.extend([value, f"#{value.lstrip('#')}"])
        return "(name = ? OR name = ?)"
    if field == "test":
        values.append(int(value == "true"))
        return "test = ?"
    if field == "status":
        return _status(value, values)
    if field in _WORDS:
        values.append(value.lower())
        return f"{_WORDS[field]} = ?"
    return None


def _status(value: str, values: list[Any]) -> str:
    if value == "any":
        return "1 = 1"
    if value == "not_closed":
        return "status <> 'closed'"
    values.append(value)
    return "status = ?"


def _moment(value: str, zone: str) -> float:
    moment = datetime.fromisoformat(value)
    # Without an offset the vendor reads the shop's wall clock.
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp()
