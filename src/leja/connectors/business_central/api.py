"""Calls to one company of Business Central: addresses, pages, batches, answers decoded without floats.

Tenant, environment and company stand in the address of every call. Error texts are asked for in English, for they are
judged where the code alone says too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from leja.connectors.business_central.wire import Page, Part, Parts
from leja.connectors.contract import Session
from leja.core.errors import NeedsConsent, NeedsReview, OutcomeUnknown, Transient
from leja.http.client import Answer

PAGE: Final = 1000
# References in one filter: the address must stay far below what servers take.
MANY: Final = 20
# A replica may lag behind what was just posted, and find would believe it: reads go where writes go.
HEADERS: Final = {"accept": "application/json", "accept-language": "en-US", "data-access-intent": "ReadWrite"}
T = TypeVar("T")


def root(session: Session) -> str:
    """The path of the API. Raises NeedsReview where the place is not stated."""
    settings = session.settings
    if not (settings.tenant_id and settings.environment and settings.company):
        raise NeedsReview(
            "business-central-place", "the tenant, the environment or the company of Business Central is not stated",
            remedy="Set tenant_id, environment and company of the connection.",
        )
    return f"/v2.0/{settings.tenant_id}/{settings.environment}/api/v2.0"


def company(session: Session) -> str:
    """The path of the company."""
    return f"{root(session)}/companies({session.settings.company})"


def decoded(raw: bytes | msgspec.Raw, shape: type[T]) -> T:
    """An answer, or a part of one, in its shape. Raises Transient ``business-central-answer-unreadable``."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.DecodeError as error:
        raise Transient(
            "business-central-answer-unreadable", f"Business Central's answer cannot be read: {error}"
        ) from error


async def get(session: Session, path: str, query: Mapping[str, str] | None = None) -> bytes | None:
    """A read; nothing where there is nothing (404)."""
    headers = {**HEADERS, "prefer": f"odata.maxpagesize={PAGE}"}
    answer = await session.http.read("GET", path, headers=headers, query=dict(query or {}))
    if answer.status == 404:
        return None
    if answer.status in (401, 403):
        raise NeedsConsent("business-central-authorisation", f"Business Central refused the read of {path} ({answer.status})")
    if answer.status >= 400:
        raise NeedsReview(
            "business-central-read-refused", f"Business Central refused the read of {path} with HTTP {answer.status}"
        )
    return answer.body


async def rows(session: Session, name: str, shape: type[T], query: Mapping[str, str] | None = None) -> list[T]:
    """All rows of a set, page after page."""
    found: list[T] = []
    raw = await get(session, f"{company(session)}/{name}", query)
    if raw is None:
        raise NeedsReview(
            "business-central-place", f"Business Central knows no {name} at the stated company",
            remedy="Check tenant_id, environment and company of the connection.",
        )
    while raw is not None:
        page = decoded(raw, Page)
        found += [decoded(row, shape) for row in page.value]
        raw = await get(session, page.next) if page.next else None
    return found


async def named(
    session: Session, name: str, shape: type[T], field: str, values: Sequence[str], query: Mapping[str, str] | None = None
) -> list[T]:
    """Rows whose ``field`` is one of ``values``; the vendor takes ``or`` only over one and the same field."""
    found: list[T] = []
    quote = "" if field == "id" else "'"
    for start in range(0, len(values), MANY):
        some = [value.replace("'", "''") for value in values[start : start + MANY]]
        text = " or ".join(f"{field} eq {quote}{value}{quote}" for value in some)
        found += await rows(session, name, shape, {**(query or {}), "$filter": text})
    return found


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a batch, below the company."""

    method: str
    path: str
    body: bytes = b""
    match: str = ""


async def batched(session: Session, calls: Sequence[Call], deadline: float, key: str = "") -> list[Part]:
    """Answers in the order of the calls; each part succeeds or fails by itself. Raises what ``Http.send`` raises.

    Raises OutcomeUnknown where the answer does not speak of every part, Transient where the whole was refused.
    """
    requests = []
    for number, call in enumerate(calls, start=1):
        headers = {"accept-language": "en-US"}
        if call.body:
            headers["content-type"] = "application/json"
        if call.match:
            headers["if-match"] = call.match
        part: dict[str, Any] = {
            "id": str(number), "method": call.method, "url": f"companies({session.settings.company}){call.path}",
            "headers": headers,
        }
        if call.body:
            part["body"] = msgspec.Raw(call.body)
        requests.append(part)
    # Without it the first part that fails would keep the others from being tried.
    headers = {**HEADERS, "content-type": "application/json", "prefer": "odata.continue-on-error"}
    answer = await session.http.send(
        "POST", f"{root(session)}/$batch", headers=headers, content=msgspec.json.encode({"requests": requests}), write=True,
        deadline_seconds=deadline, idempotency_key=key or None,
    )
    return _aligned(answer, len(calls))


def _aligned(answer: Answer, count: int) -> list[Part]:
    if answer.status in (401, 403):
        raise NeedsConsent("business-central-authorisation", f"Business Central refused a batch with HTTP {answer.status}")
    if answer.status >= 400:
        # A batch that is refused as a whole has carried out none of its parts.
        raise Transient("business-central-batch-refused", f"Business Central refused a batch with HTTP {answer.status}")
    try:
        parts = {str(part.id): part for part in msgspec.json.decode(answer.body, type=Parts).responses}
        return [parts[str(number)] for number in range(1, count + 1)]
    except (msgspec.DecodeError, KeyError) as error:
        raise OutcomeUnknown(
            "business-central-answer-unreadable", "the answer to a batch does not speak of every part"
        ) from error


def chunks(values: Iterable[T], size: int) -> list[list[T]]:
    """The values in lists of at most ``size``."""
    every = list(values)
    return [every[start : start + size] for start in range(0, len(every), size)]
