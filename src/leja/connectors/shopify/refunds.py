"""What one refund of an order means: goods back, money back, and the difference between them named."""

from __future__ import annotations

from collections.abc import Iterable

from leja.connectors.shopify.facts import OrderFacts, RefundFacts, Returned
from leja.connectors.shopify.reading import quantity_of
from leja.core.money import Money, split
from leja.documents.header import Header
from leja.documents.parts import Line, LineKind, Tax
from leja.documents.refund import Refund


def refund_of(facts: RefundFacts, order: OrderFacts, sold: tuple[Line, ...], header: Header) -> tuple[Refund, bool]:
    """The refund, its tenders left out, and whether goods, adjustments and money agree.

    Money moved or on its way: the total is that money, and what it is less than the goods was kept (a restocking fee),
    what it is more is a line of its own. No money tried: the goods' worth, which posting takes off what is still owed.
    """
    lines = _lines(facts, order, sold)
    goods = sum(_worth(line, order.taxes_included) for line in lines)
    tried = [one for one in facts.movements if one.kind == "refund"]
    going = [one for one in tried if one.state in ("success", "pending")]
    failed = bool(tried) and not going
    adjusted = goods - (facts.adjustment.minor if facts.adjustment else 0)
    money = sum(one.amount.minor for one in (going or tried))
    agrees = adjusted == money if tried else adjusted in (goods, 0)
    total = money if tried else goods
    kept = goods - total if lines else 0
    if kept < 0:
        lines = (*lines, Line(line_id="beyond", kind="manual", listed=Money(-kept, order.currency), restocked=False))
    return Refund(
        header=header,
        lines=lines,
        total=Money(total, order.currency),
        sale=order.id,
        prices_include_tax=order.taxes_included,
        restocking_fee=_kept(kept, order.currency) if kept > 0 else None,
        state="failed" if failed else "pending" if any(one.state == "pending" for one in going) else "succeeded",
        reason=facts.note,
        customer=order.customer,
    ), agrees


def _kept(minor: int, currency: str) -> Line:
    return Line(line_id="kept", kind="restocking_fee", listed=Money(minor, currency), restocked=False)


def _worth(line: Line, prices_include_tax: bool) -> int:
    return line.listed.minor + (0 if prices_include_tax else sum(tax.amount.minor for tax in line.taxes))


def _lines(facts: RefundFacts, order: OrderFacts, sold: tuple[Line, ...]) -> tuple[Line, ...]:
    by_id = {line.line_id: line for line in sold}
    shipping = [line for line in sold if line.kind == "shipping"]
    lines = [_back(part, by_id.get(part.line_id), order) for part in facts.lines]
    lines += [
        _back(part, shipping[0] if shipping else None, order, kind_else="shipping") for part in facts.shipping
    ]
    if facts.duties:
        lines.append(Line(line_id="duties", kind="duty", listed=facts.duties, restocked=False))
    if facts.fees:
        lines.append(Line(line_id="fees", kind="service", listed=facts.fees, restocked=False))
    return tuple(lines)


def _back(part: Returned, original: Line | None, order: OrderFacts, kind_else: LineKind = "goods") -> Line:
    kind = original.kind if original is not None else kind_else
    return Line(
        line_id=part.line_id,
        kind=kind,
        listed=part.amount,
        quantity=quantity_of(part.quantity),
        taxes=_taxes(part.tax, original, order),
        sku=original.sku if original is not None else "",
        title=original.title if original is not None else "",
        restocked=part.restocked,
    )


def _taxes(tax: Money, original: Line | None, order: OrderFacts) -> tuple[Tax, ...]:
    """The tax that goes back, split as the original line's taxes were, at their rates."""
    if not tax:
        return ()
    if original is None or not original.taxes:
        names = _codes(order)
        return (Tax(code=names[0] if len(names) == 1 else "", amount=tax),)
    parts = split(tax, [abs(one.amount.minor) for one in original.taxes])
    return tuple(
        Tax(code=one.code, amount=part, rate=one.rate, owed_by=one.owed_by)
        for one, part in zip(original.taxes, parts, strict=True)
        if part
    )


def _codes(order: OrderFacts) -> list[str]:
    codes: Iterable[str] = (code for code, _ in order.order_taxes)
    return sorted(set(codes))
