"""Groups and their parts: identity is the group plus a part number, and the reference is made from them alone.

The same group gives the same references in every life of the database, so that after a restore what was sent before is
found instead of sent again. A document's group is therefore known by its source's ids, not by ours.
"""

from __future__ import annotations

import base64
import hashlib
from uuid import UUID

from leja.core.errors import BrokenInvariant

MARK = "LJ"
GROUP_LENGTH = 14
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def group_mark(org_id: UUID, connection_id: UUID, identity: str) -> str:
    """The 14 characters that all references of a group begin with."""
    told = hashlib.sha256(f"{org_id}\n{connection_id}\n{identity}".encode()).digest()
    return MARK + base64.b32encode(told).decode()[: GROUP_LENGTH - len(MARK)]


def reference(mark: str, part: int) -> str:
    """The reference of a group's part: at most 17 characters of A-Z and 2-7."""
    digits = ""
    left = part
    while left or len(digits) < 2:
        digits = _DIGITS[left % 32] + digits
        left //= 32
    if len(digits) > 3:
        raise BrokenInvariant("summary-parts", f"group {mark} has {part} parts")
    return mark + digits


def part_of(full_reference: str) -> int | None:
    """The part number that a reference bears (a connector's suffix left aside); None if it is not of our making."""
    digits = full_reference.partition("-")[0][GROUP_LENGTH:]
    if not full_reference.startswith(MARK) or not 2 <= len(digits) <= 3 or not all(char in _DIGITS for char in digits):
        return None
    number = 0
    for char in digits:
        number = number * 32 + _DIGITS.index(char)
    return number


def identity(group_key: str, source: str) -> str:
    """What a group is, in words that outlive our ids: ``source`` is "connection/kind/external id" of a document."""
    return f"document/{source}" if group_key.startswith("document/") else group_key
