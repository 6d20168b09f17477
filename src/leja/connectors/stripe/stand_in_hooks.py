"""Webhook endpoints of v1, event destinations and thin events of v2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leja.connectors.stripe import stand_in_shapes as shapes
from leja.connectors.stripe.stand_in_events import Events, zulu
from leja.connectors.stripe.stand_in_lists import error, missing, values
from leja.connectors.stripe.stand_in_records import Record, Records
from leja_sandbox.kit import Answer, Refuse, Request, Router, json_answer

Work = Callable[[Request, Record, str], Record]
Handler = Callable[[Request], Answer]


class Hooks:
    """Who is told, and by which door that is decided."""

    def __init__(self, records: Records, events: Events) -> None:
        self.records, self.events = records, events

    def routes(
        self,
        router: Router,
        reading: Callable[[Work, str], Handler],
        writing: Callable[[str, Work], Handler],
        guarded: Callable[[str, Callable[[Request, Record, str], Answer]], Handler],
    ) -> None:
        """Adds the routes."""
        one, many = "/v1/webhook_endpoints/{id}", "/v1/webhook_endpoints"
        router.add("GET", many, guarded("webhook", self._listed))
        router.add("POST", many, writing("webhook", self._create))
        router.add("GET", one, reading(lambda r, _g, _v: self._must("webhook_endpoint", r), "webhook"))
        router.add("POST", one, writing("webhook", self._update))
        router.add("DELETE", one, guarded("webhook:write", self._delete))
        place = "/v2/core/event_destinations"
        router.add("GET", place, guarded("event_destination", self._destinations))
        router.add("POST", place, guarded("event_destination:write", self._destine))
        router.add("GET", f"{place}/{{id}}", guarded("event_destination", self._destination))
        router.add("DELETE", f"{place}/{{id}}", guarded("event_destination:write", self._undo))
        for word, status in (("disable", "disabled"), ("enable", "enabled")):
            router.add("POST", f"{place}/{{id}}/{word}", guarded("event_destination:write", self._switch(status)))
        router.add("GET", "/v2/core/events/{id}", guarded("event", self._thin))

    # --- v1 ---------------------------------------------------------------------------------------------------------

    def _listed(self, request: Request, given: Record, _version: str) -> Answer:
        rows = sorted(self.records.all("webhook_endpoint"), key=lambda row: row["created"], reverse=True)
        start = next((at + 1 for at, row in enumerate(rows) if row["id"] == given.get("starting_after")), 0)
        limit = int(given.get("limit", 10))
        return json_answer(shapes.listed(rows[start : start + limit], request.path, len(rows) > start + limit))

    def _create(self, _request: Request, given: Record, _version: str) -> Record:
        for name in ("url", "enabled_events"):
            if not given.get(name):
                raise Refuse(error(400, f"Missing required param: {name}.", code="parameter_missing", param=name))
        if not str(given["url"]).startswith(("https://", "http://")):
            raise Refuse(error(400, "Not a valid URL", code="url_invalid", param="url"))
        if len(self.records.all("webhook_endpoint")) >= 16:
            raise Refuse(error(400, "You have reached the maximum of 16 test webhook endpoints."))
        made = shapes.endpoint(
            id=self.records.id("we"), url=given["url"], enabled_events=values(given["enabled_events"]),
            api_version=given.get("api_version"), created=self.records.now(), description=given.get("description"),
            metadata=dict(given.get("metadata", {})),
        )  # fmt: skip
        self.records.add("webhook_endpoint", made)
        return {**made, "secret": self.events.secret(made)}

    def _update(self, request: Request, given: Record, _version: str) -> Record:
        row = self._must("webhook_endpoint", request)
        if "api_version" in given:
            raise Refuse(
                error(400, "Received unknown parameter: api_version", code="parameter_unknown", param="api_version")
            )
        for name in ("url", "description"):
            row[name] = given.get(name, row[name])
        if "enabled_events" in given:
            row["enabled_events"] = values(given["enabled_events"])
        if "disabled" in given:
            row["status"] = "disabled" if given["disabled"] == "true" else "enabled"
        row["metadata"] = {**row["metadata"], **given.get("metadata", {})}
        return self.records.keep("webhook_endpoint", row)

    def _delete(self, request: Request, _given: Record, _version: str) -> Answer:
        row = self._must("webhook_endpoint", request)
        self.records.env.store.remove("webhook_endpoint", row["id"])
        return json_answer({"id": row["id"], "object": "webhook_endpoint", "deleted": True})

    def _must(self, kind: str, request: Request) -> Record:
        row = self.records.get(kind, request.params["id"])
        if row is None:
            raise missing(kind, request.params["id"])
        return row

    # --- v2 ---------------------------------------------------------------------------------------------------------

    def _destine(self, request: Request, _given: Record, _version: str) -> Answer:
        body = request.json()
        if body.get("type") != "webhook_endpoint" or not body.get("webhook_endpoint", {}).get("url"):
            raise Refuse(error(400, "Only destinations of type webhook_endpoint with a url are known here."))
        moment = self.records.now()
        snapshot = body.get("event_payload") == "snapshot"
        made: dict[str, Any] = {
            "id": self.records.id("we").replace("we_", "ed_", 1), "object": "v2.core.event_destination",
            "amazon_eventbridge": None, "azure_event_grid": None, "created": moment, "updated": moment,
            "description": body.get("description", ""), "enabled_events": list(body["enabled_events"]),
            "event_payload": body["event_payload"], "events_from": body.get("events_from", ["@self"]), "livemode": False,
            "metadata": body.get("metadata", {}), "name": body["name"], "status": "enabled", "status_details": None,
            "snapshot_api_version": (body.get("snapshot_api_version") or self.events.version) if snapshot else None,
            "type": "webhook_endpoint", "webhook_endpoint": {"url": body["webhook_endpoint"]["url"]},
        }  # fmt: skip
        self.records.add("event_destination", made)
        secret = self.events.secret(made)
        return json_answer(self._v2(made, body.get("include", []), secret))

    def _destinations(self, _request: Request, _given: Record, _version: str) -> Answer:
        rows = [self._v2(row) for row in self.records.all("event_destination")]
        return json_answer({"data": rows, "next_page_url": None, "previous_page_url": None})

    def _destination(self, request: Request, given: Record, _version: str) -> Answer:
        return json_answer(self._v2(self._must("event_destination", request), values(given.get("include"))))

    def _undo(self, request: Request, _given: Record, _version: str) -> Answer:
        row = self._must("event_destination", request)
        self.records.env.store.remove("event_destination", row["id"])
        return json_answer({"id": row["id"], "object": "v2.core.event_destination"})

    def _switch(self, status: str) -> Callable[[Request, Record, str], Answer]:
        def work(request: Request, _given: Record, _version: str) -> Answer:
            row = self.records.keep("event_destination", {**self._must("event_destination", request), "status": status})
            return json_answer(self._v2(row))

        return work

    def _thin(self, request: Request, _given: Record, _version: str) -> Answer:
        row = self.records.get("event", request.params["id"])
        if row is None or not self.events.alive(row):
            raise missing("event", request.params["id"])
        return json_answer(self.events.thin(row))

    def _v2(self, row: Record, include: list[str] | None = None, secret: str | None = None) -> Record:
        wanted = include or []
        door = {
            "signing_secret": secret if "webhook_endpoint.signing_secret" in wanted else None,
            "url": row["webhook_endpoint"]["url"] if "webhook_endpoint.url" in wanted else None,
        }
        return {**row, "created": zulu(row["created"]), "updated": zulu(row["updated"]), "webhook_endpoint": door}
