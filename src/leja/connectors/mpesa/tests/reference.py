"""The portal's samples: callbacks as the nudges that they are, the statement row by row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from leja.connectors.contract import Context, RawEvent, Wanted
from leja.connectors.mpesa import Settings
from leja.connectors.mpesa.source import nudges, read_file

SETTINGS = Settings(short_code="600966")
CONTEXT = Context(settings=SETTINGS, zone="Africa/Nairobi", base_currency="KES", duty="payments")


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """A statement has an event a row."""
    if name.endswith(".csv"):
        yield from read_file([body], name, SETTINGS)


def answers(name: str, body: bytes) -> tuple[Wanted, ...]:
    """What a callback says is to be looked for. Raises Refused where it is no call of M-Pesa's."""
    if name.endswith(".csv"):
        return ()
    nudges.admit({}, body, (), datetime(2026, 6, 1, tzinfo=UTC))
    return nudges.read({}, body)
