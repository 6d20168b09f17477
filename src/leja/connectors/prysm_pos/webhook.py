"""The signed webhook: verified over the raw bytes (Standard Webhooks), read to its natural key, answered as the contract says.

What is kept is the event without the members of its envelope that may change when it is told again (``occurred_at``, names,
versions), in one way of writing: a till that sends a day again, or a file that holds the day, repeats and contradicts nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.contract import HandshakeAnswer, ReadEvent, Webhooks
from leja.connectors.prysm_pos.figures import unbalanced
from leja.connectors.prysm_pos.problems import Found, examined
from leja.connectors.prysm_pos.wire import COMPLETED, CONTRACT, DATA, PING, Sent, Transaction, natural
from leja.core import strict_json
from leja.core.errors import Refused

TOLERANCE: Final = 300
SIGNATURES_MAX: Final = 16
NATIVE_TOPIC: Final = "native"
_KEYED: Final = ("workstation_id", "business_date", "sequence_number")
_PREFIX: Final = {COMPLETED: "transaction", "transaction.voided": "void", "day.closed": "close"}
_ENCODER: Final = msgspec.json.Encoder(order="deterministic", decimal_format="number")
_CARD: Final = re.compile(r"(?<![0-9])(?:[0-9][ -]?){12,18}[0-9](?![0-9])")
# Visa, Mastercard, American Express, Discover, JCB, UnionPay; other long numbers are references.
_ISSUERS: Final = re.compile(r"(4\d{12}(\d{3}){0,2}|(5[1-5]|2[2-7])\d{14}|3[47]\d{13}|6(011|5\d\d)\d{12}|35\d{14}|62\d{14,17})\Z")
_NO_CARD: Final = frozenset({"gtin", "sku", "item_id", "transaction_id", "sequence_number", "receipt_number", "phone"})


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Raises Refused ``signature-missing``, ``signature-wrong``, or ``prysm-timestamp`` for a clock that is five minutes off.

    The time counts only where the signature holds, so that a till with a wrong clock is told apart from a stranger.
    """
    name, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split()[:SIGNATURES_MAX]
    if not name or not sent or not given:
        raise Refused("signature-missing", "the request carries no webhook-id, webhook-timestamp or webhook-signature")
    message = f"{name}.{sent}.".encode() + body
    ours = [_signed(key, message) for key in map(_key, secrets) if key]
    # All are compared, whichever agrees, so that the time taken tells nothing.
    agree = [hmac.compare_digest(one, theirs.encode()) for one in ours for theirs in given]
    if not any(agree):
        raise Refused("signature-wrong", "the signature does not match the bytes received")
    if not re.fullmatch(r"[0-9]{1,12}", sent) or abs(now.timestamp() - int(sent)) > TOLERANCE:
        raise Refused(
            "prysm-timestamp", "the till sent this more than five minutes before or after now",
            remedy="Set the clock of the till; it signs each attempt with the time of sending.",
        )  # fmt: skip


def read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:
    """Natural key, type, and the event as it is kept. A body in the till's own words is kept as it came, under its webhook-id.

    Raises Refused ``json-...`` for what is no JSON, ``prysm-headers`` where nothing names the event, ``prysm-card-number``.
    """
    said = parsed(body)
    require_no_card(said)
    name = headers.get("webhook-id", "")
    if said.get("contract") != CONTRACT:
        return (ReadEvent(key=f"native/{_named(name)}", topic=NATIVE_TOPIC, body=body),)
    kind = said.get("type")
    topic = kind if isinstance(kind, str) and kind.isprintable() else "unreadable"
    key = natural_key(said) or f"{'ping' if topic == PING else 'unreadable'}/{_named(name)}"
    return (ReadEvent(key=key, topic=topic, body=canonical(said)),)


