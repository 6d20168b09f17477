"""Which Odoo documents express a bundle, so that its ledger moves exactly as the bundle's lines say.

What is owed becomes an invoice or a credit note, with a payment for each tender; what was paid at once, and all else, is a
journal entry, which is exact on any accounts. Every step carries the balanced lines that it moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.bundle_lines import TRADE, is_cash, net, per_account, without_cost
from leja.connectors.contract import Bundle, BundleLine, Chart, Step
from leja.connectors.odoo.edition import Edition, read
from leja.connectors.odoo.names import customer_reference
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money

# Prices of 18 and older are rounded to two decimals, whatever the currency has.
_PRICE_DECIMALS: Final = 2


def steps(bundle: Bundle, chart: Chart) -> tuple[Step, ...]:
    """The documents of a bundle, in order: the customer where needed, then what moves the ledger."""
    edition = read(chart.edition)
    lines = _expressible(bundle, chart, edition)
    # What is paid at once is one entry with its cost.
    owed = any(line.account_kind == "receivable" for line in lines)
    trade, cost = without_cost(lines) if owed else (lines, ())
    planned: tuple[Step, ...] = ()
    if bundle.kind in TRADE and exponent(bundle.currency) <= _PRICE_DECIMALS:
        planned = _trade(bundle, trade, edition)
    elif bundle.kind == "payment":
        planned = _payment(bundle, trade, edition)
    planned = planned or _entry(bundle, trade, "document", "")
    if cost:
        planned = (*planned, *_entry(bundle, cost, "cost", "-C"))
    return (*_customer(bundle, planned), *planned)


def _expressible(bundle: Bundle, chart: Chart, edition: Edition) -> tuple[BundleLine, ...]:
    """The lines that move something. Raises NeedsReview where Odoo does not keep the currency."""
    foreign = bundle.currency != chart.home_currency
    if foreign and (not chart.multicurrency or bundle.currency not in edition.currencies):
        raise NeedsReview(
            "odoo-home-currency-only",
            f"{bundle.reference} is in {bundle.currency}, which is not active in this company of {chart.home_currency}",
            remedy="Deliver it in the home currency, or activate the currency in Odoo.",
            in_base=True,
        )
    return tuple(line for line in bundle.lines if line.amount)


def _trade(bundle: Bundle, lines: Sequence[BundleLine], edition: Edition) -> tuple[Step, ...]:
    """An invoice or a credit note, or nothing where only a journal entry is exact."""
    receivable = per_account(line for line in lines if line.account_kind == "receivable")
    others = tuple(line for line in lines if line.account_kind != "receivable" and not is_cash(line))
    # An invoice's own lines must not stand on receivables or payables.
    if len(receivable) != 1 or not others or any(line.account_kind == "payable" for line in others):
        return ()
    cash = per_account(line for line in lines if is_cash(line))
    owed = next(iter(receivable.values()))
    if owed.amount.minor < 0:
        return () if cash else (_step(bundle, "document", "CreditNote", "", (owed, *others)),)
    if any(line.amount.minor < 0 for line in cash.values()):
        return ()
    whole = replace(owed, amount=owed.amount + Money(net(cash.values()), bundle.currency))
    invoice = _step(bundle, "document", "Invoice", "", (whole, *others))
    payments = [
        _paid(bundle, f"payment-{number}", f"-P{number}", line, replace(owed, amount=-line.amount), "document", edition)
        for number, line in enumerate(cash.values(), start=1)
    ]
    return (invoice, *payments)


def _payment(bundle: Bundle, lines: Sequence[BundleLine], edition: Edition) -> tuple[Step, ...]:
    """One tender against one invoice (or back on one credit note); all other shapes are journal entries."""
    if len(bundle.applies_to) != 1 or len(lines) != 2:
        return ()
    tender, owed = sorted(lines, key=lambda line: not is_cash(line))
    if not is_cash(tender) or owed.account_kind != "receivable":
        return ()
    return (_paid(bundle, "document", "", tender, owed, bundle.applies_to[0], edition),)


def _paid(
    bundle: Bundle, name: str, suffix: str, tender: BundleLine, owed: BundleLine, settles: str, edition: Edition
) -> Step:  # fmt: skip
    """A payment where a journal's payments land on the tender's account, else an entry; both settle the document."""
    journal = edition.payment_journals.get(tender.account)
    kind, detail = ("Payment", {"journal": journal}) if journal else ("Entry", {})
    return _step(bundle, name, kind, suffix, (tender, owed), settles=settles, **detail)


def _entry(bundle: Bundle, lines: Sequence[BundleLine], name: str, suffix: str) -> tuple[Step, ...]:
    return (_step(bundle, name, "Entry", suffix, lines),) if lines else ()


def _step(bundle: Bundle, name: str, kind: str, suffix: str, lines: Sequence[BundleLine], **detail: str) -> Step:
    after = ("customer",) if any(line.account_kind == "receivable" for line in lines) else ()
    if detail.get("settles") == "document":
        after = (*after, "document")
    return Step(
        name=name, kind=kind, reference=f"{bundle.reference}{suffix}", bundle=bundle, lines=tuple(lines), after=after,
        detail=detail,
    )  # fmt: skip


def document_lines(step: Step) -> tuple[BundleLine, ...]:
    """The lines of an invoice or credit note: all but what is owed, which Odoo adds itself."""
    return tuple(line for line in step.lines if line.account_kind != "receivable")


def _customer(bundle: Bundle, planned: Sequence[Step]) -> tuple[Step, ...]:
    """The customer that the documents name, who owes on the account that they move."""
    owing = [line.account for step in planned if "customer" in step.after for line in step.lines
             if line.account_kind == "receivable"]  # fmt: skip
    if not owing:
        return ()
    reference = customer_reference(bundle, owing[0])
    return (Step(name="customer", kind="Customer", reference=reference, bundle=bundle, detail={"receivable": owing[0]}),)
