"""``leja restored``: say that the database was restored to an older state."""

from __future__ import annotations

from datetime import timedelta

from leja.access import connections, log, organisations
from leja.access.connections import Connection
from leja.cli.chosen import actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out
from leja.connectors import registry
from leja.delivery import restored
from leja.delivery.calls import call_seconds

BY_HAND = "said by whoever restored it"


@command
def run(org: Org = "", as_json: AsJson = False) -> None:
    """Hold every accounting system back until the calls of the life that was lost have ended; the last step of a restore."""
    with opened() as house, house.database.transaction() as conn:
        home, now = organisations.organisation(conn, org), house.clock()
        targets = [c for c in connections.connections(conn, home.org_id) if c.duty == "accounting"]
        until = {c.name: now + timedelta(seconds=_unseen(c)) for c in targets}
        for found in targets:
            restored.mark(conn, home.org_id, [found.connection_id], until[found.name], BY_HAND, now)
        log.record(conn, home.org_id, actor(), "database.restored", home.name, now)
    if as_json:
        answer({"held_until": until})
        return
    for name, moment in until.items():
        out().print(f"{name} is told nothing before {moment:%Y-%m-%d %H:%M:%S} UTC; what stands there then is taken as told")


def _unseen(found: Connection) -> float:
    anchors = registry.verb(found.slug, "ANCHORS")
    return call_seconds() + max((anchor.look_up_lag for anchor in anchors.values()), default=0)
