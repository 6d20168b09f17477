"""The steps, in order, and nothing else: take in, record, deliver, read back.

Each step is safe to run twice and from several processes. What a step needs is handed to it by the house; who calls it and
when is the jobs' business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from leja.access import connections, log, logins
from leja.access.mapping import ALWAYS, Decision, decide
from leja.bookkeeping import events
from leja.bookkeeping import undo as undoing
from leja.bookkeeping.batch import Bookkeeper
from leja.bookkeeping.batch import Progress as Recorded
from leja.bookkeeping.undo import Scope, Undone
from leja.connectors.contract import Chart, Session
from leja.core.clock import Clock
from leja.core.errors import Conflict, NeedsConsent, Refused, Transient
from leja.core.ids import uuid7
from leja.database import review, rules
from leja.database.engine import Connection, Database
from leja.database.ledger import Ledger
from leja.database.review import ReviewItem
from leja.delivery import charts, outbox
from leja.delivery import record as record_of_delivery
from leja.delivery.adopt import catch_up
from leja.delivery.drift import Gap, drifted
from leja.delivery.mend import mend
from leja.delivery.mend_bench import Choice
from leja.delivery.mend_shown import SHOWN_MAX, EntryShown, LineShown, Told, entries_shown, per_account, told_of
from leja.delivery.rebooked import put_before
from leja.delivery.send import Delivered
from leja.delivery.send import deliver as run_delivery
from leja.delivery.sweep import sweep
from leja.delivery.target import Target
from leja.delivery.typed_in import Verdict
from leja.delivery.typed_in import decide as decide_look_alike
from leja.intake.fetch import ask_again, fetch, forget
from leja.intake.gaps import look_for_missed_webhooks, tell_what_the_proof_found
from leja.intake.inbox import Kept
from leja.intake.poll import poll
from leja.intake.proof import Proof, proof
from leja.jobs import lease
from leja.reconcile.agreement import Agreement, agreement
from leja.reconcile.closures import check_closures
from leja.reconcile.differences import keep_differences
from leja.reconcile.read_back import read_back, read_these

READ_BACK_DAYS = 35
POLLED_EVERY = timedelta(seconds=60)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What taking in brought: pages read, events that were new, things completed."""

    kept: Kept = Kept()
    pages: int = 0
    answered: int = 0


@asynccontextmanager
async def asking(
    database: Database, org_id: UUID, connection_id: UUID, step: str, clock: Clock
) -> AsyncIterator[None]:
    """Around a step's calls to a vendor: a refused login becomes a review item, and calls that work settle it."""
    try:
        yield
    except NeedsConsent as error:
        await asyncio.to_thread(_login_refused, database, org_id, connection_id, step, error, clock())
        raise
    await asyncio.to_thread(_login_works, database, org_id, connection_id, step, clock())


def _login_refused(
    database: Database, org_id: UUID, connection_id: UUID, step: str, error: NeedsConsent, now: datetime
) -> None:
    with database.transaction() as conn:
        name = connections.by_id(conn, org_id, connection_id).name
        logins.refused(conn, org_id, connection_id, name, step, error, now)


def _login_works(database: Database, org_id: UUID, connection_id: UUID, step: str, now: datetime) -> None:
    with database.transaction() as conn:
        logins.works(conn, org_id, connection_id, step, now)


async def take_in(
    database: Database, org_id: UUID, connection_id: UUID, verbs: Mapping[str, Any], session: Session, clock: Clock,
    *, interval: timedelta = POLLED_EVERY, webhooks_expected: bool = False,
) -> Taken:
    """Poll a source for what changed, then complete what was only heard of. Webhooks that did not come for an
    ``interval`` are told to people."""
    taken = Taken()
    if "poll" in verbs:
        async with asking(database, org_id, connection_id, "poll", clock):
            polled = await poll(database, org_id, connection_id, verbs["poll"], session, clock=clock)
        taken = Taken(kept=polled.kept, pages=polled.pages)
        await asyncio.to_thread(
            _webhooks_looked_for, database, org_id, connection_id, interval, clock(), webhooks_expected
        )
    completed = await complete(database, org_id, connection_id, verbs, session, clock)
    return Taken(kept=taken.kept + completed.kept, pages=taken.pages, answered=completed.answered)


