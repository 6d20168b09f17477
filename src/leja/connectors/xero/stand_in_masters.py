"""Contacts, items, accounts and tax rates of the organisation, and what references to them mean."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

from leja.connectors.xero.stand_in_chart import CLASSES, TAX_RATES, OrganisationSettings
from leja.connectors.xero.stand_in_records import Records, Stored
from leja.connectors.xero.stand_in_shapes import Invalid


class Masters:
    """What documents refer to."""

    def __init__(self, records: Records, settings: OrganisationSettings) -> None:
        self.records, self.settings = records, settings

    def account(self, given: Mapping[str, Any], path: str = "Account") -> dict[str, Any]:
        """The active account meant by AccountCode or AccountID (or Code). Raises Invalid."""
        code = given.get("AccountCode") or given.get("Code") or ""
        found = self.records.find("Accounts", given["AccountID"]) if given.get("AccountID") else None
        if found is None and code:
            found = next(iter(self.records.by_number("Accounts", code)), None)
        if found is None:
            raise Invalid(f"Account code '{code}' is not a valid code for this document." if code
                          else f"{path}: an account code or id must be specified.")  # fmt: skip
        if found.body["Status"] != "ACTIVE":
            raise Invalid(
                f"Account code '{found.body['Code']}' has been archived, or deleted. Please enter another code."
            )
        return found.body

    def percentages(self) -> dict[str, Decimal]:
        """The tax types with their rates."""
        return {kind: Decimal(percent) for kind, _name, percent, _report in TAX_RATES}

    def currency(self, code: str) -> str:
        """A currency that the organisation subscribes to. Raises Invalid."""
        if code != self.settings.base_currency and code not in self.settings.currencies:
            raise Invalid(f"Organisation is not subscribed to currency {code}")
        return code

    def contact(self, given: Mapping[str, Any], origin: str) -> dict[str, Any]:
        """The contact that a document names; one known by name only comes into being. Raises Invalid."""
        found: Stored | None = None
        if "ContactID" in given:
            found = self.records.find("Contacts", given["ContactID"])
            if found is None:
                raise Invalid("The contact could not be found.")
        elif given.get("ContactNumber"):
            found = next(iter(self.records.by_number("Contacts", given["ContactNumber"])), None)
        if found is None and given.get("Name"):
            found = next(iter(self.records.by_name("Contacts", given["Name"])), None)
            if found is None:
                made = {k: v for k, v in given.items() if k != "ContactID"}
                return self.keep_contact(str(uuid4()), made, origin, 0.0)
        if found is None:
            raise Invalid("The Contact must contain at least 1 of the following elements to identify the contact:"
                          " Name, ContactID, ContactNumber")  # fmt: skip
        if found.body["ContactStatus"] != "ACTIVE":
            raise Invalid("The contact is archived. Contacts must be active to be used on a document.")
        return found.body

    def keep_contact(self, id_: str, body: dict[str, Any], origin: str, lag: float) -> dict[str, Any]:
        """Writes a contact. Raises Invalid for a name that an active contact bears."""
        name = body.get("Name", "")
        if not name:
            raise Invalid("The contact name must be specified.")
        if any(other.id != id_ for other in self.records.by_name("Contacts", name)):
            raise Invalid(f"The contact name {name} is already assigned to another contact. The contact name must be"
                          " unique across all active contacts.")  # fmt: skip
        number = body.get("ContactNumber", "")
        if number and any(other.id != id_ for other in self.records.by_number("Contacts", number)):
            raise Invalid(f"The contact number {number} is already assigned to another contact.")
        if "DefaultCurrency" in body:
            self.currency(body["DefaultCurrency"])
        full = {"ContactStatus": "ACTIVE", "Addresses": [], "Phones": [], **body, "ContactID": id_}
        active = full["ContactStatus"] == "ACTIVE"
        self.records.write("Contacts", id_, full, origin=origin, number=number, name=name if active else "", lag=lag)
        return full

    def keep_item(self, id_: str, body: dict[str, Any], origin: str, lag: float) -> dict[str, Any]:
        """Writes an item. Raises Invalid."""
        if not body.get("Code"):
            raise Invalid("The Code field must be specified.")
        for part in ("SalesDetails", "PurchaseDetails"):
            for name in ("AccountCode", "COGSAccountCode"):
                if code := body.get(part, {}).get(name):
                    self.account({"AccountCode": code})
            tax_type = body.get(part, {}).get("TaxType")
            if tax_type is not None and tax_type not in self.percentages():
                raise Invalid(f"TaxType '{tax_type}' must be valid.")
        if "InventoryAssetAccountCode" in body:
            self.account({"AccountCode": body["InventoryAssetAccountCode"]})
        full = {"IsSold": True, "IsPurchased": True, **body, "ItemID": id_}
        self.records.write("Items", id_, full, origin=origin, number=body["Code"], name=body.get("Name", ""), lag=lag)
        return full

    def keep_account(self, id_: str, body: dict[str, Any], origin: str, lag: float) -> dict[str, Any]:
        """Writes an account. Raises Invalid."""
        missing = [name for name in ("Code", "Name", "Type") if not body.get(name)]
        if missing:
            raise Invalid(*(f"{name} must be specified." for name in missing))
        if body["Type"] not in CLASSES:
            raise Invalid(f"Account type '{body['Type']}' is not valid.")
        if any(other.id != id_ for other in self.records.by_number("Accounts", body["Code"])):
            raise Invalid("Please enter a unique Code.")
        full = {"Status": "ACTIVE", "TaxType": "NONE", "EnablePaymentsToAccount": False, "SystemAccount": "", **body,
                "AccountID": id_, "Class": CLASSES[body["Type"]]}  # fmt: skip
        if full["Type"] == "BANK":
            full.setdefault("BankAccountNumber", "")
            full.setdefault("BankAccountType", "BANK")
            full["CurrencyCode"] = self.currency(full.get("CurrencyCode", self.settings.base_currency))
        self.records.write("Accounts", id_, full, origin=origin, number=body["Code"], name=body["Name"], lag=lag)
        return full

    def line_account(self, line: Mapping[str, Any], sold: bool) -> dict[str, Any]:
        """The account of a line: its own, or that of its item. Raises Invalid."""
        if line.get("AccountCode") or line.get("AccountID"):
            if code := line.get("ItemCode"):
                self._item(code)
            return self.account(line)
        if code := line.get("ItemCode"):
            details = self._item(code).body.get("SalesDetails" if sold else "PurchaseDetails", {})
            if details.get("AccountCode"):
                return self.account(details)
        raise Invalid("Account code must be specified on every line.")

    def _item(self, code: str) -> Stored:
        found = self.records.by_number("Items", code)
        if not found:
            raise Invalid(f"Item code '{code}' is not valid")
        return found[0]
