"""The code exchange and the refresh, over the real client and a vendor in memory."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest

from leja.core.errors import NeedsConsent, OutcomeUnknown, Refused
from leja.http.client import Http
from leja.http.oauth import TokenEndpoint, Tokens, by_client, challenge, consent_address, exchange, refresh

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
ENDPOINT = TokenEndpoint(url="https://tokens.example/oauth2/token", client_id="id", client_secret="s:1")
BACK = "https://me.example/back"
OLD = Tokens(access="A1", refresh="R1", obtained_at=NOW - timedelta(hours=1))


def asked(status: int, body: object, *, first: bool = False) -> tuple[Tokens, httpx2.Request]:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        raw = isinstance(body, bytes)
        return httpx2.Response(status, content=body) if raw else httpx2.Response(status, json=body)

    async def go() -> Tokens:
        http = Http(base_url="https://tokens.example", transport=httpx2.MockTransport(answer))
        if first:
            return await exchange(http, ENDPOINT, code="c", redirect_uri=BACK, now=NOW, verifier="v")
        return await refresh(http, ENDPOINT, OLD, NOW)

    return asyncio.run(go()), seen[0]


def test_a_refresh_keeps_what_the_vendor_rotated_and_until_when() -> None:
    given = {"access_token": "A2", "refresh_token": "R2", "expires_in": 3600, "x_refresh_token_expires_in": 8726400}
    tokens, request = asked(200, given)
    assert (tokens.access, tokens.refresh, tokens.expires_at) == ("A2", "R2", NOW + timedelta(hours=1))
    assert tokens.refresh_expires_at == NOW + timedelta(seconds=8726400)
    assert dict(parse_qsl(request.content.decode())) == {"grant_type": "refresh_token", "refresh_token": "R1"}
    pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "id:s%3A1"


def test_a_vendor_that_does_not_rotate_leaves_the_refresh_token() -> None:
    assert asked(200, {"access_token": "A2"})[0].refresh == "R1"


def test_the_exchange_proves_its_verifier() -> None:
    form = dict(parse_qsl(asked(200, {"access_token": "A"}, first=True)[1].content.decode()))
    assert form == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": BACK,
        "code_verifier": "v",
    }


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant", "error_description": "Token revoked"}, NeedsConsent),
        (401, {"error": "invalid_client"}, Refused),
        (500, {}, OutcomeUnknown),
        (200, b"<html>", OutcomeUnknown),
    ],
)
def test_only_a_clear_refusal_asks_for_consent(status: int, body: object, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        asked(status, body)
    assert "R1" not in str(caught.value)


def test_the_consent_address_binds_state_and_challenge() -> None:
    address = consent_address(
        "https://vendor.example/authorize",
        client_id="id",
        redirect_uri="https://me.example/back",
        scopes=("a", "b"),
        state="once",
        verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    )
    query = parse_qs(urlsplit(address).query)
    assert (query["state"], query["scope"], query["code_challenge_method"]) == (["once"], ["a b"], ["S256"])
    # The example of RFC 7636, appendix B.
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_app_itself_asks_with_its_id_and_secret_in_the_form() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"access_token": "A", "expires_in": 3599, "token_type": "Bearer"})

    async def go() -> Tokens:
        http = Http(base_url="https://tokens.example", transport=httpx2.MockTransport(answer))
        endpoint = TokenEndpoint(url=ENDPOINT.url, client_id="id", client_secret="s", basic=False)
        return await by_client(http, endpoint, scopes=("https://api.example/.default",), now=NOW)

    tokens = asyncio.run(go())
    assert (tokens.access, tokens.refresh, tokens.expires_at) == ("A", "", NOW + timedelta(seconds=3599))
    assert dict(parse_qsl(seen[0].content.decode())) == {
        "grant_type": "client_credentials", "scope": "https://api.example/.default", "client_id": "id", "client_secret": "s",
    }
    assert "authorization" not in seen[0].headers
