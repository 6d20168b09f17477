"""The vendor's samples: objects as an answer brings them, and events in their envelope."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leja.connectors.contract import Context, RawEvent
from leja.connectors.stripe import Settings
from leja.connectors.stripe.webhook import read

CONTEXT = Context(settings=Settings(test_mode=True), zone="Europe/London", base_currency="GBP")
# The fixture of July 2026 still shows it; the client of 2026-10-28 no longer knows it.
OUTDATED = {"invoice.json": ("subscription",)}


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """An event as its webhook is read, or an object as one that was fetched."""
    said = json.loads(body)
    kind = said.get("object", "")
    if kind == "event":
        said.pop("_note", None)
        content = json.dumps(said).encode()
        for one in read({}, content):
            yield RawEvent(key=one.key, topic=one.topic, body=one.body or content)
    elif kind:
        answer = {"object": {}, "movement": said} if kind == "balance_transaction" else {"object": said}
        content = json.dumps({"seen": "2026-06-01T09:00:00.000000Z", **answer}).encode()
        yield RawEvent(key="k", topic=f"object/{kind}", body=content, origin="fetch")


def vectors(folder: Path) -> list[dict[str, Any]]:
    """One header, and one with the signature of another secret before ours, which may say what it likes."""
    file = "examples/signature_vector.json"
    said = json.loads((folder / file).read_text())
    ours = said["header"].partition(",")[2]
    spare = {"where": f"{file}#", "body": said["body"].encode(), "secret": said["secret"],
             "now": datetime.fromtimestamp(int(said["header"].partition(",")[0].removeprefix("t=")), UTC)}  # fmt: skip
    header = said["header_name"].lower()
    return [
        {**spare, "headers": {header: said["header"]}, "signed": {header: said["header"]}},
        {**spare, "headers": {header: said["header_during_rotation"]}, "signed": {header: ours}},
    ]
