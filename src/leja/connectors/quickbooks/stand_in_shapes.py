"""What QuickBooks accepts in a body: the fields of each entity, and the faults for everything else.

The vendor's documents do not forbid unknown fields, but the live service answers 2010 for them, so the stand-in does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

Check = Callable[[str, Any], Any]
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_BUSINESS: Final = "A business validation error has occurred while processing your request"


class Fault(Exception):
    """A refusal in the vendor's words: ``code``, ``Message``, ``Detail``, and the fault's type."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: str,
        *,
        element: str = "",
        kind: str = "ValidationFault",
        status: int = 400,
    ) -> None:
        super().__init__(f"{code} {message}: {detail}")
        self.code, self.message, self.detail, self.element = code, message, detail, element
        self.kind, self.status = kind, status

    def body(self) -> dict[str, Any]:
        """The ``Fault`` object as the vendor writes it."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code, "element": self.element}
        return {"Error": [error], "type": self.kind}


def unsupported(path: str) -> Fault:
    """2010: a property that does not exist, or of the wrong kind."""
    name = path.rsplit(".", 1)[-1]
    return Fault(
        "2010",
        "Request has invalid or unsupported property",
        f"Property Name:{path} specified is unsupported or invalid",
        element=name,
    )


def missing(name: str) -> Fault:
    """2020: a required field is not there."""
    return Fault(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {name} is missing in the request",
        element=name,
    )


def business(detail: str, element: str = "") -> Fault:
    """6000: the vendor's rules of business are broken."""
    return Fault("6000", _BUSINESS, f"Business Validation Error: {detail}", element=element)


def invalid_reference(path: str) -> Fault:
    """2500: a reference to something that does not exist."""
    return Fault("2500", "Invalid Reference Id", f"Invalid Reference Id : {path} element id is not found", element=path)


def not_found(what: str) -> Fault:
    """610: not there, or inactive."""
    return Fault(
        "610",
        "Object Not Found",
        f"Object Not Found : Something you're trying to use has been made inactive. Check the fields with accounts,"
        f" customers, items, vendors or employees. ({what})",
    )


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _not_a_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def read_json(body: bytes) -> dict[str, Any]:
    """The body as an object; numbers keep their digits. Raises Fault 2010."""
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_not_a_number, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as wrong:
        raise Fault("2010", "Request has invalid or unsupported property", f"JSON could not be read: {wrong}") from None
    if not isinstance(found, dict):
        raise Fault("2010", "Request has invalid or unsupported property", "the body is not a JSON object")
    return found


