"""QuickBooks' webhooks. They say that something changed over there; what changed is read back by ``changed``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from leja.connectors.contract import Context, Decoded, RawEvent, ReadEvent, Webhooks
from leja.core.errors import Refused
from leja.http import signatures


class _CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str
    entity: str = msgspec.field(name="intuitentityid")
    account: str = msgspec.field(name="intuitaccountid")


def _verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001
    signatures.verify(secrets, body, headers.get("intuit-signature"))


def _read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:  # noqa: ARG001
    """Every event of a delivery, each for its own company: one delivery can mix several."""
    try:
        raw = msgspec.json.decode(body, type=list[msgspec.Raw])
        events = [(msgspec.json.decode(part, type=_CloudEvent), bytes(part)) for part in raw]
    except msgspec.DecodeError as error:
        raise Refused("webhook-unreadable", f"the delivery is no array of CloudEvents: {error}") from error
    return tuple(ReadEvent(key=event.id, topic=event.type, account=event.account, body=part) for event, part in events)


webhooks: Final = Webhooks(verify=_verify, read=_read, secret_setting="verifier_token", one_tenant=False)  # noqa: S106


def decode(event: RawEvent, context: Context) -> Decoded:  # noqa: ARG001
    """A change in the accounting system makes no document; it is read back."""
    return Decoded(ignored=f"{event.topic} is read back from the accounting system, never posted")
