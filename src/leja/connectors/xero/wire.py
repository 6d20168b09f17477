"""The shapes of Xero's answers, as far as Leja reads them. Amounts are decimals read from the number's own text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from leja.core.errors import Transient

_EPOCH: Final = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/\Z")


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Vendor's field names are ours in PascalCase. Fields that are not named here are not read."""


class Said(Wire, frozen=True, kw_only=True):
    """A sentence of a validation error."""

    message: str = ""


class Place(Wire, frozen=True, kw_only=True):
    """A reference to an account."""

    account_id: str | None = msgspec.field(default=None, name="AccountID")
    code: str | None = None


class Line(Wire, frozen=True, kw_only=True):
    """A line of a document or of a journal. Accounts are named by id, by code, or both."""

    account_id: str | None = msgspec.field(default=None, name="AccountID")
    account_code: str | None = None
    line_amount: Decimal | None = None
    tax_amount: Decimal | None = None


class Settled(Wire, frozen=True, kw_only=True):
    """The document that a payment settles."""

    type: str | None = None
    invoice_id: str | None = msgspec.field(default=None, name="InvoiceID")
    credit_note_id: str | None = msgspec.field(default=None, name="CreditNoteID")
    currency_code: str | None = None


class Record(Wire, frozen=True, kw_only=True):
    """Any document or contact: the fields that Leja reads of all of them."""

    invoice_id: str | None = msgspec.field(default=None, name="InvoiceID")
    credit_note_id: str | None = msgspec.field(default=None, name="CreditNoteID")
    payment_id: str | None = msgspec.field(default=None, name="PaymentID")
    bank_transaction_id: str | None = msgspec.field(default=None, name="BankTransactionID")
    bank_transfer_id: str | None = msgspec.field(default=None, name="BankTransferID")
    manual_journal_id: str | None = msgspec.field(default=None, name="ManualJournalID")
    contact_id: str | None = msgspec.field(default=None, name="ContactID")
    type: str | None = None
    payment_type: str | None = None
    invoice_number: str | None = None
    credit_note_number: str | None = None
    contact_number: str | None = None
    contact_status: str | None = None
    reference: str | None = None
    narration: str | None = None
    status: str | None = None
    date: str | None = None
    date_string: str | None = None
    updated_date_utc: str | None = msgspec.field(default=None, name="UpdatedDateUTC")
    created_date_utc: str | None = msgspec.field(default=None, name="CreatedDateUTC")
    currency_code: str | None = None
    line_amount_types: str | None = None
    total: Decimal | None = None
    total_tax: Decimal | None = None
    amount: Decimal | None = None
    line_items: tuple[Line, ...] | None = None
    journal_lines: tuple[Line, ...] | None = None
    account: Place | None = None
    bank_account: Place | None = None
    from_bank_account: Place | None = None
    to_bank_account: Place | None = None
    invoice: Settled | None = None
    credit_note: Settled | None = None
    has_errors: bool = False
    status_attribute_string: str | None = None
    validation_errors: tuple[Said, ...] | None = None


class Account(Wire, frozen=True, kw_only=True):
    """An account."""

    account_id: str = msgspec.field(name="AccountID")
    code: str | None = None
    name: str | None = None
    type: str | None = None
    status: str | None = None
    system_account: str | None = None
    currency_code: str | None = None
    enable_payments_to_account: bool = False


class TaxRate(Wire, frozen=True, kw_only=True):
    """A tax type and its rate in percent."""

    tax_type: str | None = None
    name: str | None = None
    effective_rate: Decimal | None = None
    status: str | None = None
    can_apply_to_revenue: bool | None = None


class Organisation(Wire, frozen=True, kw_only=True):
    """The organisation."""

    base_currency: str = ""
    country_code: str | None = None
    period_lock_date: str | None = None
    end_of_year_lock_date: str | None = None


class Currency(Wire, frozen=True, kw_only=True):
    """A currency that the organisation keeps."""

    code: str = ""


class Problem(Wire, frozen=True, kw_only=True):
    """A refusal: of validation, with elements, or of another kind, with a detail."""

    message: str | None = None
    detail: str | None = None
    title: str | None = None
    elements: tuple[Record, ...] | None = None


def moment(text: str | None) -> datetime | None:
    """An instant as Xero writes it: ``/Date(1539993600000+0000)/`` or ISO text, which is UTC."""
    if not text:
        return None
    found = _EPOCH.match(text)
    if found:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found.group(1)))
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Transient("xero-answer-unreadable", f"{text!r} is no date that Xero writes") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


def day(text: str | None) -> date | None:
    """The day of such an instant."""
    read = moment(text)
    return read.date() if read is not None else None
