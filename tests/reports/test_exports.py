"""hledger and beancount accept the exports and arrive at the balances of our own trial balance."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from leja.core.currency import exponent
from leja.database.engine import Connection, Database
from leja.reports.account_names import account_names
from leja.reports.export_beancount import export_beancount
from leja.reports.export_csv import export_csv
from leja.reports.export_hledger import export_hledger
from leja.reports.trial_balance import trial_balance
from tests.books.builder import Books, books, exchange, foreign_sale, line, post, sale

Totals = dict[tuple[str, str], Decimal]
NASTY = '; end "quoted" \\ \n2026-01-01 * x | é ,'


@pytest.fixture(params=["GBP", "JPY", "TND"])
def told(request: pytest.FixtureRequest, database: Database) -> Iterator[tuple[Connection, Books]]:
    """Books in each kind of base currency with sales in currencies of 0, 2 and 3 decimals, and exchange."""
    with database.transaction() as conn:
        org = books(conn, base=request.param)
        own = [
            msgspec.structs.replace(
                entry, text=NASTY, lines=tuple(msgspec.structs.replace(item, currency=org.base) for item in entry.lines)
            )
            for entry in (sale(1000), sale(333))
        ]
        post(conn, org, own)
        for currency in {"JPY", "TND", "USD"} - {org.base}:
            post(conn, org, [foreign_sale(10007, currency, 3331, "0.3329"), foreign_sale(7, currency, 3, "0.3329")])
            gone = exchange(10007, currency, 3300, 3331)
            post(
                conn,
                org,
                [
                    msgspec.structs.replace(
                        gone,
                        lines=tuple(
                            msgspec.structs.replace(item, currency=org.base) if item.currency == "GBP" else item
                            for item in gone.lines
                        ),
                    )
                ],
            )
        yield conn, org


def ours(conn: Connection, org: Books) -> tuple[Totals, dict[str, Decimal]]:
    """Our trial balance under the export's account names: per currency, and in base."""
    names = account_names(conn, org.org_id)
    amounts: Totals = {}
    bases: dict[str, Decimal] = defaultdict(Decimal)
    for row in trial_balance(conn, org.org_id):
        if row.amount:
            amounts[names[row.account], row.currency] = Decimal(row.amount).scaleb(-exponent(row.currency))
        bases[names[row.account]] += Decimal(row.base).scaleb(-exponent(org.base))
    return amounts, {name: base for name, base in bases.items() if base}


