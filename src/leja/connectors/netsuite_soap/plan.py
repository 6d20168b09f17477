"""Which NetSuite transactions express a bundle, so that its ledger moves exactly as the bundle's lines say.

Every step carries the balanced lines that it moves; over all steps they sum, per account, to the bundle's lines. What no
sales transaction says exactly is a journal entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.bundle_lines import TRADE, is_cash, merged, net, per_account, without_cost
from leja.connectors.contract import Bundle, BundleLine, Chart, Step
from leja.connectors.netsuite_soap.edition import read
from leja.connectors.netsuite_soap.names import customer_key, item_for, item_key
from leja.connectors.netsuite_soap.tax import coded
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money

RECORDS: Final = frozenset({"customer", "otherChargeSaleItem"})
OWED: Final = frozenset({"invoice", "creditMemo"})
PAID: Final = frozenset({"cashSale", "cashRefund"})
# Kinds of accounts that an item's sales may land on.
_SOLD: Final = frozenset({"income", "expense", "cost_of_sales", "current_liability", "tax"})
_LARGEST: Final = 500
_PLACES: Final = 2


def steps(bundle: Bundle, chart: Chart) -> tuple[Step, ...]:
    """The documents of a bundle, in order: items and customer where needed, then what moves the ledger."""
    lines = expressible(bundle, chart)
    trade, cost = without_cost(lines)
    planned: tuple[Step, ...] = ()
    if bundle.kind in TRADE:
        planned = _trade(bundle, trade)
    elif bundle.kind == "payment":
        planned = _payment(bundle, trade)
    planned = planned or _journal(bundle, trade, "document", "")
    if cost:
        planned = (*planned, *_journal(bundle, cost, "cost", "-C"))
    return (*_prepared(bundle, chart, planned), *planned)


def expressible(bundle: Bundle, chart: Chart) -> tuple[BundleLine, ...]:
    """The lines that move something. Raises NeedsReview where the account cannot hold the currency or its decimals."""
    abroad = bundle.currency != chart.home_currency
    if abroad and not (chart.multicurrency and bundle.currency in read(chart.edition).currencies):
        raise NeedsReview(
            "netsuite-soap-currency", f"{bundle.reference} is in {bundle.currency}, which this account does not keep",
            remedy="Deliver it in the home currency, or add the currency in NetSuite.", in_base=True,
        )  # fmt: skip
    lines = tuple(line for line in bundle.lines if line.amount)
    unit = 10 ** max(0, exponent(bundle.currency) - _PLACES)
    if any(line.amount.minor % unit for line in lines):
        raise NeedsReview(
            "netsuite-soap-decimals", f"{bundle.reference} has amounts in {bundle.currency} with more than two decimals",
            remedy="Deliver it in the home currency, or round at the source.", in_base=abroad,
        )  # fmt: skip
    return tuple(line for line in merged(lines) if line.amount) if len(lines) > _LARGEST else lines


# --- trade ------------------------------------------------------------------------------------------------------------


def _trade(bundle: Bundle, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """Sales transactions for a bundle; nothing where only a journal entry is exact."""
    receivable = per_account(line for line in lines if line.account_kind == "receivable")
    cash = per_account(line for line in lines if is_cash(line))
    others = tuple(line for line in lines if line.account_kind != "receivable" and not is_cash(line))
    if not others or len(receivable) > 1 or any(line.account_kind not in _SOLD for line in others):
        return ()
    if not receivable:
        return _paid_at_once(bundle, cash, others)
    owed = next(iter(receivable.values()))
    if owed.amount.minor > 0:
        return _invoiced(bundle, owed, cash, others)
    return () if cash else (_step(bundle, "document", "creditMemo", "", (owed, *others)),)


def _paid_at_once(bundle: Bundle, cash: dict[str, BundleLine], others: Sequence[BundleLine]) -> tuple[Step, ...]:
    """A cash sale or cash refund: one account takes the whole, a journal entry passes their shares to other tenders."""
    moved = net(cash.values())
    if not moved:
        return ()
    sign = 1 if moved > 0 else -1
    main = max(cash.values(), key=lambda line: sign * line.amount.minor)
    rest = [line for line in cash.values() if line is not main]
    whole = replace(main, amount=Money(moved, bundle.currency))
    kind = "cashSale" if sign > 0 else "cashRefund"
    document = _step(bundle, "document", kind, "", (whole, *others), main=main.account)
    if not rest:
        return (document,)
    shares = (*rest, replace(main, amount=Money(-net(rest), bundle.currency)))
    return (document, *_journal(bundle, tuple(line for line in shares if line.amount), "tenders", "-T"))


def _invoiced(
    bundle: Bundle, owed: BundleLine, cash: dict[str, BundleLine], others: Sequence[BundleLine]
) -> tuple[Step, ...]:
    """An invoice over what is owed and what was paid with it, and a payment for each tender."""
    if any(line.amount.minor < 0 for line in cash.values()):
        return ()
    whole = replace(owed, amount=Money(owed.amount.minor + net(cash.values()), bundle.currency))
    invoice = _step(bundle, "document", "invoice", "", (whole, *others))
    payments = tuple(
        _step(bundle, f"payment-{number}", "customerPayment", f"-P{number}", (line, replace(owed, amount=-line.amount)),
              settles="document")
        for number, line in enumerate(cash.values(), start=1)
    )  # fmt: skip
    return (invoice, *payments)


# --- payments and journal entries -------------------------------------------------------------------------------------


def _payment(bundle: Bundle, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """A payment of one invoice by one tender and nothing else; all other shapes are journal entries."""
    if len(bundle.applies_to) != 1 or len(lines) != 2:
        return ()
    tender, owed = sorted(lines, key=lambda line: -line.amount.minor)
    if not is_cash(tender) or owed.account_kind != "receivable":
        return ()
    return (_step(bundle, "document", "customerPayment", "", (tender, owed), settles=bundle.applies_to[0]),)


def _journal(bundle: Bundle, lines: Sequence[BundleLine], name: str, suffix: str) -> tuple[Step, ...]:
    return (_step(bundle, name, "journalEntry", suffix, lines),) if lines else ()


def _step(
    bundle: Bundle, name: str, kind: str, suffix: str, lines: Sequence[BundleLine], *, main: str = "", settles: str = ""
) -> Step:
    whom = kind != "journalEntry" or any(line.account_kind == "receivable" for line in lines)
    after = ("customer",) if whom else ()
    detail = {key: value for key, value in (("main", main), ("settles", settles)) if value}
    return Step(
        name=name, kind=kind, reference=f"{bundle.reference}{suffix}", bundle=bundle, lines=tuple(lines),
        after=(*after, "document") if settles == "document" else after, detail=detail,
    )  # fmt: skip


def item_lines(step: Step) -> tuple[BundleLine, ...]:
    """The lines of a sales transaction that stand on items: all but the money or what is owed."""
    if step.kind in PAID:
        return tuple(line for line in step.lines if line.account != step.detail["main"])
    if step.kind in OWED:
        return tuple(line for line in step.lines if line.account_kind != "receivable")
    return ()


def _prepared(bundle: Bundle, chart: Chart, planned: Sequence[Step]) -> tuple[Step, ...]:
    """The records that the transactions refer to and that may be missing."""
    before = []
    for account in dict.fromkeys(line.account for step in planned for line in coded(item_lines(step), chart).lines):
        if item_for(chart, account) is None:
            detail = {"account": account}
            before.append(
                Step(name=f"item-{account}", kind="otherChargeSaleItem", reference=item_key(account), bundle=bundle, detail=detail)
            )
    if any("customer" in step.after for step in planned):
        before.append(Step(name="customer", kind="customer", reference=customer_key(bundle, chart), bundle=bundle))
    return tuple(before)
