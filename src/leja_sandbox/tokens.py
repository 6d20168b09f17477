"""The OAuth 2 server piece that stand-ins share: codes, access tokens, rotating refresh tokens, expiry, revocation."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from leja_sandbox.exchange import Request
    from leja_sandbox.kit import Environment

Reason = Literal["unknown", "expired", "revoked", "used", "wrong_client", "wrong_redirect"]


class TokenRefused(Exception):
    """The code or token is not accepted; each vendor words that differently."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Grant(msgspec.Struct, kw_only=True):
    """What a user allowed. ``facts`` are the vendor's own: realm, tenants, shop."""

    id: str
    client_id: str
    scope: str
    facts: dict[str, str] = {}
    revoked: bool = False
    access: str = ""
    access_until: float = 0.0
    refresh: str = ""
    refresh_until: float = 0.0
    previous: str = ""
    previous_until: float = 0.0


class TokenBook:
    """Grants and their tokens, kept in the stand-in's store.

    ``access_seconds`` None: tokens never expire. ``rotating``: each refresh gives a new refresh token; the one
    before it goes on working for ``grace_seconds`` (0: not at all), or, with ``grace_until_used``, until the new one
    was used once.
    """

    def __init__(
        self,
        env: Environment,
        *,
        access_seconds: float | None = 3600,
        refresh_seconds: float | None = None,
        rotating: bool = True,
        grace_seconds: float = 0.0,
        grace_until_used: bool = False,
        prefix: str = "",
    ) -> None:
        self._env, self._store = env, env.store
        self._access_seconds, self._refresh_seconds = access_seconds, refresh_seconds
        self._rotating, self._grace, self._grace_until_used = rotating, grace_seconds, grace_until_used
        self._prefix = prefix

    def code(self, client_id: str, redirect_uri: str, scope: str, facts: Mapping[str, str] | None = None) -> str:
        """A code for one exchange within ten minutes: the user said yes."""
        code = secrets.token_hex(16)
        body = {"client_id": client_id, "redirect_uri": redirect_uri, "scope": scope, "facts": dict(facts or {})}
        self._store.put("oauth_code", code, {**body, "until": self._env.now() + 600})
        return code

    def exchange(self, code: str, client_id: str, redirect_uri: str | None = None) -> Grant:
        """The grant of a code, which is used up. Raises TokenRefused."""
        found = self._store.get("oauth_code", code)
        if found is None:
            raise TokenRefused("unknown")
        if found["client_id"] != client_id:
            raise TokenRefused("wrong_client")
        if redirect_uri is not None and found["redirect_uri"] != redirect_uri:
            raise TokenRefused("wrong_redirect")
        if found["until"] < self._env.now():
            raise TokenRefused("expired")
        self._store.remove("oauth_code", code)
        return self.issue(client_id, found["scope"], found["facts"])

    def issue(self, client_id: str, scope: str = "", facts: Mapping[str, str] | None = None, access: str = "") -> Grant:
        """A new grant with its tokens, without a user's part in it; ``access`` gives the token's text."""
        grant = Grant(id=secrets.token_hex(8), client_id=client_id, scope=scope, facts=dict(facts or {}))
        return self._renew(grant, access)

    def refresh(self, refresh_token: str, client_id: str | None = None) -> Grant:
        """The grant with new tokens. Raises TokenRefused."""
        grant = self._grant_of("refresh", refresh_token)
        if client_id is not None and grant.client_id != client_id:
            raise TokenRefused("wrong_client")
        now = self._env.now()
        if refresh_token == grant.refresh:
            if grant.refresh_until and grant.refresh_until < now:
                raise TokenRefused("expired")
        elif refresh_token != grant.previous or grant.previous_until < now:
            raise TokenRefused("used")
        return self._renew(grant, rotate_from=refresh_token)

    def check(self, access_token: str, request: Request | None = None) -> Grant:
        """The grant of a valid access token. Raises TokenRefused, also where a token fault is drawn for the request."""
        grant = self._grant_of("access", access_token)
        if request and request.fault("token_revoked"):
            self.revoke(grant.id)
            raise TokenRefused("revoked")
        if request and request.fault("token_expired"):
            grant.access_until = self._env.now() - 1
            self._keep(grant)
        if access_token != grant.access:
            raise TokenRefused("used")
        if grant.access_until and grant.access_until < self._env.now():
            raise TokenRefused("expired")
        return grant

    def revoke(self, grant_id: str = "") -> None:
        """The user takes the permission back: one grant, or all."""
        for body in self._store.each("oauth_grant"):
            if grant_id in ("", body["id"]):
                self._store.put("oauth_grant", body["id"], {**body, "revoked": True})

    def expire(self) -> None:
        """Makes every access token expired now; refresh tokens go on."""
        for body in self._store.each("oauth_grant"):
            self._store.put("oauth_grant", body["id"], {**body, "access_until": self._env.now() - 1})

    def _grant_of(self, what: str, token: str) -> Grant:
        holder = self._store.get(f"oauth_{what}", token)
        if holder is None:
            raise TokenRefused("unknown")
        grant = msgspec.convert(self._store.get("oauth_grant", holder), Grant)
        if grant.revoked:
            raise TokenRefused("revoked")
        return grant

    def _renew(self, grant: Grant, access: str = "", rotate_from: str = "") -> Grant:
        now = self._env.now()
        grant.access = access or self._prefix + secrets.token_hex(16)
        grant.access_until = now + self._access_seconds if self._access_seconds is not None else 0.0
        if self._rotating or not grant.refresh:
            # Using the current refresh token voids the one before it; using the one before keeps it alive.
            if rotate_from == grant.refresh:
                grant.previous = grant.refresh
                grant.previous_until = 9e18 if self._grace_until_used else now + self._grace
            grant.refresh = secrets.token_hex(24)
            grant.refresh_until = now + self._refresh_seconds if self._refresh_seconds is not None else 0.0
            self._store.put("oauth_refresh", grant.refresh, grant.id)
        self._store.put("oauth_access", grant.access, grant.id)
        self._keep(grant)
        return grant

    def _keep(self, grant: Grant) -> None:
        self._store.put("oauth_grant", grant.id, grant)
