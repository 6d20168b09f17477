"""JSON lines: one event a line, read by the same code that reads its connector's webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from leja.connectors.contract import RawEvent, Webhooks
from leja.core import strict_json
from leja.core.errors import LejaError, Refused
from leja.http.redaction import kept_headers
from leja.intake.inbox import require_key


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: msgspec.Raw
    topic: str = ""
    headers: Mapping[str, str] = {}
    key: str = ""


_decoder: Final = msgspec.json.Decoder(_Line)
_text: Final = msgspec.json.Decoder(str)


def events(line: bytes, place: str, webhooks: Webhooks | None) -> tuple[RawEvent, ...]:
    """The events of a line. No signature is checked: whoever imports a file vouches for it.

    The key is the stated one, else the one that the connector reads from a webhook with these headers, else ``place``
    (the file and the line). Raises Refused with the reason why the line cannot be read.
    """
    try:
        said = strict_json.decode(line, _decoder)
    except Refused as error:
        if error.code != "json-shape" or webhooks is None:
            raise
        return _bare(line, webhooks, error)
    headers = {name.lower(): value for name, value in said.headers.items()}
    raw = bytes(said.body)
    body = _text.decode(raw).encode() if raw.startswith(b'"') else raw
    kept = kept_headers(headers)
    if said.key:
        return (_event(said.key, _topic(said), body, kept),)
    try:
        read = webhooks.read(headers, body) if webhooks else ()
    except LejaError:
        if not said.topic:
            raise
        read = ()
    if not read:
        return (_event(place, _topic(said), body, kept),)
    return tuple(_event(event.key, said.topic or event.topic, event.body or body, kept) for event in read)


def _bare(line: bytes, webhooks: Webhooks, wrong: Refused) -> tuple[RawEvent, ...]:
    """A line that is the event itself, of a vendor whose events name themselves without headers."""
    try:
        read = webhooks.read({}, line)
    except LejaError:
        raise wrong from None
    return tuple(_event(event.key, event.topic, event.body or line, {}) for event in read)


def _topic(said: _Line) -> str:
    if not said.topic:
        raise Refused("file-line-unreadable", "the line names no topic")
    return said.topic


def _event(key: str, topic: str, body: bytes, headers: Mapping[str, str]) -> RawEvent:
    return RawEvent(key=require_key(key), topic=topic, body=body, headers=headers, origin="file")
