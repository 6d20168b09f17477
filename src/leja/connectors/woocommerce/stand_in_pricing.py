"""The arithmetic of an order: tax rates, line taxes, coupons and totals, in the vendor's order of rounding.

From the plugin's ``WC_Tax``, ``WC_Discounts`` and ``WC_Abstract_Order::calculate_totals``. Taxes are computed to six
places per line and rate; they are rounded per line and rate, or, with *round at subtotal*, only in the sum of the
order. Line totals always exclude tax, whatever the prices do. Nothing here reads a clock or a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from leja.connectors.woocommerce.stand_in_shop import Facts, Record, number, rounded, six

_HUNDRED: Final = Decimal(100)


def place_of(order: Record, facts: Facts) -> tuple[str, str]:
    """Country and state that decide the tax: the shipping address, else the billing address, else the shop's."""
    for address in (order["shipping"], order["billing"]):
        if address.get("country"):
            return address["country"], address.get("state", "")
    return facts.country, facts.state


def rates_for(rates: Iterable[Record], tax_class: str, place: tuple[str, str]) -> list[Record]:
    """The rates of a class at a place: one per priority, the most specific first. Postcodes and cities are not told
    apart here."""
    country, state = place
    fits = [
        row
        for row in rates
        if row["class"] == (tax_class or "standard") and row["country"] in ("", country) and row["state"] in ("", state)
    ]
    fits.sort(key=lambda row: (row["priority"], row["country"] == "", row["state"] == "", row["order"], row["id"]))
    chosen: dict[int, Record] = {}
    for row in fits:
        chosen.setdefault(row["priority"], row)
    return list(chosen.values())


def added_tax(price: Decimal, rates: Sequence[Record]) -> dict[str, Decimal]:
    """The tax of each rate on a price without tax, to six places; compound rates come on top of the others."""
    taxes = {str(row["id"]): price * number(row["rate"]) / _HUNDRED for row in rates if not row["compound"]}
    so_far = sum(taxes.values(), Decimal(0))
    for row in rates:
        if row["compound"]:
            taxes[str(row["id"])] = (price + so_far) * number(row["rate"]) / _HUNDRED
            so_far += taxes[str(row["id"])]
    return {key: six(tax) for key, tax in taxes.items()}


def without_tax(price: Decimal, rates: Sequence[Record]) -> Decimal:
    """The part of a price with tax that is no tax, to six places."""
    plain = sum((number(row["rate"]) for row in rates if not row["compound"]), Decimal(0))
    rest = price
    for row in reversed([row for row in rates if row["compound"]]):
        rest = rest / (1 + number(row["rate"]) / _HUNDRED)
    return six(rest / (1 + plain / _HUNDRED))


def tax_lines(order: Record, rates: Iterable[Record], facts: Facts) -> None:
    """Computes the taxes of every line anew."""
    known = list(rates)
    place = place_of(order, facts)
    for item in order["items"]:
        if item["tax_status"] != "taxable":
            item["taxes"] = {}
            continue
        its = rates_for(known, item["tax_class"], place)
        if item["kind"] == "shipping":
            its = [row for row in its if row["shipping"]]
        total = added_tax(number(item["total"]), its)
        before = added_tax(number(item["subtotal"]), its) if item["kind"] == "line" else {}
        item["taxes"] = {
            key: {"total": str(tax), "subtotal": str(before[key]) if key in before else ""}
            for key, tax in total.items()
        }


def line_tax(item: Record, facts: Facts, field: str = "total") -> Decimal:
    """The tax of a line: each rate rounded first, or the plain sum with *round at subtotal*."""
    return sum((_line_tax(number(tax[field]), facts) for tax in item["taxes"].values()), Decimal(0))


def _line_tax(tax: Decimal, facts: Facts) -> Decimal:
    if facts.round_at_subtotal:
        return tax
    return rounded(tax, facts.decimals, half_down=facts.prices_include_tax)


def rate_totals(order: Record, facts: Facts) -> dict[str, Record]:
    """Per rate: ``tax`` of goods and fees, ``shipping`` of shipping lines."""
    sums: dict[str, Record] = {}
    for item in order["items"]:
        for key, tax in item["taxes"].items():
            row = sums.setdefault(key, {"tax": Decimal(0), "shipping": Decimal(0)})
            row["shipping" if item["kind"] == "shipping" else "tax"] += _line_tax(number(tax["total"]), facts)
    return sums


