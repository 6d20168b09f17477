"""Calls to the API: version pinned, errors by remedy, lists page by page, objects kept as the bytes they came in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from leja.connectors.contract import Session
from leja.connectors.stripe import API_VERSION
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Answer

PAGE: Final = 100
Raw = dict[str, msgspec.Raw]
T = TypeVar("T")


class List(msgspec.Struct, frozen=True):
    """A page of a list, newest first."""

    data: tuple[msgspec.Raw, ...]
    has_more: bool = False


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    code: str | None = None
    type: str = ""


def _headers(session: Session) -> dict[str, str]:
    given = {"authorization": f"Bearer {session.settings.api_key}", "stripe-version": API_VERSION}
    return {**given, "stripe-account": session.settings.account} if session.settings.account else given


def is_live(session: Session) -> bool:
    """Whether the key opens real data. Refunds and balance transactions do not say it themselves."""
    return "_test_" not in session.settings.api_key[:12]


async def get(session: Session, path: str, query: Mapping[str, str] | None = None) -> msgspec.Raw | None:
    """An object or page as it came; None where it is not there."""
    answer = await session.http.read("GET", path, headers=_headers(session), query=dict(query or {}))
    if answer.status == 404:
        return None
    _require_good(answer)
    return msgspec.Raw(answer.body)


async def post(session: Session, path: str, form: Mapping[str, str], *, method: str = "POST") -> msgspec.Raw:
    """A write of v1. Raises OutcomeUnknown where no clear answer came."""
    headers = {**_headers(session), "content-type": "application/x-www-form-urlencoded"}
    answer = await session.http.send(method, path, headers=headers, content=urlencode(form).encode(), write=True)
    _require_good(answer)
    if not answer.body:
        raise OutcomeUnknown("stripe-answer", "Stripe's answer to a write is empty")
    return msgspec.Raw(answer.body)


async def page(session: Session, path: str, query: Mapping[str, str], after: str = "") -> List:
    """One page of a list, after an object."""
    asked = {"limit": str(PAGE), **query, **({"starting_after": after} if after else {})}
    found = await get(session, path, asked)
    if found is None:
        raise Refused("stripe-request", f"Stripe has no list {path}")
    return answered(found, List)


async def pages(session: Session, path: str, query: Mapping[str, str]) -> AsyncIterator[Raw]:
    """Every object of a list, newest first."""
    after = ""
    while True:
        found = await page(session, path, query, after)
        for one in found.data:
            row = fields(one)
            after = text(row["id"])
            yield row
        if not found.has_more:
            return
        if not found.data:
            raise Transient("stripe-answer", "a page says that more follows, but not where")


def _require_good(answer: Answer) -> None:
    if answer.status < 300:
        return
    raise _refusal(answer.status, answer.body)


def _refusal(status: int, body: bytes) -> LejaError:
    try:
        error = msgspec.convert(msgspec.json.decode(body, type=dict[str, Any]).get("error"), _Error)
    except msgspec.MsgspecError:
        error = _Error(message=body[:200].decode("utf-8", "replace"))
    words = error.message[:300]
    if status == 403:
        return NeedsConsent("stripe-scope", f"the key may not do this: {words}")
    if status == 409:
        return Transient("stripe-busy", f"Stripe is at work on the same thing: {words}")
    return Refused("stripe-request", f"Stripe refuses the request ({status}): {words}")


def answered(body: bytes | msgspec.Raw, shape: type[T]) -> T:
    """Part of an answer. Raises Transient ``stripe-answer``."""
    try:
        found: T = msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Transient("stripe-answer", f"Stripe's answer cannot be read: {str(error)[:200]}") from error
    return found


def fields(body: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """An object's members, undecoded."""
    return answered(body, dict[str, msgspec.Raw])


def text(raw: msgspec.Raw | None) -> str:
    """A member that is text; "" where it is null, missing or something else."""
    return answered(raw, str) if raw is not None and bytes(raw)[:1] == b'"' else ""


def whole(raw: msgspec.Raw | None) -> int:
    """A member that is a whole number; 0 where it is null or missing."""
    return answered(raw, int | None) or 0 if raw is not None else 0  # type: ignore[arg-type]
