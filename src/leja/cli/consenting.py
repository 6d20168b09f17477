"""Consent at a vendor: the address to open, the state that is used once, and the tokens for the code that comes back."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from leja.access import connections, grants, log
from leja.access.connection_secrets import newest_secrets
from leja.access.connections import Connection
from leja.cli.chosen import actor
from leja.connectors.contract import OAuth
from leja.core.errors import Refused
from leja.delivery import record
from leja.house import House
from leja.http.addresses import expanded, parsed
from leja.http.client import Http
from leja.http.oauth import TokenEndpoint, Tokens, by_client, consent_address, exchange

REDIRECT_URI = "http://localhost:8080/oauth/callback"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that was asked for and has not come back."""

    state: str
    verifier: str
    redirect_uri: str


async def by_app(house: House, found: Connection) -> Connection:
    """Log in as the app itself, where the vendor knows no consent of a user: its id and secret give the tokens."""
    auth = _oauth(found)
    with house.database.transaction() as conn:
        hidden = newest_secrets(conn, found.org_id, house.vault, found.connection_id, house.clock())
    http, endpoint = _at_vendor(house, found, hidden)
    try:
        tokens = await by_client(http, endpoint, scopes=auth.scopes, now=house.clock())
    finally:
        await http.close()
    return keep(house, found, tokens)


def ask(house: House, found: Connection, redirect_uri: str) -> str:
    """The address to open in a browser. Each call makes the one before void."""
    auth = _oauth(found)
    client_id = str(found.settings.get("client_id", ""))
    if not client_id:
        raise Refused(
            "connection-settings",
            f"{found.connector.title} needs the client id of your own app",
            remedy="Add the connection with --set client_id=... and --secret client_secret=-.",
        )
    asked = Asked(
        state=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48) if auth.pkce else "",
        redirect_uri=redirect_uri,
    )
    path = _path(house, found)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(asked))
    beside.replace(path)
    return consent_address(
        auth.authorize_url.format(**found.settings),
        client_id=client_id,
        redirect_uri=redirect_uri,
        scopes=auth.scopes,
        state=asked.state,
        verifier=asked.verifier,
    )


async def complete(house: House, found: Connection, *, code: str, redirected: str) -> Connection:
    """Exchange what came back for tokens and store them; the state is used up first."""
    auth = _oauth(found)
    asked = _taken(house, found)
    tenant = ""
    if redirected:
        query = {name: values[-1] for name, values in parse_qs(urlsplit(redirected).query).items()}
        if "error" in query:
            raise Refused(
                "consent-denied", f"the vendor says: {query['error']} {query.get('error_description', '')}".strip()
            )
        if not secrets.compare_digest(query.get("state", ""), asked.state):
            raise Refused(
                "consent-state",
                "the address does not bear the state of this consent",
                remedy="Open the newest address that `leja connection consent` printed, and paste where it led.",
            )
        code, tenant = query.get("code", ""), query.get(auth.tenant_parameter, "") if auth.tenant_parameter else ""
    if not code:
        raise Refused(
            "consent-state", "the address bears no code", remedy="Paste the whole address that the browser was led to."
        )
    with house.database.transaction() as conn:
        hidden = newest_secrets(conn, found.org_id, house.vault, found.connection_id, house.clock())
    http, endpoint = _at_vendor(house, found, hidden)
    try:
        tokens = await exchange(
            http, endpoint, code=code, redirect_uri=asked.redirect_uri, now=house.clock(), verifier=asked.verifier
        )
    finally:
        await http.close()
    return keep(house, found, tokens, tenant)


def keep(house: House, found: Connection, tokens: Tokens, tenant: str = "") -> Connection:
    """Store tokens; what waited for the login goes on."""
    now = house.clock()
    with house.database.transaction() as conn:
        if tenant:
            found = connections.set_tenant(conn, found.org_id, found, tenant)
        grants.store(conn, found.org_id, house.vault, found.connection_id, tokens)
        record.resume(conn, found.org_id, found.connection_id, actor(), now)
        log.record(conn, found.org_id, actor(), "connection.consent", found.name, now)
    return found


def _at_vendor(house: House, found: Connection, hidden: Mapping[str, str]) -> tuple[Http, TokenEndpoint]:
    endpoint = house.token_endpoint(found, hidden)
    http = Http(
        base_url=connections.base_url(found.connector, found.settings),
        hosts=(*expanded(found.connector.hosts, found.settings), parsed(endpoint.url).host),
        private_hosts=house.settings.private_hosts,
        now=house.clock,
    )
    return http, endpoint


def _oauth(found: Connection) -> OAuth:
    auth = found.connector.auth
    if not isinstance(auth, OAuth):
        raise Refused("connection-settings", f"{found.connector.title} has no login to consent to")
    return auth


def _path(house: House, found: Connection) -> Path:
    return house.settings.home / "consents" / f"{found.connection_id}.json"


def _taken(house: House, found: Connection) -> Asked:
    path = _path(house, found)
    mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.rename(mine)
    except FileNotFoundError:
        raise Refused(
            "consent-state",
            "no consent is under way for this connection; each is good for one try",
            remedy=f"Run: leja connection consent {found.name}",
        ) from None
    try:
        return msgspec.json.decode(mine.read_bytes(), type=Asked)
    finally:
        mine.unlink()
