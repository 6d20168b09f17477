"""Calls to one QuickBooks company: paths, queries page by page, and answers decoded without floats."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from leja.connectors.contract import Session
from leja.connectors.quickbooks.faults import fault_in, raise_for_read
from leja.connectors.quickbooks.wire import Record
from leja.core.errors import Transient

PAGE: Final = 1000
JSON_HEADERS: Final = {"accept": "application/json", "content-type": "application/json"}
_QUERY_HEADERS: Final = {"accept": "application/json", "content-type": "application/text"}
T = TypeVar("T")


def path(session: Session, rest: str) -> str:
    """The path of something in the session's company."""
    return f"/v3/company/{session.tenant}{rest}"


async def get(session: Session, rest: str, query: Mapping[str, str] | None = None) -> dict[str, msgspec.Raw]:
    """A metered read; faults become errors even when they come with HTTP 200."""
    answer = await session.http.read(
        "GET", path(session, rest), headers=JSON_HEADERS, query={"minorversion": "75", **(query or {})}
    )
    return _envelope(answer.status, answer.body)


def _envelope(status: int, body: bytes) -> dict[str, msgspec.Raw]:
    fault = fault_in(body)
    if fault is not None or status >= 400:
        raise_for_read(status, fault)
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise Transient("quickbooks-answer-unreadable", f"QuickBooks' answer cannot be read: {error}") from error


async def select(session: Session, statement: str, entity: str, shape: type[T]) -> list[T]:
    """One page of a query."""
    answer = await session.http.read(
        "POST", path(session, "/query"), headers=_QUERY_HEADERS, query={"minorversion": "75"},
        content=statement.encode(),
    )
    envelope = _envelope(answer.status, answer.body)
    rows = decoded(envelope.get("QueryResponse", msgspec.Raw(b"{}")), dict[str, msgspec.Raw])
    found: list[T] = decoded(rows.get(entity, msgspec.Raw(b"[]")), list[shape])  # type: ignore[valid-type]
    return found


async def select_all(session: Session, entity: str, shape: type[T], where: str = "", order: str = "Id") -> list[T]:
    """All pages of a query; a page of fewer rows than asked for is the last."""
    found: list[T] = []
    async for page in pages(session, entity, shape, where, order):
        found += page
    return found


async def pages(
    session: Session, entity: str, shape: type[T], where: str = "", order: str = "Id"
) -> AsyncIterator[list[T]]:
    """The pages of a query, in order."""
    start = 1
    while True:
        condition = f" where {where}" if where else ""
        statement = f"select * from {entity}{condition} orderby {order} startposition {start} maxresults {PAGE}"
        page = await select(session, statement, entity, shape)
        yield page
        if len(page) < PAGE:
            return
        start += PAGE


def decoded(raw: msgspec.Raw, shape: Any) -> Any:
    """Part of an answer in its shape. Raises Transient ``quickbooks-answer-unreadable``."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.DecodeError as error:
        raise Transient("quickbooks-answer-unreadable", f"QuickBooks' answer cannot be read: {error}") from error


def record_in(body: bytes, kind: str) -> Record | None:
    """The record of a create's answer, or nothing if the answer does not hold one."""
    try:
        raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get(kind)
        return None if raw is None else msgspec.json.decode(raw, type=Record)
    except msgspec.DecodeError:
        return None


def quoted(text: str) -> str:
    """A literal of QuickBooks' query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