def objection(headers: Mapping[str, str], body: bytes) -> HandshakeAnswer | None:
    """422 with the JSON paths of all that breaks the contract; None where nothing does, or where a mapping must tell first."""
    del headers
    said = parsed(body)
    if said.get("contract") != CONTRACT:
        return None
    code, problems = violations(said)
    if not problems:
        return None
    error = {"code": code, "message": f"{problems[0][0]} {problems[0][1]}", "paths": [path for path, _ in problems]}
    return HandshakeAnswer(
        status=422, body=_ENCODER.encode({"error": error}), headers={"content-type": "application/json"}
    )


def violations(said: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """How an event as it is sent breaks the contract: ``contract_violation`` or ``unbalanced``, with paths and words."""
    found = examined(said, Sent, "$")
    shape = DATA.get(str(said.get("type")))
    if shape is not None and isinstance(said.get("data"), dict):
        examined(said["data"], shape, "$.data", found)
    if found.problems:
        return "contract_violation", found.problems
    if shape is Transaction:
        return "unbalanced", unbalanced(msgspec.convert(said["data"], Transaction))
    return "", []


def unread(said: Mapping[str, Any], shape: type[msgspec.Struct]) -> Found:
    """The problems and unknown members of an event's data."""
    return examined(said.get("data"), shape, "$.data")


def parsed(body: bytes) -> dict[str, Any]:
    """The body as an object, numbers with a point as Decimal. Raises Refused ``json-...``."""
    strict_json.check(body)
    said = json.loads(body, parse_float=Decimal)
    if not isinstance(said, dict):
        raise Refused("json-shape", "the body must be one JSON object")
    return said


def natural_key(said: Mapping[str, Any]) -> str:
    """``transaction/STORE/TILL/DAY/NUMBER`` (void/, close/), or "" where a part of it is not there."""
    data, source = said.get("data"), said.get("source")
    prefix = _PREFIX.get(str(said.get("type")))
    if prefix is None or not isinstance(data, dict) or not isinstance(source, dict):
        return ""
    parts = [source.get("store_id"), *(data.get(name) for name in _KEYED)]
    if not all(isinstance(part, str) and part and len(part) <= 50 and part.isprintable() for part in parts):
        return ""
    return f"{prefix}/{natural(*map(str, parts))}"


def canonical(said: Mapping[str, Any]) -> bytes:
    """The event as it is kept: keys in order, without the members of the envelope that change from one telling to the next."""
    source = said.get("source")
    store = source.get("store_id") if isinstance(source, dict) else None
    kept = {"contract": CONTRACT, "type": said.get("type"), "source": {"store_id": store}, "data": said.get("data")}
    return _ENCODER.encode(kept)


def require_no_card(said: Any) -> None:
    """Raises Refused ``prysm-card-number`` for text that holds the whole number of a payment card: it is never kept."""
    for path, text in _texts(said, "$"):
        for found in _CARD.finditer(text):
            digits = re.sub(r"[ -]", "", found.group())
            if _ISSUERS.match(digits) and _luhn(digits):
                raise Refused(
                    "prysm-card-number", f"{path} holds the number of a payment card; nothing of the event was kept",
                    remedy="Let the till send the last four digits alone.",
                )  # fmt: skip


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in _NO_CARD:
                yield from _texts(part, f"{path}.{name}")
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _texts(part, f"{path}[{place}]")


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _named(name: str) -> str:
    if not name:
        raise Refused("prysm-headers", "nothing names this event: it has no natural key and came without a webhook-id")
    return name


def _signed(key: bytes, message: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest())


def _key(secret: str) -> bytes:
    """The bytes of a secret: base64 behind ``whsec_``; a secret of any other form stands for its own bytes."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    text = secret.removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


CONFLICT: Final = HandshakeAnswer(
    status=409,
    body=_ENCODER.encode({"error": {
        "code": "key_conflict", "message": "this number of the till was told before with another content; a person will look",
        "paths": ["$.data"],
    }}),
    headers={"content-type": "application/json"},
)  # fmt: skip

webhooks: Final = Webhooks(
    verify=verify, read=read, secret_setting="webhook_secret", objection=objection, conflict=CONFLICT  # noqa: S106
)  # fmt: skip
