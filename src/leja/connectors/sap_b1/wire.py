"""The shapes of Service Layer's answers, as far as Leja reads them. Amounts are decimals, read from the number's text."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The vendor's names are ours in PascalCase. Fields that are not named here are not read; any may be null."""


class Document(Wire, frozen=True, kw_only=True):
    """An order, invoice or credit note."""

    doc_entry: int
    doc_num: int = 0
    doc_date: str | None = None
    card_code: str | None = None
    num_at_card: str | None = None
    comments: str | None = None
    doc_total: Decimal | None = None
    doc_total_fc: Decimal | None = msgspec.field(default=None, name="DocTotalFc")
    doc_currency: str | None = None
    cancelled: str | None = None
    cancel_status: str | None = None
    trans_num: int | None = None
    update_date: str | None = None
    update_time: str | None = None


class CardPaid(Wire, frozen=True, kw_only=True):
    """What was paid with a card."""

    credit_sum: Decimal | None = None


class Payment(Wire, frozen=True, kw_only=True):
    """An incoming or outgoing payment."""

    doc_entry: int
    doc_num: int = 0
    doc_date: str | None = None
    card_code: str | None = None
    cash_sum: Decimal | None = None
    transfer_sum: Decimal | None = None
    transfer_reference: str | None = None
    remarks: str | None = None
    doc_currency: str | None = None
    cancelled: str | None = None
    payment_credit_cards: tuple[CardPaid, ...] | None = None


class JournalLine(Wire, frozen=True, kw_only=True):
    """A line of a journal entry; a partner's line stands on the control account."""

    account_code: str | None = None
    control_account: str | None = None
    debit: Decimal | None = None
    credit: Decimal | None = None
    fc_debit: Decimal | None = msgspec.field(default=None, name="FCDebit")
    fc_credit: Decimal | None = msgspec.field(default=None, name="FCCredit")
    fc_currency: str | None = msgspec.field(default=None, name="FCCurrency")


class Journal(Wire, frozen=True, kw_only=True):
    """A journal entry: one that somebody wrote, or the one behind a document."""

    jdt_num: int
    number: int = 0
    reference_date: str | None = None
    memo: str | None = None
    reference3: str | None = msgspec.field(default=None, name="Reference3")
    original_journal: str | None = None
    original: int | None = None
    journal_entry_lines: tuple[JournalLine, ...] = ()


class Partner(Wire, frozen=True, kw_only=True):
    """A business partner."""

    card_code: str
    card_name: str | None = None
    card_type: str | None = None
    valid: str | None = None
    frozen: str | None = None
    debitor_account: str | None = None


class Account(Wire, frozen=True, kw_only=True):
    """An account."""

    code: str
    name: str | None = None
    format_code: str | None = None
    account_type: str | None = None
    account_level: int | None = None
    father_account_key: str | None = None
    active_account: str | None = None
    cash_account: str | None = None
    lock_manual_transaction: str | None = None
    acct_currency: str | None = None
    frozen_for: str | None = None
    valid_for: str | None = None


class Rate(Wire, frozen=True, kw_only=True):
    """A tax group's rate from a day on."""

    effectivefrom: str | None = None
    rate: Decimal | None = None


class VatGroup(Wire, frozen=True, kw_only=True):
    """A tax group."""

    code: str
    name: str | None = None
    category: str | None = None
    tax_account: str | None = None
    inactive: str | None = None
    vat_groups_lines: tuple[Rate, ...] | None = msgspec.field(default=None, name="VatGroups_Lines")


class SalesTax(Wire, frozen=True, kw_only=True):
    """A sales tax code, in countries that have them."""

    code: str
    name: str | None = None
    rate: Decimal | None = None
    inactive: str | None = None


class Currency(Wire, frozen=True, kw_only=True):
    """A currency of the company."""

    code: str


class AdminInfo(Wire, frozen=True, kw_only=True):
    """The company's settings."""

    country: str | None = None
    local_currency: str | None = None
    totals_accuracy: int | None = None


class Period(Wire, frozen=True, kw_only=True):
    """A posting period."""

    posting_date_from: str | None = None
    posting_date_to: str | None = None
    period_status: str | None = None
    locked: str | None = None


class Category(Wire, frozen=True, kw_only=True):
    """A set of posting periods: a fiscal year."""

    absolute_entry: int


class Series(Wire, frozen=True, kw_only=True):
    """A numbering series."""

    series: int
    name: str | None = None
