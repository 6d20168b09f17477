"""OAuth 2: the address where a user consents, the exchange of the code, and the refresh of tokens.

A refresh may void the token it was made with, so it is a write: what comes back unclear is ``OutcomeUnknown``, and only
a clear refusal by the vendor is ``NeedsConsent``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import msgspec

from leja.core.errors import NeedsConsent, OutcomeUnknown, Refused
from leja.http.client import Answer, Http

_DEADLINE = 30.0


class TokenEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where tokens come from, and as which client we ask; named by HTTP Basic, or in the form."""

    url: str
    client_id: str
    client_secret: str
    basic: bool = True


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a vendor gave: the token that opens, the one that renews, and until when each holds, as far as it says."""

    access: str
    refresh: str = ""
    obtained_at: datetime
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None

    def __repr__(self) -> str:
        """Never the tokens themselves: this may end in a log."""
        return f"Tokens(obtained_at={self.obtained_at!s}, expires_at={self.expires_at!s})"


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str = ""
    expires_in: int | None = None
    x_refresh_token_expires_in: int | None = None
    refresh_token_expires_in: int | None = None


class _Denied(msgspec.Struct, frozen=True, kw_only=True):
    error: str = ""
    error_description: str = ""


def challenge(verifier: str) -> str:
    """The PKCE challenge (S256) of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def consent_address(
    authorize_url: str, *, client_id: str, redirect_uri: str, scopes: tuple[str, ...], state: str, verifier: str = ""
) -> str:
    """Where the user is sent to consent. ``state`` is single-use; with a ``verifier`` the exchange is bound by PKCE."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
    }
    if verifier:
        query |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    return f"{authorize_url}{'&' if '?' in authorize_url else '?'}{urlencode(query)}"


async def exchange(
    http: Http, endpoint: TokenEndpoint, *, code: str, redirect_uri: str, now: datetime, verifier: str = ""
) -> Tokens:
    """The first tokens, for the code that the user's consent brought."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if verifier:
        form["code_verifier"] = verifier
    return await _asked(http, endpoint, form, now, "")


async def refresh(http: Http, endpoint: TokenEndpoint, tokens: Tokens, now: datetime) -> Tokens:
    """New tokens for the refresh token; a vendor that does not rotate it leaves it as it was."""
    if not tokens.refresh:
        raise NeedsConsent("oauth-no-refresh-token", "the access token is over and there is none to renew it with")
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
    return await _asked(http, endpoint, form, now, tokens.refresh)


async def by_client(http: Http, endpoint: TokenEndpoint, *, scopes: tuple[str, ...], now: datetime) -> Tokens:
    """Tokens for the app itself (client credentials): there is no refresh token, each is asked for anew."""
    return await _asked(http, endpoint, {"grant_type": "client_credentials", "scope": " ".join(scopes)}, now, "")


async def _asked(
    http: Http, endpoint: TokenEndpoint, form: Mapping[str, str], now: datetime, refresh_token: str
) -> Tokens:
    headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
    if endpoint.basic:
        pair = f"{quote(endpoint.client_id, safe='')}:{quote(endpoint.client_secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form = {**form, "client_id": endpoint.client_id, "client_secret": endpoint.client_secret}
    answer = await http.send(
        "POST", endpoint.url, headers=headers, content=urlencode(form).encode(), write=True,
        deadline_seconds=_DEADLINE, anonymous=True,
    )
    if answer.status != 200:
        raise _denied(answer)
    try:
        given = msgspec.json.decode(answer.body, type=_Given)
    except msgspec.DecodeError:
        # Its text is not shown: it may hold a token.
        raise OutcomeUnknown("oauth-answer-unreadable", "the vendor's token answer cannot be read") from None
    return Tokens(
        access=given.access_token,
        refresh=given.refresh_token or refresh_token,
        obtained_at=now,
        expires_at=_after(now, given.expires_in),
        refresh_expires_at=_after(now, given.x_refresh_token_expires_in or given.refresh_token_expires_in),
    )


def _after(now: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def _denied(answer: Answer) -> Refused | NeedsConsent:
    try:
        said = msgspec.json.decode(answer.body, type=_Denied)
    except msgspec.DecodeError:
        said = _Denied()
    words = " ".join(filter(None, (said.error, said.error_description))) or f"HTTP {answer.status}"
    if said.error in ("invalid_client", "unauthorized_client") or (answer.status == 401 and not said.error):
        return Refused("oauth-client-refused", f"the vendor does not accept our client id and secret: {words}")
    return NeedsConsent("oauth-token-refused", f"the vendor refused to give tokens: {words}")
