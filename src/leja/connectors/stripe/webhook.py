"""Stripe's webhooks: verify over the raw bytes, read key and type, and see to it that one endpoint of ours lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from leja.connectors.contract import ReadEvent, Session, Subscribed, Webhooks
from leja.connectors.stripe import API_VERSION
from leja.connectors.stripe.calls import answered, fields, pages, post, text
from leja.connectors.stripe.reading import strict
from leja.connectors.stripe.wire import Event
from leja.core.errors import LejaError, Refused
from leja.http import signatures

TOLERANCE_SECONDS: Final = 300
TOPICS: Final = (
    "charge.captured", "charge.dispute.closed", "charge.dispute.created", "charge.dispute.updated", "charge.failed", "charge.refunded",
    "charge.succeeded", "charge.updated", "credit_note.created", "credit_note.updated", "credit_note.voided", "invoice.finalized",
    "invoice.paid", "invoice.updated", "invoice.voided", "invoice_payment.paid", "payout.canceled", "payout.failed", "payout.paid",
    "payout.reconciliation_completed", "payout.updated", "refund.created", "refund.failed", "refund.updated", "topup.reversed",
    "topup.succeeded",
)  # fmt: skip


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Any ``v1`` that any secret made is enough (docs.stripe.com/webhooks/signature); ``v0`` counts for nothing.

    Raises Refused ``signature-missing``, ``signature-wrong`` or ``signature-old``: more than five minutes ago.
    """
    sent, marks = _parts(headers.get("stripe-signature", ""))
    if not sent or not marks:
        raise Refused("signature-missing", "the request carries no signature of Stripe")
    _require_one(marks, f"{sent}.".encode() + body, secrets)
    if not sent.isascii() or not sent.isdecimal() or len(sent) > 12:
        raise Refused("signature-wrong", "the signature's time is no time")
    if now.timestamp() - int(sent) > TOLERANCE_SECONDS:
        raise Refused("signature-old", "the signature is older than five minutes: a replay, or a clock that is wrong")


def _require_one(marks: Sequence[str], message: bytes, secrets: Sequence[str]) -> None:
    wrong: LejaError | None = None
    for mark in marks:
        try:
            signatures.verify(secrets, message, mark, encoding="hex")
        except Refused as error:
            wrong = error
        else:
            return
    raise wrong or Refused("signature-missing", "the request carries no signature of Stripe")


def _parts(header: str) -> tuple[str, list[str]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    return next((value for name, _, value in pairs if name == "t"), ""), [value for name, _, value in pairs if name == "v1"]


def read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:
    """The event's id and type, and the connected account it is for. Raises Refused ``json-...`` or ``stripe-topic``."""
    del headers
    event = strict(body, Event)
    if event.object not in ("event", "v2.core.event") or not event.id or not event.type:
        raise Refused("stripe-topic", "this is no event of Stripe")
    return (ReadEvent(key=event.id, topic=event.type, account=event.account or event.context or "", body=body),)


webhooks: Final = Webhooks(verify=verify, read=read, secret_setting="webhook_secret", refusal_status=400)  # noqa: S106


async def subscribe(session: Session, callback_url: str) -> Subscribed:
    """One endpoint of ours, enabled, with every type and our version. The secret is shown at creation only: an endpoint whose
    secret or version is not ours is made anew."""
    ours = [row async for row in _endpoints(session) if row.get("url") == callback_url]
    keep = next((row for row in ours if row.get("api_version") == API_VERSION and session.settings.webhook_secret), None)
    for row in ours:
        if row is not keep:
            await post(session, f"/v1/webhook_endpoints/{row['id']}", {}, method="DELETE")
    if keep is None:
        secret = await _create(session, callback_url)
        made = {"repaired": TOPICS} if ours else {"created": TOPICS}
        return Subscribed(**made, secrets={"webhook_secret": secret} if secret else {})
    listening = set(keep.get("enabled_events") or ())
    if keep.get("status") == "enabled" and ("*" in listening or listening >= set(TOPICS)):
        return Subscribed(alive=TOPICS)
    await post(session, f"/v1/webhook_endpoints/{keep['id']}", {**_topics(), "disabled": "false"})
    return Subscribed(alive=tuple(name for name in TOPICS if name in listening and keep.get("status") == "enabled"),
                      repaired=tuple(name for name in TOPICS if name not in listening or keep.get("status") != "enabled"))  # fmt: skip


async def _endpoints(session: Session) -> Any:
    async for row in pages(session, "/v1/webhook_endpoints", {}):
        yield {name: answered(value, Any) for name, value in row.items()}  # type: ignore[arg-type]


def _topics() -> dict[str, str]:
    return {f"enabled_events[{place}]": name for place, name in enumerate(TOPICS)}


async def _create(session: Session, callback_url: str) -> str:
    form = {"url": callback_url, "api_version": API_VERSION, **_topics()}
    return text(fields(await post(session, "/v1/webhook_endpoints", form)).get("secret"))
