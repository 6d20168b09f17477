"""What planning and drafting must know of the company beside its chart; it travels in ``Chart.edition`` as JSON."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Edition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The version, and the ids of what documents name.

    ``payment_journals``: account of money -> the bank or cash journal whose payments land on it. ``currencies``: ids of those that
    are active.
    """

    major: int = 18
    company: int = 1
    sale_journal: str = ""
    general_journal: str = ""
    payment_journals: Mapping[str, str] = {}
    currencies: Mapping[str, str] = {}


def written(edition: Edition) -> str:
    """The words of ``Chart.edition``; the same edition always gives the same words."""
    return msgspec.json.encode(edition, order="deterministic").decode()


def read(text: str) -> Edition:
    """What the words say."""
    return msgspec.json.decode(text, type=Edition) if text else Edition()
