"""An invoice to a business customer: revenue and tax against the receivable."""

from __future__ import annotations

from leja.core.errors import NeedsReview
from leja.core.money import format_minor
from leja.documents.invoice import Invoice
from leja.posting.case import Case
from leja.posting.cost import cost_of, put_cost
from leja.posting.figures import figures, put_earned


def post_invoice(case: Case, invoice: Invoice) -> None:
    """The entry of an invoice, and its cost."""
    found = figures(case, invoice.lines, case.minor(invoice.total), invoice.prices_include_tax)
    if found.total < 0:
        raise NeedsReview(
            "total-negative",
            f"Invoice {case.name} has a negative total of {format_minor(found.total, case.currency)} {case.currency}.",
            remedy="Compare it with the source: a credit to the customer is a refund.",
            document=case.header.external_id,
        )
    draft = case.draft("invoice")
    draft.put("receivable", found.total, base=case.in_base(found.total))
    put_earned(draft, found)
    draft.finish()
    put_cost(case, "cost", [
        (item.line, cost_of(case, item.line, item.line.quantity, case.day)) for item in found.items])
