"""Samples of every connector: ``samples/NAME.json`` says what came in, ``NAME.expected.json`` what it means.

A sample: ``{"why", "event": {"topic", "headers", "body"}, "context": {"zone", "base_currency", "locations",
"settings"}}``. Expected: ``{"documents", "wanted", "ignored", "unread", "ties"}`` without its empty members, or
``{"refused": code}``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from leja.connectors import registry
from leja.connectors.contract import Context, Decoded, Location, RawEvent
from leja.core.errors import LejaError
from leja.documents.document import facts


def found() -> list[tuple[str, Path]]:
    """Every sample of every connector."""
    return [
        (slug, path)
        for slug, folder in registry.folders().items()
        for path in sorted((folder / "samples").glob("*.json"))
        if not path.name.endswith(".expected.json") and (path.parent / f"{path.stem}.expected.json").exists()
    ]


def lonely() -> list[str]:
    """Samples without an expectation and expectations without a sample."""
    odd = []
    for folder in registry.folders().values():
        names = {path.name for path in (folder / "samples").glob("*.json")}
        plain = {name.removesuffix(".json") for name in names if not name.endswith(".expected.json")}
        expected = {name.removesuffix(".expected.json") for name in names if name.endswith(".expected.json")}
        odd += sorted(plain ^ expected)
    return odd


def event_of(sample: dict[str, Any]) -> RawEvent:
    """The raw event of a sample."""
    given = sample["event"]
    body = given["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body, separators=(",", ":")).encode()
    return RawEvent(key="sample", topic=given["topic"], body=raw, headers=given.get("headers", {}))


def context_of(slug: str, sample: dict[str, Any]) -> Context:
    """The context of a sample."""
    given = dict(sample.get("context", {}))
    places = [msgspec.convert(one, Location) for one in given.pop("locations", [])]
    settings = given.pop("settings", None)
    shape = registry.connector(slug).settings
    return Context(
        zone=given.pop("zone", "UTC"),
        locations={one.external_id: one for one in places},
        settings=msgspec.convert(settings, shape) if settings is not None else None,
        **given,
    )


def meaning(decoded: Decoded) -> dict[str, Any]:
    """What was decoded, as plain data without its empty members."""
    whole = {
        "documents": [json.loads(facts(document)) for document in decoded.documents],
        "wanted": [msgspec.to_builtins(one) for one in decoded.wanted],
        "ignored": decoded.ignored,
        "unread": list(decoded.unread),
        "ties": decoded.ties,
    }
    return {name: value for name, value in whole.items() if value or name == "ties"}


def outcome(slug: str, sample: dict[str, Any]) -> dict[str, Any]:
    """What the connector makes of a sample."""
    try:
        return meaning(registry.verb(slug, "decode")(event_of(sample), context_of(slug, sample)))
    except LejaError as error:
        return {"refused": error.code}
