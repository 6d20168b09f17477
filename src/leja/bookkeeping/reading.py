"""What an event says: its documents with their canonical bytes and the party apart. Nothing here knows the database.

The bytes are written once; they serve for storing, for the digest, and for the way from the decoding process.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from leja.connectors.contract import Context, Decoded, RawEvent, Wanted
from leja.documents.document import Document, content_digest, facts
from leja.documents.parts import Party
from leja.documents.payment import Payment

Decode = Callable[[RawEvent, Context], Decoded]


class Said(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document without its party, its canonical bytes and the digest of its content; the party beside it."""

    document: Document
    facts: bytes
    content: bytes
    party: Party | None


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a connector makes of an event, as its ``Decoded``, every document taken apart."""

    documents: tuple[Said, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    ignored: str = ""
    unread: tuple[str, ...] = ()
    ties: bool = True


def said(document: Document) -> Said:
    """A document taken apart and written down."""
    party = getattr(document, "customer", None)
    if party is not None:
        who = {"identified": True} if isinstance(document, Payment) else {}
        document = msgspec.structs.replace(document, customer=None, **who)  # type: ignore[type-var]
    stored = facts(document)
    return Said(document=document, facts=stored, content=content_digest(stored, document.header.version), party=party)


def read(raw: RawEvent, context: Context, decode: Decode) -> Reading:
    """An event read. Raises what ``decode`` raises."""
    decoded = decode(raw, context)
    return Reading(documents=tuple([said(document) for document in decoded.documents]), wanted=decoded.wanted,
                   ignored=decoded.ignored, unread=decoded.unread, ties=decoded.ties)


def attempt(raw: RawEvent, context: Context, decode: Decode) -> Reading | None:
    """An event read, or None where that raises: whoever records it reads it again and hears why."""
    try:
        return read(raw, context, decode)
    except Exception:
        return None
