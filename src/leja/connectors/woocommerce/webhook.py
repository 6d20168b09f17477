"""The shop's webhooks: verify over the raw bytes, read key and topic, and see to it that they live.

A shop never sends a webhook twice, and disables one silently at the seventh failure in a row; ``subscribe`` finds that out
and mends it, and the poll brings what was lost meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from leja.connectors.contract import HandshakeAnswer, ReadEvent, Session, Subscribed, Webhooks
from leja.connectors.woocommerce.calls import PAGE, page, tell
from leja.connectors.woocommerce.pull import state_key
from leja.connectors.woocommerce.reading import read as read_body
from leja.connectors.woocommerce.wire import Stamped
from leja.core.errors import LejaError, Refused
from leja.http import signatures

# A refund has no topic of its own; it updates its order.
TOPICS: Final = ("order.created", "order.updated", "order.deleted", "order.restored")
# The shop decodes HTML entities in the secret before it signs.
_UNFIT: Final = frozenset("&<>\"'")
_PING: Final = b"webhook_id="


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Raises Refused ``signature-missing`` or ``signature-wrong``. No time is signed: replays are told by their key."""
    del now
    signatures.verify(secrets, body, _header(headers, "signature"))


def read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:
    """Key and topic. The key is the order's state; where the body tells none, topic and delivery. Raises Refused."""
    topic, delivery = _header(headers, "topic").lower(), _header(headers, "delivery-id")
    if not topic:
        raise Refused("woocommerce-headers", "a webhook must carry its topic")
    try:
        stamped = read_body(body, Stamped)[0]
    except LejaError:
        stamped = Stamped()
    if topic.startswith("order.") and stamped.id is not None and stamped.date_modified_gmt:
        key = state_key(stamped.id, stamped.date_modified_gmt, body)
    elif not delivery:
        raise Refused("woocommerce-headers", "a webhook that tells no state must carry its delivery id")
    else:
        # The delivery id is that of webhook and second alone, so the thing's own number belongs to the key.
        key = f"{topic}/{stamped.id if stamped.id is not None else stamped.arg or ''}/{delivery}"
    return (ReadEvent(key=key, topic=topic, body=body),)


webhooks: Final = Webhooks(verify=verify, read=read, secret_setting="webhook_secret")  # noqa: S106


def handshake(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> HandshakeAnswer | None:
    """The ping of a webhook that becomes active: a form without any signature. Exactly 200 counts as reached."""
    del secrets
    form = _plain(headers, "content-type").startswith("application/x-www-form-urlencoded")
    if form and not _header(headers, "topic") and body.startswith(_PING) and body[len(_PING) :].isdigit():
        return HandshakeAnswer(status=200)
    return None


async def subscribe(session: Session, callback_url: str) -> Subscribed:
    """Every topic is registered with ``callback_url`` and our secret; one that is not active is made so again."""
    secret = session.settings.webhook_secret
    if not secret or _UNFIT & set(secret):
        raise Refused("woocommerce-webhook-secret", "the webhook secret is missing or holds one of & < > \" '",
                      remedy="Give the connection a long random webhook secret of letters and digits.")  # fmt: skip
    there: dict[str, list[Mapping[str, Any]]] = {}
    async for one in _registered(session):
        if one.get("delivery_url") == callback_url:
            there.setdefault(str(one.get("topic")), []).append(one)
    alive, created, repaired = [], [], []
    for topic in TOPICS:
        found = there.get(topic, [])
        if any(one.get("status") == "active" for one in found):
            alive.append(topic)
        elif found:
            await tell(session, "PUT", f"/webhooks/{found[0]['id']}", {"status": "active", "secret": secret})
            repaired.append(topic)
        else:
            made = {
                "name": f"Leja {topic}",
                "topic": topic,
                "delivery_url": callback_url,
                "secret": secret,
                "status": "active",
            }
            await tell(session, "POST", "/webhooks", made)
            created.append(topic)
    return Subscribed(alive=tuple(alive), created=tuple(created), repaired=tuple(repaired))


async def _registered(session: Session) -> Any:
    seen = 0
    while True:
        listed = await page(session, "/webhooks", {"offset": str(seen), "orderby": "id", "order": "asc"})
        for row in listed.rows:
            yield row
        seen += len(listed.rows)
        if len(listed.rows) < PAGE:
            return


def _header(headers: Mapping[str, str], name: str) -> str:
    return _plain(headers, f"x-wc-webhook-{name}")


def _plain(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name) or {key.lower(): value for key, value in headers.items()}.get(name, "")
