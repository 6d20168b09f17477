"""The stand-in of Odoo, driven over loopback by the official client through all of its protocols, in all versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from xmlrpc.client import Fault

import httpx2
import odoolib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.odoo.stand_in import STAND_IN
from leja.connectors.odoo.stand_in_tax import Part, TaxRule, worked
from leja_sandbox.kit import ACCOUNTING_ACTIONS, SALES_ACTIONS, Request, SimulatedClock, environment
from leja_sandbox.server import SandboxServer

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FOUNDED = STAND_IN.build(environment(settings={"version": "19.0", "database": "odoo", "foreign": False}))
VERSIONS = ("16.0", "17.0", "18.0", "19.0")


class Running:
    """A sandbox that serves one database."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SimulatedClock(START)
        self.sandbox = SandboxServer(
            data_dir=None, specs={"odoo": STAND_IN}, clock=self.clock, own_ports=True, settings={"odoo": {"foreign": False, **settings}},
        ).start()  # fmt: skip
        self.stand_in = self.sandbox.stand_in("odoo")
        self.url = self.sandbox.root_url("odoo")
        self.granted = self.control("grant")
        self.version = int(settings.get("version", "18.0").split(".")[0])
        self.client = self.connect("json2" if self.version >= 19 else "jsonrpc")

    def connect(self, protocol: str, password: str = "") -> Any:
        place = urlsplit(self.url)
        secret = password or (self.granted["api_key"] if protocol == "json2" else "admin")
        return odoolib.get_connection(
            hostname=place.hostname, port=place.port, protocol=protocol, database="odoo", login="admin", password=secret
        )

    def model(self, name: str) -> Any:
        return self.client.get_model(name)

    def control(self, name: str, **arguments: Any) -> Any:
        return self.stand_in.control.call(name, **arguments)

    def rpc(self, model: str, method: str, *args: Any, **named: Any) -> Any:
        params = {"service": "object", "method": "execute_kw", "args": ["odoo", 2, "admin", model, method, list(args), named]}
        return httpx2.post(f"{self.url}/jsonrpc", json={"jsonrpc": "2.0", "id": 7, "params": params}, trust_env=False).json()

    def done(self, model: str, method: str, *args: Any, **named: Any) -> Any:
        answer = self.rpc(model, method, *args, **named)
        assert "error" not in answer, answer["error"]["data"]["message"]
        return answer.get("result")

    def refused(self, model: str, method: str, *args: Any, **named: Any) -> str:
        return str(self.rpc(model, method, *args, **named)["error"]["data"]["message"])

    def move(self, **vals: Any) -> int:
        return int(self.done("account.move", "create", [vals])[0])

    def invoice(self, price: Any = 10, *, post: bool = True, **vals: Any) -> int:
        line = {"name": "Thing", "quantity": 1, "price_unit": price, "tax_ids": [[6, 0, vals.pop("taxes", [])]]}
        partner = self.partner()
        move = self.move(**{"move_type": "out_invoice", "partner_id": partner, "invoice_date": "2026-11-20",
                            "invoice_line_ids": [[0, 0, line]], **vals})  # fmt: skip
        if post:
            self.done("account.move", "action_post", [move])
        return move

    def partner(self) -> int:
        return int(self.done("res.partner", "search", [["customer_rank", ">", 0]])[0])

    def entry(self, day: str = "2026-11-20", amount: Any = 10, **vals: Any) -> int:
        lines = [[0, 0, {"account_id": 1, "debit": amount}], [0, 0, {"account_id": 27, "credit": amount}]]
        return self.move(**{"move_type": "entry", "date": day, "line_ids": lines, **vals})

    def read(self, move: int, *names: str) -> Any:
        row = self.done("account.move", "read", [move], list(names))[0]
        return row[names[0]] if len(names) == 1 else tuple(row[n] for n in names)


@pytest.fixture
def running(request: Any) -> Iterator[Running]:
    started = Running(**getattr(request, "param", {}))
    yield started
    started.sandbox.stop()


every_version = pytest.mark.parametrize("running", [{"version": v} for v in VERSIONS], indirect=True, ids=VERSIONS)


