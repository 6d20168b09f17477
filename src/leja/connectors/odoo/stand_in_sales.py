"""What is sold there: sales orders with their invoices, orders of the point of sale, stock counts; products and externals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.odoo.stand_in_errors import user_error, validation_error, value_error
from leja.connectors.odoo.stand_in_moves import Moves
from leja.connectors.odoo.stand_in_orm import Database, Model
from leja.connectors.odoo.stand_in_records import Body
from leja.connectors.odoo.stand_in_values import only_one

_ZERO: Final = Decimal(0)


class SaleOrders(Model):
    """``sale.order``."""

    def __init__(self, db: Database, moves: Moves) -> None:
        super().__init__(db, "sale.order")
        self._moves = moves

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        return {
            "action_confirm": (("ids",), self.action_confirm),
            "action_cancel": (("ids",), self.action_cancel),
            "action_draft": (("ids",), self.action_draft),
        }

    def prepared(self, vals: Body) -> Body:
        vals.setdefault("company_id", self.db.call.company)
        vals.setdefault("date_order", self.db.call.now.strftime("%Y-%m-%d %H:%M:%S"))
        vals.setdefault("partner_invoice_id", vals.get("partner_id"))
        vals.setdefault("partner_shipping_id", vals.get("partner_id"))
        if not vals.get("name"):
            vals["name"] = f"S{self.db.env.store.next_number('sale_order'):05d}"
        return vals

    def made(self, id_: int, vals: Body) -> None:  # noqa: ARG002
        home = self.db.home(self.db.seen(self.name, id_)["company_id"])
        self.db.records.update(self.name, id_, state="draft", currency_id=home, invoice_status="no", invoices=[])
        self.recompute(id_)

    def write(self, id_: int, vals: Body) -> None:
        self.db.store_values(self.name, id_, vals)
        self.recompute(id_)

    def unlink(self, id_: int) -> None:
        if self.db.seen(self.name, id_)["state"] not in ("draft", "cancel"):
            raise user_error("You can not delete a sent quotation or a confirmed sales order. You must first cancel it.")
        for line, _b in self.db.records.children("sale.order.line", id_):
            self.db.records.remove("sale.order.line", line)
        self.db.records.remove(self.name, id_)

    @property
    def taxes(self) -> str:
        """The name of the line's taxes in this version."""
        return "tax_ids" if self.db.version >= 19 else "tax_id"

    def recompute(self, id_: int) -> None:
        """Works the amounts out again."""
        body = self.db.seen(self.name, id_)
        if not body.get("currency_id"):
            return
        lines = [(i, b) for i, b in self.db.records.children("sale.order.line", id_) if not b["display_type"]]
        result = self._moves.works(body["company_id"], body["currency_id"], [b for _i, b in lines], self.taxes, "product_uom_qty")
        for (line, _b), (net, gross) in zip(lines, result.lines, strict=True):
            self.db.records.update(
                "sale.order.line", line, price_subtotal=net, price_total=gross, price_tax=gross - net, state=body["state"],
                currency_id=body["currency_id"],
            )  # fmt: skip
        net = sum((n for n, _g in result.lines), _ZERO)
        tax = sum((t for _b, t in result.taxes.values()), _ZERO)
        status = "no" if body["state"] != "sale" else "invoiced" if body["invoices"] else "to invoice"
        self.db.touch(
            self.name, id_, amount_untaxed=net, amount_tax=tax, amount_total=net + tax, invoice_status=status,
            invoice_ids=body["invoices"], invoice_count=len(body["invoices"]),
        )  # fmt: skip

    def action_confirm(self, ids: list[int]) -> bool:
        """Confirms quotations."""
        for id_ in ids:
            if self.db.seen(self.name, id_)["state"] not in ("draft", "sent"):
                raise user_error("Some orders are not in a state requiring confirmation.")
            self.db.touch(self.name, id_, state="sale")
            self.recompute(id_)
        return True

    def action_cancel(self, ids: list[int]) -> bool:
        """Cancels orders."""
        for id_ in ids:
            self.db.touch(self.name, id_, state="cancel")
            self.recompute(id_)
        return True

    def action_draft(self, ids: list[int]) -> bool:
        """Sets cancelled orders back to quotations."""
        for id_ in ids:
            if self.db.seen(self.name, id_)["state"] in ("cancel", "sent"):
                self.db.touch(self.name, id_, state="draft")
        return True

    def invoiced(self, id_: int) -> int:
        """A draft invoice of an order."""
        order = self.db.seen(self.name, id_)
        if order["invoice_status"] != "to invoice":
            raise user_error("Cannot create an invoice. No items are available to invoice.")
        lines = [
            [0, 0, {"product_id": b["product_id"], "name": b["name"], "quantity": b["product_uom_qty"], "price_unit": b["price_unit"],
                    "discount": b["discount"], "tax_ids": [[6, 0, b[self.taxes]]]}]
            for _i, b in self.db.records.children("sale.order.line", id_) if not b["display_type"]
        ]  # fmt: skip
        vals = {"move_type": "out_invoice", "partner_id": order["partner_invoice_id"], "ref": order["client_order_ref"] or "",
                "invoice_origin": order["name"], "invoice_line_ids": lines, "company_id": order["company_id"]}  # fmt: skip
        move = self.db.create("account.move", vals)
        self.db.records.update(self.name, id_, invoices=[*order["invoices"], move])
        self.recompute(id_)
        return move


