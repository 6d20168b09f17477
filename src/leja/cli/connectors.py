"""``leja connectors``: which platforms there are, what each can do, what is promised of it, and how that was judged."""

from __future__ import annotations

from datetime import timedelta

from leja.cli.speaking import AsJson, answer, command, table
from leja.connectors import registry
from leja.connectors.contract import NoAuth, OAuth


@command
def run(as_json: AsJson = False) -> None:
    """List the platforms: duties, capabilities, guarantee, and how each was judged."""
    every = registry.connectors()
    if as_json:
        answer(
            {
                "connectors": [
                    {
                        "slug": slug,
                        "title": c.title,
                        "roles": sorted(c.roles),
                        "capabilities": sorted(registry.capabilities(slug)),
                        "login": "none"
                        if isinstance(c.auth, NoAuth)
                        else "oauth"
                        if isinstance(c.auth, OAuth)
                        else "key",
                        "api_version": c.api_version,
                        "api_version_ends": c.api_version_ends,
                        "limits": c.limits,
                        "guarantee": c.guarantee,
                        "within_seconds": within_seconds(slug),
                        "judged_by": c.judged_by,
                        "ids_reach_days": c.ids_reach / timedelta(days=1) if c.ids_reach else None,
                        "ids_reach_unless": c.ids_reach_unless,
                    }
                    for slug, c in every.items()
                ]
            }
        )
        return
    rows = [
        (slug, ", ".join(sorted(c.roles)), ", ".join(sorted(registry.capabilities(slug))), _promised(slug, c.guarantee), c.judged_by)
        for slug, c in every.items()
    ]
    table("Connectors", ("platform", "duties", "can", "guarantee", "judged by"), rows)


def within_seconds(slug: str) -> dict[str, int] | None:
    """Kind of remote document -> how long a look-up may lag within which "exactly once" holds; 0: exact, for the vendor
    itself refuses a second. None: nothing is written there."""
    if "ANCHORS" not in registry.capabilities(slug):
        return None
    anchors = registry.verb(slug, "ANCHORS")
    return {kind: 0 if anchor.unique else anchor.look_up_lag for kind, anchor in sorted(anchors.items())}


def _promised(slug: str, words: str) -> str:
    lags = within_seconds(slug)
    if lags is None:
        return words
    most = max(lags.values(), default=0)
    return f"{'exactly once' if not most else f'exactly once within a look-up lag of {most} s'}. {words}"
