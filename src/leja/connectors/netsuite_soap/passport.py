"""Token-based authentication: every call carries a passport of its own, signed anew.

Vendor's help, section_4395630653 and section_4395625838: base string ``account&consumerKey&token&nonce&timestamp``, nothing of
it percent-encoded; key ``consumerSecret&tokenSecret``; HMAC-SHA256 in base64. The body is not signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Final

from leja.connectors.netsuite_soap import Settings
from leja.connectors.netsuite_soap.envelope import attributes, element
from leja.core.errors import NeedsConsent

ALGORITHM: Final = "HMAC-SHA256"


def account_number(settings: Settings) -> str:
    """The account as a passport names it: the sandbox ``1234567-sb1`` of the address is ``1234567_SB1``."""
    return settings.account.replace("-", "_").upper()


def signature(account: str, consumer_key: str, token: str, nonce: str, timestamp: str, *, key: str) -> str:
    """The signature in base64; ``key`` is both secrets, joined by an ampersand."""
    text = "&".join((account, consumer_key, token, nonce, timestamp))
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def passport(settings: Settings, now: datetime, nonce: str) -> str:
    """The header ``tokenPassport``. Raises NeedsConsent ``netsuite-soap-token`` where the connection lacks a part of it.

    ``nonce``: 6 to 64 letters and digits, good for one call.
    """
    parts = (account_number(settings), settings.consumer_key, settings.token_id, nonce, str(int(now.timestamp())))
    if not all((*parts, settings.consumer_secret, settings.token_secret)):
        raise NeedsConsent(
            "netsuite-soap-token", "the connection has no account number, or not all four parts of a token",
            remedy="Set account, consumer_key, consumer_secret, token_id and token_secret.",
        )  # fmt: skip
    signed = signature(*parts, key=f"{settings.consumer_secret}&{settings.token_secret}")
    names = ("account", "consumerKey", "token", "nonce", "timestamp")
    inside = [element(f"core:{name}", text=value) for name, value in zip(names, parts, strict=True)]
    inside.append(f"<core:signature{attributes(algorithm=ALGORITHM)}>{signed}</core:signature>")
    return element("msg:tokenPassport", *inside)
