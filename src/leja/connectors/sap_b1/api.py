"""Calls to Service Layer: entities, lists page by page, services. Every list is asked for in pages of a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from leja.connectors.contract import Session
from leja.connectors.sap_b1.faults import raise_for_read, words_of
from leja.core.errors import Transient
from leja.http.client import Answer

ROOT: Final = "/b1s/v2"
JSON_HEADERS: Final = {"accept": "application/json", "content-type": "application/json"}
_PAGED: Final = {**JSON_HEADERS, "prefer": "odata.maxpagesize=100"}
_ANY_OF: Final = 20
T = TypeVar("T")


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    value: tuple[msgspec.Raw, ...] = ()
    next_link: str = msgspec.field(default="", name="@odata.nextLink")


async def entity(session: Session, rest: str, shape: type[T]) -> T | None:
    """One entity by its key; None where there is none."""
    answer = await session.http.read("GET", f"{ROOT}/{rest}", headers=JSON_HEADERS)
    if answer.status == 404 and words_of(answer.body)[0] == "-2028":
        return None
    found: T = decoded(_good(answer), shape)
    return found


async def rows(session: Session, collection: str, shape: type[T], query: Mapping[str, str] | None = None) -> list[T]:
    """All rows of a query, page after page. A link leads on within the same collection, whatever it says of the host."""
    found: list[T] = []
    path, asked = f"{ROOT}/{collection}", dict(query or {})
    seen: set[str] = set()
    while True:
        answer = await session.http.read("GET", path, headers=_PAGED, query=asked)
        page: _Page = decoded(_good(answer), _Page)
        found += [decoded(raw, shape) for raw in page.value]
        link = page.next_link
        if not link or link in seen:
            return found
        seen.add(link)
        path, asked = f"{ROOT}/{collection}?{link.partition('?')[2]}", {}


async def any_of(session: Session, collection: str, shape: type[T], field: str, values: Iterable[str]) -> list[T]:
    """The rows whose field is one of the values; values are literals of the query language."""
    wanted = list(dict.fromkeys(values))
    found: list[T] = []
    for start in range(0, len(wanted), _ANY_OF):
        either = " or ".join(f"{field} eq {value}" for value in wanted[start : start + _ANY_OF])
        found += await rows(session, collection, shape, {"$filter": either})
    return found


async def service(session: Session, name: str, given: Mapping[str, Any], shape: Any) -> Any:
    """The answer of a service that only tells."""
    answer = await session.http.read("POST", f"{ROOT}/{name}", headers=JSON_HEADERS, content=msgspec.json.encode(given))
    return decoded(_good(answer), shape)


async def local_currency(session: Session) -> str:
    """The currency that the company keeps its books in."""
    told: Told = await service(session, "SBOBobService_GetLocalCurrency", {}, Told)
    found: str = decoded(told.value, str)
    return found


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A service's answer that is a list or one value."""

    value: msgspec.Raw = msgspec.Raw(b"[]")


def _good(answer: Answer) -> bytes:
    if answer.status >= 400:
        raise_for_read(answer.status, answer.body)
    return answer.body


def decoded(raw: bytes | msgspec.Raw, shape: Any) -> Any:
    """Part of an answer in its shape. Raises Transient ``sap-b1-answer-unreadable``."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.DecodeError as error:
        raise Transient("sap-b1-answer-unreadable", f"Service Layer's answer cannot be read: {error}") from error


def quoted(text: str) -> str:
    """A text of the query language."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
