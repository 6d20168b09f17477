"""Sales and refunds in Xero: an invoice and its payments, a credit note and its refunds, or both.

What came in (and what is owed to us) is the invoice; what went out (and what we owe) is the credit note. A day that has
both, such as card refunds greater than card sales beside cash, is told by both: the revenue side stands on the larger,
and one line of equal amount on each carries the rest over, on the same account, so that it nets to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.bundle_lines import net, per_account
from leja.connectors.contract import Bundle, BundleLine, Chart, Step
from leja.connectors.xero.lines import make_step
from leja.core.errors import NeedsReview
from leja.core.money import Money

CARRIED: Final = "carried over between invoice and credit note"


def trade_steps(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """The documents, or nothing where the lines touch neither money nor receivables, or nothing else."""
    able = {account.id for account in chart.accounts if account.takes_payments or account.kind == "bank"}
    owed = net(line for line in lines if line.account_kind == "receivable")
    tenders = per_account(line for line in lines if line.account in able or line.account_kind == "bank")
    others = [line for line in lines if line.account not in tenders and line.account_kind != "receivable"]
    others = [line for line in others if line.account not in able]
    if not others:
        others = [line for line in tenders.values() if line.account_kind != "bank"]
        tenders = {account: line for account, line in tenders.items() if line.account_kind == "bank"}
    came = [line for line in tenders.values() if line.amount.minor > 0]
    went = [line for line in tenders.values() if line.amount.minor < 0]
    if came or owed > 0:
        # Money that went out of an account which is no bank is a line like any other.
        others += [line for line in went if line.account_kind != "bank"]
        went = [line for line in went if line.account_kind == "bank"]
    invoiced = net(came) + max(owed, 0)
    credited = -net(went) + max(-owed, 0)
    if not others or not (invoiced or credited):
        return ()
    return _both(bundle, _control(bundle, chart, lines), others, (invoiced, came), (credited, went))


def _control(bundle: Bundle, chart: Chart, lines: Sequence[BundleLine]) -> BundleLine:
    """A line on accounts receivable, as the pattern of the sides that Xero posts by itself."""
    known = next((account.id for account in chart.accounts if account.system == "DEBTORS"), "")
    foreign = [line.account for line in lines if line.account_kind == "receivable" and line.account != known]
    if not known or foreign:
        raise NeedsReview(
            "xero-receivables",
            f"{bundle.reference} needs Xero's own accounts receivable, and {foreign or 'none'} is mapped",
            remedy="Map the receivable role to the system account Accounts Receivable.",
        )
    return BundleLine(account=known, account_kind="receivable", role="receivable", amount=Money(0, bundle.currency))


def _both(
    bundle: Bundle, control: BundleLine, others: Sequence[BundleLine],
    invoice: tuple[int, Sequence[BundleLine]], credit: tuple[int, Sequence[BundleLine]],
) -> tuple[Step, ...]:
    invoiced, credited = invoice[0], credit[0]
    if not credited:
        return _document(bundle, control, "Invoice", "document", others, invoice)
    if not invoiced:
        return _document(bundle, control, "CreditNote", "document", others, credit)
    plain = [line for line in others if not line.role.startswith("output_tax")] or others
    carrier = max(plain, key=lambda line: abs(line.amount.minor))
    return _carried_over(bundle, control, others, invoice, credit, carrier)


def _carried_over(
    bundle: Bundle, control: BundleLine, others: Sequence[BundleLine],
    invoice: tuple[int, Sequence[BundleLine]], credit: tuple[int, Sequence[BundleLine]], carrier: BundleLine,
) -> tuple[Step, ...]:
    invoiced, credited = invoice[0], credit[0]
    if invoiced >= credited:
        main = _document(bundle, control, "Invoice", "document", [*others, _carried(carrier, -credited)], invoice)
        return (*main, *_document(bundle, control, "CreditNote", "second", [_carried(carrier, credited)], credit))
    main = _document(bundle, control, "CreditNote", "document", [*others, _carried(carrier, invoiced)], credit)
    return (*main, *_document(bundle, control, "Invoice", "second", [_carried(carrier, -invoiced)], invoice))


def money_back(
    bundle: Bundle, chart: Chart, lines: Sequence[BundleLine], went: Sequence[BundleLine]
) -> tuple[Step, ...]:
    """Money that left bank accounts against receivables and nothing else: an extra payment that was taken back.

    Money spent as an overpayment would rest on payables, so it is a refund of a credit note, beside an invoice over the
    same amount; both name one account, which nets to nothing. Nothing where there is no account that both may name.
    """
    carrier = _nothing_on(bundle, chart)
    if carrier is None:
        return ()
    back = -net(went)
    return _carried_over(bundle, _control(bundle, chart, lines), [], (back, []), (back, went), carrier)


def _nothing_on(bundle: Bundle, chart: Chart) -> BundleLine | None:
    """A line of nothing on the account of rounding differences, or on the first account of income."""
    able = {account.id: account for account in chart.accounts if account.active and not account.system}
    income = sorted((a.code, a.id) for a in able.values() if a.kind == "income")
    named = bundle.rounding_account if bundle.rounding_account in able else income[0][1] if income else ""
    if not named or able[named].kind in ("bank", "receivable", "payable"):
        return None
    return BundleLine(
        account=named, account_kind=able[named].kind, role="carried", amount=Money(0, bundle.currency)
    )


def _carried(line: BundleLine, minor: int) -> BundleLine:
    amount = Money(minor, line.amount.currency)
    return replace(line, amount=amount, description=CARRIED, role="carried", tax_code="", tax=None)


_SUFFIX: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("document", "Invoice"): ("", "-P"),
    ("document", "CreditNote"): ("", "-P"),
    ("second", "Invoice"): ("-N", "-R"),
    ("second", "CreditNote"): ("-N", "-R"),
}


def _document(
    bundle: Bundle, control: BundleLine, kind: str, name: str, shown: Sequence[BundleLine],
    side: tuple[int, Sequence[BundleLine]],
) -> tuple[Step, ...]:
    whole, tenders = side
    sign = 1 if kind == "Invoice" else -1
    own, paying = _SUFFIX[name, kind]
    stands = replace(control, amount=Money(sign * whole, bundle.currency))
    document = make_step(bundle, name, kind, own, (stands, *shown), contact=True)
    payments = tuple(
        make_step(
            bundle, f"{name}-payment-{number}", "Payment" if sign > 0 else "RefundPayment", f"{paying}{number}",
            (tender, replace(control, amount=-tender.amount)), settles=name,
        )
        for number, tender in enumerate(tenders, start=1)
    )
    return (document, *payments)
