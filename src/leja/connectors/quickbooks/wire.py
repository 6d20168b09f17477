"""The shapes of QuickBooks' answers, as far as Leja reads them. Amounts are decimals, read from the number's text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Vendor's field names are ours in PascalCase. Fields that are not named here are not read."""


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """A reference to another record."""

    value: str
    name: str = ""


class MetaData(Wire, frozen=True, kw_only=True):
    """When a record was made and last changed."""

    last_updated_time: datetime | None = None


class LinkedTxn(Wire, frozen=True, kw_only=True):
    """A document that a line settles."""

    txn_id: str | int = ""
    txn_type: str = ""


class ItemDetail(Wire, frozen=True, kw_only=True):
    """A line on an item: sold, or bought."""

    item_ref: Ref | None = None
    item_account_ref: Ref | None = None


class JournalDetail(Wire, frozen=True, kw_only=True):
    """A line of a journal entry."""

    posting_type: str
    account_ref: Ref | None = None


class AccountDetail(Wire, frozen=True, kw_only=True):
    """A line on an account: an expense, or a deposit."""

    account_ref: Ref | None = None


class DiscountDetail(Wire, frozen=True, kw_only=True):
    """A discount on the whole document."""

    discount_account_ref: Ref | None = None


class GroupDetail(Wire, frozen=True, kw_only=True):
    """A bundle of items; its own lines carry the amounts."""

    line: tuple[DocumentLine, ...] = ()


class DocumentLine(Wire, frozen=True, kw_only=True):
    """A line of any document; ``detail_type`` names the detail that is filled."""

    amount: Decimal | None = None
    detail_type: str = ""
    linked_txn: tuple[LinkedTxn, ...] = ()
    sales_item_line_detail: ItemDetail | None = None
    item_based_expense_line_detail: ItemDetail | None = None
    account_based_expense_line_detail: AccountDetail | None = None
    deposit_line_detail: AccountDetail | None = None
    journal_entry_line_detail: JournalDetail | None = None
    discount_line_detail: DiscountDetail | None = None
    group_line_detail: GroupDetail | None = None


class TaxDetail(Wire, frozen=True, kw_only=True):
    """The tax of a document."""

    total_tax: Decimal | None = None


class PaidFrom(Wire, frozen=True, kw_only=True):
    """How a bill was paid."""

    bank_account_ref: Ref | None = None
    cc_account_ref: Ref | None = msgspec.field(default=None, name="CCAccountRef")


class Record(Wire, frozen=True, kw_only=True):
    """Any document, customer or item: the fields that Leja reads of all of them."""

    id: str | int = ""
    sync_token: str = ""
    status: str = msgspec.field(default="", name="status")
    doc_number: str = ""
    display_name: str = ""
    name: str = ""
    active: bool = True
    txn_date: str = ""
    private_note: str = ""
    payment_ref_num: str = ""
    total_amt: Decimal | None = None
    amount: Decimal | None = None
    currency_ref: Ref | None = None
    meta_data: MetaData | None = None
    line: tuple[DocumentLine, ...] = ()
    txn_tax_detail: TaxDetail | None = None
    deposit_to_account_ref: Ref | None = None
    ar_account_ref: Ref | None = msgspec.field(default=None, name="ARAccountRef")
    ap_account_ref: Ref | None = msgspec.field(default=None, name="APAccountRef")
    account_ref: Ref | None = None
    from_account_ref: Ref | None = None
    to_account_ref: Ref | None = None
    income_account_ref: Ref | None = None
    credit: bool = False
    type: str = ""
    check_payment: PaidFrom | None = None
    credit_card_payment: PaidFrom | None = None


class Account(Wire, frozen=True, kw_only=True):
    """An account."""

    id: str | int
    name: str = ""
    fully_qualified_name: str = ""
    acct_num: str = ""
    account_type: str = ""
    account_sub_type: str = ""
    active: bool = True
    currency_ref: Ref | None = None


class TaxRateUse(Wire, frozen=True, kw_only=True):
    """A rate in a tax code."""

    tax_rate_ref: Ref


class TaxRateList(Wire, frozen=True, kw_only=True):
    """The rates that a tax code applies to sales."""

    tax_rate_detail: tuple[TaxRateUse, ...] = ()


class TaxCode(Wire, frozen=True, kw_only=True):
    """A tax code."""

    id: str | int
    name: str = ""
    active: bool = True
    sales_tax_rate_list: TaxRateList | None = None


class TaxRate(Wire, frozen=True, kw_only=True):
    """A tax rate in percent."""

    id: str | int
    rate_value: Decimal | None = None


class SalesFormsPrefs(Wire, frozen=True, kw_only=True):
    """Whether documents may bear our own numbers."""

    custom_txn_numbers: bool = False


class AccountingPrefs(Wire, frozen=True, kw_only=True):
    """The day up to which the books are closed."""

    book_close_date: str = ""


class CurrencyPrefs(Wire, frozen=True, kw_only=True):
    """The home currency."""

    multi_currency_enabled: bool = False
    home_currency: Ref | None = None


class Preferences(Wire, frozen=True, kw_only=True):
    """The company's settings."""

    sales_forms_prefs: SalesFormsPrefs = SalesFormsPrefs()
    accounting_info_prefs: AccountingPrefs = AccountingPrefs()
    currency_prefs: CurrencyPrefs = CurrencyPrefs()


class CompanyInfo(Wire, frozen=True, kw_only=True):
    """The company."""

    country: str = ""


class FaultError(msgspec.Struct, frozen=True, kw_only=True):
    """One error of a fault."""

    message: str = msgspec.field(default="", name="Message")
    detail: str = msgspec.field(default="", name="Detail")
    code: str | int = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal; it may come with HTTP 200."""

    error: tuple[FaultError, ...] = msgspec.field(default=(), name="Error")
    type: str = ""
