"""The vault: secrets sealed with AES-GCM under a key that lies in a file outside the database.

The file holds one key per line, ``<key id> <base64 of 32 bytes>``; the last line is the current key, the others open
what was sealed before. What is sealed is bound to its place (organisation, connection, name), so that a sealed secret
copied to another row does not open there.

    vault = Vault.open_file(path)                     # made, for the owner alone, if it is not there
    sealed = vault.seal(b"...", place("token", org_id, connection_id))
    vault.open(sealed, place("token", org_id, connection_id))
    Vault.rotate(path)                                # a new current key; then reseal
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leja.core.errors import Refused

_VERSION: Final = b"\x01"
_KEY: Final = 32
_NONCE: Final = 12


def place(*parts: object) -> bytes:
    """What a sealed secret is bound to. Parts are length-prefixed, so that no two places are written alike."""
    texts = [str(part).encode() for part in parts]
    return b"".join(len(text).to_bytes(4, "big") + text for text in texts)


class Vault:
    """Keys by id; ``current`` seals, all of them open."""

    def __init__(self, keys: dict[str, bytes], current: str) -> None:
        self._keys = keys
        self.current = current

    @classmethod
    def open_file(cls, path: Path) -> Vault:
        """The vault of a key file. A file that others may read is refused; one that is missing is made."""
        if not path.exists():
            _write(path, [_fresh()], new=True)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Refused(
                "vault-file-open", f"{path} may be read by others than its owner", remedy=f"Run: chmod 600 {path}"
            )
        return cls(*_read(path))

    @staticmethod
    def rotate(path: Path) -> Vault:
        """Adds a new current key to the file; what was sealed before still opens."""
        Vault.open_file(path)
        lines = path.read_text(encoding="ascii").splitlines()
        _write(path, [*lines, _fresh()], new=False)
        return Vault.open_file(path)

    def seal(self, plain: bytes, where: bytes) -> bytes:
        """The sealed bytes: version, key id, nonce, ciphertext."""
        nonce = os.urandom(_NONCE)
        key_id = self.current.encode()
        head = _VERSION + bytes([len(key_id)]) + key_id
        return head + nonce + AESGCM(self._keys[self.current]).encrypt(nonce, plain, head + where)

    def open(self, sealed: bytes, where: bytes) -> bytes:
        """The plain bytes. Raises Refused ``vault-key-missing`` or ``vault-broken``."""
        key_id, body = _taken_apart(sealed)
        key = self._keys.get(key_id)
        if key is None:
            raise Refused(
                "vault-key-missing", f"the key {key_id!r} that sealed this is not in the key file",
                remedy="Bring back the key file that belongs to this database.",
            )
        head = sealed[: len(sealed) - len(body)]
        try:
            return AESGCM(key).decrypt(body[:_NONCE], body[_NONCE:], head + where)
        except InvalidTag:
            raise Refused("vault-broken", "a sealed secret was changed, or moved from its place") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the current key sealed it."""
        return _taken_apart(sealed)[0] == self.current


def _taken_apart(sealed: bytes) -> tuple[str, bytes]:
    if len(sealed) < 2 or sealed[:1] != _VERSION or len(sealed) < 2 + sealed[1] + _NONCE:
        raise Refused("vault-broken", "this is no sealed secret")
    end = 2 + sealed[1]
    return sealed[2:end].decode("ascii", "replace"), sealed[end:]


def _fresh() -> str:
    return f"{secrets.token_hex(4)} {base64.b64encode(os.urandom(_KEY)).decode()}"


def _read(path: Path) -> tuple[dict[str, bytes], str]:
    keys: dict[str, bytes] = {}
    current = ""
    for line in path.read_text(encoding="ascii").splitlines():
        if not line.strip():
            continue
        current, _, text = line.strip().partition(" ")
        try:
            keys[current] = base64.b64decode(text, validate=True)
        except binascii.Error:
            keys[current] = b""
        if len(keys[current]) != _KEY:
            raise Refused("vault-file-broken", f"{path} holds a line that is no key of {_KEY} bytes")
    if not keys:
        raise Refused("vault-file-broken", f"{path} holds no key")
    return keys, current


def _write(path: Path, lines: list[str], *, new: bool) -> None:
    """Written beside and moved into place, so that a crash leaves the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            # Two processes that start at once must end with one key: the first link wins.
            try:
                os.link(beside, path)
            except FileExistsError:
                return
        else:
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
