"""Reading whole things: a row with its lines and all that they refer to, as one event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from leja.connectors.contract import GONE_TOPIC, Gone, Origin, RawEvent, Session
from leja.connectors.odoo.api import Row, all_of, encoder, known_fields, linked, read, words
from leja.connectors.odoo.decoding import ORDER, READ_AT, TILL
from leja.connectors.odoo.documents import EXTERNAL, LINE, MOVE, PAYMENT, link_field, memo_field
from leja.connectors.odoo.names import MODULE
from leja.core.clock import utc

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    ORDER: ("name", "state", "date_order", "write_date", "client_order_ref", "currency_id", "partner_id", "amount_tax", "amount_total"),
    MOVE: ("name", "ref", "state", "move_type", "date", "invoice_date", "invoice_date_due", "write_date", "posted_before", "currency_id",
           "partner_id", "reversed_entry_id", "amount_tax", "amount_total"),
    PAYMENT: ("name", "state", "date", "write_date", "payment_type", "payment_reference", "amount", "currency_id", "partner_id",
              "journal_id", "move_id"),
    TILL: ("name", "pos_reference", "state", "date_order", "write_date", "currency_id", "partner_id", "session_id", "amount_tax",
           "amount_total"),
}  # fmt: skip
_ORDER_LINE: Final = ("order_id", "name", "display_type", "product_id", "product_uom_qty", "discount", "price_subtotal", "price_total")
_MOVE_LINE: Final = ("move_id", "name", "product_id", "quantity", "discount", "price_subtotal", "price_total", "tax_ids")
_TILL_LINE: Final = (
    "order_id", "full_product_name", "product_id", "qty", "discount", "price_subtotal", "price_subtotal_incl", "tax_ids",
)  # fmt: skip
_RETURNS: Final = ("refunded_order_id", "refunded_order_ids")


async def fields_of(session: Session, model: str) -> list[str]:
    """What is read of a model, by the names that this server gives it."""
    more: Iterable[str] = ()
    if model == PAYMENT:
        more = (await memo_field(session),)
    elif model == TILL:
        more = sorted(await known_fields(session, TILL, _RETURNS))
    return [*FIELDS[model], *more]


async def events(session: Session, model: str, rows: Sequence[Row], origin: Origin) -> tuple[RawEvent, ...]:
    """An event for each of these rows. What Leja itself made in this database is left out."""
    own = await _ours(session, model, [row["id"] for row in rows])
    left = [row for row in rows if row["id"] not in own]
    if not left:
        return ()
    whole = await {ORDER: _orders, MOVE: _moves, PAYMENT: _payments, TILL: _tills}[model](session, left)
    return tuple(_event(session, model, row, body, origin) for row, body in zip(left, whole, strict=True))


async def _ours(session: Session, model: str, ids: Sequence[int]) -> set[int]:
    if model not in (MOVE, PAYMENT) or not ids:
        return set()
    domain = [["module", "=like", f"{MODULE}%"], ["model", "=", model], ["res_id", "in", list(ids)]]
    rows = await all_of(session, EXTERNAL, domain, ["module", "res_id"])
    return {int(row["res_id"]) for row in rows if words(row["module"]).startswith(MODULE)}


def _event(session: Session, model: str, row: Row, body: Row, origin: Origin) -> RawEvent:
    """The clock there has seconds, and within one a row may change twice: two bodies are two states, one body is one."""
    raw = encoder.encode(body)
    key = f"{model}/{row['id']}/{words(row['write_date'])}/{hashlib.sha256(raw).hexdigest()[:16]}"
    read_at = f"{utc(session.now()):%Y-%m-%dT%H:%M:%S.%fZ}"
    return RawEvent(key=key, topic=model, body=raw, origin=origin, headers={READ_AT: read_at})


def gone(session: Session, kind: str, external_id: str) -> RawEvent:
    """A wanted thing is not there."""
    now = session.now()
    body = encoder.encode(Gone(kind=kind, external_id=external_id, version="", found_at=now))
    return RawEvent(key=f"gone/{kind}/{external_id}/{now.isoformat()}", topic=GONE_TOPIC, body=body, origin="fetch")


# --- around a document --------------------------------------------------------------------------------------------


async def _around(session: Session, rows: Sequence[Row], lines: Sequence[Row], taxes: str) -> dict[str, dict[int, Row]]:
    partners = await _by_id(session, "res.partner", (linked(row["partner_id"]) for row in rows),
                            ("name", "email", "phone", "vat", "is_company", "country_id"))  # fmt: skip
    return {
        "partners": partners,
        "countries": await _by_id(session, "res.country", (linked(row["country_id"]) for row in partners.values()), ("code",)),
        "products": await _by_id(session, "product.product", (linked(row["product_id"]) for row in lines), ("default_code", "type")),
        "taxes": await _by_id(session, "account.tax", (tax for row in lines for tax in row[taxes]), ("name", "amount", "amount_type")),
    }


async def _by_id(session: Session, model: str, ids: Iterable[int], fields: Sequence[str]) -> dict[int, Row]:
    wanted = sorted({one for one in ids if one})
    return {row["id"]: row for row in await read(session, model, wanted, fields)} if wanted else {}


def _about(around: Mapping[str, Mapping[int, Row]], row: Row, lines: Sequence[Row], taxes: str) -> Row:
    """What this one document refers to."""
    partner = around["partners"].get(linked(row["partner_id"]))
    country = linked(partner["country_id"]) if partner is not None else 0
    chosen: dict[str, set[int]] = {
        "partners": {linked(row["partner_id"])},
        "countries": {country},
        "products": {linked(line["product_id"]) for line in lines},
        "taxes": {tax for line in lines for tax in line[taxes]},
    }
    return {name: [around[name][one] for one in sorted(ids) if one in around[name]] for name, ids in chosen.items()}


async def _lines(
    session: Session, model: str, parent: str, ids: Sequence[int], fields: Sequence[str], *more: Any
) -> dict[int, list[Row]]:  # fmt: skip
    found: dict[int, list[Row]] = {one: [] for one in ids}
    for row in await all_of(session, model, [[parent, "in", list(ids)], *more], fields):
        if linked(row[parent]) in found:
            found[linked(row[parent])].append(row)
    return found


# --- each of them -------------------------------------------------------------------------------------------------


async def _orders(session: Session, rows: Sequence[Row]) -> list[Row]:
    known = await known_fields(session, "sale.order.line", ("tax_id", "tax_ids"))
    taxes = "tax_ids" if "tax_ids" in known else "tax_id"
    lines = await _lines(session, "sale.order.line", "order_id", [row["id"] for row in rows], (*_ORDER_LINE, taxes))
    around = await _around(session, rows, [line for own in lines.values() for line in own], taxes)
    return [{"order": row, "lines": lines[row["id"]], **_about(around, row, lines[row["id"]], taxes)} for row in rows]


async def _moves(session: Session, rows: Sequence[Row]) -> list[Row]:
    lines = await _lines(session, LINE, "move_id", [row["id"] for row in rows], _MOVE_LINE, ["display_type", "=", "product"])
    around = await _around(session, rows, [line for own in lines.values() for line in own], "tax_ids")
    orders = await orders_behind(session, {row["id"]: linked(row["reversed_entry_id"]) for row in rows})
    return [
        {"move": row, "lines": lines[row["id"]], "order": orders.get(row["id"], 0), **_about(around, row, lines[row["id"]], "tax_ids")}
        for row in rows
    ]


async def orders_behind(session: Session, moves: Mapping[int, int]) -> dict[int, int]:
    """Move -> the sales order that it invoices or credits, by itself or by the invoice that it reverses."""
    if session.settings.sells_by != "orders" or not moves:
        return {}
    wanted = sorted({one for pair in moves.items() for one in pair if one})
    orders = await all_of(session, ORDER, [["invoice_ids", "in", wanted]], ["invoice_ids"])
    by_move = {move: order["id"] for order in orders for move in order["invoice_ids"]}
    return {move: by_move.get(move) or by_move.get(reversed_, 0) for move, reversed_ in moves.items()}


async def _payments(session: Session, rows: Sequence[Row]) -> list[Row]:
    partners = await _around(session, rows, (), "tax_ids")
    journals = await _by_id(session, "account.journal", (linked(row["journal_id"]) for row in rows), ("name", "type"))
    parts = await _allocated(session, {linked(row["move_id"]): row["id"] for row in rows if linked(row["move_id"])})
    found = []
    for row in rows:
        body: Row = {"payment": row, "allocations": parts.get(row["id"], []), **_about(partners, row, (), "tax_ids")}
        journal = journals.get(linked(row["journal_id"]))
        found.append(body if journal is None else body | {"journal": journal})
    return found


async def _allocated(session: Session, moves: Mapping[int, int]) -> dict[int, list[Row]]:
    """Payment -> what it settles and how much, by the partial reconciliations of its receivable items."""
    fields = ("move_id", "account_type", "matched_debit_ids", "matched_credit_ids")
    items = await all_of(session, LINE, [["move_id", "in", list(moves)], ["account_type", "=", "asset_receivable"]], fields) if moves else []
    # An incoming payment's item is a credit; the debits that it was matched with are the invoices.
    parts = await _by_id(session, "account.partial.reconcile", (part for row in items for part in row["matched_debit_ids"]),
                         ("debit_move_id", "credit_move_id", "credit_amount_currency"))  # fmt: skip
    debits = await _by_id(session, LINE, (linked(row["debit_move_id"]) for row in parts.values()), ("move_id", "move_type"))
    invoices = {id_: linked(row["move_id"]) for id_, row in debits.items() if row["move_type"] in ("out_invoice", "out_receipt")}
    orders = await orders_behind(session, dict.fromkeys(invoices.values(), 0))
    found: dict[int, list[Row]] = {}
    for item in items:
        payment = moves.get(linked(item["move_id"]), 0)
        sums: dict[str, Decimal] = {}
        for part in (parts[one] for one in item["matched_debit_ids"] if one in parts):
            invoice = invoices.get(linked(part["debit_move_id"]), 0)
            document = orders.get(invoice, 0) if session.settings.sells_by == "orders" else invoice
            if document:
                sums[str(document)] = sums.get(str(document), Decimal(0)) + Decimal(part["credit_amount_currency"])
        found.setdefault(payment, []).extend({"document": name, "amount": amount} for name, amount in sorted(sums.items()))
    return found


async def _tills(session: Session, rows: Sequence[Row]) -> list[Row]:
    ids = [row["id"] for row in rows]
    lines = await _lines(session, "pos.order.line", "order_id", ids, _TILL_LINE)
    payments = await _lines(session, "pos.payment", "pos_order_id", ids, ("pos_order_id", "amount", "payment_method_id"))
    around = await _around(session, rows, [line for own in lines.values() for line in own], "tax_ids")
    used = {linked(one["payment_method_id"]) for own in payments.values() for one in own}
    methods = await _by_id(session, "pos.payment.method", used, ("name", "journal_id"))
    journals = await _by_id(session, "account.journal", (linked(one["journal_id"]) for one in methods.values()), ("name", "type"))
    return [
        {
            "order": row, "lines": lines[row["id"]], "payments": payments[row["id"]], "methods": list(methods.values()),
            "journals": list(journals.values()), **_about(around, row, lines[row["id"]], "tax_ids"),
        }
        for row in rows
    ]  # fmt: skip


async def paid_by(session: Session, partials: Sequence[Row]) -> list[int]:
    """The payments whose items these partial reconciliations settled."""
    items = [linked(row[side]) for row in partials for side in ("debit_move_id", "credit_move_id")]
    rows = await _by_id(session, LINE, items, ("move_id",))
    link = await link_field(session)
    moves = await _by_id(session, MOVE, (linked(row["move_id"]) for row in rows.values()), (link,))
    return sorted({linked(row[link]) for row in moves.values() if linked(row[link])})
