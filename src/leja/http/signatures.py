"""Signatures over raw bytes, compared in constant time, against every secret that is valid now."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from typing import Literal

from leja.core.errors import Refused

Encoding = Literal["base64", "hex"]
Algorithm = Literal["sha256", "sha1", "sha512"]


def signed(secret: str, message: bytes, *, encoding: Encoding = "base64", algorithm: Algorithm = "sha256") -> str:
    """The HMAC of ``message`` as the vendor writes it."""
    raw = hmac.digest(secret.encode(), message, algorithm)
    return base64.b64encode(raw).decode() if encoding == "base64" else raw.hex()


def verify(
    secrets: Sequence[str],
    message: bytes,
    given: str | None,
    *,
    encoding: Encoding = "base64",
    algorithm: Algorithm = "sha256",
) -> None:
    """Passes if any secret signs ``message`` as ``given``. Raises Refused ``signature-missing`` or ``signature-wrong``.

    An empty secret never verifies anything: a connection without its secret refuses all.
    """
    if not given:
        raise Refused("signature-missing", "the request carries no signature")
    claimed = given.strip().encode("utf-8", "replace")
    # Every secret is tried, whichever matches, so that the time taken tells nothing.
    agree = [
        hmac.compare_digest(signed(secret, message, encoding=encoding, algorithm=algorithm).encode(), claimed)
        for secret in secrets
        if secret
    ]
    if not any(agree):
        raise Refused("signature-wrong", "the signature does not match the bytes received")
