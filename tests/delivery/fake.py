"""An accounting system in memory that is driven through the contract alone, and an organisation with entries
to tell it."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from leja.books.entry import Entry, EntryLine
from leja.connectors.contract import (
    Absent,
    Accepted,
    AlreadyThere,
    Ambiguous,
    Anchor,
    ChangedPage,
    Chart,
    Draft,
    Found,
    Later,
    Limits,
    Rejected,
    RemoteAccount,
    RemoteBalance,
    RemoteDocument,
    RemoteLine,
    RemoteState,
    RemoteTaxCode,
    Session,
    Step,
    Unknown,
)
from leja.core.errors import NeedsReview
from leja.core.ids import uuid7
from leja.core.money import Money
from leja.database.ledger import Ledger
from leja.delivery.outbox import Booking, enqueue, places, told
from leja.delivery.target import Target
from leja.http.pacing import Pacing

ACCOUNTS = {"1000": "bank", "1100": "receivable", "2200": "tax", "4000": "income", "5000": "cost_of_sales",
"1200": "current_asset"}


@dataclass
class FakeDocument:
    kind: str
    id: str
    reference: str
    total: Money
    date: date
    moves: dict
    state: str = "present"
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeTarget:
    """``unique``: refuses a second reference. ``lag``: its search sees a document so many seconds late."""

    clock: object
    unique: bool = False
    lag: int = 0
    remembered: int = 0
    home: str = "GBP"
    multicurrency: bool = True
    locked_until: date | None = None
    posts: list = field(default_factory=list)
    log: list = field(default_factory=list)
    keys: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)
    rng: random.Random | None = None
    calls: int = 0
    inactive: set = field(default_factory=set)
    item: str = ""
    refuses: str = ""

    @property
    def ANCHORS(self):
        anchor = Anchor(field="number", unique=self.unique, length=21, look_up="filter", look_up_lag=self.lag,
                        key_remembered=self.remembered)
        return {"journal": anchor, "receipt": anchor, "payment": anchor, "item": anchor}

    async def chart(self, session):
        return Chart(
            accounts=tuple(RemoteAccount(id=f"r{c}", code=c, name=c, kind=k, active=c not in self.inactive) for c,
            k in ACCOUNTS.items()),
            tax_codes=(RemoteTaxCode(id="T20", name="20%", rate=Decimal(20)), RemoteTaxCode(id="T0", name="0%",
            rate=Decimal(0))),
            home_currency=self.home, multicurrency=self.multicurrency, locked_until=self.locked_until,
        )

    def steps(self, bundle, chart):
        """``refuses`` is a currency that it cannot be told; ``item`` the name of a record that its documents need."""
        if bundle.currency == self.refuses:
            raise NeedsReview("fake-home-currency-only", f"{bundle.currency} cannot be told", in_base=True)
        documents = self._documents(bundle)
        if not self.item:
            return documents
        return (Step(name="item", kind="item", reference=self.item, bundle=bundle), *documents)

    def _documents(self, bundle):
        if bundle.kind != "daily":
            return (Step(name="document", kind="receipt", reference=bundle.reference, bundle=bundle,
            lines=bundle.lines),)
        money = tuple(line for line in bundle.lines if line.account_kind == "bank")
        rest = tuple(line for line in bundle.lines if line.account_kind != "bank")
        first = Step(name="document", kind="receipt", reference=bundle.reference, bundle=bundle, lines=rest)
        if not money:
            return (first,)
        return (first, Step(name="payment", kind="payment", reference=bundle.reference + "-P1", bundle=bundle,
        lines=money, after=("document",)))

    def draft(self, step, chart, accepted):
        moves = defaultdict(int)
        if self.item and step.kind != "item":
            assert accepted["item"].remote_id
        for line in step.lines:
            moves[line.account] += line.amount.minor
        if step.name == "payment":
            assert accepted["document"].remote_id
        if rest := sum(moves.values()):
            moves["r1100"] -= rest
        total = Money(sum(v for v in moves.values() if v > 0), step.bundle.currency)
        body = f"{step.reference} {step.bundle.date} {sorted(moves.items())} {step.bundle.text}".encode()
        return Draft(step=step.name, kind=step.kind, reference=step.reference, method="POST", path=f"/{step.kind}",
        body=body,
                     date=step.bundle.date, total=total, moves={k: v for k, v in moves.items() if v},
                     text=step.bundle.text)

    def _store(self, draft, at=None):
        number = str(len(self.posts) + 1)
        post = FakeDocument(draft.kind, number, draft.reference, draft.total, draft.date, dict(draft.moves),
        at=at or self.clock())
        self.posts.append(post)
        self.log.append(post)
        if draft.key:
            self.keys[draft.key] = (post, self.clock())
        return post

    def _remote(self, post):
        return RemoteDocument(kind=post.kind, remote_id=post.id, reference=post.reference, total=post.total,
        date=post.date)

    def _fault(self):
        if self.faults:
            return self.faults.pop(0)
        if self.rng is not None:
            return self.rng.choices(["ok", "lost", "dropped", "later", "late"], [10, 3, 2, 1, 1])[0]
        return "ok"

    async def deliver(self, session, drafts):
        self.calls += 1
        return tuple(self._one(draft) for draft in drafts)

    def _one(self, draft):
        now = self.clock()
        fault = self._fault()
        if fault == "later":
            return Later(until=now + timedelta(seconds=3), why="429")
        if fault == "dropped":
            return Unknown(why="connection reset before it arrived")
        kept = self.keys.get(draft.key)
        if self.remembered and kept and now < kept[1] + timedelta(seconds=self.remembered):
            return Accepted(document=self._remote(kept[0]))
        if fault.startswith("reject:"):
            return Rejected(code="E", words="Words of the vendor", remedy=fault.partition(":")[2])
        if self.locked_until and draft.date <= self.locked_until:
            return Rejected(code="6210", words="Account Period Closed", remedy="period_locked")
        if self.unique and any(p.reference == draft.reference for p in self.posts):
            return AlreadyThere(words="Duplicate Document Number")
        post = self._store(draft, now + timedelta(seconds=20) if fault == "late" else None)
        if fault in ("lost", "late"):
            return Unknown(why="the answer was lost")
        return Accepted(document=self._remote(post))

    def _seen(self):
        return [p for p in self.posts if p.at + timedelta(seconds=self.lag) <= self.clock()]

    async def find(self, session, drafts):
        return tuple(self._finding(draft) for draft in drafts)

    def _finding(self, draft):
        same = [p for p in self._seen() if p.reference == draft.reference and p.state == "present"]
        if not same:
            return Absent()
        if len(same) > 1:
            return Ambiguous(why=f"{len(same)} of them", documents=tuple(self._remote(p) for p in same))
        return Found(document=self._remote(same[0]))

    def _state(self, post):
        return RemoteState(
            document=self._remote(post), state=post.state, changed_at=post.at,
            lines=tuple(RemoteLine(account=a, amount=Money(v, post.total.currency)) for a,
            v in sorted(post.moves.items())),
        )

    async def changed(self, session, cursor):
        visible = [p for p in self.log if p.at + timedelta(seconds=self.lag) <= self.clock()]
        start = int(cursor or 0)
        page = visible[start : start + 3]
        return ChangedPage(states=tuple(self._state(p) for p in page), cursor=str(start + len(page)),
        more=len(visible) > start + 3)

    async def read_back(self, session, documents):
        wanted = {d.remote_id for d in documents}
        return tuple(self._state(p) for p in self.posts if p.id in wanted)

    async def balances(self, session, since, until):
        sums = defaultdict(int)
        for post in self.posts:
            if post.state == "present" and since <= post.date <= until:
                for account, amount in post.moves.items():
                    sums[account, post.date, post.total.currency] += amount
        return tuple(RemoteBalance(account=a, day=d, amount=Money(v, c)) for (a, d, c), v in sorted(sums.items()) if v)

    def sums(self):
        found = defaultdict(int)
        for post in self.posts:
            if post.state == "present":
                for account, amount in post.moves.items():
                    found[account] += amount
        return {account: amount for account, amount in found.items() if amount}

    def change(self, post, **what):
        for name, value in what.items():
            setattr(post, name, value)
        self.log.append(post)


class Client:
    """The HTTP client as far as delivery itself uses it. Sleeping moves the clock on."""

    def __init__(self, pacing):
        self.pacing = pacing

    def in_lane(self, lane):
        return self

    def before(self, moment):
        return self


def session(clock, limits=None):
    """A session whose pace is ``limits`` on the tests' clock."""
    async def sleep(seconds):
        clock.forward(seconds=seconds)

    http = Client(Pacing(limits, now=clock, sleep=sleep))
    return Session(http=http, settings=None, base_url="", tenant="", now=clock, context=None)


