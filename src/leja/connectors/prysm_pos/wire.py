"""The shapes of ``pos-transaction/1``. Amounts are decimal text; what is not required has an empty default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

CONTRACT = "pos-transaction/1"
COMPLETED, VOIDED, CLOSED, PING = "transaction.completed", "transaction.voided", "day.closed", "ping"
Amount = Annotated[str, Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,5})?\Z")]
Number = Annotated[str, Meta(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,5})?\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=50)]
LongName = Annotated[str, Meta(min_length=1, max_length=100)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Place = Annotated[int, Meta(ge=1)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d\Z", extra={"format": "date"})]
Instant = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z", extra={"format": "date-time"}
    ),
]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Points at an earlier transaction by its natural key, and at one of its lines."""

    store_id: Name
    workstation_id: Name
    business_date: Day
    sequence_number: Name
    line_number: Place = 0
    receipt_number: str = ""


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """One tax of a line or of the whole transaction."""

    name: LongName
    rate_percent: Amount
    taxable_amount: Amount
    amount: Amount
    code: str = ""
    authority: str = ""
    included_in_price: bool = False


class Discount(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken off; negative on a return."""

    amount: Amount
    code: str = ""
    reason: str = ""
    kind: Literal["discount", "promotion", "coupon", "loyalty", "employee", "manual"] = "discount"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """``net_amount`` is without tax and signed; a voided line counts nothing."""

    line_number: Place
    kind: Literal[
        "sale", "return", "gift_card_sale", "gift_card_reload", "deposit", "service_charge", "shipping", "tip", "fee",
        "donation",
    ]  # fmt: skip
    quantity: Number
    unit_price: Amount
    net_amount: Amount
    item_id: str = ""
    sku: str = ""
    gtin: str = ""
    description: str = ""
    department: str = ""
    unit_of_measure: str = ""
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[Tax, ...] = ()
    unit_cost: Amount = ""
    return_reason: str = ""
    link: Link | msgspec.UnsetType = msgspec.UNSET
    voided: bool = False


class Tender(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` is net of change and signed; negative is paid out."""

    tender_number: Place
    kind: Literal[
        "cash", "card", "gift_card", "store_credit", "voucher", "cheque", "bank_transfer", "on_account", "mobile_wallet",
        "mobile_money", "loyalty_points", "foreign_cash", "other",
    ]  # fmt: skip
    amount: Amount
    label: str = ""
    change_amount: Amount = ""
    tip_amount: Amount = ""
    reference: str = ""
    card_brand: str = ""
    card_last4: Annotated[str, Meta(pattern=r"^[0-9]{4}\Z")] = ""
    gift_card_id_masked: str = ""
    foreign_currency: Currency = ""
    foreign_amount: Amount = ""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever buys, as far as the till knows."""

    id: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    tax_id: str = ""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the till says it came to: ``gross`` = net + tax + tip + rounding = ``tendered``."""

    net: Amount
    tax: Amount
    gross: Amount
    tendered: Amount
    discount: Amount = ""
    tip: Amount = "0"
    rounding: Amount = "0"


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """The data of ``transaction.completed``."""

    transaction_id: LongName
    business_date: Day
    workstation_id: Name
    sequence_number: Name
    kind: Literal["sale", "return", "exchange", "no_sale", "pay_in", "pay_out", "account_payment"]
    began_at: Instant
    ended_at: Instant
    currency: Currency
    prices_include_tax: bool
    lines: Annotated[tuple[Line, ...], Meta(max_length=1000)]
    tenders: tuple[Tender, ...]
    totals: Totals
    receipt_number: str = ""
    training: bool = False
    operator_id: str = ""
    customer: Customer | msgspec.UnsetType = msgspec.UNSET
    link: Link | msgspec.UnsetType = msgspec.UNSET
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[Tax, ...] = ()
    external_reference: str = ""


class Void(msgspec.Struct, frozen=True, kw_only=True):
    """The data of ``transaction.voided``: the natural key of what is undone."""

    transaction_id: LongName
    business_date: Day
    workstation_id: Name
    sequence_number: Name
    voided_at: Instant
    operator_id: str = ""
    reason: str = ""


class ClosedTender(msgspec.Struct, frozen=True, kw_only=True):
    """What a drawer or terminal should hold of one kind of tender, and what it held."""

    kind: str
    expected: Amount
    label: str = ""
    counted: Amount = ""
    over_short: Amount = ""


class DayClose(msgspec.Struct, frozen=True, kw_only=True):
    """The data of ``day.closed``."""

    business_date: Day
    workstation_id: Name
    sequence_number: Name
    closed_at: Instant
    currency: Currency
    transaction_count: Annotated[int, Meta(ge=0)]
    first_sequence: str
    last_sequence: str
    net_sales: Amount
    tax: Amount
    tenders: tuple[ClosedTender, ...]
    missing_sequences: tuple[str, ...] = ()
    returns: Amount = ""
    rounding: Amount = ""
    opening_float: Amount = ""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends, as the envelope says."""

    system: Name
    store_id: Name
    store_name: str = ""
    workstation_id: Name = ""
    software_version: str = ""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope as it is sent."""

    contract: Literal["pos-transaction/1"]
    type: Literal["transaction.completed", "transaction.voided", "day.closed", "ping"]
    occurred_at: Instant
    source: Source
    data: dict[str, Any]


class KeptSource(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of ``source``: the store, which is part of every key."""

    store_id: Name


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope as it is kept: without what changes when the same event is told again (``webhook.canonical``)."""

    contract: Literal["pos-transaction/1"]
    type: Literal["transaction.completed", "transaction.voided", "day.closed", "ping"]
    source: KeptSource
    data: dict[str, Any]


DATA: dict[str, type[msgspec.Struct]] = {COMPLETED: Transaction, VOIDED: Void, CLOSED: DayClose}


def natural(store: str, workstation: str, day: str, sequence: str) -> str:
    """The natural key as one text: store, workstation, business date, sequence number."""
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in (store, workstation, day, sequence))


def natural_of(link: Link) -> str:
    """The natural key that a link names."""
    return natural(link.store_id, link.workstation_id, link.business_date, link.sequence_number)
