"""The bound actions of the sales documents beside plain posting: send, cancel, corrective credit memo, ship and invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from leja.connectors.business_central.stand_in_model import DOCUMENTS, SETS, BadRequest
from leja.connectors.business_central.stand_in_records import Stored
from leja.connectors.business_central.stand_in_sales import Sales

_COPIED: Final = (
    "lineType", "lineObjectNumber", "itemId", "accountId", "description", "quantity", "unitPrice", "discountPercent",
    "discountAmount", "taxCode", "unitOfMeasureCode",
)  # fmt: skip


class Actions:
    """What ``Microsoft.NAV.<action>`` does. Every method raises BadRequest in the vendor's words."""

    def __init__(self, sales: Sales) -> None:
        self._sales, self._records = sales, sales.records

    def run(self, document: Stored, action: str, origin: str) -> None:
        """Carries out an action of a sales document."""
        if action == "shipAndInvoice":
            self._ship_and_invoice(document, origin)
        elif action == "makeCorrectiveCreditMemo":
            self._correct(document, origin)
        elif action in ("send", "postAndSend"):
            self._mailable(document)
            if action == "postAndSend" or document.body["status"] == "Draft":
                self._sales.post(document, origin)
        elif action in ("cancel", "cancelAndSend"):
            if action == "cancelAndSend":
                self._mailable(document)
            self.cancel(document, origin)
        else:
            self._sales.post(document, origin)

    def _mailable(self, document: Stored) -> None:
        if not document.body["email"]:
            raise BadRequest("The send-to email is empty. Specify email either for the customer or for the invoice in"
                             " email preview.")  # fmt: skip

    def cancel(self, document: Stored, origin: str) -> None:
        """Posts the opposite document and marks both."""
        words = "invoice" if document.kind == "salesInvoices" else "credit memo"
        status = document.body["status"]
        if status in ("Draft", "In Review"):
            raise BadRequest(f"The action can be applied to a posted {words} only.")
        if status in ("Canceled", "Corrective"):
            if words == "invoice":
                raise BadRequest("The invoice cannot be canceled because it has already been canceled.")
            raise BadRequest("The credit memo cannot be cancelled because it has already been canceled.")
        if document.body["_settled"]:
            raise BadRequest(f"Canceling the {words} failed because of the following error: \\\\You cannot cancel this"
                             f" {words} because it is fully or partially applied.")  # fmt: skip
        opposite = "salesCreditMemos" if words == "invoice" else "salesInvoices"
        draft = self._copy(document, opposite, origin)
        corrective = self._sales.post(draft, origin)
        total = document.body["totalAmountIncludingTax"]
        for posted, marked in ((document, "Canceled"), (corrective, "Corrective")):
            fresh = self._records.get(posted.kind, posted.id)
            self._records.rewrite(fresh, {**fresh.body, "status": marked, "_settled": total})

    def _correct(self, document: Stored, origin: str) -> None:
        status = document.body["status"]
        if status in ("Draft", "In Review"):
            raise BadRequest("The action can be applied to a posted invoice only.")
        if status in ("Paid", "Canceled", "Corrective"):
            raise BadRequest("The invoice is closed. The corrective credit memo will not be applied to the invoice.")
        if document.body["_settled"]:
            raise BadRequest("The invoice is partially paid or credited. The corrective credit memo may not be fully"
                             " closed by the invoice.")  # fmt: skip
        draft = self._copy(document, "salesCreditMemos", origin)
        self._records.rewrite(draft, {**draft.body, "invoiceId": document.id, "invoiceNumber": document.number})

    def _copy(self, document: Stored, kind: str, origin: str) -> Stored:
        body = document.body
        given: dict[str, Any] = {
            name: body[name]
            for name in ("customerNumber", "externalDocumentNumber", "postingDate", "discountAmount", "currencyCode")
        }  # fmt: skip
        lines = [{name: line.body[name] for name in _COPIED} for line in self._sales.lines(document)]
        for line in lines:
            line.pop("discountPercent" if line["discountAmount"] else "discountAmount")
        return self._sales.create(kind, {**given, DOCUMENTS[kind]: lines}, origin, 0.0)

    def _ship_and_invoice(self, order: Stored, origin: str) -> None:
        """Posts what is to be invoiced of an order as an invoice; an order with nothing left is gone."""
        lines = self._sales.lines(order)
        wanted = {line.id: self._wanted(line) for line in lines if line.body["lineType"] != "Comment"}
        if not any(wanted.values()):
            raise BadRequest("There is nothing to post because the document does not contain a quantity or amount.")
        body = order.body
        kept = [name for name in SETS["salesInvoices"].fields
                if name in body and SETS["salesInvoices"].fields[name].writable and name != "discountAmount"]  # fmt: skip
        given: dict[str, Any] = {name: body[name] for name in kept} | {"invoiceDate": body["orderDate"]}
        given["pricesIncludeTax"] = body["pricesIncludeTax"]
        whole = all(wanted[line.id] == line.body["quantity"] for line in lines if line.id in wanted)
        given["discountAmount"] = body["discountAmount"] if whole else Decimal(0)
        if body["discountAmount"] and not whole:
            raise BadRequest(
                "an invoice discount on an order that is invoiced in parts is not played by this stand-in."
            )
        rows = [
            {name: line.body[name] for name in _COPIED if name != "discountAmount"} | {"quantity": wanted[line.id]}
            for line in lines if line.id in wanted
        ]  # fmt: skip
        draft = self._sales.create("salesInvoices", {**given, "salesInvoiceLines": rows}, origin, 0.0)
        for mark in self._records.each("dimensionSetLines", order.id):
            self._records.add("dimensionSetLines", mark.body, origin=origin, parent=draft.id)
        self._sales.post(draft, origin, orderId=order.id, orderNumber=order.number)
        for line in lines:
            if line.id in wanted:
                done = line.body["invoicedQuantity"] + wanted[line.id]
                new = {
                    **line.body,
                    "invoicedQuantity": done,
                    "shippedQuantity": done,
                    "invoiceQuantity": Decimal(0),
                    "shipQuantity": Decimal(0),
                }
                self._records.rewrite(line, new)
        if all(line.body["lineType"] == "Comment" or line.body["quantity"] == line.body["invoicedQuantity"]
               for line in self._sales.lines(order)):  # fmt: skip
            self._records.remove(order)

    def _wanted(self, line: Stored) -> Decimal:
        left: Decimal = line.body["quantity"] - line.body["invoicedQuantity"]
        asked: Decimal = line.body["invoiceQuantity"]
        if asked > left:
            raise BadRequest(f"You cannot invoice more than {left} units.", "Application_FieldValidationException")
        return asked or left
