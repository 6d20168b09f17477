"""Xero's webhooks. They say that something changed over there; what changed is read back by ``changed``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from leja.connectors.contract import Context, Decoded, HandshakeAnswer, RawEvent, ReadEvent, Webhooks
from leja.core.errors import Refused
from leja.http import signatures


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    resource_id: str
    event_date_utc: str
    event_type: str
    event_category: str
    tenant_id: str


class _Delivery(msgspec.Struct, frozen=True, kw_only=True):
    events: tuple[msgspec.Raw, ...]


def _verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001
    signatures.verify(secrets, body, headers.get("x-xero-signature"))


def _events(body: bytes) -> tuple[msgspec.Raw, ...]:
    try:
        return msgspec.json.decode(body, type=_Delivery).events
    except msgspec.DecodeError as error:
        raise Refused("webhook-unreadable", f"the delivery holds no events: {error}") from error


def _read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:  # noqa: ARG001
    """Every event of a delivery, each for its own organisation. Xero gives events no id of their own."""
    found = []
    for raw in _events(body):
        try:
            event = msgspec.json.decode(raw, type=_Event)
        except msgspec.DecodeError as error:
            raise Refused("webhook-unreadable", f"an event of the delivery cannot be read: {error}") from error
        key = f"{event.event_category}/{event.resource_id}/{event.event_type}/{event.event_date_utc}"
        topic = f"{event.event_category}/{event.event_type}".lower()
        found.append(ReadEvent(key=key, topic=topic, account=event.tenant_id, body=bytes(raw)))
    return tuple(found)


webhooks: Final = Webhooks(verify=_verify, read=_read, secret_setting="webhook_key", one_tenant=False)  # noqa: S106


def handshake(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> HandshakeAnswer | None:
    """The intent to receive: no events, some signed wrongly on purpose. 200 if the signature holds, else 401."""
    try:
        if _events(body):
            return None
    except Refused:
        return None
    try:
        signatures.verify(secrets, body, headers.get("x-xero-signature"))
    except Refused:
        return HandshakeAnswer(status=401)
    return HandshakeAnswer(status=200)


def decode(event: RawEvent, context: Context) -> Decoded:  # noqa: ARG001
    """A change in the accounting system makes no document; it is read back."""
    return Decoded(ignored=f"{event.topic} is read back from the accounting system, never posted")
