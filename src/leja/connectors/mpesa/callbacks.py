"""What M-Pesa calls us with. Nothing of it is signed, so nothing of it is kept: it only says what to look for.

Confirmation and push result name a receipt, which is then read back from the pull service. The validation call asks
whether a payment may be made: it is no payment, and every one is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from leja.connectors.contract import HandshakeAnswer, Nudges, Wanted
from leja.connectors.mpesa.wire import plain_object, receipt_number
from leja.core.errors import LejaError, Refused

LARGEST: Final = 64 * 1024
UNKNOWN: Final = "unknown"
_STAMP: Final = re.compile(r"\d{14}\Z", re.ASCII)
_CONFIRMED: Final = ("TransID", "TransAmount", "BusinessShortCode")


def admit(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """No signature exists: only what looks like a call of M-Pesa comes in. Raises Refused ``mpesa-call``, ``json-...``."""
    del headers, secrets, now
    if len(body) > LARGEST:
        raise Refused("mpesa-call", f"a call of M-Pesa has no more than {LARGEST} bytes")
    given = plain_object(body)
    if not (_is_confirmation(given) or _push(given) is not None or isinstance(given.get("Result"), dict)):
        raise Refused("mpesa-call", "the body is neither a confirmation nor a result of M-Pesa")


def read(headers: Mapping[str, str], body: bytes) -> tuple[Wanted, ...]:
    """The receipt that a call names, with the time it states; nothing for pushes that failed and for other results."""
    del headers
    given = plain_object(body)
    if _is_confirmation(given):
        return (_wanted(given["TransID"], given.get("TransTime")),)
    push = _push(given)
    if push is None or str(push.get("ResultCode")) != "0":
        return ()
    facts = _items(push)
    return (_wanted(facts.get("MpesaReceiptNumber"), facts.get("TransactionDate")),)


def handshake(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> HandshakeAnswer | None:
    """Says yes to a validation call. It looks like a confirmation that has no balance yet (UNVERIFIED).

    Should a confirmation ever look so too, its payment is found by the next poll.
    """
    del headers, secrets
    try:
        given = plain_object(body) if len(body) <= LARGEST else {}
    except LejaError:
        return None  # the door refuses it in its own words
    if not _is_confirmation(given) or str(given.get("OrgAccountBalance", "")).strip():
        return None
    return HandshakeAnswer(
        status=200, body=b'{"ResultCode":"0","ResultDesc":"Accepted"}', headers={"content-type": "application/json"}
    )


nudges: Final = Nudges(admit=admit, read=read)


def _is_confirmation(given: Mapping[str, Any]) -> bool:
    return all(isinstance(given.get(name), str) for name in _CONFIRMED)


def _push(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    body = given.get("Body")
    found = body.get("stkCallback") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else None


def _items(push: Mapping[str, Any]) -> dict[str, Any]:
    metadata = push.get("CallbackMetadata")
    items = metadata.get("Item") if isinstance(metadata, dict) else None
    rows = items if isinstance(items, list) else []
    return {str(row.get("Name")): row.get("Value") for row in rows if isinstance(row, dict)}


def _wanted(receipt: object, stamp: object) -> Wanted:
    """The time only narrows the search; a call that lies about it is found all the same, or nowhere."""
    number, moment = receipt_number(receipt), str(stamp if stamp is not None else "")
    return Wanted(kind="payment", external_id=f"{number}/{moment if _STAMP.match(moment) else UNKNOWN}")
