"""What the settings state and planning needs, which is pure and sees the chart only: carried in the chart's edition.

``untaxed=NO VAT;channel=DEPARTMENT``: the tax group of what bears no tax, and which of our dimensions is which of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping

from leja.connectors.contract import Chart

_UNTAXED = "untaxed"


def edition(untaxed_code: str, dimensions: str) -> str:
    """The settings as the chart carries them."""
    pairs = [f"{_UNTAXED}={untaxed_code.strip().upper()}"] if untaxed_code.strip() else []
    for part in dimensions.split(","):
        ours, _, theirs = part.partition("=")
        if ours.strip() and theirs.strip():
            pairs.append(f"{ours.strip()}={theirs.strip().upper()}")
    return ";".join(pairs)


def _stated(chart: Chart) -> dict[str, str]:
    return dict(part.split("=", 1) for part in chart.edition.split(";") if "=" in part)


def untaxed(chart: Chart) -> str:
    """The tax group of what bears no tax; empty if nobody stated one."""
    return _stated(chart).get(_UNTAXED, "")


def dimensions(chart: Chart, ours: Mapping[str, str]) -> list[tuple[str, str]]:
    """Codes of their dimensions with the values of ours; dimensions that nobody mapped are left out."""
    theirs = _stated(chart)
    return [(theirs[name], value.upper()[:20]) for name, value in sorted(ours.items()) if value and name in theirs and name != _UNTAXED]
