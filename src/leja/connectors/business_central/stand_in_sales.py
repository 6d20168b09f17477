"""Sales invoices, credit memos and orders: drafts with lines, posting, cancelling. What is posted is never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from leja.connectors.business_central import stand_in_chart as chart
from leja.connectors.business_central.stand_in_chart import NOTHING, CompanySettings
from leja.connectors.business_central.stand_in_dimensions import Dimensions
from leja.connectors.business_central.stand_in_masters import Masters, field_error
from leja.connectors.business_central.stand_in_model import DOCUMENTS, SETS, BadRequest
from leja.connectors.business_central.stand_in_pricing import price, rounded
from leja.connectors.business_central.stand_in_records import Entry, Heading, Records, Stored

BLANK: Final = "0001-01-01"
_WORDS: Final = {"salesInvoices": "invoice", "salesCreditMemos": "credit memo", "salesOrders": "order"}
# Set: series of drafts, series of posted documents, the first number
_SERIES: Final = {
    "salesInvoices": ("S-INV", "PS-INV", 102_001), "salesCreditMemos": ("S-CR", "PS-CR", 1_001),
    "salesOrders": ("S-ORD", "", 101_001),
}  # fmt: skip
_HEADER: Final = ("billToCustomerId", "billToCustomerNumber")


class Sales:
    """The sales documents of the company. Every method raises BadRequest in the vendor's words."""

    def __init__(self, records: Records, masters: Masters, settings: CompanySettings) -> None:
        self.records, self.masters, self.settings = records, masters, settings
        self.dimensions = Dimensions(records)

    # --- drafts ---------------------------------------------------------------------------------------------------

    def create(self, kind: str, given: dict[str, Any], origin: str, lag: float) -> Stored:
        """A draft with its lines."""
        lines, marks = given.pop(DOCUMENTS[kind], []), given.pop("dimensionSetLines", [])
        self.dimensions.shortcuts(given)
        customer = self.masters.customer(given)
        if customer.body["blocked"] in ("Invoice", "All"):
            raise field_error(f"You cannot create this type of document when Customer {customer.number} is blocked with"
                              f" type {customer.body['blocked']}")  # fmt: skip
        today = self.records.env.clock().date().isoformat()
        body = {name: field.empty for name, field in SETS[kind].fields.items() if name != "id"}
        body |= {name: customer.body[name] for name in ("phoneNumber", "email", "paymentTermsId")}
        body |= given | self._heading(kind, given, customer) | {"status": "Draft"}
        day = (
            "creditMemoDate" if kind == "salesCreditMemos" else "orderDate" if kind == "salesOrders" else "invoiceDate"
        )
        for name in (day, "postingDate"):
            if body[name] == BLANK:
                body[name] = today
        if "dueDate" in body and body["dueDate"] == BLANK:
            body["dueDate"] = self._due(body)
        body |= self.masters.currency_fields(self.masters.currency(given, self.masters.code_of(customer.body)))
        prefix, _posted, start = _SERIES[kind]
        number = f"{prefix}{self.records.store.next_number(f'bc_{kind}', start)}"
        stored = self.records.add(kind, {**body, "number": number}, origin=origin, number=number, lag=lag)
        for mark in marks:
            self.dimensions.add(stored, mark)
        for line in lines:
            if "sequence" in line:
                raise BadRequest("You cannot change the value of the SystemId field.")
            self.add_line(stored, line, lag, reprice=False)
        return self.reprice(stored)

    def _heading(self, kind: str, given: Mapping[str, Any], customer: Stored) -> dict[str, Any]:
        body: dict[str, Any] = {"customerId": customer.id, "customerNumber": customer.number,
                                "customerName": customer.body["displayName"]}  # fmt: skip
        payer = customer
        if any(given.get(name, NOTHING) not in (NOTHING, "") for name in _HEADER):
            wanted = {"customerId": given.get(_HEADER[0], NOTHING), "customerNumber": given.get(_HEADER[1], "")}
            payer = self.masters.customer(wanted, "bill-to")
        body |= {"billToName": payer.body["displayName"], _HEADER[0]: payer.id, _HEADER[1]: payer.number}
        if kind == "salesOrders" and given.get("pricesIncludeTax") and self.settings.sales_tax:
            raise BadRequest('The "pricesIncludeTax" cannot be set to true if VAT Calculation Type is Sales Tax.')
        if kind == "salesCreditMemos":
            body |= self._applies_to(given, customer)
        for name, set_, words in (("paymentTermsId", "paymentTerms", "Payment Terms"),):
            if given.get(name, NOTHING) != NOTHING and self.records.find(set_, given[name]) is None:
                raise BadRequest(f'The "{name}" does not match to a {words}.')
        if given.get("shipmentMethodId", NOTHING) != NOTHING:
            raise BadRequest('The "shipmentMethodId" does not match to a Shipment Method.')
        return body

    def _applies_to(self, given: Mapping[str, Any], customer: Stored) -> dict[str, Any]:
        id_, number = given.get("invoiceId", NOTHING), given.get("invoiceNumber", "")
        if id_ == NOTHING and not number:
            return {}
        found = (
            self.records.find("salesInvoices", id_)
            if id_ != NOTHING
            else self.records.by_number("salesInvoices", number)
        )
        if found is None or found.body["status"] == "Draft":
            raise BadRequest('The "invoiceId" does not match to an Invoice.')
        if (number and found.number != number) or found.body["customerNumber"] != customer.number:
            raise BadRequest('The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.')
        return {"invoiceId": found.id, "invoiceNumber": found.number}

    def _due(self, body: Mapping[str, Any]) -> str:
        terms = self.records.find("paymentTerms", body["paymentTermsId"])
        days = {"14D": 14, "1M": 30}.get(terms.body["dueDateCalculation"], 0) if terms else 0
        return (date.fromisoformat(body["postingDate"]) + timedelta(days=days)).isoformat()

    def update(self, stored: Stored, given: dict[str, Any]) -> Stored:
        """Changes the header of a draft."""
        self._draft_only(stored)
        self.dimensions.shortcuts(given)
        body = {**stored.body, **given}
        if any(name in given for name in ("customerId", "customerNumber", *_HEADER)):
            wanted = given if "customerId" in given or "customerNumber" in given else {**stored.body, **given}
            body |= self._heading(stored.kind, given, self.masters.customer(wanted))
        body |= self.masters.currency_fields(self.masters.currency(given, self.masters.code_of(stored.body)))
        return self.reprice(self.records.rewrite(stored, body))

    def delete(self, stored: Stored) -> None:
        """Deletes a draft."""
        self._draft_only(stored, "deleted")
        self.records.remove(stored)

    def _draft_only(self, stored: Stored, verb: str = "modified") -> None:
        if stored.body["status"] != "Draft":
            raise BadRequest(f"The {_WORDS[stored.kind]} has been posted and can no longer be {verb}.")

    # --- lines ----------------------------------------------------------------------------------------------------

    def lines(self, stored: Stored) -> list[Stored]:
        """The lines of a document."""
        return list(self.records.each(DOCUMENTS[stored.kind], stored.id))

    def add_line(self, document: Stored, given: dict[str, Any], lag: float = 0.0, *, reprice: bool = True) -> Stored:
        """A new line of a draft."""
        self._draft_only(document)
        if given.get("documentId", document.id) not in (document.id, NOTHING):
            raise BadRequest('The value for "documentId" cannot be modified.')
        marks = given.pop("dimensionSetLines", [])
        kind, before = DOCUMENTS[document.kind], self.lines(document)
        body = {name: field.empty for name, field in SETS[kind].fields.items() if name != "id"}
        body |= given | {"documentId": document.id, "discountAppliedBeforeTax": False}
        body["sequence"] = given.get("sequence") or max((line.body["sequence"] for line in before), default=0) + 10_000
        body |= self._object(given)
        body["_by_percent"] = "discountAmount" not in given
        if body["shipmentDate"] == BLANK:
            body["shipmentDate"] = document.body["postingDate"]
        line = self.records.add(kind, body, origin=document.origin, parent=document.id, lag=lag)
        for mark in marks:
            self.dimensions.add(line, mark)
        if reprice:
            self.reprice(document)
        return self.records.get(kind, line.id)

    def update_line(self, document: Stored, line: Stored, given: dict[str, Any]) -> Stored:
        """Changes a line of a draft."""
        self._draft_only(document)
        for name, words in (
            ("sequence", "The value for sequence cannot be modified. Delete and insert the line again."),
            ("documentId", 'The value for "documentId" cannot be modified.'),
            ("lineObjectNumber", 'The value for "lineObjectNumber" cannot be modified.'),
        ):  # fmt: skip
            if name in given and given[name] != line.body[name]:
                raise BadRequest(words)
        body = {**line.body, **given}
        if "discountAmount" in given or "discountPercent" in given:
            body["_by_percent"] = "discountAmount" not in given
        if "taxCode" in given:
            body["taxCode"] = self.masters.tax_group(given["taxCode"])
        self.records.rewrite(line, body)
        self.reprice(document)
        return self.records.get(line.kind, line.id)

    def delete_line(self, document: Stored, line: Stored) -> None:
        """Takes a line off a draft."""
        self._draft_only(document)
        self.records.remove(line)
        self.reprice(document)

    def _object(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a line is about: an item, an account, or nothing but words."""
        item_id, account_id = given.get("itemId", NOTHING), given.get("accountId", NOTHING)
        kind, number = given.get("lineType"), given.get("lineObjectNumber", "")
        if item_id != NOTHING and account_id != NOTHING:
            raise BadRequest('Both "itemId" and "accountId" are specified. Specify only one of them.')
        if kind is None:
            kind = "Item" if item_id != NOTHING else "Account" if account_id != NOTHING else "Comment"
        if kind in ("Resource", "Fixed Asset", "Charge"):
            raise BadRequest(f"lines of type {kind} are not played by this stand-in.")
        if kind == "Comment":
            return {"lineType": kind, "taxCode": ""}
        if kind == "Item":
            found = (
                self.records.find("items", item_id) if item_id != NOTHING else self.records.by_number("items", number)
            )
            if found is None:
                raise BadRequest("Item does not exist.")
            self._sellable(found)
            own = {"itemId": found.id, "unitPrice": given.get("unitPrice", found.body["unitPrice"]),
                   "unitOfMeasureCode": given.get("unitOfMeasureCode") or found.body["baseUnitOfMeasureCode"]}  # fmt: skip
            tax = found.body["taxGroupCode"]
        else:
            found = (
                self.records.find("accounts", account_id)
                if account_id != NOTHING
                else self.records.by_number("accounts", number)
            )
            if found is None:
                raise BadRequest("Account does not exist.")
            self.masters.usable(found)
            own, tax = {"accountId": found.id}, found.body["_tax"]
        tax = self.masters.tax_group(given.get("taxCode") or tax)
        return {"lineType": kind, "lineObjectNumber": found.number, "taxCode": tax,
                "description": given.get("description") or found.body["displayName"], **own}  # fmt: skip

    def _sellable(self, item: Stored) -> None:
        if item.body["blocked"]:
            raise field_error(f"Blocked must be equal to 'No' in Item: No.={item.number}. Current value is 'Yes'.")

    def reprice(self, document: Stored) -> Stored:
        """Works out the draft's amounts anew."""
        document = self.records.get(document.kind, document.id)
        customer = self.masters.customer(document.body)
        lines = self.lines(document)
        percents = {line.body["taxCode"]: self.masters.percent(line.body["taxCode"], customer) for line in lines}
        places = self.settings.places(self.masters.code_of(document.body))
        bodies = [dict(line.body) for line in lines]
        totals = price(
            bodies, document.body["discountAmount"], percents, places, taxed=bool(document.body["pricesIncludeTax"])
        )
        for line, body in zip(lines, bodies, strict=True):
            if body != line.body:
                self.records.rewrite(line, body)
        return self.records.rewrite(document, {**document.body, **totals})

    # --- posting --------------------------------------------------------------------------------------------------

    def post(self, document: Stored, origin: str, **more: Any) -> Stored:
        """Posts a draft: its number changes, its id does not; entries come into being."""
        if document.body["status"] != "Draft":
            raise BadRequest(f"The action can be applied to a draft {_WORDS[document.kind]} only.")
        customer = self.masters.customer({"customerNumber": document.body["billToCustomerNumber"]})
        lines = [line.body for line in self.lines(document) if line.body["lineType"] != "Comment"]
        self._may_post(document, customer, lines)
        sign = self._sign(document)
        _draft, series, start = _SERIES[document.kind]
        number = f"{series}{self.records.store.next_number(f'bc_posted_{document.kind}', start + 1_000)}"
        heading = self._write(document, customer, lines, number, origin)
        self._move_stock(lines, sign, heading)
        body = {**document.body, "number": number, "status": "Open", "_settled": Decimal(0), **more}
        posted = self.records.rewrite(document, body, number=number)
        if sign < 0 and posted.body["invoiceId"] != NOTHING:
            self._apply_credit(posted)
        return self.settle(self.records.get(posted.kind, posted.id), Decimal(0))

    def _sign(self, document: Stored) -> int:
        return -1 if document.kind == "salesCreditMemos" else 1

    def _write(
        self, document: Stored, customer: Stored, lines: list[dict[str, Any]], number: str, origin: str
    ) -> Heading:
        sign = self._sign(document)
        words = "Credit Memo" if sign < 0 else "Invoice"
        heading = Heading(day=document.body["postingDate"], document=number, type=words, kind=document.kind,
                          source=document.id, origin=origin)  # fmt: skip
        self.records.post(heading, self._entries(document, customer, lines, sign, f"{words} {document.number}"))
        return heading

    def post_again(self, document: Stored) -> None:
        """The entries of a posted document are replaced by those of what it says now."""
        if document.body["status"] == "Draft":
            return
        self.records.store.execute("DELETE FROM bc_entry WHERE kind = ? AND source = ?", document.kind, document.id)
        customer = self.masters.customer({"customerNumber": document.body["billToCustomerNumber"]})
        lines = [line.body for line in self.lines(document) if line.body["lineType"] != "Comment"]
        self._write(document, customer, lines, document.number, document.origin)

    def _may_post(self, document: Stored, customer: Stored, lines: list[dict[str, Any]]) -> None:
        words = _WORDS[document.kind]
        if not lines:
            if document.kind == "salesCreditMemos":
                raise BadRequest("Please add at least one line item to the credit memo.")
            raise BadRequest("There is nothing to post because the document does not contain a quantity or amount.")
        if not customer.body["_group"]:
            raise field_error(f"Customer Posting Group must have a value in Customer: No.={customer.number}."
                              " It cannot be zero or empty.")  # fmt: skip
        if customer.body["blocked"] in ("Invoice", "All"):
            raise field_error(f"You cannot post this type of document when Customer {customer.number} is blocked with"
                              f" type {customer.body['blocked']}")  # fmt: skip
        self.allowed(
            document.body["postingDate"], f"Sales Header Document Type='{words.title()}',No.='{document.number}'"
        )
        if document.body["totalAmountIncludingTax"] < 0:
            raise BadRequest(f"The total amount for the {words} must be 0 or greater.")
        for line in lines:
            if line["lineType"] == "Account":
                self.masters.usable(self.records.get("accounts", line["accountId"]))
            else:
                self._sellable(self.records.get("items", line["itemId"]))

    def allowed(self, day: str, where: str) -> None:
        """Raises BadRequest for a day outside the range of allowed posting dates."""
        first, last = self.range()
        if (first and day < first) or (last and day > last):
            raise field_error(f"Posting Date is not within your range of allowed posting dates in {where}.")

    def range(self) -> tuple[str, str]:
        """The range of allowed posting dates; "" is open."""
        kept = self.records.store.get("preference", "posting")
        return (kept["from"], kept["to"]) if kept else (self.settings.posting_from, self.settings.posting_to)

    def _entries(
        self, document: Stored, customer: Stored, lines: list[dict[str, Any]], sign: int, text: str
    ) -> list[Entry]:
        currency = self.masters.code_of(document.body)
        groups: dict[tuple[str, str, str], Decimal] = {}
        for line in lines:
            account = line["lineObjectNumber"] if line["lineType"] == "Account" else chart.SALES
            for key, amount in (((account, line["taxCode"], "net"), line["netAmount"]),
                                ((chart.SALES_VAT, line["taxCode"], "tax"), line["netTaxAmount"])):  # fmt: skip
                groups[key] = groups.get(key, Decimal(0)) + amount
        marks = self.dimensions.of(document)
        entries = [
            Entry(account=account, minor=-sign * self.home(amount, currency), text=text, dimensions=marks)
            for (account, _code, _what), amount in groups.items()
        ]
        due = -sum(entry.minor for entry in entries)
        control = Entry(account=chart.RECEIVABLE, minor=due, text=text, customer=customer.number, dimensions=marks)
        return [*entries, control]

    def home(self, amount: Decimal, currency: str) -> int:
        """An amount of a document in minor units of the base currency."""
        places = self.settings.places("")
        return int(rounded(amount * self.settings.rate(currency), places).scaleb(places))

    def _move_stock(self, lines: list[dict[str, Any]], sign: int, heading: Heading) -> None:
        places = self.settings.places("")
        for line in lines:
            item = self.records.find("items", line["itemId"]) if line["lineType"] == "Item" else None
            if item is None or item.body["type"] != "Inventory":
                continue
            self.records.rewrite(item, {**item.body, "inventory": item.body["inventory"] - sign * line["quantity"]})
            minor = sign * int(rounded(line["quantity"] * item.body["unitCost"], places).scaleb(places))
            self.records.post(heading, [Entry(account=chart.COST, minor=minor, text=f"Direct Cost {item.number}"),
                                        Entry(account=chart.INVENTORY, minor=-minor, text=f"Direct Cost {item.number}")])  # fmt: skip

    # --- what is open ---------------------------------------------------------------------------------------------

    def remaining(self, document: Stored) -> Decimal:
        """What is open of a posted document, in its currency; a draft has nothing open."""
        if document.body["status"] == "Draft":
            return Decimal(0)
        left: Decimal = document.body["totalAmountIncludingTax"] - document.body["_settled"]
        return left

    def settle(self, document: Stored, amount: Decimal) -> Stored:
        """Takes ``amount`` off what is open; a document with nothing open is paid."""
        body = {**document.body, "_settled": document.body["_settled"] + amount}
        if body["status"] in ("Open", "Paid"):
            body["status"] = "Paid" if body["_settled"] == body["totalAmountIncludingTax"] else "Open"
        return self.records.rewrite(document, body)

    def _apply_credit(self, memo: Stored) -> None:
        invoice = self.records.find("salesInvoices", memo.body["invoiceId"])
        if invoice is None:
            return
        amount = min(self.remaining(invoice), memo.body["totalAmountIncludingTax"])
        self.settle(invoice, amount)
        self.settle(memo, amount)
