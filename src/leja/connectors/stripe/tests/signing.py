"""How Stripe signs a webhook: hex of HMAC-SHA256 over time, dot and body. Written without the connector's code."""

from __future__ import annotations

import hashlib
import hmac

SENT = 1780272000  # 2026-06-01T00:00:00Z


def headers(body: bytes, secret: str, sent: int = SENT) -> dict[str, str]:
    """The headers of a signed delivery."""
    mark = hmac.new(secret.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={sent},v1={mark}"}
