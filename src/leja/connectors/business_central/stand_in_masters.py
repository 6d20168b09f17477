"""Customers, items, accounts, currencies, tax groups, dimensions: how they are made, and what references mean."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.business_central import stand_in_chart as chart
from leja.connectors.business_central.stand_in_chart import NOTHING, CompanySettings
from leja.connectors.business_central.stand_in_model import SETS, BadRequest
from leja.connectors.business_central.stand_in_records import Entry, Heading, Records, Stored

# Set: the field that names a record, and whether the caller gives it
_NAMED: Final = {
    "currencies": "code", "taxGroups": "code", "taxAreas": "code", "paymentTerms": "code", "paymentMethods": "code",
    "unitsOfMeasure": "code", "customers": "number", "items": "number", "bankAccounts": "number",
}  # fmt: skip
_INVALID: Final = "Internal_InvalidTableRelation"


def field_error(message: str) -> BadRequest:
    """A field has not the value that a rule wants."""
    return BadRequest(message, "Application_FieldValidationException")


class Masters:
    """What documents refer to."""

    def __init__(self, records: Records, settings: CompanySettings) -> None:
        self.records, self.settings = records, settings

    # --- what references mean -------------------------------------------------------------------------------------

    def customer(self, given: Mapping[str, Any], who: str = "sell-to") -> Stored:
        """The customer meant by ``customerId`` and ``customerNumber``, which must agree. Raises BadRequest."""
        id_, number = given.get("customerId", NOTHING), given.get("customerNumber", "")
        if id_ == NOTHING and not number:
            raise BadRequest('A "customerNumber" or a "customerId" must be provided.')
        by_id = self.records.find("customers", id_) if id_ != NOTHING else None
        by_number = self.records.by_number("customers", number) if number else None
        if (id_ != NOTHING and by_id is None) or (number and by_number is None):
            raise BadRequest(f"The {who} customer cannot be found.")
        if by_id and by_number and by_id.id != by_number.id:
            raise BadRequest(f"The {who} customer values do not match to a specific Customer.")
        found = by_id or by_number
        assert found is not None
        return found

    def account(self, number: str, id_: str = NOTHING, path: str = "account") -> Stored:
        """The account meant by number and id, open for direct posting. Raises BadRequest."""
        by_id = self.records.find("accounts", id_) if id_ != NOTHING else None
        by_number = self.records.by_number("accounts", number) if number else None
        if id_ != NOTHING and by_id is None:
            raise BadRequest(f'The "{path}Id" does not match to an Account.')
        if number and by_number is None:
            raise BadRequest(f'The "{path}Number" does not match to an Account.')
        if by_id and by_number and by_id.id != by_number.id:
            raise BadRequest(f"The {path} values do not match to a specific Account.")
        found = by_id or by_number
        if found is None:
            raise field_error("Account No. must have a value in Gen. Journal Line.")
        self.usable(found)
        return found

    def usable(self, account: Stored) -> None:
        """Raises BadRequest for an account that is blocked or not open for direct posting."""
        if account.body["blocked"]:
            raise field_error(
                f"Blocked must be equal to 'No' in G/L Account: No.={account.number}. Current value is 'Yes'."
            )
        if not account.body["directPosting"]:
            raise field_error(f"Direct Posting must be equal to 'Yes' in G/L Account: No.={account.number}."
                              " Current value is 'No'.")  # fmt: skip

    def currency(self, given: Mapping[str, Any], otherwise: str = "") -> str:
        """The currency of a document; "" is the base currency. Raises BadRequest."""
        id_, code = given.get("currencyId"), given.get("currencyCode")
        by_id = self.records.find("currencies", id_) if id_ not in (None, NOTHING) else None
        if id_ not in (None, NOTHING) and by_id is None:
            raise BadRequest('The "currencyId" does not match to a Currency.')
        if code == self.settings.base_currency:
            code = ""
        if code and self.records.by_number("currencies", code) is None:
            raise BadRequest('The "currencyCode" does not match to a Currency.')
        if by_id and code is not None and by_id.number != code:
            raise BadRequest("The currency values do not match to a specific Currency.")
        if by_id:
            return by_id.number
        if code is None and id_ is None:
            return otherwise
        return code or ""

    def currency_fields(self, code: str) -> dict[str, str]:
        """``currencyId`` and ``currencyCode`` as the vendor shows them."""
        found = self.records.by_number("currencies", code) if code else None
        return {"currencyId": found.id if found else NOTHING, "currencyCode": code or self.settings.base_currency}

    def tax_group(self, code: str) -> str:
        """A tax group that there is. Raises BadRequest."""
        if self.records.by_number("taxGroups", code) is None:
            field = "Tax Group Code" if self.settings.sales_tax else "VAT Prod. Posting Group"
            raise BadRequest(
                f"The field {field} of table Sales Line contains a value ({code}) that cannot be found in the related table.", _INVALID)  # fmt: skip
        return code

    def percent(self, code: str, customer: Stored) -> Decimal:
        """The tax that a customer pays on goods of a group."""
        if self.settings.sales_tax and not customer.body.get("taxLiable"):
            return Decimal(0)
        return self.settings.percentages().get(code, Decimal(0))

    # --- making and changing --------------------------------------------------------------------------------------

    def create(self, kind: str, body: dict[str, Any], origin: str, lag: float) -> Stored:
        """A new record of one of the simple sets. Raises BadRequest."""
        full = {name: field.empty for name, field in SETS[kind].fields.items() if name != "id"} | body
        if kind == "customers":
            full = self._customer(body, full)
        elif kind == "items":
            full = self._item(body, full)
        elif kind in ("taxGroups", "taxAreas"):
            full["taxType"] = "Sales Tax" if self.settings.sales_tax else "VAT"
        name = _NAMED[kind]
        if not full[name]:
            full[name] = self._next_number(kind)
        if self.records.by_number(kind, full[name]):
            raise self.twice(SETS[kind].entity, name, full[name])
        if kind == "bankAccounts":
            full |= self.currency_fields(self.currency(body))
        return self.records.add(kind, full, origin=origin, number=full[name], lag=lag)

    def twice(self, entity: str, name: str, value: str) -> BadRequest:
        """The record is there already."""
        return BadRequest(f"The record in table {entity} already exists. Identification fields and values: {name}='{value}'",
                          "Internal_EntityWithSameKeyExists")  # fmt: skip

    def update(self, stored: Stored, body: dict[str, Any], origin: str) -> Stored:
        """Changes a record of one of the simple sets. Raises BadRequest."""
        full = {**stored.body, **body}
        if stored.kind == "customers":
            if body.get("displayName") == "":
                raise BadRequest('The blank "displayName" is not allowed.')
            full |= self.currency_fields(self.currency(body, self.code_of(stored.body)))
        if stored.kind == "items":
            full = self._item_references(body, full)
            if "inventory" in body:
                self._adjust(stored, body["inventory"], origin)
        name = _NAMED.get(stored.kind, "")
        number = full[name] if name else stored.number
        other = self.records.by_number(stored.kind, number) if name else None
        if other and other.id != stored.id:
            raise self.twice(SETS[stored.kind].entity, name, number)
        return self.records.rewrite(stored, full, number=number)

    def delete(self, stored: Stored) -> None:
        """Deletes a record that nothing was posted on. Raises BadRequest."""
        used = stored.kind == "customers" and self.records.entries("customer = ?", stored.number)
        if used:
            raise BadRequest(f"You cannot delete Customer {stored.number} because it has ledger entries.")
        self.records.remove(stored)

    def code_of(self, body: Mapping[str, Any]) -> str:
        """The currency of a record as documents keep it: "" for the base currency."""
        code = str(body.get("currencyCode", ""))
        return "" if code == self.settings.base_currency else code

    def _customer(self, given: Mapping[str, Any], full: dict[str, Any]) -> dict[str, Any]:
        if "displayName" not in given:
            raise BadRequest('A "displayName" must be provided.')
        if not given["displayName"]:
            raise BadRequest('The blank "displayName" is not allowed.')
        if given.get("number") and not self.settings.manual_numbers:
            raise BadRequest("You may not enter numbers manually. If you want to enter numbers manually, please activate"
                             " Manual Nos. in No. Series CUST.")  # fmt: skip
        for name, kind, words in (
            ("paymentTermsId", "paymentTerms", "Payment Terms"), ("paymentMethodId", "paymentMethods", "Payment Method"),
        ):  # fmt: skip
            if full[name] != NOTHING and self.records.find(kind, full[name]) is None:
                raise BadRequest(f'The "{name}" does not match to a {words}.')
        if full["shipmentMethodId"] != NOTHING:
            raise BadRequest('The "shipmentMethodId" does not match to a Shipment Method.')
        full |= self.currency_fields(self.currency(given))
        full["_group"] = "DOMESTIC" if self.settings.template else ""
        return full

    def _item(self, given: Mapping[str, Any], full: dict[str, Any]) -> dict[str, Any]:
        if given.get("inventory"):
            raise BadRequest("Inventory cannot be changed during on insert.")
        return self._item_references(given, full)

    def _item_references(self, given: Mapping[str, Any], full: dict[str, Any]) -> dict[str, Any]:
        for name, kind, words, relation in (
            ("taxGroup", "taxGroups", "tax group", "Tax Group"), ("baseUnitOfMeasure", "unitsOfMeasure", "unit of measure", "Unit of Measure"),
        ):  # fmt: skip
            id_, code = given.get(f"{name}Id"), given.get(f"{name}Code")
            by_id = self.records.find(kind, id_) if id_ not in (None, NOTHING) else None
            by_code = self.records.by_number(kind, code) if code else None
            if id_ not in (None, NOTHING) and by_id is None:
                raise BadRequest(f'The "{name}Id" does not match to a {relation}.')
            if code and by_code is None:
                raise BadRequest(f'The "{name}Code" does not match to a {relation}.')
            if by_id and by_code and by_id.id != by_code.id:
                raise BadRequest(f"The {words} values do not match to a specific {relation}.")
            if found := by_id or by_code:
                full |= {f"{name}Id": found.id, f"{name}Code": found.number}
        return full

    def _adjust(self, item: Stored, wanted: Decimal, origin: str) -> None:
        """PATCH of ``inventory`` posts an adjustment dated today, with the item's number as document number."""
        if item.body["type"] != "Inventory":
            raise field_error(f"Type must be equal to 'Inventory' in Item: No.={item.number}.")
        places = self.settings.places("")
        value = (wanted - item.body["inventory"]) * item.body["unitCost"]
        minor = int(value.scaleb(places).to_integral_value())
        day = self.records.env.clock().date().isoformat()
        heading = Heading(day=day, document=item.number, type=" ", kind="items", source=item.id, origin=origin)
        text = f"Adjustment of {item.number}"
        self.records.post(heading, [Entry(account=chart.INVENTORY, minor=minor, text=text),
                                    Entry(account=chart.SHRINKAGE, minor=-minor, text=text)])  # fmt: skip

    def _next_number(self, kind: str) -> str:
        prefix, start = {"customers": ("C", 10_000), "items": ("", 1_000), "bankAccounts": ("B", 10)}.get(kind, ("", 0))
        if not start:
            raise field_error("Code must have a value. It cannot be zero or empty.")
        return f"{prefix}{self.records.store.next_number(f'bc_{kind}', start)}"
