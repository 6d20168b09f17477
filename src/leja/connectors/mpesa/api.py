"""Calls to Daraja: the token, and the pull service with its pages.

Source: portal pages "Authorization" (token for 3599 seconds), "Pull Transactions" (48 hours, offsets, 1000 and 1001).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from leja.connectors.contract import Session
from leja.connectors.mpesa.wire import encode, plain_object
from leja.core.clock import zone
from leja.core.errors import LejaError, NeedsConsent, Refused, Transient
from leja.http.client import Answer

_FOUND: Final = "1000"
_NONE: Final = "1001"


class Daraja:
    """One verb's conversation: a token is asked for once, and once more if it is not accepted."""

    def __init__(self, session: Session) -> None:
        self._session, self._token = session, ""

    async def pulled(self, since: datetime, until: datetime, offset: int) -> list[dict[str, Any]]:
        """A page of the payments between two instants, from the ``offset``-th on; empty at the end."""
        settings = self._session.settings
        asked = {
            "ShortCode": settings.short_code, "StartDate": self._stamp(since), "EndDate": self._stamp(until),
            "OffSetValue": str(offset),
        }  # fmt: skip
        given = await self.ask("/pulltransactions/v1/query", asked)
        code = str(given.get("ResponseCode"))
        if code == _NONE:
            return []
        response = given.get("Response")
        if code != _FOUND or not isinstance(response, list):
            raise Transient("mpesa-answer", f"the pull service answered with the code {code[:20]!r}")
        rows = [row for part in response for row in (part if isinstance(part, list) else [part])]
        return [row for row in rows if isinstance(row, dict) and row]

    async def ask(self, path: str, body: Mapping[str, str], *, write: bool = False) -> dict[str, Any]:
        """An answer of 200 as an object. Raises NeedsConsent ``mpesa-keys``, Refused ``mpesa-refused``, Transient."""
        for _ in (1, 2):
            headers = {"authorization": f"Bearer {await self._bearer()}", "content-type": "application/json"}
            call = self._session.http.send("POST", path, headers=headers, content=encode(body), write=True, anonymous=True) \
                if write else self._session.http.read("POST", path, headers=headers, content=encode(body), anonymous=True)  # fmt: skip
            answer = await call
            if not _token_refused(answer):
                break
            self._token = ""
        else:
            raise NeedsConsent("mpesa-keys", "Daraja does not accept the token that it has just given")
        if answer.status != 200:
            raise Refused("mpesa-refused", f"Daraja refuses {path}: {_words(answer)}")
        return _object(answer)

    async def _bearer(self) -> str:
        if self._token:
            return self._token
        settings = self._session.settings
        if not settings.consumer_key or not settings.consumer_secret:
            raise NeedsConsent("mpesa-keys", "the connection has no consumer key and secret",
                               remedy="Give it those of an app on the Daraja portal.")  # fmt: skip
        pair = base64.b64encode(f"{settings.consumer_key}:{settings.consumer_secret}".encode()).decode()
        answer = await self._session.http.read(
            "GET", "/oauth/v1/generate", query={"grant_type": "client_credentials"},
            headers={"authorization": f"Basic {pair}"}, anonymous=True,
        )  # fmt: skip
        if answer.status != 200:
            raise NeedsConsent("mpesa-keys", f"Daraja gives no token for these keys: {_words(answer)}")
        token = _object(answer).get("access_token")
        if not isinstance(token, str) or not token:
            raise Transient("mpesa-answer", "Daraja answered without a token")
        self._token = token
        return token

    def _stamp(self, moment: datetime) -> str:
        return f"{moment.astimezone(zone(self._session.settings.zone)):%Y-%m-%d %H:%M:%S}"


def _token_refused(answer: Answer) -> bool:
    """401, or one of the 4xx codes that Daraja has for a bad token elsewhere."""
    return answer.status == 401 or (answer.status in (400, 404) and "nvalid Access Token" in _words(answer))


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return plain_object(answer.body)
    except LejaError:
        raise Transient("mpesa-answer", "an answer of Daraja cannot be read") from None


def _words(answer: Answer) -> str:
    """Code and words of a refusal, as far as they can be read."""
    try:
        given = plain_object(answer.body)
    except LejaError:
        return f"HTTP {answer.status}"
    return f"{str(given.get('errorCode', answer.status))[:20]} {str(given.get('errorMessage', ''))[:200]}".strip()
