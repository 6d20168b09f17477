"""The organisation: takes elements one by one by the vendor's rules, and shows them as answers do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec

from leja.connectors.xero import stand_in_chart as chart
from leja.connectors.xero.stand_in_bank import CREDITS
from leja.connectors.xero.stand_in_documents import PAID, Documents
from leja.connectors.xero.stand_in_masters import Masters
from leja.connectors.xero.stand_in_records import Records, Stored
from leja.connectors.xero.stand_in_shapes import IDS, NUMBERS, READ_ONLY, SHAPES, Invalid
from leja.core.money import Money, from_text, to_decimal
from leja_sandbox.kit import Environment

MASTERS: Final = ("Contacts", "Items", "Accounts")
DOCUMENTS: Final = ("Invoices", "CreditNotes", "Payments", "BankTransactions", "BankTransfers", "ManualJournals")
# The kinds that can be allocated to invoices, and which types of them to sales.
CREDIT_KINDS: Final = ("CreditNotes", "Overpayments", "Prepayments")
RECEIVABLE: Final = ("ACCRECCREDIT", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT")


def stamp(seconds: float) -> str:
    """An instant in the format of the vendor's answers."""
    return f"/Date({round(seconds * 1000)}+0000)/"


def day_stamp(day: str) -> str:
    """A calendar day in that format."""
    return stamp(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp())


