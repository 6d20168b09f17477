"""How Shopify signs a webhook: base64 of HMAC-SHA256 over the raw body. Written without the connector's code."""

from __future__ import annotations

import base64
import hashlib
import hmac


def headers(body: bytes, secret: str) -> dict[str, str]:
    """The headers of a signed delivery."""
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {
        "x-shopify-hmac-sha256": signature,
        "x-shopify-topic": "orders/create",
        "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "x-shopify-shop-domain": "lamu.myshopify.com",
    }
