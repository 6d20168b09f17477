"""Rows that foreign keys of the books ask for, and entries to post, for tests of several rooms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec

from leja.books import chain
from leja.books.entry import Entry, EntryLine
from leja.database.engine import Connection

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
ACCOUNTS = {
    "1000": ("Cash", "bank"),
    "1100": ("Clearing: cards/web", "current_asset"),
    "2100": ("VAT payable", "tax"),
    "4000": ("Sales & <gifts>", "income"),
    "4010": ("Shipping", "income"),
    "5000": ("Cost of goods", "cost_of_sales"),
    "1300": ("Inventory", "current_asset"),
    "7000": ("Exchange differences", "expense"),
}
_counter = itertools.count(1)


class Books(msgspec.Struct, kw_only=True):
    """One organisation with a shop, a target, its accounts, and documents to hang entries on."""

    org_id: UUID
    shop: UUID
    target: UUID
    base: str = "GBP"


def books(conn: Connection, *, base: str = "GBP") -> Books:
    """A fresh organisation, ready to be posted into."""
    made = Books(org_id=uuid4(), shop=uuid4(), target=uuid4(), base=base)
    conn.execute(
        "INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, %s, %s, %s)",
        (made.org_id, f"Duka {made.org_id}", base, NOW),
    )
    for connection_id, name, slug, duty in (
        (made.shop, "shop", "a_shop", "sales"),
        (made.target, "books", "a_target", "accounting"),
    ):
        conn.execute(
            "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
            " VALUES (%s, %s, %s, %s, %s, '2020-01-01', %s, %s)",
            (made.org_id, connection_id, name, slug, duty, str(uuid4()), NOW),
        )
    for code, (name, kind) in ACCOUNTS.items():
        conn.execute(
            "INSERT INTO account (org_id, code, name, kind) VALUES (%s, %s, %s, %s)", (made.org_id, code, name, kind)
        )
    return made


class Happened(msgspec.Struct, kw_only=True):
    """A document with one revision, and the digests that go into the chain before its entries."""

    event_id: UUID
    document_id: UUID
    event_digest: bytes
    revision_digest: bytes


def happened(conn: Connection, org: Books, *, body: bytes = b"", state: str = "done") -> Happened:
    """One event with a document of one revision, as bookkeeping would store them."""
    return next(happenings(conn, org, 1, body=body, state=state))


def happenings(
    conn: Connection, org: Books, count: int, *, body: bytes = b"", state: str = "done"
) -> Iterator[Happened]:
    """Many of them, written row by row."""
    for _ in range(count):
        event_id, document_id, number = uuid4(), uuid4(), next(_counter)
        salt, content = event_id.bytes, body or f'{{"id":{number}}}'.encode()
        digest = chain.event_digest(salt, content)
        key, facts = f"order/{event_id}", f'{{"kind":"sale","n":{number}}}'
        day = date(2026, 5, 1)
        conn.execute(
            "INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, digest, received_at)"
            " VALUES (%s, %s, %s, %s, 'orders/paid', 'webhook', %s, %s)",
            (org.org_id, event_id, org.shop, key, digest, NOW),
        )
        conn.execute(
            "INSERT INTO event_body (org_id, event_id, salt, body) VALUES (%s, %s, %s, %s)",
            (org.org_id, event_id, salt, content),
        )
        conn.execute(
            "INSERT INTO event_state (org_id, event_id, connection_id, state, at) VALUES (%s, %s, %s, %s, %s)",
            (org.org_id, event_id, org.shop, state, NOW),
        )
        conn.execute(
            "INSERT INTO document (org_id, document_id, connection_id, kind, external_id)"
            " VALUES (%s, %s, %s, 'sale', %s)",
            (org.org_id, document_id, org.shop, str(document_id)),
        )
        conn.execute(
            "INSERT INTO document_revision (org_id, document_id, revision, version, digest, event_id, occurred_at,"
            " offset_minutes, business_day, number, currency, facts, recorded_at)"
            " VALUES (%s, %s, 1, '1', %s, %s, %s, 60, %s, %s, %s, %s, %s)",
            (org.org_id, document_id, digest, event_id, NOW, day, f"#{number}", org.base, facts, NOW),
        )
        yield Happened(
            event_id=event_id,
            document_id=document_id,
            event_digest=chain.event_item(
                org.org_id, event_id, org.shop, key, "orders/paid", "webhook", "", "{}", digest, NOW
            ),
            revision_digest=chain.revision_digest(
                org.org_id,
                document_id,
                1,
                org.shop,
                "sale",
                str(document_id),
                "1",
                digest,
                event_id,
                NOW,
                60,
                day,
                f"#{number}",
                org.base,
                facts,
                None,
                None,
                False,
                (),
                NOW,
            ),
        )


def line(account: str, amount: int, currency: str = "GBP", **rest: object) -> EntryLine:
    """A line in base currency, unless ``base`` says otherwise."""
    values: dict[str, object] = {"role": "sales", "base": amount, "location": "NBO", "channel": "web", **rest}
    return EntryLine(account=account, amount=amount, currency=currency, **values)  # type: ignore[arg-type]


def sale(net: int = 1000, day: date = date(2026, 5, 3), *, label: str = "sale") -> Entry:
    """A sale of five lines: tender, sales, shipping, tax, and rounding of one."""
    tax, shipping = net // 5, net // 10
    lines = (
        line("1100", net + tax + shipping + 1, role="clearing", memo="tender\twith\\odd\ntext ✓"),
        line("4000", -net, role="sales", tax_code="S20"),
        line("4010", -shipping, role="shipping", tax_code="S20"),
        line("2100", -tax, role="tax", tax_code="S20", tax_point=day, return_period=chain.month_of(day)),
        line("4000", -1, role="rounding"),
    )
    return Entry(label=label, posting_date=day, business_day=day, lines=lines, text="Order #1")


def foreign_sale(amount: int, currency: str, base: int, rate: str, day: date = date(2026, 5, 3)) -> Entry:
    """A sale of two lines in another currency."""
    facts = {"rate": Decimal(rate)}
    return Entry(
        label="sale",
        posting_date=day,
        business_day=day,
        lines=(
            line("1100", amount, currency, base=base, role="clearing", **facts),
            line("4000", -amount, currency, base=-base, role="sales", **facts),
        ),
    )


def exchange(amount: int, currency: str, got: int, was: int, day: date = date(2026, 5, 9)) -> Entry:
    """Foreign money of book value ``was`` arrives as ``got`` in base currency; the difference is exchange."""
    return Entry(
        label="payout",
        posting_date=day,
        business_day=day,
        lines=(
            line("1000", got, role="bank"),
            line("1100", -amount, currency, base=-was, role="clearing"),
            line("7000", was - got, role="fx_difference"),
        ),
    )


def post(conn: Connection, org: Books, entries: Sequence[Entry], *, now: datetime = NOW) -> list[int]:
    """One document with these entries, fully chained."""
    from leja.database.ledger import Ledger

    thing = happened(conn, org)
    ledger = Ledger.open(conn, org.org_id)
    ledger.note("event", str(thing.event_id), thing.event_digest)
    ledger.note("revision", f"{thing.document_id}/1", thing.revision_digest)
    numbers = ledger.post(thing.document_id, 1, entries)
    ledger.flush(now)
    return numbers
