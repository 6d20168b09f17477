"""Invoices since basil: payments apart from them, taxes as lists, credit notes that split before and after payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from leja.connectors.stripe import stand_in_shapes as shapes
from leja.connectors.stripe.stand_in_business import Business
from leja.connectors.stripe.stand_in_events import Events
from leja.connectors.stripe.stand_in_money import share
from leja.connectors.stripe.stand_in_records import Record, Records


class Invoices:
    """Billing of the business."""

    def __init__(self, records: Records, events: Events, business: Business) -> None:
        self.records, self.events, self.business = records, events, business

    def customer(self, name: str = "Ada Obi", email: str | None = None, country: str = "GB") -> Record:
        """A new customer."""
        address = {"city": "London", "country": country, "line1": "1 High Street", "line2": None, "postal_code": "E1 1AA",
                   "state": None}  # fmt: skip
        made = shapes.customer(
            id=self.records.id("cus"), created=self.records.now(), name=name, email=email, address=address
        )
        self.records.add("customer", made)
        self.events.tell("customer.created", made)
        return made

    def invoice(
        self,
        lines: Sequence[Mapping[str, Any]],
        currency: str = "gbp",
        *,
        customer: str | None = None,
        shipping: int = 0,
        days: int = 30,
        finalize: bool = True,
        pay: bool = False,
        metadata: dict[str, str] | None = None,
    ) -> Record:
        """An invoice. A line: ``description``, ``unit_amount``, ``quantity`` (1), ``discount`` (0), ``tax_rate`` ("0.2"),
        ``inclusive`` (False), in minor units. ``pay`` charges the whole at once."""
        who = self.records.must("customer", customer) if customer else self.customer()
        id_, moment = self.records.id("in"), self.records.now()
        rows = [self._line(id_, currency, line, moment) for line in lines]
        made = shapes.invoice(
            id=id_, created=moment, currency=currency, customer=who["id"], customer_name=who["name"], status="draft",
            customer_email=who["email"], customer_address=who["address"], collection_method="send_invoice", number=None,
            due_date=moment + 86400 * days, period_start=moment, period_end=moment, metadata=metadata or {},
            lines=shapes.listed(rows, f"/v1/invoices/{id_}/lines"), **_totals(rows, shipping),
            status_transitions=dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        )  # fmt: skip
        self.records.add("invoice", made)
        self.events.tell("invoice.created", made)
        if finalize or pay:
            made = self.finalize(id_)
        return self.pay_invoice(id_) if pay else made

    def finalize(self, invoice: str) -> Record:
        """Gives a draft its number; from here on it is owed."""
        row = self._in(invoice, "draft")
        number = self.records.env.store.next_number("invoice")
        row.update(status="open", number=f"LEJA-{number:04d}", effective_at=self.records.now())
        row["status_transitions"]["finalized_at"] = self.records.now()
        self.records.keep("invoice", row)
        self.events.tell("invoice.finalized", row)
        return row

    def pay_invoice(
        self, invoice: str, amount: int | None = None, *, out_of_band: bool = False, **charge: Any
    ) -> Record:
        """Pays an open invoice, whole or in part, by a charge (its arguments in ``charge``) or outside Stripe."""
        row = self._in(invoice, "open")
        paid = row["amount_remaining"] if amount is None else amount
        if not 0 < paid <= row["amount_remaining"]:
            raise ValueError(f"{invoice} has {row['amount_remaining']} left, not {paid}")
        payment: Record = {"type": "payment_record", "payment_record": self.records.id("prec")}
        if not out_of_band:
            made = self.business.charge(paid, row["currency"], customer=row["customer"], **charge)
            payment = {"type": "payment_intent", "payment_intent": made["payment_intent"]}
        moment = self.records.now()
        part = shapes.invoice_payment(
            id=self.records.id("inpay"), amount_paid=paid, amount_requested=paid, created=moment, currency=row["currency"],
            invoice=invoice, payment=payment, status="paid", status_transitions={"canceled_at": None, "paid_at": moment},
            _intent=payment.get("payment_intent"),
        )  # fmt: skip
        self.records.add("invoice_payment", part)
        row.update(attempted=True, amount_paid=row["amount_paid"] + paid,
                   amount_remaining=row["amount_remaining"] - paid, attempt_count=row["attempt_count"] + 1)  # fmt: skip
        if out_of_band:
            row["amount_paid_off_stripe"] = (row["amount_paid_off_stripe"] or 0) + paid
        if not row["amount_remaining"]:
            row["status"], row["status_transitions"]["paid_at"] = "paid", moment
        self.records.keep("invoice", row)
        self.events.tell("invoice_payment.paid", part)
        if row["status"] == "paid":
            self.events.tell("invoice.paid", row)
            self.events.tell("invoice.payment_succeeded", row)
        else:
            self.events.tell("invoice.updated", row)
        return row

    def end_invoice(self, invoice: str, status: str) -> Record:
        """An open invoice is voided (void) or written off (uncollectible)."""
        row = self._in(invoice, "open")
        names = {"void": ("voided_at", "invoice.voided"),
                 "uncollectible": ("marked_uncollectible_at", "invoice.marked_uncollectible")}  # fmt: skip
        if status not in names:
            raise ValueError(f"an invoice ends void or uncollectible, not {status}")
        row["status"], row["status_transitions"][names[status][0]] = status, self.records.now()
        self.records.keep("invoice", row)
        self.events.tell(names[status][1], row)
        return row

    def credit_note(self, invoice: str, amount: int, *, reason: str | None = None, refund: bool = True) -> Record:
        """Credits an open or paid invoice, tax and net in the invoice's proportions. What is still owed goes down first;
        the rest is refunded on the last charge, or with ``refund=False`` left to another way."""
        row = self._in(invoice, "open", "paid")
        before = min(amount, row["amount_remaining"]) if row["status"] == "open" else 0
        after = amount - before
        refunds = self._pay_back(row, after) if after and refund else []
        number = self.records.env.store.next_number(f"credit:{invoice}")
        net = share(amount, Decimal(row["total_excluding_tax"]) / Decimal(row["total"]))
        made = shapes.credit_note(
            id=self.records.id("cn"), amount=amount, total=amount, subtotal=amount, total_excluding_tax=net,
            subtotal_excluding_tax=net, amount_shipping=0, created=self.records.now(), currency=row["currency"],
            customer=row["customer"], discount_amount=0, discount_amounts=[], effective_at=self.records.now(),
            invoice=invoice, number=f"{row['number']}-CN-{number:02d}", pre_payment_amount=before,
            post_payment_amount=after, out_of_band_amount=None if refund else after, reason=reason, status="issued",
            type="mixed" if before and after else "pre_payment" if before else "post_payment", refunds=refunds,
            total_taxes=[{**tax, "amount": amount - net} for tax in row["total_taxes"][:1]],
            lines=shapes.listed([], f"/v1/credit_notes/{invoice}/lines"),
        )  # fmt: skip
        made["lines"] = shapes.listed(
            [_credited(self.records.id("cnli"), amount, made)], f"/v1/credit_notes/{made['id']}/lines"
        )
        self.records.add("credit_note", made)
        row.update(amount_remaining=row["amount_remaining"] - before, amount_due=row["amount_due"] - before)
        row["pre_payment_credit_notes_amount"] += before
        row["post_payment_credit_notes_amount"] += after
        if row["status"] == "open" and not row["amount_remaining"]:
            row["status"], row["status_transitions"]["paid_at"] = "paid", self.records.now()
        self.records.keep("invoice", row)
        self.events.tell("credit_note.created", made)
        self.events.tell("invoice.updated", row)
        return made

    def void_credit_note(self, credit_note: str) -> Record:
        """Takes back a credit note that paid nothing back."""
        made = self.records.must("credit_note", credit_note)
        if made["status"] == "void" or made["post_payment_amount"]:
            raise ValueError(f"{credit_note} cannot be voided")
        made.update(status="void", voided_at=self.records.now())
        self.records.keep("credit_note", made)
        row, before = self.records.must("invoice", made["invoice"]), made["pre_payment_amount"]
        row.update(
            amount_remaining=row["amount_remaining"] + before, amount_due=row["amount_due"] + before, status="open"
        )
        row["pre_payment_credit_notes_amount"] -= before
        self.records.keep("invoice", row)
        self.events.tell("credit_note.voided", made)
        return made

    def _in(self, invoice: str, *states: str) -> Record:
        row = self.records.must("invoice", invoice)
        if row["status"] not in states:
            raise ValueError(f"{invoice} is {row['status']}, not {' or '.join(states)}")
        return row

    def _pay_back(self, row: Record, amount: int) -> list[Record]:
        made, left = [], amount
        for part in self.records.linked("invoice_payment", "invoice", row["id"]):
            for charge in self.records.linked("charge", "payment_intent", part["payment"].get("payment_intent", "")):
                take = min(left, charge["amount_captured"] - charge["amount_refunded"])
                if take > 0:
                    refund = self.business.refund(charge["id"], take)
                    made.append({"amount_refunded": take, "payment_record_refund": None, "refund": refund["id"],
                                 "type": "refund"})  # fmt: skip
                    left -= take
        if left:
            raise ValueError(f"{row['id']} has {left} less paid by charges than is to be refunded")
        return made

    def _line(self, invoice: str, currency: str, line: Mapping[str, Any], moment: int) -> Record:
        quantity = int(line.get("quantity", 1))
        amount, off = int(line["unit_amount"]) * quantity, int(line.get("discount", 0))
        rate, inclusive = Decimal(str(line.get("tax_rate", "0"))), bool(line.get("inclusive", False))
        tax = share(amount - off, rate / (1 + rate)) if inclusive else share(amount - off, rate)
        taxes = [{"amount": tax, "tax_behavior": "inclusive" if inclusive else "exclusive",
                  "tax_rate_details": {"tax_rate": f"txr_{format(rate, 'f').replace('.', '')}"},
                  "taxability_reason": "standard_rated", "taxable_amount": amount - off - (tax if inclusive else 0),
                  "type": "tax_rate_details"}] if rate else []  # fmt: skip
        id_ = self.records.id("il")
        return shapes.line_item(
            id=id_, amount=amount, currency=currency, description=line.get("description", "Goods"), invoice=invoice,
            quantity=quantity, quantity_decimal=str(quantity), subtotal=amount, period={"start": moment, "end": moment},
            discount_amounts=[{"amount": off, "discount": f"di_{id_[3:]}"}] if off else [], taxes=taxes,
            pricing={"price_details": {"price": f"price_{id_[3:]}", "product": f"prod_{id_[3:]}"}, "type": "price_details",
                     "unit_amount_decimal": str(line["unit_amount"])},
        )  # fmt: skip


def _totals(rows: Sequence[Record], shipping: int) -> Record:
    subtotal = sum(row["amount"] for row in rows)
    off = [part for row in rows for part in row["discount_amounts"]]
    taxes: dict[tuple[str, str], Record] = {}
    for tax in (tax for row in rows for tax in row["taxes"]):
        key = (tax["tax_rate_details"]["tax_rate"], tax["tax_behavior"])
        kept = taxes.setdefault(key, {**tax, "amount": 0, "taxable_amount": 0})
        kept["amount"] += tax["amount"]
        kept["taxable_amount"] += tax["taxable_amount"]
    inside = sum(tax["amount"] for tax in taxes.values() if tax["tax_behavior"] == "inclusive")
    outside = sum(tax["amount"] for tax in taxes.values() if tax["tax_behavior"] == "exclusive")
    total = subtotal - sum(part["amount"] for part in off) + outside + shipping
    cost: Record = {
        "amount_subtotal": shipping,
        "amount_tax": 0,
        "amount_total": shipping,
        "shipping_rate": None,
        "taxes": [],
    }
    return {
        "subtotal": subtotal, "subtotal_excluding_tax": subtotal - inside, "total": total, "amount_due": total,
        "total_excluding_tax": total - inside - outside, "total_taxes": list(taxes.values()), "amount_paid": 0,
        "total_discount_amounts": off, "amount_remaining": total, "amount_shipping": shipping,
        "shipping_cost": cost if shipping else None,
    }  # fmt: skip


def _credited(id_: str, amount: int, note: Record) -> Record:
    return {"id": id_, "object": "credit_note_line_item", "amount": amount, "description": f"Credit on {note['number']}",
            "discount_amount": 0, "discount_amounts": [], "livemode": False, "metadata": {}, "pretax_credit_amounts": [],
            "quantity": 1, "tax_rates": [], "taxes": note["total_taxes"], "type": "custom_line_item",
            "unit_amount": amount, "unit_amount_decimal": str(amount)}  # fmt: skip