def text(limit: int) -> Check:
    """Text of at most ``limit`` characters."""

    def check(path: str, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise unsupported(path)
        if len(value) > limit:
            raise Fault(
                "2050",
                "String length is either shorter or longer than supported by specification",
                f"String length specified does not match the supported length. Supplied length:{len(value)}"
                f" Max:{limit}, field {path}",
                element=path,
            )
        return value

    return check


def number(places: int, whole: int = 15) -> Check:
    """A JSON number with at most ``places`` decimals."""

    def check(path: str, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise unsupported(path)
        amount = Decimal(value)
        plain = format(amount, "f").lstrip("-")
        digits, _, decimals = plain.partition(".")
        if not amount.is_finite() or len(decimals.rstrip("0")) > places or len(digits) > whole:
            raise Fault("2090", "Invalid Number", f"Invalid Number : {path} is {plain[:40]}", element=path)
        return Decimal(format(amount, "f"))

    return check


def boolean(path: str, value: Any) -> Any:
    """true or false."""
    if not isinstance(value, bool):
        raise unsupported(path)
    return value


def day(path: str, value: Any) -> Any:
    """A calendar day; a time behind it is dropped as the service does."""
    try:
        if not isinstance(value, str):
            raise ValueError
        plain = value[:10]
        if not _DATE.match(plain) or (len(value) > 10 and value[10] not in "T+-Z"):
            raise ValueError
        date.fromisoformat(plain)
    except ValueError:
        raise Fault("2040", "Invalid Date", f"Date must be YYYY-MM-DD : {path}", element=path) from None
    return plain


def one_of(*choices: str) -> Check:
    """One of the vendor's enumerated words."""

    def check(path: str, value: Any) -> Any:
        if value not in choices:
            raise Fault("2170", "Invalid Enumeration", f"Invalid Enumeration : {path} is {value!r}", element=path)
        return value

    return check


def anything(_path: str, value: Any) -> Any:
    """Read-only or informational: taken and ignored by the caller."""
    return value


def shape(fields: Mapping[str, Check]) -> Check:
    """An object of just these fields; null and "" count as not given, as the service treats them."""

    def check(path: str, value: Any) -> Any:
        if not isinstance(value, dict):
            raise unsupported(path)
        found: dict[str, Any] = {}
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            if name not in fields:
                raise unsupported(here)
            if inner is None or inner == "":
                continue
            found[name] = fields[name](here, inner)
        return found

    return check


def many(check: Check) -> Check:
    """A list."""

    def each(path: str, value: Any) -> Any:
        if not isinstance(value, list):
            raise unsupported(path)
        return [check(f"{path}[{i}]", part) for i, part in enumerate(value)]

    return each


REF: Final = shape({"value": text(60), "name": text(500), "type": text(60)})
_MONEY: Final = number(7)
_TAX_MODE: Final = one_of("TaxExcluded", "TaxInclusive", "NotApplicable")
_ADDRESS: Final = shape(
    {name: text(500) for name in ("Line1", "Line2", "Line3", "Line4", "Line5", "City", "Country", "Note")}
    | {name: text(255) for name in ("CountrySubDivisionCode", "PostalCode", "Lat", "Long", "Id", "CountryCode")}
)
_LINK: Final = shape({"TxnId": text(20), "TxnType": text(40), "TxnLineId": text(20)})
_CUSTOM: Final = shape({n: text(200) for n in ("DefinitionId", "Name", "Type", "StringValue")})
_ITEM_DETAIL: Final[dict[str, Check]] = {
    "ItemRef": REF, "ClassRef": REF, "UnitPrice": number(7), "Qty": number(7), "TaxCodeRef": REF,
    "TaxInclusiveAmt": _MONEY, "ServiceDate": day, "ItemAccountRef": REF,
}  # fmt: skip
_ACCOUNT_DETAIL: Final[dict[str, Check]] = {
    "AccountRef": REF, "CustomerRef": REF, "ClassRef": REF, "TaxCodeRef": REF, "TaxAmount": _MONEY,
    "TaxInclusiveAmt": _MONEY, "BillableStatus": one_of("Billable", "NotBillable", "HasBeenBilled"),
}  # fmt: skip
_ENTITY: Final = shape({"Type": one_of("Customer", "Vendor", "Employee"), "EntityRef": REF})
_DISCOUNT: Final[dict[str, Check]] = {
    "PercentBased": boolean, "DiscountPercent": number(7), "DiscountAccountRef": REF, "DiscountRef": REF,
    "ClassRef": REF, "TaxCodeRef": REF, "ServiceDate": day,
}  # fmt: skip
_JOURNAL: Final[dict[str, Check]] = {
    "PostingType": one_of("Debit", "Credit"), "Entity": _ENTITY, "AccountRef": REF, "ClassRef": REF,
    "DepartmentRef": REF, "TaxCodeRef": REF, "TaxApplicableOn": one_of("Sales", "Purchase"), "TaxAmount": _MONEY,
    "BillableStatus": anything,
}  # fmt: skip
_DEPOSIT: Final[dict[str, Check]] = {
    "Entity": REF, "ClassRef": REF, "AccountRef": REF, "PaymentMethodRef": REF, "CheckNum": text(21),
    "TaxCodeRef": REF, "TaxApplicableOn": one_of("Sales", "Purchase"),
}  # fmt: skip
_TAX_DETAIL: Final = shape(
    {"TaxRateRef": REF, "PercentBased": boolean, "TaxPercent": number(7), "NetAmountTaxable": _MONEY,
     "TaxInclusiveAmount": _MONEY, "OverrideDeltaAmount": _MONEY}
)  # fmt: skip
_TAX_LINE: Final = shape(
    {"Id": text(20), "Amount": _MONEY, "DetailType": one_of("TaxLineDetail"), "TaxLineDetail": _TAX_DETAIL}
)
_TAX: Final = shape(
    {"TxnTaxCodeRef": REF, "TotalTax": _MONEY, "TaxLine": many(_TAX_LINE), "UseAutomatedSalesTax": boolean}
)


def _line(**details: Check) -> Check:
    kinds = one_of(*details)
    fields: dict[str, Check] = {
        "Id": text(20), "LineNum": number(0), "Description": text(4000), "Amount": _MONEY, "DetailType": kinds,
        "LinkedTxn": many(_LINK), "CustomField": many(_CUSTOM),
    }  # fmt: skip
    return shape(fields | {name: check for name, check in details.items() if name != "DescriptionOnly"}
                 | ({"DescriptionLineDetail": anything} if "DescriptionOnly" in details else {}))  # fmt: skip


_SALES_LINE: Final = _line(
    SalesItemLineDetail=shape(_ITEM_DETAIL), DiscountLineDetail=shape(_DISCOUNT), SubTotalLineDetail=anything,
    DescriptionOnly=anything,
)  # fmt: skip
_EXPENSE_LINE: Final = _line(
    AccountBasedExpenseLineDetail=shape(_ACCOUNT_DETAIL), ItemBasedExpenseLineDetail=shape(_ITEM_DETAIL)
)
_COMMON: Final[dict[str, Check]] = {
    "Id": text(20), "SyncToken": text(20), "sparse": boolean, "domain": anything, "status": anything,
    "MetaData": anything,
}  # fmt: skip
_TRANSACTION: Final[dict[str, Check]] = _COMMON | {
    "DocNumber": text(21), "TxnDate": day, "DepartmentRef": REF, "CurrencyRef": REF, "ExchangeRate": number(10),
    "PrivateNote": text(4000), "LinkedTxn": many(_LINK), "TxnTaxDetail": _TAX, "TxnSource": anything,
    "TxnStatus": anything, "TotalAmt": _MONEY, "HomeTotalAmt": _MONEY, "CustomField": many(_CUSTOM),
}  # fmt: skip
_PAID: Final[dict[str, Check]] = {
    "PaymentMethodRef": REF, "PaymentRefNum": text(21), "DepositToAccountRef": REF, "PaymentType": anything,
    "CreditCardPayment": anything, "CheckPayment": anything,
}  # fmt: skip
_EMAIL: Final = shape({"Address": text(100), "Id": text(20)})
_SALE: Final[dict[str, Check]] = _TRANSACTION | {
    "CustomerRef": REF, "CustomerMemo": shape({"value": text(1000)}), "BillAddr": _ADDRESS, "ShipAddr": _ADDRESS,
    "ShipFromAddr": _ADDRESS, "FreeFormAddress": boolean, "ClassRef": REF, "SalesTermRef": REF, "DueDate": day,
    "ShipMethodRef": REF, "ShipDate": day, "TrackingNum": text(31), "GlobalTaxCalculation": _TAX_MODE,
    "ApplyTaxAfterDiscount": boolean, "PrintStatus": text(30), "EmailStatus": text(30), "BillEmail": _EMAIL,
    "BillEmailCc": _EMAIL, "BillEmailBcc": _EMAIL, "ARAccountRef": REF, "Balance": _MONEY, "HomeBalance": _MONEY,
    "DeliveryInfo": anything, "Line": many(_SALES_LINE),
}  # fmt: skip
_INVOICE: Final[dict[str, Check]] = _SALE | {
    "Deposit": _MONEY,
    "AllowIPNPayment": boolean,
    "AllowOnlinePayment": boolean,
    "AllowOnlineCreditCardPayment": boolean,
    "AllowOnlineACHPayment": boolean,
    "EInvoiceStatus": anything,
    "InvoiceLink": anything,
}
_PAYMENT: Final[dict[str, Check]] = _TRANSACTION | _PAID | {
    "CustomerRef": REF, "ARAccountRef": REF, "UnappliedAmt": _MONEY, "ProcessPayment": boolean,
    "Line": many(shape({"Amount": _MONEY, "LinkedTxn": many(_LINK), "LineEx": anything, "Id": text(20),
                        "LineNum": number(0), "Description": text(4000), "DetailType": anything,
                        "CustomField": anything})),
}  # fmt: skip
_DEPOSIT_LINE: Final = _line(DepositLineDetail=shape(_DEPOSIT))
_PURCHASE: Final[dict[str, Check]] = _TRANSACTION | {
    "AccountRef": REF, "PaymentMethodRef": REF, "PaymentType": one_of("Cash", "Check", "CreditCard"), "EntityRef": REF,
    "Credit": boolean, "PrintStatus": anything, "GlobalTaxCalculation": _TAX_MODE, "Line": many(_EXPENSE_LINE),
    "PaymentRefNum": text(21),
}  # fmt: skip
_BILL: Final[dict[str, Check]] = _TRANSACTION | {
    "VendorRef": REF, "APAccountRef": REF, "DueDate": day, "GlobalTaxCalculation": _TAX_MODE, "SalesTermRef": REF,
    "Balance": _MONEY, "Line": many(_EXPENSE_LINE),
}  # fmt: skip
_VENDOR_CREDIT: Final[dict[str, Check]] = _TRANSACTION | {
    "VendorRef": REF, "APAccountRef": REF, "GlobalTaxCalculation": _TAX_MODE, "Balance": _MONEY, "VendorAddr": _ADDRESS,
    "IncludeInAnnualTPAR": boolean, "Line": many(_EXPENSE_LINE),
}  # fmt: skip
_CASH_BACK: Final = shape({"AccountRef": REF, "Amount": _MONEY, "Memo": text(4000)})
_BILL_PAYMENT: Final[dict[str, Check]] = _TRANSACTION | {
    "VendorRef": REF, "PayType": one_of("Check", "CreditCard"), "CheckPayment": shape({"BankAccountRef": REF}),
    "Line": many(shape({"Amount": _MONEY, "LinkedTxn": many(_LINK)})),
}  # fmt: skip
_PERSON: Final[dict[str, Check]] = (
    _COMMON
    | {
        name: text(100)
        for name in ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix", "CompanyName", "AcctNum")
    }
    | {
        "DisplayName": text(500),
        "FullyQualifiedName": text(500),
        "PrintOnCheckName": text(110),
        "Notes": text(4000),
        "PrimaryEmailAddr": _EMAIL,
        "PrimaryPhone": shape({"FreeFormNumber": text(30)}),
        "Active": boolean,
        "Mobile": shape({"FreeFormNumber": text(30)}),
        "BillAddr": _ADDRESS,
        "ShipAddr": _ADDRESS,
        "CurrencyRef": REF,
        "Taxable": boolean,
        "Balance": _MONEY,
        "BalanceWithJobs": _MONEY,
        "Job": boolean,
        "BillWithParent": boolean,
        "PreferredDeliveryMethod": text(30),
        "DefaultTaxCodeRef": REF,
        "PrimaryTaxIdentifier": text(20),
        "ResaleNum": text(16),
        "IsProject": boolean,
        "ParentRef": REF,
        "Level": anything,
        "OpenBalanceDate": anything,
        "GSTIN": text(15),
        "Fax": anything,
        "AlternatePhone": anything,
        "ARAccountRef": REF,
        "CustomerTypeRef": REF,
        "PaymentMethodRef": REF,
        "SalesTermRef": REF,
        "WebAddr": anything,
        "Vendor1099": boolean,
    }
)
_ITEM: Final[dict[str, Check]] = _COMMON | {
    "Name": text(100), "Sku": text(100), "Description": text(4000), "Active": boolean, "FullyQualifiedName": text(500),
    "Taxable": boolean, "SalesTaxIncluded": boolean, "UnitPrice": number(7), "PurchaseDesc": text(1000),
    "PurchaseTaxIncluded": boolean, "PurchaseCost": number(7), "IncomeAccountRef": REF, "ExpenseAccountRef": REF,
    "AssetAccountRef": REF, "TrackQtyOnHand": boolean, "QtyOnHand": number(7), "InvStartDate": day,
    "SalesTaxCodeRef": REF, "PurchaseTaxCodeRef": REF, "Type": one_of("Service", "NonInventory", "Inventory"),
}  # fmt: skip
_ACCOUNT: Final[dict[str, Check]] = _COMMON | {
    "Name": text(100), "AcctNum": text(20), "AccountType": text(60), "AccountSubType": text(60), "Active": boolean,
    "Description": text(100), "CurrencyRef": REF, "Classification": text(20), "FullyQualifiedName": text(500),
    "SubAccount": boolean, "ParentRef": REF, "TaxCodeRef": REF, "CurrentBalance": anything,
    "CurrentBalanceWithSubAccounts": anything,
}  # fmt: skip
_NAMED: Final = _COMMON | {"Name": text(100), "Active": boolean, "FullyQualifiedName": text(500), "SubClass": boolean,
                           "SubDepartment": boolean, "ParentRef": REF, "Type": text(30)}  # fmt: skip
JOURNAL_LINE: Final = _line(JournalEntryLineDetail=shape(_JOURNAL), DescriptionOnly=anything)

_FIELDS: Final[dict[str, dict[str, Check]]] = {
    "SalesReceipt": _SALE | _PAID,
    "RefundReceipt": _SALE | _PAID | {"RemainingCredit": _MONEY},
    "Invoice": _INVOICE,
    "CreditMemo": _SALE | {"RemainingCredit": _MONEY, "InvoiceRef": REF},
    "Payment": _PAYMENT,
    "JournalEntry": _TRANSACTION
    | {"Adjustment": boolean, "GlobalTaxCalculation": _TAX_MODE, "Line": many(JOURNAL_LINE)},
    "Purchase": _PURCHASE,
    "Bill": _BILL,
    "BillPayment": _BILL_PAYMENT,
    "VendorCredit": _VENDOR_CREDIT,
    "Deposit": _TRANSACTION
    | {"DepositToAccountRef": REF, "GlobalTaxCalculation": _TAX_MODE, "Line": many(_DEPOSIT_LINE),
       "CashBack": _CASH_BACK},
    "Transfer": _TRANSACTION | {"FromAccountRef": REF, "ToAccountRef": REF, "Amount": _MONEY, "ClassRef": REF},
    "Customer": _PERSON,
    "Vendor": _PERSON,
    "Item": _ITEM,
    "Account": _ACCOUNT,
    "PaymentMethod": _NAMED,
    "Class": _NAMED,
    "Department": _NAMED,
}  # fmt: skip
SHAPES: Final[dict[str, Check]] = {name: shape(fields) for name, fields in _FIELDS.items()}
FIELDS: Final[dict[str, frozenset[str]]] = {name: frozenset(fields) for name, fields in _FIELDS.items()}
