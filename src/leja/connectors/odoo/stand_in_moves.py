"""``account.move`` and its lines: what a draft comes to, and what may be changed when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.odoo import stand_in_chart as chart
from leja.connectors.odoo.stand_in_errors import user_error
from leja.connectors.odoo.stand_in_orm import Database, Model
from leja.connectors.odoo.stand_in_posting import Posting
from leja.connectors.odoo.stand_in_records import Body
from leja.connectors.odoo.stand_in_tax import Part, Worked, as_rule, worked

ZERO: Final = Decimal(0)
SALE: Final = ("out_invoice", "out_refund", "out_receipt")
PURCHASE: Final = ("in_invoice", "in_refund", "in_receipt")
# What the product lines of a document do: debit positive.
SIGN: Final = {"out_invoice": -1, "out_receipt": -1, "in_refund": -1, "out_refund": 1, "in_invoice": 1, "in_receipt": 1}
_FIXED: Final = (
    "invoice_date", "partner_id", "invoice_line_ids", "line_ids", "date", "currency_id", "journal_id",
    "invoice_payment_term_id", "fiscal_position_id",
)  # fmt: skip
_AMOUNTS: Final = ("debit", "credit", "balance", "amount_currency")
_LEGAL: Final = frozenset({
    *_AMOUNTS, "account_id", "currency_id", "quantity", "price_unit", "discount", "tax_ids", "tax_line_id", "partner_id",
    "product_id", "move_id", "display_type",
})  # fmt: skip
_READY: Final = "_ready"


class Moves(Model):
    """Journal entries, invoices, credit notes, bills and receipts."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "account.move")
        self.posting = Posting(db)

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        return {
            "action_post": (("ids",), self.posting.action_post),
            "button_draft": (("ids",), self.posting.button_draft),
            "button_cancel": (("ids",), self.posting.button_cancel),
            "js_assign_outstanding_line": (("ids", "line_id"), self.assign),
        }

    def assign(self, ids: list[int], line_id: int) -> Any:
        """Reconciles an open line of a payment or credit note with the document."""
        account = self.db.seen("account.move.line", line_id)["account_id"]
        lines = [
            i for i, b in self.db.records.children("account.move.line", ids[0])
            if b["account_id"] == account and not b["reconciled"]
        ]  # fmt: skip
        self.posting.reconciling.reconcile([*lines, line_id])

    # --- values ---------------------------------------------------------------------------------------------------

    def prepared(self, vals: Body) -> Body:
        context = self.db.call.context
        vals.setdefault("move_type", context.get("default_move_type", "entry"))
        if not vals.get("journal_id"):
            vals["journal_id"] = context.get("default_journal_id") or self._journal(vals)
        journal = self.db.seen("account.journal", vals["journal_id"])
        _fit_journal(vals["move_type"], journal["type"])
        vals["company_id"] = journal["company_id"]
        home = self.db.home(journal["company_id"])
        vals.setdefault("currency_id", journal["currency_id"] or home)
        vals.setdefault("auto_post", "no")
        today = self.db.call.today
        if not vals.get("date"):
            vals["date"] = vals.get("invoice_date") or today
        if vals["move_type"] != "entry" and not vals.get("invoice_date_due"):
            vals["invoice_date_due"] = self._due(vals) or today
        return vals

    def _journal(self, vals: Body) -> int:
        wanted = "sale" if vals["move_type"] in SALE else "purchase" if vals["move_type"] in PURCHASE else "general"
        company = vals.get("company_id") or self.db.call.company
        for id_, body in self.db.records.rows("account.journal"):
            if body["type"] == wanted and body["company_id"] == company and body["active"]:
                return id_
        raise user_error(f"No journal could be found in company {company} for any of those types: {wanted}")

    def _due(self, vals: Body) -> Any:
        term = vals.get("invoice_payment_term_id")
        lines = self.db.records.children("account.payment.term.line", term) if term else []
        if not lines:
            return None
        days = max(int(b.get("nb_days", 0) or b.get("days", 0) or 0) for _i, b in lines)
        return self.posting.later(vals.get("invoice_date") or self.db.call.today, days)

    def made(self, id_: int, vals: Body) -> None:
        reverses = bool(vals.get("reversed_entry_id"))
        self.db.records.update(
            "account.move", id_, state="draft", payment_state="not_paid", posted_before=False, reverses=reverses,
            name=vals.get("name") or False, named=bool(vals.get("name")), inalterable_hash=False,
        )  # fmt: skip
        self.recompute(id_)

    def write(self, id_: int, vals: Body) -> None:
        body = self.db.seen("account.move", id_)
        if body["state"] == "posted":
            wrong = [name for name in _FIXED if name in vals]
            if wrong:
                fields = ", ".join(wrong)
                raise user_error(f"You cannot modify the following readonly fields on a posted move: {fields}")
        vals = {k: v for k, v in vals.items() if k != "move_type" or v == body["move_type"]}
        if vals.get("invoice_date") and "date" not in vals and body["move_type"] != "entry":
            vals["date"] = vals["invoice_date"]
        if body["state"] != "draft":
            self.db.store_values("account.move", id_, vals)
            return
        self.db.records.update("account.move", id_, **{_READY: False})
        self.db.store_values("account.move", id_, vals)
        if "name" in vals:
            self.db.records.update("account.move", id_, named=bool(vals["name"]))
        self.recompute(id_)

    def unlink(self, id_: int) -> None:
        body = self.db.seen("account.move", id_)
        if body["state"] == "posted":
            raise user_error(
                "You can't delete a posted journal item. Don’t play games with your accounting records; reset the journal "
                "entry to draft before deleting it."
            )
        if body["posted_before"] and body["name"] and not self.posting.is_last(body):
            raise user_error(
                "You cannot delete this entry, as it has already consumed a sequence number and is not the last one in the "
                "chain. You should probably revert it instead."
            )
        self.erase(id_)

    def erase(self, id_: int) -> None:
        """Removes a move and its lines without asking."""
        for line, _body in self.db.records.children("account.move.line", id_):
            self.db.records.remove("account.move.line", line)
        self.db.records.remove("account.move", id_)

    def shown(self, id_: int, body: Body, field: str) -> Any:
        if field == "invoice_line_ids":
            kinds = ("product", "line_section", "line_note")
            lines = self.db.records.children("account.move.line", id_) if body["move_type"] != "entry" else []
            return [i for i, b in lines if b["display_type"] in kinds]
        if field == "name" and not body.get("name"):
            return False if self.db.version >= 18 else "/"
        if field == "company_currency_id":
            return self.db.home(body["company_id"])
        if field == "commercial_partner_id":
            return body["partner_id"]
        if field == "tax_calculation_rounding_method":
            return self.db.seen("res.company", body["company_id"])["tax_calculation_rounding_method"]
        return None

    def display(self, id_: int, body: Body) -> str:
        name = body.get("name") or f"Draft ({id_})"
        return f"{name} ({body['ref']})" if body.get("ref") else str(name)

    # --- amounts --------------------------------------------------------------------------------------------------

    def recompute(self, id_: int) -> None:
        """Works a draft out again; ``Database.pending`` remembers that it must balance at the end of the call."""
        body = self.db.records.update("account.move", id_, **{_READY: True})
        lines = self.db.records.children("account.move.line", id_)
        if body["move_type"] == "entry":
            self._entry_taxes(id_, body, lines)
            total = sum((b["debit"] for _i, b in self.db.records.children("account.move.line", id_)), ZERO)
            self.db.touch("account.move", id_, amount_total=total, amount_total_signed=total)
        else:
            self._document(id_, body, lines)
        self.posting.reconciling.refresh(id_)
        self.db.pending.add(id_)

    def _document(self, id_: int, body: Body, lines: list[tuple[int, Body]]) -> None:
        sign = SIGN[body["move_type"]]
        product = [(i, b) for i, b in lines if b["display_type"] == "product"]
        result = self.works(body["company_id"], body["currency_id"], [b for _i, b in product])
        for (line, _b), (net, gross) in zip(product, result.lines, strict=True):
            self._amounts(line, body, sign * net, price_subtotal=net, price_total=gross)
        tax = self._tax_lines(id_, body, lines, {t: (b * sign, a * sign) for t, (b, a) in result.taxes.items()})
        net = sum((n for n, _g in result.lines), ZERO)
        self._term_line(id_, body)
        others = [b for _i, b in self.db.records.children("account.move.line", id_) if b["display_type"] != "payment_term"]
        home = sum((b["balance"] for b in others), ZERO)
        untaxed_home = sum((b["balance"] for b in others if b["display_type"] == "product"), ZERO)
        # Signed amounts: positive where the company is owed.
        self.db.touch(
            "account.move", id_, amount_untaxed=net, amount_tax=tax * sign, amount_total=net + tax * sign,
            amount_untaxed_signed=-untaxed_home, amount_tax_signed=untaxed_home - home, amount_total_signed=-home,
            amount_total_in_currency_signed=-(net * sign + tax),
            invoice_currency_rate=self._rate(body),
        )  # fmt: skip

    def works(self, company: int, currency: int, lines: list[Body], taxes: str = "tax_ids", quantity: str = "quantity") -> Worked:
        """Subtotals and taxes of lines that bear price, quantity, discount and taxes."""
        per_line = self.db.seen("res.company", company)["tax_calculation_rounding_method"] != "round_globally"
        rules = {i: as_rule(i, self.db.seen("account.tax", i)) for b in lines for i in b[taxes]}
        parts = [
            Part(price=b["price_unit"], quantity=b[quantity], discount=b["discount"], taxes=tuple(rules[i] for i in b[taxes]))
            for b in lines
        ]  # fmt: skip
        digits = None if self.db.version >= 19 else self.db.settings.price_digits
        return worked(parts, self.db.places(currency), per_line, digits)

    def _tax_lines(self, id_: int, body: Body, lines: list[tuple[int, Body]], taxes: dict[int, tuple[Decimal, Decimal]]) -> Decimal:
        kept = {b["tax_line_id"]: (i, b) for i, b in lines if b["display_type"] == "tax"}
        total = ZERO
        for tax, (base, amount) in taxes.items():
            line, old = kept.pop(tax, (0, {}))
            if old and old.get("manual") and old["tax_base_amount"] == abs(base):
                amount = old["amount_currency"]
            elif not amount:
                if line:
                    self.db.records.remove("account.move.line", line)
                continue
            if not line:
                rule = self.db.seen("account.tax", tax)
                line = self._insert(id_, body, "tax", account=rule["account"], name=rule["name"], tax_line_id=tax)
            self._amounts(line, body, amount, tax_base_amount=abs(base))
            total += amount
        for line, _old in kept.values():
            self.db.records.remove("account.move.line", line)
        return total

    def _term_line(self, id_: int, body: Body) -> None:
        lines = self.db.records.children("account.move.line", id_)
        terms = [i for i, b in lines if b["display_type"] == "payment_term"]
        others = [b for _i, b in lines if b["display_type"] != "payment_term"]
        line = terms[0] if terms else self._insert(id_, body, "payment_term", account=self._partner_account(body), name=False)
        balance = -sum((b["balance"] for b in others), ZERO)
        amount = -sum((b["amount_currency"] for b in others), ZERO)
        name = body["ref"] or False
        self._keep(line, amount, balance, partner_id=body["partner_id"], date_maturity=body["invoice_date_due"], name=name,
                   account_id=self._partner_account(body))  # fmt: skip

    def _partner_account(self, body: Body) -> int:
        sale = body["move_type"] in SALE
        name = "property_account_receivable_id" if sale else "property_account_payable_id"
        partner = self.db.records.get("res.partner", body["partner_id"] or 0) or {}
        return int(partner.get(name) or self.posting.account(chart.RECEIVABLE if sale else chart.PAYABLE, body["company_id"]))

    def _insert(self, id_: int, body: Body, kind: str, account: int, name: Any, **more: Any) -> int:
        vals = {"move_id": id_, "display_type": kind, "account_id": account, "name": name, "currency_id": body["currency_id"]}
        kept = {"partner_id": body["partner_id"], **more, "tax_ids": []}
        return self.db.create("account.move.line", {**vals, "tax_ids": []}, kept=kept)

    def _rate(self, body: Body) -> Decimal:
        return self.db.rate(body["currency_id"], body["company_id"], body["invoice_date"] or body["date"])

    def _amounts(self, line: int, body: Body, amount: Decimal, **more: Any) -> None:
        balance = self.db.rounded(amount / self._rate(body), self.db.home(body["company_id"]))
        self._keep(line, amount, balance, currency_id=body["currency_id"], partner_id=body["partner_id"], **more)

    def _keep(self, line: int, amount: Decimal, balance: Decimal, **more: Any) -> None:
        self.db.records.update(
            "account.move.line", line, amount_currency=amount, balance=balance, debit=max(balance, ZERO),
            credit=max(-balance, ZERO), **more,
        )  # fmt: skip

    def _entry_taxes(self, id_: int, body: Body, lines: list[tuple[int, Body]]) -> None:
        # Taxes on the lines of an entry add tax lines, and what is then missing goes to the suspense account.
        taxed = [b for _i, b in lines if b["tax_ids"]]
        if not taxed or any(b["tax_line_id"] for _i, b in lines):
            return
        for base in taxed:
            for tax in base["tax_ids"]:
                rule = self.db.seen("account.tax", tax)
                amount = self.db.rounded(base["amount_currency"] * rule["amount"] / 100, base["currency_id"])
                line = self._insert(id_, body, "tax", account=rule["account"], name=rule["name"], tax_line_id=tax)
                self._amounts(line, body, amount, tax_base_amount=abs(base["balance"]))
        gap = sum((b["balance"] for _i, b in self.db.records.children("account.move.line", id_)), ZERO)
        if gap:
            suspense = self.posting.account(chart.SUSPENSE, body["company_id"])
            line = self._insert(id_, body, "product", account=suspense, name="Automatic Balancing Line")
            self._keep(line, -gap, -gap)


