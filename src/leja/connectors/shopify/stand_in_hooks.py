"""The webhooks of the stand-in: subscriptions, topics, bodies in REST shape, headers and the vendor's signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from leja.connectors.shopify.stand_in_orders import Orders, Record
from leja.connectors.shopify.stand_in_rest import Shapes
from leja_sandbox.kit import Environment, Manner, WebhookQueue, json_answer

# Eight retries over four hours, the gaps growing.
RETRY_GAPS: Final = (10, 60, 180, 600, 1200, 2400, 3600, 6000)


class Hooks:
    """Tells every subscription of a topic, in the order in which things happened."""

    def __init__(self, env: Environment, orders: Orders, shapes: Shapes, secret: str, compress: float) -> None:
        self._env, self._orders, self._shapes, self._secret = env, orders, shapes, secret
        self.queue = WebhookQueue(env, retry_gaps=RETRY_GAPS, compress=compress, gave_up=self._gave_up)

    # --- subscriptions ----------------------------------------------------------------------------------------------

    def subscribe(self, topic: str, uri: str, version: str, **given: Any) -> Record | None:
        """A new subscription, or None where topic and address are taken already."""
        if any(row["topic"] == topic and row["uri"] == uri for row in self.subscriptions()):
            return None
        row = {
            "id": self._orders.ids(1)[0],
            "topic": topic,
            "uri": uri,
            "version": version,
            "created_at": self._orders.now(),
            "updated_at": self._orders.now(),
            "include_fields": given.get("include_fields") or [],
            "filter": given.get("filter"),
            "name": given.get("name"),
        }
        self.keep(row)
        return row

    def keep(self, row: Record) -> None:
        """Writes a subscription."""
        self._env.store.put("subscription", row["id"], row, sort=f"{row['id']:020d}")

    def subscriptions(self) -> list[Record]:
        """Those that live."""
        return self._env.store.each("subscription")

    def unsubscribe(self, id_: int) -> bool:
        """Ends one; False where it was not there."""
        there = self._env.store.get("subscription", id_) is not None
        self._env.store.remove("subscription", id_)
        return there

    def _gave_up(self, subscription: str) -> None:
        self._env.store.remove("subscription", subscription)

    # --- deliveries -------------------------------------------------------------------------------------------------

    def tell(
        self,
        order: Record,
        topics: Sequence[str],
        *,
        refunds: Sequence[Record] = (),
        transactions: Sequence[Record] = (),
        webhooks: Manner = "normal",
        delay: float = 60.0,
    ) -> None:
        """Queues what an event of an order makes the shop say."""
        listening = {row["topic"] for row in self.subscriptions()}
        if not listening:
            return
        event, body = str(uuid.uuid4()), None
        for row in transactions:
            if "order_transactions/create" in listening and row["status"] != "pending":
                told = self._bytes(self._shapes.transaction(order, row))
                self._send("order_transactions/create", told, str(uuid.uuid4()), webhooks, delay)
        for topic in topics:
            if topic in listening:
                body = body or self._bytes(self._shapes.order(order))
                self._send(topic, body, event, webhooks, delay)
        for row in refunds:
            if "refunds/create" in listening:
                told = self._bytes(self._shapes.refund(order, row))
                self._send("refunds/create", told, str(uuid.uuid4()), webhooks, delay)

    def tell_deleted(self, order: Record, webhooks: Manner = "normal", delay: float = 60.0) -> None:
        """Queues ``orders/delete``, whose body is the id alone."""
        self._send("orders/delete", self._bytes({"id": order["id"]}), str(uuid.uuid4()), webhooks, delay)

    def send_again(self, order: Record, topic: str = "orders/updated") -> None:
        """Delivers the order's present state once more, as a new event."""
        self._send(topic, self._bytes(self._shapes.order(order)), str(uuid.uuid4()), "normal", 0.0)

    def signed_headers(self, topic: str, body: bytes, event: str, version: str) -> dict[str, str]:
        """The headers of one delivery."""
        digest = hmac.new(self._secret.encode(), body, hashlib.sha256).digest()
        moment = datetime.fromtimestamp(self._env.now(), UTC)
        return {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": self._orders.shop.domain,
            "X-Shopify-API-Version": version,
            # Random, never from the seed: a shop that is started again must not repeat an id.
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Event-Id": event,
            "X-Shopify-Triggered-At": moment.isoformat().replace("+00:00", "Z"),
        }

    def _bytes(self, shape: Record) -> bytes:
        return json_answer(shape).body

    def _send(self, topic: str, body: bytes, event: str, manner: Manner, delay: float) -> None:
        for row in self.subscriptions():
            if row["topic"] != topic:
                continue
            told = body
            if row["include_fields"]:
                shape = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
                told = msgspec.json.encode({name: shape[name] for name in row["include_fields"] if name in shape})
            headers = self.signed_headers(topic, told, event, row["version"])
            if row["name"]:
                headers["X-Shopify-Name"] = row["name"]
            self.queue.enqueue(str(row["id"]), topic, row["uri"], headers, told, manner=manner, delay=delay)
