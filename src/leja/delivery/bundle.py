"""From net lines of our books to a resolved bundle: remote accounts, tax codes, kind, date, text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from leja.connectors.contract import Bundle, BundleKind, BundleLine, Chart
from leja.core.currency import exponent
from leja.core.money import Money
from leja.delivery.summaries import title
from leja.documents.parts import Party
from leja.rules.target_mapping import Missing, TargetMapping

KINDS: Mapping[str, BundleKind] = {
    "sale": "sale", "invoice": "invoice", "refund": "refund", "payment": "payment", "payout": "payout", "fee": "fee",
}
_TAX = ("output_tax", "input_tax")


class NetLine(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of a group's lines with the same account, role, tax code and dimensions."""

    account: str
    role: str
    amount: int
    base: int
    currency: str
    tax_code: str = ""
    location: str = ""
    channel: str = ""


class GroupFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a group is, for people and for the kind of its bundle. ``kind`` is the document's, or "daily"."""

    group_key: str
    mark: str
    kind: str
    currency: str
    number: str = ""
    due: date | None = None
    customer: Party | None = None
    applies_to: tuple[str, ...] = ()


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of a group that can be told as one thing: one posting date, one currency ("" where an entry
    mixes them)."""

    posting_date: date
    currency: str
    members: tuple[int, ...]
    lines: tuple[NetLine, ...]
    business_days: tuple[date, ...] = ()


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How this target is told: its chart, the mapping in force, what its base is called in our books."""

    chart: Chart
    mapping: TargetMapping
    base_currency: str


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle, or what is missing for it. Neither: its lines net to nothing."""

    bundle: Bundle | None = None
    missing: tuple[Missing, ...] = ()
    gone: tuple[Missing, ...] = ()
    in_base: bool = False
    nothing: bool = False
    currency_refused: str = ""


def resolve(
    facts: GroupFacts, bucket: Bucket, part: int, reference: str, terms: Terms, *, in_base: bool = False
) -> Resolved:
    """The bundle of a bucket as the group's ``part``, with accounts and tax codes of the target.

    ``in_base``: in base currency with our rate in the text, even if the target's chart would allow another.
    """
    in_base = in_base or _tell_in_base(bucket.currency, terms)
    currency = terms.base_currency if in_base else bucket.currency
    if in_base and terms.chart.home_currency not in ("", terms.base_currency):
        return Resolved(currency_refused=bucket.currency or "several currencies", in_base=True)
    lines = [line for line in bucket.lines if (line.base if in_base else line.amount)]
    if not lines:
        return Resolved(nothing=True, in_base=in_base)
    kind = _kind(facts, bucket, part, lines)
    told, missing, gone = _lines(lines, terms, currency, in_base, with_tax=kind != "journal")
    if missing or gone:
        return Resolved(missing=tuple(sorted(missing)), gone=tuple(sorted(gone)), in_base=in_base)
    if not told:
        return Resolved(nothing=True, in_base=in_base)
    day = open_day(bucket.posting_date, terms.chart)
    rounding = terms.mapping.find("role", "rounding") or ""
    return Resolved(
        in_base=in_base,
        bundle=Bundle(
            reference=reference, kind=kind, date=day, currency=currency, lines=told,
            rate=Decimal(1) if in_base else rates_of(bucket.lines, terms.base_currency).get(currency, Decimal(1)),
            number=facts.number, text=_text(facts, bucket, day, terms.base_currency if in_base else ""), due=facts.due,
            customer=facts.customer,
            applies_to=facts.applies_to, rounding_account=rounding,
            rounding_limit=sum(1 for line in told if line.tax) if rounding else 0,
        ),
    )


def open_day(wanted: date, chart: Chart) -> date:
    """The day itself, or the first open one of the target where its books are locked."""
    if chart.locked_until is not None and wanted <= chart.locked_until:
        return chart.locked_until + timedelta(days=1)
    return wanted


def share_tax(tax: int, amounts: Sequence[int]) -> tuple[int, ...]:
    """A tax shared over the lines that were taxed, in proportion; the rest goes to the largest, so the parts
    sum to it."""
    whole = sum(amounts)
    parts = [(2 * tax * amount + whole) // (2 * whole) if whole else 0 for amount in amounts]
    largest = max(range(len(amounts)), key=lambda at: (abs(amounts[at]), -at))
    parts[largest] += tax - sum(parts)
    return tuple(parts)


def _tell_in_base(currency: str, terms: Terms) -> bool:
    if currency == "":
        return True
    return not terms.chart.multicurrency and currency != (terms.chart.home_currency or terms.base_currency)


def _kind(facts: GroupFacts, bucket: Bucket, part: int, lines: Sequence[NetLine]) -> BundleKind:
    if facts.kind == "daily":
        return "daily" if bucket.currency == facts.currency else "journal"
    if bucket.currency != facts.currency or facts.kind not in KINDS:
        return "journal"
    if part > 1:
        return "delta"
    owed = any(line.role.partition(":")[0] == "receivable" for line in lines)
    if facts.kind == "sale" and owed:
        return "invoice"
    if facts.kind == "refund" and owed:
        return "credit_note"
    return KINDS[facts.kind]


def _lines(
    lines: Sequence[NetLine], terms: Terms, currency: str, in_base: bool, *, with_tax: bool
) -> tuple[tuple[BundleLine, ...], set[Missing], set[Missing]]:
    kinds = {account.id: account for account in terms.chart.accounts if account.active}
    codes = {code.id for code in terms.chart.tax_codes if code.active}
    missing: set[Missing] = set()
    gone: set[Missing] = set()
    taxed = _taxes(lines, in_base) if with_tax else {}
    told: list[BundleLine] = []
    for at, line in enumerate(lines):
        facts = {"location": line.location, "channel": line.channel, "role": line.role}
        account = terms.mapping.find("account", line.account, facts)
        code = ""
        if with_tax and line.tax_code and not line.role.startswith(_TAX):
            found = terms.mapping.find("tax_code", line.tax_code, facts)
            code = found or ""
            if found is None:
                missing.add(Missing("tax_code", line.tax_code))
            elif code and codes and code not in codes:
                gone.add(Missing("tax_code", line.tax_code))
        if account is None:
            missing.add(Missing("account", line.account))
        elif account not in kinds:
            gone.add(Missing("account", line.account))
        else:
            amount = line.base if in_base else line.amount
            told.append(BundleLine(
                account=account, account_kind=kinds[account].kind, role=line.role, amount=Money(amount, currency),
                description=_describe(line), tax_code=code, tax=Money(taxed[at],
                currency) if code and at in taxed else None,
                dimensions={k: v for k, v in (("location", line.location), ("channel", line.channel)) if v},
            ))
    return tuple(told), missing, gone


def _taxes(lines: Sequence[NetLine], in_base: bool) -> dict[int, int]:
    """Line number -> the tax that its tax code's tax lines hold for it."""
    def size(line: NetLine) -> int:
        return line.base if in_base else line.amount

    shared: dict[int, int] = {}
    for code in {line.tax_code for line in lines if line.tax_code}:
        tax = sum(size(line) for line in lines if line.tax_code == code and line.role.startswith("output_tax"))
        at = [n for n, line in enumerate(lines) if line.tax_code == code and not line.role.startswith(_TAX)]
        if at:
            shared.update(zip(at, share_tax(tax, [size(lines[n]) for n in at]), strict=True))
    return shared