def _webhooks_looked_for(
    database: Database, org_id: UUID, connection_id: UUID, interval: timedelta, now: datetime, expected: bool
) -> None:
    with database.transaction() as conn:
        name = connections.by_id(conn, org_id, connection_id).name
        look_for_missed_webhooks(conn, org_id, connection_id, name, interval, now, expected=expected)


async def complete(
    database: Database, org_id: UUID, connection_id: UUID, verbs: Mapping[str, Any], session: Session, clock: Clock
) -> Taken:
    """Fetch what was only heard of."""
    if "fetch" not in verbs:
        return Taken()
    try:
        fetched = await fetch(database, org_id, connection_id, verbs["fetch"], session, clock=clock)
    except NeedsConsent as error:
        await asyncio.to_thread(_login_refused, database, org_id, connection_id, "fetch", error, clock())
        raise
    if fetched.answered:
        await asyncio.to_thread(_login_works, database, org_id, connection_id, "fetch", clock())
    return Taken(kept=fetched.kept, answered=fetched.answered)


def record(
    bookkeeper: Bookkeeper, clock: Clock, progress: Callable[[Recorded], None] | None = None, *, batches_max: int = 0
) -> Recorded:
    """Turn all that was taken in into documents and entries, or as much as ``batches_max`` batches hold."""
    total, batches = Recorded(), 0
    while (step := bookkeeper.record(clock())).events:
        total, batches = total + step, batches + 1
        if progress is not None:
            progress(total)
        if batches == batches_max:
            break
    return total


def close_days(database: Database, org_id: UUID, clock: Clock) -> int:
    """Compare what tills say their days came to with what we hold; says how many differ."""
    with database.transaction() as conn:
        return check_closures(conn, org_id, clock())


async def prove(
    database: Database, org_id: UUID, connection_id: UUID, verbs: Mapping[str, Any], session: Session, since: datetime,
    clock: Clock,
) -> Proof:
    """Compare what a source says it has with what we hold; what is missing becomes wanted."""
    reach = verbs["reach"](session.settings) if "reach" in verbs else None
    async with asking(database, org_id, connection_id, "proof", clock):
        proved = await proof(
            database, org_id, connection_id, verbs["ids"], session, since, clock(), clock=clock,
            day_totals=verbs.get("day_totals"), fetch=verbs.get("fetch"),
            kinds=verbs.get("LISTS", frozenset({"sale"})), reach=reach,
        )
    await asyncio.to_thread(_proof_told, database, org_id, connection_id, proved, clock())
    await complete(database, org_id, connection_id, verbs, session, clock)
    return proved


def _proof_told(database: Database, org_id: UUID, connection_id: UUID, proved: Proof, now: datetime) -> None:
    with database.transaction() as conn:
        name = connections.by_id(conn, org_id, connection_id).name
        days = [thing.business_day for thing in proved.missing]
        tell_what_the_proof_found(conn, org_id, connection_id, name, days, now)


async def read_all_back(database: Database, target: Target, since: date, clock: Clock) -> Agreement:
    """Read back what a target changed and what it was told lately, and write down every difference."""
    until = clock().date() + timedelta(days=1)
    recent = max(since, until - timedelta(days=READ_BACK_DAYS))
    async with asking(database, target.org_id, target.connection_id, "read-back", clock):
        await catch_up(database, target, clock())
        if recent <= until:
            await read_back(
                database, target.org_id, target.connection_id, target.verbs, target.session, clock(), recent, until
            )
    return await asyncio.to_thread(_compared, database, target, since, until, clock())


def _compared(database: Database, target: Target, since: date, until: date, now: datetime) -> Agreement:
    with database.transaction() as conn:
        sweep(conn, target, now)
        found = agreement(conn, target.org_id, target.connection_id, since, until)
        keep_differences(conn, target.org_id, target.connection_id, found.differences, now)
        return found


