"""Subscriptions and notifications: a handshake at creation and renewal, three days of life, no signature.

Changes of one record wait half a minute and are told as one; what is due for one address goes out in one body, of
whatever subscriptions. Only 408, 429, 5xx and silence are tried again, for 36 hours; any other refusal deletes the
subscription. The wait between tries is not published (here: doubling to two hours).
"""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import httpx2
import msgspec

from leja.connectors.business_central.stand_in_chart import CompanySettings
from leja.connectors.business_central.stand_in_model import DOCUMENTS, SETS, BadRequest
from leja.connectors.business_central.stand_in_records import Records, Stored, moment
from leja_sandbox.kit import Environment, Outgoing, WebhookQueue

SUPPORTED: Final = (
    "accounts", "companyInformation", "currencies", "customerPaymentJournals", "customers", "dimensions",
    "generalLedgerEntries", "items", "journals", "paymentMethods", "paymentTerms", "salesCreditMemos", "salesInvoices",
    "salesOrders", "unitsOfMeasure",
)  # fmt: skip
RETRY_GAPS: Final = (60, 120, 240, 480, 960, 1920, 3600, *[7200] * 16)
_HEADER_OF: Final = {lines: kind for kind, lines in DOCUMENTS.items()}
_TIMEOUT: Final = 5.0
_WRITABLE: Final = ("notificationUrl", "resource", "clientState")


class Queue(WebhookQueue):
    """The kit's queue with the vendor's bodies, and with what the vendor does about answers."""

    def __init__(self, hooks: Hooks, env: Environment, settings: CompanySettings) -> None:
        super().__init__(env, retry_gaps=RETRY_GAPS, compress=settings.webhook_compress, timeout=_TIMEOUT)
        self._hooks, self._settings = hooks, settings

    async def send_due(self, client: httpx2.AsyncClient | None = None) -> int:
        """Sends what is due, one body for each address."""
        rows = self.due()
        if not rows:
            return 0
        if client is None:
            async with self._client() as own:
                return await self.send_due(own)
        by_address: dict[str, list[Outgoing]] = {}
        for row in rows:
            by_address.setdefault(row.url, []).append(row)
        for url, group in by_address.items():
            status = await self._told(client, url, self._values(group))
            with self._env.store.transaction():
                for row in group:
                    self._answered(row, status)
        return len(rows)

    def _values(self, group: list[Outgoing]) -> bytes:
        found: list[Any] = []
        for subscription in dict.fromkeys(row.subscription for row in group):
            mine = [msgspec.json.decode(row.body) for row in group if row.subscription == subscription]
            if len(mine) > self._settings.collection_over:
                first = mine[0]
                resource = first["resource"].rpartition("(")[0]
                since = first["lastModifiedDateTime"]
                mine = [{**first, "changeType": "collection",
                         "resource": f"{resource}?$filter=lastModifiedDateTime%20gt%20{since}"}]  # fmt: skip
            found += mine
        return msgspec.json.encode({"value": found})

    async def _told(self, client: httpx2.AsyncClient, url: str, body: bytes) -> int:
        try:
            answer = await client.post(url, content=body, headers={"Content-Type": "application/json"})
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            return 0
        return int(answer.status_code)

    def _answered(self, row: Outgoing, status: int) -> None:
        if 200 <= status < 300 or status in (0, 408, 429) or status >= 500:
            self._record(row, status)
            return
        self._env.store.execute(
            "UPDATE outgoing SET state = 'given_up', tries = tries + 1, status = ? WHERE subscription = ? AND state = 'due'",
            status, row.subscription,
        )  # fmt: skip
        self._hooks.drop(row.subscription)


