"""Calls to one Xero organisation: headers, budgets, pages, and answers decoded without floats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from leja.connectors.contract import Session
from leja.connectors.xero.wire import Record
from leja.core.errors import NeedsConsent, NeedsReview, Transient
from leja.http.client import Answer

PAGE: Final = 1000
_UNPAGED: Final = frozenset({"BankTransfers", "Accounts", "TaxRates", "Organisation", "Currencies"})
T = TypeVar("T")


def headers(session: Session) -> dict[str, str]:
    """What every call needs; without Accept Xero answers XML."""
    return {"xero-tenant-id": session.tenant, "accept": "application/json", "content-type": "application/json"}


def observe(session: Session, answer: Answer) -> None:
    """Keeps our pace under the budgets that an answer states."""
    for span, name in (("minute", "x-minlimit-remaining"), ("day", "x-daylimit-remaining")):
        left = answer.headers.get(name, "")
        if left.isdigit():
            session.http.pacing.observe(span, remaining=int(left))  # type: ignore[arg-type]


async def get(
    session: Session, path: str, query: Mapping[str, str] | None = None, since: str = ""
) -> dict[str, msgspec.Raw] | None:
    """A read; nothing where there is nothing of that id (404). ``since`` goes into If-Modified-Since."""
    given = headers(session)
    if since:
        given["if-modified-since"] = since
    answer = await session.http.read("GET", path, headers=given, query=dict(query or {}))
    observe(session, answer)
    if answer.status in (304, 404):
        return None
    if answer.status == 403:
        raise NeedsConsent("xero-authorisation", f"Xero refused the read of {path} (403)")
    if answer.status >= 400:
        raise NeedsReview("xero-read-refused", f"Xero refused the read of {path} with HTTP {answer.status}")
    return decoded(msgspec.Raw(answer.body), dict[str, msgspec.Raw])  # type: ignore[no-any-return]


def decoded(raw: msgspec.Raw, shape: Any) -> Any:
    """Part of an answer in its shape. Raises Transient ``xero-answer-unreadable``."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.DecodeError as error:
        raise Transient("xero-answer-unreadable", f"Xero's answer cannot be read: {error}") from error


async def rows(
    session: Session, collection: str, shape: type[T], query: Mapping[str, str] | None = None, since: str = ""
) -> list[T]:
    """All rows of a collection, page by page until one is not full."""
    found: list[T] = []
    page = 1
    while True:
        asked = dict(query or {})
        if collection not in _UNPAGED:
            asked |= {"page": str(page), "pageSize": str(PAGE)}
        envelope = await get(session, f"/{collection}", asked, since)
        name = "Organisations" if collection == "Organisation" else collection
        part: list[T] = [] if envelope is None else decoded(envelope.get(name, msgspec.Raw(b"[]")), list[shape])  # type: ignore[valid-type]
        found += part
        if collection in _UNPAGED or len(part) < PAGE:
            return found
        page += 1


async def one(session: Session, collection: str, remote_id: str) -> Record | None:
    """One document by its id."""
    envelope = await get(session, f"/{collection}/{remote_id}")
    if envelope is None:
        return None
    found: list[Record] = decoded(envelope.get(collection, msgspec.Raw(b"[]")), list[Record])
    return found[0] if found else None
