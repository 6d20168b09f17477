"""What every connector must keep, whoever wrote it. Each check takes a slug; ``test_conformance`` runs it for all.

A connector with webhooks brings ``tests/signing.py`` with ``headers(body, secret) -> dict``: how its vendor signs.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from leja.connectors import registry
from leja.connectors.contract import Connector, Context, Decoded, OAuth, RawEvent, Webhooks
from leja.core.errors import LejaError, Refused
from leja.documents.document import facts, from_facts

from . import samples

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ASYNC = ("subscribe", "poll", "plan", "backfill", "fetch", "ids", "day_totals", "chart", "deliver", "find", "read_back",
         "changed", "balances", "dated")
PURE = ("decode", "read_file", "detect", "handshake", "steps", "draft")


def of(slug: str) -> list[dict[str, Any]]:
    """The samples of one connector."""
    return [json.loads(path.read_text()) for name, path in samples.found() if name == slug]


def declares_itself(slug: str) -> None:
    """The declaration is whole: slug, roles, secret settings, placeholders that are settings."""
    connector = registry.connector(slug)
    assert isinstance(connector, Connector)
    assert connector.slug == slug
    assert connector.roles
    fields = {field.name: field for field in msgspec.structs.fields(connector.settings)}
    for name, field in fields.items():
        if any(part in name for part in ("secret", "token", "password", "api_key")):
            assert _secret(field.type), f"{slug}.{name} must be marked as secret"
    if connector.ids_reach_unless:
        assert fields[connector.ids_reach_unless].type is bool, f"{slug}: {connector.ids_reach_unless} lifts nothing"
        assert connector.ids_reach is not None
    places = [connector.base_url, *connector.hosts]
    if isinstance(connector.auth, OAuth):
        places += [connector.auth.authorize_url, connector.auth.token_url]
    for place in places:
        for name in _placeholders(place):
            assert name in fields, f"{slug}: {{{name}}} is no setting"


def _secret(kind: Any) -> bool:
    info = msgspec.inspect.type_info(kind)
    return isinstance(info, msgspec.inspect.Metadata) and bool((info.extra or {}).get("secret"))


def _placeholders(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]


def claims_what_it_has(slug: str) -> None:
    """Verbs of I/O are async, pure verbs are not; a sales source can be decoded and asked."""
    found = registry.capabilities(slug)
    assert found
    for name in found:
        verb = registry.verb(slug, name)
        if name in ASYNC:
            assert inspect.iscoroutinefunction(verb), f"{slug}.{name} must be async"
        if name in PURE:
            assert not inspect.iscoroutinefunction(verb), f"{slug}.{name} must be pure"
    if "sales" in registry.connector(slug).roles and "poll" in found:
        assert {"decode", "fetch", "ids"} <= found


def signing(slug: str) -> Any:
    """How the vendor signs, from the connector's own tests."""
    path = registry.folders()[slug] / "tests" / "signing.py"
    assert path.exists(), f"{slug} has webhooks and must bring tests/signing.py"
    spec = importlib.util.spec_from_file_location(f"signing_{slug}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.headers


def verifies_every_byte(slug: str) -> None:
    """Good with any valid secret; refused with any changed byte, a cut or longer body, no or another signature."""
    webhooks: Webhooks = registry.verb(slug, "webhooks")
    body = b'{"id":1,"amount":"10.00"}'
    headers = signing(slug)(body, "right")
    for secrets in (("right",), ("other", "right"), ("right", "other")):
        webhooks.verify(headers, body, secrets, NOW)
    wrong: list[tuple[dict[str, str], bytes, tuple[str, ...]]] = [
        (headers, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :], ("right",)) for place in range(len(body))
    ]
    wrong += [(headers, body[:-1], ("right",)), (headers, body + b"\n", ("right",)), (headers, b"", ("right",))]
    wrong += [(headers, body, ("other",)), (headers, body, ()), (headers, body, ("",)), ({}, body, ("right",))]
    wrong += [(signing(slug)(body, ""), body, ("",))]
    for name, value in headers.items():
        if any(part in name for part in ("hmac", "signature", "sign")):
            wrong += [({**headers, name: other}, body, ("right",)) for other in (value[:-2] + "xx", "")]
    for given, message, secrets in wrong:
        with pytest.raises(Refused):
            webhooks.verify(given, message, secrets, NOW)


def decodes_the_same_twice(slug: str) -> None:
    """The same event gives the same documents, and they survive being stored."""
    for sample in of(slug):
        assert samples.outcome(slug, sample) == samples.outcome(slug, sample)
        try:
            decoded = registry.verb(slug, "decode")(samples.event_of(sample), samples.context_of(slug, sample))
        except LejaError:
            continue
        for document in decoded.documents:
            assert from_facts(facts(document)) == document
            assert list(_floats(msgspec.to_builtins(document, builtin_types=(Decimal, datetime)))) == []


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _floats(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _floats(part)


def never_breaks(slug: str, rounds: int = 150) -> None:
    """Whatever arrives, decoding ends in Decoded or in an error of ours."""
    chance = random.Random(f"{slug}-1")
    for sample in of(slug):
        event, context = samples.event_of(sample), samples.context_of(slug, sample)
        for body in _spoilt(event.body, chance, rounds):
            _decodes_or_refuses(slug, msgspec.structs.replace(event, body=body), context)
    for topic in ("", "x" * 10_000, "orders/create\n", "\ud83d\ude00"):
        _decodes_or_refuses(slug, RawEvent(key="k", topic=topic, body=b"{}"), Context(settings=None, zone="UTC"))


def _decodes_or_refuses(slug: str, event: RawEvent, context: Context) -> None:
    try:
        decoded = registry.verb(slug, "decode")(event, context)
    except LejaError as error:
        leaks = len(event.body) >= 40 and event.body.decode("utf-8", "replace") in str(error)
        if leaks or not error.code:
            raise AssertionError(f"{slug}: an error without a code, or with the raw body in it: {error!r}") from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{slug}: {said} on {event.topic} {event.body[:400]!r}") from error
    else:
        assert isinstance(decoded, Decoded)


SPOILERS: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1.5, "", "NaN", "1e5", "9" * 40, "-0.001", [], {}, [None], {"a": 1},
    "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+14:00", "\u0000", "gid://shopify/Order/",
)


def _spoilt(body: bytes, chance: random.Random, rounds: int) -> Iterator[bytes]:
    for _ in range(rounds // 5):
        yield body[: chance.randrange(len(body) or 1)]
        place = chance.randrange(len(body) or 1)
        yield body[:place] + bytes([chance.randrange(256)]) + body[place + 1 :]
    yield from (b"", b"null", b"[]", b'"x"', b"[" * 5000, b"{" * 9, b"\xff\xfe", b'{"id":1,"id":2}', b"\x00" * 99)
    yield b"1e999"
    try:
        whole = json.loads(body)
    except ValueError:
        return
    for _ in range(rounds):
        yield json.dumps(_swapped(whole, chance)).encode()


def _swapped(value: Any, chance: random.Random) -> Any:
    """A copy in which one member, anywhere, was dropped, doubled or replaced."""
    copied = json.loads(json.dumps(value))
    places = list(_places(copied))
    if not places:
        return chance.choice(SPOILERS)
    holder, name = chance.choice(places)
    what = chance.randrange(6)
    if what == 0:
        del holder[name]
    elif what == 1 and isinstance(holder, list):
        holder.append(holder[name])
    else:
        holder[name] = chance.choice(SPOILERS)
    return copied


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    names = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else ()
    for name in names:
        yield value, name
        yield from _places(value[name])
