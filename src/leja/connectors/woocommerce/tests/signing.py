"""How WooCommerce signs a webhook: base64 of HMAC-SHA256 over the raw body. Written without the connector's code."""

from __future__ import annotations

import base64
import hashlib
import hmac


def headers(body: bytes, secret: str) -> dict[str, str]:
    """The headers of a signed delivery."""
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {
        "x-wc-webhook-signature": signature,
        "x-wc-webhook-topic": "order.updated",
        "x-wc-webhook-id": "2",
        "x-wc-webhook-delivery-id": "880a3a0f4a215fa37b15545ac40560dc",
        "x-wc-webhook-source": "https://lamu.example/",
    }
