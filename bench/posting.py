"""(d) Posting of five-line entries, in batches and one commit each, beside django-hordak on the same server."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg

from bench import entries, peers
from bench.figure import Figure, Outcome, figure, per_second
from bench.ground import opened, settle, trade
from bench.size import Size
from leja.database.embedded import EmbeddedPostgres
from leja.house import House

BATCH = 500
METHOD = (
    "Entries of five lines on documents that are stored already go through the ledger's writing: numbers, digests, chain, balances "
    "and every guard of the database. django-hordak writes transactions of five legs into a database of its own on the same server, "
    "through its models, with its own triggers, 500 in a transaction and one in each. Both take turns; fsync is on. Posting from a "
    "sale's facts to entries is in (a)."
)


def run(size: Size) -> Outcome:
    """Measure it."""
    interpreter = peers.python("hordak")
    batched: list[float] = []
    alone: list[float] = []
    theirs: list[dict[str, float]] = []
    with opened() as house:
        one = trade(house, "posting")
        url = _peer_database(house) if interpreter else ""
        for at in range(min(3, size.rounds)):
            many, few = (list(entries.made(house.database, one, count)) for count in (size.posted, size.posted_alone))
            settle(house)
            batched.append(size.posted / entries.post(house.database, one, many, BATCH))
            alone.append(size.posted_alone / entries.post(house.database, one, few, 1))
            if interpreter:
                script = str(Path(__file__).with_name("hordak_peer.py"))
                _, told = peers.timed([interpreter, script, url, str(BATCH), str(max(500, size.posted // 40)), str(at)])
                theirs.append(json.loads(told))
    missing = tuple(peers.how(name) for name, found in (("django-hordak", interpreter), ("python-accounting", None)) if not found)
    if not theirs:
        figures: tuple[Figure, ...] = (figure("d", "entries a second, 500 in a transaction", "one commit each",
                                              [a / b for a, b in zip(batched, alone, strict=True)], better="higher",
                                              entries_a_second=round(max(batched))),)
        return Outcome(part="d", title="posting", method=METHOD, figures=figures, missing=missing)
    figures = (
        figure("d", "five-line entries a second, 500 in a transaction", "django-hordak, 500 in a transaction",
               [a / b["batched"] for a, b in zip(batched, theirs, strict=True)], better="higher", bound=20,
               leja=round(max(batched)), hordak=per_second(1, 1 / max(t["batched"] for t in theirs))),
        figure("d", "five-line entries a second, one commit each", "django-hordak, one commit each",
               [a / b["alone"] for a, b in zip(alone, theirs, strict=True)], better="higher", bound=3,
               leja=round(max(alone)), hordak=per_second(1, 1 / max(t["alone"] for t in theirs))),
    )
    return Outcome(part="d", title="posting", method=METHOD, figures=figures, missing=missing)


def _peer_database(house: House) -> str:
    cluster = EmbeddedPostgres(house.settings.home)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE peer OWNER leja_owner")
    return cluster.url("leja_owner", "peer")
