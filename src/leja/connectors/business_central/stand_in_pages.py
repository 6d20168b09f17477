"""GET as OData answers it: one record or a page of a set, with what was selected and expanded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from leja.connectors.business_central.stand_in_company import Company
from leja.connectors.business_central.stand_in_model import DOCUMENTS, SETS, BadRequest, EntitySet
from leja.connectors.business_central.stand_in_odata import (
    hints,
    ordered,
    read_expand,
    read_filter,
    read_options,
    read_select,
)
from leja.connectors.business_central.stand_in_records import Stored

_OPTIONS: Final = frozenset({
    "$filter", "$orderby", "$select", "$expand", "$top", "$skip", "$count", "$skiptoken", "company", "tenant",
    "$schemaversion",
})  # fmt: skip
_BELOW_ONLY: Final = {
    **dict.fromkeys(DOCUMENTS.values(), "You must specify an Id or a Document Id to get the lines."),
    "journalLines": "You must specify a journal batch ID or a journal ID to get a journal line.",
    "customerPayments": "You must specify a journal batch ID or a journal ID to get a journal line.",
    "dimensionSetLines": "You must get to the parent first to get to the dimension set line.",
}


class Pages:
    """Shows records. Methods raise BadRequest."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def one(self, stored: Stored, query: Mapping[str, str], context: str = "") -> dict[str, Any]:
        """One record."""
        shape = SETS[stored.kind]
        expand, select = read_expand(shape, query.get("$expand", "")), read_select(shape, query.get("$select", ""))
        row = self._company.shown(stored)
        for name, inner in expand.items():
            options = read_options(inner)
            row[name] = [row for row, _made in self._rows(SETS[shape.below[name]], stored, options, 9e18)]
        if select:
            row = {k: v for k, v in row.items() if k in select or k.startswith("@") or k in expand}
        return {"@odata.context": context, **row} if context else row

    def count(self, kind: str, parent: Stored | None, query: Mapping[str, str], seen_at: float) -> int:
        """How many records the filter leaves."""
        return len(self._rows(SETS[kind], parent, {"$filter": query.get("$filter", "")}, seen_at))

    def many(
        self, kind: str, parent: Stored | None, query: Mapping[str, str], *, seen_at: float, size: int, url: str, context: str
    ) -> dict[str, Any]:  # fmt: skip
        """A page of a set, with the address of the next one where there is more."""
        unknown = [name for name in query if name.startswith("$") and name not in _OPTIONS]
        if unknown:
            raise BadRequest(f"The query parameter '{unknown[0]}' is not supported.", "BadRequest")
        self._reachable(kind, parent, query)
        rows = self._rows(SETS[kind], parent, query, seen_at)
        answer: dict[str, Any] = {"@odata.context": context}
        if query.get("$count") == "true":
            answer["@odata.count"] = len(rows)
        start, token = 0, query.get("$skiptoken", "")
        if token.startswith("o"):
            start = _whole(token[1:])
        elif token:
            after = _whole(token)
            start = next((place for place, (_row, made) in enumerate(rows) if made > after), len(rows))
        else:
            start = _whole(query.get("$skip", "0"))
        most = _whole(query["$top"]) if "$top" in query else len(rows)
        page = rows[start : start + min(size, most)]
        answer["value"] = [row for row, _made in page]
        if len(page) < min(most, len(rows) - start):
            answer["@odata.nextLink"] = _next(url, query, page, start, most)
        return answer

    def _rows(
        self, shape: EntitySet, parent: Stored | None, query: Mapping[str, str], seen_at: float
    ) -> list[tuple[dict[str, Any], int]]:
        text = query.get("$filter", "")
        test = read_filter(shape, text)
        found: Iterable[Stored] = self._company.each(shape.name, parent, seen_at, hints(text))
        whole = [(self._company.shown(stored), stored) for stored in found]
        kept = [(row, stored) for row, stored in whole if test(row)]
        if order := query.get("$orderby"):
            place = {id(row): stored for row, stored in kept}
            kept = [(row, place[id(row)]) for row in ordered(shape, [row for row, _stored in kept], order)]
        options = {name: query[name] for name in ("$select", "$expand") if name in query}
        read_select(shape, options.get("$select", "")), read_expand(shape, options.get("$expand", ""))
        if not options:
            return [(row, stored.made) for row, stored in kept]
        return [(self.one(stored, options), stored.made) for _row, stored in kept]

    def _reachable(self, kind: str, parent: Stored | None, query: Mapping[str, str]) -> None:
        if parent is not None or kind not in _BELOW_ONLY:
            return
        named = re.search(r"\b(id|documentId|journalId|externalDocumentNumber) eq ", query.get("$filter", ""))
        if kind == "dimensionSetLines" or named is None:
            raise BadRequest(_BELOW_ONLY[kind])


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise BadRequest(f"Invalid value '{text}' for a query option: a whole number is wanted.", "BadRequest")
    return int(text)


def _next(url: str, query: Mapping[str, str], page: list[tuple[dict[str, Any], int]], start: int, most: int) -> str:
    """The place after this page: the last record in the order of making, a count where another order was asked for."""
    last = f"o{start + len(page)}" if "$orderby" in query else str(page[-1][1])
    more = {name: value for name, value in query.items() if name not in ("$skip", "$skiptoken", "$top")}
    if "$top" in query:
        more["$top"] = str(most - len(page))
    return f"{url}?{urlencode({**more, '$skiptoken': last}, safe='$', quote_via=quote)}"
