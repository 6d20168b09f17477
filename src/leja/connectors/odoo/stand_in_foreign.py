"""The founding of the company, and a year of entries that people made there by hand. Seeded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from leja.connectors.odoo import stand_in_chart as chart
from leja.connectors.odoo.stand_in_moves import Moves
from leja.connectors.odoo.stand_in_orm import Database


def found_company(db: Database, moves: Moves) -> None:
    """Opens the database once: company, chart, journals, taxes, customers, foreign entries. Does nothing the second time."""
    store = db.env.store
    if store.get("preference", "founded"):
        return
    with db.acting({}, origin=""):
        db.records.insert("res.users", {"name": "Administrator", "login": db.settings.login, "active": True, "partner_id": 3,
                                        "company_id": 1, "company_ids": [1], "lang": "en_US", "tz": False}, id_=2)  # fmt: skip
        _currencies(db)
        _companies(db)
        for company in db.user_companies():
            _books(db, company)
        _rates(db)
        _masters(db)
    if db.settings.foreign:
        with db.acting({"allowed_company_ids": [1]}, origin="foreign"):
            end = db.settings.season_end or db.env.clock().date().isoformat()
            _year(db, moves, date.fromisoformat(end))
    db.pending.clear()
    store.put("preference", "founded", True)


def _currencies(db: Database) -> None:
    for id_, code, symbol, places in chart.currencies():
        active = code == db.settings.home_currency or code in db.settings.currencies
        unit = Decimal(1).scaleb(-places)
        body = {"name": code, "symbol": symbol, "active": active, "rounding": str(unit), "places": places, "full_name": code}
        db.records.insert("res.currency", body, id_=id_)


def _companies(db: Database) -> None:
    home = next(i for i, code, _s, _p in chart.currencies() if code == db.settings.home_currency)
    names = ["My Company", "Other Company"][: 2 if db.settings.second_company else 1]
    for id_, name in enumerate(names, 1):
        partner = db.records.insert("res.partner", {"name": name, "active": True, "is_company": True}, id_=id_)
        values = {n: db.convert("res.company", f, None) for n, f in db.fields("res.company").items() if not f.inverse}
        values |= {"name": name, "currency_id": home, "partner_id": partner, "country_id": 233, "active": True,
                   "tax_calculation_rounding_method": db.settings.rounding, "fiscalyear_last_day": 31,
                   "fiscalyear_last_month": "12", "account_price_include": "tax_excluded",
                   "currency_exchange_journal_id": chart.EXCHANGE_JOURNAL}  # fmt: skip
        db.records.insert("res.company", values, id_=id_)
    db.records.insert("res.partner", {"name": "Administrator", "active": True}, id_=3)
    db.records.update("res.users", 2, company_ids=list(range(1, len(names) + 1)))


def _books(db: Database, company: int) -> None:
    shift = 1000 * (company - 1)
    with db.acting({"allowed_company_ids": [company]}, origin=""):
        for row in chart.ACCOUNTS:
            db.create("account.account", chart.account_values(row, db.settings, company), id_=row[0] + shift)
        for id_, name, code, kind, account in chart.JOURNALS:
            db.create("account.journal", {
                "name": name, "code": code, "type": kind, "company_id": company, "active": True, "sequence": id_,
                "default_account_id": account + shift if account else False, "refund_sequence": kind in ("sale", "purchase"),
                "payment_sequence": kind in ("bank", "cash"),
            }, id_=id_ + shift)  # fmt: skip
        if company == 1:
            for id_, (name, code) in chart.COUNTRIES.items():
                db.create("res.country", {"name": name, "code": code}, id_=id_)
            db.create("account.tax.group", {"name": "Tax", "sequence": 1}, id_=1)
        for id_, name, amount, use, included in chart.TAXES:
            price = {"price_include_override": "tax_included" if included else False} if db.version >= 18 else {"price_include": included}
            db.create("account.tax", {"name": name, "amount": amount, "type_tax_use": use, "company_id": company, **price}, id_=id_ + shift)


def _rates(db: Database) -> None:
    ids = {code: i for i, code, _s, _p in chart.currencies()}
    for code, rate in db.settings.currencies.items():
        if code != db.settings.home_currency:
            db.create("res.currency.rate", {"name": "2020-01-01", "rate": rate, "currency_id": ids[code], "company_id": 1})


def _masters(db: Database) -> None:
    db.create("uom.uom", {"name": "Units", "active": True}, id_=1)
    db.create("account.payment.term", {"name": "Immediate Payment", "active": True, "sequence": 10}, id_=1)
    net = db.create("account.payment.term", {"name": "30 Days", "active": True, "sequence": 10}, id_=4)
    days = "nb_days" if db.version >= 17 else "days"
    db.create("account.payment.term.line", {"payment_id": net, "value": "percent", "value_amount": 100, days: 30})
    db.create("stock.location", {"name": "Stock", "usage": "internal", "active": True, "company_id": 1}, id_=8)
    for method, journal in (("Cash", 7), ("Card", 8)):
        if db.settings.pos:
            db.create("pos.payment.method", {"name": method, "journal_id": journal, "active": True})
    for name in chart.CUSTOMERS:
        db.create("res.partner", {"name": name, "is_company": True, "customer_rank": 1})
    for name in chart.SUPPLIERS:
        db.create("res.partner", {"name": name, "is_company": True, "supplier_rank": 1})
    for code, name, price in chart.PRODUCTS:
        db.create("product.product", {"name": name, "default_code": code, "list_price": price, "taxes_id": [[6, 0, [1]]]})


def _year(db: Database, moves: Moves, last: date) -> None:
    random = Random(f"{db.env.seed}/{last}")  # noqa: S311 - a repeatable season, no secret
    partners = {b["name"]: i for i, b in db.records.rows("res.partner")}

    def accept(**vals: Any) -> int:
        move = db.create("account.move", vals)
        moves.posting.post(move, locked=False)
        return move

    for month in range(12, 0, -1):
        first = (last - timedelta(days=30 * month)).replace(day=1)
        _month(db, random, first, last, partners, accept)


def _month(
    db: Database,
    random: Random,
    first: date,
    last: date,
    partners: dict[str, int],
    accept: Callable[..., int],
) -> None:
    def day(number: int) -> str:
        return min(first + timedelta(days=number - 1), last).isoformat()

    def amount(low: int, high: int) -> Decimal:
        return Decimal(random.randint(low * 100, high * 100)).scaleb(-2)

    def entry(words: str, when: str, *lines: tuple[int, Decimal]) -> int:
        return accept(move_type="entry", journal_id=3, date=when, ref=words,
                      line_ids=[[0, 0, {"account_id": a, "balance": m, "name": words}] for a, m in lines])  # fmt: skip

    def document(kind: str, partner: str, when: str, words: str, account: int, value: Decimal, tax: int) -> int:
        line = {"name": words, "quantity": 1, "price_unit": value, "account_id": account, "tax_ids": [[6, 0, [tax]]]}
        return accept(move_type=kind, partner_id=partners[partner], invoice_date=when, ref=words, invoice_line_ids=[[0, 0, line]])

    def pay(move: int, when: str) -> None:
        # The wizard itself would ask for the context of a client.
        with db.acting({"active_model": "account.move", "active_ids": [move]}, origin="foreign"):
            wizard = db.create("account.payment.register", {"payment_date": when, "journal_id": 6})
            db.models["account.payment.register"].methods()["action_create_payments"][1]([wizard])

    rent, fee = Decimal(2400), amount(8, 30)
    entry("Shop rent", day(1), (34, rent), (3, -rent))
    entry("Bank fee", day(28), (35, fee), (3, -fee))
    wages, withheld = amount(6000, 7500), amount(1400, 1900)
    entry(f"Salaries {first:%B %Y}", day(27), (37, wages), (19, -withheld), (18, withheld - wages))
    for supplier, account, low, high in (("City Power", 33, 120, 300), ("Lumber Inc", 32, 900, 3200)):
        bill = document("in_invoice", supplier, day(random.randint(2, 20)), "Supplier bill", account, amount(low, high), 7)
        if random.randint(1, 10) <= 8:
            pay(bill, day(26))
    customer = random.choice(chart.CUSTOMERS)
    invoice = document("out_invoice", customer, day(9), "typed by hand", 27, amount(80, 900), 4)
    if random.randint(1, 10) <= 6:
        pay(invoice, day(25))
