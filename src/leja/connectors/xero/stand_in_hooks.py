"""The webhooks of the stand-in of Xero: signed thin events in sequence, after the intent to receive was answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import msgspec

from leja.connectors.xero.stand_in_chart import OrganisationSettings
from leja.connectors.xero.stand_in_records import Records
from leja_sandbox.kit import Environment, WebhookQueue

# The vendor says: with decreasing frequency for 24 hours, then the webhook is disabled.
RETRY_GAPS: Final = (60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 28_800)
CATEGORIES: Final = {"Contacts": "CONTACT", "Invoices": "INVOICE", "CreditNotes": "CREDITNOTE"}
_TIMEOUT: Final = 5.0
# Which of the vendor's first calls carry a good signature; a listener must tell them apart.
_INTENT: Final = (True, False, False, True)


class Hooks:
    """Tells the one address of the app about contacts, invoices and credit notes, whoever changed them."""

    def __init__(self, env: Environment, settings: OrganisationSettings, records: Records) -> None:
        self._env, self._settings, self._records = env, settings, records
        self.queue = WebhookQueue(
            env, retry_gaps=RETRY_GAPS, compress=settings.webhook_compress, timeout=_TIMEOUT, gave_up=self._disabled
        )
        records.told = self.tell

    @property
    def url(self) -> str:
        """Where webhooks go; "" means nowhere. What the settings name counts as answered before."""
        kept = self._records.store.get("preference", "webhook_url")
        return self._settings.webhook_url if kept is None else str(kept["value"])

    def tell(self, kind: str, id_: str, made: bool, body: dict[str, Any]) -> None:
        """Queues the event of one change, inside the transaction that changes."""
        url = self.url
        if not url or kind not in CATEGORIES:
            return
        moment, category = datetime.fromtimestamp(self._env.now(), UTC), CATEGORIES[kind]
        event: dict[str, Any] = {
            "resourceUrl": f"{self._env.public_url}/api.xro/2.0/{kind}/{id_}", "resourceId": id_,
            "eventDateUtc": f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3], "eventType": "CREATE" if made else "UPDATE",
            "eventCategory": category, "tenantId": self._settings.tenant, "tenantType": "ORGANISATION",
        }  # fmt: skip
        if kind == "CreditNotes":
            event["data"] = {"Type": body["Type"], "Status": body["Status"]}
        number = self._records.store.next_number("xero_event")
        signed, headers = self._signed([event], number)
        self.queue.enqueue("app", category, url, headers, signed)

    def intent(self, url: str) -> dict[str, Any]:
        """Saves an address as the portal does: several empty calls, some mis-signed; active when all are told apart."""
        answers = []
        with httpx2.Client(timeout=_TIMEOUT, trust_env=False) as http:
            for good in _INTENT:
                body, headers = self._signed([], 0, key="" if good else secrets.token_hex(8))
                answer = http.post(url, content=body, headers=headers)
                plain = not answer.content and "set-cookie" not in answer.headers
                answers.append((answer.status_code, plain))
        active = answers == [(200 if good else 401, True) for good in _INTENT]
        self._records.store.put("preference", "webhook_url", {"value": url if active else ""})
        return {"active": active, "answers": [status for status, _plain in answers]}

    def _signed(self, events: list[dict[str, Any]], number: int, key: str = "") -> tuple[bytes, dict[str, str]]:
        entropy = secrets.token_hex(10).upper()
        body = msgspec.json.encode(
            {"events": events, "firstEventSequence": number, "lastEventSequence": number, "entropy": entropy}
        )
        digest = hmac.new((key or self._settings.webhook_key).encode(), body, hashlib.sha256).digest()
        return body, {"Content-Type": "application/json", "x-xero-signature": base64.b64encode(digest).decode()}

    def _disabled(self, _subscription: str) -> None:
        self._records.store.put("preference", "webhook_url", {"value": ""})
