"""Anchors: the chain's head signed with a key that lies outside the database, kept where nobody can rewrite it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from leja.books import chain
from leja.core.errors import Refused
from leja.core.failpoints import failpoint
from leja.database.engine import Connection


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A signed head; one line of an anchor file. All bytes are hexadecimal, the time is ISO 8601 in UTC."""

    org: str
    position: int
    hash: str
    signed_at: str
    key_id: str
    public_key: str
    signature: str

    def message(self) -> bytes:
        """The bytes that are signed."""
        return chain.canonical_json(
            {
                "format": "leja/anchor/1",
                "hash": self.hash,
                "key_id": self.key_id,
                "org": self.org,
                "position": self.position,
                "signed_at": self.signed_at,
            }
        )

    def line(self) -> bytes:
        """The anchor as one line of JSON."""
        return msgspec.json.encode(self) + b"\n"


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The signing key in the file at ``path``, made on first use and readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(Ed25519PrivateKey.generate().private_bytes_raw().hex())
        with suppress(FileExistsError):  # of two that begin at once, the first one's key stays
            os.link(fresh, path)
        fresh.unlink()
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
    except ValueError:
        raise Refused(
            "signing-key-unreadable",
            f"{path} does not hold an ed25519 key in hexadecimal",
            remedy="Restore the file from a backup, or remove it: a new key is made, and old anchors stay valid.",
        ) from None


def anchor(conn: Connection, org_id: UUID, key: Ed25519PrivateKey, now: datetime) -> Anchor:
    """Sign the organisation's head, keep the signature, and return what must be sent out."""
    row = conn.execute("SELECT chain_position, chain_hash FROM head WHERE org_id = %s FOR UPDATE", (org_id,)).fetchone()
    if row is None or not row[0]:
        raise Refused("nothing-to-anchor", "nothing was booked yet, so there is no chain to sign")
    position, head_hash = int(str(row[0])), bytes(row[1])  # type: ignore[call-overload]
    public = key.public_key().public_bytes_raw()
    unsigned = Anchor(
        org=str(org_id),
        position=position,
        hash=head_hash.hex(),
        signed_at=chain.instant_text(now),
        key_id=key_id(public),
        public_key=public.hex(),
        signature="",
    )
    signature = key.sign(unsigned.message())
    conn.execute(
        "INSERT INTO anchor (org_id, position, hash, signed_at, key_id, signature) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (org_id, position, head_hash, now, unsigned.key_id, signature),
    )
    failpoint("closing.before-anchor-commit")
    return msgspec.structs.replace(unsigned, signature=signature.hex())


def key_id(public: bytes) -> str:
    """How a key is named: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(public).hexdigest()[:16]


def read_anchors(lines: Iterable[str | bytes], org_id: UUID, *, trusted: Iterable[str] = ()) -> list[Anchor]:
    """The organisation's anchors of a file, in the order of their positions, signatures checked.

    ``trusted``: key ids that may have signed; empty trusts the file. Raises Refused ``anchor-unreadable``,
    ``anchor-signature`` or ``anchor-of-another``.
    """
    found, keys = [], set(trusted)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            read = msgspec.json.decode(line, type=Anchor)
            good = _signed(read)
        except (msgspec.DecodeError, ValueError):
            raise Refused("anchor-unreadable", f"line {number} of the anchor file is not an anchor") from None
        if not good or (keys and read.key_id not in keys):
            raise Refused(
                "anchor-signature",
                f"line {number} of the anchor file is not signed by the key it names",
                remedy="Use the anchor file as it was sent out, not a copy that was edited.",
            )
        if read.org == str(org_id):
            found.append(read)
    if not found:
        raise Refused("anchor-of-another", f"the anchor file holds no anchor of organisation {org_id}")
    return sorted(found, key=lambda read: read.position)


def _signed(read: Anchor) -> bool:
    public = bytes.fromhex(read.public_key)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(read.signature), read.message())
    except InvalidSignature:
        return False
    return read.key_id == key_id(public)
