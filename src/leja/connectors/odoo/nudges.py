"""Automation rules with the action "Send Webhook Notification" (17 and later): unsigned, sent once, perhaps before the commit.

So a notification proves nothing: it names a record, which is read by its id. The secret that its address bears keeps
strangers from making us read.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

import msgspec

from leja.connectors.contract import Nudges, Wanted
from leja.connectors.odoo.decoding import ORDER, TILL
from leja.connectors.odoo.documents import MOVE, PAYMENT
from leja.connectors.odoo.tills import PREFIX
from leja.core.errors import Refused

_WATCHED: Final = frozenset({ORDER, TILL, MOVE, PAYMENT})


class _Told(msgspec.Struct, frozen=True):
    model: str = msgspec.field(default="", name="_model")
    id: int = msgspec.field(default=0, name="_id")


def _admit(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001
    given = parse_qs(headers.get("leja-query", "")).get("key", [""])[0]
    if not any(secret and hmac.compare_digest(secret.encode(), given.encode()) for secret in secrets):
        raise Refused("odoo-nudge", "the address does not bear the secret of this connection")


def _read(headers: Mapping[str, str], body: bytes) -> tuple[Wanted, ...]:  # noqa: ARG001
    try:
        told = msgspec.json.decode(body, type=_Told)
    except msgspec.DecodeError as error:
        raise Refused("webhook-unreadable", f"the notification is none of Odoo's: {error}") from error
    if told.model not in _WATCHED or told.id <= 0:
        return ()
    return (Wanted(kind=told.model, external_id=f"{PREFIX if told.model == TILL else ''}{told.id}"),)


nudges: Final = Nudges(admit=_admit, read=_read, secret_setting="hook_secret")  # noqa: S106 - the name of a setting