def of(**settings: Any) -> Any:
    return pytest.mark.parametrize("running", [settings], indirect=True, ids=["-".join(map(str, settings.values()))])


# --- the official client ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["json2", "jsonrpc", "xmlrpc"])
@of(version="19.0")
def test_the_official_client_sells_and_is_paid_through_every_protocol(running: Running, protocol: str) -> None:
    running.client = running.connect(protocol)
    running.client.check_login()
    partners, moves = running.model("res.partner"), running.model("account.move")
    ids = {"vals_list": [{"name": "Jane"}]}
    partner = partners.create(**ids)[0] if protocol == "json2" else partners.create(ids["vals_list"])[0]
    line = {"name": "Thing", "quantity": 3, "price_unit": 33.333333, "tax_ids": [[6, 0, []]]}
    vals = [{"move_type": "out_invoice", "partner_id": partner, "invoice_date": "2026-11-20", "ref": "shop:1", "invoice_line_ids": [[0, 0, line]]}]
    move = moves.create(vals)[0]
    assert moves.action_post([move]) is False
    context = {"active_model": "account.move", "active_ids": [move]}
    register = running.model("account.payment.register")
    wizard = register.create([{"journal_id": 6}], context=context)[0]
    assert register.action_create_payments([wizard], context=context)["res_model"] == "account.payment"
    found = moves.search_read([["ref", "=", "shop:1"]], ["amount_total", "payment_state", "amount_residual", "partner_id"])
    assert found == [{"id": move, "amount_total": 100.0, "payment_state": "paid", "amount_residual": 0.0, "partner_id": [partner, "Jane"]}]
    postings = {("7", 10000), ("27", -10000), ("3", 10000), ("7", -10000)}
    assert {(r.account, r.minor) for r in running.stand_in.ledger()} == postings


@every_version
def test_the_official_client_loads_by_external_id_in_every_version(running: Running) -> None:
    fields = ["id", "move_type", "partner_id/.id", "ref", "invoice_line_ids/id", "invoice_line_ids/name", "invoice_line_ids/quantity",
              "invoice_line_ids/price_unit"]  # fmt: skip
    rows = [["__sync.i1", "out_invoice", str(running.partner()), "s:1", "__sync.i1_l1", "A", "2", "10.00"],
            ["", "", "", "", "__sync.i1_l2", "B", "1", "5.00"]]  # fmt: skip
    moves = running.model("account.move")
    first, again = moves.load(fields, rows), moves.load(fields, rows)
    assert first == again == {"ids": first["ids"], "messages": [], "nextrow": 0}
    assert running.read(first["ids"][0], "amount_total") == 25.0
    bare = [["__sync.i1", "out_invoice", str(running.partner()), "s:1", "", "A", "2", "10.00"]]
    moves.load(fields, bare)
    assert running.read(first["ids"][0], "amount_total") == 45.0, "a line without an external id is appended"
    assert moves.load(fields, [["__sync.i2", "nonsense", "999", "", "", "A", "x", "1"]])["ids"] is False
    assert running.done("ir.model.data", "search_read", [["module", "=", "__sync"], ["name", "=", "i1"]], ["res_id"])[0]["res_id"] == first["ids"][0]


def test_a_method_without_a_result_has_done_its_work_although_xml_says_fault(running: Running) -> None:
    move = running.invoice()
    with pytest.raises(Fault, match="cannot marshal None"):
        running.connect("xmlrpc").get_model("account.move").button_draft([move])
    assert running.read(move, "state") == "draft"
    running.done("account.move", "action_post", [move])
    assert running.rpc("account.move", "button_draft", [move]) == {"jsonrpc": "2.0", "id": 7}


@of(version="19.0")
def test_keys_end_and_nobody_enters_without_one(running: Running) -> None:
    assert running.client.check_login()
    running.clock.advance(91 * 86400)
    assert not running.client.check_login()
    running.granted = running.control("grant")
    fresh = running.connect("json2")
    assert fresh.check_login()
    running.control("fault", kind="token_revoked", path="POST /json/2/*", times=1)
    assert not fresh.check_login()
    assert not fresh.check_login(), "a key that was revoked stays so"
    assert running.rpc("res.users", "context_get")["result"]["uid"] == 2


