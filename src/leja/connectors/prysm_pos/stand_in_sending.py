"""How the tills send: signed at each attempt, held while a till is offline, tried again as the contract says."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import httpx2
import msgspec

from leja.connectors.prysm_pos.stand_in_native import native
from leja_sandbox.kit import Environment, Manner, Outgoing, WebhookQueue, json_answer

Record = dict[str, Any]
# 5 s, 1 min, 5 min, 30 min, 2 h, then every 6 h until three days are over.
RETRY_GAPS: Final = (5, 60, 300, 1800, 7200, *[21600] * 12)


def signature(secret: str, event: str, sent: int, body: bytes) -> str:
    """One value of ``webhook-signature`` (Standard Webhooks): ``v1,`` and base64 of the HMAC over id, time and body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event}.{sent}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Queue(WebhookQueue):
    """Deliveries that are signed when they are sent, and are over after any answer that the contract calls final."""

    def __init__(self, env: Environment, sending: Sending, compress: float) -> None:
        super().__init__(env, retry_gaps=RETRY_GAPS, compress=compress)
        self._sending = sending

    async def _send(self, client: httpx2.AsyncClient, gate: Any, row: Outgoing) -> int:
        fresh = self._sending.headers(row.headers["webhook-id"], row.headers["x-pos-till"], row.body)
        return await super()._send(client, gate, msgspec.structs.replace(row, headers=fresh))

    def _record(self, row: Outgoing, status: int) -> None:
        if 400 <= status < 500 and status not in (408, 429):
            self._env.store.execute(
                "UPDATE outgoing SET tries = ?, state = 'refused', status = ? WHERE id = ?", row.tries + 1, status, row.id
            )
            return
        super()._record(row, status)


class Sending:
    """Where events go and when. ``line`` of a till: online, or offline with what it keeps."""

    def __init__(self, env: Environment, settings: Mapping[str, Any]) -> None:
        self._env, self._settings = env, settings
        self.queue = Queue(env, self, float(settings["compress"]))

    def connect(self, url: str, secret: str = "", old_secret: str = "") -> None:
        """Sets where events are posted and with which secret; ``old_secret`` signs too, during a rotation."""
        kept = {"url": url, "secret": secret or self._settings["secret"], "old_secret": old_secret}
        self._env.store.put("target", "one", kept)

    def offline(
        self, store: str, till: str, on: bool = True, order: Literal["kept", "reversed", "shuffled"] = "kept", twice: bool = False
    ) -> int:
        """A till loses its line; with ``on=False`` it is back and sends all it kept, in that order. Gives how many."""
        name, rows = f"{store}/{till}", self._env.store
        rows.put("offline", name, on)
        if on:
            return 0
        kept = [row for row in rows.each("held") if row["till"] == name]
        if order == "reversed":
            kept.reverse()
        elif order == "shuffled":
            self._env.random.shuffle(kept)
        for row in kept:
            rows.remove("held", row["id"])
            self._enqueue(row["id"], name, row["body"], "twice" if twice else "normal", 0.0)
        return len(kept)

    def drift(self, store: str, till: str, seconds: int) -> None:
        """The clock of a till is that many seconds ahead (negative: behind)."""
        self._env.store.put("drift", f"{store}/{till}", seconds)

    def resend(self, store: str, till: str, business_date: str, new_ids: bool = False) -> int:
        """A till sends a whole day once more, as after an outage; with ``new_ids`` it forgot how it had named the events."""
        sent = 0
        for row in self._env.store.each("event"):
            data, source = row["body"]["data"], row["body"]["source"]
            if (source["store_id"], data.get("workstation_id"), data.get("business_date")) == (store, till, business_date):
                self._enqueue(self.name() if new_ids else row["id"], f"{store}/{till}", row["body"], "normal", 0.0)
                sent += 1
        return sent

    def name(self) -> str:
        """The next event's id: the moment is in it, so that tills that are started again repeat none."""
        number = self._env.store.next_number("event")
        return "evt_" + hashlib.sha256(f"{self._env.seed}/{number}/{self._env.now()}".encode()).hexdigest()[:26]

    def tell(self, body: Record, *, manner: Manner = "normal", delay: float = 60.0, keep: bool = True) -> str:
        """Sends an event, or keeps it while its till is offline. ``keep``: it is in the till's own list. Gives its id."""
        event, number, store = self.name(), self._env.store.next_number("order"), self._env.store
        till = f"{body['source']['store_id']}/{body['source'].get('workstation_id', '')}"
        if keep:
            moment = datetime.fromisoformat(body["occurred_at"]).astimezone(UTC).isoformat()
            store.put("event", event, {"id": event, "body": body}, sort=f"{moment}/{number:09d}")
        if store.get("offline", till) and keep:
            store.put("held", event, {"id": event, "till": till, "body": body}, sort=f"{number:09d}")
        else:
            self._enqueue(event, till, body, manner, delay)
        return event

    def headers(self, event: str, till: str, body: bytes) -> dict[str, str]:
        """What is sent beside the body, at this moment of the till's clock."""
        target, scheme = self._target(), self._settings["scheme"]
        sent = int(self._env.now()) + int(self._env.store.get("drift", till) or 0)
        base = {"content-type": "application/json; charset=utf-8", "user-agent": f"pos/{self._settings['software_version']}"}
        if scheme == "static-token":
            return {**base, "x-pos-token": target["secret"]}
        if scheme == "hmac-header":
            digest = hmac.new(target["secret"].encode(), body, hashlib.sha256).hexdigest()
            return {**base, "x-pos-signature": digest, "x-pos-timestamp": str(sent)}
        secrets = [secret for secret in (target["old_secret"], target["secret"]) if secret]
        signed = " ".join(signature(secret, event, sent, body) for secret in secrets)
        return {**base, "webhook-id": event, "webhook-timestamp": str(sent), "webhook-signature": signed}

    def _target(self) -> Record:
        kept: Record | None = self._env.store.get("target", "one")
        return kept or {name: self._settings[name] for name in ("url", "secret", "old_secret")}

    def _enqueue(self, event: str, till: str, body: Record, manner: Manner, delay: float) -> None:
        told = native(body) if self._settings["speaks"] == "native" else body
        url = self._target()["url"]
        if url and told is not None:
            headers = {"webhook-id": event, "x-pos-till": till}
            self.queue.enqueue(till, body["type"], url, headers, json_answer(told).body, manner=manner, delay=delay)
