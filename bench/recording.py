"""(a) From the inbox to posted and queued: real bodies of a shop, against COPYing the rows that came of them."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from bench import bodies, floor, peers
from bench.figure import Figure, Outcome, figure, per_second
from bench.ground import NOW, Stopwatch, Trade, number, opened, owner, settle, trade
from bench.size import Size
from leja.bookkeeping.batch import BATCH
from leja.house import House
from leja.intake.inbox import groups, keep

METHOD = (
    "Orders of one to six lines, as the shop's stand-in sends them, are kept in the inbox (accepted), then recorded by the "
    f"bookkeeper in batches of {BATCH} events, one transaction each: documents, revisions, entries, lines, balances, chain, "
    "outbox of one target. The decoding process, which Leja starts by itself for a backlog, is one process for the whole run, started in "
    "the first round, which does not count; each round begins with nothing read ahead. The floor copies the very rows that this wrote, by the same client in the same binary form, in as many "
    "transactions, into tables of the same columns without trigger, key or index; it does not touch the inbox. Rounds alternate; "
    "each has an organisation of its own. fsync and synchronous_commit are on."
)


def run(size: Size) -> Outcome:
    """Measure it."""
    sent = bodies.orders(size.orders, size.seed)
    accepted: list[float] = []
    drained: list[float] = []
    floors: list[float] = []
    ready: list[float] = []
    with opened() as house, owner(house) as conn:
        floor.prepare(conn)
        for at in range(size.rounds + 1):
            one = trade(house, f"round {at}")
            accept_seconds = accept(house, one, sent)
            settle(house)
            drain_seconds = drain(house, one, len(sent))
            written = floor.read(conn, one.org.org_id)
            batches = -(-len(sent) // BATCH)
            settle(house)
            floor_seconds = floor.copy(conn, written, batches)
            ready_seconds = floor.copy_ready(conn, written, batches)
            floor.empty(conn)
            if at:  # the first round warms up
                accepted.append(accept_seconds)
                drained.append(drain_seconds)
                floors.append(floor_seconds)
                ready.append(ready_seconds)
        rows = sum(len(one.rows) for one in written)
    figures = [
        figure("a", "inbox to posted and queued", "COPY of the same rows", [d / f for d, f in zip(drained, floors, strict=True)],
               bound=5, goal=3, orders=len(sent), rows=rows, orders_a_second=per_second(len(sent), min(drained)),
               floor_orders_a_second=per_second(len(sent), min(floors))),
        figure("a", "inbox to posted and queued", "COPY from bytes that lie ready, the server's work alone",
               [d / f for d, f in zip(drained, ready, strict=True)], floor_orders_a_second=per_second(len(sent), min(ready))),
        figure("a", "accepting into the inbox, one caller, groups of 500", "draining it", [a / d for a, d in zip(accepted, drained, strict=True)],
               orders_a_second=per_second(len(sent), min(accepted)), body_bytes=sum(len(s.body) for s in sent) // len(sent)),
    ]
    beside, missing = _hledger(sent, min(drained))
    return Outcome(part="a", title="recording", method=METHOD, figures=(*figures, *beside), missing=missing)


def accept(house: House, one: Trade, sent: list[bodies.Sent]) -> float:
    """Keep the bodies in the inbox; the seconds it took."""
    events = bodies.events(sent)
    with Stopwatch() as watch:
        for at in range(0, len(events), 500):
            with house.database.transaction() as conn:
                for group in groups(events[at : at + 500]):
                    keep(conn, one.org.org_id, one.shop.connection_id, group, NOW)
    return watch.seconds


def drain(house: House, one: Trade, count: int) -> float:
    """Record everything, and make sure that it was: each order has an entry and is queued."""
    keeper = house.bookkeeper(one.org)
    with Stopwatch() as watch:
        while keeper.record(NOW).events:
            pass
    with house.database.transaction() as conn:
        posted = number(conn, "SELECT count(DISTINCT document_id) FROM entry WHERE org_id = %s", one.org.org_id)
        queued = number(conn, "SELECT count(*) - (SELECT count(*) FROM entry WHERE org_id = %s) FROM outbox WHERE org_id = %s",
                        one.org.org_id, one.org.org_id)
    if posted != count or queued != 0:
        raise RuntimeError(f"{count} orders came in, {posted} were posted, {queued} more entries are queued than there are")
    return watch.seconds


def _hledger(sent: list[bodies.Sent], seconds: float) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """hledger's import of the same sales from CSV, with rules that give the same lines per sale."""
    found = peers.command("hledger")
    if found is None:
        return (), (peers.how("hledger"),)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sales.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(bodies.summary(one) for one in sent)
        rules = ("skip 0\nfields date, code, total, tax, net\ndate-format %Y-%m-%d\ncurrency GBP\ndescription sale\n"
                 "account1 assets:clearing\namount1 %total\naccount2 income:sales\namount2 -%net\naccount3 liabilities:vat\namount3 -%tax\n")
        path.with_suffix(".csv.rules").write_text(rules)
        took, _ = peers.timed([found, "-f", str(path), "bal"])
    return (figure("a", "inbox to posted and queued, durable", "hledger's CSV import of the same sales, totals only", [seconds / took],
                   hledger_seconds=round(took, 2), leja_seconds=round(seconds, 2)),), ()
