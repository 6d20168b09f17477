"""How webhooks are signed here: base64 of HMAC-SHA256 over the raw body. Written without the connector's code."""

from __future__ import annotations

import base64
import hashlib
import hmac


def headers(body: bytes, secret: str) -> dict[str, str]:
    """The headers of a signed delivery."""
    return {"intuit-signature": base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()}
