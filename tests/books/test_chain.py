"""The format of the chain is final: these values may never change."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.books import chain
from leja.books.entry import Entry, EntryLine
from leja.core.errors import BrokenInvariant

VECTOR = (
    (
        {
            "seq": 1,
            "at": "2026-05-01T08:00:00Z",
            "actor": "u1",
            "action": "entry.post",
            "object": "JE-1",
            "data": {"total": "999.00"},
            "why": "daily sales",
        },
        "8b4fab139b5a52d3bef05a58c2a8ae5fc2fe4ec567b03845ccaf0825c2b805df",
    ),
    (
        {
            "seq": 2,
            "at": "2026-05-01T09:30:00Z",
            "actor": "u2",
            "action": "period.lock",
            "object": "2026-04",
            "data": {},
            "why": "April closed",
        },
        "125f2be610395139c02cb9f71df2b42cf4b0379b6d75c12cf51d568c5ef3c660",
    ),
    (
        {
            "seq": 3,
            "at": "2026-05-03T10:00:00Z",
            "actor": "u1",
            "action": "entry.reverse",
            "object": "JE-1",
            "data": {"reversal": "JE-2"},
            "why": "duplicate",
        },
        "06fee2b92eeb4d572b6c63ffc8c4760ded6af2387508574348d9d9eb8db55f40",
    ),
)
ORG, DOCUMENT = UUID(int=1), UUID(int=2)
ENTRY = Entry(
    label="sale",
    posting_date=date(2026, 5, 3),
    business_day=date(2026, 5, 2),
    text='Order "#1" ✓\n',
    reverses=7,
    lines=(
        EntryLine(
            account="1100",
            role="clearing",
            amount=2**53 + 1,
            currency="JPY",
            base=100,
            rate=Decimal("0.0100"),
            location="NBO",
            channel="web",
            memo="a\\b\tc\x1f\u2028",
        ),
        EntryLine(
            account="4000",
            role="sales",
            amount=-(2**53 + 1),
            currency="JPY",
            base=-100,
            rate=Decimal("1E-2"),
            tax_code="S20",
            tax_point=date(2026, 5, 2),
            return_period="2026-05",
        ),
    ),
)
AT = datetime(2026, 5, 3, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=3)))
GOLDEN = (
    '["leja/entry/1","00000000-0000-0000-0000-000000000001",42,"00000000-0000-0000-0000-000000000002",1,1,"sale",'
    '"2026-05-03","2026-05","2026-05-02","Order \\"#1\\" ✓\\n",7,"2026-05-03T09:00:00.000005Z",['
    '[1,"1100","clearing","9007199254740993","JPY","100","0.01","NBO","web","",null,"","a\\\\b\\tc\\u001f\u2028"],'
    '[2,"4000","sales","-9007199254740993","JPY","-100","0.01","","","S20","2026-05-02","2026-05",""]]]'
)

GOLDEN_DIGESTS = {
    "event": "4f997565be8c0d9cf3fc972d93997a304edb4b400056a5bfbfdb3cceee969e25",
    "event body": "9c94f8772f5f5ad1793fe4c2a9ee85723d15eb37f9603448130c0a95fda4ba04",
    "party": "d7c765b399c3a6991ef0b6d49d47662966e2f7acc387535a84b65b7d8704d579",
    "revision": "6b4f67c2bb61bed52474351333924c1016b5b8f09a9bde80598cda710d7f51c9",
    "attempt": "4a7b52ca71bcd2cc77140d3e098ab51911f23b7dbda67bbf3494734451d1499a",
    "outcome": "718017da60fdfc852398661a71b515da9f5d2e484b41ff7a21ca2a95e83bf61e",
    "mapping": "bfc555591412209d9ac15538cfb308811f9bb803f490f3c120f4433b00ab0938",
    "period": "0ec5d54373a110d2383f3d174147807ec3200286d97ca9e31dca43b9bd5b059c",
}


def test_the_published_vector_of_the_recommended_construction_holds() -> None:
    before = chain.GENESIS
    for event, expected in VECTOR:
        before = chain.chained(before, chain.canonical_json(event))
        assert before.hex() == expected


def test_a_link_is_that_construction_over_what_the_chain_stores() -> None:
    digest = sha256(b"x").digest()
    item = {"position": 7, "kind": "revision", "subject": f"{DOCUMENT}/1", "digest": digest.hex()}
    expected = chain.chained(bytes(range(32)), chain.canonical_json(item))
    assert chain.link(bytes(range(32)), 7, "revision", f"{DOCUMENT}/1", digest) == expected


def test_the_bytes_of_an_entry_are_these() -> None:
    content = chain.entry_bytes(ORG, 42, DOCUMENT, 1, 1, ENTRY, AT)
    assert content.decode() == GOLDEN
    assert sha256(content).hexdigest() == "39912605c09af4f959cd44a5c0101e773480f00bf53027b35e1140a0e79e9587"


def test_any_json_library_gives_the_same_bytes() -> None:
    content = chain.entry_bytes(ORG, 42, DOCUMENT, 1, 1, ENTRY, AT)
    assert json.dumps(json.loads(content), separators=(",", ":"), ensure_ascii=False).encode() == content


def test_the_digests_of_the_other_kinds_are_these() -> None:
    some = sha256(b"some").digest()
    day = date(2026, 5, 3)
    found = {
        "event": chain.event_item(ORG, UUID(int=3), UUID(int=4), "k", "t", "webhook", "", "{}", some, AT),
        "event body": chain.event_digest(b"salt", b"body"),
        "party": chain.party_digest(b"salt", "{}"),
        "revision": chain.revision_digest(
            ORG,
            DOCUMENT,
            1,
            UUID(int=4),
            "sale",
            "x1",
            "v1",
            some,
            UUID(int=3),
            AT,
            180,
            day,
            "#1",
            "KES",
            "{}",
            UUID(int=9),
            some,
            False,
            ("unlinked_return",),
            AT,
        ),
        "attempt": chain.attempt_digest(
            ORG, UUID(int=5), UUID(int=6), UUID(int=7), "invoice", 1, 1, "ref", "{}", some, 3, AT, AT
        ),
        "outcome": chain.outcome_digest(ORG, UUID(int=5), 1, "accepted", "{}", AT),
        "mapping": chain.mapping_digest(
            ORG, 1, day, "why", "ann", AT, [(1, "books", "role", "sales", {"b": "1", "a": "2"}, "4000")]
        ),
        "period": chain.period_digest(ORG, "2026-05", 1, "locked", "closed", "ann", AT),
    }
    assert {name: digest.hex() for name, digest in found.items()} == GOLDEN_DIGESTS


@pytest.mark.parametrize(
    "change",
    [
        {"label": "sales"},
        {"posting_date": date(2026, 5, 4)},
        {"business_day": date(2026, 5, 3)},
        {"text": ""},
        {"reverses": None},
        {"lines": ENTRY.lines[::-1]},
        {"lines": ENTRY.lines[:1]},
    ],
)
def test_every_field_of_an_entry_is_covered(change: dict[str, object]) -> None:
    changed = msgspec.structs.replace(ENTRY, **change)
    assert chain.entry_bytes(ORG, 42, DOCUMENT, 1, 1, changed, AT) != GOLDEN.encode()


@pytest.mark.parametrize("field", EntryLine.__struct_fields__)
def test_every_field_of_a_line_is_covered(field: str) -> None:
    line = ENTRY.lines[0]
    other = {"amount": 1, "base": 1, "rate": Decimal(2), "tax_point": date(2026, 1, 1)}.get(field, "other")
    changed = msgspec.structs.replace(ENTRY, lines=(msgspec.structs.replace(line, **{field: other}), ENTRY.lines[1]))
    assert chain.entry_bytes(ORG, 42, DOCUMENT, 1, 1, changed, AT) != GOLDEN.encode()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8))
def test_equal_numbers_give_equal_text(number: Decimal) -> None:
    assert chain.number_text(number) == chain.number_text(Decimal(f"{number:f}00"))
    assert Decimal(chain.number_text(number)) == number


@pytest.mark.parametrize("subject", ["", 'a"b', "a\\b", "a\nb", "é", "a b"])
def test_a_subject_that_json_would_have_to_escape_is_refused(subject: str) -> None:
    with pytest.raises(BrokenInvariant, match="chain-subject"):
        chain.require_subject("entry", subject)


def test_instants_are_written_in_utc_with_six_decimals() -> None:
    assert chain.instant_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
