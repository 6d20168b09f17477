"""Automation rules with the action "Send Webhook Notification": told once after the call, unsigned, never sent again.

18.0 sends inside of its transaction and 19.0 after it; here it is always after, and the order of keys is the vendor's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from leja.connectors.odoo.stand_in_orm import Database
from leja_sandbox.kit import WebhookQueue

WATCHED: Final = ("sale.order", "pos.order", "account.move")
_TIMEOUT: Final = 1.0


class Hooks:
    """One rule per watched model, on every change, to one address ("" : nowhere)."""

    def __init__(self, db: Database) -> None:
        self._db = db
        # The vendor logs a failure and forgets it.
        self.queue = WebhookQueue(db.env, retry_gaps=(), timeout=_TIMEOUT)
        db.told = self.tell

    @property
    def url(self) -> str:
        """Where notifications go."""
        kept = self._db.env.store.get("preference", "hooks")
        return self._db.settings.hooks if kept is None else str(kept)

    def webhooks_to(self, url: str = "") -> dict[str, str]:
        """Sets the address of the automation rules; "" switches them off."""
        self._db.env.store.put("preference", "hooks", url)
        return {"url": url}

    def tell(self, model: str, id_: int) -> None:
        """Queues the notification of one record, inside of the transaction that changes it."""
        url = self.url
        body = self._db.records.get(model, id_) if url and model in WATCHED else None
        if body is None:
            return
        rule = WATCHED.index(model) + 1
        told = {"_action": f"Tell the bridge(#{rule})", "_id": id_, "_model": model, "id": id_,
                "write_date": str(body["write_date"])[:19]}  # fmt: skip
        self.queue.enqueue("rule", model, url, {"Content-Type": "application/json"}, msgspec.json.encode(told))
