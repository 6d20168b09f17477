"""What M-Pesa tells the shop unasked: validation, confirmation, the result of a push, and results of asynchronous requests.

None of it is signed and none of it is repeated: a call that fails is gone. Shapes are those of the portal's samples.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from leja.connectors.mpesa.stand_in_wallet import Row, Shop, local, shillings
from leja_sandbox.kit import Environment, Manner, WebhookQueue

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_HEADERS: Final = {"Content-Type": "application/json"}
VALIDATION_SECONDS: Final = 8
Ask = Callable[[str, bytes], Mapping[str, Any] | None]


class Calls:
    """Queues the calls inside the transaction that moves the money; ``ask`` fetches the answer to a validation."""

    def __init__(self, env: Environment, shop: Shop) -> None:
        self._env, self._shop, self._store = env, shop, env.store
        self.queue = WebhookQueue(env, retry_gaps=(), timeout=5.0)
        self.ask: Ask = ask

    @property
    def urls(self) -> dict[str, str]:
        """``confirmation``, ``validation`` and ``default`` as registered; empty where nothing is."""
        return dict(self._store.get("urls", "registered") or {})

    def confirm(self, row: Row, manner: Manner = "normal", delay: float = 0.0) -> None:
        """Tells the confirmation address of a payment; where none is registered nobody is told."""
        self._tell("c2b.confirmation", self.urls.get("confirmation", ""), self.paid(row), manner, delay)

    def valid(self, row: Row) -> bool:
        """Whether the shop takes the payment; on silence what it registered as its default decides."""
        urls = self.urls
        if not urls.get("validation"):
            return True
        answer = self.ask(urls["validation"], _ENCODER.encode({**self.paid(row), "OrgAccountBalance": ""}))
        if answer is None:
            return urls["default"] == "Completed"
        return str(answer.get("ResultCode", "")) == "0"

    def pushed(self, push: Mapping[str, Any], row: Row | None, manner: Manner = "normal", delay: float = 0.0) -> None:
        """Tells the outcome of an STK push to the address that its request gave."""
        told: dict[str, Any] = {
            "MerchantRequestID": push["merchant"], "CheckoutRequestID": push["checkout"],
            "ResultCode": _number(push["code"]), "ResultDesc": push["words"],
        }  # fmt: skip
        if row is not None:
            items = [
                ("Amount", Decimal(shillings(row["minor"]))), ("MpesaReceiptNumber", row["receipt"]),
                ("TransactionDate", int(stamp(row["completed"]))), ("PhoneNumber", int(row["msisdn"])),
            ]  # fmt: skip
            told["CallbackMetadata"] = {"Item": [{"Name": name, "Value": value} for name, value in items]}
        self._tell("stk", push["callback"], {"Body": {"stkCallback": told}}, manner, delay)

    def result(self, what: str, url: str, body: Mapping[str, Any]) -> None:
        """Tells the result of a reversal, a status query or a balance query."""
        self._tell(what, url, {"Result": body}, "normal", 0.0)

    def paid(self, row: Row) -> dict[str, str]:
        """The body of a confirmation."""
        return {
            "TransactionType": "Pay Bill" if self._shop.kind == "paybill" else "Buy Goods",
            "TransID": row["receipt"], "TransTime": stamp(row["completed"]), "TransAmount": shillings(row["minor"]),
            "BusinessShortCode": self._shop.shortcode, "BillRefNumber": row["account"], "InvoiceNumber": "",
            "OrgAccountBalance": shillings(row["balance"]), "ThirdPartyTransID": "",
            "MSISDN": f"{row['msisdn'][:4]} ***** {row['msisdn'][-3:]}", "FirstName": row["first"],
            "MiddleName": row["middle"], "LastName": row["last"],
        }  # fmt: skip

    def _tell(self, topic: str, url: str, body: Mapping[str, Any], manner: Manner, delay: float) -> None:
        if url:
            self.queue.enqueue("app", topic, url, _HEADERS, _ENCODER.encode(body), manner=manner, delay=delay)


def ask(url: str, body: bytes) -> Mapping[str, Any] | None:
    """The answer of a validation address, or None where none came within the vendor's eight seconds."""
    request = Request(url, body, dict(_HEADERS), method="POST")  # noqa: S310
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=VALIDATION_SECONDS) as answer:
            found = json.loads(answer.read())
    except (URLError, TimeoutError, ValueError, ConnectionError):
        return None
    return found if isinstance(found, dict) else None


def stamp(instant: str) -> str:
    """``YYYYMMDDHHMMSS`` in East Africa Time, without a zone."""
    return f"{local(instant):%Y%m%d%H%M%S}"


def _number(code: int | str) -> int | str:
    return int(code) if str(code).isdecimal() else code
