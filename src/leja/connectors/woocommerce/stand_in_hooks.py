"""Webhooks as WooCommerce sends them: scheduled, collapsed, built when the queue runs, never tried again.

From the plugin's ``class-wc-webhook.php`` and ``wc-webhook-functions.php`` and from recorded deliveries of 11.0.1:

- an event only schedules ``(webhook, id)``; while that is pending no second one is, so bursts collapse into one;
- the body is read when the queue runs: it is the state of then, and of a thing that is gone it is a signed 404;
- success is 200 to 302; any other answer is lost for good and counts, and the failure that finds six in a row before
  it disables the webhook silently;
- the delivery id is a hash of webhook and second: all deliveries of one webhook within a second share it;
- a webhook that becomes active is pinged with a form that bears no signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from leja.connectors.woocommerce.stand_in_refusals import refused
from leja.connectors.woocommerce.stand_in_shop import Record, Shop, wp_json
from leja_sandbox.kit import Environment, Manner, Outgoing, WebhookQueue

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "coupon.created": ("woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"),
    "coupon.updated": ("woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"),
    "coupon.deleted": ("wp_trash_post",),
    "coupon.restored": ("untrashed_post",),
    "customer.created": ("user_register", "woocommerce_created_customer", "woocommerce_new_customer"),
    "customer.updated": ("profile_update", "woocommerce_update_customer"),
    "customer.deleted": ("delete_user",),
    "order.created": ("woocommerce_new_order",),
    "order.updated": ("woocommerce_update_order", "woocommerce_order_refunded"),
    "order.deleted": ("wp_trash_post", "woocommerce_trash_order"),
    "order.restored": ("untrashed_post", "woocommerce_untrash_order"),
    "product.created": ("woocommerce_process_product_meta", "woocommerce_new_product",
                        "woocommerce_new_product_variation"),
    "product.updated": ("woocommerce_process_product_meta", "woocommerce_update_product",
                        "woocommerce_update_product_variation"),
    "product.deleted": ("wp_trash_post",),
    "product.restored": ("untrashed_post",),
}  # fmt: skip
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS wc_action (
    id INTEGER PRIMARY KEY, webhook INTEGER NOT NULL, arg INTEGER NOT NULL, due REAL NOT NULL, manner TEXT NOT NULL,
    delay REAL NOT NULL);
"""
_PENDING_SECONDS: Final = 600
_MOST_FAILURES: Final = 5
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#039;", "'"), ("&amp;", "&"))
Payload = Callable[[str, int], Any]


