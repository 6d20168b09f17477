"""Payments, the wizard that registers them on invoices, and the wizard that reverses moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.odoo import stand_in_chart as chart
from leja.connectors.odoo.stand_in_errors import user_error
from leja.connectors.odoo.stand_in_moves import Moves
from leja.connectors.odoo.stand_in_orm import Database, Model
from leja.connectors.odoo.stand_in_records import Body
from leja.connectors.odoo.stand_in_values import only_one

_LINE: Final = "account.move.line"
_REVERSED: Final = {"out_invoice": "out_refund", "out_refund": "out_invoice", "in_invoice": "in_refund", "in_refund": "in_invoice",
                    "out_receipt": "out_refund", "in_receipt": "in_refund", "entry": "entry"}  # fmt: skip


class Payments(Model):
    """``account.payment``: up to 17 its move is there from the draft on, since 18 from its posting."""

    def __init__(self, db: Database, moves: Moves) -> None:
        super().__init__(db, "account.payment")
        self._moves = moves

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        return {
            "action_post": (("ids",), self.action_post),
            "action_draft": (("ids",), self.action_draft),
            "action_cancel": (("ids",), self.action_cancel),
        }

    def prepared(self, vals: Body) -> Body:
        vals.setdefault("payment_type", "inbound")
        vals.setdefault("partner_type", "customer" if vals["payment_type"] == "inbound" else "supplier")
        vals.setdefault("date", self.db.call.today)
        if not vals.get("journal_id"):
            company = self.db.call.company
            vals["journal_id"] = next(
                i for i, b in self.db.records.rows("account.journal") if b["type"] in ("bank", "cash") and b["company_id"] == company
            )
        journal = self.db.seen("account.journal", vals["journal_id"])
        if journal["type"] not in ("bank", "cash", "credit"):
            raise user_error("The journal of a payment must be of type bank, cash or credit card.")
        vals["company_id"] = journal["company_id"]
        vals.setdefault("currency_id", journal["currency_id"] or self.db.home(journal["company_id"]))
        return vals

    def made(self, id_: int, vals: Body) -> None:  # noqa: ARG002
        self.db.records.update(self.name, id_, state="draft", move_id=False)
        if self.db.seen(self.name, id_)["amount"] < 0:
            raise user_error("The payment amount cannot be negative.")
        if self.db.version < 18:
            self._make_move(id_)

    def _make_move(self, id_: int) -> int:
        body = self.db.seen(self.name, id_)
        journal, company = self.db.seen("account.journal", body["journal_id"]), body["company_id"]
        inward = body["payment_type"] == "inbound"
        method = self.db.records.get("account.payment.method.line", body["payment_method_line_id"] or 0) or {}
        outstanding = method.get("payment_account_id") or journal["default_account_id"]
        if self.db.settings.outstanding and not method.get("payment_account_id"):
            outstanding = self._moves.posting.account(chart.OUTSTANDING_IN if inward else chart.OUTSTANDING_OUT, company)
        partner = self.db.records.get("res.partner", body["partner_id"] or 0) or {}
        side = ("receivable", chart.RECEIVABLE) if body["partner_type"] == "customer" else ("payable", chart.PAYABLE)
        counterpart = (body["destination_account_id"] or partner.get(f"property_account_{side[0]}_id")
                       or self._moves.posting.account(side[1], company))  # fmt: skip
        rate = self.db.rate(body["currency_id"], company, body["date"])
        amount = body["amount"] if inward else -body["amount"]
        balance = self.db.rounded(amount / rate, self.db.home(company))
        words = body.get("memo", body.get("ref")) or False
        shared = {"partner_id": body["partner_id"], "currency_id": body["currency_id"], "name": words or "Manual Payment"}
        move = self.db.create("account.move", {
            "move_type": "entry", "journal_id": body["journal_id"], "date": body["date"], "ref": words,
            "partner_id": body["partner_id"], "currency_id": body["currency_id"],
            "line_ids": [[0, 0, {**shared, "account_id": outstanding, "amount_currency": amount, "balance": balance}],
                         [0, 0, {**shared, "account_id": counterpart, "amount_currency": -amount, "balance": -balance}]],
        }, kept={"of_payment": id_, **{n: id_ for n in ("origin_payment_id", "payment_id") if n in self.db.fields("account.move")}})  # fmt: skip
        self.db.records.update(self.name, id_, move_id=move, outstanding_account_id=outstanding, destination_account_id=counterpart)
        return move

    def action_post(self, ids: list[int]) -> None:
        """Posts payments."""
        for id_ in ids:
            body = self.db.seen(self.name, id_)
            if body["state"] != "draft":
                raise user_error("Only draft payments can be posted." if self.db.version >= 18 else
                                 f"The entry {self.shown(id_, body, 'name')} (id {body['move_id']}) must be in draft.")  # fmt: skip
            move = body["move_id"] or self._make_move(id_)
            self._moves.posting.post(move)
            self.db.touch(self.name, id_, state=self._posted_state())

    def _posted_state(self) -> str:
        if self.db.version < 18:
            return "posted"
        return "in_process" if self.db.settings.outstanding else "paid"

    def action_draft(self, ids: list[int]) -> None:
        """Resets payments; since 18 their move is deleted with it."""
        for id_ in ids:
            body = self.db.seen(self.name, id_)
            if body["move_id"]:
                self._moves.posting.button_draft([body["move_id"]])
                if self.db.version >= 18:
                    self._moves.erase(body["move_id"])
                    self.db.records.update(self.name, id_, move_id=False)
            self.db.touch(self.name, id_, state="draft")

    def action_cancel(self, ids: list[int]) -> None:
        """Cancels payments; their reconciliations are undone."""
        for id_ in ids:
            body = self.db.seen(self.name, id_)
            if body["move_id"]:
                self._moves.posting.button_cancel([body["move_id"]])
            self.db.touch(self.name, id_, state="canceled" if self.db.version >= 18 else "cancel")

    def write(self, id_: int, vals: Body) -> None:
        body = self.db.seen(self.name, id_)
        fixed = {"amount", "date", "journal_id", "partner_id", "currency_id", "payment_type"} & vals.keys()
        if fixed and body["state"] != "draft":
            raise user_error("You cannot modify a payment that is not in draft: reset it first.")
        self.db.store_values(self.name, id_, vals)
        if fixed and body["move_id"]:
            self._moves.erase(body["move_id"])
            self._make_move(id_)

    def unlink(self, id_: int) -> None:
        body = self.db.seen(self.name, id_)
        if body["move_id"]:
            self._moves.unlink(body["move_id"])
        if body["state"] not in ("draft", "canceled", "cancel"):
            raise user_error("You cannot delete a payment that is posted.")
        self.db.records.remove(self.name, id_)

    def shown(self, id_: int, body: Body, field: str) -> Any:  # noqa: ARG002
        if field == "name":
            move = self.db.records.get("account.move", body["move_id"] or 0) or {}
            return move.get("name") or (False if self.db.version >= 18 else "/")
        if field == "amount_signed":
            return body["amount"] if body["payment_type"] == "inbound" else -body["amount"]
        if field in ("is_reconciled", "is_matched", "reconciled_invoice_ids", "invoice_ids"):
            moves = self._moves.posting.reconciling.settled_with(body["move_id"]) if body["move_id"] else []
            invoices = [m for m in moves if self.db.seen("account.move", m)["move_type"] != "entry"]
            if field == "is_matched":
                return bool(body["move_id"]) and not self.db.settings.outstanding
            return bool(moves) if field == "is_reconciled" else invoices
        return None

    def display(self, id_: int, body: Body) -> str:
        return str(self.shown(id_, body, "name") or "Draft Payment")


class Register(Model):
    """The wizard ``account.payment.register``: pays the moves that the context names."""

    def __init__(self, db: Database, moves: Moves, payments: Payments) -> None:
        super().__init__(db, "account.payment.register")
        self._moves, self._payments = moves, payments

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        return {"action_create_payments": (("ids",), self.action_create_payments)}

    def prepared(self, vals: Body) -> Body:
        context = self.db.call.context
        active = context.get("active_ids") or []
        lines = self._open(active) if context.get("active_model") == "account.move" else active
        if not lines:
            raise user_error("You can't register a payment because there is nothing left to pay on the selected journal items.")
        first = self.db.seen(_LINE, lines[0])
        vals["line_ids"] = [[6, 0, lines]]
        vals.setdefault("payment_date", self.db.call.today)
        vals.setdefault("currency_id", first["currency_id"])
        vals.setdefault("payment_difference_handling", "open")
        vals.setdefault("communication", self.db.seen("account.move", first["move_id"])["payment_reference"] or False)
        if "amount" not in vals:
            vals["amount"] = abs(sum((self.db.seen(_LINE, i)["amount_residual_currency"] for i in lines), Decimal(0)))
        if not vals.get("journal_id"):
            company = self.db.seen("account.move", first["move_id"])["company_id"]
            vals["journal_id"] = next(
                i for i, b in self.db.records.rows("account.journal") if b["type"] in ("bank", "cash") and b["company_id"] == company
            )
        return vals

    def _open(self, moves: list[int]) -> list[int]:
        lines = []
        for move in moves:
            if self.db.seen("account.move", move)["state"] != "posted":
                raise user_error("You can only register payment for posted journal entries.")
            lines += [
                i for i, b in self.db.records.children(_LINE, move) if b["display_type"] == "payment_term" and not b["reconciled"]
            ]
        return lines

    def action_create_payments(self, ids: list[int]) -> dict[str, Any]:
        """One payment for the lines; the action names it."""
        body = self.db.seen(self.name, only_one(ids, self.name))
        lines = [self.db.seen(_LINE, i) for i in body["line_ids"]]
        owed = sum((b["amount_residual_currency"] for b in lines), Decimal(0))
        sale = self.db.seen("account.move", lines[0]["move_id"])["move_type"].startswith("out")
        memo = "memo" if self.db.version >= 18 else "ref"
        payment = self.db.create("account.payment", {
            "payment_type": "inbound" if owed > 0 else "outbound", "partner_type": "customer" if sale else "supplier",
            "partner_id": lines[0]["partner_id"], "amount": body["amount"], "date": body["payment_date"], "journal_id": body["journal_id"],
            "currency_id": body["currency_id"], memo: body["communication"], "destination_account_id": lines[0]["account_id"],
            "payment_method_line_id": body["payment_method_line_id"],
        })  # fmt: skip
        if body["payment_difference_handling"] == "reconcile":
            self._write_off(payment, body, abs(owed))
        self._payments.action_post([payment])
        move = self.db.seen("account.payment", payment)["move_id"]
        settles = [i for i, b in self.db.records.children(_LINE, move) if b["account_id"] == lines[0]["account_id"]]
        self._moves.posting.reconciling.reconcile([*body["line_ids"], *settles])
        return {"name": "Payments", "type": "ir.actions.act_window", "res_model": "account.payment", "context": {"create": False},
                "view_mode": "form", "res_id": payment}  # fmt: skip

    def _write_off(self, payment: int, body: Body, owed: Decimal) -> None:
        kept = self.db.seen("account.payment", payment)
        gap = owed - kept["amount"]
        if not gap:
            return
        if not body["writeoff_account_id"]:
            raise user_error("Please set the write-off account.")
        move = kept["move_id"] or self._payments._make_move(payment)
        inward = kept["payment_type"] == "inbound"
        signed = gap if inward else -gap
        rate = self.db.rate(kept["currency_id"], kept["company_id"], kept["date"])
        line = next((i, b) for i, b in self.db.records.children(_LINE, move) if b["account_id"] == kept["destination_account_id"] or
                    b["account_id"] == self.db.seen("account.payment", payment)["destination_account_id"])  # fmt: skip
        home = self.db.rounded(signed / rate, self.db.home(kept["company_id"]))
        self.db.write("account.move", move, {"line_ids": [
            [1, line[0], {"amount_currency": line[1]["amount_currency"] - signed, "balance": line[1]["balance"] - home}],
            [0, 0, {"account_id": body["writeoff_account_id"], "amount_currency": signed, "balance": home,
                    "currency_id": kept["currency_id"], "partner_id": kept["partner_id"], "name": body["writeoff_label"] or "Write-Off"}],
        ]})  # fmt: skip


class Reversal(Model):
    """The wizard ``account.move.reversal``: ``refund_moves`` and ``modify_moves`` since 17, ``reverse_moves`` before."""

    def __init__(self, db: Database, moves: Moves) -> None:
        super().__init__(db, "account.move.reversal")
        self._moves = moves

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        if self.db.version < 17:
            return {"reverse_moves": (("ids",), self.reverse_moves)}
        return {"refund_moves": (("ids",), lambda ids: self._run(ids, "refund")),
                "modify_moves": (("ids",), lambda ids: self._run(ids, "modify"))}  # fmt: skip

    def prepared(self, vals: Body) -> Body:
        context = self.db.call.context
        if not vals.get("move_ids"):
            vals["move_ids"] = [[6, 0, context.get("active_ids") or []]]
        vals.setdefault("date", self.db.call.today)
        return vals

    def reverse_moves(self, ids: list[int]) -> dict[str, Any]:
        """The way of 14 to 16: ``refund_method`` says how."""
        return self._run(ids, self.db.seen(self.name, only_one(ids, self.name))["refund_method"] or "refund")

    def _run(self, ids: list[int], method: str) -> dict[str, Any]:
        body = self.db.seen(self.name, only_one(ids, self.name))
        if not body["move_ids"]:
            raise user_error("There is nothing to reverse: active_ids names no move.")
        made = [self._reverse(move, body, method) for move in body["move_ids"]]
        self.db.records.update(self.name, ids[0], new_move_ids=made)
        kind = self.db.seen("account.move", made[0])["move_type"]
        action: dict[str, Any] = {"name": "Reverse Moves", "type": "ir.actions.act_window", "res_model": "account.move"}
        if len(made) == 1:
            return {**action, "view_mode": "form", "res_id": made[0], "context": {"default_move_type": kind}}
        view = "list,form" if self.db.version >= 18 else "tree,form"
        return {**action, "view_mode": view, "domain": [["id", "in", made]], "context": {"default_move_type": kind}}

    def _reverse(self, move: int, wizard: Body, method: str) -> int:
        body = self.db.seen("account.move", move)
        if body["state"] != "posted":
            raise user_error("You can only reverse posted moves.")
        kind = _REVERSED[body["move_type"]]
        words = f"Reversal of: {body['name']}" + (f", {wizard['reason']}" if wizard["reason"] else "")
        vals: Body = {"move_type": kind, "journal_id": wizard["journal_id"], "partner_id": body["partner_id"], "ref": words,
                      "date": wizard["date"], "currency_id": body["currency_id"], "reversed_entry_id": move}  # fmt: skip
        if kind == "entry":
            vals["line_ids"] = self._copied(move, -1)
        else:
            vals |= {"invoice_date": wizard["date"], "invoice_line_ids": self._copied(move, 0)}
        made = self.db.create("account.move", vals)
        if kind == "entry" or method in ("cancel", "modify"):
            self._moves.posting.post(made)
            self._settle(move, made)
        if method == "modify" and kind != "entry":
            again = {**vals, "move_type": body["move_type"], "ref": body["ref"], "reversed_entry_id": False}
            return self.db.create("account.move", {**again, "invoice_line_ids": self._copied(move, 0)})
        return made

    def _copied(self, move: int, sign: int) -> list[Any]:
        lines = self.db.records.children(_LINE, move)
        if sign:
            names = ("account_id", "partner_id", "name", "currency_id", "analytic_distribution")
            return [
                [0, 0, {**{n: b[n] for n in names}, "balance": sign * b["balance"], "amount_currency": sign * b["amount_currency"]}]
                for _i, b in lines
            ]  # fmt: skip
        kept = ("product_id", "account_id", "name", "quantity", "price_unit", "discount", "analytic_distribution")
        return [
            [0, 0, {**{n: b[n] for n in kept}, "tax_ids": [[6, 0, b["tax_ids"]]]}]
            for _i, b in lines if b["display_type"] == "product"
        ]  # fmt: skip

    def _settle(self, move: int, made: int) -> None:
        old = {b["account_id"]: i for i, b in self.db.records.children(_LINE, move) if not b["reconciled"]}
        for line, body in self.db.records.children(_LINE, made):
            other = old.get(body["account_id"])
            if other and (self.db.records.get("account.account", body["account_id"]) or {}).get("reconcile"):
                self._moves.posting.reconciling.reconcile([other, line])