class Organisation:
    """One tenant. All that it knows stands in the store; every method works inside the caller's transaction."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.settings = msgspec.convert(dict(env.settings), chart.OrganisationSettings, strict=False)
        self.records = Records(env, self.settings.base_currency)
        self.masters = Masters(self.records, self.settings)
        self.documents = Documents(self.records, self.masters, self.settings)

    def preference(self, name: str, default: Any) -> Any:
        """A setting that the control may have changed since the start."""
        kept = self.records.store.get("preference", name)
        return default if kept is None else kept["value"]

    def prefer(self, name: str, value: Any) -> None:
        """Changes a setting from now on."""
        self.records.store.put("preference", name, {"value": value})

    @property
    def lock_date(self) -> str:
        """The day on or before which nothing may be dated; "" means open."""
        return str(self.preference("lock_date", self.settings.lock_date))

    def accept(
        self, kind: str, given: Mapping[str, Any], *, create: bool, unit_places: int = 2, origin: str = "api",
        lag: float = 0.0, id_: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Takes one element: PUT creates, POST creates or updates, by id or by number. Raises Invalid or Malformed."""
        wanted = {k: v for k, v in SHAPES[kind]("", given).items() if k not in READ_ONLY}
        before = self._meant(kind, wanted, id_, create)
        if kind in ("Payments", "BankTransfers") and (before is not None or (kind == "BankTransfers" and not create)):
            return self._removed(before, wanted)
        body = {**(before.body if before else {}), **wanted}
        own = before.id if before else (id_ or str(uuid4()))
        if kind in MASTERS:
            keep = {"Contacts": self.masters.keep_contact, "Items": self.masters.keep_item,
                    "Accounts": self.masters.keep_account}[kind]  # fmt: skip
            keep(own, body, before.origin if before else origin, lag)
        else:
            self._document(kind, own, body, before, origin, unit_places, lag)
        return self.shown(self._found(kind, own))

    def _found(self, kind: str, id_: str) -> Stored:
        found = self.records.find(kind, id_)
        if found is None:
            raise Invalid(f"{kind} {id_} could not be found")
        return found

    def _meant(self, kind: str, wanted: dict[str, Any], id_: str, create: bool) -> Stored | None:
        """The record that a POST overwrites: by id, or by a number that is already in use."""
        wanted_id = id_ or wanted.pop(IDS[kind], "")
        wanted.pop(IDS[kind], None)
        if wanted_id:
            found = self.records.find(kind, wanted_id)
            if found is None:
                raise Invalid(f"The {IDS[kind]} {wanted_id} could not be found")
            if create and kind != "Payments":
                raise Invalid(f"The {IDS[kind]} is already in use: PUT only creates")
            return found
        if not wanted.get("Name") and kind == "Contacts" and create:
            return None
        number = wanted.get(NUMBERS.get(kind, ""), "")
        live = [s for s in self.records.by_number(kind, number) if _live(s)] if number else []
        if kind in ("Invoices", "CreditNotes"):
            live = [s for s in live if s.body["Type"] == wanted.get("Type", s.body["Type"])]
            if wanted.get("Type") in ("ACCPAY", "ACCPAYCREDIT"):
                live = []
        if kind == "Contacts" and not live and wanted.get("Name") and not create:
            live = self.records.by_name("Contacts", wanted["Name"])
        if not live:
            return None
        if create and kind == "Items":
            raise Invalid(f"Price List Item with Code '{number}' already exists")
        return None if create else live[0]

    def _document(
        self,
        kind: str,
        own: str,
        body: dict[str, Any],
        before: Stored | None,
        origin: str,
        unit_places: int,
        lag: float,
    ) -> None:
        body.setdefault("Date", self.env.clock().date().isoformat())
        if origin == "api":
            self.unlocked(body["Date"])
            if before:
                self.unlocked(before.body["Date"])
        built = self.documents.build(kind, body, before, before.origin if before else origin, unit_places)
        self.records.write(
            kind, own, {**built.body, IDS[kind]: own}, origin=before.origin if before else origin, number=built.number,
            lag=lag, postings=built.postings, currency=built.currency, source=built.source,
        )  # fmt: skip
        if built.link:
            self.records.link(kind, own, *built.link)
            self.settle(built.link[0], built.link[1])
        if kind in ("BankTransactions", "BankTransfers"):
            self._beside(kind, self._found(kind, own), before)

    def _beside(self, kind: str, stored: Stored, before: Stored | None) -> None:
        """What comes into being, or ends, with money in the bank: the credit of it, the two sides of a transfer."""
        body = stored.body
        if kind == "BankTransfers":
            for side, type_ in (("From", "SPEND-TRANSFER"), ("To", "RECEIVE-TRANSFER")):
                own = body.get(f"{side}BankTransactionID") or str(uuid4())
                twin = {
                    "BankTransactionID": own, "Type": type_, "Status": body["Status"], "Date": body["Date"],
                    "BankAccount": body[f"{side}BankAccount"], "IsReconciled": body[f"{side}IsReconciled"],
                    "LineItems": [], "LineAmountTypes": "NoTax", "SubTotal": body["Amount"], "TotalTax": Decimal(0),
                    "Total": body["Amount"], "Reference": body.get("Reference", ""), "HasAttachments": False,
                }  # fmt: skip
                self.records.write("BankTransactions", own, twin, origin=stored.origin)
                body[f"{side}BankTransactionID"] = own
            body.setdefault("CreatedDateUTC", stamp(stored.updated))
            self.records.rewrite(stored, body)
        elif body["Type"] in CREDITS:
            name, field, _source = CREDITS[body["Type"]]
            own = body.get(field) or str(uuid4())
            if before is not None and self.records.links_to(name, own):
                raise Invalid("The credit has been allocated or refunded. Remove that first.")
            keep = ("Type", "Contact", "Date", "LineAmountTypes", "LineItems", "SubTotal", "TotalTax", "Total",
                    "CurrencyCode", "CurrencyRate", "Reference")  # fmt: skip
            credit = {k: body[k] for k in keep if k in body} | {field: own}
            credit["Status"] = "AUTHORISED" if body["Status"] == "AUTHORISED" else "VOIDED"
            self.records.write(name, own, credit, origin=stored.origin)
            self.records.rewrite(stored, {**body, field: own})

    def unlocked(self, day: str) -> None:
        """Raises Invalid for a day in a locked period."""
        if self.lock_date and day <= self.lock_date:
            raise Invalid("The document date cannot be before the period lock date or the end of year lock date.")

    def settle(self, kind: str, id_: str) -> None:
        """Makes a document PAID when nothing is due, AUTHORISED again when something is."""
        stored = self._found(kind, id_)
        due = self.documents.due(kind, stored)
        status = "PAID" if due == 0 else "AUTHORISED"
        if stored.body["Status"] in ("PAID", "AUTHORISED"):
            self.records.rewrite(stored, {**stored.body, "Status": status})

    def rewrite(self, stored: Stored, body: dict[str, Any]) -> None:
        """What somebody over there does to a document: no API, no lock date. Raises Invalid."""
        if stored.kind == "Payments":
            self.records.unlink("Payments", stored.id)
            name = next(name for name in PAID if name in stored.body)
            self.settle(f"{name}s", stored.body[name][f"{name}ID"])
            built = self.documents.build("Payments", body, None, stored.origin, 2)
        elif body["Status"] in ("VOIDED", "DELETED"):
            if stored.kind in ("BankTransactions", "BankTransfers"):
                self._beside(stored.kind, msgspec.structs.replace(stored, body=body), stored)
            self.records.write(
                stored.kind,
                stored.id,
                body,
                origin=stored.origin,
                number=_number(stored),
                currency=body.get("CurrencyCode", ""),
                source=str(body.get("Type", "MANJOURNAL")),
            )
            return
        else:
            if body["Status"] == "PAID":
                body = {**body, "Status": "AUTHORISED"}
                stored = msgspec.structs.replace(stored, body={**stored.body, "Status": "AUTHORISED"})
            built = self.documents.build(stored.kind, body, stored, stored.origin, 4, settled=False)
        self.records.write(
            stored.kind, stored.id, built.body, origin=stored.origin, number=built.number, postings=built.postings,
            currency=built.currency, source=built.source,
        )  # fmt: skip
        if stored.kind in ("Invoices", "CreditNotes"):
            self.settle(stored.kind, stored.id)
        if stored.kind == "BankTransfers":
            self._beside(stored.kind, self._found(stored.kind, stored.id), stored)
        if built.link:
            self.records.link(stored.kind, stored.id, *built.link)
            self.settle(built.link[0], built.link[1])

    def _removed(self, before: Stored | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
        if before is None:
            raise Invalid("BankTransferID must be specified: POST only deletes bank transfers")
        if before.kind == "BankTransfers":
            if wanted.get("Status") != "DELETED" or before.body["Status"] == "DELETED":
                raise Invalid("Bank transfers cannot be edited; only Status DELETED may be sent, once")
            self.unlocked(before.body["Date"])
            self.rewrite(before, {**before.body, "Status": "DELETED"})
            return self.shown(self._found("BankTransfers", before.id))
        if wanted.get("Status") != "DELETED" or set(wanted) - {"Status"}:
            raise Invalid("Payments cannot be edited; only Status DELETED may be sent")
        if before.body["Status"] == "DELETED":
            raise Invalid("Payment has already been deleted")
        self.unlocked(before.body["Date"])
        self.remove_payment(before)
        return self.shown(self._found("Payments", before.id))

    def remove_payment(self, before: Stored) -> None:
        """Deletes a payment; what it paid is open again."""
        links = self.records.store.execute(
            "SELECT to_kind, to_id FROM xero_link WHERE kind = 'Payments' AND id = ?", before.id
        )
        self.records.unlink("Payments", before.id)
        currency = before.body.get("CurrencyCode", self.settings.base_currency)
        self.records.write("Payments", before.id, {**before.body, "Status": "DELETED"}, origin=before.origin,
                           currency=currency, source=before.body["PaymentType"])  # fmt: skip
        for to_kind, to_id in links:
            self.settle(to_kind, to_id)

    def allocate(self, kind: str, credit_id: str, given: Mapping[str, Any], lag: float) -> dict[str, Any]:
        """Applies a credit to an invoice; nothing is posted, both rest on the same control account."""
        name = kind.removesuffix("s")
        wanted = SHAPES["Allocations"]("", given)
        missing = [name for name in ("Amount", "Invoice", "Date") if name not in wanted]
        if missing:
            raise Invalid(*(f"{name} must be specified." for name in missing))
        credit = self.records.find(kind, credit_id)
        invoice = self.records.find("Invoices", wanted["Invoice"].get("InvoiceID", ""))
        if credit is None or invoice is None:
            raise Invalid(f"The {name} or the invoice could not be found")
        self.unlocked(wanted["Date"])
        currency = credit.body["CurrencyCode"]
        if invoice.body["CurrencyCode"] != currency or invoice.body["Contact"] != credit.body["Contact"]:
            raise Invalid(f"The {name} and the invoice must be of one contact and in one currency")
        if (invoice.body["Type"] == "ACCREC") != (credit.body["Type"] in RECEIVABLE):
            raise Invalid(f"The {name} cannot be allocated to an invoice of type {invoice.body['Type']}")
        if invoice.body["Status"] != "AUTHORISED" or credit.body["Status"] != "AUTHORISED":
            raise Invalid("Only authorised documents can be allocated")
        amount = wanted["Amount"].quantize(Decimal(1).scaleb(-self.settings.places(currency)))
        minor = from_text(amount, currency).minor
        if amount != wanted["Amount"] or minor <= 0:
            raise Invalid("Amount must be greater than zero and no finer than the currency")
        if minor > self.documents.due(kind, credit) or minor > self.documents.due("Invoices", invoice):
            raise Invalid("The amount exceeds the remaining credit or the amount due")
        own = str(uuid4())
        body = {"AllocationID": own, "Amount": amount, "Date": wanted["Date"], f"{name}ID": credit.id,
                "InvoiceID": invoice.id}  # fmt: skip
        self.records.write("Allocations", own, body, origin="api", lag=lag, currency=currency)
        for applied, id_ in ((kind, credit.id), ("Invoices", invoice.id)):
            self.records.link("Allocations", own, applied, id_, minor)
            self.settle(applied, id_)
        shown = {f"{name}ID": credit.id}
        if kind == "CreditNotes":
            shown["CreditNoteNumber"] = credit.body.get("CreditNoteNumber", "")
        return {
            "AllocationID": own,
            "Amount": amount,
            "Date": day_stamp(wanted["Date"]),
            "Invoice": {
                "InvoiceID": invoice.id,
                "InvoiceNumber": invoice.body.get("InvoiceNumber", ""),
                "LineItems": [],
            },
            name: shown,
        }

    # --- answers --------------------------------------------------------------------------------------------------

    def shown(self, stored: Stored, *, lines: bool = True) -> dict[str, Any]:
        """The record as an answer shows it."""
        body = {k: v for k, v in stored.body.items() if not k.startswith("_")}
        body["UpdatedDateUTC"] = stamp(stored.updated)
        if stored.kind == "Accounts":
            return {k: v for k, v in body.items() if v != ""} | {"SystemAccount": body["SystemAccount"]}
        if stored.kind in MASTERS:
            return body
        for name in ("Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate"):
            if name in body:
                if name in ("Date", "DueDate") and stored.kind in ("Invoices", "CreditNotes"):
                    body[f"{name}String"] = f"{body[name]}T00:00:00"
                body[name] = day_stamp(body[name])
        if stored.kind in ("Invoices", *CREDIT_KINDS):
            body |= self._open(stored)
        if stored.kind == "BankTransfers":
            del body["UpdatedDateUTC"]
            return body
        if stored.kind == "Payments":
            body["HasValidationErrors"] = False
            for name in ("Invoice", "CreditNote"):
                settled = self.records.find(f"{name}s", body[name][f"{name}ID"]) if name in body else None
                if settled is not None:
                    body[name] = {**body[name], "CurrencyCode": settled.body["CurrencyCode"]}
        if not lines:
            body["LineItems"] = []
        return body

    def _open(self, stored: Stored) -> dict[str, Any]:
        currency = stored.body["CurrencyCode"]

        def decimal(minor: int) -> Decimal:
            return to_decimal(Money(minor, currency))

        links = self.records.links_to(stored.kind, stored.id)
        paid = sum(minor for kind, _i, minor in links if kind == "Payments")
        credited = sum(minor for kind, _i, minor in links if kind == "Allocations")
        due = self.documents.due(stored.kind, stored)
        payments = []
        for kind, id_, minor in links:
            found = self.records.find(kind, id_) if kind == "Payments" else None
            if found:
                payments.append(
                    {
                        "PaymentID": id_,
                        "Date": day_stamp(found.body["Date"]),
                        "Amount": decimal(minor),
                        "Reference": found.body.get("Reference", ""),
                        "CurrencyRate": found.body["CurrencyRate"],
                    }
                )
        if stored.kind in CREDIT_KINDS:
            shown = {"RemainingCredit": decimal(due), "AppliedAmount": decimal(credited), "Payments": payments,
                     "Allocations": [], "HasAttachments": False}  # fmt: skip
            return {**shown, "HasErrors": False} if stored.kind == "CreditNotes" else shown
        return {"AmountDue": decimal(due), "AmountPaid": decimal(paid), "AmountCredited": decimal(credited),
                "Payments": payments, "CreditNotes": [], "Prepayments": [], "Overpayments": [], "HasErrors": False,
                "HasAttachments": False, "IsDiscounted": any("DiscountRate" in li or "DiscountAmount" in li
                                                             for li in stored.body.get("LineItems", ()))}  # fmt: skip


def _number(stored: Stored) -> str:
    return str(stored.body.get(NUMBERS.get(stored.kind, ""), ""))


def _live(stored: Stored) -> bool:
    return stored.body.get("Status") not in ("DELETED", "VOIDED") and stored.body.get("ContactStatus") != "ARCHIVED"
