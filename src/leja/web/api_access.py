"""Who asks and what they may: bearer tokens, scopes, and the two walls between organisations.

The first wall is the path: a token reads and acts for its own organisation, every other one does not exist for it. The
second is the database: reads run as a role that row-level security shows that organisation's rows alone.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from leja.access import log
from leja.access.tokens import Bearer, bearer
from leja.core.errors import LejaError, Refused
from leja.database.engine import Connection
from leja.house import House

STATEMENT_SECONDS = 20
PUBLIC = {"public": True}

Asking = Request[Bearer, Any, State]
_Answer = TypeVar("_Answer")


class Unauthorised(LejaError):
    """No token, or one that nobody has."""

    default_remedy = "Send the header Authorization: Bearer TOKEN; `leja token create` makes one."


class Forbidden(LejaError):
    """A token that may not do this."""

    default_remedy = "Use a token with that scope; `leja token create` makes one."


def house_of(connection: ASGIConnection[Any, Any, Any, Any]) -> House:
    """The house that this application serves."""
    house: House = connection.app.state.house
    return house


async def require_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every route. What does not say what it needs is closed to all but administrators."""
    if handler.opt.get("public"):
        return
    said = await asyncio.to_thread(bearer_of, connection)
    if said is None:
        raise Unauthorised("api-token", "a valid token is needed")
    wanted = handler.opt.get("scope") or ("read" if connection.scope["path"].startswith("/schema") else "admin")
    if wanted not in said.scopes and "admin" not in said.scopes:
        raise Forbidden("api-scope", f"this needs the scope {wanted!r}")
    org = connection.path_params.get("org")
    if org is not None and org != said.org_id:
        raise not_there(org)
    connection.scope["user"] = said


def not_there(org_id: object) -> Refused:
    """Another organisation than the token's does not exist for whoever holds it."""
    return Refused("org-unknown", f"there is no organisation {org_id}", remedy="Use the organisation of your token.")


def token_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The token that a request carries, or nothing."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.isascii() else ""


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how far they agree."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())


def bearer_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Bearer | None:
    """Whom the token of a request speaks for, or nobody."""
    token = token_of(connection)
    if not token or len(token) > 200:
        return None
    with house_of(connection).database.transaction() as conn:
        return bearer(conn, token)


def reading(
    request: Asking, org_id: UUID, question: Callable[[Connection, UUID], _Answer], *, seconds: int = STATEMENT_SECONDS
) -> _Answer:
    """Answer a question about an organisation, from one state and under the role that sees the token's rows alone."""
    visible = [request.user.org_id]
    with house_of(request).database.transaction("web", orgs=visible, one_state=True) as conn:
        conn.execute("SELECT set_config('statement_timeout', %s, true)", (str(seconds * 1000),))
        return question(conn, org_id)


def acting(
    request: Asking,
    org_id: UUID,
    action: str,
    subject: str,
    act: Callable[[Connection, UUID, str, datetime], _Answer],
    detail: dict[str, object] | None = None,
) -> _Answer:
    """Do something for the token's organisation and write it into the access log, in one transaction."""
    house, said = house_of(request), request.user
    if org_id != said.org_id:
        raise not_there(org_id)
    by, now = f"token:{said.name}", house.clock()
    with house.database.transaction() as conn:
        done = act(conn, said.org_id, by, now)
        log.record(conn, said.org_id, by, action, subject, now, detail)
        return done
