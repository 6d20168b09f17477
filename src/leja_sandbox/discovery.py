"""Finds the stand-ins: every folder under ``leja.connectors`` that has a ``stand_in.py`` with ``STAND_IN``."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

import leja.connectors
from leja_sandbox.kit import StandInSpec


def stand_ins() -> dict[str, StandInSpec]:
    """The stand-ins of all connectors that are present, by slug."""
    found: dict[str, StandInSpec] = {}
    for module in sorted(iter_modules(leja.connectors.__path__), key=lambda m: m.name):
        name = f"leja.connectors.{module.name}.stand_in"
        if module.ispkg and find_spec(name) is not None:
            spec: StandInSpec = import_module(name).STAND_IN
            found[spec.slug] = spec
    return found