def decide_mapping(
    conn: Connection, org_id: UUID, decisions: Sequence[Decision], *, by: str, reason: str, now: datetime,
    effective_from: date = ALWAYS,
) -> tuple[int, int]:
    """Store a mapping version and let go on what waited for it; gives its number and how many things went on."""
    version, names = decide(conn, org_id, decisions, by=by, reason=reason, now=now, effective_from=effective_from)
    return version, events.release(conn, org_id, names, now) + outbox.release(conn, org_id, names, now, by)


def enter_rate(
    conn: Connection, org_id: UUID, currency: str, day: date, purpose: str, rate: Decimal, *, source: str, by: str, now: datetime
) -> int:
    """Record an exchange rate and let go on what waited for it; says how many things went on."""
    rules.add_rate(conn, org_id, currency, day, purpose, rate, source, now)
    names = [f"rate/{currency}"]
    return events.release(conn, org_id, names, now) + outbox.release(conn, org_id, names, now, by)


def retry(conn: Connection, org_id: UUID, item: ReviewItem, *, by: str, now: datetime) -> int:
    """Try again what a review item is about; says how many things went on. If it parks again, a new item opens."""
    went_on = 0
    kind, _, name = item.subject.partition("/")
    if kind == "event":
        went_on += events.retry(conn, org_id, UUID(name), now)
    elif kind == "wanted":
        went_on += ask_again(conn, org_id, item.subject, now)
    elif item.code == review.CONSENT and item.connection_id is not None:
        record_of_delivery.resume(conn, org_id, item.connection_id, by, now)
    if kind in ("account", "tax_code", "deliverable") and item.connection_id is not None:
        charts.outdate_chart(conn, org_id, item.connection_id)
    if item.waits_for and kind != "wanted":
        went_on += events.release(conn, org_id, [item.waits_for], now)
        went_on += outbox.release(conn, org_id, [item.waits_for], now, by)
    review.settle(conn, org_id, item.subject, "retried", by, now, code=item.code)
    return went_on


def dismiss(conn: Connection, org_id: UUID, item: ReviewItem, *, by: str, now: datetime) -> None:
    """Give up what a review item is about. Raises Refused ``review-not-dismissed`` where that would leave a gap."""
    kind, _, name = item.subject.partition("/")
    if kind == "event":
        events.dismiss(conn, org_id, UUID(name), f"dismissed by {by}", now)
    elif kind == "wanted":
        connection_id, _, external_id = forget(conn, org_id, item.subject)
        events.go_on_without_sale(conn, org_id, connection_id, [external_id], now)
    elif kind == "deliverable":
        record_of_delivery.withdraw(conn, org_id, UUID(name), f"dismissed by {by}", now)
    elif kind not in ("connection", "difference", "closure") or item.code == review.CONSENT:
        raise Refused("review-not-dismissed", f"entries wait for this: {item.message}", remedy=item.remedy)
    review.settle(conn, org_id, item.subject, "dismissed", by, now, code=item.code)