class Hooks(WebhookQueue):
    """The queue. ``payload(resource, id)`` is what REST would answer, its error body included."""

    def __init__(self, env: Environment, shop: Shop, payload: Payload, queue_seconds: float) -> None:
        super().__init__(env, retry_gaps=(), timeout=20.0)
        self._shop, self._payload = shop, payload
        self.queue_seconds, self.manner, self.delay = queue_seconds, "normal", 60.0
        env.store.schema(_SCHEMA)

    # --- webhooks ---------------------------------------------------------------------------------------------------

    def webhook(self, id_: int | str) -> Record | None:
        """The webhook of that id, or None."""
        row: Record | None = self._env.store.get("webhook", id_)
        return row

    def webhooks(self) -> list[Record]:
        """All, oldest first, with their secrets and counts of failures."""
        return self._env.store.each("webhook")

    def save(self, given: Record, old: Record | None = None) -> Record:
        """Creates or changes a webhook; one that becomes active is pinged."""
        topic = str(given.get("topic", old["topic"] if old else "")).lower()
        url = str(given.get("delivery_url", old["delivery_url"] if old else ""))
        resource, _, event = topic.partition(".")
        own = resource == "action" and event.startswith(("woocommerce_", "wc_"))
        if topic not in HOOKS and not own:
            raise refused("woocommerce_rest_shop_webhook_invalid_topic",
                          "Webhook topic is required and must be valid.", 400)  # fmt: skip
        if not url.startswith(("http://", "https://")):
            words = "Webhook delivery URL must be a valid URL starting with http:// or https://."
            raise refused("woocommerce_rest_shop_webhook_invalid_delivery_url", words, 400)
        row = old or {"id": self._env.store.next_number("webhook"), "status": "", "created": self._shop.now(),
                      "modified": None, "failures": 0, "secret": self._shop.letters(50), "name": ""}  # fmt: skip
        before, row["status"] = row["status"], given.get("status", row["status"] or "active")
        if row["status"] not in ("active", "paused"):
            row["status"] = "disabled"
        row.update(topic=topic, resource=resource, event=event, delivery_url=url,
                   hooks=[event] if own else list(HOOKS[topic]))  # fmt: skip
        row["secret"] = str(given.get("secret") or row["secret"])
        row["name"] = str(given.get("name") or row["name"] or f"Webhook created on {self._shop.day(row['created'])}")
        if old:
            row["modified"] = self._shop.now()
        if row["status"] == "active" and before != "active":
            row["failures"] = 0
            self._ping(row)
        return self._keep(row)

    def remove(self, id_: int) -> None:
        """Deletes a webhook; what was scheduled for it is never sent."""
        self._env.store.remove("webhook", id_)
        self._env.store.execute("DELETE FROM wc_action WHERE webhook = ?", id_)

    def _keep(self, row: Record) -> Record:
        self._env.store.put("webhook", row["id"], row, sort=f"{row['id']:012d}")
        return row

    # --- events -----------------------------------------------------------------------------------------------------

    def tell(self, hook: str, arg: int) -> None:
        """An action hook fired: schedules what hangs on it, unless it is pending already."""
        if self.manner == "lost":
            return
        now = self._env.now()
        due = now + self.queue_seconds + (self.delay if self.manner == "late" else 0.0)
        for row in self.webhooks():
            if hook not in row["hooks"] or row["status"] != "active":
                continue
            pending = self._env.store.execute(
                "SELECT min(due) FROM wc_action WHERE webhook = ? AND arg = ?", row["id"], arg
            )[0][0]
            if pending is None or pending >= now + _PENDING_SECONDS:
                self._env.store.execute(
                    "INSERT INTO wc_action (webhook, arg, due, manner, delay) VALUES (?, ?, ?, ?, ?)",
                    row["id"], arg, due, self.manner, self.delay,
                )  # fmt: skip

    def tell_of_a_post(self, resource: str, event: str, arg: int) -> None:
        """Products, coupons and customers: the first hook of their topic."""
        self.tell(HOOKS[f"{resource}.{event}"][-1], arg)

    def due(self) -> list[Outgoing]:
        """What has to be sent now; bodies of scheduled deliveries are built here."""
        with self._env.store.transaction():
            self._build()
        return super().due()

    def hasten(self) -> None:
        """Runs the queue: everything scheduled is due now."""
        self._env.store.execute("UPDATE wc_action SET due = min(due, ?)", self._env.now())
        super().hasten()

    def counts(self) -> dict[str, int]:
        """As everywhere; what is scheduled counts as due and as waiting."""
        found = super().counts()
        scheduled = int(self._env.store.execute("SELECT count(*) FROM wc_action")[0][0])
        return {**found, "due": found["due"] + scheduled, "waiting": found["waiting"] + scheduled}

    def send_again(self, webhook_id: int, arg: int) -> None:
        """One more delivery of a thing's present state."""
        row = self.webhook(webhook_id)
        if row is None:
            raise ValueError(f"there is no webhook {webhook_id}")
        self._deliver(row, arg, "normal", 0.0)

    # --- deliveries -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        rows = self._env.store.execute(
            "SELECT id, webhook, arg, manner, delay FROM wc_action WHERE due <= ? ORDER BY due, id", self._env.now()
        )
        for id_, webhook, arg, manner, delay in rows:
            self._env.store.execute("DELETE FROM wc_action WHERE id = ?", id_)
            if row := self.webhook(webhook):
                self._deliver(row, arg, "normal" if manner == "late" else manner, delay)

    def _deliver(self, row: Record, arg: int, manner: Manner, delay: float) -> None:
        body = wp_json(self._body(row, arg))
        self.enqueue(str(row["id"]), row["topic"], row["delivery_url"], self.signed_headers(row, body), body,
                     manner=manner, delay=delay)  # fmt: skip

    def _body(self, row: Record, arg: int) -> Any:
        if row["resource"] == "action":
            return {"action": row["hooks"][0], "arg": arg}
        return {"id": arg} if row["event"] == "deleted" else self._payload(row["resource"], arg)

    def signed_headers(self, row: Record, body: bytes) -> dict[str, str]:
        """The headers of one delivery."""
        return {
            **self._caller(),
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self._shop.url}/",
            "X-WC-Webhook-Topic": row["topic"],
            "X-WC-Webhook-Resource": row["resource"],
            "X-WC-Webhook-Event": row["event"],
            "X-WC-Webhook-Signature": sign(row["secret"], body),
            "X-WC-Webhook-ID": str(row["id"]),
            "X-WC-Webhook-Delivery-ID": self._delivery_id(row["id"]),
            "Connection": "close",
        }

    def _caller(self) -> dict[str, str]:
        facts = self._shop.facts
        return {
            "User-Agent": f"WooCommerce/{facts.version} Hookshot (WordPress/{facts.wordpress})",
            "Accept": "*/*",
            "Accept-Encoding": "deflate, gzip, br, zstd",
        }

    def _delivery_id(self, webhook: int) -> str:
        salt = f"salt of shop {self._env.seed}".encode()
        return hmac.new(salt, f"{webhook}{self._shop.now()}".encode(), hashlib.md5).hexdigest()

    def _ping(self, row: Record) -> None:
        headers = {**self._caller(), "Connection": "close", "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"webhook_id": row["id"]}).encode()
        self.enqueue(f"ping:{row['id']}", "ping", row["delivery_url"], headers, body)

    def _record(self, row: Outgoing, status: int) -> None:
        good = 200 <= status < 303
        self._env.store.execute(
            "UPDATE outgoing SET tries = tries + 1, state = ?, status = ? WHERE id = ?",
            "done" if good else "given_up", status, row.id,
        )  # fmt: skip
        ping = row.subscription.startswith("ping:")
        webhook = self.webhook(row.subscription.removeprefix("ping:"))
        if webhook is None or (ping and status != 200):
            return
        if not ping:
            self._count(webhook, good)
        webhook["modified"] = self._shop.now()
        self._keep(webhook)

    def _count(self, webhook: Record, good: bool) -> None:
        if good:
            webhook["failures"] = 0
        elif webhook["failures"] > _MOST_FAILURES:
            webhook["status"] = "disabled"
        else:
            webhook["failures"] += 1


def sign(secret: str, body: bytes) -> str:
    """The signature over the exact body; entities in the secret are decoded first."""
    for entity, sign_ in _ENTITIES:
        secret = secret.replace(entity, sign_)
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
