"""The vendor's samples as events: the body of a webhook is the REST resource without its outer key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from leja.connectors.contract import Context, RawEvent
from leja.http.signatures import signed

CONTEXT = Context(settings=None, zone="America/New_York", base_currency="USD")
TOPICS = {
    "order": "orders/updated", "orders": "orders/updated", "refund": "refunds/create", "refunds": "refunds/create",
    "transaction": "order_transactions/create", "transactions": "order_transactions/create",
}  # fmt: skip


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """One per thing that the file holds, where there is a topic for such things."""
    if not name.endswith(".json"):
        return
    for outer, content in json.loads(body).items():
        for one in content if isinstance(content, list) else [content]:
            if outer in TOPICS:
                yield RawEvent(key="k", topic=TOPICS[outer], body=json.dumps(one).encode())


def vectors(folder: Path) -> list[dict[str, Any]]:
    """The webhook, and the return from the consent screen, which is signed with the same function."""
    file = "examples/signature-vectors.json"
    said = json.loads((folder / file).read_text())
    hook, back = said["webhook"], said["oauth_callback"]
    header = hook["header"].lower()
    return [
        {"where": f"{file}#webhook", "headers": {header: hook["value"]}, "body": hook["raw_body_utf8"].encode(), "secret": hook["secret"],
         "signed": {header: hook["value"]}},
        {"where": f"{file}#oauth_callback", "parts": {**back["params"], "secret": back["secret"]}, "sign": _returned, "expected": back["hmac_param"]},
    ]  # fmt: skip


def _returned(parts: Mapping[str, str]) -> str:
    text = "&".join(f"{name}={parts[name]}" for name in sorted(parts) if name != "secret")
    return signed(parts["secret"], text.encode(), encoding="hex")
