"""A request and its answer, the routes between them, and JSON as vendors write it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl

import msgspec

if TYPE_CHECKING:
    from leja_sandbox.faults import Fault, FaultKind, Faults

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back. Returning one commits; raising ``Refuse(answer)`` rolls back first."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Refuse(Exception):
    """The request is refused: nothing that its handler wrote remains, and ``answer`` goes out.

    With ``keep`` what was written stays, such as that a token is spoilt.
    """

    def __init__(self, answer: Answer, *, keep: bool = False) -> None:
        super().__init__(answer.status)
        self.answer, self.keep = answer, keep


class ConnectionCut(ConnectionError):
    """Raised to an in-process caller where a caller over a socket would see the connection close without an answer."""


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer; Decimals are written as JSON numbers with their digits kept."""
    return Answer(
        status=status,
        body=_ENCODER.encode(value),
        headers={"content-type": "application/json; charset=utf-8", **(headers or {})},
    )


def text_answer(text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Answer:
    """An answer in plain text, XML or HTML."""
    return Answer(status=status, body=text.encode(), headers={"content-type": content_type})


def redirect(address: str) -> Answer:
    """302 to ``address``."""
    return Answer(status=302, headers={"location": address})


class Request(msgspec.Struct, kw_only=True):
    """A request as a handler sees it. Header names are lower case; ``path`` is without the stand-in's prefix."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    params: Mapping[str, str] = {}
    faults: Any = None
    search_lag: float = 0.0

    @property
    def label(self) -> str:
        """``"METHOD /path"``, what fault patterns match."""
        return f"{self.method} {self.path}"

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the first of each name."""
        return {name: values[0] for name, values in parse_qs(self.query_string, keep_blank_values=True).items()}

    @property
    def form(self) -> dict[str, str]:
        """The body as a URL-encoded form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON, numbers with a point as Decimal. Raises ValueError."""
        return json.loads(self.body, parse_float=Decimal)

    def fault(self, kind: FaultKind) -> Fault | None:
        """Draws a fault for this request, for those kinds that only the stand-in itself can play."""
        faults: Faults | None = self.faults
        return faults.draw(kind, self.label) if faults else None


Handler = Callable[[Request], Answer]


class Router:
    """Routes to handlers: ``@router.get("/orders/{id}.json")`` puts the part into ``request.params["id"]``."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Adds a route; earlier ones win."""
        parts = re.split(r"\{(\w+)\}", pattern)
        regex = "".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>[^/]+?)" for i, part in enumerate(parts))
        self._routes.append((method, re.compile(regex + r"\Z"), handler))

    def get(self, pattern: str) -> Callable[[Handler], Handler]:
        """Decorator for GET."""
        return self._decorator("GET", pattern)

    def post(self, pattern: str) -> Callable[[Handler], Handler]:
        """Decorator for POST."""
        return self._decorator("POST", pattern)

    def put(self, pattern: str) -> Callable[[Handler], Handler]:
        """Decorator for PUT."""
        return self._decorator("PUT", pattern)

    def delete(self, pattern: str) -> Callable[[Handler], Handler]:
        """Decorator for DELETE."""
        return self._decorator("DELETE", pattern)

    def _decorator(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        def keep(handler: Handler) -> Handler:
            self.add(method, pattern, handler)
            return handler

        return keep

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | int:
        """The handler and the path's parts, or 404, or 405 where only the method is wrong."""
        missing = 404
        for its_method, pattern, handler in self._routes:
            match = pattern.match(path)
            if match and its_method == method:
                return handler, match.groupdict()
            if match:
                missing = 405
        return missing