class SaleOrderLines(Model):
    """``sale.order.line``: taxes and price of the product unless they are given."""

    def __init__(self, db: Database, orders: SaleOrders) -> None:
        super().__init__(db, "sale.order.line")
        self._orders = orders

    def prepared(self, vals: Body) -> Body:
        product = self.db.seen("product.product", vals["product_id"]) if vals.get("product_id") else {}
        vals.setdefault("product_uom_qty", 1)
        vals.setdefault("price_unit", product.get("list_price", _ZERO))
        vals.setdefault(self._orders.taxes, [[6, 0, product.get("taxes_id", [])]])
        code = f"[{product['default_code']}] " if product.get("default_code") else ""
        vals["name"] = vals.get("name") or f"{code}{product.get('name', '')}"
        return vals

    def made(self, id_: int, vals: Body) -> None:  # noqa: ARG002
        self._orders.recompute(vals["order_id"])

    def write(self, id_: int, vals: Body) -> None:
        self.db.store_values(self.name, id_, vals)
        self._orders.recompute(self.db.seen(self.name, id_)["order_id"])

    def unlink(self, id_: int) -> None:
        order = self.db.seen(self.name, id_)["order_id"]
        if self.db.seen("sale.order", order)["state"] == "sale":
            raise user_error("Once a sales order is confirmed, you can't remove one of its lines. Set the quantity to 0 instead.")
        self.db.records.remove(self.name, id_)
        self._orders.recompute(order)


class SaleInvoicing(Model):
    """The wizard ``sale.advance.payment.inv``; only ``delivered`` is played, no down payments."""

    def __init__(self, db: Database, orders: SaleOrders) -> None:
        super().__init__(db, "sale.advance.payment.inv")
        self._orders = orders

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        return {"create_invoices": (("ids",), self.create_invoices)}

    def prepared(self, vals: Body) -> Body:
        vals.setdefault("advance_payment_method", "delivered")
        vals.setdefault("sale_order_ids", [[6, 0, self.db.call.context.get("active_ids") or []]])
        return vals

    def create_invoices(self, ids: list[int]) -> dict[str, Any]:
        """Invoices the orders; the action names one invoice, or lists several."""
        body = self.db.seen(self.name, only_one(ids, self.name))
        if body["advance_payment_method"] != "delivered":
            raise user_error("Down payments are not offered here.")
        orders = self.db.call.context.get("active_ids") or body["sale_order_ids"]
        made = [self._orders.invoiced(order) for order in orders]
        if not made:
            raise user_error("There is no order to invoice.")
        action: dict[str, Any] = {
            "name": "Invoices", "display_name": "Invoices", "type": "ir.actions.act_window", "res_model": "account.move",
            "xml_id": "account.action_move_out_invoice_type", "target": "current", "limit": 80,
            "context": {"default_move_type": "out_invoice"},
        }  # fmt: skip
        if len(made) == 1:
            return {**action, "res_id": made[0], "view_mode": "form"}
        return {**action, "domain": [["id", "in", made]], "view_mode": "list,form"}


