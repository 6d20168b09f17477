"""A fee: what a processor, marketplace or bank takes for itself, outside a payout."""

from __future__ import annotations

from typing import Final

from leja.core.errors import NeedsReview
from leja.documents.fee import Fee
from leja.posting.case import Case
from leja.posting.tenders import tender_role
from leja.tax.inclusive import tax_on

FEE_ROLES: Final[dict[str, str]] = {
    "processing": "processor_fees", "platform": "platform_fees", "marketplace": "marketplace_commission",
    "bank": "bank_charges", "dispute": "dispute_fees", "mobile_money": "processor_fees:mobile_money",
    "courier": "processor_fees:courier", "carriage": "shipping_cost",
}


def post_fee(case: Case, fee: Fee) -> None:
    """The fee against whoever took it; a negative one was given back. Its tax as its treatment says."""
    role = FEE_ROLES.get(fee.fee_type)
    if role is None:
        raise NeedsReview(
            "fee-type-unknown", f"Fee {case.name} is of an unknown type {fee.fee_type!r}.",
            remedy="Say which kind of fee it is; its account and its tax depend on it.",
            document=case.header.external_id,
        )
    amount = case.minor(fee.amount)
    tax = case.minor(fee.tax) if fee.tax is not None else 0
    charged = tax if fee.tax_treatment == "charged" else 0
    taken = amount + charged
    from_role = "bank" if fee.taken_from == "bank" else tender_role("processor", fee.taken_from)
    draft = case.draft("fee", text=fee.title)
    draft.put(role, amount)
    draft.put("input_tax", charged, tax=True)
    draft.put(from_role, -taken, base=-case.in_base(taken), memo=case.header.external_id)
    draft.finish()
    if fee.tax_treatment == "reverse_charge":
        _self_assess(case, fee, amount, tax)


def _self_assess(case: Case, fee: Fee, amount: int, tax: int) -> None:
    if not tax:
        if fee.tax_rate is None:
            raise NeedsReview(
                "fee-tax-unknown", f"Fee {case.name} is under reverse charge, but no rate of tax is stated.",
                document=case.header.external_id,
            )
        tax = tax_on(amount, [fee.tax_rate], inclusive=False)
    base = case.in_base(tax)
    draft = case.draft("reverse_charge", text=fee.title)
    draft.put("input_tax:reverse_charge", tax, base=base, tax=True)
    draft.put("output_tax:reverse_charge", -tax, base=-base, tax=True)
    draft.finish()
