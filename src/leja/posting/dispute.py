"""A dispute that is closed. The money itself moves with payouts: taken to disputes receivable, given back when won."""

from __future__ import annotations

from leja.core.errors import NeedsReview
from leja.documents.dispute import Dispute
from leja.documents.sale import Sale
from leja.posting.case import Case
from leja.posting.figures import TaxKey, put_taxes
from leja.posting.known import Known
from leja.posting.sale import sale_figures
from leja.tax.inclusive import round_ratio


def dispute_case(known: Known, dispute: Dispute) -> tuple[Case, Sale | None]:
    """The case of a dispute at the rate of its sale, wherever that was recorded."""
    sale = known.sales.get(dispute.sale) if dispute.sale else known.originals.get(dispute.header.external_id)
    if sale is None or sale.header.currency != dispute.header.currency:
        return Case(known, dispute.header), None
    return Case(known, dispute.header, sale.rate, rate_day=sale.header.business_day), sale


def post_dispute(case: Case, dispute: Dispute, sale: Sale | None) -> None:
    """Nothing until it is lost. Over goods it is a refund by another way; to fraud it is a loss.

    Raises NeedsReview ``dispute-reason-unknown``.
    """
    if dispute.state != "lost":
        case.flag(f"dispute-{dispute.state}")
        return
    amount = case.minor(dispute.amount)
    draft = case.draft("lost", dispute.closed_on)
    if dispute.reason == "fraud":
        draft.put("chargeback_losses", amount)
    elif dispute.reason == "goods":
        taxes = _taxes(case, amount, sale)
        draft.put("sales_returns", amount - sum(taxes.values()))
        put_taxes(draft, taxes, sign=1)
    else:
        raise NeedsReview(
            "dispute-reason-unknown",
            f"Dispute {case.name} was lost, but the processor's reason does not say whether over the goods or to fraud.",
            remedy="Look at the dispute in the processor's dashboard. Say which it was where the connection has a setting for it (see "
            "the connector's page), then `leja review retry`: over goods the price and its tax go back, to fraud the sale "
            "stands and the money is a loss.",
            document=case.header.external_id,
        )
    draft.put("disputes_receivable", -amount, base=-case.in_base(amount), memo=dispute.reference)
    draft.finish()


def _taxes(case: Case, amount: int, sale: Sale | None) -> dict[TaxKey, int]:
    """The tax inside the amount, in the proportions of the sale."""
    if sale is None:
        case.flag("unlinked_return")
        return {}
    found, _ = sale_figures(case, sale)
    if found.total <= 0:
        return {}
    share = min(amount, found.total)
    return {key: round_ratio(tax * share, found.total) for key, tax in found.taxes.items() if tax}
