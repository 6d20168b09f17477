"""Which documents of Business Central express a bundle, so that its ledger moves exactly as the bundle's lines say.

A sales invoice or credit memo where its own tax comes to what was charged; customer payments that settle it; general
journals for everything else, down to the cent. Only local currency: API v2.0 shows no exchange rate of a sales document,
and neither its journals nor its ledger entries know another currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.bundle_lines import net, per_account
from leja.connectors.business_central.lines import make_step
from leja.connectors.business_central.tax import as_charged
from leja.connectors.contract import Bundle, BundleLine, Chart, Step
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money

TRADE: Final = frozenset({"sale", "daily", "invoice", "refund", "credit_note", "delta"})
_TENDERS: Final = frozenset({"bank", "current_asset"})
_PAYMENTS: Final = 9


def steps(bundle: Bundle, chart: Chart) -> tuple[Step, ...]:
    """The documents of a bundle, in order: the customer where one is needed, then what moves the ledger."""
    lines = expressible(bundle, chart)
    planned: tuple[Step, ...] = ()
    if bundle.kind in TRADE:
        planned = _trade(bundle, chart, lines)
    elif bundle.kind == "payment":
        planned = _payment(bundle, lines)
    if not planned and per_account(lines):
        planned = (make_step(bundle, "document", "Journal", "", lines),)
    if any("customer" in step.after for step in planned):
        customer = Step(name="customer", kind="Customer", reference=customer_mark(bundle), bundle=bundle)
        planned = (customer, *planned)
    return planned


def expressible(bundle: Bundle, chart: Chart) -> tuple[BundleLine, ...]:
    """The lines that move something. Raises NeedsReview for another currency, a third decimal, payables, two receivables."""
    lines = tuple(line for line in bundle.lines if line.amount)
    if bundle.currency != chart.home_currency:
        raise NeedsReview(
            "business-central-home-currency-only",
            f"{bundle.reference} is in {bundle.currency}, and Leja keeps Business Central in {chart.home_currency} only",
            remedy="Deliver it in the home currency.",
            in_base=True,
        )
    unit = 10 ** max(0, exponent(bundle.currency) - 2)
    if any(line.amount.minor % unit or (line.tax is not None and line.tax.minor % unit) for line in lines):
        raise NeedsReview(
            "business-central-decimals",
            f"{bundle.reference} has amounts with a third decimal, which Business Central rounds unless it was set up otherwise",
            remedy="Round at the source.",
            in_base=False,
        )
    if any(line.account_kind == "payable" for line in lines):
        raise NeedsReview(
            "business-central-payables",
            f"{bundle.reference} touches accounts payable, which only Business Central's own documents may post to",
            remedy="Map the role to another account, or enter the bill in Business Central.",
        )
    if len({line.account for line in lines if line.account_kind == "receivable"}) > 1:
        raise NeedsReview(
            "business-central-receivables",
            f"{bundle.reference} touches two receivables accounts; a customer's entries stand on one",
            remedy="Map the receivable role to the account of the customers' posting group.",
        )
    return lines


def customer_mark(bundle: Bundle) -> str:
    """The mark of the customer's record: the source's id, or the one customer of all anonymous sales."""
    party = bundle.customer
    return f"LEJA-{party.external_id}"[:50] if party is not None and party.external_id else "LEJA-DAILY"


def _control(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> BundleLine | None:
    """A line on receivables, as the pattern of what Business Central posts there by itself."""
    mapped = next((line.account for line in lines if line.account_kind == "receivable"), "")
    known = mapped or next((account.id for account in chart.accounts if account.kind == "receivable"), "")
    if not known:
        return None
    return BundleLine(account=known, account_kind="receivable", role="receivable", amount=Money(0, bundle.currency))


def _trade(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """An invoice or a credit memo, what settles it, and the cost; nothing where only a journal says it to the cent."""
    control = _control(bundle, chart, lines)
    owed = [line for line in lines if line.account_kind == "receivable"]
    taxes = [line for line in lines if line.role.startswith("output_tax")]
    cost = [line for line in lines if line.account_kind == "cost_of_sales" or line.role.startswith("inventory")]
    money = [line for line in lines if line.account_kind in _TENDERS and line not in cost and line not in taxes]
    sold = [line for line in lines if line not in owed and line not in taxes and line not in cost and line not in money]
    whole = -net(sold) - net(taxes)
    if control is None or not whole or not any(line.account_kind == "income" for line in sold):
        return ()
    sign = 1 if whole > 0 else -1
    if not as_charged(sold, taxes, chart, -sign):
        return ()
    kind = "SalesInvoice" if sign > 0 else "SalesCreditMemo"
    stands = replace(control, amount=Money(whole, bundle.currency))
    document = make_step(bundle, "document", kind, "", (stands, *sold, *taxes))
    return (document, *_settled(bundle, control, money, cost, net(owed) - whole))


def _settled(
    bundle: Bundle, control: BundleLine, money: Sequence[BundleLine], cost: Sequence[BundleLine], left: int
) -> tuple[Step, ...]:
    """What was paid at once, ``left`` of the receivables being what it takes off them, and the cost of what left."""
    tenders = list(per_account(money).values())
    plain = net(cost) == 0
    found: tuple[Step, ...] = ()
    if plain and left < 0 and 0 < len(tenders) <= _PAYMENTS and all(line.amount.minor > 0 for line in tenders):
        found = _payments(bundle, control, tenders, "document")
    else:
        rest = [*money, *(() if plain else cost)]
        if left:
            rest.append(replace(control, amount=Money(left, bundle.currency)))
        if per_account(rest):
            found = (make_step(bundle, "settlement", "Journal", "-S", rest),)
    return (*found, make_step(bundle, "cost", "Journal", "-C", cost)) if plain and cost else found


def _payments(bundle: Bundle, control: BundleLine, tenders: Sequence[BundleLine], settles: str) -> tuple[Step, ...]:
    return tuple(
        make_step(
            bundle, f"payment-{number}", "CustomerPayment", f"-P{number}", (tender, replace(control, amount=-tender.amount)),
            settles,
        )
        for number, tender in enumerate(tenders, start=1)
    )


def _payment(bundle: Bundle, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """Customer payments of one earlier invoice; nothing where anything but money settles it."""
    owed = [line for line in lines if line.account_kind == "receivable"]
    others = [line for line in lines if line.account_kind != "receivable"]
    tenders = list(per_account(others).values())
    if len(bundle.applies_to) != 1 or not owed or net(owed) >= 0 or not 0 < len(tenders) <= _PAYMENTS:
        return ()
    if any(line.amount.minor <= 0 or line.account_kind not in _TENDERS for line in tenders):
        return ()
    return _payments(bundle, replace(owed[0], amount=Money(0, bundle.currency)), tenders, bundle.applies_to[0])
