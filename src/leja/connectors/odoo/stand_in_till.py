"""What salespeople do there: sales orders with invoices and credit notes, and sales at the till."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from leja.connectors.odoo.stand_in_moves import Moves
from leja.connectors.odoo.stand_in_orm import Database
from leja.connectors.odoo.stand_in_records import Body
from leja.connectors.odoo.stand_in_sales import SaleOrders
from leja_sandbox.kit import StandIn


class Till:
    """The actions of sales; amounts are text in major units."""

    def __init__(self, db: Database, moves: Moves, orders: SaleOrders) -> None:
        self._db, self._moves, self._orders = db, moves, orders

    def hand(self, stand_in: StandIn) -> None:
        """Adds them to the control."""
        for name in ("report", "place_order", "edit_order", "cancel_order", "refund", "touch", "ring_up", "pos_refund", "close_session"):
            stand_in.control.action(name)(getattr(self, name))

    def place_order(
        self,
        lines: list[dict[str, Any]],
        customer: str = "",
        reference: str = "",
        created_at: str = "",
        confirm: bool = True,
        invoice: bool = True,
    ) -> dict[str, Any]:
        """A sales order: lines of ``price``, ``quantity`` and, if wanted, ``name``, ``tax`` (ids), ``discount``."""
        now = datetime.fromisoformat(created_at) if created_at else None
        with self._db.acting({}, origin="foreign", now=now):
            order = self._db.create("sale.order", {
                "partner_id": self._customer(customer), "client_order_ref": reference,
                "order_line": [[0, 0, self._line(line)] for line in lines],
            })  # fmt: skip
            if confirm:
                self._orders.action_confirm([order])
            if confirm and invoice:
                self._moves.posting.post(self._orders.invoiced(order))
        return self._shown(order)

    def _customer(self, name: str) -> int:
        domain = [["name", "=", name]] if name else [["customer_rank", ">", 0]]
        found = self._db.search("res.partner", domain)
        return found[0] if found else self._db.create("res.partner", {"name": name, "customer_rank": 1})

    def _line(self, line: dict[str, Any]) -> Body:
        return {"product_id": self._db.search("product.product", [])[0], "name": line.get("name") or "Widget",
                "product_uom_qty": Decimal(str(line.get("quantity", 1))), "price_unit": Decimal(str(line["price"])),
                "discount": Decimal(str(line.get("discount", 0))), self._orders.taxes: [[6, 0, line.get("tax", [])]]}  # fmt: skip

    def _shown(self, order: int) -> dict[str, Any]:
        body = self._db.seen("sale.order", order)
        return {"id": order, "name": body["name"], "state": body["state"], "total": str(body["amount_total"]), "invoices": body["invoices"]}

    def edit_order(self, order: int, price: str, line: int = 0) -> dict[str, Any]:
        """A line of an order gets another price."""
        with self._db.acting({}, origin="foreign"):
            lines = [i for i, _b in self._db.records.children("sale.order.line", order)]
            self._db.write("sale.order.line", lines[line], {"price_unit": Decimal(price)})
        return self._shown(order)

    def cancel_order(self, order: int) -> dict[str, Any]:
        """An order is cancelled."""
        with self._db.acting({}, origin="foreign"):
            self._orders.action_cancel([order])
        return self._shown(order)

    def touch(self, order: int, note: str = "called back") -> dict[str, Any]:
        """A change without money."""
        with self._db.acting({}, origin="foreign"):
            self._db.touch("sale.order", order, note=note)
        return self._shown(order)

    def refund(self, order: int, amount: str = "") -> dict[str, Any]:
        """A posted credit note for an order's invoice, whole or of an amount without tax."""
        with self._db.acting({}, origin="foreign"):
            invoice = self._db.seen("sale.order", order)["invoices"][0]
            body = self._db.seen("account.move", invoice)
            lines = [b for _i, b in self._db.records.children("account.move.line", invoice) if b["display_type"] == "product"]
            names = ("product_id", "account_id", "name", "quantity", "price_unit", "discount")
            copied: list[Body] = [{**{n: b[n] for n in names}, "tax_ids": [[6, 0, b["tax_ids"]]]} for b in lines]
            if amount:
                copied = [{**copied[0], "quantity": 1, "price_unit": Decimal(amount), "discount": 0, "tax_ids": [[6, 0, []]]}]
            note = self._db.create("account.move", {
                "move_type": "out_refund", "partner_id": body["partner_id"], "reversed_entry_id": invoice, "journal_id": body["journal_id"],
                "invoice_date": self._db.call.today, "invoice_line_ids": [[0, 0, vals] for vals in copied],
                "ref": f"Reversal of: {body['name']}", "invoice_origin": body["invoice_origin"],
            })  # fmt: skip
            self._moves.posting.post(note)
        return {"id": note, "total": str(self._db.seen("account.move", note)["amount_total"])}

    # --- point of sale --------------------------------------------------------------------------------------------

    def ring_up(self, lines: list[dict[str, Any]], method: int = 1, created_at: str = "", of: int = 0) -> dict[str, Any]:
        """A sale at the till, paid with one method; lines as ``place_order`` has them."""
        now = datetime.fromisoformat(created_at) if created_at else None
        with self._db.acting({}, origin="foreign", now=now):
            number = self._db.env.store.next_number("pos_order")
            rows = [{"price_unit": Decimal(str(n["price"])), "quantity": Decimal(str(n.get("quantity", 1))),
                     "discount": Decimal(0), "tax_ids": n.get("tax", [])} for n in lines]  # fmt: skip
            result = self._moves.works(1, self._db.home(1), rows)
            gross = sum((g for _n, g in result.lines), Decimal(0))
            tax = gross - sum((n for n, _g in result.lines), Decimal(0))
            product, stamp = self._db.search("product.product", [])[0], self._db.call.now.strftime("%Y-%m-%d %H:%M:%S")
            order = self._db.create("pos.order", {
                "name": f"Shop/{number:04d}", "pos_reference": f"Order {number:05d}-001-0001", "date_order": stamp, "company_id": 1,
                "amount_total": gross, "amount_tax": tax, "amount_paid": gross, "amount_return": Decimal(0), "session_id": self._session(),
                "lines": [[0, 0, {
                    "product_id": product, "full_product_name": line.get("name") or "Widget", "qty": row["quantity"],
                    "price_unit": row["price_unit"], "discount": row["discount"], "tax_ids": [[6, 0, row["tax_ids"]]],
                    "price_subtotal": net, "price_subtotal_incl": whole,
                }] for line, row, (net, whole) in zip(lines, rows, result.lines, strict=True)],
                "payment_ids": [[0, 0, {"amount": gross, "payment_method_id": method, "payment_date": stamp}]],
            }, kept={"refunded_order_id": of or False})  # fmt: skip
        return {"id": order, "total": str(gross)}

    def pos_refund(self, order: int) -> dict[str, Any]:
        """Everything of a till's sale is given back: an order of its own with negative quantities."""
        lines = [b for _i, b in self._db.records.children("pos.order.line", order)]
        rows = [{"price": str(b["price_unit"]), "quantity": str(-b["qty"]), "tax": b["tax_ids"], "name": b["full_product_name"]} for b in lines]
        return self.ring_up(rows, of=order)

    def _session(self) -> int:
        for id_, body in self._db.records.rows("pos.session"):
            if body["state"] == "opened":
                return id_
        number = self._db.env.store.next_number("pos_session")
        id_ = self._db.create("pos.session", {"name": f"POS/{number:05d}"})
        self._db.records.update("pos.session", id_, state="opened")
        return id_

    def close_session(self) -> dict[str, Any]:
        """The till is closed: its orders are done."""
        session = self._session()
        self._db.touch("pos.session", session, state="closed")
        for id_, body in self._db.records.rows("pos.order"):
            if body["session_id"] == session and body["state"] == "paid":
                self._db.touch("pos.order", id_, state="done")
        return {"session": session}

    def report(self) -> dict[str, Any]:
        """Confirmed sales orders and their credit notes, in minor units by currency."""
        orders = [b for _i, b in self._db.records.rows("sale.order") if b["state"] == "sale"]
        refunds = [
            b for _i, b in self._db.records.rows("account.move")
            if b["move_type"] == "out_refund" and b["state"] == "posted" and b["invoice_origin"]
        ]  # fmt: skip
        named = {"orders": orders, "refunds": refunds}
        return {"counts": {k: len(v) for k, v in named.items()}, "sums": {k: self._minor(v) for k, v in named.items()}}

    def _minor(self, bodies: list[Body]) -> dict[str, int]:
        found: dict[str, int] = {}
        for body in bodies:
            currency = self._db.seen("res.currency", body["currency_id"])
            minor = int(body["amount_total"].scaleb(int(currency["places"])))
            found[currency["name"]] = found.get(currency["name"], 0) + minor
        return found
