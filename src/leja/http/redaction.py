"""Redaction: what may be kept or shown of headers, addresses and texts. Anything not listed is a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

HIDDEN: Final = "[hidden]"
_PLAIN: Final = frozenset({
    "accept", "content-length", "content-type", "content-encoding", "date", "etag", "retry-after", "user-agent",
    "request-id", "x-request-id", "x-correlation-id", "traceparent", "webhook-id", "webhook-timestamp",
})
_PLAIN_PARTS: Final = (
    "topic", "event-id", "webhook-id", "delivery-id", "shop-domain", "api-version", "triggered-at", "resource",
    "intuit-tid", "ratelimit", "rate-limit", "call-limit", "limit-remaining", "attempt",
)
_SECRET_PARTS: Final = ("token", "secret", "auth", "hmac", "signature", "cookie", "password", "key", "session")
_SECRET_QUERY: Final = re.compile(
    r"(?i)([?&;](?:[a-z_\-]*(?:token|secret|password|signature|hmac|api_?key|code|key))=)[^&#\s\"']+"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~\-]{6,}")


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be stored: lower-case names on the allow-list, the rest dropped."""
    return {lower: value for name, value in headers.items() if _may_keep(lower := name.lower())}


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the given secrets, without credentials in addresses, without bearer tokens."""
    for secret in sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _BEARER.sub(rf"\1 {HIDDEN}", _SECRET_QUERY.sub(rf"\1{HIDDEN}", text))


@lru_cache(maxsize=512)
def _may_keep(name: str) -> bool:
    if name in _PLAIN:
        return True
    return any(part in name for part in _PLAIN_PARTS) and not any(part in name for part in _SECRET_PARTS)
