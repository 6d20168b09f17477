"""The shapes of Business Central's answers, as far as Leja reads them. Amounts are decimals from the number's own text."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.core.errors import Transient

BLANK: Final = "0001-01-01"


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Vendor's field names are ours in camelCase. Fields that are not named here are not read."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a set; ``next`` is the address of the one after it."""

    value: tuple[msgspec.Raw, ...]
    next: str = msgspec.field(default="", name="@odata.nextLink")


class Account(Wire, frozen=True, kw_only=True):
    """A G/L account."""

    id: str
    number: str
    display_name: str = ""
    category: str = ""
    sub_category: str = ""
    blocked: bool = False
    account_type: str = "Posting"
    direct_posting: bool = True


class TaxGroup(Wire, frozen=True, kw_only=True):
    """A VAT product posting group, or a tax group where sales tax is charged."""

    code: str
    display_name: str = ""


class Setup(Wire, frozen=True, kw_only=True):
    """The general ledger setup."""

    local_currency_code: str = ""
    allow_posting_from: str = BLANK


class Customer(Wire, frozen=True, kw_only=True):
    """A customer."""

    id: str
    number: str = ""
    display_name: str = ""
    blocked: str = " "


class Line(Wire, frozen=True, kw_only=True):
    """A line of a sales document or of a journal."""

    line_object_number: str = ""
    quantity: Decimal = Decimal(0)
    unit_price: Decimal = Decimal(0)
    tax_code: str = ""
    account_id: str = ""
    account_number: str = ""
    customer_id: str = ""
    posting_date: str = ""
    document_number: str = ""
    amount: Decimal = Decimal(0)
    applies_to_invoice_id: str = ""


class Sales(Wire, frozen=True, kw_only=True):
    """A sales invoice or credit memo."""

    id: str
    number: str = ""
    external_document_number: str = ""
    posting_date: str = ""
    customer_id: str = ""
    status: str = ""
    total_amount_including_tax: Decimal = Decimal(0)
    last_modified_date_time: str = ""
    lines: tuple[Line, ...] = ()


class Invoice(Sales, frozen=True, kw_only=True):
    """A sales invoice, with its lines where they were asked for."""

    lines: tuple[Line, ...] = msgspec.field(default=(), name="salesInvoiceLines")


class CreditMemo(Sales, frozen=True, kw_only=True):
    """A sales credit memo."""

    lines: tuple[Line, ...] = msgspec.field(default=(), name="salesCreditMemoLines")


class Batch(Wire, frozen=True, kw_only=True):
    """A journal batch of any template."""

    id: str
    code: str = ""
    display_name: str = ""
    lines: tuple[Line, ...] = ()


class JournalBatch(Batch, frozen=True, kw_only=True):
    """A general journal batch with its lines."""

    lines: tuple[Line, ...] = msgspec.field(default=(), name="journalLines")


class PaymentBatch(Batch, frozen=True, kw_only=True):
    """A customer payment journal with its lines."""

    lines: tuple[Line, ...] = msgspec.field(default=(), name="customerPayments")


class Entry(Wire, frozen=True, kw_only=True):
    """An entry of the general ledger, in local currency."""

    entry_number: int = 0
    posting_date: str = ""
    document_number: str = ""
    document_type: str = " "
    account_number: str = ""
    description: str = ""
    debit_amount: Decimal = Decimal(0)
    credit_amount: Decimal = Decimal(0)
    last_modified_date_time: str = ""


class Subscription(Wire, frozen=True, kw_only=True):
    """A webhook subscription; ``etag`` must be given back when it is renewed."""

    subscription_id: str = ""
    notification_url: str = ""
    resource: str = ""
    etag: str = msgspec.field(default="*", name="@odata.etag")


class Said(Wire, frozen=True, kw_only=True):
    """The inside of a refusal."""

    code: str = ""
    message: str = ""


class Problem(Wire, frozen=True, kw_only=True):
    """A refusal."""

    error: Said = Said()


class Part(Wire, frozen=True, kw_only=True):
    """The answer to one part of a batch."""

    id: Any = ""
    status: int = 0
    body: msgspec.Raw = msgspec.Raw(b"{}")


class Parts(Wire, frozen=True, kw_only=True):
    """The answer to a batch."""

    responses: tuple[Part, ...] = ()


def day(text: str) -> date | None:
    """A day as Business Central writes it; its blank date is none."""
    if not text or text == BLANK:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Transient("business-central-answer-unreadable", f"{text!r} is no date that Business Central writes") from None


def moment(text: str) -> datetime | None:
    """An instant."""
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Transient("business-central-answer-unreadable", f"{text!r} is no instant that Business Central writes") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
