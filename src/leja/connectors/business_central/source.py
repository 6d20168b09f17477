"""Business Central's webhooks: unsigned, thin, and gone after three days unless they are renewed.

A notification proves nothing and names nothing that is not found by ``changed`` anyway, so it is a nudge that makes nothing
wanted. Any answer but success (and 408, 429, 5xx) deletes the subscription: nothing is answered with another 4xx.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

import msgspec

from leja.connectors.business_central.api import HEADERS, decoded, get, root
from leja.connectors.business_central.wire import Page, Subscription
from leja.connectors.contract import (
    Context,
    Decoded,
    HandshakeAnswer,
    Nudges,
    RawEvent,
    Session,
    Subscribed,
    Wanted,
)
from leja.core.errors import NeedsReview

RESOURCES: Final = ("salesInvoices", "salesCreditMemos", "generalLedgerEntries")


def handshake(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> HandshakeAnswer | None:  # noqa: ARG001
    """On creation and renewal the address is called with ``?validationToken=``, which must come back as the body."""
    token = parse_qs(headers.get("leja-query", "")).get("validationToken", [""])[0]
    if not token:
        return None
    return HandshakeAnswer(status=200, body=token.encode(), headers={"content-type": "text/plain"})


def _admit(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Anybody who knows the address may nudge: it starts nothing and stores nothing."""


def _read(headers: Mapping[str, str], body: bytes) -> tuple[Wanted, ...]:  # noqa: ARG001
    return ()


nudges: Final = Nudges(admit=_admit, read=_read, refusal_status=200)


def decode(event: RawEvent, context: Context) -> Decoded:  # noqa: ARG001
    """A change in the accounting system makes no document; it is read back."""
    return Decoded(ignored=f"{event.topic} is read back from the accounting system, never posted")


async def subscribe(session: Session, callback_url: str) -> Subscribed:
    """A subscription per resource, renewed while it lives, made where it is gone. Idempotent; meant for every night."""
    alive = await _subscriptions(session, callback_url)
    created, repaired = [], []
    for name in RESOURCES:
        resource = f"/api/v2.0/companies({session.settings.company})/{name}"
        body = {"notificationUrl": callback_url, "resource": resource, "clientState": _state(callback_url)}
        there = next((one for one in alive if one.resource.strip("/").endswith(resource.strip("/"))), None)
        if there is not None and await _sent(session, "PATCH", f"/subscriptions('{there.subscription_id}')", body, there.etag):
            repaired.append(name)
        else:
            if not await _sent(session, "POST", "/subscriptions", body):
                raise NeedsReview(
                    "business-central-subscription", f"Business Central takes no subscription to {name}",
                    remedy="Check that it reaches this Leja over HTTPS, and that fewer than 200 subscriptions exist.",
                )
            created.append(name)
    return Subscribed(alive=tuple(repaired), created=tuple(created))


def _state(callback_url: str) -> str:
    return hashlib.sha256(f"leja {callback_url}".encode()).hexdigest()


async def _subscriptions(session: Session, callback_url: str) -> list[Subscription]:
    found: list[Subscription] = []
    raw = await get(session, f"{root(session)}/subscriptions")
    while raw is not None:
        page = decoded(raw, Page)
        found += [decoded(row, Subscription) for row in page.value]
        raw = await get(session, page.next) if page.next else None
    return [one for one in found if one.notification_url == callback_url]


async def _sent(session: Session, method: str, path: str, body: Mapping[str, str], match: str = "") -> bool:
    headers = {**HEADERS, "content-type": "application/json", **({"if-match": match} if match else {})}
    answer = await session.http.send(
        method, f"{root(session)}{path}", headers=headers, content=msgspec.json.encode(body), write=True, deadline_seconds=60
    )
    return answer.status < 300