async def deliver(database: Database, target: Target, holder: str, clock: Clock) -> Delivered | None:
    """Tell one target what is due, under its lease; None while another holds that."""
    held = await asyncio.to_thread(_acquire, database, target, holder, clock)
    if held is None:
        return None
    current = held

    def guard(conn: Connection) -> None:
        lease.assert_held(conn, current)

    async def renew() -> None:
        nonlocal current
        current = await asyncio.to_thread(_renew, database, current, clock)

    try:
        return await run_delivery(
            database, target, clock, guard, held.epoch, renew=renew, renew_seconds=lease.lease_seconds() / 3
        )
    except Conflict:
        # Taken over: whoever has it now goes on from what is stored.
        return None
    finally:
        await asyncio.to_thread(_release, database, held, clock)


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A drift, and what a decision about it did or would do. ``mark`` names the drift as it is shown; without entries and
    documents to tell, and without a ``mending_id``, nothing was left to mend."""

    mark: str
    drift: tuple[str, ...]
    differences: tuple[Gap, ...]
    entries: tuple[EntryShown, ...] = ()
    told: tuple[Told, ...] = ()
    mending_id: UUID | None = None


async def mend_drift(
    database: Database, target: Target, holder: str, clock: Clock, deliverable_id: UUID, choice: Choice, *,
    only_show: bool = False,
) -> Decided:
    """Mend what others changed at a target, or only show what that would do, after reading back what stands there.

    Raises Transient ``target-busy`` where somebody else tells the target right now.
    """
    async with held_still(database, target, holder, clock) as guard:
        async with asking(database, target.org_id, target.connection_id, "read-back", clock):
            await read_these(
                database, target.org_id, target.connection_id, target.verbs, target.session, clock(), deliverable_id)
            chart = await _chart(database, target, clock)
        return await asyncio.to_thread(_mended, database, target, chart, deliverable_id, choice, clock, guard, only_show)


async def decide_typed_in(
    database: Database, target: Target, holder: str, clock: Clock, group_key: str, verdict: Verdict, *, only_show: bool = False,
) -> Decided:
    """Say whether a document of others is the one that was about to be told, or only show what would come of it."""
    async with held_still(database, target, holder, clock) as guard:
        chart = await _chart(database, target, clock)
        return await asyncio.to_thread(_typed_in, database, target, chart, group_key, verdict, clock, guard, only_show)


def _typed_in(
    database: Database, target: Target, chart: Chart, group_key: str, verdict: Verdict, clock: Clock,
    guard: Callable[[Connection], None], only_show: bool,
) -> Decided:
    with database.transaction() as conn:
        done = decide_look_alike(conn, target, chart, group_key, verdict, clock(), guard)
        answer = Decided(
            mark=group_key, drift=(), differences=(), told=(told_of(conn, target, chart, (), done.opened, clock()),),
            mending_id=done.mending_id)
        if only_show:
            conn.rollback()
            return msgspec.structs.replace(answer, mending_id=None)
        if done.mending_id is not None:
            log.record(conn, target.org_id, verdict.by, f"typed-in.{verdict.answer}", group_key[:200], clock(),
                       {"reason": verdict.reason, "mending": str(done.mending_id)})
        return answer


def _mended(
    database: Database, target: Target, chart: Chart, deliverable_id: UUID, choice: Choice, clock: Clock,
    guard: Callable[[Connection], None], only_show: bool,
) -> Decided:
    with database.transaction() as conn:
        Ledger.open(conn, target.org_id)
        found = drifted(conn, target.org_id, target.connection_id, deliverable_id)
        names = charts.account_names(conn, target.org_id, target.connection_id)
        done = mend(conn, target, chart, deliverable_id, choice, clock(), guard)
        answer = Decided(
            mark=found.mark if found else "", drift=tuple(one.sentence(names) for one in found.documents) if found else (),
            differences=found.gaps if found else (), entries=entries_shown(conn, target.org_id, done.entries),
            told=(told_of(conn, target, chart, done.entries, done.opened, clock()),), mending_id=done.mending_id)
        if only_show:
            conn.rollback()
            return msgspec.structs.replace(answer, mending_id=None)
        if done.mending_id is not None:
            log.record(conn, target.org_id, choice.by, f"drift.{choice.way}", f"deliverable/{deliverable_id}", clock(),
                       {"reason": choice.reason, "mending": str(done.mending_id)})
        return answer


class Reversed(msgspec.Struct, frozen=True, kw_only=True):
    """What an undoing or redoing did or would do: entries (at most ``SHOWN_MAX`` of them), the sum per account, and what each
    target is told. Without a ``mending_id`` nothing was done: only shown, or nothing was left to do."""

    count: int
    entries: tuple[EntryShown, ...]
    accounts: tuple[LineShown, ...]
    told: tuple[Told, ...]
    mending_id: UUID | None = None


def undo(
    database: Database, org_id: UUID, scope: Scope, on: date | None, targets: Sequence[Target], *, by: str, reason: str,
    clock: Clock, only_show: bool = False,
) -> Reversed:
    """Reverse what still stands of a scope, on a day or each entry on its own, and put that before the targets."""
    with database.transaction() as conn:
        done = undoing.undo(conn, org_id, scope, on, by=by, reason=reason, now=clock())
        return _reversed(conn, org_id, done, targets, "undo", scope.words(), by, reason, clock(), only_show=only_show)


def redo(
    database: Database, org_id: UUID, mending_id: UUID, on: date, targets: Sequence[Target], *, by: str, reason: str,
    clock: Clock, only_show: bool = False,
) -> Reversed:
    """Say again what an undoing took out, and put that before the targets."""
    with database.transaction() as conn:
        done = undoing.redo(conn, org_id, mending_id, on, by=by, reason=reason, now=clock())
        return _reversed(conn, org_id, done, targets, "redo", f"mending/{mending_id}", by, reason, clock(), only_show=only_show)


def _reversed(
    conn: Connection, org_id: UUID, done: Undone, targets: Sequence[Target], action: str, subject: str, by: str, reason: str,
    now: datetime, *, only_show: bool,
) -> Reversed:
    put_before(conn, org_id, done.made, now)
    numbers = [number for number, _, _ in done.made]
    every = entries_shown(conn, org_id, numbers)
    told = []
    for target in targets:
        kept = charts.stored_chart(conn, org_id, target.connection_id)
        if kept is not None and numbers:
            told.append(told_of(conn, target, kept[0], numbers, (), now))
    answer = Reversed(
        count=len(every), entries=every[:SHOWN_MAX], accounts=per_account(every), told=tuple(told), mending_id=done.mending_id)
    if only_show:
        conn.rollback()
        return msgspec.structs.replace(answer, mending_id=None)
    if done.mending_id is not None:
        log.record(conn, org_id, by, f"books.{action}", subject[:200], now, {"reason": reason, "mending": str(done.mending_id)})
    return answer


async def _chart(database: Database, target: Target, clock: Clock) -> Chart:
    """The chart as it was last read, or as it is read now where that is long ago."""
    kept = await asyncio.to_thread(_kept_chart, database, target)
    if kept is not None and kept[1] > clock() - timedelta(seconds=charts.CHART_SECONDS):
        return kept[0]
    chart = await target.verbs.chart(target.session)
    await asyncio.to_thread(_keep_chart, database, target, chart, clock())
    return chart


def _kept_chart(database: Database, target: Target) -> tuple[Chart, datetime] | None:
    with database.transaction() as conn:
        return charts.stored_chart(conn, target.org_id, target.connection_id)


def _keep_chart(database: Database, target: Target, chart: Chart, now: datetime) -> None:
    with database.transaction() as conn:
        charts.store_chart(conn, target.org_id, target.connection_id, chart, now)


@asynccontextmanager
async def held_still(
    database: Database, target: Target, holder: str, clock: Clock
) -> AsyncIterator[Callable[[Connection], None]]:
    """Hold a target's delivery lease, so that nobody tells it anything meanwhile. Raises Transient ``target-busy``."""
    mine = f"{holder}/{uuid7(clock()).hex}"  # not the worker's own: what it is about to write must not pass for ours
    held = await asyncio.to_thread(_acquire, database, target, mine, clock)
    if held is None:
        raise Transient("target-busy", f"{target.name} is being told something right now", retry_after=lease.lease_seconds())
    try:
        yield lambda conn: lease.assert_held(conn, held)
    finally:
        await asyncio.to_thread(_release, database, held, clock)


def _acquire(database: Database, target: Target, holder: str, clock: Clock) -> lease.Lease | None:
    with database.transaction() as conn:
        return lease.acquire(conn, target.org_id, target.lease_name, holder, clock())


def _renew(database: Database, held: lease.Lease, clock: Clock) -> lease.Lease:
    with database.transaction() as conn:
        return lease.renew(conn, held, clock())


def _release(database: Database, held: lease.Lease, clock: Clock) -> None:
    with database.transaction() as conn:
        lease.release(conn, held, clock())
