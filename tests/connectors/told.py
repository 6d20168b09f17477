"""Every kind of thing that a target is told, written as entries of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from leja.documents.parts import Party

from .our_books import DAY, Amount, OurBooks, Written

DUE = date(2026, 6, 3)
AMINA = Party(external_id="c-9", name="Amina Odhiambo", company="Soko: Ltd")


def sale(books: OurBooks, net: int = 10_000, **given: object) -> Written:
    """Goods and postage, paid by card and in part from a gift card, and what the goods cost."""
    goods, tax = books.taxed(net)
    postage = Amount("shipping_income", -450)
    whole = -(goods.minor + tax.minor + postage.minor)
    return books.write(
        "sale", Amount("clearing:card_processor", whole - 1_000), Amount("gift_card_liability", 1_000), goods, tax, postage,
        Amount("cogs", 400), Amount("inventory", -400), **given)  # type: ignore[arg-type]


def invoice(books: OurBooks, net: int = 20_000, **given: object) -> Written:
    """Goods to a business customer, with terms."""
    goods, tax = books.taxed(net)
    return books.write("invoice", Amount("receivable", -goods.minor - tax.minor), goods, tax,
                       **{"customer": AMINA, "due": DUE, **given})  # type: ignore[arg-type]


def refund(books: OurBooks, of: Written, net: int = 2_000) -> Written:
    """Part of a sale given back by card."""
    goods, tax = books.taxed(net)
    return books.write("refund", Amount("clearing:card_processor", goods.minor + tax.minor),
                       Amount("sales_returns", -goods.minor, "S"), Amount("output_tax", -tax.minor, "S"), of=of)


def credit_note(books: OurBooks, of: Written, net: int = 3_000) -> Written:
    """Part of an invoice that needs not be paid."""
    goods, tax = books.taxed(net)
    return books.write("refund", Amount("receivable", goods.minor + tax.minor), Amount("sales_returns", -goods.minor, "S"),
                       Amount("output_tax", -tax.minor, "S"), of=of, customer=AMINA)


def payment(books: OurBooks, of: Written, minor: int = 6_000) -> Written:
    """Part of an invoice paid into the bank."""
    return books.write("payment", Amount("bank", minor), Amount("receivable", -minor), of=of, customer=AMINA)


def payout(books: OurBooks) -> Written:
    """The processor's transfer, its fee kept back."""
    return books.write("payout", Amount("bank", 9_500), Amount("processor_fees", 500), Amount("clearing:card_processor", -10_000))


def banked(books: OurBooks) -> Written:
    """The till's cash carried to the bank, which keeps a charge: money between two bank accounts."""
    return books.write("payout", Amount("bank", 4_900), Amount("processor_fees", 100), Amount("cash:till", -5_000))


def fee(books: OurBooks) -> Written:
    """A fee apart from any payout."""
    return books.write("fee", Amount("processor_fees", 120), Amount("clearing:card_processor", -120))


def journal(books: OurBooks) -> Written:
    """Cost of what left the house."""
    return books.write("fulfilment", Amount("cogs", 4_000), Amount("inventory", -4_000))


def day_of_sales(books: OurBooks, day: date = DAY) -> None:
    """A till's day: card, cash and gift card, three sales and a refund."""
    for net, tender in ((5_000, "clearing:card_processor"), (1_234, "cash:till"), (999, "cash:till")):
        goods, tax = books.taxed(net)
        books.write("sale", Amount(tender, -goods.minor - tax.minor), goods, tax, day=day, channel="store")
    goods, tax = books.taxed(700)
    books.write("refund", Amount("cash:till", goods.minor + tax.minor), Amount("sales_returns", -goods.minor, "S"),
                Amount("output_tax", -tax.minor, "S"), day=day, channel="store")


def _delta(books: OurBooks, of: Written) -> Written:
    goods, tax = books.taxed(1_000)
    return books.write("sale", Amount("clearing:card_processor", goods.minor + tax.minor), Amount("sales", -goods.minor, "S"),
                       Amount("output_tax", -tax.minor, "S"), again=of)


# What is told first, so that the second can refer to it; the second is the kind under test.
AFTER: Mapping[str, tuple[Callable[..., Written], Callable[..., Written]]] = {
    "refund": (sale, refund), "credit_note": (invoice, credit_note), "payment": (invoice, payment), "delta": (sale, _delta),
}
ALONE: Mapping[str, Callable[..., Written | None]] = {
    "sale": sale, "invoice": invoice, "payout": payout, "fee": fee, "journal": journal, "daily": day_of_sales,
}
