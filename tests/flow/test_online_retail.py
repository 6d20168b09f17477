"""The main job on real sales: every invoice where it belongs, every sum to the penny, three places that agree.

The figures come from ``expected.csv``, which was computed apart from any code of this project.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from leja.database.embedded import EmbeddedPostgres
from leja.documents.document import Document, from_facts
from leja.documents.fee import Fee
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.documents.stock_move import StockMove
from leja_sandbox.server import SandboxServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LEJA = Path(sys.executable).parent / "leja"


class Played:
    """A home in which the demo was played on the real file, and what it printed."""

    def __init__(self, home: Path, sales: Path) -> None:
        self.home = home
        self.sales = sales
        with (sales.parent / "expected.csv").open(newline="") as lines:
            self.expected = list(csv.DictReader(lines))

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command of Leja in this home."""
        environment = {"LEJA_HOME": str(self.home), "PATH": "/usr/bin:/bin", "HOME": str(self.home)}
        return subprocess.run([str(LEJA), *arguments], input=text, capture_output=True, text=True, env=environment, check=False)

    def demo(self) -> dict[str, Any]:
        """Play (again) and give the JSON."""
        done = self.run("demo", "--sales", str(self.sales), "--no-serve", "--json")
        assert done.stdout.startswith("{"), done.stderr
        return dict(json.loads(done.stdout))

    def pence(self, *routes: str) -> int:
        """The expected sum of the invoices on these routes."""
        return sum(int(Decimal(row["total"]) * 100) for row in self.expected if row["route"] in routes)

    def count(self, *routes: str) -> int:
        """How many invoices go that way."""
        return sum(row["route"] in routes for row in self.expected)

    def documents(self) -> list[Document]:
        """The newest revision of every document."""
        server = EmbeddedPostgres(self.home)
        with psycopg.connect(server.start().owner) as conn:
            rows = conn.execute("SELECT DISTINCT ON (document_id) facts FROM document_revision ORDER BY document_id, revision DESC").fetchall()
        server.stop()
        return [from_facts(str(row[0]).encode()) for row in rows]


@pytest.fixture(scope="module")
def played(shared: Path) -> Iterator[Played]:
    home = Path(tempfile.mkdtemp(prefix="leja-real-"))
    home.chmod(0o755)
    yield Played(home, shared / "data" / "online_retail" / "online_retail_2010-12.csv.gz")
    EmbeddedPostgres(home).stop(even_if_used=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def first(played: Played) -> dict[str, Any]:
    return played.demo()


def test_every_sum_is_right_to_the_penny_and_nothing_is_held(played: Played, first: dict[str, Any]) -> None:
    assert first["agree"] is True
    assert first["held"]["count"] == 0
    assert first["sales"] == {"count": played.count("shop_sale"), "sums": {"GBP": played.pence("shop_sale")}}
    assert first["refunds"] == {"count": played.count("shop_refund", "file_return"), "sums": {"GBP": played.pence("shop_refund", "file_return")}}
    assert first["fees"] == {"count": played.count("file_fee"), "sums": {"GBP": played.pence("file_fee")}}


def test_every_invoice_stands_where_it_belongs(played: Played, first: dict[str, Any]) -> None:
    found: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    names = {}
    for document in played.documents():
        number = document.header.number.lstrip("#")
        if isinstance(document, Sale):
            names[document.header.external_id] = number
            found["shop_sale"][number, document.total.minor] += 1
        elif isinstance(document, Fee):
            found["file_fee"][document.header.external_id, -document.amount.minor] += 1
        elif isinstance(document, StockMove):
            found["file_stock"][document.header.external_id, 0] += 1
        elif isinstance(document, Refund) and not document.sale:
            found["file_return"][document.header.external_id, -document.total.minor] += 1
    for document in played.documents():
        if isinstance(document, Refund) and document.sale:
            found["shop_refund"][names[document.sale], -document.total.minor] += 1
    wanted: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for row in played.expected:
        key = row["refers_to"] if row["route"] == "shop_refund" else row["invoice"]
        wanted[row["route"]][key, int(Decimal(row["total"]) * 100)] += 1
    assert dict(found) == dict(wanted)


def test_books_and_both_targets_have_the_same_total_of_each_kind(first: dict[str, Any]) -> None:
    def profile(balances: dict[str, dict[str, int]]) -> list[int]:
        return sorted(sums["GBP"] for sums in balances.values())

    ours = profile(first["trial_balance"])
    assert sum(ours) == 0
    for target in first["targets"].values():
        assert profile(target["trial_balance"]) == ours


def test_beancount_and_hledger_accept_the_exports_and_give_the_same_balances(played: Played, first: dict[str, Any]) -> None:
    journal = played.run("books", "export", "--format", "hledger").stdout
    if shutil.which("hledger") is None:
        pytest.skip("NOT RUN: hledger is not installed")
    shown = subprocess.run(["hledger", "-f", "-", "bal", "--flat", "-N", "-O", "csv"], input=journal, capture_output=True, text=True, check=True).stdout
    amounts = sorted(int(Decimal(row["balance"].split()[0].replace(",", "")) * 100) for row in csv.DictReader(shown.splitlines()))
    assert amounts == sorted(sums["GBP"] for sums in first["trial_balance"].values())
    ledger = played.home / "books.beancount"
    ledger.write_text(played.run("books", "export", "--format", "beancount").stdout)
    checked = subprocess.run([str(Path(sys.executable).parent.parent / "oracles" / "bin" / "bean-check"), str(ledger)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr[:2000]


def test_the_chain_and_every_derived_figure_verify(played: Played, first: dict[str, Any]) -> None:
    assert played.run("audit", "verify", "--json").returncode == 0
    assert played.run("check", "--rebuild", "--json").returncode == 0


def test_a_second_run_changes_nothing(played: Played, first: dict[str, Any]) -> None:
    assert played.demo() == first


def _altered(played: Played, name: str, slug: str, kind: str, amount: str) -> dict[str, Any]:
    """Edit one accepted document behind the API's back, as a bookkeeper over there might."""
    folder = next((played.home / "sandbox").glob("*/port")).parent
    sandbox = SandboxServer(data_dir=folder, slugs=[f"{slug}:{name}"])
    control = sandbox.stand_in(name).control
    chosen = control.call("documents", kind=kind)[3]
    control.call("alter", kind=kind, id=chosen["id"], amount=amount)
    for stand_in in sandbox.names():
        sandbox.stand_in(stand_in).env.store.close()
    return dict(chosen)


@pytest.mark.parametrize(("slug", "kind"), [("quickbooks", "SalesReceipt"), ("xero", "Invoices")])
def test_an_altered_document_is_named_with_account_day_and_amount(played: Played, first: dict[str, Any], slug: str, kind: str) -> None:
    _altered(played, slug, slug, kind, "1.23")
    after = played.demo()
    assert isinstance(after["agree"], list)
    named = [difference for difference in after["agree"] if difference["connection"] == slug]
    assert named
    assert all(difference["account"] and difference["day"] and difference["ours"] != difference["theirs"] for difference in named)
