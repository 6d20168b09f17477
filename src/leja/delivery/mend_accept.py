"""Accept: our books follow what somebody changed at a target, by entries that count as told there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from leja.books.entry import Entry, EntryLine
from leja.books.undo import DRIFT
from leja.core.currency import exponent
from leja.core.errors import Refused
from leja.core.ids import uuid7
from leja.database import mending
from leja.database.mending import Held
from leja.delivery import rebooked
from leja.delivery.bundle import NetLine, rates_of
from leja.delivery.mend_bench import Bench


def follow(bench: Bench) -> list[int]:
    """Book the difference, one entry for each day and currency in which there is one; gives their numbers.

    They stand in the document that the deliverable tells of, or in the first of a summary. Where the day is locked in our
    books they count from the first open day; over there they stand for the day on which the change was made.
    """
    sums: dict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for gap in bench.drift.gaps:
        sums[gap.day, gap.currency][gap.account] = gap.theirs - gap.ours
    numbers: list[int] = []
    for (day, currency), changes in sorted(sums.items()):
        host = _host(bench)
        entry = _entry(bench, host, day, currency, changes)
        posted = mending.post(bench.conn, bench.ledger, bench.org_id, [(host.document_id, entry)], bench.now)
        bench.add("accepted", day, "our books follow what was changed there", members=posted)
        rebooked.put_before(
            bench.conn, bench.org_id, [(posted[0], host, entry)], bench.now, but=[bench.target.connection_id])
        numbers += posted
    bench.hold_to_stand(bench.drift.documents)
    return numbers


def _host(bench: Bench) -> Held:
    """The entry whose document the difference is booked in."""
    first = (bench.members or bench.group_members)[:1]
    if not first:
        raise Refused("drift-without-entries", "nothing in our books stands behind this document",
                      remedy="`leja review repost` brings it back to what was told.")
    return mending.held(bench.conn, bench.org_id, first)[0]


def _entry(bench: Bench, host: Held, day: date, currency: str, changes: dict[str, int]) -> Entry:
    if sum(changes.values()):
        raise Refused(
            "drift-unbalanced", f"what changed on {day} does not balance: {sum(changes.values())} minor units of {currency} are missing",
            remedy="Read the document back over there; `leja review repost` brings it back to what was told.")
    base = bench.terms.base_currency
    rate = rates_of(bench.lines, base).get(currency, Decimal(1)) if currency != base else Decimal(1)
    said = [(_ours(bench, remote), amount) for remote, amount in sorted(changes.items())]
    bases = _in_base([amount for _, amount in said], rate, exponent(base) - exponent(currency))
    posting_date = bench.periods.posting_date(day)
    lines = tuple(
        _line(bench, line, amount, booked, currency, rate, posting_date)
        for (line, amount), booked in zip(said, bases, strict=True))
    words = "; ".join(one.sentence() for one in bench.drift.documents)
    return Entry(
        label=f"{DRIFT}{uuid7(bench.now).hex[-12:]}", posting_date=posting_date, business_day=host.entry.business_day, lines=lines,
        text=f"Accepted from {bench.target.name}: {words}"[:500])


def _line(
    bench: Bench, line: NetLine, amount: int, booked: int, currency: str, rate: Decimal, on: date
) -> EntryLine:
    taxed = line.role.startswith(("output_tax", "input_tax"))
    return EntryLine(
        account=line.account, role=line.role, amount=amount, currency=currency, base=booked, rate=rate, location=line.location,
        channel=line.channel, tax_code=line.tax_code if taxed else "", tax_point=on if taxed else None,
        return_period=bench.periods.return_period(on) if taxed else "")


def _in_base(amounts: list[int], rate: Decimal, shift: int) -> list[int]:
    """The amounts in base currency; what rounding leaves over stands in the largest."""
    booked = [int((Decimal(amount) * rate).scaleb(shift).quantize(Decimal(1), ROUND_HALF_UP)) for amount in amounts]
    largest = max(range(len(amounts)), key=lambda at: (abs(amounts[at]), -at))
    booked[largest] -= sum(booked)
    return booked


def _ours(bench: Bench, remote: str) -> NetLine:
    """Where a remote account stands in our books: as the document's own lines say, else the one account that leads there."""
    for line in sorted(bench.lines, key=lambda one: -abs(one.amount)):
        facts = {"location": line.location, "channel": line.channel, "role": line.role}
        if bench.terms.mapping.find("account", line.account, facts) == remote:
            return line
    named = bench.choice.accounts.get(remote)
    fitting = [code for code in _accounts(bench) if bench.terms.mapping.find("account", code, {}) == remote]
    chosen = [code for code in fitting if named in (None, code)]
    if len(chosen) != 1:
        raise Refused(
            "drift-account-unmapped",
            f"account {remote} of {bench.target.name} stands for {', '.join(fitting) or 'none'} of our accounts",
            remedy=(f"Name the one that is meant with --account {remote}=CODE." if fitting else
                    "Map one of our accounts to it with `leja mapping set`, or take `leja review repost`."))
    like = bench.lines[0]
    return NetLine(account=chosen[0], role=f"accepted:{chosen[0]}", amount=0, base=0, currency=like.currency, location=like.location,
                   channel=like.channel)


def _accounts(bench: Bench) -> Iterable[str]:
    rows = bench.conn.execute("SELECT code FROM account WHERE org_id = %s ORDER BY code", (bench.org_id,)).fetchall()
    return [str(row[0]) for row in rows]