def test_versions_differ_where_the_vendor_changed_them() -> None:
    names: dict[str, dict[str, set[str]]] = {}
    for version in VERSIONS:
        started = Running(version=version)
        models = ("account.payment", "account.account", "sale.order.line", "res.company", "account.tax", "account.move")
        names[version] = {m: set(started.done(m, "fields_get", [], ["type"])) for m in models}
        assert started.rpc("account.move.reversal", "refund_moves", [1])["error"]["data"]["message"].startswith(
            "The method" if version == "16.0" else "Record does not exist"
        )
        started.sandbox.stop()
    assert [("memo" in names[v]["account.payment"], "company_ids" in names[v]["account.account"]) for v in VERSIONS] == [
        (False, False), (False, False), (True, True), (True, True)]  # fmt: skip
    assert ["tax_ids" in names[v]["sale.order.line"] for v in VERSIONS] == [False, False, False, True]
    assert ["period_lock_date" in names[v]["res.company"] for v in VERSIONS] == [True, True, False, False]
    assert ["price_include_override" in names[v]["account.tax"] for v in VERSIONS] == [False, False, True, True]


# --- documents ----------------------------------------------------------------------------------------------------


@every_version
def test_an_invoice_lives_from_draft_to_cancelled(running: Running) -> None:
    move = running.invoice(post=False)
    assert running.stand_in.ledger() == []
    running.done("account.move", "action_post", [move])
    assert running.read(move, "name", "state") == ("INV/2026/00001", "posted")
    assert running.refused("account.move", "action_post", [move]) == f"The entry INV/2026/00001 (id {move}) must be in draft."
    assert "readonly fields on a posted move" in running.refused("account.move", "write", [move], {"invoice_line_ids": []})
    assert "can't delete a posted" in running.refused("account.move", "unlink", [move])
    running.done("account.move", "button_draft", [move])
    running.done("account.move", "button_cancel", [move])
    assert running.read(move, "state") == "cancel"
    assert running.stand_in.ledger() == []


@every_version
def test_a_credit_note_settles_what_it_reverses(running: Running) -> None:
    move = running.invoice("20.00", taxes=[4])
    context = {"active_model": "account.move", "active_ids": [move]}
    wizard = running.done("account.move.reversal", "create", {"reason": "broken", "date": "2026-11-22", "journal_id": 1}, context=context)
    run = "reverse_moves" if running.version < 17 else "refund_moves"
    note = running.done("account.move.reversal", run, [wizard], context=context)["res_id"]
    assert running.read(note, "state", "move_type", "amount_total") == ("draft", "out_refund", 24.0)
    running.done("account.move", "action_post", [note])
    assert running.read(note, "name") == "RINV/2026/00001"
    assert running.read(move, "payment_state", "amount_residual") == ("reversed", 0.0)


@every_version
def test_a_payment_is_posted_matched_and_taken_back(running: Running) -> None:
    move = running.invoice(100)
    vals = {"payment_type": "inbound", "partner_type": "customer", "partner_id": running.partner(), "amount": 40, "journal_id": 6}
    payment = running.done("account.payment", "create", [vals])[0]
    running.done("account.payment", "action_post", [payment])
    lines = running.done("account.move.line", "search", [["account_id", "=", 7], ["parent_state", "=", "posted"]])
    running.done("account.move.line", "reconcile", lines)
    assert running.read(move, "payment_state", "amount_residual") == ("partial", 60.0)
    running.done("account.payment", "action_cancel", [payment])
    assert running.read(move, "payment_state", "amount_residual") == ("not_paid", 100.0)
    assert running.done("account.payment", "read", [payment], ["state"])[0]["state"] == ("canceled" if running.version >= 18 else "cancel")


