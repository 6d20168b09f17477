"""Shopify's webhooks: verify over the raw bytes, read key and topic, and see to it that they are registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from leja.connectors.contract import ReadEvent, Session, Subscribed, Webhooks
from leja.connectors.shopify import queries
from leja.connectors.shopify.calls import ask, pages
from leja.core.errors import Refused
from leja.http import signatures

# No ORDER_TRANSACTIONS_CREATE: each would cost a read of its order, and every movement of money updates the order too.
TOPICS: Final = (
    "ORDERS_CREATE", "ORDERS_PAID", "ORDERS_UPDATED", "ORDERS_EDITED", "ORDERS_CANCELLED", "ORDERS_FULFILLED",
    "ORDERS_PARTIALLY_FULFILLED", "ORDERS_DELETE", "REFUNDS_CREATE",
)


def _header(headers: Mapping[str, str], name: str) -> str:
    """A Shopify header with or without its ``x-``; names are compared in lower case."""
    for wanted in (f"x-shopify-{name}", f"shopify-{name}"):
        if headers.get(wanted):
            return headers[wanted]
    lowered = {key.lower(): value for key, value in headers.items()}
    return lowered.get(f"x-shopify-{name}") or lowered.get(f"shopify-{name}") or ""


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Raises Refused ``signature-missing`` or ``signature-wrong``. No time is signed: replays are told by their key."""
    del now
    signatures.verify(secrets, body, _header(headers, "hmac-sha256"))


def read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:
    """Key and topic, from the headers: a delivery keeps its id over its retries. Raises Refused ``shopify-headers``."""
    key, topic = _header(headers, "webhook-id"), _header(headers, "topic")
    if not key or not topic:
        raise Refused("shopify-headers", "a webhook must carry its delivery id and its topic")
    return (ReadEvent(key=key, topic=topic.lower(), account=_header(headers, "shop-domain").lower(), body=body),)


webhooks: Final = Webhooks(verify=verify, read=read, secret_setting="webhook_secret")  # noqa: S106


async def subscribe(session: Session, callback_url: str) -> Subscribed:
    """Every topic is registered with ``callback_url``, whole bodies and no filter; dead ones are made anew."""
    there: dict[str, list[dict[str, Any]]] = {}
    async for one in pages(session, queries.SUBSCRIPTIONS, {}, ("webhookSubscriptions",)):
        if one.get("uri") == callback_url:
            there.setdefault(one["topic"], []).append(one)
    wanted = {"uri": callback_url, "format": "JSON", "includeFields": [], "filter": ""}
    alive, created, repaired = [], [], []
    for topic in TOPICS:
        found = there.get(topic, [])
        if any(_whole(one) for one in found):
            alive.append(topic)
        elif found:
            await _tell(session, queries.REPAIR, {"id": found[0]["id"], "wanted": wanted}, "webhookSubscriptionUpdate")
            repaired.append(topic)
        else:
            made = {"uri": callback_url, "format": "JSON"}
            await _tell(session, queries.SUBSCRIBE, {"topic": topic, "wanted": made}, "webhookSubscriptionCreate")
            created.append(topic)
    return Subscribed(alive=tuple(alive), created=tuple(created), repaired=tuple(repaired))


def _whole(one: Mapping[str, Any]) -> bool:
    return one.get("format") == "JSON" and not one.get("filter") and not one.get("includeFields")


async def _tell(session: Session, mutation: str, variables: Mapping[str, Any], field: str) -> None:
    errors = (await ask(session, mutation, variables, write=True)).get(field, {}).get("userErrors") or []
    if errors:
        words = "; ".join(str(one.get("message", "")) for one in errors)
        raise Refused("shopify-subscribe", f"Shopify refused the webhook subscription: {words[:300]}")
