"""The contract's own examples as a till posts them: its events, and a body of another make through the mapping file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from leja.connectors.contract import Context, RawEvent
from leja.connectors.prysm_pos import Settings
from leja.connectors.prysm_pos.webhook import read

SPECS = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "prysm_pos"
MAPPING = SPECS / "mapping.example.yaml"
CONTEXT = Context(
    settings=Settings(mapping=yaml.safe_load(MAPPING.read_text()) if MAPPING.is_file() else {}), zone="Europe/London", base_currency="GBP"
)


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """One per body that is a till's: what is no JSON object with a type, or of the mapping, is none."""
    said = json.loads(body) if name.endswith(".json") else {}
    if "signed_content_is" in said or not said:
        return
    for one in read({"webhook-id": "evt_1"}, body):
        yield RawEvent(key=one.key, topic=one.topic, body=one.body or body)


def vectors(folder: Path) -> list[dict[str, Any]]:
    """One header, and one with the signature of another secret before ours, which may say what it likes."""
    file = "examples/signature_vector.json"
    said = json.loads((folder / file).read_text())
    found = []
    for headers in (said["headers"], said["headers_during_rotation"]):
        ours = headers["webhook-signature"].split()[-1]
        found.append({
            "where": f"{file}#", "headers": headers, "body": said["body"].encode(), "secret": said["secret"],
            "now": datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC),
            "signed": {"webhook-id": headers["webhook-id"], "webhook-timestamp": headers["webhook-timestamp"], "webhook-signature": ours},
        })  # fmt: skip
    return found