def test_a_name_that_is_given_hijacks_the_numbering(running: Running) -> None:
    running.invoice(name="SHOP-1001")
    assert running.read(running.invoice(), "name") == "SHOP-1002"
    twin = running.invoice(name="SHOP-1001", post=False)
    assert running.refused("account.move", "action_post", [twin]) == "Another entry with the same name already exists."


@every_version
def test_a_closed_period_moves_the_date_without_a_word(running: Running) -> None:
    running.control("lock", day="2026-10-31")
    running.invoice(name="SHOP-1001")
    invoice = running.invoice(invoice_date="2026-10-15")
    assert running.read(invoice, "date", "invoice_date") == ("2026-11-01", "2026-10-15")
    entry = running.entry("2026-10-15")
    running.done("account.move", "action_post", [entry])
    assert running.read(entry, "date") == "2026-11-23"
    running.control("lock", day="2026-11-30")
    assert "prior to and inclusive of: 2026-11-30" in running.refused("account.move", "button_draft", [entry])


def test_what_does_not_fit_is_refused(running: Running) -> None:
    assert running.refused("account.move", "create", [{"line_ids": [[0, 0, {"account_id": 1, "debit": 1}]]}]) == "The entry is not balanced."
    assert running.stand_in.control.call("documents") == []
    assert "Invalid field 'nosuch'" in running.refused("account.move", "search_read", [["nosuch", "=", 1]])
    assert "Record does not exist" in running.refused("account.move", "create", [{"partner_id": 9999}])
    assert "Wrong value" in running.refused("account.move", "create", [{"move_type": "gift"}])
    assert "unauthorized" in running.refused("res.partner", "search", [], context={"allowed_company_ids": [2]})
    empty = running.move(move_type="out_invoice", partner_id=running.partner())
    assert running.refused("account.move", "action_post", [empty]) == "You need to add a line before posting."
    running.control("deactivate", kind="account.account", id="27")
    assert "is deprecated" in running.refused("account.move", "create", [{"line_ids": [[0, 0, {"account_id": 27, "debit": 1}]]}])
    running.control("deny", model="account.move")
    assert "not allowed to access" in running.refused("account.move", "search", [])


@of(second_company=True)
def test_companies_see_their_own_rows(running: Running) -> None:
    other = {"allowed_company_ids": [2]}
    journal = running.done("account.journal", "search", [["type", "=", "general"]], context=other)
    assert journal == [1003, 1004, 1005]
    mine = running.entry()
    running.done("account.move", "action_post", [mine])
    assert running.done("account.move", "search", [], context=other) == []
    assert "top-secret" in running.refused("account.move", "read", [mine], ["name"], context=other)
    assert len(running.done("account.account", "search", [["code", "=", "400000"]])) == 2


def test_searches_follow_domains_orders_and_pages(running: Running) -> None:
    moves = [running.invoice(price, ref=f"r{price}") for price in (10, 30, 20)]
    find = lambda *domain, **named: running.done("account.move", "search", list(domain), **named)  # noqa: E731
    assert find("|", ["amount_total", "=", 10], ["ref", "like", "r3"]) == moves[:2]
    assert find("!", ["amount_total", ">=", 20]) == moves[:1]
    assert find(order="amount_total desc", limit=2, offset=1) == [moves[2], moves[0]]
    assert find(["partner_id.name", "ilike", "azure"], ["line_ids.account_id.code", "=", "400000"]) == moves
    assert find(["partner_id", "ilike", "azure"], ["ref", "in", ["r10", "r20"]]) == [moves[0], moves[2]]
    written = running.done("account.move", "read", [moves[0]], ["write_date"])[0]["write_date"]
    assert find(["write_date", ">=", written]) == moves
    running.clock.advance(5)
    running.done("account.move", "write", [moves[1]], {"ref": "later"})
    assert find(["write_date", ">", "2026-11-23 09:00:01"]) == [moves[1]]
    sums = running.done("account.move.line", "read_group", [["parent_state", "=", "posted"]], ["balance:sum"], ["account_id"])
    assert [(row["account_id"][0], row["balance"]) for row in sums] == [(27, -60.0), (7, 60.0)]


# --- money --------------------------------------------------------------------------------------------------------