def add_up(order: Record, facts: Facts) -> None:
    """Writes ``order["totals"]`` (text): discount, discount_tax, shipping, shipping_tax, cart_tax, total, total_tax."""

    def cents(value: Decimal) -> Decimal:
        return value if facts.round_at_subtotal else rounded(value, facts.decimals)

    goods = [item for item in order["items"] if item["kind"] == "line"]
    before = rounded(sum((cents(number(i["subtotal"])) for i in goods), Decimal(0)), facts.decimals)
    after = rounded(sum((cents(number(i["total"])) for i in goods), Decimal(0)), facts.decimals)
    shipping = sum(
        (rounded(number(i["total"]), facts.decimals) for i in order["items"] if i["kind"] == "shipping"), Decimal(0)
    )
    fees = sum((number(i["total"]) for i in order["items"] if i["kind"] == "fee"), Decimal(0))
    by_rate = rate_totals(order, facts)
    half_down = facts.prices_include_tax
    cart_tax = rounded(sum((row["tax"] for row in by_rate.values()), Decimal(0)), facts.decimals, half_down=half_down)
    shipping_tax = rounded(
        sum((row["shipping"] for row in by_rate.values()), Decimal(0)), facts.decimals, half_down=half_down
    )
    lost = sum((_taxes(item, "subtotal") - _taxes(item, "total") for item in goods), Decimal(0))
    order["totals"] = {
        "discount": str(before - after),
        "discount_tax": str(rounded(lost, facts.decimals, half_down=half_down)),
        "shipping": str(shipping),
        "shipping_tax": str(shipping_tax),
        "cart_tax": str(cart_tax),
        "total": str(rounded(after + fees + shipping + cart_tax + shipping_tax, facts.decimals)),
        "total_tax": str(cart_tax + shipping_tax),
    }


def _taxes(item: Record, field: str) -> Decimal:
    return sum((number(tax[field]) for tax in item["taxes"].values()), Decimal(0))


# --- coupons ----------------------------------------------------------------------------------------------------------


def apply_coupons(order: Record, rates: Iterable[Record], facts: Facts) -> None:
    """Takes the discounts of ``order["coupons"]`` off the lines, one coupon after the other, from the full prices."""
    known, place = list(rates), place_of(order, facts)
    goods = [item for item in order["items"] if item["kind"] == "line"]
    for item in goods:
        item["total"] = item["subtotal"]
    for coupon in order["coupons"]:
        prices = {item["id"]: _discountable(item, rates_for(known, item["tax_class"], place), facts) for item in goods}
        taken = _discounts(coupon, goods, prices, facts.decimals)
        coupon["discount"], coupon["discount_tax"] = _take(goods, taken, known, place, facts)


def _discountable(item: Record, rates: Sequence[Record], facts: Facts) -> int:
    """What is left of a line in the smallest units, as the customer sees it."""
    price = number(item["total"])
    if facts.prices_include_tax and item["tax_status"] == "taxable":
        price += sum(added_tax(price, rates).values(), Decimal(0))
    return int(rounded(price.scaleb(facts.decimals), 0))


def _discounts(coupon: Record, goods: Sequence[Record], prices: Mapping[int, int], decimals: int) -> dict[int, int]:
    amount = number(coupon["amount"])
    order = sorted(goods, key=lambda item: -prices[item["id"]])
    whole = sum(prices.values())
    if coupon["type"] == "percent":
        share = amount / _HUNDRED
        taken = {i["id"]: int((prices[i["id"]] * share).to_integral_value(ROUND_FLOOR)) for i in order}
        wanted = int(rounded(whole * share, 0, half_down=True))
    elif coupon["type"] == "fixed_product":
        each = int(amount.scaleb(decimals))
        return {i["id"]: min(prices[i["id"]], each * i["quantity"]) for i in order}
    else:
        wanted = min(whole, int(amount.scaleb(decimals)))
        pieces = sum(i["quantity"] for i in order if prices[i["id"]]) or 1
        taken = {i["id"]: min(prices[i["id"]], wanted // pieces * i["quantity"]) for i in order}
    return _remainder(order, prices, taken, wanted - sum(taken.values()))


def _remainder(order: Sequence[Record], prices: Mapping[int, int], taken: dict[int, int], rest: int) -> dict[int, int]:
    """Spreads what is left one smallest unit per piece, line after line, until nothing is left."""
    while rest > 0 and any(taken[item["id"]] < prices[item["id"]] for item in order):
        for item in order:
            more = min(item["quantity"], rest, prices[item["id"]] - taken[item["id"]])
            taken[item["id"]] += more
            rest -= more
    return taken


def _take(
    goods: Sequence[Record], taken: Mapping[int, int], rates: Sequence[Record], place: tuple[str, str], facts: Facts
) -> tuple[str, str]:
    discount = tax = Decimal(0)
    for item in goods:
        amount = Decimal(taken[item["id"]]).scaleb(-facts.decimals)
        its = rates_for(rates, item["tax_class"], place) if item["tax_status"] == "taxable" else []
        if facts.prices_include_tax:
            net = without_tax(amount, its)
            its_tax, amount = amount - net, net
        else:
            its_tax = sum(added_tax(amount, its).values(), Decimal(0))
        item["total"] = str(max(Decimal(0), number(item["total"]) - amount))
        discount, tax = discount + amount, tax + its_tax
    return str(discount), str(tax)
