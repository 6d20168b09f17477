"""What a connector's folder says of how its source trades in a business that uses all of them: ``TRADE`` in ``tests/stage.py``.

``TRADE`` is a dict, or a list of them where a platform plays several parts; what it does not say is as ``SOURCE`` says it. A
folder that has neither plays no source. Found by presence: no slug is named here.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from leja.connectors import registry
from tests.connectors.stages import Doing, loaded

Manner = Literal["normal", "twice", "stale", "late", "lost"]
MANNERS: tuple[Manner, ...] = ("normal", "twice", "stale", "late", "lost")


class Paid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale of this source that another system is paid for. ``role``: the clearing account on which they meet; ``minor``:
    what the sale comes to; ``arguments`` of ``sell``, in which ``{reference}`` stands for the payment's name over there."""

    role: str
    minor: int
    arguments: dict[str, Any]


class Takes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this processor is paid: the action, its argument for the amount (in minor or whole ``unit``), the field of the answer
    that shops note as ``reference``."""

    role: str
    action: str
    amount: str
    reference: str
    unit: Literal["minor", "whole"] = "minor"
    arguments: dict[str, Any] = {}


class Trade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One connection of a source in the business. The fields of ``SourceStage``, and

    ``name``: of the connection and of its stand-in. ``duty``: sales, or payments (others record the sales). ``manners``: how its
    webhooks may come; none: it sends none. ``door``: the action that is told the address of the webhook door, where the
    platform knows no subscribing. ``paid``, ``takes``: see there. ``settle``: what pays out at the end. ``day``: the field of the
    answer of ``sell`` that names the business day; ``close``: what ends such a day, ``again``: what sends it once more, after a
    restore (their ``of`` takes it). ``statement``: the action that gives
    a file of the whole time, with the arguments ``first`` and ``last``. ``dismiss``: codes of review items that the statement
    has answered. ``clears``: clearing accounts that are at zero after all was paid out. ``taxed``: its own names of the
    standard rate (20 %), beside VAT; it sells nothing at other rates.
    """

    slug: str
    name: str = ""
    duty: Literal["sales", "payments"] = "sales"
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    granted: dict[str, str] = {}
    tenant: str = ""
    stand_in: dict[str, Any] = {}
    roles: list[str] = []
    sell: str = ""
    sales: list[dict[str, Any]] = []
    id: str = "id"
    refund: Doing | None = None
    touch: Doing | None = None
    edit: Doing | None = None
    delete: Doing | None = None
    manners: tuple[Manner, ...] = ()
    door: Doing | None = None
    paid: list[Paid] = []
    takes: Takes | None = None
    settle: list[Doing] = []
    day: str = ""
    close: list[Doing] = []
    again: list[Doing] = []
    statement: str = ""
    dismiss: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    taxed: tuple[str, ...] = ()


def trades(without: set[str]) -> list[Trade]:
    """The parts of every source that is present, those platforms left out."""
    found: list[Trade] = []
    for slug, folder in sorted(registry.folders().items()):
        path = folder / "tests" / "stage.py"
        if slug in without or not path.exists():
            continue
        module = loaded(path, f"trade_{slug}")
        source, told = getattr(module, "SOURCE", None), getattr(module, "TRADE", {} if hasattr(module, "SOURCE") else None)
        parts = [] if told is None else told if isinstance(told, list) else [told]
        found.extend(_trade(slug, source or {}, part) for part in parts)
    return found


def _trade(slug: str, source: dict[str, Any], part: dict[str, Any]) -> Trade:
    shared = {name: source[name] for name in Trade.__struct_fields__ if name in source}
    manners = {"manners": MANNERS} if "webhooks" in registry.capabilities(slug) else {}
    return msgspec.convert({"name": slug, **manners, **shared, **part, "slug": slug}, Trade)
