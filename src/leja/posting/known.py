"""What posting must know, what it answers, and what it waits for. All of one connection of one organisation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

import msgspec

from leja.books.entry import Entry
from leja.books.periods import Periods
from leja.core.errors import NeedsReview
from leja.documents.document import Document
from leja.documents.fulfilment import Fulfilment
from leja.documents.invoice import Invoice
from leja.documents.payment import Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.rates.exchange import Rates
from leja.rules.mapping import AccountMapping
from leja.rules.recognition import Recognition

Key = tuple[str, str]
CostSeries = tuple[tuple[date, Decimal], ...]


class Rulebook(msgspec.Struct, frozen=True, kw_only=True):
    """What an accountant decided, and dated data: shared by all connections of an organisation.

    ``costs`` are standing costs by SKU: (effective from, base currency per unit), oldest first. ``rounding_cap`` limits
    the rounding line of a document and ``payment_tolerance`` the difference that closes an open item, both in minor
    units.
    """

    base_currency: str
    mapping: AccountMapping
    rates: Rates = Rates()
    recognition: tuple[Recognition, ...] = ()
    periods: Periods = Periods()
    costs: Mapping[str, CostSeries] = {}
    rounding_cap: int = 25
    payment_tolerance: int = 0


class Paid(NamedTuple):
    """What a payment settled of an open document, and when."""

    day: date
    amount: int


class Elsewhere(NamedTuple):
    """What other connections recorded of a movement: minor units in its own currency, and documents by their names.

    ``other_currency``: some of it in another currency, which cannot be compared.
    """

    amount: int
    by: tuple[str, ...]
    other_currency: bool = False


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The rules, and the documents that were asked for, by external id.

    The dictionaries are an overlay that ``post`` adds to: ``post`` consumes what it is given, so use the ``Known`` that
    it returns, and ``fork`` first where you may have to go back (halving a batch).

    Of other connections only this is known: ``elsewhere``, by the external id of a payment that is seen elsewhere, what they
    recorded of it; ``originals``, by the external id of a dispute, the sale that it is about.
    """

    rules: Rulebook
    sales: dict[str, Sale] = {}
    invoices: dict[str, Invoice] = {}
    refunds: dict[str, dict[str, Refund]] = {}
    fulfilments: dict[str, dict[str, Fulfilment]] = {}
    payments: dict[str, dict[str, Paid]] = {}
    elsewhere: dict[str, Elsewhere] = {}
    originals: dict[str, Sale] = {}

    def fork(self) -> Known:
        """A copy whose overlay may be added to without changing this one."""
        return Known(
            rules=self.rules, sales=dict(self.sales), invoices=dict(self.invoices), refunds=_copied(self.refunds),
            fulfilments=_copied(self.fulfilments), payments=_copied(self.payments),
            elsewhere=dict(self.elsewhere), originals=dict(self.originals),
        )

    def learn(self, document: Document) -> None:
        """Add a document that was stored before, or was just posted; withdrawn ones are forgotten."""
        header = document.header
        gone = header.withdrawn or header.test
        if isinstance(document, Sale):
            _keep(self.sales, header.external_id, document, gone)
        elif isinstance(document, Invoice):
            _keep(self.invoices, header.external_id, document, gone)
        elif isinstance(document, Refund):
            if gone and not document.sale:
                # A source that withdraws may not repeat which sale it was of.
                for family in self.refunds.values():
                    family.pop(header.external_id, None)
            if document.sale:
                _keep(self.refunds.setdefault(document.sale, {}), header.external_id, document, gone)
        elif isinstance(document, Fulfilment):
            _keep(self.fulfilments.setdefault(document.sale, {}), header.external_id, document, gone)
        elif isinstance(document, Payment):
            self._learn_payment(document, gone)

    def _learn_payment(self, payment: Payment, gone: bool) -> None:
        sums: dict[str, int] = {}
        for part in payment.allocations:
            sums[part.document] = sums.get(part.document, 0) + part.amount.minor
        for open_document, amount in sums.items():
            paid = Paid(payment.header.business_day, amount)
            _keep(self.payments.setdefault(open_document, {}), payment.header.external_id, paid, gone)


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What must be in ``Known`` before a document is posted; what does not exist is simply absent there.

    ``sales`` and ``invoices`` are external ids on the document's connection. For each sale of ``families`` all refunds
    and fulfilments that are stored, and for each of ``open_items`` (a sale or an invoice) all payments that were
    allocated to it. ``movements`` are (processor, reference) pairs: what any connection recorded under these names.
    """

    sales: tuple[str, ...] = ()
    invoices: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    open_items: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    rate_days: tuple[tuple[str, date], ...] = ()
    movements: tuple[tuple[str, str], ...] = ()


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """The entries that a document means, and what a person may want to know about it.

    ``affects`` names documents posted earlier whose entries may now differ, because this one came late or changed: post
    them again and revise. It is empty in the ordinary order of things.
    """

    entries: tuple[Entry, ...] = ()
    flags: tuple[str, ...] = ()
    affects: tuple[Key, ...] = ()


class Waits(NeedsReview):
    """The document waits for another one; ``waits_for`` is ("document", kind, external id)."""

    def __init__(self, code: str, message: str, *, waits_for: tuple[str, str, str], **facts: Any) -> None:
        super().__init__(
            code, message, remedy="Nothing to do while it may still arrive: it goes on by itself.",
            waits_for=waits_for, **facts)
        self.waits_for = waits_for


T = TypeVar("T")


def _keep(among: dict[str, T], key: str, value: T, gone: bool) -> None:
    if gone:
        among.pop(key, None)
    else:
        among[key] = value


def _copied(nested: dict[str, dict[str, T]]) -> dict[str, dict[str, T]]:
    return {key: dict(inner) for key, inner in nested.items()}
