"""How a till signs (Standard Webhooks), written without the connector's code. A secret of another form is its own bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def headers(body: bytes, secret: str, name: str = "evt_01J7QF3T4C6W8M2N5P9R0S1T2V", at: datetime = NOW) -> dict[str, str]:
    """The headers of a signed delivery that is sent at ``at``."""
    key = base64.b64decode(secret[6:] + "==") if secret.startswith("whsec_") else secret.encode()
    stamp = str(int(at.timestamp()))
    digest = hmac.new(key, b".".join([name.encode(), stamp.encode(), body]), hashlib.sha256).digest()
    return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}