def hledger(path: Path, *arguments: str) -> str:
    if not shutil.which("hledger"):
        pytest.skip("NOT RUN: hledger is not installed, its verdict on the export is missing")
    done = subprocess.run(
        ["hledger", "-f", str(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def hledger_balances(path: Path, *arguments: str) -> Totals:
    text = hledger(path, "balance", "--flat", "--no-total", "--layout=bare", "-O", "csv", *arguments)
    return {
        (row["account"], row["commodity"]): Decimal(row["balance"])
        for row in csv.DictReader(io.StringIO(text))
        if Decimal(row["balance"])
    }


def test_hledger_accepts_the_export_and_agrees(told: tuple[Connection, Books], tmp_path: Path) -> None:
    conn, org = told
    path = tmp_path / "books.journal"
    path.write_text("".join(export_hledger(conn, org.org_id)))
    hledger(path, "check", "--strict")
    amounts, bases = ours(conn, org)
    assert hledger_balances(path) == amounts
    assert {name: amount for (name, _), amount in hledger_balances(path, "--cost").items()} == bases
    assert len(hledger(path, "print", "tag:entry=^1$").splitlines()) > 5


# Run by the oracle's own Python as a separate program: it prints every posting with its weight.
BEANCOUNT = """
import json, sys
from beancount import loader
from beancount.core import convert, data
entries, errors, _ = loader.load_file(sys.argv[1])
assert not errors, errors
print(json.dumps([[p.account, p.units.currency, str(p.units.number), str(convert.get_weight(p).number)]
                  for e in entries if isinstance(e, data.Transaction) for p in e.postings]))
"""


def oracle() -> Path:
    """The Python that has beancount in it."""
    python = Path(sys.executable).parent.parent / "oracles" / "bin" / "python"
    if not python.exists():
        pytest.skip("NOT RUN: the oracles are not installed; `make test` installs them")
    return python


def test_beancount_accepts_the_export_and_agrees(told: tuple[Connection, Books], tmp_path: Path) -> None:
    conn, org = told
    path = tmp_path / "books.beancount"
    path.write_text("".join(export_beancount(conn, org.org_id)))
    checked = subprocess.run(
        [str(oracle().parent / "bean-check"), str(path)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    read = subprocess.run([str(oracle()), "-c", BEANCOUNT, str(path)], capture_output=True, text=True, check=True)
    found: Totals = defaultdict(Decimal)
    bases: dict[str, Decimal] = defaultdict(Decimal)
    for account, currency, number, weight in json.loads(read.stdout):
        found[account, currency] += Decimal(number)
        bases[account] += Decimal(weight)
    amounts, expected = ours(conn, org)
    assert {key: amount for key, amount in found.items() if amount} == amounts
    places = Decimal(1).scaleb(-exponent(org.base))
    assert {name: rounded for name, base in bases.items() if (rounded := base.quantize(places))} == expected


def test_csv_has_every_line_and_no_formula(told: tuple[Connection, Books]) -> None:
    conn, org = told
    post(
        conn,
        org,
        [
            msgspec.structs.replace(
                sale(),
                text="=cmd()",
                lines=tuple(msgspec.structs.replace(item, currency=org.base, memo="@x") for item in sale().lines),
            )
        ],
    )
    rows = list(csv.DictReader(io.StringIO("".join(export_csv(conn, org.org_id)), newline="")))
    sums: Totals = defaultdict(Decimal)
    for row in rows:
        sums[row["account"], row["currency"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    balances = {
        (row.account, row.currency): Decimal(row.amount).scaleb(-exponent(row.currency))
        for row in trial_balance(conn, org.org_id)
    }
    assert dict(sums) == balances
    assert {row["memo"] for row in rows[-5:]} == {"'@x"}
    assert {row["text"] for row in rows[-5:]} == {"'=cmd()"}
    assert rows[0]["text"] == NASTY.replace("\r", "")


def test_amounts_whose_base_has_another_sign_or_nothing_still_agree(database: Database, tmp_path: Path) -> None:
    with database.transaction() as conn:
        org = books(conn)
        entry = sale()
        post(
            conn,
            org,
            [
                msgspec.structs.replace(
                    entry,
                    lines=(
                        line("1100", 500, "USD", base=-20),
                        line("4000", -500, "USD", base=0),
                        line("1000", 0, "JPY", base=20),
                    ),
                )
            ],
        )
        names = account_names(conn, org.org_id)
        path = tmp_path / "books.journal"
        path.write_text("".join(export_hledger(conn, org.org_id)))
        beans = tmp_path / "books.beancount"
        beans.write_text("".join(export_beancount(conn, org.org_id)))
    assert {(name, at) for name, at in hledger_balances(path, "--cost").items()} == {
        ((names["1100"], "GBP"), Decimal("-0.20")),
        ((names["1000"], "GBP"), Decimal("0.20")),
    }
    checked = subprocess.run(
        [str(oracle().parent / "bean-check"), str(beans)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_accounts_whose_plain_names_would_fall_together_stay_apart(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        for code in ("12/a", "12-a", "é", "€"):
            conn.execute(
                "INSERT INTO account (org_id, code, name, kind) VALUES (%s, %s, '', 'bank')", (org.org_id, code)
            )
        names = account_names(conn, org.org_id)
    assert len(set(names.values())) == len(names)
