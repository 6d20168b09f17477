"""What merchant and customers do in the stand-in's shop: place, capture, fulfil, refund, edit, cancel, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from leja.connectors.shopify.stand_in_hooks import Hooks
from leja.connectors.shopify.stand_in_orders import (
    Orders,
    Record,
    epoch,
    financial_status,
    fulfilment_status,
    minor,
    moved,
    outstanding,
    plain,
    presented,
    received,
    totals,
)
from leja.connectors.shopify.stand_in_payouts import Payouts
from leja.connectors.shopify.stand_in_till import Till, refund_value
from leja_sandbox.kit import Manner


class Placing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be said about an order that is placed.

    ``lines``: ``{"title", "price", "quantity", "kind": goods | shipping | gift_card | tip, "sku", "taxes": [{"title",
    "rate", "amount"?, "channel_liable"?}], "discount": amount}``. ``discounts`` are order-wide: ``{"code" or "title",
    "amount"}``, spread over the goods by value. ``payment``: paid, authorized, pending, unpaid, or a list of
    ``{"gateway", "amount", "kind"?, "status"?}``. ``created_at`` puts an order into the past, ``processed_at`` only its
    business date. ``webhooks``: normal, twice, stale, late (``delay`` seconds), lost.
    """

    lines: list[dict[str, Any]]
    name: str | None = None
    currency: str | None = None
    presentment: str | None = None
    rate: str = "1"
    taxes_included: bool = False
    discounts: list[dict[str, Any]] = []
    payment: str | list[dict[str, Any]] = "paid"
    gateway: str = "shopify_payments"
    fulfil: bool = True
    processed_at: str | None = None
    created_at: str | None = None
    customer: dict[str, Any] | None = None
    email: str | None = None
    country: str | None = None
    location_id: int | None = None
    source_name: str = "web"
    note: str | None = None
    tags: str = ""
    test: bool = False
    rounding: str = "0"
    webhooks: Manner = "normal"
    delay: float = 60.0


