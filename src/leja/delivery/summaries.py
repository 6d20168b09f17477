"""Groups and their parts: identity is the group plus a part number, and the reference is made from them alone.

The same group gives the same references in every life of the database, so that after a restore what was sent before is
found instead of sent again. A document's group is therefore known by its source's ids, not by ours.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from leja.core.errors import BrokenInvariant

MARK = "LJ"
GROUP_LENGTH = 14
DAILY = "daily/"
PAYOUT = "payout/"
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


def title(group_key: str, days: Sequence[date]) -> str:
    """What a summary is called, for people: of a day and place, or of the payout that settles its sales."""
    if group_key.startswith(PAYOUT):
        number, currency = group_key.removeprefix(PAYOUT).partition("/")[2].rsplit("/", 1)
        when = f"{min(days)}" if len(set(days)) == 1 else f"{min(days)} to {max(days)}"
        return f"Sales of {when} settled by payout {number} {currency}"
    day, _, rest = group_key.removeprefix(DAILY).partition("/")
    location, channel, currency = rest.rsplit("/", 2)
    return f"Sales of {day} {' '.join(filter(None, (channel, location)))} {currency}"
