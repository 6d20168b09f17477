"""What will be told next: a due group becomes a planned deliverable, or is held with every reason named. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec

from leja.connectors.contract import Bundle, BundleLine, Chart, RemoteDocument, RemoteLine, Step
from leja.core.errors import LejaError, NeedsReview
from leja.core.money import Money
from leja.delivery.bundle import Bucket, GroupFacts, Terms, open_day, resolve
from leja.delivery.groups import DueGroup
from leja.delivery.summaries import reference
from leja.delivery.target import Verbs
from leja.rules.target_mapping import Missing

GIVES_NO_NAME = "group"


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """A document at the target that bears our mark and that this database does not know: a restore lost it."""

    part: int
    document: RemoteDocument
    lines: tuple[RemoteLine, ...]


class Trouble(msgspec.Struct, frozen=True):
    """One reason why a group cannot be told; ``waits_for`` names what releases it."""

    code: str
    waits_for: str
    message: str
    remedy: str


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A deliverable as it will be. Without a bundle it is withdrawn: its entries net to nothing, nothing is sent."""

    facts: GroupFacts
    family: str
    lane: str
    part: int
    reference: str
    bucket: Bucket
    bundle: Bundle | None
    in_base: bool
    steps: tuple[Step, ...] = ()
    accepted: Mapping[str, RemoteDocument] = {}
    adopts: tuple[Orphan, ...] = ()
    ask_first: bool = False


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A group that cannot be told yet."""

    group_key: str
    troubles: tuple[Trouble, ...]


def plan_group(
    group: DueGroup, terms: Terms, verbs: Verbs, target: UUID, orphans: Sequence[Orphan] = ()
) -> Planned | Held:
    """The next deliverable of a group, one posting date and currency at a time.

    What the target cannot express in the currency it happened in is planned again in base currency. Raises the
    connector's LejaError where that does not help either.
    """
    try:
        return _planned(group, terms, verbs, target, orphans, in_base=False)
    except NeedsReview as error:
        if not helped_in_base(error, group.buckets[0].currency, terms):
            raise
        return _planned(group, terms, verbs, target, orphans, in_base=True)


def helped_in_base(error: NeedsReview, currency: str, terms: Terms) -> bool:
    """Whether the target could be told in base currency what it cannot be told in ``currency``."""
    foreign = currency != terms.base_currency
    return foreign and bool(error.facts.get("in_base")) and terms.chart.home_currency in ("", terms.base_currency)


def _planned(
    group: DueGroup, terms: Terms, verbs: Verbs, target: UUID, orphans: Sequence[Orphan], *, in_base: bool
) -> Planned | Held:
    bucket = group.buckets[0]
    part = group.next_part
    unknown = sorted(orphans, key=lambda o: o.part)
    if unknown:
        part = unknown[0].part
    # A later part of a document is a delta, except where nothing but withdrawn parts came before.
    counts_as = part if group.later else 1
    resolved = resolve(group.facts, bucket, counts_as, reference(group.facts.mark, part), terms, in_base=in_base)
    if resolved.currency_refused:
        return Held(group_key=group.facts.group_key, troubles=(_currency(group, target, resolved.currency_refused),))
    if resolved.missing or resolved.gone:
        return Held(group_key=group.facts.group_key, troubles=troubles(target, resolved.missing, resolved.gone))
    planned = Planned(
        facts=group.facts, family=group.family, lane=group.lane, part=part, reference=reference(group.facts.mark, part),
        bucket=bucket, bundle=resolved.bundle, in_base=resolved.in_base, accepted=group.applied,
    )
    planned = _in_steps(planned, terms.chart, verbs)
    found = _against_orphans(planned, unknown, group.next_part, len(group.buckets) == 1, terms.chart, verbs)
    return found if found.bundle is planned.bundle else _in_steps(found, terms.chart, verbs)


def _in_steps(planned: Planned, chart: Chart, verbs: Verbs) -> Planned:
    """With the documents that express its bundle. Where nothing moves over there, for both sides stand on one account, there is
    nothing to tell: it is withdrawn."""
    if planned.bundle is None:
        return planned
    moved: dict[str, int] = {}
    for line in planned.bundle.lines:
        moved[line.account] = moved.get(line.account, 0) + line.amount.minor
    steps = tuple(verbs.steps(planned.bundle, chart)) if any(moved.values()) else ()
    return msgspec.structs.replace(planned, steps=steps, bundle=planned.bundle if steps else None)


def not_expressed(group_key: str, target: UUID, error: LejaError) -> Trouble:
    """What the connector says about a bundle that it cannot express."""
    return Trouble(error.code, f"group/{target}/{group_key}", error.message, error.remedy)


def troubles(target: UUID, missing: Sequence[Missing], gone: Sequence[Missing]) -> tuple[Trouble, ...]:
    """Every missing mapping and every mapping to something that is no longer there, each with its own remedy."""
    names = {"account": ("account-unmapped", "account-gone"), "tax_code": ("tax-code-unmapped", "tax-code-gone")}
    found = []
    for one, at in [(one, 0) for one in missing] + [(one, 1) for one in gone]:
        what = one.kind.replace("_", " ")
        state = "has no counterpart at this target" if at == 0 else "points to something deleted or inactive there"
        found.append(Trouble(
            names[one.kind][at], one.waits_for(str(target)), f"{what} {one.key} {state}",
            f"Map it with `leja mapping set`: all that waits for {what} {one.key} then goes on by itself."
            + (" Or make it active over there, then `leja review retry`." if at else ""),
        ))
    return tuple(found)


def _currency(group: DueGroup, target: UUID, currency: str) -> Trouble:
    return Trouble(
        "target-currency", f"{GIVES_NO_NAME}/{target}/{group.facts.group_key}",
        f"the target keeps one currency only, which is not the organisation's base currency, and cannot take"
        f" {currency}",
        "Turn on several currencies at the target, or keep this organisation's books in the target's currency.",
    )


def _against_orphans(
    planned: Planned, orphans: Sequence[Orphan], next_part: int, only: bool, chart: Chart, verbs: Verbs
) -> Planned:
    """What is there already under this group's references is adopted, and only the rest is told."""
    if not orphans or (planned.bundle is None and not only):
        return planned
    if planned.bundle is not None:
        first = verbs.draft(planned.steps[0], chart, planned.accepted)
        for orphan in orphans:
            same = orphan.document.reference == first.reference and orphan.document.total in (None, first.total)
            if same and orphan.document.date in (None, first.date):
                return msgspec.structs.replace(planned, ask_first=True)
    # Beyond all that stand there, not only the taken ones: a number used here hides the orphan that bears it.
    part = max(next_part, max(orphan.part for orphan in orphans) + 1)
    day = planned.bundle.date if planned.bundle else planned.bucket.posting_date
    strays = _strays(planned, orphans, day) if only else ()
    if strays:
        return _undone(planned, strays, part, chart)
    taken = tuple(orphan for orphan in orphans if only or orphan.document.date == day)
    called = reference(planned.facts.mark, part)
    if not taken:
        # They are of other days: this day gets a number that none of them bears, or both would answer to one name.
        bundle = msgspec.structs.replace(planned.bundle, reference=called) if planned.bundle else None
        return msgspec.structs.replace(planned, part=part, reference=called, bundle=bundle, ask_first=True)
    rest = _rest(planned, taken, day, part, chart)
    return msgspec.structs.replace(planned, adopts=taken, part=part, reference=called, bundle=rest)


