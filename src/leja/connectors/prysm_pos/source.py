"""Prysm POS as a source: the signed webhook, files through a mapping, and what an event means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from leja.connectors.contract import Context, Decoded, FileShape, RawEvent
from leja.connectors.prysm_pos import Settings, tables
from leja.connectors.prysm_pos.closing import closure_of, withdrawn
from leja.connectors.prysm_pos.figures import unbalanced
from leja.connectors.prysm_pos.mapping import mapped
from leja.connectors.prysm_pos.problems import examined
from leja.connectors.prysm_pos.trade import documents_of
from leja.connectors.prysm_pos.webhook import NATIVE_TOPIC, parsed, webhooks
from leja.connectors.prysm_pos.wire import DATA, PING, DayClose, Kept, Transaction, Void
from leja.core.errors import LejaError, Refused

__all__ = ["decode", "detect", "read_file", "webhooks"]


def detect(sample: bytes, settings: Settings) -> FileShape:
    """How a till's export is written, and which column is which member of the contract. Raises Refused ``file-...``."""
    return tables.detected(sample, settings)


def read_file(chunks: Iterable[bytes], file_name: str, settings: Settings) -> Iterator[RawEvent]:
    """One event per transaction of the export, under the natural key that its webhook has. What is not stated is found."""
    source = iter(chunks)
    head = next(source, b"")
    if not head:
        raise Refused("file-empty", f"the file {file_name} is empty")
    shape = tables.detected(head[: head.rfind(b"\n") + 1] or head, settings)
    stated = {name: getattr(shape, name) for name in ("encoding", "delimiter", "decimal_mark")}
    return tables.events(chain([head], source), msgspec.structs.replace(settings, **stated))


def decode(event: RawEvent, context: Context) -> Decoded:
    """What an event means. Pure; raises Refused ``prysm-contract``, ``prysm-unbalanced``, ``prysm-mapping``, ``json-...``."""
    try:
        return _decode(event, context)
    except LejaError:
        raise
    except (ValueError, OverflowError, ArithmeticError, KeyError, TypeError, AttributeError) as error:
        raise Refused("prysm-value", f"a value of this event is out of any range: {type(error).__name__}") from error


def _decode(event: RawEvent, context: Context) -> Decoded:
    said = parsed(event.body)
    if context.settings is None:
        context = msgspec.structs.replace(context, settings=Settings())
    if event.topic == NATIVE_TOPIC:
        said = mapped(said, context.settings.mapping, context.settings.zone or context.zone)
    found = examined(said, Kept, "$")
    shape = DATA.get(str(said.get("type")))
    if shape is not None and not found.problems:
        found.unknown.clear()
        examined(said["data"], shape, "$.data", found)
    if found.problems:
        told = "; ".join(f"{path} {words}" for path, words in found.problems[:5])
        raise Refused("prysm-contract", f"the event breaks the contract: {told}", remedy="Mend the till, and send it again.")
    if shape is None:
        return Decoded(ignored="a till asked whether it is heard" if said["type"] == PING else "nothing to book")
    data = msgspec.convert(said["data"], shape)
    unread = tuple(path.removeprefix("$.") for path in found.unknown)
    store = str(said["source"]["store_id"])
    if isinstance(data, Void):
        return Decoded(documents=withdrawn(data, store, context), unread=unread)
    if isinstance(data, DayClose):
        return Decoded(documents=(closure_of(data, store, context),), unread=unread)
    assert isinstance(data, Transaction)
    _require_balance(data)
    return Decoded(documents=documents_of(data, store, context), unread=unread)


def _require_balance(transaction: Transaction) -> None:
    if problems := unbalanced(transaction):
        told = "; ".join(f"{path} {words}" for path, words in problems[:5])
        raise Refused(
            "prysm-unbalanced", f"transaction {transaction.sequence_number} of {transaction.business_date}: {told}",
            remedy="Compare it with the till; it is never booked as it stands.",
        )  # fmt: skip