class PosOrders(Model):
    """``pos.order``: read by the API, made by the till (control ``ring_up``)."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "pos.order")

    def made(self, id_: int, vals: Body) -> None:  # noqa: ARG002
        company = self.db.seen(self.name, id_)["company_id"]
        self.db.records.update(self.name, id_, state="paid", currency_id=self.db.home(company))


class StockQuants(Model):
    """``stock.quant``: a counted quantity and its application, which answers nothing."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "stock.quant")

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        return {"action_apply_inventory": (("ids",), self.action_apply_inventory)}

    def prepared(self, vals: Body) -> Body:
        if "quantity" in vals:
            raise user_error("Quant's creation is restricted, you can't do this operation.")
        return {**vals, "inventory_quantity_set": True}

    def action_apply_inventory(self, ids: list[int]) -> None:
        """What was counted is there."""
        for id_ in ids:
            body = self.db.seen(self.name, id_)
            self.db.touch(self.name, id_, quantity=body["inventory_quantity"], inventory_quantity_set=False)


class Products(Model):
    """``product.product``."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "product.product")

    def prepared(self, vals: Body) -> Body:
        vals.setdefault("type", "consu")
        vals.setdefault("active", True)
        vals.setdefault("sale_ok", True)
        vals.setdefault("taxes_id", [[6, 0, []]])
        vals.setdefault("list_price", 1)
        vals.setdefault("uom_id", 1)
        if "categ_id" in self.db.fields(self.name):
            vals.setdefault("categ_id", 1)
        vals.setdefault("product_tmpl_id", self.db.create("product.template", {
            "name": vals.get("name"), "default_code": vals.get("default_code"), "type": vals["type"], "active": True,
        }))  # fmt: skip
        return vals

    def shown(self, id_: int, body: Body, field: str) -> Any:
        if field == "qty_available":
            return sum((b["quantity"] for _i, b in self.db.records.rows("stock.quant") if b["product_id"] == id_), _ZERO)
        return body["list_price"] if field == "lst_price" else None

    def display(self, id_: int, body: Body) -> str:  # noqa: ARG002
        code = body.get("default_code")
        return f"[{code}] {body.get('name')}" if code else str(body.get("name"))


class Externals(Model):
    """``ir.model.data``: (module, name) is unique in the database."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, "ir.model.data")

    def made(self, id_: int, vals: Body) -> None:  # noqa: ARG002
        body = self.db.seen(self.name, id_)
        if "." in body["name"] or " " in body["name"]:
            raise value_error(f"Invalid external id {body['name']!r}")
        if self.db.records.external(body["module"], body["name"]):
            raise validation_error(
                "The operation cannot be completed: You cannot have multiple records with the same external ID in the same "
                "module!"
            )
        self.db.records.name_externally(body["module"], body["name"], body["model"], body["res_id"], id_)

    def unlink(self, id_: int) -> None:
        body = self.db.seen(self.name, id_)
        self.db.records.store.execute(
            "DELETE FROM odoo_external WHERE module = ? AND name = ?", body["module"], body["name"]
        )
        self.db.records.remove(self.name, id_)

    def write(self, id_: int, vals: Body) -> None:
        if {"module", "name", "model", "res_id"} & vals.keys():
            raise user_error("An external id is not changed: delete it and make a new one.")
        self.db.store_values(self.name, id_, vals)

    def shown(self, id_: int, body: Body, field: str) -> Any:  # noqa: ARG002
        if field == "complete_name":
            return f"{body['module']}.{body['name']}"
        return f"{body['model']},{body['res_id']}" if field == "reference" else None
