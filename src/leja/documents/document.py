"""Any document, its canonical bytes and its digest."""

from __future__ import annotations

import hashlib

import msgspec

from leja.documents.closure import Closure
from leja.documents.dispute import Dispute
from leja.documents.fee import Fee
from leja.documents.fulfilment import Fulfilment
from leja.documents.header import Kind
from leja.documents.invoice import Invoice
from leja.documents.payment import Payment
from leja.documents.payout import Payout
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.documents.stock_move import StockMove

Document = Sale | Fulfilment | Refund | Payment | Payout | Invoice | Fee | StockMove | Closure | Dispute

_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="string")
_decoder: msgspec.json.Decoder[Document] = msgspec.json.Decoder(Document)


def kind_of(document: Document) -> Kind:
    """The document's kind, as it is stored."""
    return document.__struct_config__.tag  # type: ignore[return-value]


def facts(document: Document) -> bytes:
    """The document as canonical JSON: the same document always gives the same bytes."""
    return _encoder.encode(document)


def from_facts(stored: bytes) -> Document:
    """The document back from its canonical JSON."""
    return _decoder.decode(stored)


def digest(document: Document) -> bytes:
    """SHA-256 over what the document says, its version apart: tells whether two versions differ in content."""
    return content_digest(facts(document), document.header.version)


def content_digest(stored: bytes, version: str) -> bytes:
    """The digest of a document from its canonical JSON, in which the version is blotted out.

    The header stands first, and no quoted text can look like a key: the first such key is the header's.
    """
    before, _, after = stored.partition(b',"version":' + _encoder.encode(version))
    return hashlib.sha256(before + b',"version":""' + after).digest()
