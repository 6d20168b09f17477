"""What planning and drafting must know of the account beside its chart; it travels in ``Chart.edition`` as plain words.

``subsidiary=1 GBP=1 EUR=3 department=4``: internal ids, of the active currencies by their ISO codes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

_WORDS: Final = ("subsidiary", "department", "class_id", "location", "tax_schedule", "supplier")


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """The account's ways."""

    subsidiary: str = ""
    department: str = ""
    class_id: str = ""
    location: str = ""
    tax_schedule: str = ""
    supplier: str = ""
    currencies: Mapping[str, str] = {}


def written(edition: Edition) -> str:
    """The words of ``Chart.edition``."""
    pairs = [(name, getattr(edition, name)) for name in _WORDS] + sorted(edition.currencies.items())
    return " ".join(f"{name}={value}" for name, value in pairs if value)


def read(text: str) -> Edition:
    """What the words say."""
    pairs = dict(word.split("=", 1) for word in text.split() if "=" in word)
    words = {name: pairs.pop(name) for name in _WORDS if name in pairs}
    return Edition(**words, currencies=pairs)
