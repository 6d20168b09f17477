"""(f) Verification of the chain, against plain SHA-256 over the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench import bodies
from bench.figure import Outcome, figure
from bench.ground import Stopwatch, opened, settle, trade
from bench.recording import accept, drain
from bench.size import Size
from leja.books import chain
from leja.closing import stored
from leja.closing.verify import verify

METHOD = (
    "Real orders are recorded, then the audit walks their chain as `leja audit verify` does: every row read from the database, every "
    "digest and link computed anew, what the chain does not know looked for. What it hashed is noted in one run and hashed again in "
    "another with nothing around it."
)


def run(size: Size) -> Outcome:
    """Measure it."""
    sent = bodies.orders(size.chained, size.seed)
    with opened() as house:
        one = trade(house, "chain")
        accept(house, one, sent)
        drain(house, one, len(sent))
        settle(house)
        hashed: list[bytes] = []
        with house.database.transaction() as conn, _noted(hashed):
            found = verify(conn, one.org.org_id)
        if not found.ok:
            raise RuntimeError(f"the chain does not hold: {found.first_bad}")
        ours, plain = [], []
        for _ in range(min(3, size.rounds)):
            with house.database.transaction() as conn, Stopwatch() as watch:
                verify(conn, one.org.org_id)
            ours.append(watch.seconds)
            with Stopwatch() as watch:
                for each in hashed:
                    hashlib.sha256(each).digest()
            plain.append(watch.seconds)
    volume = sum(len(each) for each in hashed)
    return Outcome(part="f", title="the chain", method=METHOD, figures=(
        figure("f", "verification of the chain", "SHA-256 of the same bytes", [a / b for a, b in zip(ours, plain, strict=True)],
               items=found.items, items_a_second=round(found.items / min(ours)), hashes=len(hashed), bytes=volume,
               sha256_mb_a_second=round(volume / min(plain) / 1e6)),))


@contextmanager
def _noted(hashed: list[bytes]) -> Iterator[None]:
    """Let the two modules that hash note what they are given."""

    def noting(data: bytes) -> Any:
        hashed.append(data)
        return hashlib.sha256(data)

    places: tuple[Any, ...] = (chain, stored)
    before = [place.sha256 for place in places]
    for place in places:
        place.sha256 = noting
    try:
        yield
    finally:
        for place, kept in zip(places, before, strict=True):
            place.sha256 = kept