class MoveLines(Model):
    """Journal items."""

    def __init__(self, db: Database, moves: Moves) -> None:
        super().__init__(db, "account.move.line")
        self._moves = moves

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        reconciling = self._moves.posting.reconciling
        return {
            "reconcile": (("ids",), reconciling.reconcile),
            "remove_move_reconcile": (("ids",), reconciling.undo),
        }

    def prepared(self, vals: Body) -> Body:
        move = self.db.seen("account.move", vals["move_id"])
        if move.get("state") == "posted" and self.db.call.origin == "api":
            raise user_error("You cannot add/modify lines of a posted entry; reset it to draft first.")
        vals.setdefault("currency_id", move["currency_id"])
        kind = vals.setdefault("display_type", "tax" if vals.get("tax_line_id") else "product")
        if move["move_type"] != "entry" and kind == "product":
            self._document_line(vals, move)
        vals.setdefault("quantity", 1 if move["move_type"] != "entry" and kind == "product" else 0)
        vals.setdefault("partner_id", move["partner_id"] or False)
        if kind in ("line_section", "line_note"):
            vals["account_id"] = False
        elif not vals.get("account_id"):
            raise user_error("Missing required account on accountable line.")
        return vals | self._balanced(vals, move)

    def _document_line(self, vals: Body, move: Body) -> None:
        sale = move["move_type"] in SALE
        product = self.db.seen("product.product", vals["product_id"]) if vals.get("product_id") else {}
        journal = self.db.seen("account.journal", move["journal_id"])
        chosen = product.get("property_account_income_id" if sale else "property_account_expense_id")
        vals["account_id"] = vals.get("account_id") or chosen or journal["default_account_id"]
        if "tax_ids" not in vals:
            account = self.db.records.get("account.account", vals["account_id"]) or {}
            taxes = product.get("taxes_id" if sale else "supplier_taxes_id") or account.get("tax_ids") or []
            vals["tax_ids"] = [[6, 0, taxes]]
        if product:
            code = f"[{product['default_code']}] " if product["default_code"] else ""
            vals["name"] = vals.get("name") or f"{code}{product['name']}"
            vals.setdefault("price_unit", product["list_price"])

    def _balanced(self, vals: Body, move: Body) -> Body:
        given = {n: self.db.convert(self.name, self.db.fields(self.name)[n], vals[n]) for n in _AMOUNTS if vals.get(n) is not None}
        home, currency = self.db.home(move["company_id"]), vals["currency_id"]
        rate = self.db.rate(currency, move["company_id"], move["date"])
        amount = given.get("amount_currency")
        if "balance" in given or given.get("debit") or given.get("credit"):
            balance = given.get("balance", given.get("debit", ZERO) - given.get("credit", ZERO))
        else:
            balance = ZERO if amount is None else amount / rate
        balance = self.db.rounded(balance, home)
        amount = balance if currency == home else balance * rate if amount is None else amount
        return {"balance": balance, "amount_currency": self.db.rounded(amount, currency),
                "debit": max(balance, ZERO), "credit": max(-balance, ZERO)}  # fmt: skip

    def made(self, id_: int, vals: Body) -> None:  # noqa: ARG002
        move = self.db.seen("account.move", vals["move_id"])
        self.check_account(vals.get("account_id"))
        if move.get(_READY) and vals.get("display_type") in ("product", "line_section", "line_note"):
            self._moves.recompute(vals["move_id"])

    def check_account(self, account: Any) -> None:
        """Refuses an account that is out of use."""
        body = self.db.records.get("account.account", account) if account else None
        if body and (body.get("deprecated") or body.get("active") is False):
            word = "archived" if self.db.version >= 19 else "deprecated"
            raise user_error(f"The account {body['name']} ({body['code']}) is {word}.")

    def write(self, id_: int, vals: Body) -> None:
        line = self.db.seen(self.name, id_)
        move = self.db.seen("account.move", line["move_id"])
        if move["state"] == "posted" and _LEGAL & vals.keys():
            raise user_error(
                "You cannot do this modification on a posted journal entry, you can just change some non legal fields. You "
                "must reset the journal entry to draft first."
            )
        self.check_account(vals.get("account_id"))
        touched = [n for n in _AMOUNTS if n in vals]
        if touched:
            given: Body = {n: vals[n] for n in touched}
            if {"debit", "credit"} & given.keys():
                given = {"debit": line["debit"], "credit": line["credit"], **given}
            vals = {**vals, **self._balanced({**given, "currency_id": vals.get("currency_id", line["currency_id"])}, move)}
        self.db.store_values(self.name, id_, vals)
        if touched and line["display_type"] == "tax":
            self.db.records.update(self.name, id_, manual=True)
        if move["state"] == "draft" and move.get(_READY):
            self._moves.recompute(line["move_id"])

    def unlink(self, id_: int) -> None:
        line = self.db.seen(self.name, id_)
        move = self.db.seen("account.move", line["move_id"])
        if move["state"] == "posted":
            raise user_error("You cannot delete an item linked to a posted entry.")
        self.db.records.remove(self.name, id_)
        if move.get(_READY):
            self._moves.recompute(line["move_id"])

    def shown(self, id_: int, body: Body, field: str) -> Any:  # noqa: ARG002
        move = self.db.records.get("account.move", body["move_id"]) or {}
        taken = {"move_name": "name", "parent_state": "state", "date": "date", "ref": "ref", "journal_id": "journal_id",
                 "company_id": "company_id", "move_type": "move_type", "invoice_date": "invoice_date"}  # fmt: skip
        if field in taken:
            return self._moves.shown(body["move_id"], move, taken[field]) or move.get(taken[field], False)
        if field == "company_currency_id":
            return self.db.home(move["company_id"])
        if field == "account_type":
            return (self.db.records.get("account.account", body["account_id"] or 0) or {}).get("account_type", False)
        if field == "payment_id":
            return move.get("origin_payment_id", move.get("payment_id", False))
        return None

    def display(self, id_: int, body: Body) -> str:  # noqa: ARG002
        move = self.db.records.get("account.move", body["move_id"]) or {}
        return f"{move.get('name') or 'Draft'} {body.get('name') or ''}".strip()


def _fit_journal(move_type: str, journal_type: str) -> None:
    if (move_type in SALE and journal_type != "sale") or (move_type in PURCHASE and journal_type != "purchase"):
        wanted = "sale" if move_type in SALE else "purchase"
        raise user_error(f"Cannot create an invoice of type {move_type} with a journal having {journal_type} as type: {wanted} is needed.")
