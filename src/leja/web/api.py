"""The JSON API: what the command line shows, and the actions that are safe. OpenAPI stands at ``/schema/openapi.json``.

Everything needs a token but ``/health`` and ``/ready``. One file per noun: ``api_books`` ``api_review`` ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import psycopg
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp, Receive, Scope, Send

from leja.core.errors import LejaError
from leja.house import House
from leja.web import (
    api_audit,
    api_books,
    api_connections,
    api_deliveries,
    api_mapping,
    api_mending,
    api_periods,
    api_review,
    health,
    metrics,
)
from leja.web.api_access import require_token
from leja.web.api_errors import Problem, failed, refused, told, unreadable

BODY_MAX = 1024 * 1024
ANSWER_SECONDS = 120

HANDLERS: Sequence[Any] = (
    *api_connections.HANDLERS,
    *api_books.HANDLERS,
    *api_review.HANDLERS,
    *api_mapping.HANDLERS,
    *api_mending.HANDLERS,
    *api_periods.HANDLERS,
    *api_deliveries.HANDLERS,
    *api_audit.HANDLERS,
)


def application(
    house: House,
    *,
    on_startup: Sequence[Callable[[], Awaitable[None]]] = (),
    on_shutdown: Sequence[Callable[[], Awaitable[None]]] = (),
) -> Litestar:
    """The application over an opened house."""
    return Litestar(
        route_handlers=[health.health, health.ready, metrics.metrics, Router("/api/v1", route_handlers=HANDLERS)],
        guards=[require_token],
        middleware=[_in_time, metrics.counted],
        exception_handlers={  # type: ignore[dict-item]
            LejaError: told,
            HTTPException: refused,
            UnicodeDecodeError: unreadable,
            RecursionError: unreadable,
            psycopg.DataError: unreadable,
            Exception: failed,
        },
        state=State({"house": house, "measured": metrics.Measured()}),
        request_max_body_size=BODY_MAX,
        openapi_config=_openapi(),
        on_startup=list(on_startup),
        on_shutdown=list(on_shutdown),
        logging_config=None,
        debug=False,
    )


def _openapi() -> OpenAPIConfig:
    scheme = SecurityScheme(
        type="http", scheme="bearer", description="`leja token create` makes one; it speaks for one organisation."
    )
    return OpenAPIConfig(
        title="Leja",
        version="1",
        path="/schema",
        render_plugins=[JsonRenderPlugin()],
        components=[Components(security_schemes={"token": scheme})],
        security=[{"token": []}],
        use_handler_docstrings=True,
    )


def _in_time(app: ASGIApp) -> ASGIApp:
    """No request takes longer than this, whoever sends its body slowly included."""

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await app(scope, receive, noted)
        except TimeoutError:
            if begun:
                raise
            said = Problem(code="api-slow", message="this took too long", remedy="Ask for less at once, or later.")
            await send(
                {
                    "type": "http.response.start",
                    "status": 503,
                    "headers": [(b"content-type", b"application/json"), (b"retry-after", b"10")],
                }
            )
            await send({"type": "http.response.body", "body": msgspec.json.encode(said), "more_body": False})

    return bounded
