"""The vendor's samples as events: the body of a webhook is the REST answer for the same thing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leja.connectors.contract import Context, RawEvent
from leja.connectors.woocommerce import Settings
from leja.connectors.woocommerce.calls import signed
from leja.connectors.woocommerce.decoding import WHOLE

CONTEXT = Context(settings=Settings(shop="shop"), zone="UTC", base_currency="USD")


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """Orders as ``order.updated``; refunds with the order that they belong to, as the pull hands them on."""
    said = json.loads(body)
    for one in _things(said):
        if "currency" in one and "line_items" in one:
            yield RawEvent(key="k", topic="order.updated", body=json.dumps(one).encode())
        elif "refunded_by" in one:
            yield RawEvent(key="k", topic=WHOLE, body=json.dumps({"order": _order_of(one), "refunds": [one]}).encode(),
                           headers={"leja-read-at": "2026-06-01T09:00:00.000000Z"})  # fmt: skip


def _things(said: Any) -> Iterator[dict[str, Any]]:
    if isinstance(said, list):
        for one in said:
            yield from _things(one)
    elif isinstance(said, dict):
        parts = [part for name in ("create", "update", "delete") for part in said.get(name, []) if isinstance(said.get(name), list)]
        if parts:
            yield from _things(parts)
        else:
            yield said


def _order_of(refund: dict[str, Any]) -> dict[str, Any]:
    """The least order that a refund can belong to: the vendor's samples of refunds do not say theirs."""
    money = dict.fromkeys(("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total_tax"), "0.00")
    line = {"id": 1, "name": "It", "product_id": 1, "variation_id": 0, "quantity": 1, "tax_class": "", "subtotal": refund["amount"],
            "subtotal_tax": "0.00", "total": refund["amount"], "total_tax": "0.00", "taxes": [], "meta_data": [], "sku": "", "price": 1}  # fmt: skip
    return {**money, "id": 723, "number": "723", "status": "completed", "currency": "USD", "total": refund["amount"],
            "date_created_gmt": "2017-03-22T16:28:02", "date_modified_gmt": "2017-03-22T16:28:08", "date_paid_gmt": "2017-03-22T16:28:08",
            "prices_include_tax": False, "payment_method": "bacs", "payment_method_title": "Bank", "transaction_id": "", "line_items": [line],
            "tax_lines": [], "shipping_lines": [], "fee_lines": [], "coupon_lines": [],
            "refunds": [{"id": refund["id"], "reason": refund["reason"], "total": f"-{refund['amount']}"}]}  # fmt: skip


def vectors(folder: Path) -> list[dict[str, Any]]:
    """The webhook, the call over plain http, and every signed delivery that was recorded."""
    file = "examples/signature-vectors.json"
    said = json.loads((folder / file).read_text())
    hook, asked = said["webhook"], said["oauth1_over_http"]
    header = hook["header"].lower()
    found: list[dict[str, Any]] = [
        {"where": f"{file}#webhook", "headers": {header: hook["value"]}, "body": hook["raw_body_utf8"].encode(), "secret": hook["secret"],
         "signed": {header: hook["value"]}},
        {"where": f"{file}#oauth1_over_http", "sign": _call, "expected": asked["oauth_signature"],
         "parts": {**{name: value for name, value in asked["params"].items() if name != "oauth_signature_method"},
                   "method": asked["method"], "url": asked["url"], "secret": asked["consumer_secret"]}},
    ]  # fmt: skip
    for path in sorted((folder / "recorded").glob("[0-9]*.json")):
        one = json.loads(path.read_text())
        headers = {name.lower(): value for name, value in one["headers"]}
        if header in headers:
            found.append({"where": f"recorded/{path.name}#", "headers": headers, "body": one["body_raw"].encode(), "secret": one["secret"],
                          "signed": {header: headers[header]}})  # fmt: skip
    return found


def _call(parts: Mapping[str, str]) -> str:
    """The signature of a call; a time that is no number of seconds cannot be signed and signs nothing."""
    query = {name: value for name, value in parts.items() if not name.startswith("oauth_") and name not in ("method", "url", "secret")}
    if not (parts["oauth_timestamp"].isdecimal() and str(int(parts["oauth_timestamp"])) == parts["oauth_timestamp"]):
        return ""
    at = datetime.fromtimestamp(int(parts["oauth_timestamp"]), UTC)
    made = signed(parts["method"], parts["url"], query, parts["oauth_consumer_key"], parts["secret"], at, parts["oauth_nonce"])
    return made["oauth_signature"]
