"""Repost: the target is brought back to what our books say. What was edited is corrected by a further document, dated like
it; what is gone is told anew under a reference that was never used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from leja.connectors.contract import Bundle, BundleLine
from leja.core.errors import Refused
from leja.core.money import Money
from leja.delivery import groups
from leja.delivery.attempt import stored_bundle
from leja.delivery.bundle import open_day, rates_of, resolve
from leja.delivery.drift import Altered, gaps
from leja.delivery.mend_bench import Bench
from leja.delivery.plan import troubles

CORRECTION = "correction"


def bring_back(bench: Bench) -> list[UUID]:
    """Have the target told what is missing; gives the deliverables that are now open."""
    anew = any(one.gone for one in bench.drift.documents) and not _touched(bench)
    opened = _corrections(bench, [one for one in bench.drift.documents if not (anew and one.gone)])
    bench.hold_to_stand(bench.drift.documents)
    if anew:
        opened.append(_tell_anew(bench))
    return opened


def _touched(bench: Bench) -> bool:
    """Whether what stood there was something else than what the members say: set right or accepted before, or adopted.

    What is gone then is what stood last, and telling the members anew would count the rest twice.
    """
    row = bench.conn.execute(
        "SELECT EXISTS (SELECT 1 FROM mending WHERE org_id = %(org)s AND subject = 'deliverable/' || %(of)s"
        " AND detail -> 'documents' @> '[{\"state\": \"edited\"}]'::jsonb)"
        " OR EXISTS (SELECT 1 FROM deliverable WHERE org_id = %(org)s AND deliverable_id = %(of)s::uuid AND bundle = '{}')",
        {"org": bench.org_id, "of": str(bench.deliverable.deliverable_id)},
    ).fetchone()
    return bool(row and row[0])


def _corrections(bench: Bench, edited: Sequence[Altered]) -> list[UUID]:
    sums: dict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for gap in gaps(edited):
        sums[gap.day, gap.currency][gap.account] = gap.ours - gap.theirs
    return [correct(bench, day, currency, changes) for (day, currency), changes in sorted(sums.items())]


def correct(bench: Bench, day: date, currency: str, changes: dict[str, int]) -> UUID:
    """A document that changes these remote accounts on that day: no entry of ours stands behind it, it only sets right.

    Raises Refused ``drift-target-locked`` where the target takes nothing on that day, and what the connector cannot express.
    """
    chart = bench.terms.chart
    if open_day(day, chart) != day:
        raise Refused(
            "drift-target-locked", f"{bench.target.name} is locked until {chart.locked_until}, and the document is of {day}",
            remedy="Open the period over there, or `leja review accept`: our books then follow.")
    part, called = bench.next_reference()
    base = bench.terms.base_currency
    rate = Decimal(1) if bench.deliverable.in_base else rates_of(bench.lines, base).get(currency, Decimal(1))
    bundle = Bundle(
        reference=called, kind="delta", date=day, currency=currency, rate=rate, number=bench.facts.number,
        lines=_lines(bench, currency, changes), text=f"Sets right what was changed: {bench.facts.number or called}",
        customer=bench.facts.customer, applies_to=bench.facts.applies_to)
    bench.target.verbs.steps(bundle, chart)
    return bench.add("delta", day, "sets right what was changed there", bundle=stored_bundle(bundle), state="open", called=(part, called))


def _lines(bench: Bench, currency: str, changes: dict[str, int]) -> tuple[BundleLine, ...]:
    kinds = {account.id: account.kind for account in bench.terms.chart.accounts}
    return tuple(
        BundleLine(account=account, account_kind=kinds.get(account, "other"), role=CORRECTION, amount=Money(amount, currency),
                   description="Correction")
        for account, amount in sorted(changes.items()) if amount)


def _tell_anew(bench: Bench) -> UUID:
    """The same deliverable again, as a further plan and part: what is gone keeps its reference, and nothing meets it."""
    one = bench.deliverable
    part, called = bench.next_reference()
    bundle = msgspec.structs.replace(_bundle(bench, called), customer=bench.facts.customer)
    bench.target.verbs.steps(bundle, bench.terms.chart)
    bench.conn.execute(
        "UPDATE deliverable SET part = %s, reference = %s, kind = %s, plan = plan + 1, state = 'open', bundle = %s, date = %s,"
        " because = '', not_before = %s WHERE org_id = %s AND deliverable_id = %s",
        (part, called, bundle.kind, stored_bundle(bundle), bundle.date, bench.now, bench.org_id, one.deliverable_id),
    )
    return one.deliverable_id


def _bundle(bench: Bench, called: str) -> Bundle:
    """What our books say of the members under today's mapping; without members, what was told before."""
    one, terms = bench.deliverable, bench.terms
    before = msgspec.json.decode(one.bundle, type=Bundle)
    if not bench.members:
        return msgspec.structs.replace(before, reference=called, date=open_day(before.date, terms.chart))
    bucket = groups.load_buckets(bench.conn, bench.org_id, {one.group_key: bench.members})[one.group_key][0]
    counts_as = 2 if before.kind == "delta" else 1
    resolved = resolve(bench.facts, bucket, counts_as, called, terms, in_base=one.in_base)
    if resolved.bundle is None:
        found = troubles(bench.target.connection_id, resolved.missing, resolved.gone)
        raise Refused("drift-not-told", "; ".join(one.message for one in found) or "its entries net to nothing",
                      remedy=found[0].remedy if found else "`leja review accept` leaves it as it is there.")
    return resolved.bundle
