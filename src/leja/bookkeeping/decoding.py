"""The decoding process: events in, readings out, over its own standard input and output, until the input ends.

It has no database, no credentials and no state: whatever becomes of it, the events can be read again elsewhere. An event
that cannot be read is answered with None, and the words why are left to whoever records it.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from typing import IO, Any, Final

from leja.bookkeeping.reading import Decode, Reading, Said, attempt
from leja.connectors.contract import Context, RawEvent
from leja.documents.document import from_facts

_LENGTH: Final = struct.Struct(">Q")


def send(to: IO[bytes], message: bytes) -> None:
    """One message, its length before it."""
    to.write(_LENGTH.pack(len(message)))
    to.write(message)
    to.flush()


def receive(source: IO[bytes]) -> bytes | None:
    """The next message; None where the other side has gone."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = source.read(length)
    return message if len(message) == length else None


def asked(decode: Decode, context: Context, events: list[RawEvent]) -> bytes:
    """A question. Raises PicklingError, AttributeError or TypeError where it cannot leave this process."""
    rows = [(e.key, e.topic, e.body, e.headers, e.origin, e.parent) for e in events]
    return pickle.dumps((decode, context, rows), protocol=5)


def answer(question: bytes) -> bytes:
    """What the events of a question say."""
    decode, context, rows = pickle.loads(question)  # noqa: S301  from the process that started this one
    found: list[Any] = []
    for key, topic, body, headers, origin, parent in rows:
        raw = RawEvent(key=key, topic=topic, body=body, headers=headers, origin=origin, parent=parent)
        reading = attempt(raw, context, decode)
        found.append(reading and (
            [(one.facts, one.content, one.party) for one in reading.documents], reading.wanted, reading.ignored,
            reading.unread, reading.ties))
    return pickle.dumps(found, protocol=5)


def answered(message: bytes) -> list[Reading | None]:
    """An answer, read: the documents come back from their canonical bytes."""
    return [row and _reading(*row) for row in pickle.loads(message)]  # noqa: S301  from a process that we started


def _reading(documents: list[tuple[bytes, bytes, Any]], wanted: Any, ignored: str, unread: Any, ties: bool) -> Reading:
    return Reading(
        documents=tuple([Said(document=from_facts(f), facts=f, content=content, party=party) for f, content, party in documents]),
        wanted=wanted, ignored=ignored, unread=unread, ties=ties)


def main() -> None:
    """Answer until the questions end, which they do when the process that asks ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks is interrupted, and closes the input then
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what is printed by mistake must not stand among the answers
        send(answers, b"")
        while (question := receive(sys.stdin.buffer)) is not None:
            send(answers, answer(question))


if __name__ == "__main__":
    main()
