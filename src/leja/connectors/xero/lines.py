"""Steps over bundle lines."""

from __future__ import annotations

from collections.abc import Sequence

from leja.connectors.contract import Bundle, BundleLine, Step


def make_step(
    bundle: Bundle, name: str, kind: str, suffix: str, lines: Sequence[BundleLine], *, contact: bool = False,
    settles: str = "",
) -> Step:
    """A step whose reference is the bundle's with a suffix; ``settles`` names an earlier step or a reference."""
    after = ("contact",) if contact else ()
    if settles and settles not in bundle.applies_to:
        after = (*after, settles)
    return Step(
        name=name, kind=kind, reference=f"{bundle.reference}{suffix}", bundle=bundle, lines=tuple(lines), after=after,
        detail={"settles": settles} if settles else {},
    )
