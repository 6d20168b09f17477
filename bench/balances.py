"""(c) The trial balance at few and at many entries, beside ledger, hledger and beancount on the export."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from bench import entries, peers
from bench.figure import Figure, Outcome, figure
from bench.ground import Stopwatch, Trade, number, opened, settle, trade
from bench.size import Size
from leja.house import House
from leja.reports.export_beancount import export_beancount
from leja.reports.export_hledger import export_hledger
from leja.reports.trial_balance import Balance, trial_balance

BEANCOUNT = """
import sys
from beancount import loader
from beancount.core import realization
entries, errors, options = loader.load_file(sys.argv[1])
assert not errors, errors[:3]
print(len(list(realization.iter_children(realization.realize(entries)))))
"""
METHOD = (
    "Two organisations have entries on the same accounts, days and dimensions, one a few, one many, posted through the ledger's own "
    "writing, 10,000 in a transaction. The trial balance at a day in the middle and of all days is read in process, in turns, and "
    "their medians compared. The peers read an export of a third organisation, smaller, for they need minutes and gigabytes at a "
    "million; reading the file is a part of their work, for they have no other store."
)


def run(size: Size) -> Outcome:
    """Measure it."""
    with opened() as house:
        few, many = trade(house, "few"), trade(house, "many")
        entries.fill(house.database, few, size.few_entries)
        with Stopwatch() as loading:
            entries.fill(house.database, many, size.many_entries)
        settle(house)
        with house.database.transaction() as conn:
            lines = number(conn, "SELECT count(*) FROM line WHERE org_id = %s", many.org.org_id)
            kinds = {one.org.name: number(conn, "SELECT count(*) FROM balance_day WHERE org_id = %s", one.org.org_id) for one in (few, many)}
        if kinds["few"] != kinds["many"]:
            raise RuntimeError(f"the two differ in accounts, days or dimensions: {kinds}")
        took: dict[str, list[float]] = {"few": [], "many": []}
        for _ in range(200):
            for one in (few, many):
                took[one.org.name].append(_read(house, one))
        chunks = [slice(at, at + 40) for at in range(0, 200, 40)]
        rounds = [median(took["many"][chunk]) / median(took["few"][chunk]) for chunk in chunks]
        figures = [figure(
            "c", f"trial balance at {size.many_entries:,} entries", f"at {size.few_entries:,}", rounds, bound=2,
            many_ms=round(median(took["many"]) * 1000, 2), few_ms=round(median(took["few"]) * 1000, 2), lines=lines,
            balances=kinds["many"], loading_seconds=round(loading.seconds))]
        beside, missing = _peers(house, size, median(took["many"]))
    return Outcome(part="c", title="the trial balance", method=METHOD, figures=(*figures, *beside), missing=missing)


def _read(house: House, one: Trade) -> float:
    with house.database.transaction() as conn, Stopwatch() as watch:
        whole = trial_balance(conn, one.org.org_id)
        trial_balance(conn, one.org.org_id, entries.FIRST_DAY.replace(month=3, day=15))
    _require_balanced(whole)
    return watch.seconds / 2


def _require_balanced(balances: list[Balance]) -> None:
    if not balances or sum(each.base for each in balances) != 0:
        raise RuntimeError("the trial balance does not come to zero")


def _peers(house: House, size: Size, ours: float) -> tuple[list[Figure], tuple[str, ...]]:
    one = trade(house, "exported")
    entries.fill(house.database, one, size.exported)
    figures: list[Figure] = []
    missing: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        journal, plain, beans = (Path(folder) / name for name in ("books.journal", "books.ledger", "books.beancount"))
        with house.database.transaction() as conn:
            journal.write_text("".join(export_hledger(conn, one.org.org_id)))
            beans.write_text("".join(export_beancount(conn, one.org.org_id)))
        # ledger reads the same entries, but not hledger's way to declare a commodity.
        plain.write_text("".join(row for row in journal.read_text().splitlines(keepends=True) if not row.startswith("commodity ")))
        interpreter = peers.python("beancount")
        script = Path(folder) / "load.py"
        script.write_text(BEANCOUNT)
        commands = {
            "ledger": (peers.command("ledger"), ["-f", str(plain), "bal"]),
            "hledger": (peers.command("hledger"), ["-f", str(journal), "bal"]),
            "beancount": (interpreter, [str(script), str(beans)]),
        }
        for name, (program, arguments) in commands.items():
            if program is None:
                missing.append(peers.how(name))
                continue
            took, _ = peers.timed([program, *arguments])
            figures.append(figure(
                "c", f"{name}'s balances of {size.exported:,} entries, export read and summed",
                f"Leja's trial balance of {size.many_entries:,}", [took / ours], better="higher", peer_seconds=round(took, 2),
                leja_ms=round(ours * 1000, 2)))
    return figures, tuple(missing)
