"""One address takes every call of the port, so that faults could not be aimed: inside, a call is known by its operation too.

What the sandbox sees as ``POST /services/NetSuitePort_2025_2/addList`` came to the address without the last part; SOAPAction names it.
"""

from __future__ import annotations

import re
from typing import Any, Final

_PORT: Final = re.compile(r"/services/NetSuitePort_\w+\Z")
_OPERATION: Final = re.compile(r"[A-Za-z]{1,60}\Z")


class ByOperation:
    """The ASGI application with the operation of SOAPAction at the end of the port's path."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hands a call on under its operation; what names none keeps the plain address."""
        if scope["type"] == "http" and scope["method"] == "POST" and _PORT.search(scope["path"]):
            given = dict(scope["headers"]).get(b"soapaction", b"").decode("latin-1").strip('" ')
            if _OPERATION.match(given):
                scope = {**scope, "path": f"{scope['path']}/{given}"}
        await self._inner(scope, receive, send)
