"""The control of a stand-in: tests and the demo act as the merchant, in process or as ``POST /_control/<action>``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from leja_sandbox.clock import SimulatedClock

if TYPE_CHECKING:
    from leja_sandbox.kit import StandIn

Action = Callable[..., Any]

ACCOUNTING_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "grant": (),
    "books": ("origin", "until"),
    "documents": ("kind", "origin"),
    "document": ("kind", "id"),
    "alter": ("kind", "id", "amount", "day", "account", "line"),
    "void": ("kind", "id"),
    "delete": ("kind", "id"),
    "foreign": ("kind", "body"),
    "lock": ("day",),
    "deactivate": ("kind", "id", "active"),
    "expire_tokens": (),
    "revoke_tokens": (),
}
"""What a bookkeeper does in every accounting stand-in, by these names and with at least these arguments.

grant           consent without a browser: ``access_token`` and ``refresh_token``, or the key, and what names the tenant
books           the whole ledger: rows of ``account`` (as ``RemoteAccount.id`` names it), ``name``, ``day``, ``currency``,
                ``minor``, ``home_minor`` (debit positive) and ``origin``: "api" or "foreign" (None: both)
documents       rows of ``kind`` and ``id`` (as ``RemoteDocument.remote_id`` names it), ``number``, ``note``, ``day``, ``total``,
                ``currency``, ``origin`` ("" : all), and ``gone`` (true) or ``status`` ("VOIDED", "DELETED") of dead ones
document        one of them with its ``body`` and ``postings`` (``account``, ``day``, ``currency``, ``minor``)
alter           edits an accepted document behind the API's back: ``amount`` (text, major units) of its ``line``-th line,
                its ``day``, or the ``account`` it rests on; totals and postings follow
void, delete    of an accepted document; what the vendor does not know is left out (the connector's stage says so)
foreign         somebody types a document: as if by API, but of origin "foreign"; amounts in ``body`` may be text
lock            closes the books up to and including ``day``; "" opens them
deactivate      archives an account, customer or item; ``active=True`` brings it back
expire_tokens,  all access tokens are expired; the grant is gone (OAuth only)
revoke_tokens
ignore_filters  (``on``) optional: searches answer everything, as a vendor does who knows no such parameter
"""


SALES_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {"report": ()}
"""What every sales stand-in offers beside the merchant's own actions, whose names its connector's stage gives to the suites.

report          the source's own figures: ``{"counts": {"orders", "refunds"}, "sums": {"orders": {currency: minor}, "refunds":
                {...}}}`` of what stands there now; deleted sales are not in it
"""


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

    def missing(self, wanted: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Which of these actions, or arguments of them (``"alter(day)"``), are not there."""
        absent = [name for name in wanted if name not in self._actions]
        for name in wanted.keys() - set(absent):
            taken = inspect.signature(self._actions[name]).parameters
            absent += [f"{name}({argument})" for argument in wanted[name] if argument not in taken]
        return sorted(absent)

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