def _describe(line: NetLine) -> str:
    words = line.role.replace("_", " ").replace(":", " ").capitalize()
    return f"{words} ({line.tax_code})" if line.tax_code else words


def _text(facts: GroupFacts, bucket: Bucket, told_on: date, base: str) -> str:
    if facts.kind == "daily":
        text = f"{title(facts.group_key, bucket.business_days)}, {len(bucket.members)} entries"
    else:
        text = f"{facts.kind.replace('_', ' ').capitalize()} {facts.number}".strip()
    if base:
        rates = ", ".join(f"{code} at {rate:f}" for code, rate in sorted(rates_of(bucket.lines,
        base).items()) if code != base)
        text += f", told in {base}" + (f" ({rates})" if rates else "")
    if told_on != bucket.posting_date:
        closed = (told_on - timedelta(days=1)).isoformat()
        text += f", true date {bucket.posting_date.isoformat()}: closed there until {closed}"
    return text


def rates_of(lines: Iterable[NetLine], base: str) -> dict[str, Decimal]:
    """The rate that the lines of each currency were booked at, in major units."""
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        amount, booked = sums.get(line.currency, (0, 0))
        sums[line.currency] = (amount + abs(line.amount), booked + abs(line.base))
    return {
        currency: (Decimal(booked) / Decimal(amount)).scaleb(exponent(currency) - exponent(base))
        .quantize(Decimal("0.000000000001")).normalize()
        for currency, (amount, booked) in sums.items()
        if amount
    }