class Merchant(Till):
    """Every action answers with the order's id, name and figures, or raises ValueError with a sentence."""

    def __init__(self, orders: Orders, hooks: Hooks, payouts: Payouts) -> None:
        super().__init__(orders)
        self._hooks, self._payouts = hooks, payouts

    def place_order(self, lines: Sequence[Record], **given: Any) -> Record:
        """A customer orders; the arguments are the fields of ``Placing``."""
        wanted = msgspec.convert({"lines": lines, **given}, Placing)
        order = self._begun(wanted)
        self._add_lines(order, wanted.lines)
        self._spread(order, wanted.discounts)
        self._tax(order, wanted.lines)
        self._pay(order, wanted.payment, wanted.gateway)
        if wanted.fulfil:
            self._fulfil(order, order["processed_at"])
        self._close_when_done(order)
        self._agree(order, "ORDER")
        self._orders.keep(order, touched=order["created_at"])
        for transaction in order["transactions"]:
            self._payouts.book(order, transaction)
        self._tell_of_placing(order, wanted.webhooks, wanted.delay)
        return self._figures(order)

    def _begun(self, wanted: Placing) -> Record:
        currency = wanted.currency or self._orders.shop.currency
        created = epoch(wanted.created_at) if wanted.created_at else self._orders.now()
        number = self._orders.env.store.next_number("order", 1001)
        place = {"country_code": wanted.country, "country": wanted.country, "city": None, "zip": None}
        return {
            "number": number,
            "name": wanted.name or f"#{number}",
            "currency": currency,
            "presentment": wanted.presentment or currency,
            "rate": wanted.rate,
            "taxes_included": wanted.taxes_included,
            "created_at": created,
            "processed_at": epoch(wanted.processed_at) if wanted.processed_at else created,
            "cancelled_at": None,
            "cancel_reason": None,
            "closed_at": None,
            "test": wanted.test,
            "source_name": wanted.source_name,
            "location_id": wanted.location_id,
            "customer": self._customer(wanted.customer),
            "email": wanted.email,
            "address": place if wanted.country else None,
            "note": wanted.note,
            "tags": wanted.tags,
            "rounding": minor(wanted.rounding, currency),
            "discount_codes": [],
            "applications": [],
            "transactions": [],
            "refunds": [],
            "fulfilments": [],
            "edited": False,
            "agreements": [],
        }

    def place_orders(self, orders: Sequence[Record]) -> list[Record]:
        """Many at once, in one transaction: the arguments of ``place_order``, each."""
        return [self.place_order(**order) for order in orders]

    def capture(self, order: int | str, amount: str | None = None, **told: Any) -> Record:
        """Captures an authorisation, whole or in part; or marks a pending order as paid."""
        found = self._orders.must(order)
        held = [t for t in found["transactions"] if t["kind"] == "authorization" and t["status"] == "success"]
        waiting = [t for t in found["transactions"] if t["status"] == "pending"]
        was = financial_status(found)
        if held:
            left = held[0]["minor"] - received(found)
            row = self._transaction(found, "capture", held[0]["gateway"], left, parent=held[0]["id"])
            row["minor"] = minor(amount, found["currency"]) if amount else left
        elif waiting:
            row = waiting[0]
            row.update(status="success", processed_at=self._orders.now())
        else:
            row = self._transaction(found, "sale", "manual", outstanding(found))
            row["minor"] = minor(amount, found["currency"]) if amount else row["minor"]
        self._orders.keep(found)
        self._payouts.book(found, row)
        topics = ["orders/updated", *(["orders/paid"] if was != financial_status(found) == "paid" else [])]
        self._hooks.tell(found, topics, transactions=[row], **told)
        return self._figures(found)

    def void(self, order: int | str, **told: Any) -> Record:
        """Gives an authorisation up."""
        found = self._orders.must(order)
        held = next(t for t in found["transactions"] if t["kind"] == "authorization")
        row = self._transaction(found, "void", held["gateway"], held["minor"], parent=held["id"])
        self._orders.keep(found)
        self._hooks.tell(found, ["orders/updated"], transactions=[row], **told)
        return self._figures(found)

    def fulfil(
        self, order: int | str, lines: Sequence[Record] | None = None, at: str | None = None, **told: Any
    ) -> Record:
        """Ships all that is left, or ``lines``: ``{"line": index or id, "quantity"}``."""
        found = self._orders.must(order)
        self._fulfil(found, epoch(at) if at else self._orders.now(), lines)
        self._close_when_done(found)
        self._orders.keep(found)
        whole = fulfilment_status(found) == "fulfilled"
        topic = "orders/fulfilled" if whole else "orders/partially_fulfilled"
        self._hooks.tell(found, ["orders/updated", topic], **told)
        return self._figures(found)

    def refund(
        self,
        order: int | str,
        *,
        lines: Sequence[Record] | None = None,
        amount: str | None = None,
        shipping: str | bool = False,
        restock: bool = True,
        restock_type: str | None = None,
        status: str = "success",
        money: bool = True,
        gateway: str | None = None,
        processed_at: str | None = None,
        note: str | None = None,
        location_id: int | None = None,
        **told: Any,
    ) -> Record:
        """Refunds ``lines`` (``{"line": index, id or sku, "quantity"}``; None and no amount: all that is left).

        ``amount`` is the money that goes back: it differs from the lines' value by an order adjustment. ``shipping`` an
        amount, or True for what is left of it. ``money`` False makes a refund record without a transaction;
        ``status`` pending or failure one whose money has not moved.
        """
        found = self._orders.must(order)
        when = epoch(processed_at) if processed_at else self._orders.now()
        whole, owed = lines is None and amount is None and not shipping, max(0, -outstanding(found))
        rows = self._left(found) if whole else self._picked(found, lines or ())
        kind = restock_type or ("return" if restock else "no_restock")
        refund = self._refund(found, rows, kind, when, note, location_id)
        self._refund_shipping(found, refund, True if whole else shipping)
        value = refund_value(found, refund)
        paid = minor(amount, found["currency"]) if amount is not None else value
        if money and (difference := min(0, value + owed - paid) or max(0, value - paid)):
            refund["adjustments"].append({"id": self._orders.ids(1)[0], "minor": difference, "tax": 0,
                                          "kind": "refund_discrepancy"})  # fmt: skip
        moves = self._pay_back(found, paid, status, gateway, when) if money and paid else []
        refund["transaction_ids"] = [row["id"] for row in moves]
        self._agree(found, "REFUND", refund)
        self._orders.keep(found)
        for row in moves:
            self._payouts.book(found, row)
        self._hooks.tell(found, ["orders/updated"], refunds=[refund], transactions=moves, **told)
        told_back = plain(paid if money else 0, found["currency"])
        return {**self._figures(found), "refund_id": refund["id"], "refunded": told_back}

    def settle_refund(self, order: int | str, status: str = "success", **told: Any) -> Record:
        """The money of a pending refund moves, or fails to."""
        found = self._orders.must(order)
        rows = [t for t in found["transactions"] if t["kind"] == "refund" and t["status"] == "pending"]
        for row in rows:
            row.update(status=status, processed_at=self._orders.now())
        self._orders.keep(found)
        for row in rows:
            self._payouts.book(found, row)
        self._hooks.tell(found, ["orders/updated"], transactions=rows, **told)
        return self._figures(found)

    def edit_order(
        self,
        order: int | str,
        add: Sequence[Record] = (),
        remove: Sequence[Record] = (),
        pay: bool = False,
        **told: Any,
    ) -> Record:
        """Adds lines, or takes units away; a removal is a refund record without money, as the vendor keeps it."""
        found = self._orders.must(order)
        before = len(found["lines"])
        self._add_lines(found, add)
        self._tax(found, add, before)
        refund = None
        if remove:
            rows = self._picked(found, remove)
            refund = self._refund(found, rows, "no_restock", self._orders.now(), None, None)
        found["edited"] = True
        moves = []
        if pay and (due := outstanding(found)) > 0:
            moves.append(self._transaction(found, "sale", "shopify_payments", due))
        self._agree(found, "ORDER_EDIT", refund, added=found["lines"][before:])
        self._orders.keep(found)
        for row in moves:
            self._payouts.book(found, row)
        refunds = [refund] if refund else []
        self._hooks.tell(found, ["orders/edited", "orders/updated"], refunds=refunds, transactions=moves, **told)
        return self._figures(found)

    def touch(self, order: int | str, note: str = "looked at", **told: Any) -> Record:
        """Changes nothing that matters to the books: a note."""
        found = self._orders.must(order)
        found["note"] = note
        self._orders.keep(found)
        self._hooks.tell(found, ["orders/updated"], **told)
        return self._figures(found)

    def cancel(self, order: int | str, reason: str = "customer", refund: bool = True, **told: Any) -> Record:
        """Cancels; what was paid goes back, and an authorisation is voided."""
        found = self._orders.must(order)
        when, refunds, moves = self._orders.now(), [], []
        if refund:
            row = self._refund(found, self._left(found), "cancel", when, None, None)
            self._refund_shipping(found, row, True)
            paid = received(found) - moved(found, "refund")
            moves = self._pay_back(found, paid, "success", None, when) if paid > 0 else []
            row["transaction_ids"] = [move["id"] for move in moves]
            refunds = [row]
        for held in [t for t in found["transactions"] if t["kind"] == "authorization" and not received(found)]:
            moves.append(self._transaction(found, "void", held["gateway"], held["minor"], parent=held["id"]))
        found.update(cancelled_at=when, closed_at=when, cancel_reason=reason)
        if refunds:
            self._agree(found, "REFUND", refunds[0])
        self._orders.keep(found)
        for move in moves:
            self._payouts.book(found, move)
        self._hooks.tell(found, ["orders/cancelled", "orders/updated"], refunds=refunds, transactions=moves, **told)
        return self._figures(found)

    def delete(self, order: int | str, **told: Any) -> Record:
        """Deletes the order for good."""
        found = self._orders.must(order)
        self._orders.drop(found)
        self._hooks.tell_deleted(found, **told)
        return {"id": found["id"], "name": found["name"]}

    def _tell_of_placing(self, order: Record, manner: Manner, delay: float) -> None:
        topics = ["orders/create"]
        if financial_status(order) == "paid":
            topics.append("orders/paid")
        if fulfilment_status(order) == "fulfilled":
            topics.append("orders/fulfilled")
        done = [t for t in order["transactions"] if t["status"] != "pending"]
        self._hooks.tell(order, topics, transactions=done, webhooks=manner, delay=delay)

    def _customer(self, given: Record | None) -> Record | None:
        if given is None:
            return None
        return {
            "id": given.get("id") or self._orders.ids(1)[0],
            "first_name": given.get("first_name"),
            "last_name": given.get("last_name"),
        }

    def _figures(self, order: Record) -> Record:
        sums = totals(order)
        return {
            "id": order["id"],
            "name": order["name"],
            "total": plain(sums["total"], order["currency"]),
            "current_total": plain(sums["current_total"], order["currency"]),
            "outstanding": plain(outstanding(order), order["currency"]),
            "presented_total": plain(presented(sums["total"], order), order["presentment"]),
            "financial_status": financial_status(order),
            "fulfillment_status": fulfilment_status(order),
            "line_ids": [line["id"] for line in order["lines"]],
        }