def test_currencies_keep_both_amounts_and_leave_an_exchange_difference(running: Running) -> None:
    euro = running.done("res.currency", "search", [["name", "=", "EUR"]])[0]
    running.control("set_rate", currency="EUR", day="2026-11-01", rate="0.8")
    running.control("set_rate", currency="EUR", day="2026-11-21", rate="0.5")
    move = running.invoice(80, currency_id=euro)
    assert running.read(move, "amount_total", "amount_total_signed") == (80.0, 100.0)
    context = {"active_model": "account.move", "active_ids": [move]}
    wizard = running.done("account.payment.register", "create", {"journal_id": 6, "payment_date": "2026-11-22"}, context=context)
    running.done("account.payment.register", "action_create_payments", [wizard], context=context)
    assert running.read(move, "payment_state") == "paid"
    books = {(r["account"], r["currency"]): (r["minor"], r["home_minor"]) for r in running.control("books")}
    assert books["3", "EUR"] == (8000, 16000)
    assert books["30", "EUR"] == (0, -6000)
    assert sum(row["home_minor"] for row in running.control("books")) == 0
    assert sum(r["home_minor"] for r in running.control("books") if r["account"] == "7") == 0


def test_a_tax_line_can_be_set_by_hand_and_taxes_may_lie_in_the_price(running: Running) -> None:
    move = running.invoice("9.99", taxes=[3], post=False)
    assert running.read(move, "amount_untaxed", "amount_tax", "amount_total") == (8.32, 1.67, 9.99)
    line = running.done("account.move.line", "search", [["move_id", "=", move], ["tax_line_id", "!=", False]])[0]
    running.done("account.move", "write", [move], {"line_ids": [[1, line, {"amount_currency": -1.68}]]})
    assert running.read(move, "amount_tax", "amount_total") == (1.68, 10.0)


TENTHS = st.decimals(min_value="0.01", max_value="999.99", places=2)


@given(st.lists(st.tuples(TENTHS, st.integers(1, 9), st.sampled_from(["0", "5", "7.5", "20"]), st.booleans()), min_size=1, max_size=6), st.booleans())
def test_gross_is_net_and_tax_and_an_included_tax_changes_no_price(rows: Any, per_line: bool) -> None:
    rates = sorted({(rate, inside) for _p, _q, rate, inside in rows})
    rules = {r: TaxRule(id=n, amount=Decimal(r[0]), included=r[1]) for n, r in enumerate(rates)}
    parts = [Part(price=p, quantity=Decimal(q), discount=Decimal(0), taxes=(rules[rate, inside],)) for p, q, rate, inside in rows]
    result = worked(parts, 2, per_line, 2)
    for (price, quantity, _rate, inside), (net, gross) in zip(rows, result.lines, strict=True):
        assert net <= gross
        assert (gross if inside else net) == price * quantity
    if per_line:
        assert sum(g - n for n, g in result.lines) == sum(tax for _base, tax in result.taxes.values())


# --- people, faults, sales ----------------------------------------------------------------------------------------


@of(foreign=True)
def test_a_year_of_foreign_entries_is_in_the_books_and_not_in_the_ledger(running: Running) -> None:
    running.entry()
    assert running.stand_in.ledger() == []
    foreign = running.control("documents", origin="foreign")
    assert len(foreign) > 70
    assert min(row["day"] for row in foreign) < "2026-01-01"
    assert sum(row["home_minor"] for row in running.control("books")) == 0
    made = running.control("foreign", kind="account.move", body={"move_type": "entry", "date": "2026-05-04", "line_ids": [
        [0, 0, {"account_id": 33, "debit": "240.00"}], [0, 0, {"account_id": 3, "credit": "240.00"}]]})  # fmt: skip
    assert ("33", "2026-05-04", 24000) in {(p["account"], p["day"], p["minor"]) for p in made["postings"]}
    assert running.stand_in.ledger() == []


