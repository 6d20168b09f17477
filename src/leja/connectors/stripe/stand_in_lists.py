"""Requests of v1 as the vendor reads them: bracketed forms, lists with cursors and filters, ``expand``, error bodies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from leja.connectors.stripe.stand_in_events import Events
from leja.connectors.stripe.stand_in_records import LINKS, Record, Records, kind_of
from leja.connectors.stripe.stand_in_shapes import listed
from leja_sandbox.kit import Answer, Refuse, json_answer

_KEY: Final = re.compile(r"[^\[\]]+")
_PLAIN: Final = frozenset({"created", "ending_before", "expand", "limit", "starting_after"})
_DEEPEST: Final = 4


def error(status: int, message: str, type_: str = "invalid_request_error", **more: Any) -> Answer:
    """An error body of v1."""
    code = more.get("code")
    doc = {"doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"} if code else {}
    return json_answer({"error": {"message": message, "type": type_, **doc, **more}}, status)


def missing(kind: str, id_: str, param: str = "id", status: int = 404) -> Refuse:
    """The refusal of an id that is not there."""
    word = kind.replace("_", "" if kind in ("payment_intent", "balance_transaction") else " ")
    return Refuse(error(status, f"No such {word}: '{id_}'", code="resource_missing", param=param))


def form(text: str) -> Record:
    """A form or query with brackets: ``a[b]=1&c[]=2&d[0][e]=3`` as nested objects; lists stay objects of positions."""
    root: Record = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        place, path = root, _KEY.findall(name)
        if name.endswith("[]"):
            path.append(str(len(_at(root, path))))
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
    return root


def _at(root: Record, path: list[str]) -> Record:
    place: Any = root
    for part in path:
        place = place.get(part, {}) if isinstance(place, dict) else {}
    return place if isinstance(place, dict) else {}


def values(given: Any) -> list[Any]:
    """A list out of a form."""
    return list(given.values()) if isinstance(given, dict) else [] if given in (None, "") else [given]


def whole(given: Any, name: str) -> int:
    """An integer parameter. Raises Refuse."""
    if not re.fullmatch(r"-?\d{1,12}", str(given)):
        raise Refuse(error(400, f"Invalid integer: {given}", param=name, code="parameter_invalid_integer"))
    return int(given)


class Lists:
    """Answers lists and expands what is asked for."""

    def __init__(self, records: Records, events: Events) -> None:
        self.records, self.events = records, events

    def answer(
        self, kind: str, url: str, given: Record, version: str, fixed: Mapping[str, str] | None = None,
        keep: Callable[[Record], bool] | None = None, also: tuple[str, ...] = (),
    ) -> Answer:  # fmt: skip
        """``GET`` of a collection. ``fixed`` are filters of the path, ``keep`` narrows further, ``also`` further names."""
        names = {name for name in LINKS.get(kind, ()) if not name.startswith("_")}
        if unknown := sorted(given.keys() - _PLAIN - names - set(also)):
            raise Refuse(
                error(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
            )
        limit = whole(given.get("limit", 10), "limit")
        if not 1 <= limit <= 100:
            raise Refuse(error(400, "Invalid limit: it must be between 1 and 100.", param="limit"))
        filters = {name: given[name] for name in names & given.keys()} | dict(fixed or {})
        after, before = given.get("starting_after"), given.get("ending_before")
        if after and before:
            raise Refuse(error(400, "You cannot parameterize both starting_after and ending_before."))
        rows, more = self._rows(kind, filters, after, before, limit, _created(given.get("created")), keep)
        shown = [self._shown(row, version) for row in rows]
        paths = values(given.get("expand"))
        for path in paths:
            if not path.startswith("data."):
                raise Refuse(_not_expandable(path))
            for row in shown:
                self.expand(row, path.removeprefix("data."), version)
        return json_answer(listed(shown, url, more))

    def one(self, body: Record, given: Record, version: str) -> Record:
        """An object with what ``expand`` asks for."""
        shown = self._shown(body, version)
        for path in values(given.get("expand")):
            self.expand(shown, path, version)
        return shown

    def expand(self, body: Record, path: str, version: str, depth: int = 1) -> None:
        """Replaces an id by its object along a path such as ``balance_transaction.source``. Raises Refuse."""
        name, _, rest = path.partition(".")
        if depth > _DEEPEST:
            raise Refuse(error(400, "You cannot expand more than 4 levels of a property."))
        if (name, body.get("object")) in _SUBLISTS:
            kind, link = _SUBLISTS[name, body["object"]]
            rows, more = self.records.page(kind, {link: body["id"]}, None, None, 10)
            body[name] = listed(
                [self._shown(row, version) for row in rows], f"/v1/{body['object']}s/{body['id']}/{name}", more
            )
        elif name not in body:
            raise Refuse(_not_expandable(path))
        elif isinstance(body[name], str):
            kind_name = kind_of(body[name])
            found = self.records.get(kind_name, body[name]) if kind_name else None
            if found is None:
                raise Refuse(_not_expandable(path))
            body[name] = self._shown(found, version)
        if rest:
            inner = body[name]
            for part in inner if isinstance(inner, list) else [inner]:
                if name == "data" or isinstance(part, dict):
                    self.expand(part, rest, version, depth + 1)

    def _shown(self, row: Record, version: str) -> Record:
        return self.events.shown(row) if row.get("object") == "event" else self.events.dress(row, version)

    def _rows(
        self, kind: str, filters: Mapping[str, str], after: str | None, before: str | None, limit: int,
        created: list[tuple[str, int]], keep: Callable[[Record], bool] | None,
    ) -> tuple[list[Record], bool]:  # fmt: skip
        try:
            if keep is None:
                return self.records.page(kind, filters, after, before, limit, created)
            rows = [row for row in self.records.page(kind, filters, after, before, -1, created)[0] if keep(row)]
        except KeyError as problem:
            cursor = "starting_after" if after else "ending_before"
            raise missing(kind, str(problem.args[0]), cursor, 400) from None
        part = rows[-limit:] if before else rows[:limit]
        return part, len(rows) > limit


_SUBLISTS: Final = {
    ("refunds", "charge"): ("refund", "charge"),
    ("payments", "invoice"): ("invoice_payment", "invoice"),
}


def _created(given: Any) -> list[tuple[str, int]]:
    if given is None:
        return []
    if not isinstance(given, dict):
        moment = whole(given, "created")
        return [("gte", moment), ("lte", moment)]
    if unknown := sorted(given.keys() - {"gt", "gte", "lt", "lte"}):
        raise Refuse(error(400, f"Received unknown parameter: created[{unknown[0]}]", code="parameter_unknown"))
    return [(sign, whole(value, f"created[{sign}]")) for sign, value in given.items()]


def _not_expandable(path: str) -> Answer:
    return error(400, f"This property cannot be expanded ({path}).", param="expand")
