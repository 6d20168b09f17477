"""Which Xero documents express a bundle, so that its ledger moves exactly as the bundle's lines say.

Every step carries the balanced lines that it moves; over all steps they sum, per account, to the bundle's lines. Xero
posts receivables only through invoices, credit notes and their payments, and bank accounts only through payments, bank
transactions and transfers; a manual journal may touch neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.bundle_lines import TRADE, merged, net, per_account, without_cost
from leja.connectors.contract import Bundle, BundleLine, Chart, Step
from leja.connectors.xero.bank import bank_steps
from leja.connectors.xero.lines import make_step
from leja.connectors.xero.trade import money_back, trade_steps
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money

_LARGEST: Final = 250


def steps(bundle: Bundle, chart: Chart) -> tuple[Step, ...]:
    """The documents of a bundle, in order: the contact where one is needed, then what moves the ledger."""
    lines = expressible(bundle, chart)
    # A manual journal keeps the home currency only, so a foreign document holds its cost lines itself.
    trade, cost = without_cost(lines) if bundle.currency == chart.home_currency else (lines, ())
    planned = _documents(bundle, chart, trade)
    if cost:
        planned = (*planned, *journal_steps(bundle, chart, cost, "cost", "-C"))
    if any("contact" in step.after for step in planned):
        planned = (Step(name="contact", kind="Contact", reference=contact_number(bundle), bundle=bundle), *planned)
    return planned


def _documents(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    owed = any(line.account_kind == "receivable" for line in lines)
    planned: tuple[Step, ...] = ()
    if bundle.kind == "payment":
        planned = _payment(bundle, chart, lines)
    if not planned and (bundle.kind in TRADE or owed or any(line.tax_code for line in lines)):
        planned = trade_steps(bundle, chart, lines)
    if not planned and not owed and any(line.account_kind == "bank" for line in lines):
        planned = bank_steps(bundle, lines)
    if not planned and owed:
        planned = _owed_against_money(bundle, chart, lines)
    return planned or journal_steps(bundle, chart, lines, "document", "")


def expressible(bundle: Bundle, chart: Chart) -> tuple[BundleLine, ...]:
    """The lines that move something. Raises NeedsReview where Xero cannot hold currency, decimals or payables."""
    lines = tuple(line for line in bundle.lines if line.amount)
    if len(lines) > _LARGEST:
        lines = tuple(line for line in merged(lines) if line.amount or line.tax)
    if bundle.currency != chart.home_currency and not chart.multicurrency:
        raise NeedsReview(
            "xero-home-currency-only",
            f"{bundle.reference} is in {bundle.currency}, and this organisation keeps {chart.home_currency} only",
            remedy="Deliver it in the home currency, or add the currency in Xero.",
            in_base=True,
        )
    unit = 10 ** max(0, exponent(bundle.currency) - 2)
    if any(line.amount.minor % unit or (line.tax is not None and line.tax.minor % unit) for line in lines):
        raise NeedsReview(
            "xero-decimals",
            f"{bundle.reference} has amounts in {bundle.currency} with more than the two decimals that Xero keeps",
            remedy="Deliver it in the home currency, or round at the source.",
            in_base=bundle.currency != chart.home_currency,
        )
    if any(line.account_kind == "payable" for line in lines):
        raise NeedsReview(
            "xero-payables", f"{bundle.reference} touches accounts payable, which Leja does not deliver to Xero",
            remedy="Map the role to another account, or enter the bill in Xero.",
        )
    return lines


def contact_number(bundle: Bundle) -> str:
    """The number of the contact: the source's id, or the one contact of all anonymous sales."""
    party = bundle.customer
    return f"LEJA-{party.external_id}"[:50] if party is not None and party.external_id else "LEJA-DAILY"


def journal_steps(
    bundle: Bundle, chart: Chart, lines: Sequence[BundleLine], name: str, suffix: str
) -> tuple[Step, ...]:
    """A manual journal, which Xero keeps in the home currency only and away from bank and receivables."""
    if not lines:
        return ()
    if any(line.account_kind in ("bank", "receivable") for line in lines) or bundle.currency != chart.home_currency:
        raise NeedsReview(
            "xero-journal-impossible",
            f"{bundle.reference} would be a journal on bank, receivables or in {bundle.currency}, which Xero refuses",
            remedy="Deliver it in the home currency, or map the role to an account that journals may touch.",
            in_base=bundle.currency != chart.home_currency,
        )
    return (make_step(bundle, name, "ManualJournal", suffix, lines),)


def _payment(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """Payments of one invoice (or refunds of one credit note), and a credit note for what was settled without money."""
    owed = per_account(line for line in lines if line.account_kind == "receivable")
    if len(bundle.applies_to) != 1 or len(owed) != 1:
        return ()
    control = next(iter(owed.values()))
    sign = -1 if control.amount.minor > 0 else 1
    able = {account.id for account in chart.accounts if account.takes_payments}
    others = [line for line in lines if line.account_kind != "receivable"]
    tenders = per_account(line for line in others if line.account in able)
    rest = [line for line in others if line.account not in able]
    paid = net(tenders.values())
    if not tenders or any(sign * line.amount.minor <= 0 for line in tenders.values()):
        return ()
    if abs(paid) > abs(control.amount.minor) or (sign < 0 and rest):
        return ()
    settles = bundle.applies_to[0]
    kind = "Payment" if sign > 0 else "RefundPayment"
    payments = tuple(
        make_step(
            bundle, f"payment-{number}", kind, f"-P{number}", (line, replace(control, amount=-line.amount)),
            settles=settles,
        )
        for number, line in enumerate(tenders.values(), start=1)
    )
    if not rest:
        return payments
    left = replace(control, amount=Money(-net(rest), bundle.currency))
    return (*payments, make_step(bundle, "credit", "CreditNote", "-N", (left, *rest), contact=True))


def _owed_against_money(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """Money of bank accounts against receivables and nothing else: overpayments that wait for their invoice, or money
    that went back."""
    owed = per_account(line for line in lines if line.account_kind == "receivable")
    banks = per_account(line for line in lines if line.account_kind == "bank")
    if len(owed) != 1 or any(line.account_kind not in ("receivable", "bank") for line in lines):
        return ()
    control = next(iter(owed.values()))
    came = [line for line in banks.values() if line.amount.minor > 0]
    went = [line for line in banks.values() if line.amount.minor < 0]
    back = money_back(bundle, chart, lines, went) if went else ()
    if went and not back:
        return ()
    overpaid = tuple(
        make_step(
            bundle, f"overpayment-{number}", "Overpayment", f"-O{number}",
            (line, replace(control, amount=-line.amount)), contact=True,
        )
        for number, line in enumerate(came, start=1)
    )
    return (*overpaid, *back)
