"""Events of the stand-in: snapshots kept for thirty days, endpoints and destinations, signed deliveries with retries.

A delivery is signed at every attempt, with the time of that attempt: so the vendor does it, and so the tolerance of five
minutes holds for retries. While a secret is rolled, both secrets sign.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from leja.connectors.stripe import stand_in_shapes as shapes
from leja.connectors.stripe.stand_in_records import Record, Records
from leja_sandbox.kit import Manner, Outgoing, WebhookQueue, json_answer

# Three days with gaps that grow; the vendor publishes the span, not the gaps.
RETRY_GAPS: Final = (60, 300, 1800, 3600, 7200, 14400, 28800, 43200, 57600, 86400)
KEPT: Final = 30 * 86400
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS delivery (event TEXT NOT NULL, outgoing INTEGER PRIMARY KEY);"


class Signer(WebhookQueue):
    """A queue that signs at each attempt."""

    hooks: Events

    def due(self) -> list[Outgoing]:
        """What has to be sent now, freshly signed."""
        return self._signed(super().due())

    def all(self) -> list[Outgoing]:
        """Everything that was ever enqueued, signed as if it were sent now: whoever delivers it by hand makes an attempt too."""
        return self._signed(super().all())

    def _signed(self, rows: list[Outgoing]) -> list[Outgoing]:
        return [msgspec.structs.replace(row, headers=self.hooks.headers(row.subscription, row.body)) for row in rows]


class Events:
    """Makes events of what happened and tells every endpoint that wants them."""

    def __init__(self, records: Records, account: str, version: str, compress: float) -> None:
        self.records, self.account, self.version = records, account, version
        self.request: dict[str, str | None] = {"id": None, "idempotency_key": None}
        self.queue = Signer(records.env, retry_gaps=RETRY_GAPS, compress=compress, gave_up=self._gave_up)
        self.queue.hooks = self
        records.env.store.schema(_SCHEMA)

    # --- what happened ----------------------------------------------------------------------------------------------

    def tell(
        self,
        type_: str,
        body: Record,
        previous: Mapping[str, Any] | None = None,
        *,
        webhooks: Manner = "normal",
        delay: float = 60.0,
    ) -> Record:
        """Keeps an event with a snapshot of ``body`` and queues its deliveries."""
        event = self.records.add(
            "event",
            {"id": self.records.id("evt"), "object": "event", "account": None, "context": None, "api_version": self.version,
             "created": self.records.now(), "livemode": False, "type": type_, "request": dict(self.request),
             "data": {"object": body, **({"previous_attributes": dict(previous)} if previous else {})}},
        )  # fmt: skip
        self.deliver(event, webhooks, delay)
        return event

    def deliver(self, event: Record, webhooks: Manner = "normal", delay: float = 0.0) -> None:
        """Queues an event at every endpoint and destination that listens."""
        wanted = [row for row in self.listeners() if row["status"] == "enabled" and _wants(row, event["type"])]
        for row in wanted:
            self._send(row, event, len(wanted), webhooks, delay)

    def shown(self, event: Record, version: str | None = None, waiting: int | None = None) -> Record:
        """The event as the API or an endpoint of a version shows it."""
        used = version or event["api_version"]
        data = {**event["data"], "object": self.dress(event["data"]["object"], used, event["created"])}
        left = self._waiting(event["id"]) if waiting is None else waiting
        return {**event, "api_version": used, "data": data, "pending_webhooks": left}

    def dress(self, body: Record, version: str, now: float | None = None) -> Record:
        """An object as a version shows it."""
        moment = self.records.env.now() if now is None else now
        return shapes.dressed(body, version, moment, self.records.linked)

    def thin(self, event: Record) -> Record:
        """The same event as v2 tells it: references only."""
        body = event["data"]["object"]
        why = {"type": "request", "request": event["request"]} if event["request"]["id"] else None
        return {
            "id": event["id"], "object": "v2.core.event", "type": f"v1.{event['type']}", "livemode": False,
            "created": zulu(event["created"]), "context": event["context"], "reason": why,
            "related_object": {"id": body["id"], "type": body["object"], "url": f"/v1/{body['object']}s/{body['id']}"},
        }  # fmt: skip

    def alive(self, event: Record) -> bool:
        """Whether the API still shows it."""
        return bool(event["created"] > self.records.env.now() - KEPT)

    def delivered(self, event: Record) -> bool | None:
        """True: every endpoint took it; False: one did not (yet); None: nobody was to be told."""
        states = self._states(event["id"])
        return all(state == "done" for state in states) if states else None

    # --- endpoints --------------------------------------------------------------------------------------------------

    def listeners(self) -> list[Record]:
        """Endpoints and destinations."""
        return [*self.records.all("webhook_endpoint"), *self.records.all("event_destination")]

    def secret(self, listener: Record, *, roll: float = 0.0) -> str:
        """A new signing secret; the one before it goes on signing for ``roll`` seconds."""
        number = self.records.env.store.next_number("secret")
        made = hashlib.sha256(f"{self.records.env.seed}:whsec:{number}".encode()).hexdigest()[:32]
        kept = self.records.env.store.get("secret", listener["id"]) or {"now": None}
        until = self.records.env.now() + roll
        body = {"now": f"whsec_{made}", "before": kept["now"], "until": until}
        self.records.env.store.put("secret", listener["id"], body)
        return str(body["now"])

    def headers(self, listener: str, body: bytes) -> dict[str, str]:
        """The headers of one attempt at this moment."""
        kept, moment = self.records.env.store.get("secret", listener), self.records.now()
        secrets = [kept["now"]] if kept else []
        if kept and kept["before"] and kept["until"] > moment:
            secrets.insert(0, kept["before"])
        marks = [f"v1={signature(secret, moment, body)}" for secret in secrets]
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": ",".join([f"t={moment}", *marks, f"v0={'0' * 64}"]),
        }

    def _send(self, row: Record, event: Record, waiting: int, webhooks: Manner, delay: float) -> None:
        thin = row["object"] == "v2.core.event_destination" and row["event_payload"] == "thin"
        version = row.get("api_version") or row.get("snapshot_api_version") or self.version
        told = self.thin(event) if thin else self.shown(event, version, waiting)
        body = json_answer(told).body
        url = row["url"] if "url" in row else row["webhook_endpoint"]["url"]
        store, before = self.records.env.store, self._last()
        headers = self.headers(row["id"], body)
        self.queue.enqueue(row["id"], event["type"], url, headers, body, manner=webhooks, delay=delay)
        for number in range(before + 1, self._last() + 1):
            store.execute("INSERT INTO delivery VALUES (?, ?)", event["id"], number)

    def _last(self) -> int:
        return int(self.records.env.store.execute("SELECT coalesce(max(id), 0) FROM outgoing")[0][0])

    def _states(self, event: str) -> list[str]:
        rows = self.records.env.store.execute(
            "SELECT o.state FROM delivery d JOIN outgoing o ON o.id = d.outgoing WHERE d.event = ?", event
        )
        return [row[0] for row in rows]

    def _waiting(self, event: str) -> int:
        return sum(state != "done" for state in self._states(event))

    def _gave_up(self, listener: str) -> None:
        # After days without a 2xx the vendor disables the endpoint and writes to its owner.
        for kind in ("webhook_endpoint", "event_destination"):
            if (row := self.records.get(kind, listener)) is not None:
                self.records.keep(kind, {**row, "status": "disabled"})


def _wants(listener: Record, type_: str) -> bool:
    names = listener["enabled_events"]
    return "*" in names or any(fnmatchcase(type_, name.removeprefix("v1.")) for name in names)


def signature(secret: str, moment: int, body: bytes) -> str:
    """``v1``: HMAC-SHA256 over ``t.body`` with the whole text of the secret."""
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def zulu(moment: float) -> str:
    """A moment as v2 writes it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
