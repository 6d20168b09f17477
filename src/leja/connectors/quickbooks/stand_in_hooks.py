"""The webhooks of the stand-in of QuickBooks: thin CloudEvents in an array, signed with the app's verifier token."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import msgspec

from leja.connectors.quickbooks.stand_in_chart import CompanySettings
from leja.connectors.quickbooks.stand_in_records import Records
from leja_sandbox.kit import Environment, WebhookQueue

# The vendor says: roughly 10 s, 20 s, 30 s, 5 min, 20 min, 2 h, 4 h, 6 h, then every 6 h.
RETRY_GAPS: Final = (10, 20, 30, 300, 1200, 7200, 14_400, *[21_600] * 4)
# What the vendor's list of entities names of the kinds played here.
TOLD: Final = frozenset({
    "Account", "Bill", "BillPayment", "Class", "CreditMemo", "Customer", "Department", "Deposit", "Invoice", "Item",
    "JournalEntry", "Payment", "PaymentMethod", "Purchase", "RefundReceipt", "SalesReceipt", "Transfer", "Vendor",
    "VendorCredit",
})  # fmt: skip
_TIMEOUT: Final = 3.0


class Hooks:
    """Tells the one address that the app's portal knows about every change, whoever made it."""

    def __init__(self, env: Environment, settings: CompanySettings, records: Records) -> None:
        self._env, self._settings, self._records = env, settings, records
        self.queue = WebhookQueue(
            env, retry_gaps=RETRY_GAPS, compress=settings.webhook_compress, timeout=_TIMEOUT
        )  # fmt: skip
        records.told = self.tell

    @property
    def url(self) -> str:
        """Where webhooks go; "" means nowhere."""
        kept = self._records.store.get("preference", "webhook_url")
        return self._settings.webhook_url if kept is None else str(kept["value"])

    def tell(self, kind: str, id_: str, verb: str) -> None:
        """Queues the event of one change, inside the transaction that changes."""
        url = self.url
        if not url or kind not in TOLD:
            return
        moment = datetime.fromtimestamp(self._env.now(), UTC)
        topic = f"qbo.{kind.lower()}.{verb}.v1"
        event = {
            "specversion": "1.0", "id": str(uuid4()), "source": "intuit.SANDBOX=", "type": topic,
            "datacontenttype": "application/json", "time": f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z",
            "intuitentityid": id_, "intuitaccountid": self._settings.realm, "data": {},
        }  # fmt: skip
        body = msgspec.json.encode([event])
        digest = hmac.new(self._settings.verifier_token.encode(), body, hashlib.sha256).digest()
        headers = {"Content-Type": "application/json", "intuit-signature": base64.b64encode(digest).decode()}
        self.queue.enqueue("app", topic, url, headers, body)
