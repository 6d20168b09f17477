"""Which documents express a bundle, so that the company's ledger moves exactly as the bundle's lines say.

Every step carries the balanced lines that it moves; over all steps they sum, per account, to the bundle's lines. SAP
Business One posts receivables only through a customer, so money taken at once is an invoice (or a credit note) and its
payments: both sides of the receivables cancel out, and tax stands in the vendor's own tax report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.bundle_lines import TRADE, is_cash, merged, net, per_account, without_cost
from leja.connectors.contract import Bundle, BundleLine, Chart, RemoteAccount, Step
from leja.connectors.sap_b1.edition import read
from leja.connectors.sap_b1.names import customer_code, supplier_code
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money

DOCUMENTS: Final = frozenset({"Invoices", "CreditNotes"})
_LARGEST: Final = 250
_PLACES: Final = 2


def steps(bundle: Bundle, chart: Chart) -> tuple[Step, ...]:
    """The documents of a bundle, in order: partner and order where needed, then what moves the ledger."""
    lines = expressible(bundle, chart)
    trade, cost = without_cost(lines)
    planned: tuple[Step, ...] = ()
    if bundle.kind in TRADE:
        planned = _trade(bundle, chart, trade)
    elif bundle.kind == "payment":
        planned = _payment(bundle, trade)
    planned = planned or _journal(bundle, trade, "document", "")
    if cost:
        planned = (*planned, *_journal(bundle, cost, "cost", "-C"))
    return (*_prepared(bundle, chart, planned), *planned)


def expressible(bundle: Bundle, chart: Chart) -> tuple[BundleLine, ...]:
    """The lines that move something. Raises NeedsReview where the company cannot hold the currency or its decimals."""
    abroad = bundle.currency != chart.home_currency
    if abroad and not chart.multicurrency:
        raise NeedsReview(
            "sap-b1-home-currency-only",
            f"{bundle.reference} is in {bundle.currency}, and this company keeps {chart.home_currency} only",
            remedy="Deliver it in the home currency, or add the currency in SAP Business One.",
            in_base=True,
        )
    lines = tuple(line for line in bundle.lines if line.amount)
    unit = 10 ** max(0, exponent(bundle.currency) - _PLACES)
    if any(line.amount.minor % unit for line in lines):
        raise NeedsReview(
            "sap-b1-decimals",
            f"{bundle.reference} has amounts in {bundle.currency} with more than two decimals",
            remedy="Deliver it in the home currency, or round at the source.",
            in_base=abroad,
        )
    return tuple(line for line in merged(lines) if line.amount) if len(lines) > _LARGEST else lines


# --- trade ------------------------------------------------------------------------------------------------------------


def _trade(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """A document over what was sold or given back, and a payment per tender; nothing where only a journal is exact."""
    receivable = per_account(line for line in lines if line.account_kind == "receivable")
    cash = per_account(line for line in lines if is_cash(line))
    others = tuple(line for line in lines if line.account_kind != "receivable" and not is_cash(line))
    if not others or len(receivable) > 1 or any(_is_control(line, chart) for line in others):
        return ()
    owed = next(iter(receivable.values()), None) or _nothing_owed(bundle, chart)
    whole = owed.amount.minor + net(cash.values()) if owed is not None else 0
    if owed is None or not whole or not _untaxed(chart):
        return ()
    sign = 1 if whole > 0 else -1
    if any(sign * line.amount.minor < 0 for line in (*cash.values(), owed)):
        return ()
    kind, paying = ("Invoices", "IncomingPayments") if sign > 0 else ("CreditNotes", "VendorPayments")
    control = replace(owed, amount=Money(whole, bundle.currency))
    document = _step(bundle, "document", kind, "", (control, *others))
    payments = tuple(
        _step(bundle, f"payment-{number}", paying, f"-P{number}", (line, replace(owed, amount=-line.amount)),
              settles="document")
        for number, line in enumerate(cash.values(), start=1)
    )  # fmt: skip
    return (document, *payments)


def _is_control(line: BundleLine, chart: Chart) -> bool:
    return line.account_kind == "payable" or any(a.id == line.account and a.system == "control" for a in chart.accounts)


def _nothing_owed(bundle: Bundle, chart: Chart) -> BundleLine | None:
    """The receivables that money taken at once passes through."""
    account = receivables(chart)
    if account is None:
        return None
    return BundleLine(
        account=account.id, account_kind="receivable", role="receivable", amount=Money(0, bundle.currency)
    )


def receivables(chart: Chart) -> RemoteAccount | None:
    """The customers' control account; None where the chart does not tell which it is."""
    found = [account for account in chart.accounts if account.kind == "receivable" and account.active]
    return found[0] if len(found) == 1 else None


def _untaxed(chart: Chart) -> bool:
    """Every row of a document needs a tax code, also where no tax is on it."""
    return any(code.active and code.rate == 0 for code in chart.tax_codes)


# --- payments and journals --------------------------------------------------------------------------------------------


def _payment(bundle: Bundle, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """A payment that settles one document with one tender and nothing else; all other shapes are journal entries."""
    if len(bundle.applies_to) != 1 or len(lines) != 2:
        return ()
    tender, owed = sorted(lines, key=lambda line: line.account_kind == "receivable")
    if not is_cash(tender) or owed.account_kind != "receivable":
        return ()
    kind = "IncomingPayments" if tender.amount.minor > 0 else "VendorPayments"
    return (_step(bundle, "document", kind, "", (tender, owed), settles=bundle.applies_to[0]),)


def _journal(bundle: Bundle, lines: Sequence[BundleLine], name: str, suffix: str) -> tuple[Step, ...]:
    return (_step(bundle, name, "JournalEntries", suffix, lines),) if lines else ()


def _step(bundle: Bundle, name: str, kind: str, suffix: str, lines: Sequence[BundleLine], *, settles: str = "") -> Step:
    after = ["customer"] if any(line.account_kind == "receivable" for line in lines) else []
    if any(line.account_kind == "payable" for line in lines):
        after.append("supplier")
    if settles == "document":
        after.append("document")
    return Step(
        name=name, kind=kind, reference=f"{bundle.reference}{suffix}", bundle=bundle, lines=tuple(lines),
        after=tuple(after), detail={"settles": settles} if settles else {},
    )  # fmt: skip


def item_lines(step: Step) -> tuple[BundleLine, ...]:
    """The lines of a document that stand in its rows: all but what is owed."""
    return tuple(line for line in step.lines if line.account_kind != "receivable")


def _prepared(bundle: Bundle, chart: Chart, planned: Sequence[Step]) -> tuple[Step, ...]:
    """Partners that the documents name, and the order that an invoice is drawn from."""
    wanted = {name for step in planned for name in step.after}
    before = [
        Step(name=name, kind="BusinessPartners", reference=code, bundle=bundle)
        for name, code in (("customer", customer_code(bundle)), ("supplier", supplier_code()))
        if name in wanted
    ]
    drawn = bundle.kind == "invoice" and any(step.kind == "Invoices" for step in planned)
    if drawn and read(chart.edition).orders:
        before.append(
            Step(name="order", kind="Orders", reference=f"{bundle.reference}-O", bundle=bundle, after=("customer",))
        )
    return tuple(before)
