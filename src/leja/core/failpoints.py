"""Named places where the crash tests stop the process: beside every commit and every call.

A failpoint does nothing unless it is armed: through the setting ``LEJA_FAILPOINTS`` ("delivery.after-send:kill:2" kills
the process the second time it passes there; several are parted by commas), or by a hook inside the process.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Literal

import msgspec

from leja.core.errors import Refused

Hook = Callable[[str], None]
Action = Literal["kill", "raise", "count"]


class SimulatedCrash(BaseException):
    """Raised by an armed failpoint in place of a kill. Not an Exception, so that nothing catches it on the way out."""


class Armed(msgspec.Struct, frozen=True):
    """What happens at one failpoint, from the n-th passing on."""

    name: str
    action: Action
    nth: int


hits: Counter[str] = Counter()
_hook: Hook | None = None
_armed: dict[str, Armed] | None = None


def failpoint(name: str) -> None:
    """Pass the place called ``name``; does nothing unless it is armed."""
    armed = _from_environment() if _armed is None else _armed
    if _hook is None and not armed:
        return
    hits[name] += 1
    if _hook is not None:
        _hook(name)
    place = armed.get(name)
    if place is None or hits[name] != place.nth:
        return
    if place.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if place.action == "raise":
        raise SimulatedCrash(name)


def hooked(hook: Hook | None) -> None:
    """Call ``hook`` at every failpoint of this process; None takes it away. Forgets the counts."""
    global _hook
    _hook = hook
    hits.clear()


def armed_from(text: str) -> dict[str, Armed]:
    """The armed places of a setting's text. Raises Refused ``failpoint-unreadable``."""
    places: dict[str, Armed] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, rest = part.partition(":")
        action, _, nth = rest.partition(":")
        if action not in ("kill", "raise", "count") or not (nth or "1").isdigit():
            raise Refused("failpoint-unreadable", f"{part!r} is not NAME:kill:N, NAME:raise:N or NAME:count")
        places[name] = Armed(name, action, int(nth or "1"))  # type: ignore[arg-type]
    return places


def _from_environment() -> dict[str, Armed]:
    global _armed
    _armed = armed_from(os.environ.get("LEJA_FAILPOINTS", ""))
    return _armed
