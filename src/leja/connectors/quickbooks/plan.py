"""Which QuickBooks documents express a bundle, so that its ledger moves exactly as the bundle's lines say.

Every step carries the balanced lines that it moves; over all steps they sum, per account, to the bundle's lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.bundle_lines import TRADE, is_cash, merged, net, per_account, without_cost
from leja.connectors.contract import Bundle, BundleLine, Chart, Step
from leja.connectors.quickbooks.names import customer_name, item_for, item_name, supplier_name
from leja.connectors.quickbooks.tax import taxed
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money

_LARGEST: Final = 250


def steps(bundle: Bundle, chart: Chart) -> tuple[Step, ...]:
    """The documents of a bundle, in order: items and customer where needed, then what moves the ledger."""
    lines = expressible(bundle, chart)
    trade, cost = without_cost(lines)
    if bundle.kind in TRADE and chart.own_numbers:
        planned = _trade(bundle, trade, abroad=bundle.currency != chart.home_currency)
    elif bundle.kind == "payment":
        planned = _payment(bundle, trade)
    else:
        planned = ()
    planned = planned or _journal(bundle, trade, "document", "")
    if cost:
        planned = (*planned, *_journal(bundle, cost, "cost", "-C"))
    return (*_prepared(bundle, chart, planned), *planned)


def expressible(bundle: Bundle, chart: Chart) -> tuple[BundleLine, ...]:
    """The lines that move something. Raises NeedsReview where QuickBooks cannot hold the currency or its decimals."""
    if bundle.currency != chart.home_currency and not chart.multicurrency:
        raise NeedsReview(
            "quickbooks-home-currency-only",
            f"{bundle.reference} is in {bundle.currency}, and this company keeps {chart.home_currency} only",
            remedy="Deliver it in the home currency, or switch on multicurrency in QuickBooks.",
            in_base=True,
        )
    lines = tuple(line for line in bundle.lines if line.amount)
    if len(lines) > _LARGEST:
        lines = tuple(line for line in merged(lines) if line.amount)
    unit = 10 ** max(0, exponent(bundle.currency) - 2)
    if any(line.amount.minor % unit for line in lines):
        raise NeedsReview(
            "quickbooks-decimals",
            f"{bundle.reference} has amounts in {bundle.currency} with more decimals than the two of QuickBooks",
            remedy="Deliver it in the home currency, or round at the source.",
            in_base=bundle.currency != chart.home_currency,
        )
    return lines


def _trade(bundle: Bundle, lines: Sequence[BundleLine], *, abroad: bool) -> tuple[Step, ...]:
    """Sales documents for a bundle, or nothing where only a journal entry is exact. ``abroad``: in a foreign currency."""
    receivable = per_account(line for line in lines if line.account_kind == "receivable")
    cash = per_account(line for line in lines if is_cash(line))
    others = tuple(line for line in lines if line.account_kind != "receivable" and not is_cash(line))
    if any(line.account_kind == "payable" for line in others) or len(receivable) > 1:
        return ()
    if not receivable:
        return _paid_at_once(bundle, cash, others, abroad=abroad)
    owed = next(iter(receivable.values()))
    if owed.amount.minor > 0:
        return _invoiced(bundle, owed, cash, others)
    if cash or not others:
        return ()
    return (_step(bundle, "document", "CreditMemo", "", (owed, *others), after_customer=True),)


def _paid_at_once(
    bundle: Bundle, cash: dict[str, BundleLine], others: Sequence[BundleLine], *, abroad: bool
) -> tuple[Step, ...]:
    """A sales receipt or a refund receipt: one account takes the money, the other tenders are lines in it.

    In a foreign currency it needs a customer in that currency, whoever bought. A second bank account cannot be a line (items do not point at bank accounts): its share goes through the first one.
    """
    moved = net(cash.values())
    if not moved or not others:
        return ()
    sign = 1 if moved > 0 else -1
    main = max(cash.values(), key=lambda line: (sign * line.amount.minor, line.account_kind == "bank"))
    banks = [line for line in cash.values() if line is not main and line.account_kind == "bank"]
    inside = [line for line in cash.values() if line is not main and line.account_kind != "bank"]
    through = Money(net(banks), bundle.currency)
    taken = replace(main, amount=main.amount + through)
    if sign * taken.amount.minor <= 0:
        return ()
    kind = "SalesReceipt" if sign > 0 else "RefundReceipt"
    document = _step(bundle, "document", kind, "", (taken, *others, *inside), after_customer=abroad, main=main.account)
    if not banks:
        return (document,)
    shares = tuple(line for line in (*banks, replace(main, amount=-through)) if line.amount)
    return (document, *_journal(bundle, shares, "tenders", "-T"))


def _invoiced(
    bundle: Bundle, owed: BundleLine, cash: dict[str, BundleLine], others: Sequence[BundleLine]
) -> tuple[Step, ...]:
    """An invoice over what is owed and what was paid with it, and a payment for each tender."""
    if not others or any(line.amount.minor < 0 for line in cash.values()):
        return ()
    paid = Money(net(cash.values()), bundle.currency)
    whole = replace(owed, amount=owed.amount + paid)
    invoice = _step(bundle, "document", "Invoice", "", (whole, *others), after_customer=True)
    payments = tuple(
        _step(
            bundle, f"payment-{number}", "Payment", f"-P{number}", (line, replace(owed, amount=-line.amount)),
            after_customer=True, settles="document",
        )
        for number, line in enumerate(cash.values(), start=1)
    )
    return (invoice, *payments)


def _payment(bundle: Bundle, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """A payment that settles one invoice with one tender and nothing else; all other shapes are journal entries."""
    if len(bundle.applies_to) != 1 or len(lines) != 2:
        return ()
    tender, owed = sorted(lines, key=lambda line: -line.amount.minor)
    if not is_cash(tender) or owed.account_kind != "receivable":
        return ()
    settles = bundle.applies_to[0]
    return (_step(bundle, "document", "Payment", "", (tender, owed), after_customer=True, settles=settles),)


def _journal(bundle: Bundle, lines: Sequence[BundleLine], name: str, suffix: str) -> tuple[Step, ...]:
    customer = any(line.account_kind == "receivable" for line in lines)
    supplier = any(line.account_kind == "payable" for line in lines)
    if not lines:
        return ()
    step = _step(bundle, name, "JournalEntry", suffix, lines, after_customer=customer)
    return (replace(step, after=(*step.after, "supplier")) if supplier else step,)


def _step(
    bundle: Bundle, name: str, kind: str, suffix: str, lines: Sequence[BundleLine], *, after_customer: bool = False,
    main: str = "", settles: str = "",
) -> Step:
    after = ("customer",) if after_customer else ()
    if settles == "document":
        after = (*after, "document")
    detail = {key: value for key, value in (("main", main), ("settles", settles)) if value}
    return Step(
        name=name, kind=kind, reference=f"{bundle.reference}{suffix}", bundle=bundle, lines=tuple(lines), after=after,
        detail=detail,
    )


def item_lines(step: Step) -> tuple[BundleLine, ...]:
    """The lines of a sales document that stand on items: all but the money or what is owed."""
    if step.kind in ("SalesReceipt", "RefundReceipt"):
        return tuple(line for line in step.lines if line.account != step.detail["main"])
    if step.kind in ("Invoice", "CreditMemo"):
        return tuple(line for line in step.lines if line.account_kind != "receivable")
    return ()


def _shown(step: Step, chart: Chart) -> tuple[BundleLine, ...]:
    lines = item_lines(step)
    by_code = taxed(lines, chart)
    return lines if by_code is None else by_code.lines


def _prepared(bundle: Bundle, chart: Chart, planned: Sequence[Step]) -> tuple[Step, ...]:
    """The records that the documents refer to and that may be missing."""
    before = []
    for account in dict.fromkeys(line.account for step in planned for line in _shown(step, chart)):
        if item_for(chart, account) is None:
            name = item_name(chart, account)
            before.append(_record(bundle, f"item-{account}", "Item", name, {"account": account}))
    wanted = {name for step in planned for name in step.after}
    if "customer" in wanted:
        before.append(_record(bundle, "customer", "Customer", customer_name(bundle, chart), {}))
    if "supplier" in wanted:
        before.append(_record(bundle, "supplier", "Vendor", supplier_name(bundle, chart), {}))
    return tuple(before)


def _record(bundle: Bundle, name: str, kind: str, reference: str, detail: dict[str, str]) -> Step:
    return Step(name=name, kind=kind, reference=reference, bundle=bundle, detail=detail)