class Shop:
    """An organisation with one shop and one accounting connection, and entries of its own making."""

    def __init__(self, database, clock, fake, start=date(2026, 1, 1)):
        self.database, self.clock, self.fake = database, clock, fake
        self.org_id, self.shop_id, self.target_id = uuid4(), UUID(int=7), UUID(int=8)
        with database.transaction() as conn:
            conn.execute("INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, %s, 'GBP', %s)",
            (self.org_id, str(self.org_id), clock()))
            for one, slug, duty in ((self.shop_id, "shop", "sales"), (self.target_id, "fake", "accounting")):
                conn.execute(
                    "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    (self.org_id, one, slug, slug, duty, start, f"{self.org_id}-{slug}", clock()),
                )
            for code, kind in ACCOUNTS.items():
                conn.execute("INSERT INTO account VALUES (%s, %s, %s, %s)", (self.org_id, code, code, kind))
        self.map({f"account:{c}": f"r{c}" for c in ACCOUNTS} | {"tax_code:S": "T20"})
        self.target = Target(
            org_id=self.org_id, connection_id=self.target_id, name="fake", verbs=fake, session=session(clock),
            limits=Limits(batch=3, concurrent=2),
        )

    def map(self, rules):
        with self.database.transaction() as conn:
            version = conn.execute("SELECT coalesce(max(version), 0) + 1 FROM mapping_version WHERE org_id = %s",
            (self.org_id,)).fetchone()[0]
            conn.execute("INSERT INTO mapping_version VALUES (%s, %s, '2020-01-01', '', 'me', %s)", (self.org_id,
            version, self.clock()))
            for at, (key, value) in enumerate(rules.items()):
                kind, _, name = key.partition(":")
                conn.execute(
                    "INSERT INTO mapping_rule (org_id, version, scope, kind, key, value, ordinal) VALUES (%s, %s,"
                    " %s, %s, %s, %s, %s)",
                    (self.org_id, version, str(self.target_id), kind, name, value, at),
                )

    def mode(self, mode):
        with self.database.transaction() as conn:
            conn.execute(
                "INSERT INTO posting_mode VALUES (%s, %s, '', '', %s, '2020-01-01', %s)",
                (self.org_id, self.target_id, mode, self.clock()),
            )

    def sale(self, name, gross=1200, day=date(2026, 5, 4), *, kind="sale", of=None, currency="GBP", lines=None,
             posting=None, document_id=None, revision=1, location="nairobi", lane="live",
             settles=(), processor="card"):
        """Write a document, its entry and its outbox rows in one transaction, as bookkeeping does.

        ``settles`` are the processor's names of its movements: of a sale's tenders, or of what a payout settles.
        """
        now = self.clock()
        tax = gross // 6
        amounts = lines or [("1000", "clearing:card", gross, ""), ("4000", "sales", tax - gross, "S"), ("2200",
        "output_tax", -tax, "S")]
        with self.database.transaction() as conn:
            ledger = Ledger.open(conn, self.org_id)
            if document_id is None:
                document_id = uuid7(now)
                conn.execute("INSERT INTO document VALUES (%s, %s, %s, %s, %s)", (self.org_id, document_id,
                self.shop_id, kind, name))
                if of is not None:
                    conn.execute(
                        "INSERT INTO document_link VALUES (%s, %s, 'refund_of', %s, 'sale', %s)",
                        (self.org_id, document_id, self.shop_id, of))
            event_id = uuid7(now)
            conn.execute(
                "INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, digest, received_at)"
                " VALUES (%s, %s, %s, %s, 't', 'poll', '\\x00', %s)",
                (self.org_id, event_id, self.shop_id, str(event_id), now))
            conn.execute(
                "INSERT INTO document_revision (org_id, document_id, revision, version, digest, event_id,"
                " occurred_at, offset_minutes,"
                " business_day, number, currency, facts, recorded_at) VALUES (%s, %s, %s, '1', '\\x00', %s, %s, 0,"
                " %s, %s, %s, %s, %s)",
                (self.org_id, document_id, revision, event_id, now, day, name, currency,
                 json.dumps({"tenders": [{"processor": processor} for _ in settles]}), now))
            for one in settles:
                conn.execute("INSERT INTO processor_reference VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                             (self.org_id, processor, one, document_id))
            entry = Entry(label=f"{kind}{revision}", posting_date=posting or day, business_day=day, lines=tuple(
                EntryLine(account=a, role=r, amount=v, currency=currency, base=v, tax_code=t, location=location,
                channel="web")
                for a, r, v, t in amounts))
            number = ledger.post(document_id, revision, [entry])[0]
            ledger.flush(now)
            booking = Booking(number, document_id, kind, day, posting or day, location, "web", currency, "consumer",
            lane)
            enqueue(conn, self.org_id, [booking], told(conn, self.org_id), places(conn, self.org_id), now)
        return document_id

    def rows(self, sql):
        with self.database.transaction() as conn:
            return conn.execute(sql, (self.org_id,)).fetchall()
