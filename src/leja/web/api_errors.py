"""Errors as JSON: ``{"code", "message", "remedy"}`` and the status that fits. What is our fault says nothing of our inside."""

from __future__ import annotations

import logging
from typing import Any, Final

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from leja.core.errors import (
    BrokenInvariant,
    Conflict,
    LejaError,
    NeedsConsent,
    NeedsReview,
    OutcomeUnknown,
    Refused,
    Transient,
)
from leja.web.api_access import Forbidden, Unauthorised

STATUS: Final = (
    (Unauthorised, 401),
    (Forbidden, 403),
    (NeedsReview, 422),
    (NeedsConsent, 424),
    (Transient, 503),
    (OutcomeUnknown, 502),
    (Conflict, 409),
    (BrokenInvariant, 500),
    (Refused, 400),
)
NOT_THERE: Final = frozenset({"org-unknown", "connection-unknown", "explain-unknown", "review-unknown"})
AT_ODDS: Final = frozenset({"period-state", "chart-unread"})
WORDS: Final = {
    400: ("request-invalid", "the request cannot be read", "See /schema for what is expected."),
    404: ("path-unknown", "there is nothing at this address", "See /schema for the addresses."),
    405: ("method-unknown", "this address does not take that method", "See /schema for the methods."),
    413: ("request-too-large", "the request is too large", "Send less at once."),
    415: ("request-invalid", "the request is not JSON", "Send application/json."),
}
_log = logging.getLogger("leja.api")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error as every route answers it."""

    code: str
    message: str
    remedy: str


def problem(
    status: int, code: str, message: str, remedy: str, headers: dict[str, str] | None = None
) -> Response[Problem]:
    """The answer to a request that failed."""
    said = Problem(code=code, message=message, remedy=remedy)
    return Response(said, status_code=status, media_type=MediaType.JSON, headers=headers or {})


def told(_: Request[Any, Any, Any], error: LejaError) -> Response[Problem]:
    """The answer to one of our errors."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    if error.code in NOT_THERE:
        status = 404
    elif error.code in AT_ODDS:
        status = 409
    if status == 500:
        _log.error("a request found Leja at odds with itself: %s", error)
        return _ours()
    headers = {"retry-after": "2"} if status == 503 else {"www-authenticate": "Bearer"} if status == 401 else {}
    if status in (502, 503):
        _log.warning("a request could not be answered: %s", error)
        return problem(status, error.code, "this cannot be answered now", error.remedy, headers)
    return problem(status, error.code, error.message, error.remedy, headers)


def refused(_: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """The answer to what the framework refuses."""
    if error.status_code >= 500:
        _log.error("a request failed", exc_info=error)
        return _ours()
    code, message, remedy = WORDS.get(error.status_code, WORDS[400])
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        named = [f"{each.get('key', '')}: {each.get('message', '')}" for each in error.extra if isinstance(each, dict)]
        message = f"{message}: {'; '.join(named)[:500]}" if named else message
    return problem(error.status_code, code, message, remedy)


def unreadable(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to bytes that are no text, to endless nesting, and to values that the database cannot hold."""
    _log.warning("a request holds what cannot be read: %s", type(error).__name__)
    return problem(400, *WORDS[400])


def failed(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to what nobody foresaw."""
    _log.error("a request failed", exc_info=error)
    return _ours()


def _ours() -> Response[Problem]:
    return problem(
        500,
        "api-failed",
        "Leja could not answer; the reason stands in its log",
        "Report it with the log of this moment.",
    )
