"""Names and lists of the company: accounts, items, customers, vendors, tax codes; and what references to them mean."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from leja.connectors.quickbooks.stand_in_chart import RECEIVABLE, CompanySettings, classification, tax_codes
from leja.connectors.quickbooks.stand_in_pricing import Rate
from leja.connectors.quickbooks.stand_in_records import NAMES, Records
from leja.connectors.quickbooks.stand_in_shapes import Fault, business, invalid_reference, missing, not_found
from leja.core.money import Money, to_decimal


class Masters:
    """What documents refer to."""

    def __init__(self, records: Records, settings: CompanySettings) -> None:
        self.records, self.settings = records, settings

    def build(self, kind: str, body: dict[str, Any], before: Mapping[str, Any] | None) -> tuple[dict[str, Any], str]:
        """The record to keep and the name that must be unique. Raises Fault."""
        body.setdefault("Active", True)
        if kind in NAMES:
            return self._person(kind, body, before)
        if "Name" not in body:
            raise missing("Name")
        if kind == "Item":
            self._item(body)
        if kind == "Account":
            self._account(body)
        body.setdefault("FullyQualifiedName", body["Name"])
        return body, self._unique(kind, body["Name"], body["Id"])

    def _person(self, kind: str, body: dict[str, Any], before: Mapping[str, Any] | None) -> tuple[dict[str, Any], str]:
        parts = [body.get(part, "") for part in ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")]
        name = body.get("DisplayName") or " ".join(p for p in parts if p) or body.get("CompanyName", "")
        if not name:
            raise Fault(
                "6000", "A business validation error has occurred while processing your request",
                "At least one of Title, GivenName, MiddleName, FamilyName, DisplayName, Suffix is required.",
            )  # fmt: skip
        if ":" in name or "\t" in name or "\n" in name:
            raise business("DisplayName may not contain a colon, tab or new line", "DisplayName")
        home = self.settings.home_currency
        currency = (body.get("CurrencyRef") or (before or {}).get("CurrencyRef") or {}).get("value", home)
        self.currency(currency)
        if before is not None and before["CurrencyRef"]["value"] != currency:
            raise business("The currency of a customer or vendor cannot be changed", "CurrencyRef")
        body |= {"DisplayName": name, "CurrencyRef": {"value": currency}}
        body.setdefault("FullyQualifiedName", name)
        body.setdefault("PrintOnCheckName", name)
        return body, self._unique("Person", name, body["Id"], kind)

    def name_of(self, kind: str, body: Mapping[str, Any]) -> str:
        """The key under which the record's name is unique."""
        return f"Person:{body['DisplayName']}" if kind in NAMES else f"{kind}:{body['Name']}"

    def _unique(self, group: str, name: str, id_: str, kind: str = "") -> str:
        key = f"{group}:{name}"
        mine = (kind or group, id_)
        if any(other != mine for other in self.records.named(key)):
            raise Fault(
                "6240", "Duplicate Name Exists Error",
                f"The name supplied already exists. : Another customer, vendor, employee, account or item is already"
                f" using this name: {name}",
                element="DisplayName" if group == "Person" else "Name",
            )  # fmt: skip
        return key

    def _item(self, body: dict[str, Any]) -> None:
        kind = body.setdefault("Type", "Service")
        if "IncomeAccountRef" not in body:
            raise missing("IncomeAccountRef")
        self.account(body["IncomeAccountRef"].get("value", ""), "IncomeAccountRef")
        if kind == "Inventory":
            for name in ("ExpenseAccountRef", "AssetAccountRef", "InvStartDate", "QtyOnHand"):
                if name not in body:
                    raise missing(name)
            if not body.get("TrackQtyOnHand"):
                raise business("an inventory item needs TrackQtyOnHand", "TrackQtyOnHand")
        for name in ("ExpenseAccountRef", "AssetAccountRef"):
            if name in body:
                self.account(body[name].get("value", ""), name)

    def _account(self, body: dict[str, Any]) -> None:
        if "AccountType" not in body:
            raise missing("AccountType")
        try:
            body["Classification"] = classification(body["AccountType"])
        except KeyError:
            raise Fault("2170", "Invalid Enumeration", "Invalid Enumeration : AccountType") from None
        body.setdefault("AccountSubType", body["AccountType"].replace(" ", ""))
        body.setdefault("SubAccount", False)
        currency = (body.get("CurrencyRef") or {}).get("value", self.settings.home_currency)
        self.currency(currency)
        body["CurrencyRef"] = {"value": currency}

    def currency(self, code: str) -> str:
        """A currency that the company has switched on. Raises Fault."""
        allowed = self.settings.currencies if self.settings.multicurrency else (self.settings.home_currency,)
        if code != self.settings.home_currency and code not in allowed:
            raise invalid_reference("CurrencyRef")
        return code

    def account_body(self, id_: str, path: str) -> dict[str, Any]:
        """An active account. Raises Fault 2500 or 610."""
        found = self.records.body("Account", id_)
        if found is None:
            raise invalid_reference(path)
        if not found["Active"]:
            raise not_found(f"{path} {id_}")
        return found

    def account(self, id_: str, path: str) -> str:
        """The id of an active account."""
        return str(self.account_body(id_, path)["Id"])

    def account_of_item(self, id_: str, path: str) -> str:
        """The income account of an active item."""
        found = self.records.body("Item", id_)
        if found is None:
            raise invalid_reference(path)
        if not found["Active"]:
            raise not_found(f"{path} {id_}")
        return self.account(found["IncomeAccountRef"]["value"], path)

    def person(self, kind: str, id_: str, path: str) -> dict[str, Any]:
        """An active customer or vendor."""
        found = self.records.body(kind, id_)
        if found is None:
            raise invalid_reference(path)
        if not found["Active"]:
            raise not_found(f"{path} {id_}")
        return found

    def ledger_account(self, of_type: str, currency: str) -> str:
        """The receivable or payable account of a currency; a foreign one comes into being with its first use."""
        home = self.settings.home_currency
        for found in self.records.each("Account"):
            if found.body["AccountType"] == of_type and found.body["CurrencyRef"]["value"] == currency:
                return found.id
        short = "A/R" if of_type == "Accounts Receivable" else "A/P"
        model = self.records.body("Account", RECEIVABLE if short == "A/R" else "20") or {}
        body = {
            **model,
            "Id": self.records.next_id("Account"),
            "Name": f"{of_type} ({short}) - {currency}",
            "SyncToken": "0",
            "FullyQualifiedName": f"{of_type} ({short}) - {currency}",
            "CurrencyRef": {"value": currency},
            "AcctNum": "",
        }
        self.records.write(
            "Account", body, origin="foreign" if currency == home else "api", name=f"Account:{body['Name']}"
        )
        return str(body["Id"])

    def rates(self) -> dict[str, Rate]:
        """Every tax code with its percentage for sales."""
        found = {code: Rate(code, rate, percent) for code, _name, rate, percent in tax_codes(self.settings.country)}
        for added in self.records.store.each("tax_code"):
            found[added["id"]] = Rate(added["id"], added["rates"][0]["id"], Decimal(added["rates"][0]["percent"]))
        return found

    def fixed(self, kind: str) -> list[dict[str, Any]]:
        """The lists that are read only: TaxCode, TaxRate, TaxAgency, CompanyCurrency."""
        if kind == "CompanyCurrency":
            return [_listed(i, {"Code": c, "Name": c}) for i, c in enumerate(self.settings.currencies, 1)]
        if kind == "TaxAgency":
            return [_listed(1, {"DisplayName": "HM Revenue & Customs", "TaxTrackedOnSales": True})]
        names = {code: name for code, name, _rate, _percent in tax_codes(self.settings.country)}
        added = {row["id"]: row for row in self.records.store.each("tax_code")}
        found = []
        for code, rate in self.rates().items():
            name = names.get(code) or added[code]["name"]
            if kind == "TaxCode":
                found.append(_tax_code(rate, name))
            elif rate.rate_id:
                body = {"Name": f"{name} (Sales)", "RateValue": rate.percent, "AgencyRef": {"value": "1"},
                        "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"}  # fmt: skip
                found.append(_listed(rate.rate_id, body))
        return found

    def shown(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """With the balance of this moment."""
        found = dict(body)
        if kind == "Account":
            if body["Classification"] in ("Asset", "Liability", "Equity"):
                sign = 1 if body["Classification"] == "Asset" else -1
                minor = sign * self.records.home_balances().get(body["Id"], 0)
                balance = to_decimal(Money(minor, self.settings.home_currency))
            else:
                balance = Decimal(0)
            found |= {"CurrentBalance": balance, "CurrentBalanceWithSubAccounts": balance}
        return found


def _listed(id_: Any, body: dict[str, Any]) -> dict[str, Any]:
    active = {} if "DisplayName" in body else {"Active": True}
    return {**body, **active, "Id": str(id_), "SyncToken": "0", "domain": "QBO", "sparse": False}


def _tax_code(rate: Rate, name: str) -> dict[str, Any]:
    detail = {"TaxRateRef": {"value": rate.rate_id}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
    body: dict[str, Any] = {"Name": name, "Description": name, "Taxable": bool(rate.rate_id), "TaxGroup": True}
    body["SalesTaxRateList"] = {"TaxRateDetail": [detail] if rate.rate_id else []}
    body["PurchaseTaxRateList"] = {"TaxRateDetail": []}
    return _listed(rate.code, body)
