"""What a connector's folder says of its vendor's published material: ``tests/reference.py`` and ``tests/reference.toml``.

``reference.py``, each part where it applies:

``events(name, body)``   the raw events that an example is, () where it is none
``CONTEXT``              what they are decoded with
``answers(name, body)``  what the connector reads in an example that answers a call of its, () where nothing
``vectors(folder)``      a dict per signature vector, as ``Verified`` or ``Made``

``reference.toml``: ``at_least``, the number of examples that are to be there, ``vectors``, that of signature vectors, and
``[no_document]``, file -> why it is no event and no document that the connector reads.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from leja.connectors import registry
from leja.connectors.contract import RawEvent
from leja.core.errors import Refused

from .stages import loaded

SPECS: Final = Path(__file__).resolve().parents[3] / "shared" / "specs"
LONGEST: Final = 500_000


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``reference.toml``."""

    at_least: int
    vectors: int = 0
    no_document: dict[str, str] = {}


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that the connector's webhooks must let in. ``where``: ``file#member.member``. ``signed``: header -> the text
    in it of which no character may be another; all other headers may say what they like."""

    where: str
    headers: Mapping[str, str]
    body: bytes
    secret: str
    signed: Mapping[str, str]
    now: datetime = datetime(2026, 6, 1, tzinfo=UTC)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A signature that the connector makes: ``sign(parts)`` is ``expected``, and another with any other part."""

    where: str
    parts: Mapping[str, str]
    sign: Callable[[Mapping[str, str]], str]
    expected: str


def slugs() -> list[str]:
    """Connectors whose vendor's material is beside the project."""
    return [slug for slug in registry.folders() if (SPECS / slug).is_dir()]


@lru_cache(maxsize=64)
def listed(slug: str) -> Listed:
    """What a connector's list says. AssertionError where it is not there."""
    path = registry.folders()[slug] / "tests" / "reference.toml"
    assert path.exists(), f"{slug}: ../shared/specs/{slug} is there, so tests/reference.toml must be"
    return msgspec.convert(tomllib.loads(path.read_text()), Listed)


@lru_cache(maxsize=64)
def reader(slug: str) -> ModuleType:
    """How a connector's tests read their vendor's material. AssertionError where it is not there."""
    path = registry.folders()[slug] / "tests" / "reference.py"
    assert path.exists(), f"{slug}: ../shared/specs/{slug} is there, so tests/reference.py must be"
    return loaded(path, f"reference_{slug}")


def examples(slug: str) -> dict[str, Path]:
    """Every file under the vendor's examples, by its path below them."""
    place = SPECS / slug / "examples"
    return {path.relative_to(place).as_posix(): path for path in sorted(place.rglob("*")) if path.is_file()}


def read(slug: str, name: str) -> list[object]:
    """What the connector makes of an example: documents, what is wanted, why an event is ignored, what an answer says.

    Raises AssertionError for fields that were left unread, and whatever the connector raises.
    """
    body, how = examples(slug)[name].read_bytes(), reader(slug)
    found: list[object] = []
    for event in getattr(how, "events", lambda *_: ())(name, body):
        decoded = registry.verb(slug, "decode")(event, how.CONTEXT)
        assert decoded.unread == getattr(how, "OUTDATED", {}).get(name, ()), f"{name}: unread {decoded.unread}"
        found += [*decoded.documents, *decoded.wanted, *([decoded.ignored] if decoded.ignored else [])]
    return found + list(getattr(how, "answers", lambda *_: ())(name, body))


def delivered(webhooks: Any, body: bytes) -> Iterator[RawEvent]:
    """The events in a body, read as a delivery; none where it is no delivery."""
    try:
        for one in webhooks.read({}, body):
            yield RawEvent(key=one.key, topic=one.topic, body=one.body)
    except Refused:
        return


def vectors(slug: str) -> list[Verified | Made]:
    """The signature vectors as the connector's tests read them."""
    given = getattr(reader(slug), "vectors", lambda _: ())(SPECS / slug)
    return [Made(**one) if "sign" in one else Verified(**one) for one in given]


def vectors_there(slug: str) -> dict[str, int]:
    """Where signature vectors stand in the vendor's material, and how many signatures each holds."""
    found: dict[str, int] = {}
    for path in sorted((SPECS / slug).rglob("*.json")):
        if path.stat().st_size < LONGEST:
            for place, one in _objects(json.loads(path.read_bytes()), ()):
                if count := _signatures(one):
                    found[f"{path.relative_to(SPECS / slug).as_posix()}#{'.'.join(place)}"] = count
    return found


def _objects(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    if isinstance(value, dict):
        yield place, value
    for name, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _objects(part, (*place, str(name)))


def _signatures(one: dict[str, Any]) -> int:
    """How many: an object with a secret and with headers, or with a signature that goes into an address."""
    secret = any(isinstance(one.get(name), str) for name in ("secret", "consumer_secret", "token_secret"))
    if not secret or not one.get("signature_verified", True):
        return 0
    headers = [name for name in one if name.startswith("header") and name != "header_name"]
    return len(headers) or int(any(name in one for name in ("hmac_param", "oauth_signature")))