class Hooks:
    """The subscriptions of the environment. Methods raise BadRequest."""

    def __init__(self, env: Environment, settings: CompanySettings, records: Records) -> None:
        self._env, self._settings, self._records = env, settings, records
        self.queue = Queue(self, env, settings)
        records.told = self.tell

    def live(self) -> list[Stored]:
        """Subscriptions whose time is not over; the others are gone."""
        found = []
        for stored in list(self._records.each("subscriptions")):
            if stored.body["_until"] <= self._env.now():
                self._records.remove(stored)
            else:
                found.append(stored)
        return found

    def create(self, given: dict[str, Any]) -> Stored:
        """A new subscription, after the address has answered the handshake."""
        unknown = [name for name in given if name not in _WRITABLE]
        if unknown:
            raise BadRequest(
                f"The property '{unknown[0]}' does not exist on type 'Microsoft.NAV.subscriptions'.", "BadRequest"
            )
        if len(self.live()) >= self._settings.subscriptions:
            raise BadRequest(f"The maximum number of subscriptions ({self._settings.subscriptions}) is reached.")
        if len(given.get("clientState", "")) > 2048:
            raise BadRequest(f"The length of the string is {len(given['clientState'])}, but it must be less than or equal"
                             " to 2048 characters.", "Application_StringExceededLength")  # fmt: skip
        resource = self._resource(given.get("resource", ""))
        self._handshake(given.get("notificationUrl", ""))
        for other in self.live():
            if (other.body["notificationUrl"], other.body["_kind"]) == (given["notificationUrl"], resource):
                raise BadRequest(
                    "The record in table Webhook Subscription already exists.", "Internal_EntityWithSameKeyExists"
                )
        own = uuid4().hex
        body = {"subscriptionId": own, "notificationUrl": given["notificationUrl"], "resource": given["resource"],
                "clientState": given.get("clientState", ""), "_kind": resource, **self._life()}  # fmt: skip
        return self._records.add("subscriptions", body, origin="api", id_=own)

    def renew(self, stored: Stored, given: dict[str, Any]) -> Stored:
        """Three more days, after another handshake."""
        body = stored.body | {name: given[name] for name in _WRITABLE if name in given}
        body["_kind"] = self._resource(body["resource"])
        self._handshake(body["notificationUrl"])
        return self._records.rewrite(stored, {**body, **self._life()})

    def drop(self, id_: str) -> None:
        """The vendor deletes a subscription whose address refused."""
        if (stored := self._records.find("subscriptions", id_)) is not None:
            self._records.remove(stored)

    def shown(self, stored: Stored) -> dict[str, Any]:
        """A subscription as the vendor shows it."""
        user = "00000000-0000-0000-0000-000000000001"
        kept: dict[str, Any] = {name: value for name, value in stored.body.items() if not name.startswith("_")}
        return {
            "@odata.etag": stored.etag, **kept,
            "userId": user, "lastModifiedDateTime": moment(stored.updated), "expirationDateTime": moment(int(stored.body["_until"])),
            "systemCreatedAt": moment(stored.updated), "systemCreatedBy": user,
            "systemModifiedAt": moment(stored.updated), "systemModifiedBy": user,
        }  # fmt: skip

    def tell(self, kind: str, id_: str, change: str) -> None:
        """Queues the notification of one change, inside the transaction that changes."""
        if kind in _HEADER_OF:
            line = self._records.find(kind, id_)
            if line is None:
                return
            kind, id_, change = _HEADER_OF[kind], line.parent, "updated"
        if kind not in SUPPORTED or kind not in SETS:
            return
        for stored in self.live():
            if stored.body["_kind"] == kind:
                self._queue(stored, kind, id_, change)

    def _queue(self, stored: Stored, kind: str, id_: str, change: str) -> None:
        waiting = self._env.store.execute(
            "SELECT id, body FROM outgoing WHERE state = 'due' AND tries = 0 AND subscription = ? AND topic = ?",
            stored.id, f"{kind}/{id_}",
        )  # fmt: skip
        now = moment(self._env.now())
        path = f"api/v2.0/companies({self._settings.company})/{kind}({id_})"
        event = {"subscriptionId": stored.id, "clientState": stored.body["clientState"],
                 "expirationDateTime": moment(int(stored.body["_until"])), "resource": path, "changeType": change,
                 "lastModifiedDateTime": now}  # fmt: skip
        if waiting:
            before = msgspec.json.decode(waiting[0][1])
            if change == "updated":
                event["changeType"] = before["changeType"]
            self._env.store.execute(
                "UPDATE outgoing SET body = ? WHERE id = ?", msgspec.json.encode(event), waiting[0][0]
            )
            return
        delay = self._settings.webhook_delay / self._settings.webhook_compress
        self.queue.enqueue(stored.id, f"{kind}/{id_}", stored.body["notificationUrl"], {}, msgspec.json.encode(event),
                           manner="late", delay=delay)  # fmt: skip

    def _life(self) -> dict[str, Any]:
        return {"_until": int(self._env.now()) + self._settings.subscription_days * 86_400}

    def _resource(self, resource: str) -> str:
        path = resource.strip("/").partition("?")[0].split("/")
        good = path[:2] == ["api", "v2.0"] and path[2:3] == [f"companies({self._settings.company})"] and len(path) == 4
        if not good or path[3] not in SUPPORTED:
            raise BadRequest(f"The resource '{resource}' cannot be subscribed to.", "BadRequest_ResourceNotFound")
        return path[3]

    def _handshake(self, url: str) -> None:
        token = uuid4().hex
        try:
            with httpx2.Client(timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as http:
                answer = http.post(url, params={"validationToken": token})
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            raise self._unproved(url) from None
        if answer.status_code != 200 or answer.text.strip() != token:
            raise self._unproved(url)

    def _unproved(self, url: str) -> BadRequest:
        return BadRequest(
            f"The notification URL '{url}' did not answer the validation request with the validation token.",
            "BadRequest",
        )
