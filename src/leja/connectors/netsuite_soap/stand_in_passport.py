"""Token-based authentication: the tokenPassport of each call is checked as the vendor describes it.

Base string ``account&consumerKey&token&nonce&timestamp``, key ``consumerSecret&tokenSecret``, HMAC-SHA256 in base64; nothing is
percent-encoded and the body is not signed. A nonce is taken once within the window; like the window itself they live in
memory, as a restarted service has forgotten them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from leja.connectors.netsuite_soap.stand_in_chart import AccountSettings
from leja.connectors.netsuite_soap.stand_in_envelope import Node
from leja.connectors.netsuite_soap.stand_in_records import Records

_NONCE: Final = re.compile(r"[A-Za-z0-9]{6,64}\Z")
_PARTS: Final = ("account", "consumerKey", "token", "nonce", "timestamp", "signature")


class NotLetIn(Exception):
    """The passport is refused; the sentence is for the log of this stand-in, the vendor says only "Invalid login attempt."."""


def signature(parts: tuple[str, str, str, str, str], consumer_secret: str, token_secret: str) -> str:
    """The signature over account, consumer key, token, nonce and timestamp, in base64."""
    key = f"{consumer_secret}&{token_secret}".encode()
    return base64.b64encode(hmac.new(key, "&".join(parts).encode(), hashlib.sha256).digest()).decode()


class Passports:
    """Tokens that were granted and nonces that were seen."""

    def __init__(self, settings: AccountSettings, records: Records) -> None:
        self._settings, self._records = settings, records
        self._seen: dict[str, float] = {}

    def grant(self) -> dict[str, str]:
        """A token as an administrator makes it: all that a passport needs."""
        number = self._records.store.next_number("netsuite_token")
        seed = f"{self._records.env.seed}/{number}"
        token = hashlib.sha256(f"token/{seed}".encode()).hexdigest()
        secret = hashlib.sha256(f"secret/{seed}".encode()).hexdigest()
        self._records.store.put("token", token, {"secret": secret})
        settings = self._settings
        return {"account": settings.account, "consumer_key": settings.consumer_key,
                "consumer_secret": settings.consumer_secret, "token_id": token, "token_secret": secret}  # fmt: skip

    def revoke(self) -> None:
        """The administrator revokes every token."""
        self._records.store.execute("DELETE FROM record WHERE kind = 'token'")

    def check(self, passport: Node | None, version: str, now: float) -> None:
        """Raises NotLetIn unless the passport is right, fresh and used for the first time."""
        if passport is None or (passport.space, passport.version) != ("messages.platform", version):
            raise NotLetIn("there is no tokenPassport of this version")
        names = [child.name for child in passport.children]
        if sorted(names) != sorted(_PARTS) or any(c.space != "core.platform" for c in passport.children):
            raise NotLetIn(f"the passport holds {names}")
        given = tuple(passport.value(name) for name in _PARTS)
        account, consumer, token, nonce, stamp, signed = given
        sign = passport.child("signature")
        if sign is None or sign.attributes.get("algorithm") != "HMAC-SHA256":
            raise NotLetIn("the algorithm is not HMAC-SHA256")
        if (account, consumer) != (self._settings.account, self._settings.consumer_key):
            raise NotLetIn("unknown account or consumer key")
        kept = self._records.store.get("token", token)
        if kept is None:
            raise NotLetIn("the token is unknown or was revoked")
        wanted = signature((account, consumer, token, nonce, stamp), self._settings.consumer_secret, kept["secret"])
        if not hmac.compare_digest(wanted.encode(), signed.encode()):
            raise NotLetIn("the signature is wrong")
        self._fresh(nonce, stamp, now)

    def _fresh(self, nonce: str, stamp: str, now: float) -> None:
        window = self._settings.window_seconds
        if not stamp.isdigit() or abs(int(stamp) - now) > window:
            raise NotLetIn("the timestamp is outside the window")
        if not _NONCE.match(nonce):
            raise NotLetIn("the nonce is not 6 to 64 letters and digits")
        self._seen = {key: at for key, at in self._seen.items() if at > now - 2 * window}
        if nonce in self._seen:
            raise NotLetIn("the nonce was used before")
        self._seen[nonce] = now