def test_people_alter_void_and_delete(running: Running) -> None:
    one, two, three = running.invoice(10), running.invoice(20), running.invoice(30)
    running.control("alter", kind="account.move", id=str(one), amount="11.50", day="2026-11-19", account="29")
    running.control("void", kind="account.move", id=str(two))
    running.control("delete", kind="account.move", id=str(three))
    rows = {r["id"]: r for r in running.control("documents")}
    assert (rows[str(two)]["status"], rows[str(three)]["gone"]) == ("VOIDED", True)
    ledger = {(r.account, r.day, r.minor) for r in running.stand_in.ledger()}
    assert ledger == {("29", date(2026, 11, 19), -1150), ("7", date(2026, 11, 19), 1150)}
    assert running.stand_in.control.missing({**ACCOUNTING_ACTIONS, **SALES_ACTIONS}) == ["expire_tokens", "revoke_tokens"]


@pytest.mark.parametrize("kind", ["answer_lost", "cut_before", "error_before", "error_after", "rate_limited"])
def test_a_load_that_met_a_fault_is_sent_again_and_stands_there_once(running: Running, kind: str) -> None:
    rows = [["__sync.e1", "entry", "2026-11-20", "__sync.e1_1", "1", "10", ""], ["", "", "", "__sync.e1_2", "27", "", "10"]]
    fields = ["id", "move_type", "date", "line_ids/id", "line_ids/account_id/.id", "line_ids/debit", "line_ids/credit"]
    running.control("fault", kind=kind, times=1)
    try:
        answer = httpx2.post(f"{running.url}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "params": {
            "service": "object", "method": "execute_kw", "args": ["odoo", 2, "admin", "account.move", "load", [fields, rows]]}},
            trust_env=False)  # fmt: skip
        assert answer.status_code >= 400
    except httpx2.TransportError:
        assert kind in ("answer_lost", "cut_before")
    running.control("conflicts", times=1)
    lost = running.done("account.move", "load", fields, rows)
    assert lost["messages"][0]["message"] == "could not serialize access due to concurrent update"
    move = running.done("account.move", "load", fields, rows)["ids"][0]
    running.done("account.move", "action_post", [move])
    assert [row["id"] for row in running.control("documents")] == [str(move)]
    assert {(r.account, r.minor) for r in running.stand_in.ledger()} == {("1", 1000), ("27", -1000)}
    assert running.control("documents")[0]["external_ids"] == ["__sync.e1"]


def test_a_lagging_search_finds_by_id_at_once(running: Running) -> None:
    running.control("fault", kind="lagging_search", times=1, seconds=30)
    move = running.entry()
    assert running.done("account.move", "search", []) == []
    assert running.read(move, "state") == "draft"
    running.clock.advance(31)
    assert running.done("account.move", "search", []) == [move]


@every_version
def test_sales_are_polled_by_what_was_written_last(running: Running) -> None:
    first = running.control("place_order", lines=[{"price": "10.00", "quantity": 2, "tax": [4]}], reference="w:1")
    running.clock.advance(60)
    second = running.control("place_order", lines=[{"price": "5.00"}])
    cursor = ["write_date", ">=", "2026-11-23 09:01:00"]
    poll = lambda: running.done("sale.order", "search", [cursor], order="write_date asc, id asc")  # noqa: E731
    assert poll() == [second["id"]]
    running.control("touch", order=first["id"])
    assert poll() == [first["id"], second["id"]]
    running.control("refund", order=first["id"])
    report = running.control("report")
    assert report == {"counts": {"orders": 2, "refunds": 1}, "sums": {"orders": {"USD": 2900}, "refunds": {"USD": 2400}}}
    sale = running.control("ring_up", lines=[{"price": "3.00", "quantity": 2, "tax": [4]}])
    running.control("pos_refund", order=sale["id"])
    rows = running.done("pos.order", "search_read", [], ["amount_total", "amount_tax", "state", "lines"])
    assert [(r["amount_total"], r["amount_tax"], r["state"], len(r["lines"])) for r in rows] == [(7.2, 1.2, "paid", 1), (-7.2, -1.2, "paid", 1)]


