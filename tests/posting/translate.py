"""Turns the ``facts`` of a worked example into our documents. It never looks at the example's entries."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from leja.core.money import Money, from_text, split
from leja.documents.closure import Closure, DrawerMove, DrawerReason
from leja.documents.dispute import Dispute
from leja.documents.document import Document
from leja.documents.fee import Fee
from leja.documents.fulfilment import Fulfilled, Fulfilment
from leja.documents.header import Header
from leja.documents.invoice import Invoice
from leja.documents.parts import Line, Party, Rate, Tax, Tender
from leja.documents.payment import Allocation, Payment
from leja.documents.payout import Component, Payout
from leja.documents.refund import Refund
from leja.documents.sale import Sale

Facts = dict[str, Any]
CUSTOMER = Party(external_id="customer-1", name="A customer")
FEE_TYPES = {"card_processing": "processing", "platform": "platform"}


class Translation:
    """The documents of one example: ``before`` were there already and are not compared."""

    def __init__(self, name: str, facts: Facts, currency: str = "") -> None:
        self.name = name
        self.base = currency or facts["currency"]
        self.country = facts.get("country", "")
        self.rates: dict[tuple[str, date], Decimal] = {}
        self.before: list[Document] = []
        self.documents: list[Document] = []
        self._count = 0
        self._facts = facts
        for document in facts["documents"]:
            verb: Callable[[Facts], Iterator[Document]] | None = getattr(self, "_" + document["type"], None)
            if verb is not None:
                self.documents += list(verb(document))

    # --- parts ---

    def _money(self, text: str, currency: str = "") -> Money:
        return from_text(text, currency or self.base)

    def _header(self, kind: str, facts: Facts, *, channel: str = "store", name: str = "", version: str = "1") -> Header:
        self._count += 1
        day = date.fromisoformat(facts["date"])
        return Header(
            external_id=name or f"{self.name}/{kind}/{self._count}", version=version, business_day=day,
            occurred_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC), channel=channel,
            currency=facts.get("document_currency", self.base), country=facts.get("country", self.country),
        )

    def _card(self, amount: str) -> Tender:
        return Tender(means="card", processor="card_processor", amount=self._money(amount))

    def _tenders(self, facts: Facts, processor: str = "card_processor") -> tuple[Tender, ...]:
        currency = facts.get("document_currency", self.base)
        holders = {"card": processor, "mpesa_till": "mpesa_till"}
        return tuple(
            Tender(
                means=one["kind"], amount=self._money(one["amount"], currency), processor=holders.get(one["kind"], ""),
                voucher=one.get("voucher", ""),
            )
            for one in facts.get("tenders", ())
        )

    def _lines(self, facts: Facts, inclusive: bool) -> tuple[Line, ...]:
        currency = facts.get("document_currency", self.base)
        raw: list[dict[str, Any]] = []
        for place, one in enumerate(facts.get("lines", ())):
            quantity = Decimal(one["quantity"])
            listed = from_text(quantity * Decimal(one["unit_price"]), currency)
            percent = Decimal(one.get("discount_percent", "0"))
            raw.append({
                "line_id": one.get("item", str(place)), "kind": "goods", "listed": listed, "quantity": quantity,
                "discount": split(listed, [percent, 100 - percent])[0], "rate": one.get("tax_rate"),
                "cost": one.get("unit_cost"), "restocked": one.get("restocked", True), "tax_code": "",
            })
        if "order_discount" in facts:
            worth = [one["listed"].minor - one["discount"].minor for one in raw]
            for one, part in zip(raw, split(self._money(facts["order_discount"]), worth), strict=True):
                one["discount"] += part
        for kind, name in (("shipping", "shipping"), ("tip", "tip"), ("duty", "duties_collected")):
            if name in facts:
                amount = facts[name]["amount"] if kind == "shipping" else facts[name]
                rate = facts[name].get("tax_rate") if kind == "shipping" else None
                raw.append(self._raw(kind, self._money(amount, currency), rate))
        return self._taxed(raw, facts, inclusive)

    def _raw(self, kind: str, listed: Money, rate: str | None = None) -> dict[str, Any]:
        return {
            "line_id": kind, "kind": kind, "listed": listed, "quantity": Decimal(1), "rate": rate, "cost": None,
            "discount": Money(0, listed.currency), "restocked": False, "tax_code": "",
        }

    def _taxed(self, raw: list[dict[str, Any]], facts: Facts, inclusive: bool) -> tuple[Line, ...]:
        """The document's tax over its lines, in proportion to what each should bear."""
        currency = facts.get("document_currency", self.base)
        named = facts.get("taxes") or [{"tax": "", "amount": facts.get("tax", "0")}]
        taxes: list[list[Tax]] = [[] for _ in raw]
        for tax in named:
            weights = [_weight(one, inclusive, every="taxes" in facts) for one in raw]
            parts = split(self._money(tax["amount"], currency), weights) if any(weights) else ()
            for place, part in enumerate(parts):
                if weights[place]:
                    rate = tax.get("rate") or raw[place]["rate"]
                    code = tax["tax"] or f"VAT {rate}%"
                    taxes[place].append(Tax(code=code, amount=part, rate=Decimal(rate) if rate else None))
        return tuple(
            Line(
                line_id=one["line_id"], kind=one["kind"], listed=one["listed"], quantity=one["quantity"],
                discount=one["discount"] or None, taxes=tuple(own), restocked=one["restocked"],
                tax_code=one["tax_code"], unit_cost=self._money(one["cost"]) if one["cost"] else None,
            )
            for one, own in zip(raw, taxes, strict=True)
        )

    # --- sales and what follows them ---

    def _sale(self, facts: Facts) -> Iterator[Document]:
        inclusive = facts.get("prices_include_tax", False)
        currency = facts.get("document_currency", self.base)
        lines = self._lines(facts, inclusive) or (
            Line(line_id="1", kind="goods", listed=self._money(facts["total"], currency)),)
        tenders = self._tenders(facts) or (
            Tender(means="card", processor="card_processor_eur", amount=self._money(facts["total"], currency)),)
        rate = None
        day = date.fromisoformat(facts["date"])
        if "rate" in facts:
            rate = Rate(rate=Decimal(facts["rate"]), base=self.base, source="example")
            self.rates[currency, day] = rate.rate
        self._charged = day
        self._fee = facts.get("fee")
        yield Sale(
            header=self._header("sale", facts, name="" if self._count else self.name), lines=lines,
            total=self._money(facts["total"], currency), prices_include_tax=inclusive, tenders=tenders, rate=rate,
            cash_rounding=self._money(facts["cash_rounding"]) if "cash_rounding" in facts else None,
            seller_is="agent" if facts.get("agent") else "principal",
            commission=self._money(facts["commission"]) if "commission" in facts else None,
            commission_taxes=self._money(facts["commission_tax"]) if "commission_tax" in facts else None,
        )

    def _gift_card_sale(self, facts: Facts) -> Iterator[Document]:
        raw = [self._raw("gift_card", self._money(facts["face"]), facts.get("tax_rate"))]
        yield Sale(
            header=self._header("gift card", facts), lines=self._taxed(raw, facts, True), prices_include_tax=True,
            total=self._money(facts["face"]), tenders=self._tenders(facts))

    def _order(self, facts: Facts) -> Iterator[Document]:
        self._ordered = self._header("order", facts, channel="web")
        inclusive = facts["prices_include_tax"]
        self._order_document = Sale(
            header=self._ordered, lines=self._lines(facts, inclusive), total=self._money(facts["total"]),
            prices_include_tax=inclusive, tenders=self._tenders(facts))
        yield self._order_document

    def _order_cancelled(self, facts: Facts) -> Iterator[Document]:
        order = self._order_document
        header = Header(**{**_fields(order.header), "version": "2"})
        yield Sale(**{
            **_fields(order), "header": header, "state": "cancelled",
            "cancelled_on": date.fromisoformat(facts["date"])})

    def _shipment(self, facts: Facts) -> Iterator[Document]:
        yield Fulfilment(
            header=self._header("shipment", facts, channel="web"), sale=self._ordered.external_id,
            lines=tuple(
                Fulfilled(line_id=one["item"], quantity=Decimal(one["quantity"])) for one in facts["lines"]))

    def _delivery(self, facts: Facts) -> Iterator[Document]:
        """A layaway: the deposit is a tender of an earlier day."""
        deposit = next(one for one in self._facts["documents"] if one["type"] == "deposit")
        raw = [{**self._raw("goods", self._money(deposit["order_total"]), deposit["tax_rate"])}]
        tax = str(Decimal(deposit["tax"]) + Decimal(facts["tax"]))
        early = tuple(
            Tender(
                means=one.means, amount=one.amount, reference="deposit",
                business_day=date.fromisoformat(deposit["date"]))
            for one in self._tenders(deposit))
        yield Sale(
            header=self._header("layaway", facts), lines=self._taxed(raw, {"tax": tax}, True), prices_include_tax=True,
            total=self._money(deposit["order_total"]), tenders=early + self._tenders(facts))

    def _refund(self, facts: Facts) -> Iterator[Document]:
        inclusive = facts.get("prices_include_tax", False)
        sale = facts.get("original", "")
        if "original_total" in facts:
            sale = f"{self.name}/original"
            raw = [self._raw("goods", self._money(facts["original_total"]), facts["tax_rate"])]
            whole, part = Decimal(facts["original_total"]), Decimal(facts["tax_rate"])
            tax = str(whole * part / (100 + part))
            self.before.append(Sale(
                header=self._header("sale", facts, name=sale), lines=self._taxed(raw, {"tax": tax}, True),
                total=self._money(facts["original_total"]), prices_include_tax=True,
                tenders=(self._card(facts["original_total"]),)))
        fee = None
        if "restocking_fee" in facts:
            own = facts["restocking_fee"]
            fee = self._taxed([self._raw("restocking_fee", self._money(own["amount"]), own["tax_rate"])], own, True)[0]
        yield Refund(
            header=self._header("refund", facts), sale=sale, lines=self._lines(facts, inclusive), restocking_fee=fee,
            total=self._money(facts["total"]), prices_include_tax=inclusive, tenders=self._tenders(facts),
            state=facts["status"])

    def _exchange(self, facts: Facts) -> Iterator[Document]:
        """Both legs; what came back pays for part of what was taken, through store credit."""
        for kind, name in (("refund", "returned"), ("sale", "sold")):
            own = {**facts, "lines": facts[name], "tax": _tax_inside(facts[name])}
            lines = self._lines(own, True)
            total = Money(sum(line.listed.minor for line in lines), self.base)
            if kind == "refund":
                credit = Tender(means="store_credit", amount=total)
                yield Refund(
                    header=self._header(kind, facts), lines=lines, total=total, prices_include_tax=True,
                    tenders=(credit,))
            else:
                yield Sale(
                    header=self._header(kind, facts), lines=lines, total=total, prices_include_tax=True,
                    tenders=(credit, *self._tenders(facts)))

    def _z_closure(self, facts: Facts) -> Iterator[Document]:
        """The day's receipts as one till document, and the closure with its count and what left the drawer."""
        if "sales" in facts:
            yield self._receipts_of_a_day(facts)
        expected = facts.get("expected_cash") or next(
            one["amount"] for one in facts["tenders"] if one["kind"] == "cash")
        yield Closure(
            header=self._header("day", facts), expected=self._money(expected), counted=self._money(facts["counted_cash"]),
            moves=tuple(
                DrawerMove(move_id=str(place), reason="expense", amount=self._money(one["amount"]), category=one["category"])
                for place, one in enumerate(facts.get("paid_outs", ()))))

    def _drawer(self, facts: Facts, reason: DrawerReason) -> Closure:
        move = DrawerMove(move_id="1", reason=reason, amount=self._money(facts["amount"]))
        return Closure(header=self._header("drawer", facts), moves=(move,))

    def _cash_banked(self, facts: Facts) -> Iterator[Document]:
        yield self._drawer(facts, "banked")

    def _tips_paid(self, facts: Facts) -> Iterator[Document]:
        yield self._drawer(facts, "tips")

    def _receipts_of_a_day(self, facts: Facts) -> Sale:
        lines = tuple(
            Line(
                line_id=one["tax_code"], kind="goods", listed=self._money(one["net"]), tax_code=one["tax_code"],
                unit_cost=self._money(facts["cost"]) if place == 0 else None,
                taxes=(Tax(code="VAT", amount=self._money(one["tax"])),) if Decimal(one["tax"]) else ())
            for place, one in enumerate(facts["sales"]))
        return Sale(
            header=self._header("closure", facts), lines=lines, total=self._money(facts["total"]),
            tenders=self._tenders(facts))

    def cancelled(self, original: Sale, facts: Facts) -> Sale:
        """The original as the source shows it after it was called off: no money stayed."""
        return Sale(**{
            **_fields(original), "tenders": (), "state": "cancelled", "cancelled_on": date.fromisoformat(facts["date"]),
            "header": Header(**{**_fields(original.header), "version": "2"})})

    # --- invoices and payments ---

    def _invoice(self, facts: Facts) -> Iterator[Document]:
        self._invoiced = f"{self.name}/invoice"
        yield Invoice(
            header=self._header("invoice", facts, name=self._invoiced, channel="wholesale"), customer=CUSTOMER,
            lines=self._lines(facts, facts["prices_include_tax"]), total=self._money(facts["total"]))

    def _bank_receipt(self, facts: Facts) -> Iterator[Document]:
        document = self._open_item(facts) if "open_invoice" in facts else self._invoiced
        wanted = facts.get("open_invoice") or facts["allocated"][0]["amount"]
        amount = min(self._money(wanted), self._money(facts["amount"]))
        yield Payment(
            header=self._header("receipt", facts), customer=CUSTOMER,
            tender=Tender(means="bank", amount=self._money(facts["amount"])),
            allocations=(Allocation(document=document, amount=amount),))

    def _open_item(self, facts: Facts) -> str:
        name = f"{self.name}/open"
        total = self._money(facts["open_invoice"])
        self.before.append(Invoice(
            header=self._header("invoice", facts, name=name), customer=CUSTOMER, total=total,
            lines=(Line(line_id="1", kind="goods", listed=total),)))
        return name

    def _bank_payment(self, facts: Facts) -> Iterator[Document]:
        yield Payment(
            header=self._header("payment", facts), customer=CUSTOMER,
            tender=Tender(means="bank", amount=-self._money(facts["amount"])))

    def _mobile_money_receipt(self, facts: Facts) -> Iterator[Document]:
        self._receipt = Payment(
            header=self._header("receipt", facts),
            tender=Tender(means="mpesa_till", processor="mpesa_till", amount=self._money(facts["amount"])))
        yield self._receipt

    def _allocation(self, facts: Facts) -> Iterator[Document]:
        document = self._open_item(facts)
        part = Allocation(
            document=document, amount=self._money(facts["amount"]), business_day=date.fromisoformat(facts["date"]))
        header = Header(**{**_fields(self._receipt.header), "version": "2"})
        yield Payment(**{**_fields(self._receipt), "header": header, "allocations": (part,), "customer": CUSTOMER})

    # --- processors ---

    def _payout(self, facts: Facts) -> Iterator[Document]:
        if "settled" in facts:
            yield self._converted(facts)
            return
        if "lines" in facts:
            yield from self._monthly(facts)
            return
        parts = [("charge", facts.get("charges") or facts.get("gross")), ("refund", _minus(facts.get("refunds")))]
        for dispute in facts.get("disputes", ()):
            parts += [("dispute", _minus(dispute["amount"])), ("dispute_fee", _minus(dispute["fee"]))]
        parts += [("fee", _minus(facts.get("fees"))), ("reserve_held", _minus(facts.get("reserve")))]
        yield self._paid_out(facts, parts)

    def _paid_out(
        self, facts: Facts, parts: list[tuple[str, str | None]], processor: str = "card_processor"
    ) -> Payout:
        components = tuple(
            Component(component_id=str(place), kind=kind, amount=self._money(amount))  # type: ignore[arg-type]
            for place, (kind, amount) in enumerate(parts) if amount)
        amount = Money(sum(part.amount.minor for part in components), self.base)
        stated = facts.get("amount")
        return Payout(
            header=self._header("payout", facts), processor=processor, components=components,
            amount=self._money(stated) if stated and facts["type"] != "dispute_closed" else amount)

    def _monthly(self, facts: Facts) -> Iterator[Document]:
        components: list[Component] = []
        for part in facts["lines"]:
            year, month = (int(word) for word in part["period"].split("-"))
            last = date(year, month, calendar.monthrange(year, month)[1])
            day = min(last, date.fromisoformat(facts["date"]))
            total = self._money(part["charges"])
            yield Sale(
                header=self._header("sale", {"date": day.isoformat()}), total=total,
                lines=(Line(line_id="1", kind="goods", listed=total),),
                tenders=(Tender(means="card", processor="card_processor", amount=total),))
            components += [
                Component(component_id=f"c{part['period']}", kind="charge", amount=total, business_day=day),
                Component(
                    component_id=f"f{part['period']}", kind="fee", amount=-self._money(part["fees"]), business_day=day)]
        yield Payout(
            header=self._header("payout", facts), processor="card_processor", amount=self._money(facts["amount"]),
            components=tuple(components))

    def _converted(self, facts: Facts) -> Payout:
        currency = facts["document_currency"]
        fee = self._money(self._fee["amount"], currency)
        paid = self._money(facts["amount"], currency)
        arises = self._charged if self._fee["arises"] == "charge" else None
        return Payout(
            header=self._header("payout", facts), processor="card_processor_eur", amount=paid,
            rate=Rate(rate=Decimal(facts["rate"]), base=self.base, source="example"),
            settled=self._money(facts["settled"]["amount"], facts["settled"]["currency"]),
            components=(
                Component(component_id="c", kind="charge", amount=paid + fee, business_day=self._charged),
                Component(component_id="f", kind="fee", amount=-fee, business_day=arises)))

    def _reserve_release(self, facts: Facts) -> Iterator[Document]:
        yield self._paid_out(facts, [("reserve_released", facts["amount"])])

    def _dispute_closed(self, facts: Facts) -> Iterator[Document]:
        """A dispute that was won comes back with a payout; what was lost is decided by its reason."""
        won = next((one for one in facts["outcomes"] if one["outcome"] == "won"), None)
        if won is None:
            yield from self._lost(facts, facts["outcomes"][0]["reason"])
            return
        yield self._paid_out(
            {"date": won["date"], "type": "dispute_closed"},
            [("dispute_won", facts["amount"]), ("dispute_fee", facts["fee"])])

    def _lost(self, facts: Facts, reason: Any) -> Iterator[Document]:
        sale = f"{self.name}/disputed"
        net, tax = self._money(facts["net"]), self._money(facts["tax"])
        self.before.append(Sale(
            header=self._header("sale", facts, name=sale), total=net + tax, tenders=(self._card(facts["amount"]),),
            lines=(Line(line_id="1", kind="goods", listed=net, taxes=(Tax(code="VAT", amount=tax),)),)))
        yield Dispute(
            header=self._header("dispute", facts), processor="card_processor", reference="ch_1", sale=sale, state="lost",
            reason=reason, amount=self._money(facts["amount"]))

    def _mobile_money_statement(self, facts: Facts) -> Iterator[Document]:
        for receipt in facts["receipts"]:
            total = self._money(receipt)
            yield Sale(
                header=self._header("sale", facts), total=total,
                lines=(Line(line_id="1", kind="goods", listed=total),),
                tenders=(Tender(means="mpesa_till", processor="mpesa_till", amount=total),))
        for charge in facts["charges"]:
            yield Fee(
                header=self._header("fee", facts), fee_type="mobile_money", amount=self._money(charge),
                taken_from="mpesa_till")

    def _sweep(self, facts: Facts) -> Iterator[Document]:
        yield self._paid_out(facts, [("charge", facts["amount"])], processor="mpesa_till")

    def _fee_statement(self, facts: Facts) -> Iterator[Document]:
        for one in facts["lines"]:
            rate = one.get("tax_rate")
            yield Fee(
                header=self._header("fee", facts), fee_type=FEE_TYPES[one["fee_type"]],
                amount=self._money(one["amount"]), taken_from="card_processor", tax_treatment=one["vat_treatment"],
                tax_rate=Decimal(rate) if rate else None)

    def _marketplace_settlement(self, facts: Facts) -> Iterator[Document]:
        tax = facts["tax_collected_by_marketplace"]
        owed = Tax(code="sales tax", amount=self._money(tax), owed_by="channel")
        lines = tuple(
            Line(line_id=one["item"], kind="goods", listed=self._money(one["unit_price"]), taxes=(owed,))
            for one in facts["lines"])
        total = Money(sum(line.listed.minor for line in lines) + owed.amount.minor, self.base)
        yield Sale(
            header=self._header("sale", facts, channel="marketplace"), lines=lines, total=total,
            tenders=(Tender(means="marketplace", processor="marketplace", amount=total),))
        yield Payout(
            header=self._header("payout", facts), processor="marketplace", amount=self._money(facts["amount"]),
            components=(
                Component(component_id="c", kind="charge", amount=total),
                Component(component_id="t", kind="withheld_tax", amount=-owed.amount),
                Component(
                    component_id="f", kind="fee", fee_type="marketplace", amount=-self._money(facts["commission"]))))


def _weight(one: dict[str, Any], inclusive: bool, every: bool) -> Decimal:
    worth = Decimal(one["listed"].minor - one["discount"].minor)
    if every:
        return worth
    rate = Decimal(one["rate"] or "0")
    return worth * rate / (100 + rate) if inclusive else worth * rate


def _tax_inside(lines: list[Facts]) -> str:
    """The tax inside prices that the example states only by its rate."""
    return str(sum(
        Decimal(one["unit_price"]) * Decimal(one["quantity"]) * Decimal(one["tax_rate"]) / (
            100 + Decimal(one["tax_rate"])) for one in lines))


def _minus(amount: str | None) -> str | None:
    return f"-{amount}" if amount and Decimal(amount) else None


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
