"""The control of a stand-in: tests and the demo act as the merchant, in process or as ``POST /_control/<action>``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from leja_sandbox.clock import SimulatedClock

if TYPE_CHECKING:
    from leja_sandbox.kit import StandIn

Action = Callable[..., Any]


class Control:
    """Named actions with keyword arguments and JSON answers; each runs in one transaction of the store.

    Every stand-in has: ``fault`` (fields of Fault), ``faults`` (active and played), ``clear_faults``, ``ledger``,
    ``outgoing`` (counts; ``rows=true`` lists them), ``hasten_webhooks``, ``clock`` (``advance`` seconds or go ``to``
    an instant; reads it without), ``about``. Builders add their own with ``@control.action("name")``.
    """

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._actions: dict[str, Action] = {
            "about": self._about,
            "fault": self._fault,
            "faults": self._faults,
            "clear_faults": self._clear_faults,
            "ledger": self._ledger,
            "outgoing": self._outgoing,
            "hasten_webhooks": self._hasten,
            "clock": self._clock,
        }

    def action(self, name: str) -> Callable[[Action], Action]:
        """Decorator: makes a function an action of that name."""

        def keep(function: Action) -> Action:
            self._actions[name] = function
            return function

        return keep

    def names(self) -> list[str]:
        """The actions that there are."""
        return sorted(self._actions)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Runs an action; KeyError for an unknown name."""
        action = self._actions[name]
        with self._stand_in.env.store.transaction():
            return action(**arguments)

    def _about(self) -> dict[str, Any]:
        env = self._stand_in.env
        return {"url": env.public_url, "seed": env.seed, "accepted": self._stand_in.accepted, "actions": self.names()}

    def _fault(self, **settings: Any) -> dict[str, Any]:
        return dict(msgspec.to_builtins(self._stand_in.env.faults.add(**settings)))

    def _faults(self) -> dict[str, Any]:
        faults = self._stand_in.env.faults
        return {"active": msgspec.to_builtins(faults.active), "played": dict(faults.played)}

    def _clear_faults(self) -> dict[str, Any]:
        self._stand_in.env.faults.clear()
        return self._faults()

    def _ledger(self) -> list[Any]:
        return list(msgspec.to_builtins(self._stand_in.ledger()))

    def _outgoing(self, rows: bool = False) -> Any:
        queue = self._stand_in.webhooks
        if rows:
            return [
                {"id": row.id, "topic": row.topic, "state": row.state, "tries": row.tries, "status": row.status}
                for row in self._stand_in.outgoing()
            ]
        return queue.counts() if queue else {}

    def _hasten(self) -> Any:
        if self._stand_in.webhooks:
            self._stand_in.webhooks.hasten()
        return self._outgoing()

    def _clock(self, advance: float | None = None, to: str | None = None) -> dict[str, str]:
        clock = self._stand_in.env.clock
        if advance is not None or to is not None:
            if not isinstance(clock, SimulatedClock):
                raise ValueError("this sandbox runs on the real clock, which cannot be moved")
            if to is not None:
                clock.set(datetime.fromisoformat(to))
            if advance is not None:
                clock.advance(advance)
        return {"now": clock().isoformat()}