def _strays(planned: Planned, orphans: Sequence[Orphan], day: date) -> tuple[Orphan, ...]:
    """Those of one day, the first, on which nothing of the group is any more: the lost life dated it otherwise."""
    days = {orphan.document.date for orphan in orphans if orphan.document.date} - {day, planned.bucket.posting_date}
    return tuple(orphan for orphan in orphans if days and orphan.document.date == min(days))


def _undone(planned: Planned, strays: Sequence[Orphan], part: int, chart: Chart) -> Planned:
    """The strays adopted and taken back on their own day, or the target would have them on another day than our books. The group
    stays due: its entries are told next."""
    day = next(stray.document.date for stray in strays if stray.document.date)
    bucket = Bucket(posting_date=day, currency=planned.bucket.currency, members=(), lines=())
    called = reference(planned.facts.mark, part)
    blank = msgspec.structs.replace(planned, bucket=bucket, bundle=None, steps=(), adopts=tuple(strays), part=part, reference=called)
    return msgspec.structs.replace(blank, bundle=_rest(blank, strays, open_day(day, chart), part, chart))


def _rest(planned: Planned, taken: Sequence[Orphan], day: date, part: int, chart: Chart) -> Bundle | None:
    """What is still to be told when the taken documents stand: our net lines less theirs. None: nothing is."""
    kinds = {account.id: account.kind for account in chart.accounts}
    left: dict[str, BundleLine] = {}
    currency = planned.bundle.currency if planned.bundle else planned.facts.currency
    for line in planned.bundle.lines if planned.bundle else ():
        left[line.account] = _with(left.get(line.account, line), line.amount.minor if line.account in left else 0)
    for orphan in taken:
        for their in orphan.lines:
            blank = BundleLine(
                account=their.account, account_kind=kinds.get(their.account, "other"), role="adopted", amount=Money(0,
                currency)
            )
            left[their.account] = _with(left.get(their.account, blank), -their.amount.minor)
    lines = tuple(line for line in left.values() if line.amount)
    limit = planned.bundle.rounding_limit if planned.bundle else 0
    if not lines or all(abs(line.amount.minor) <= limit for line in lines):
        return None
    if planned.bundle is None:
        return Bundle(
            reference=reference(planned.facts.mark, part), kind="delta", date=day, currency=currency, lines=lines,
            number=planned.facts.number, text=f"{planned.facts.number} after a restore".strip(),
        )
    return msgspec.structs.replace(
        planned.bundle, reference=reference(planned.facts.mark, part), kind="delta", lines=lines, rounding_limit=0,
        text=f"{planned.bundle.text}, after a restore",
    )


def _with(line: BundleLine, more: int) -> BundleLine:
    amount = Money(line.amount.minor + more, line.amount.currency)
    return msgspec.structs.replace(line, amount=amount, tax_code="", tax=None)
