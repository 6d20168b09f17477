"""The samples of the guide as answers: refusals, a session, documents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from leja.connectors.sap_b1 import Settings
from leja.connectors.sap_b1.documents import remote_document
from leja.connectors.sap_b1.faults import outcome_of
from leja.connectors.sap_b1.login import log_in
from leja.connectors.sap_b1.wire import Document
from leja.http.client import Answer


class Vendor:
    """Answers the one call that is made with what the sample says."""

    def __init__(self, said: dict[str, Any], body: bytes) -> None:
        cookies = ", ".join(said.get("headers", {}).get("Set-Cookie", []))
        self.answer = Answer(said["status"], {"set-cookie": cookies}, body)

    async def send(self, *_: Any, **__: Any) -> Answer:
        return self.answer


def answers(name: str, body: bytes) -> Iterator[object]:
    """What is read in a sample's response."""
    said = json.loads(body)["response"]
    content = json.dumps(said["body"]).encode()
    if said["status"] >= 400:
        yield outcome_of(said["status"], content, "", datetime(2026, 6, 1, tzinfo=UTC))
    elif "SessionId" in said["body"]:
        settings = Settings(company_db="US506", user_name="manager")
        yield asyncio.run(log_in(Vendor(said, content), settings, {"password": "1234"}))  # type: ignore[arg-type]
    else:
        for row in said["body"].get("value", [said["body"]]):
            record = msgspec.json.decode(json.dumps(row).encode(), type=Document)
            yield remote_document("Orders", record, "USD")
