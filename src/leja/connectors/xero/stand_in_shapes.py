"""What Xero accepts in a body: the fields of each element, and how it refuses. Unknown fields are refused here.

The service itself ignores fields that it does not know; a stand-in that did so would hide every misspelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

Check = Callable[[str, Any], Any]
_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(T[\d:.]+(Z|[+-]\d\d:?\d\d)?)?\Z")
_MICROSOFT: Final = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/\Z")


class Invalid(Exception):
    """One element breaks a rule: the messages go into its ValidationErrors."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


class Malformed(Exception):
    """The body cannot be understood at all."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _not_a_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def read_json(body: bytes) -> Any:
    """The body; numbers keep their digits. Raises Malformed."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_not_a_number, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as wrong:
        raise Malformed(f"JSON for post data was invalid: {wrong}") from None


def text(limit: int) -> Check:
    """Text of at most ``limit`` characters."""

    def check(path: str, value: Any) -> Any:
        if not isinstance(value, str):
            raise Malformed(f"{path} is not text")
        if len(value) > limit:
            raise Invalid(f"The {path} field must be a string with a maximum length of {limit}.")
        return value

    return check


def number(path: str, value: Any) -> Any:
    """A JSON number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Malformed(f"{path} is not a number")
    plain = format(Decimal(value), "f")
    if len(plain.lstrip("-").partition(".")[0]) > 13:
        raise Invalid(f"{path} is too large")
    return Decimal(plain)


def boolean(path: str, value: Any) -> Any:
    """true or false."""
    if not isinstance(value, bool):
        raise Malformed(f"{path} is not true or false")
    return value


def day(path: str, value: Any) -> Any:
    """A calendar day, as text or in the Microsoft format that answers use."""
    if isinstance(value, str) and (made := _MICROSOFT.match(value)):
        return datetime.fromtimestamp(int(made.group(1)) // 1000, UTC).date().isoformat()
    match = _DATE.match(value) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError
        return date.fromisoformat(match.group(1)).isoformat()
    except ValueError:
        raise Malformed(f"{path}: {value!r} is not a date") from None


def identifier(path: str, value: Any) -> Any:
    """A UUID."""
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise Malformed(f"{path}: {value!r} is not a valid id") from None


def one_of(*choices: str) -> Check:
    """One of the vendor's enumerated words."""

    def check(path: str, value: Any) -> Any:
        if value not in choices:
            raise Malformed(f"{path}: {value!r} is not one of {', '.join(choices)}")
        return value

    return check


def anything(_path: str, value: Any) -> Any:
    """Read-only: taken, and ignored by the caller."""
    return value


def shape(fields: Mapping[str, Check]) -> Check:
    """An object of just these fields; null counts as not given."""

    def check(path: str, value: Any) -> Any:
        if not isinstance(value, dict):
            raise Malformed(f"{path or 'the element'} is not an object")
        found: dict[str, Any] = {}
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            if name not in fields:
                raise Malformed(f"Could not find member '{here}': there is no such field")
            if inner is not None:
                found[name] = fields[name](here, inner)
        return found

    return check


def many(check: Check) -> Check:
    """A list."""

    def each(path: str, value: Any) -> Any:
        if not isinstance(value, list):
            raise Malformed(f"{path} is not a list")
        return [check(f"{path}[{i}]", part) for i, part in enumerate(value)]

    return each


_TRACKING: Final = many(shape({"TrackingCategoryID": identifier, "TrackingOptionID": identifier, "Name": text(100),
                               "Option": text(100)}))  # fmt: skip
