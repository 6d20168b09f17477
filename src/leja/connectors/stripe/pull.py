"""Reading one thing whole: the object, what moved on the balance for it, which invoice it pays, what a payout settles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from leja.connectors.contract import Origin, RawEvent, Session, Wanted
from leja.connectors.stripe.calls import answered, fields, get, is_live, pages, text
from leja.connectors.stripe.decoding import OBJECT
from leja.connectors.stripe.reading import version
from leja.connectors.stripe.wire import InvoicePayment
from leja.core.errors import Refused

PATHS: Final = {
    "charge": "charges", "refund": "refunds", "payout": "payouts", "dispute": "disputes", "invoice": "invoices", "topup": "topups",
    "credit_note": "credit_notes",
}  # fmt: skip
_PREFIXES: Final = {"ch": "charge", "py": "charge", "re": "refund", "pyr": "refund", "po": "payout", "tu": "topup", "in": "invoice",
                    "cn": "credit_note", "dp": "dispute", "du": "dispute", "pi": "payment_intent", "txn": "balance_transaction"}  # fmt: skip
_EXPANDED: Final = {"charge": "balance_transaction", "refund": "balance_transaction", "payout": "balance_transaction"}
_NULL: Final = msgspec.Raw(b"null")
Members = dict[str, msgspec.Raw]
_encode: Final = msgspec.json.Encoder().encode


async def fetch(session: Session, wanted: Sequence[Wanted]) -> tuple[RawEvent, ...]:
    """The wanted things as they are now. What is not there has no answer."""
    return tuple([event for one in wanted async for event in _one(session, one)])


async def _one(session: Session, one: Wanted) -> AsyncIterator[RawEvent]:
    name = one.external_id.partition(":")[0]
    kind = one.kind if one.kind in ("refunds", "invoice_payment") else kind_of(name)
    if kind == "refunds":
        async for row in pages(session, "/v1/refunds", {"charge": name, "expand[]": "data.balance_transaction"}):
            yield await completed(session, "refund", row, "fetch")
        return
    if kind in ("payment_intent", "invoice_payment"):
        name, kind = await _charge_of(session, kind, name), "charge"
    if not name or kind == "balance_transaction":
        return
    if kind not in PATHS:
        raise Refused("stripe-wanted", f"a {one.kind[:40]} cannot be fetched from Stripe")
    query = {"expand[]": _EXPANDED[kind]} if kind in _EXPANDED else {}
    found = await get(session, f"/v1/{PATHS[kind]}/{name}", query)
    if found is not None:
        yield await completed(session, kind, fields(found), "fetch")


async def _charge_of(session: Session, kind: str, name: str) -> str:
    """The charge that a payment intent, or a payment of an invoice, came to; "" while there is none."""
    if kind == "invoice_payment":
        found = await get(session, f"/v1/invoice_payments/{name}")
        name = text(fields(fields(found).get("payment", msgspec.Raw(b"{}"))).get("payment_intent")) if found is not None else ""
    intent = await get(session, f"/v1/payment_intents/{name}") if name else None
    return text(fields(intent).get("latest_charge")) if intent is not None else ""


def kind_of(name: str) -> str:
    """Which object an id names; "" where nobody knows."""
    return _PREFIXES.get(name.partition("_")[0], "")


async def completed(
    session: Session, kind: str, row: Members, origin: Origin, *, key: str = "", movement: msgspec.Raw | None = None
) -> RawEvent:
    """An object as an event, with all that is needed to decide on it. ``movement`` is its balance transaction where known."""
    if movement is None and (there := row.get("balance_transaction")) is not None and bytes(there)[:1] == b"{":
        movement = there
        row = {**row, "balance_transaction": fields(there)["id"]}
    if movement is not None and kind != "balance_transaction":
        movement = msgspec.Raw(_encode(_plain(fields(movement))))
    seen = version(session.now())
    body: dict[str, object] = {"seen": seen, "object": row, "movement": movement if movement is not None else _NULL,
                               "live": is_live(session)}  # fmt: skip
    if kind == "charge" and (paid := await _invoice_payment(session, text(row.get("payment_intent")))) is not None:
        body["payment"] = paid
    if kind == "refund":
        body |= await _of_refund(session, row)
    if kind == "payout" and bytes(row.get("automatic", _NULL)) == b"true" and text(row.get("reconciliation_status")) == "completed":
        listed = pages(session, "/v1/balance_transactions", {"payout": text(row["id"])})
        body["movements"] = [one async for one in listed]
    if kind == "invoice":
        row["lines"] = await _lines(session, row)
    name = f"{key or kind}/{text(row['id'])}/{seen}"
    return RawEvent(key=name, topic=f"{OBJECT}{kind}", body=_encode(body), origin=origin)


def _plain(movement: Members) -> Members:
    """A balance transaction whose source is an id again."""
    source = movement.get("source", _NULL)
    return {**movement, "source": fields(source)["id"]} if bytes(source)[:1] == b"{" else movement


async def _of_refund(session: Session, row: Members) -> dict[str, object]:
    """Whether the charge that it gives back paid an invoice."""
    if not session.settings.invoices or session.context.duty == "payments":
        return {}
    return {"on_invoice": await _invoice_payment(session, text(row.get("payment_intent"))) is not None}


async def _invoice_payment(session: Session, intent: str) -> InvoicePayment | None:
    """The payment of an invoice that a payment intent is, if it is one."""
    if not intent or not session.settings.invoices or session.context.duty == "payments":
        return None
    query = {"payment[type]": "payment_intent", "payment[payment_intent]": intent}
    found: InvoicePayment | None = None
    async for row in pages(session, "/v1/invoice_payments", query):
        # Should the filter be ignored one day, no payment is put to another's invoice.
        if text(fields(row.get("payment", msgspec.Raw(b"{}"))).get("payment_intent")) == intent:
            one = answered(_encode(row), InvoicePayment)
            found = one if found is None or one.status == "paid" else found
    return found


async def _lines(session: Session, row: Members) -> msgspec.Raw:
    """Every line of an invoice; ten are in it."""
    there = row.get("lines", msgspec.Raw(b"{}"))
    if bytes(fields(there).get("has_more", b"false")) != b"true":
        return there
    listed = [one async for one in pages(session, f"/v1/invoices/{text(row['id'])}/lines", {})]
    return msgspec.Raw(_encode({"data": listed, "has_more": False}))
