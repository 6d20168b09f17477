"""General journals and customer payment journals: batches of lines, posted as a whole and emptied by that.

Amounts are in base currency, but for lines on customers: those take the customer's own currency, as the base
application does. A payment that names an invoice must be in that invoice's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.business_central import stand_in_chart as chart
from leja.connectors.business_central.stand_in_chart import NOTHING, CompanySettings
from leja.connectors.business_central.stand_in_masters import Masters, field_error
from leja.connectors.business_central.stand_in_model import BATCHES, SETS, BadRequest
from leja.connectors.business_central.stand_in_pricing import rounded
from leja.connectors.business_central.stand_in_records import Entry, Heading, Records, Stored
from leja.connectors.business_central.stand_in_sales import BLANK, Sales

_POSTED: Final = ("Open", "Paid", "Corrective", "Canceled")


class Journals:
    """The journal batches of the company. Every method raises BadRequest in the vendor's words."""

    def __init__(self, records: Records, masters: Masters, settings: CompanySettings, sales: Sales) -> None:
        self.records, self.masters, self.settings, self.sales = records, masters, settings, sales

    # --- batches --------------------------------------------------------------------------------------------------

    def create(self, kind: str, given: dict[str, Any], origin: str, lag: float) -> Stored:
        """A new batch; its code is unique in its set."""
        lines = given.pop(BATCHES[kind], [])
        code = given.get("code", "")
        if not code:
            raise field_error("Name must have a value in Gen. Journal Batch. It cannot be zero or empty.")
        if self.records.by_number(kind, code):
            raise self.masters.twice("Gen. Journal Batch", "Name", code)
        body = {name: field.empty for name, field in SETS[kind].fields.items() if name != "id"} | given
        body |= self._balancing(given)
        if kind == "journals":
            body["templateDisplayName"] = "GENERAL"
        batch = self.records.add(kind, body, origin=origin, number=code, lag=lag)
        for line in lines:
            self.add_line(batch, line, lag)
        return batch

    def update(self, batch: Stored, given: dict[str, Any]) -> Stored:
        """Changes a batch."""
        code = given.get("code", batch.number)
        if code != batch.number and self.records.by_number(batch.kind, code):
            raise self.masters.twice("Gen. Journal Batch", "Name", code)
        return self.records.rewrite(batch, {**batch.body, **given, **self._balancing(given)}, number=code)

    def _balancing(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if given.get("balancingAccountId", NOTHING) == NOTHING:
            return {}
        account = self.masters.account("", given["balancingAccountId"], "balancingAccount")
        return {"balancingAccountId": account.id, "balancingAccountNumber": account.number}

    def batch(self, id_: str) -> Stored | None:
        """The batch of that id, whatever its template."""
        return self.records.find("journals", id_) or self.records.find("customerPaymentJournals", id_)

    # --- lines ----------------------------------------------------------------------------------------------------

    def add_line(self, batch: Stored, given: dict[str, Any], lag: float = 0.0) -> Stored:
        """A new line at the end of a batch."""
        marks = given.pop("dimensionSetLines", [])
        kind = "customerPayments" if batch.kind == "customerPaymentJournals" else "journalLines"
        body = {name: field.empty for name, field in SETS[kind].fields.items() if name != "id"}
        body |= {"balancingAccountId": batch.body["balancingAccountId"],
                 "balancingAccountNumber": batch.body["balancingAccountNumber"]} if kind == "journalLines" else {}  # fmt: skip
        body |= self._checked(kind, batch, given, body)
        before = [line.body["lineNumber"] for line in self.records.each(kind, batch.id)]
        if given.get("lineNumber") in before:
            raise self.masters.twice("Gen. Journal Line", "Line No.", str(given["lineNumber"]))
        body["lineNumber"] = given.get("lineNumber") or max(before, default=0) + 10_000
        if body["postingDate"] == BLANK:
            body["postingDate"] = self.records.env.clock().date().isoformat()
        line = self.records.add(kind, body, origin=batch.origin, parent=batch.id, lag=lag)
        for mark in marks:
            self.sales.dimensions.add(line, mark)
        return line

    def update_line(self, batch: Stored, line: Stored, given: dict[str, Any]) -> Stored:
        """Changes a line."""
        for name in ("journalId", "journalDisplayName"):
            if name in given and given[name] != line.body[name]:
                words = (
                    "Journal Id cannot be changed."
                    if name == "journalId"
                    else "Journal Batch Display Name cannot be changed."
                )
                raise BadRequest(f"The {words}")
        return self.records.rewrite(line, {**line.body, **self._checked(line.kind, batch, given, line.body)})

    def _checked(self, kind: str, batch: Stored, given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        body = {**before, **given}
        if given.get("journalId", batch.id) not in (batch.id, NOTHING):
            raise BadRequest("The Journal Id and Journal Display Name do not match.")
        body |= {"journalId": batch.id, "journalDisplayName": batch.body["displayName"] or batch.number}
        if kind == "customerPayments":
            return body | self._payment(given, body)
        if given.get("taxCode"):
            raise BadRequest("tax on journal lines is not played by this stand-in.")
        return body | self._account(given, body, before) | self._other_side(given, body)

    def _account(self, given: Mapping[str, Any], body: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        kind = body["accountType"]
        named = {name: given.get(name) or "" for name in ("accountId", "accountNumber")}
        if not any(named.values()) and before.get("accountNumber"):
            named["accountNumber"] = before["accountNumber"]
        id_, number = named["accountId"] or NOTHING, named["accountNumber"]
        if id_ == NOTHING and not number:
            return {"amount": self._rounded(body["amount"], "")}
        if kind == "G/L Account":
            found = self.masters.account(number, id_)
        else:
            set_ = {"Customer": "customers", "Bank Account": "bankAccounts"}.get(kind)
            if set_ is None:
                raise BadRequest(f"journal lines on a {kind} are not played by this stand-in.")
            one = self.records.find(set_, id_) if id_ != NOTHING else self.records.by_number(set_, number)
            if one is None:
                raise BadRequest('The "accountNumber" does not match to an Account.')
            found = one
        currency = self.masters.code_of(found.body) if kind == "Customer" else ""
        return {"accountId": found.id, "accountNumber": found.number, "_currency": currency,
                "description": body["description"] or found.body["displayName"],
                "amount": self._rounded(body["amount"], currency)}  # fmt: skip

    def _other_side(self, given: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        id_, number = given.get("balancingAccountId", NOTHING), given.get("balancingAccountNumber", "")
        if id_ == NOTHING and not number:
            return {}
        if body["balanceAccountType"] not in ("G/L Account", "Bank Account"):
            raise BadRequest(f"a balancing {body['balanceAccountType']} is not played by this stand-in.")
        if body["balanceAccountType"] == "Bank Account":
            bank = (
                self.records.find("bankAccounts", id_)
                if id_ != NOTHING
                else self.records.by_number("bankAccounts", number)
            )
            if bank is None:
                raise BadRequest('The "balancingAccountId" does not match to an Account.')
            return {"balancingAccountId": bank.id, "balancingAccountNumber": bank.number}
        account = self.masters.account(number, id_, "balancingAccount")
        return {"balancingAccountId": account.id, "balancingAccountNumber": account.number}

    def _payment(self, given: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        wanted = given if "customerId" in given or "customerNumber" in given else body
        id_, number = wanted.get("customerId", NOTHING), wanted.get("customerNumber", "")
        by_id = self.records.find("customers", id_) if id_ != NOTHING else None
        by_number = self.records.by_number("customers", number) if number else None
        if id_ != NOTHING and by_id is None:
            raise BadRequest('The "customerId" does not match to a Customer.')
        if number and by_number is None:
            raise BadRequest('The "customerNumber" does not match to a Customer.')
        if by_id and by_number and by_id.id != by_number.id:
            raise BadRequest("The customer values do not match to a specific Customer.")
        customer = by_id or by_number
        invoice = self._invoice(given, body)
        if customer is None and invoice is not None:
            customer = self.records.by_number("customers", invoice.body["billToCustomerNumber"])
        currency = self.masters.code_of(customer.body) if customer else ""
        found: dict[str, Any] = {"amount": self._rounded(body["amount"], currency), "_currency": currency}
        if customer is not None:
            found |= {"customerId": customer.id, "customerNumber": customer.number,
                      "description": body["description"] or customer.body["displayName"]}  # fmt: skip
        if invoice is not None:
            if found["amount"] > 0:
                raise BadRequest('The "amount" should be a negative number.')
            if customer and invoice.body["billToCustomerNumber"] != customer.number:
                raise BadRequest("The Applies To Invoice values do not match to the same Invoice.")
            found |= {"appliesToInvoiceId": invoice.id, "appliesToInvoiceNumber": invoice.number}
        return found

    def _invoice(self, given: Mapping[str, Any], body: Mapping[str, Any]) -> Stored | None:
        id_ = given.get("appliesToInvoiceId", NOTHING)
        number = given.get("appliesToInvoiceNumber", "")
        if id_ == NOTHING and not number:
            id_ = body["appliesToInvoiceId"]
        if id_ != NOTHING:
            found = self.records.find("salesInvoices", id_)
            if found is None or found.body["status"] not in _POSTED:
                raise BadRequest(
                    'The "appliesToInvoiceId" should be the ID of an Open, Paid, Corrective, or Canceled Invoice.'
                )
            if number and number != found.number:
                raise BadRequest("The Applies To Invoice values do not match to the same Invoice.")
            return found
        if not number:
            return None
        found = self.records.by_number("salesInvoices", number)
        if found is None or found.body["status"] not in _POSTED:
            raise BadRequest("The Applies To Invoice values do not match to the same Invoice.")
        return found

    def _rounded(self, amount: Decimal, currency: str) -> Decimal:
        return rounded(amount, self.settings.places(currency))

    # --- posting --------------------------------------------------------------------------------------------------

    def post(self, batch: Stored, origin: str) -> None:
        """Posts every line of a batch and empties it, whatever set it was reached by."""
        batch = self.batch(batch.id) or batch
        lines = [*self.records.each("journalLines", batch.id), *self.records.each("customerPayments", batch.id)]
        live = [line for line in lines if line.body["amount"] or line.kind == "customerPayments"]
        if not live:
            raise BadRequest("There is nothing to post.")
        groups: dict[tuple[str, str], list[Stored]] = {}
        for line in live:
            self._may_post(line)
            groups.setdefault((line.body["postingDate"], line.body["documentNumber"]), []).append(line)
        for (day, document), rows in groups.items():
            self._post_document(batch, day, document, rows, origin)
        for line in lines:
            self.records.remove(line)
        self.records.touch(batch)

    def _may_post(self, line: Stored) -> None:
        where = f"Gen. Journal Line Journal Batch Name='{line.body['journalDisplayName']}',Line No.='{line.body['lineNumber']}'"
        if not line.body["documentNumber"]:
            raise field_error(f"Document No. must have a value in {where}. It cannot be zero or empty.")
        self.sales.allowed(line.body["postingDate"], where)
        if line.kind == "journalLines" and not line.body["accountNumber"]:
            raise field_error(f"Account No. must have a value in {where}. It cannot be zero or empty.")
        if line.kind == "customerPayments":
            if not line.body["customerNumber"]:
                raise field_error(f"Account No. must have a value in {where}. It cannot be zero or empty.")
            used = self.records.entries("document = ? AND customer = ? AND type = 'Payment'",
                                        line.body["documentNumber"], line.body["customerNumber"])  # fmt: skip
            if used:
                raise BadRequest(f"Sales Payment {line.body['documentNumber']} already exists.")
        elif line.body["accountType"] == "G/L Account":
            self.masters.usable(self.records.get("accounts", line.body["accountId"]))

    def _post_document(self, batch: Stored, day: str, document: str, rows: list[Stored], origin: str) -> None:
        entries: list[Entry] = []
        for line in rows:
            entries += self._entries(batch, line)
        off = sum(entry.minor for entry in entries)
        if off:
            places = self.settings.places("")
            raise BadRequest(f"The lines in Gen. Journal Line are out of balance by {Decimal(off).scaleb(-places)}. Check that"
                             f" Date, Document No. {document} and Amount are correct for each line.")  # fmt: skip
        payment = any(line.kind == "customerPayments" for line in rows)
        heading = Heading(day=day, document=document, type="Payment" if payment else " ", kind=batch.kind,
                          source=f"{document}/{day}", origin=origin)  # fmt: skip
        self.records.post(heading, entries)
        for line in rows:
            if line.body.get("appliesToInvoiceId", NOTHING) != NOTHING:
                self._apply(line)

    def _entries(self, batch: Stored, line: Stored) -> list[Entry]:
        body, marks = line.body, self.sales.dimensions.of(line)
        minor = self.sales.home(body["amount"], body.get("_currency", ""))
        if line.kind == "customerPayments":
            other = batch.body["balancingAccountNumber"]
            first = Entry(
                account=chart.RECEIVABLE,
                minor=minor,
                text=body["description"],
                customer=body["customerNumber"],
                dimensions=marks,
            )
        else:
            other = self._ledger_account(body["balanceAccountType"], body["balancingAccountNumber"])
            customer = body["accountNumber"] if body["accountType"] == "Customer" else ""
            first = Entry(account=self._ledger_account(body["accountType"], body["accountNumber"]), minor=minor,
                          text=body["description"], customer=customer, dimensions=marks)  # fmt: skip
        if not other:
            return [first]
        return [first, Entry(account=other, minor=-minor, text=body["description"], dimensions=marks)]

    def _ledger_account(self, kind: str, number: str) -> str:
        return {"Customer": chart.RECEIVABLE, "Bank Account": chart.BANK}.get(kind, number)

    def _apply(self, line: Stored) -> None:
        invoice = self.records.get("salesInvoices", line.body["appliesToInvoiceId"])
        if self.masters.code_of(invoice.body) != line.body["_currency"]:
            raise field_error(
                f"Currency Code must be equal to '{self.masters.code_of(invoice.body)}' in Cust. Ledger Entry."
            )
        self.sales.settle(invoice, min(-line.body["amount"], self.sales.remaining(invoice)))
