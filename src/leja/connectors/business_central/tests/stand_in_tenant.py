"""A sandbox that serves one company of Business Central, for the tests of the stand-in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from leja.connectors.business_central.stand_in import STAND_IN
from leja_sandbox.kit import SimulatedClock
from leja_sandbox.server import SandboxServer

SPECS = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "business_central"
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


class Tenant:
    """The company behind its API; calls carry a good token and English error texts."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SimulatedClock(START)
        self.sandbox = SandboxServer(
            data_dir=settings.pop("_path", None), specs={"business_central": STAND_IN}, clock=self.clock, own_ports=True,
            settings={"business_central": settings},
        ).start()  # fmt: skip
        self.stand_in = self.sandbox.stand_in("business_central")
        self.url = self.sandbox.root_url("business_central")
        self.granted = self.control("grant")
        place = f"/v2.0/{self.granted['tenant']}/{self.granted['environment']}/api/v2.0"
        self.root, self.company = place, f"{place}/companies({self.granted['company']})"
        self.http = httpx2.Client(base_url=self.url, trust_env=False)

    def stop(self) -> None:
        self.http.close()
        self.sandbox.stop()

    def control(self, name: str, **arguments: Any) -> Any:
        return self.stand_in.control.call(name, **arguments)

    def call(self, method: str, path: str, body: Any = None, headers: Any = None, **query: str) -> httpx2.Response:
        """One call; ``path`` below the company unless it begins with a slash."""
        every = {
            "Authorization": f"Bearer {self.granted['access_token']}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        content = json.dumps(body).encode() if body is not None else None
        where = path if path.startswith("/") else f"{self.company}/{path}"
        return self.http.request(method, where, headers=every, content=content, params=query)

    def get(self, path: str, **query: str) -> Any:
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, path: str, body: Any) -> Any:
        answer = self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def act(self, path: str, action: str) -> httpx2.Response:
        return self.call("POST", f"{path}/Microsoft.NAV.{action}")

    def account(self, number: str) -> str:
        return str(self.get("accounts", **{"$filter": f"number eq '{number}'"})["value"][0]["id"])

    def customer(self, **body: Any) -> Any:
        return self.make("customers", {"displayName": "Elm Street Stores", **body})

    def invoice(self, *prices: str | float, customer: str = "", **body: Any) -> Any:
        """A draft with one line on the sales account for each price."""
        number = customer or self.customer()["number"]
        lines = [
            {"lineType": "Account", "lineObjectNumber": "40100", "quantity": 1, "unitPrice": price} for price in prices
        ]
        return self.make("salesInvoices", {"customerNumber": number, "salesInvoiceLines": lines, **body})

    def total(self, account: str, origin: str = "api") -> int:
        return sum(row["minor"] for row in self.control("books", origin=origin) if row["account"] == account)


def problem(answer: httpx2.Response, status: int = 400) -> tuple[str, str]:
    """Code and words of a refusal, without the correlation id."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    words, mark, correlation = error["message"].partition("  CorrelationId:  ")
    assert mark
    assert len(correlation) == 37
    return error["code"], words
