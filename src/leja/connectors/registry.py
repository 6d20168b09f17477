"""The registry: presence is registration. A folder beside this file with ``CONNECTOR`` in it is a connector.

    connectors()              every declaration, by slug; cheap
    connector("shopify")      one declaration; Refused ``connector-unknown``
    capabilities("shopify")   the verbs that are there: {"poll", "decode", ...}
    verb("shopify", "poll")   the verb itself, loaded on first use; Refused ``connector-capability``
    taking_in("shopify")      the verbs of poll, fetch and proof, for the flow
    folders()                 slug -> folder, for the tests and the sandbox

A connector from outside is a package that names its module under the entry point group ``leja.connectors``.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import leja.connectors
from leja.connectors.contract import Connector
from leja.core.errors import Refused

SOURCE_VERBS: Final = (
    "webhooks", "nudges", "handshake", "subscribe", "poll", "plan", "backfill", "fetch", "read_file", "detect",
    "decode", "ids", "day_totals",
)
TARGET_VERBS: Final = ("chart", "steps", "draft", "ANCHORS", "deliver", "find", "read_back", "changed", "balances", "dated")


@lru_cache(maxsize=1)
def _modules() -> Mapping[str, str]:
    found = {
        part.name: f"leja.connectors.{part.name}"
        for part in pkgutil.iter_modules(leja.connectors.__path__)
        if part.ispkg and importlib.util.find_spec(f"leja.connectors.{part.name}") is not None
    }
    outsiders = {entry.name: entry.value for entry in entry_points(group="leja.connectors")}
    return dict(sorted({**outsiders, **found}.items()))


@lru_cache(maxsize=1)
def connectors() -> Mapping[str, Connector]:
    """Every connector that is present, by slug."""
    declared = {}
    for name, module in _modules().items():
        declaration = getattr(importlib.import_module(module), "CONNECTOR", None)
        if isinstance(declaration, Connector):
            declared[name] = declaration
    return declared


def connector(slug: str) -> Connector:
    """The declaration of one connector. Raises Refused ``connector-unknown``."""
    try:
        return connectors()[slug]
    except KeyError:
        raise Refused(
            "connector-unknown",
            f"there is no connector named {slug!r}",
            remedy=f"Use one of: {', '.join(connectors())}.",
        ) from None


@lru_cache(maxsize=256)
def _side(slug: str, side: str) -> ModuleType | None:
    connector(slug)
    name = f"{_modules()[slug]}.{side}"
    return importlib.import_module(name) if importlib.util.find_spec(name) is not None else None


@lru_cache(maxsize=256)
def capabilities(slug: str) -> frozenset[str]:
    """The names of the verbs that are there; what is not there is not claimed."""
    source, target = _side(slug, "source"), _side(slug, "target")
    claimed = [(source, name) for name in SOURCE_VERBS] + [(target, name) for name in TARGET_VERBS]
    return frozenset(name for side, name in claimed if hasattr(side, name))


@lru_cache(maxsize=1024)
def verb(slug: str, name: str) -> Any:
    """One verb of a connector. Raises Refused ``connector-capability`` where it is not there."""
    module = _side(slug, "source" if name in SOURCE_VERBS else "target")
    found = getattr(module, name, None) if name in SOURCE_VERBS or name in TARGET_VERBS else None
    if found is None:
        raise Refused(
            "connector-capability",
            f"{connector(slug).title} cannot {name.replace('_', ' ')}",
            remedy=f"It can: {', '.join(sorted(capabilities(slug)))}.",
        )
    return found


def taking_in(slug: str) -> dict[str, Any]:
    """The verbs of poll, fetch and proof that a connector has, ``LISTS`` where it says what its ``ids`` lists, and ``reach``: how far
    back they reach for a connection's settings."""
    found: dict[str, Any] = {name: verb(slug, name) for name in ("poll", "fetch", "ids", "day_totals") if name in capabilities(slug)}
    lists = getattr(_side(slug, "source"), "LISTS", None)
    found["reach"] = connector(slug).reach
    return found if lists is None else found | {"LISTS": lists}


def side(slug: str, name: str) -> Any:
    """A connector's whole ``source`` or ``target`` module. Raises Refused ``connector-capability``."""
    module = _side(slug, name)
    if module is None:
        raise Refused("connector-capability", f"{connector(slug).title} has no {name} side")
    return module


def folders() -> Mapping[str, Path]:
    """The folder of every connector, where its samples and tests lie."""
    found = {}
    for slug in connectors():
        place = importlib.import_module(_modules()[slug]).__file__
        if place is not None:
            found[slug] = Path(place).parent
    return found