_LINE: Final = shape(
    {
        "LineItemID": identifier,
        "Description": text(4000),
        "Quantity": number,
        "UnitAmount": number,
        "ItemCode": text(30),
        "AccountCode": text(10),
        "AccountID": identifier,
        "TaxType": text(50),
        "TaxAmount": number,
        "LineAmount": number,
        "Tracking": _TRACKING,
        "DiscountRate": number,
        "DiscountAmount": number,
        "Item": anything,
        "ValidationErrors": anything,
    }
)
_PLAIN: Final = text(500)
_ADDRESS: Final = shape(
    dict.fromkeys(
        (
            "AddressType",
            "AddressLine1",
            "AddressLine2",
            "AddressLine3",
            "AddressLine4",
            "City",
            "Region",
            "PostalCode",
            "Country",
            "AttentionTo",
        ),
        _PLAIN,
    )
)
_PHONE: Final = shape({n: text(50) for n in ("PhoneType", "PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")})
_CONTACT: Final[dict[str, Check]] = {
    "ContactID": identifier, "ContactNumber": text(50), "AccountNumber": text(50), "Name": text(255),
    "ContactStatus": one_of("ACTIVE", "ARCHIVED", "GDPRREQUEST"), "FirstName": text(255), "LastName": text(255),
    "CompanyNumber": text(50), "EmailAddress": text(255), "BankAccountDetails": text(500), "TaxNumber": text(50),
    "AccountsReceivableTaxType": text(50), "AccountsPayableTaxType": text(50), "Addresses": many(_ADDRESS),
    "Phones": many(_PHONE), "DefaultCurrency": text(3), "UpdatedDateUTC": anything, "IsSupplier": anything,
    "IsCustomer": anything, "ContactGroups": anything, "SalesTrackingCategories": anything, "ContactPersons": anything,
    "PurchasesTrackingCategories": anything, "PaymentTerms": anything, "HasValidationErrors": anything,
    "HasAttachments": anything, "Attachments": anything,
}  # fmt: skip
_HEAD: Final[dict[str, Check]] = {
    "Contact": shape(_CONTACT), "LineItems": many(_LINE), "Date": day, "Reference": text(255), "CurrencyCode": text(3),
    "CurrencyRate": number, "LineAmountTypes": one_of("Exclusive", "Inclusive", "NoTax"), "UpdatedDateUTC": anything,
    "SubTotal": anything, "TotalTax": anything, "Total": anything, "HasErrors": anything, "HasAttachments": anything,
    "ValidationErrors": anything, "Warnings": anything, "StatusAttributeString": anything, "Payments": anything,
    "DateString": anything, "UpdatedDateUTCString": anything, "Attachments": anything,
}  # fmt: skip
_STATUS: Final = one_of("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED", "VOIDED", "PAID")
_INVOICE: Final[dict[str, Check]] = _HEAD | {
    "InvoiceID": identifier, "InvoiceNumber": text(255), "Type": one_of("ACCREC", "ACCPAY"), "DueDate": day,
    "Status": _STATUS, "Url": text(2083), "SentToContact": boolean, "BrandingThemeID": identifier,
    "ExpectedPaymentDate": day, "PlannedPaymentDate": day, "AmountDue": anything, "AmountPaid": anything,
    "AmountCredited": anything, "CreditNotes": anything, "Prepayments": anything, "Overpayments": anything,
    "IsDiscounted": anything, "FullyPaidOnDate": anything, "DueDateString": anything, "TotalDiscount": anything,
    "RepeatingInvoiceID": anything,
}  # fmt: skip
_CREDIT: Final[dict[str, Check]] = _HEAD | {
    "CreditNoteID": identifier, "CreditNoteNumber": text(255), "Type": one_of("ACCRECCREDIT", "ACCPAYCREDIT"),
    "Status": _STATUS, "DueDate": day, "SentToContact": boolean, "BrandingThemeID": identifier,
    "RemainingCredit": anything, "Allocations": anything, "AppliedAmount": anything, "ID": anything,
    "FullyPaidOnDate": anything, "DueDateString": anything,
}  # fmt: skip
_ACCOUNT: Final[dict[str, Check]] = {
    "AccountID": identifier, "Code": text(10), "Name": text(150), "Type": text(20), "BankAccountNumber": text(20),
    "Status": one_of("ACTIVE", "ARCHIVED"), "Description": text(4000), "CurrencyCode": text(3), "TaxType": text(50),
    "EnablePaymentsToAccount": boolean, "ShowInExpenseClaims": boolean, "BankAccountType": text(20),
    "AddToWatchlist": boolean, "Class": anything, "SystemAccount": anything, "UpdatedDateUTC": anything,
    "HasAttachments": anything, "ReportingCode": anything, "ReportingCodeName": anything,
}  # fmt: skip
_BANK: Final[dict[str, Check]] = _HEAD | {
    "BankTransactionID": identifier, "BankAccount": shape(_ACCOUNT), "IsReconciled": boolean, "Url": text(2083),
    "Type": one_of("RECEIVE", "SPEND", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT", "SPEND-OVERPAYMENT",
                   "SPEND-PREPAYMENT", "RECEIVE-TRANSFER", "SPEND-TRANSFER"),
    "Status": one_of("AUTHORISED", "DELETED", "VOIDED"), "PrepaymentID": anything, "OverpaymentID": anything,
}  # fmt: skip
_PAYMENT: Final[dict[str, Check]] = {
    "PaymentID": identifier, "Invoice": shape(_INVOICE), "CreditNote": shape(_CREDIT),
    "Overpayment": shape({"OverpaymentID": identifier}), "Prepayment": shape({"PrepaymentID": identifier}),
    "Account": shape(_ACCOUNT),
    "InvoiceNumber": text(255), "CreditNoteNumber": text(255), "Code": text(10), "Date": day, "CurrencyRate": number,
    "Amount": number, "Reference": text(255), "IsReconciled": boolean, "Status": one_of("AUTHORISED", "DELETED"),
    "BankAmount": anything, "PaymentType": anything, "UpdatedDateUTC": anything, "HasAccount": anything,
    "HasValidationErrors": anything, "StatusAttributeString": anything, "ValidationErrors": anything,
    "Warnings": anything, "BankAccountNumber": text(50), "Particulars": text(50), "Details": text(50),
    "UpdatedDateUTCString": anything,
}  # fmt: skip
_JOURNAL_LINE: Final = shape({
    "LineAmount": number, "AccountCode": text(10), "AccountID": identifier, "Description": text(4000),
    "TaxType": text(50), "Tracking": _TRACKING, "TaxAmount": number, "IsBlank": anything,
})  # fmt: skip
_DETAIL: Final = shape({"UnitPrice": number, "AccountCode": text(10), "COGSAccountCode": text(10), "TaxType": text(50)})
_TRANSFER: Final[dict[str, Check]] = {
    "BankTransferID": identifier, "FromBankAccount": shape(_ACCOUNT), "ToBankAccount": shape(_ACCOUNT),
    "Amount": number, "Date": day, "Reference": text(255), "FromIsReconciled": boolean, "ToIsReconciled": boolean,
    "FromTracking": _TRACKING, "ToTracking": _TRACKING, "Status": one_of("AUTHORISED", "DELETED"),
    "CurrencyRate": anything, "FromBankTransactionID": anything, "ToBankTransactionID": anything,
    "HasAttachments": anything, "CreatedDateUTC": anything, "ValidationErrors": anything,
}  # fmt: skip
SHAPES: Final[dict[str, Check]] = {
    "BankTransfers": shape(_TRANSFER),
    "Contacts": shape(_CONTACT),
    "Invoices": shape(_INVOICE),
    "CreditNotes": shape(_CREDIT),
    "Payments": shape(_PAYMENT),
    "BankTransactions": shape(_BANK),
    "Accounts": shape(_ACCOUNT),
    "ManualJournals": shape(
        {
            "ManualJournalID": identifier,
            "Narration": text(4000),
            "JournalLines": many(_JOURNAL_LINE),
            "Date": day,
            "LineAmountTypes": one_of("Exclusive", "Inclusive", "NoTax"),
            "Url": text(2083),
            "Status": one_of("DRAFT", "POSTED", "DELETED", "VOIDED", "ARCHIVED"),
            "ShowOnCashBasisReports": boolean,
            "UpdatedDateUTC": anything,
            "HasAttachments": anything,
            "Warnings": anything,
            "ValidationErrors": anything,
            "StatusAttributeString": anything,
            "Attachments": anything,
        }
    ),
    "Items": shape(
        {
            "ItemID": identifier,
            "Code": text(30),
            "Name": text(50),
            "IsSold": boolean,
            "IsPurchased": boolean,
            "Description": text(4000),
            "PurchaseDescription": text(4000),
            "SalesDetails": _DETAIL,
            "PurchaseDetails": _DETAIL,
            "InventoryAssetAccountCode": text(10),
            "IsTrackedAsInventory": anything,
            "TotalCostPool": anything,
            "QuantityOnHand": anything,
            "UpdatedDateUTC": anything,
            "StatusAttributeString": anything,
            "ValidationErrors": anything,
        }
    ),
    "Allocations": shape(
        {
            "Amount": number,
            "Date": day,
            "Invoice": shape(_INVOICE),
            "AllocationID": identifier,
            "StatusAttributeString": anything,
            "ValidationErrors": anything,
            "IsDeleted": anything,
            "CreditNote": anything,
            "Overpayment": anything,
            "Prepayment": anything,
        }
    ),
}
IDS: Final = {
    "Contacts": "ContactID",
    "Invoices": "InvoiceID",
    "CreditNotes": "CreditNoteID",
    "Payments": "PaymentID",
    "BankTransactions": "BankTransactionID",
    "BankTransfers": "BankTransferID",
    "Overpayments": "OverpaymentID",
    "Prepayments": "PrepaymentID",
    "Accounts": "AccountID",
    "ManualJournals": "ManualJournalID",
    "Items": "ItemID",
    "Allocations": "AllocationID",
}
NUMBERS: Final = {"Contacts": "ContactNumber", "Invoices": "InvoiceNumber", "CreditNotes": "CreditNoteNumber",
                  "Items": "Code", "Accounts": "Code"}  # fmt: skip
READ_ONLY: Final = frozenset({
    "SubTotal", "TotalTax", "Total", "HasErrors", "HasAttachments", "ValidationErrors", "Warnings", "DateString",
    "StatusAttributeString", "Payments", "AmountDue", "AmountPaid", "AmountCredited", "CreditNotes", "Prepayments",
    "Overpayments", "IsDiscounted", "FullyPaidOnDate", "DueDateString", "RemainingCredit", "Allocations",
    "AppliedAmount", "ID", "BankAmount", "PaymentType", "UpdatedDateUTC", "HasAccount", "HasValidationErrors",
    "UpdatedDateUTCString", "IsSupplier", "IsCustomer", "ContactGroups", "Class", "SystemAccount", "Attachments",
    "SalesTrackingCategories", "PurchasesTrackingCategories", "ReportingCode", "ReportingCodeName", "TotalDiscount",
    "FromBankTransactionID", "ToBankTransactionID", "CreatedDateUTC",
    "PrepaymentID", "OverpaymentID", "TotalCostPool", "QuantityOnHand", "IsTrackedAsInventory", "RepeatingInvoiceID",
})  # fmt: skip
