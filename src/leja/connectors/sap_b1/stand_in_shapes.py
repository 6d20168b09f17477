"""What the objects hold: the properties that this stand-in plays, their types and the vendor's own read-only ones.

Written as ``Name:type``: i whole number, n number, d day, T time, t40 text of at most 40, e.Enum, c.Complex a list of
it. ``!`` marks what only the server sets: a caller's value is ignored in silence, as the vendor does. Properties and
types are held against the vendor's ``$metadata`` by the tests; a property that is not here is refused with the vendor's
words, also where the vendor knows it and this stand-in does not play it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import msgspec

YES, NO = "tYES", "tNO"
# Name: the members and how the database writes them, for both are taken (Service Layer guide 1.26, 3.7.4).
ENUMS: Final[dict[str, dict[str, str]]] = {
    "BoYesNoEnum": {NO: "N", YES: "Y"},
    "BoDocumentTypes": {"dDocument_Items": "I", "dDocument_Service": "S"},
    "BoStatus": {"bost_Open": "O", "bost_Close": "C"},
    "CancelStatusEnum": {"csYes": "Y", "csNo": "N", "csCancellation": "C"},
    "BoCardTypes": {"cCustomer": "C", "cSupplier": "S", "cLid": "L"},
    "BoAccountTypes": {"at_Revenues": "I", "at_Expenses": "E", "at_Other": "N"},
    "BoRcptTypes": {"rCustomer": "C", "rAccount": "A", "rSupplier": "S"},
    "BoRcptInvTypes": {"it_Invoice": "13", "it_CredItnote": "14", "it_PurchaseInvoice": "18", "it_JournalEntry": "30"},
    "BoVatCategoryEnum": {"bovcInputTax": "I", "bovcOutputTax": "O"},
    "PriceModeDocumentEnum": {"pmdNet": "N", "pmdGross": "G", "pmdNetAndGross": "B"},
    "ItemTypeEnum": {"itItems": "I"},
    "TransTypesEnum": {
        "ttARInvoice": "13", "ttARCredItnote": "14", "ttAPInvoice": "18", "ttReceipt": "24", "ttJournalEntry": "30",
        "ttVendorPayment": "46",
    },
    "BoObjectTypes": {"oInvoices": "13", "oCreditNotes": "14", "oOrders": "17", "oPurchaseInvoices": "18"},
    "BoFieldTypes": {"db_Alpha": "A", "db_Memo": "M", "db_Numeric": "N", "db_Date": "D", "db_Float": "B"},
    "BoFldSubTypes": {"st_None": "N", "st_Sum": "S", "st_Price": "P", "st_Address": "?"},
    "BoUTBTableType": {"bott_NoObject": "0", "bott_NoObjectAutoIncrement": "5"},
    "BoAddressType": {"bo_ShipTo": "S", "bo_BillTo": "B"},
    "CurrenciesDecimalsEnum": {"cdWithoutDecimals": "0", "cd1Digit": "1", "cd2Digits": "2", "cd3Digits": "3"},
    "BoRcptCredTypes": {"cr_Regular": "S", "cr_Telephone": "T", "cr_InternetTransaction": "I"},
}  # fmt: skip
_DOCUMENT = """DocEntry:i! DocNum:i! DocType:e.BoDocumentTypes DocDate:d DocDueDate:d TaxDate:d CardCode:t15
 CardName:t100 NumAtCard:t100 DocTotal:n! DocTotalFc:n! DocTotalSys:n! VatSum:n! VatSumFc:n! VatSumSys:n!
 DocCurrency:t3 DocRate:n Reference1:t11 Reference2:t11 Comments:t254 JournalMemo:t50 DiscountPercent:n
 TotalDiscount:n! TotalDiscountFC:n! PaidToDate:n! PaidToDateFC:n! Series:i DocObjectCode:e.BoObjectTypes! DocumentStatus:e.BoStatus!
 Cancelled:e.BoYesNoEnum! CancelStatus:e.CancelStatusEnum! CancelDate:d! CreationDate:d! UpdateDate:d! UpdateTime:T!
 TransNum:i! PriceMode:e.PriceModeDocumentEnum Rounding:e.BoYesNoEnum RoundingDiffAmount:n ControlAccount:t15
 BPL_IDAssignedToInvoice:i ReserveInvoice:e.BoYesNoEnum PaymentGroupCode:i SalesPersonCode:i ShipToCode:t50
 PayToCode:t50 Address:t254 Address2:t254 FederalTaxID:t32 Project:t20 PeriodIndicator:t10! DataVersion:i!
 DocumentLines:c.DocumentLine DocumentAdditionalExpenses:c.DocumentAdditionalExpense"""
_LINE = """LineNum:i ItemCode:t50 ItemDescription:t200 Quantity:n UnitPrice:n Price:n PriceAfterVAT:n GrossPrice:n
 GrossTotal:n LineTotal:n RowTotalFC:n! RowTotalSC:n! GrossTotalFC:n! Currency:t3 Rate:n DiscountPercent:n AccountCode:t15
 VatGroup:t8 TaxPercentagePerRow:n! TaxTotal:n! NetTaxAmount:n! NetTaxAmountFC:n! WarehouseCode:t8 CostingCode:t8
 CostingCode2:t8 CostingCode3:t8 CostingCode4:t8 CostingCode5:t8 ProjectCode:t20 FreeText:t100 BaseType:i BaseEntry:i
 BaseLine:i LineStatus:e.BoStatus! RemainingOpenQuantity:n! OpenAmount:n! COGSAccountCode:t15 DocEntry:i!
 WithoutInventoryMovement:e.BoYesNoEnum VisualOrder:i!"""
_FREIGHT = """ExpenseCode:i LineTotal:n LineTotalFC:n! LineGross:n! VatGroup:t8 TaxPercent:n! TaxSum:n! TaxSumFC:n!
 Remarks:t254 LineNum:i!"""
_PAYMENT = """DocEntry:i! DocNum:i! DocType:e.BoRcptTypes DocDate:d TaxDate:d DueDate:d CardCode:t15 CardName:t100!
 CashAccount:t15 CashSum:n CashSumFC:n! TransferAccount:t15 TransferSum:n TransferDate:d TransferReference:t27
 DocCurrency:t3 DocRate:n Reference1:t11 Reference2:t11 CounterReference:t8 Remarks:t254 JournalRemarks:t50 Series:i
 Cancelled:e.BoYesNoEnum! ControlAccount:t15 BPLID:i ProjectCode:t20 BankChargeAmount:n
 PaymentInvoices:c.PaymentInvoice PaymentCreditCards:c.PaymentCreditCard PaymentAccounts:c.PaymentAccount"""
_PAID = """LineNum:i! DocEntry:i SumApplied:n AppliedFC:n AppliedSys:n! InvoiceType:e.BoRcptInvTypes DocRate:n!
 InstallmentId:i PaidSum:n!"""
_CARD = """LineNum:i! CreditCard:i CreditAcct:t15 CreditCardNumber:t20 CardValidUntil:d VoucherNum:t20 OwnerIdNum:t15
 PaymentMethodCode:i NumOfPayments:i FirstPaymentDue:d FirstPaymentSum:n CreditSum:n CreditCur:t3! CreditRate:n!
 ConfirmationNum:t20 NumOfCreditPayments:i CreditType:e.BoRcptCredTypes"""
_PAID_ACCOUNT = """LineNum:i! AccountCode:t15 SumPaid:n SumPaidFC:n! Decription:t50 VatGroup:t8 AccountName:t100!
 GrossAmount:n! VatAmount:n! ProfitCenter:t8 ProjectCode:t20"""
_JOURNAL = """JdtNum:i! Number:i! ReferenceDate:d DueDate:d TaxDate:d VatDate:d Memo:t254 Reference:t100 Reference2:t100
 Reference3:t27 TransactionCode:t4 ProjectCode:t20 Series:i OriginalJournal:e.TransTypesEnum! Original:i!
 BaseReference:t11! AutoVAT:e.BoYesNoEnum UseAutoStorno:e.BoYesNoEnum StornoDate:d JournalEntryLines:c.JournalEntryLine"""
_JOURNAL_LINE = """Line_ID:i AccountCode:t15 ShortName:t15 Debit:n Credit:n FCDebit:n FCCredit:n FCCurrency:t3 DebitSys:n!
 CreditSys:n! DueDate:d TaxDate:d ReferenceDate1:d! LineMemo:t254 Reference1:t100 Reference2:t100
 AdditionalReference:t27 ContraAccount:t15! ControlAccount:t15 ProjectCode:t20 CostingCode:t8 CostingCode2:t8
 CostingCode3:t8 CostingCode4:t8 CostingCode5:t8 TaxGroup:t8 BaseSum:n VatAmount:n! VatLine:e.BoYesNoEnum BPLID:i"""
_PARTNER = """CardCode:t15 CardName:t100 CardType:e.BoCardTypes GroupCode:i Address:t100 ZipCode:t20 City:t100 Country:t3
 Phone1:t20 Cellular:t50 EmailAddress:t100 FederalTaxID:t32 Currency:t3 VatGroup:t8 DebitorAccount:t15 Notes:t100
 FreeText:t1000 Series:i Valid:e.BoYesNoEnum Frozen:e.BoYesNoEnum CurrentAccountBalance:n! CreateDate:d! UpdateDate:d!
 UpdateTime:T! DataVersion:i! BPAddresses:c.BPAddress"""
_ADDRESS = """AddressName:t50 AddressType:e.BoAddressType Street:t100 Block:t100 ZipCode:t20 City:t100 County:t100
 Country:t3 State:t3 FederalTaxID:t32 RowNum:i! BPCode:t15!"""
_ITEM = """ItemCode:t50 ItemName:t200 ItemType:e.ItemTypeEnum SalesItem:e.BoYesNoEnum PurchaseItem:e.BoYesNoEnum
 InventoryItem:e.BoYesNoEnum VatLiable:e.BoYesNoEnum SalesVATGroup:t8 PurchaseVATGroup:t8 BarCode:t254 IncomeAccount:t15
 ItemsGroupCode:i AvgStdPrice:n QuantityOnStock:n! Valid:e.BoYesNoEnum Frozen:e.BoYesNoEnum User_Text:t1000 Series:i
 CreateDate:d! UpdateDate:d! UpdateTime:T! DataVersion:i!"""
_ACCOUNT = """Code:t15 Name:t100 FormatCode:t210 FatherAccountKey:t15 AccountType:e.BoAccountTypes AccountLevel:i!
 ActiveAccount:e.BoYesNoEnum CashAccount:e.BoYesNoEnum LockManualTransaction:e.BoYesNoEnum AcctCurrency:t3
 FrozenFor:e.BoYesNoEnum ValidFor:e.BoYesNoEnum DefaultVatGroup:t8 Balance:n! Balance_syscurr:n! Balance_FrgnCurr:n!
 ExternalCode:t15"""
_SHAPES: Final = {
    "Document": _DOCUMENT, "DocumentLine": _LINE, "DocumentAdditionalExpense": _FREIGHT, "Payment": _PAYMENT,
    "PaymentInvoice": _PAID, "PaymentCreditCard": _CARD, "PaymentAccount": _PAID_ACCOUNT, "JournalEntry": _JOURNAL,
    "JournalEntryLine": _JOURNAL_LINE, "BusinessPartner": _PARTNER, "BPAddress": _ADDRESS, "Item": _ITEM,
    "ChartOfAccount": _ACCOUNT,
    "VatGroup": """Code:t8 Name:t50 Category:e.BoVatCategoryEnum TaxAccount:t15 Inactive:e.BoYesNoEnum
 VatGroups_Lines:c.VatGroups_Line""",
    "VatGroups_Line": "Effectivefrom:d Rate:n",
    "Currency": "Code:t3 Name:t20 DocumentsCode:t3 Decimals:e.CurrenciesDecimalsEnum",
    "CreditCard": "CreditCardCode:i CreditCardName:t15 GLAccount:t15",
    "UserFieldMD": """Name:t50 Type:e.BoFieldTypes Size:i Description:t80 SubType:e.BoFldSubTypes TableName:t20 FieldID:i!
 EditSize:i Mandatory:e.BoYesNoEnum""",
    "UserTablesMD": "TableName:t20 TableDescription:t100 TableType:e.BoUTBTableType",
    "UserKeysMD": """TableName:t20 KeyIndex:i! KeyName:t10 Unique:e.BoYesNoEnum
 UserKeysMD_Elements:c.UserKeysMD_Element""",
    "UserKeysMD_Element": "SubKeyIndex:i! ColumnAlias:t50",
    "UserTable": "Code:t50 Name:t100",
}  # fmt: skip
# Entity set: its type, its key properties, the table that user-defined fields of it belong to.
SETS: Final = {
    "Orders": ("Document", ("DocEntry",), "OINV"), "Invoices": ("Document", ("DocEntry",), "OINV"),
    "CreditNotes": ("Document", ("DocEntry",), "OINV"), "PurchaseInvoices": ("Document", ("DocEntry",), "OINV"),
    "Drafts": ("Document", ("DocEntry",), "OINV"), "IncomingPayments": ("Payment", ("DocEntry",), "ORCT"),
    "VendorPayments": ("Payment", ("DocEntry",), "ORCT"), "JournalEntries": ("JournalEntry", ("JdtNum",), "OJDT"),
    "BusinessPartners": ("BusinessPartner", ("CardCode",), "OCRD"), "Items": ("Item", ("ItemCode",), "OITM"),
    "ChartOfAccounts": ("ChartOfAccount", ("Code",), "OACT"), "VatGroups": ("VatGroup", ("Code",), "OVTG"),
    "Currencies": ("Currency", ("Code",), "OCRN"), "CreditCards": ("CreditCard", ("CreditCardCode",), "OCRC"),
    "UserFieldsMD": ("UserFieldMD", ("TableName", "FieldID"), ""), "UserTablesMD": ("UserTablesMD", ("TableName",), ""),
    "UserKeysMD": ("UserKeysMD", ("TableName", "KeyIndex"), ""),
}  # fmt: skip
# Marketing documents share their user-defined fields: one definition shows in all of them.
SAME_TABLE: Final = {
    **dict.fromkeys(("OINV", "ORIN", "ORDR", "OPCH", "ODLN", "ODPI", "ODRF"), "OINV"), "INV1": "INV1", "ORCT": "ORCT",
    "OVPM": "ORCT", "OJDT": "OJDT", "JDT1": "JDT1", "OCRD": "OCRD", "OITM": "OITM",
}  # fmt: skip
_LINE_TABLES: Final = {"DocumentLine": "INV1", "JournalEntryLine": "JDT1"}


class Field(msgspec.Struct, frozen=True):
    """One property: its type letter, length, enumeration or complex type, and whether only the server sets it."""

    name: str
    kind: str
    size: int = 0
    of: str = ""
    fixed: bool = False


class Refused(Exception):
    """The vendor refuses: HTTP status, its code, its words."""

    def __init__(self, code: int, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.code, self.words, self.status = code, words, status


def _parsed(text: str) -> dict[str, Field]:
    fields = {}
    for word in text.split():
        name, spec = word.split(":")
        kind, fixed = spec.rstrip("!"), spec.endswith("!")
        size = int(kind[1:]) if kind[0] == "t" else 0
        of = kind[2:] if kind[0] in "ec" else ""
        fields[name] = Field(name, kind[0], size, of, fixed)
    return fields


SHAPES: Final = {name: _parsed(text) for name, text in _SHAPES.items()}
_LARGEST: Final = Decimal(10) ** 15
_DAY: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(T.*)?\Z")


def fields_of(shape: str, own: Mapping[str, Mapping[str, Field]], table: str = "") -> dict[str, Field]:
    """The properties of a type together with the user-defined ones of its table."""
    return {**SHAPES[shape], **own.get(table or _LINE_TABLES.get(shape, ""), {})}


def read(shape: str, given: Any, own: Mapping[str, Mapping[str, Field]], table: str = "") -> dict[str, Any]:
    """A body by the vendor's types. Raises Refused for an unknown or misspelt property and for a value of another type.

    Numbers are Decimals (text is taken for them), days are ISO text, enumerations their names.
    """
    if not isinstance(given, dict):
        raise Refused(-1000, f"Invalid JSON: an object of type '{shape}' is expected")
    fields, body = fields_of(shape, own, table), {}
    for name, value in given.items():
        field = fields.get(name)
        if field is None:
            raise Refused(-1000, f"Property '{name}' of '{shape}' is invalid")
        if not field.fixed:
            body[name] = None if value is None else value_of(field, value, shape, own)
    return body


def value_of(field: Field, value: Any, shape: str, own: Mapping[str, Mapping[str, Field]]) -> Any:
    """One value by its property's type. Raises Refused."""
    if field.kind == "c":
        if not isinstance(value, list):
            _wrong(field, shape)
        return [read(field.of, row, own) for row in value]
    if field.kind in "in":
        return _number(field, value, shape)
    if not isinstance(value, str):
        _wrong(field, shape)
    if field.kind == "d":
        return day(value) or _wrong(field, shape)
    if field.kind == "e":
        for name, letter in ENUMS[field.of].items():
            if value in (name, letter):
                return name
        _wrong(field, shape)
    if field.size and len(value) > field.size:
        words = f"Value too long in property '{field.name}' of '{shape}'"
        raise Refused(-1000, f"CServiceData::SetPropertyValueString failed; {words}")
    return value


def _number(field: Field, value: Any, shape: str) -> Any:
    try:
        number = Decimal(str(value)) if isinstance(value, (int, str, Decimal)) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number) >= _LARGEST or (number and number.adjusted() < -20):
        _wrong(field, shape)
    if field.kind == "i":
        return int(number) if number == int(number) else _wrong(field, shape)
    return number


def day(text: str) -> str:
    """The ISO day of a date as the vendor takes it (2026-11-20, 20261120, with or without a time); "" if it is none."""
    if not (match := _DAY.match(text)):
        return ""
    try:
        return date(*(int(part) for part in match.groups()[:3])).isoformat()
    except ValueError:
        return ""


def _wrong(field: Field, shape: str) -> NoReturn:
    raise Refused(-1000, f"Value of property '{field.name}' of '{shape}' is invalid")