def test_automation_rules_tell_the_address_without_a_signature(running: Running) -> None:
    running.control("webhooks_to", url="http://127.0.0.1:9/hook")
    order = running.control("place_order", lines=[{"price": "5.00"}], invoice=False)
    rows = running.stand_in.outgoing()
    assert [row.topic for row in rows] == ["sale.order"]
    told = json.loads(rows[0].body)
    assert (told["_model"], told["_id"], list(told)) == ("sale.order", order["id"], sorted(told))
    assert set(rows[0].headers) == {"Content-Type"}
    assert "must be in draft" in running.refused("account.move", "action_post", [running.invoice()])
    running.control("webhooks_to", url="")


def test_a_load_is_all_or_nothing_and_names_the_record_that_is_wrong(running: Running) -> None:
    fields = ["id", "name", "country_id/.id"]
    answer = running.done("res.partner", "load", fields, [["__sync.p1", "One", "233"], ["__sync.p2", "Two", "999"]])
    assert answer["ids"] is False
    assert [(m["record"], m["rows"], m["field"]) for m in answer["messages"]] == [(1, {"from": 1, "to": 1}, "country_id")]
    assert running.done("res.partner", "search", [["name", "in", ["One", "Two"]]]) == []
    fields[2] = "country_id/id"
    assert running.done("res.partner", "load", fields, [["__sync.p1", "One", ""], ["__sync.p2", "Two", ""]])["ids"]


def test_an_outstanding_account_stops_payments_half_way() -> None:
    started = Running(version="18.0", outstanding=True)
    move = started.invoice(10)
    context = {"active_model": "account.move", "active_ids": [move]}
    vals = {"journal_id": 6, "amount": 8, "payment_difference_handling": "reconcile", "writeoff_account_id": 39}
    wizard = started.done("account.payment.register", "create", vals, context=context)
    payment = started.done("account.payment.register", "action_create_payments", [wizard], context=context)["res_id"]
    assert started.read(move, "payment_state", "amount_residual") == ("in_payment", 0.0)
    assert started.done("account.payment", "read", [payment], ["state"])[0]["state"] == "in_process"
    booked = {(r.account, r.minor) for r in started.stand_in.ledger() if r.day == date(2026, 11, 23)}
    assert booked == {("5", 800), ("39", 200), ("7", -1000)}
    started.sandbox.stop()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.text(max_size=8) | st.sampled_from(["id", "ref", "=", "in", "&", "|", "!"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "ref", "line_ids", "date", "journal_id", "ids"]), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["create", "write", "search", "load", "read", "search_read"]), ANYTHING, ANYTHING)
def test_nonsense_is_answered_as_an_error_of_the_vendors_and_leaves_nothing(method: str, one: Any, two: Any) -> None:
    stand_in = FOUNDED
    key = stand_in.control.call("grant")["api_key"]
    names = {"create": ["vals_list"], "write": ["ids", "vals"], "search": ["domain", "order"], "load": ["fields", "data"],
             "read": ["ids", "fields"], "search_read": ["domain", "fields"]}[method]  # fmt: skip
    body = json.dumps(dict(zip(names, (one, two), strict=False))).encode()
    request = Request(method="POST", path=f"/json/2/account.move/{method}", query_string="", body=body, now=START,
                      headers={"authorization": f"bearer {key}"})  # fmt: skip
    answer = stand_in.app.handled(request)
    assert answer.status == 200 or json.loads(answer.body)["name"]
    assert stand_in.ledger() == []


def test_the_web_session_calls_methods_with_its_cookie(running: Running) -> None:
    with httpx2.Client(base_url=running.url, trust_env=False) as web:
        call = {"jsonrpc": "2.0", "params": {"model": "res.partner", "method": "search_count", "args": [[]], "kwargs": {}}}
        assert web.post("/web/dataset/call_kw", json=call).json()["error"]["data"]["name"] == "odoo.http.SessionExpiredException"
        web.post("/web/session/authenticate", json={"jsonrpc": "2.0", "params": {"db": "odoo", "login": "admin", "password": "admin"}})
        assert web.post("/web/dataset/call_kw/res.partner/search_count", json=call).json()["result"] > 5
