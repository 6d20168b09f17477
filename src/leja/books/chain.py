"""The hash chain: canonical bytes of everything that is chained, its digest, and the link to what came before.

The format is final and described in docs/decisions/0003-chain.md: every digest is SHA-256 over a canonical JSON array
whose first item names the kind and version of the format, every link is SHA-256 over the hash before and a canonical
JSON object. Everything can be recomputed from the stored columns alone, in any language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

import msgspec

from leja.books.entry import Entry
from leja.core.errors import BrokenInvariant

Kind = Literal["event", "revision", "entry", "attempt", "outcome", "mapping", "period"]
KINDS: Final[tuple[Kind, ...]] = ("event", "revision", "entry", "attempt", "outcome", "mapping", "period")
GENESIS: Final = bytes(32)

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_SUBJECT: Final = re.compile(r"[0-9A-Za-z/-]{1,100}\Z")


def canonical_json(value: Mapping[str, object]) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; amounts and times are handed in as text (RFC 8785 style)."""
    return _encode_sorted(value)


def chained(before: bytes, canonical: bytes) -> bytes:
    """The hash of one item after ``before``: SHA-256(hex(before), newline, canonical JSON)."""
    return sha256(before.hex().encode() + b"\n" + canonical).digest()


def link(before: bytes, position: int, kind: str, subject: str, digest: bytes) -> bytes:
    """The hash of the item at ``position``; the first item follows ``GENESIS``, 32 zero bytes."""
    # Written out, not encoded: subjects hold nothing that JSON would escape, and this runs for every item.
    text = f'{before.hex()}\n{{"digest":"{digest.hex()}","kind":"{kind}","position":{position},"subject":"{subject}"}}'
    return sha256(text.encode()).digest()


def require_subject(kind: str, subject: str) -> str:
    """The subject itself, if the chain can hold it. Raises BrokenInvariant ``chain-subject``."""
    if kind not in KINDS or not _SUBJECT.match(subject):
        raise BrokenInvariant("chain-subject", f"the chain cannot hold {kind!r} {subject!r}")
    return subject


@lru_cache(maxsize=4096)
def month_of(day: date) -> str:
    """The period that a day belongs to, such as "2026-05"."""
    return f"{day.year:04}-{day.month:02}"


@lru_cache(maxsize=4096)
def instant_text(moment: datetime) -> str:
    """An instant in UTC with six decimals: "2026-05-01T08:00:00.000000Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "Z"


@lru_cache(maxsize=4096)
def number_text(number: Decimal) -> str:
    """A decimal without exponent and trailing zeros, so that equal numbers give equal text."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def entry_bytes(
    org_id: UUID, number: int, document_id: UUID, revision: int, ordinal: int, entry: Entry, recorded_at: datetime
) -> bytes:
    """An entry with its lines in their order, as its digest covers it."""
    return _encode(
        (
            "leja/entry/1",
            org_id,
            number,
            document_id,
            revision,
            ordinal,
            entry.label,
            entry.posting_date,
            month_of(entry.posting_date),
            entry.business_day,
            entry.text,
            entry.reverses,
            instant_text(recorded_at),
            [
                (
                    at,
                    line.account,
                    line.role,
                    str(line.amount),
                    line.currency,
                    str(line.base),
                    number_text(line.rate),
                    line.location,
                    line.channel,
                    line.tax_code,
                    line.tax_point,
                    line.return_period,
                    line.memo,
                )
                for at, line in enumerate(entry.lines, 1)
            ],
        )
    )


def event_digest(salt: bytes, body: bytes) -> bytes:
    """The salted digest of a raw body, as ``event.digest`` keeps it: salt and body can be erased, it stays."""
    return sha256(salt + body).digest()


def party_digest(salt: bytes, data: str) -> bytes:
    """The salted digest of a party's canonical JSON, as ``party.digest`` and its revisions keep it."""
    return sha256(salt + data.encode()).digest()


def event_item(
    org_id: UUID,
    event_id: UUID,
    connection_id: UUID,
    event_key: str,
    topic: str,
    origin: str,
    parent: str,
    headers: str,
    digest: bytes,
    received_at: datetime,
) -> bytes:
    """What the chain holds of an event: its whole row, in which the body stands as salted digest."""
    return _digest(
        "leja/event/1",
        org_id,
        event_id,
        connection_id,
        event_key,
        topic,
        origin,
        parent,
        headers,
        digest.hex(),
        instant_text(received_at),
    )


def revision_digest(
    org_id: UUID,
    document_id: UUID,
    revision: int,
    connection_id: UUID,
    kind: str,
    external_id: str,
    version: str,
    digest: bytes,
    event_id: UUID,
    occurred_at: datetime,
    offset_minutes: int,
    business_day: date,
    number: str,
    currency: str,
    facts: str,
    party_id: UUID | None,
    party: bytes | None,
    withdrawn: bool,
    flags: Sequence[str],
    recorded_at: datetime,
) -> bytes:
    """What the chain holds of a revision: its row, with its document's identity and the party's salted digest."""
    return _digest(
        "leja/revision/1",
        org_id,
        document_id,
        revision,
        connection_id,
        kind,
        external_id,
        version,
        digest.hex(),
        event_id,
        instant_text(occurred_at),
        offset_minutes,
        business_day,
        number,
        currency,
        facts,
        party_id,
        party.hex() if party else None,
        withdrawn,
        list(flags),
        instant_text(recorded_at),
    )


def attempt_digest(
    org_id: UUID,
    attempt_id: UUID,
    connection_id: UUID,
    deliverable_id: UUID,
    step: str,
    plan: int,
    send: int,
    reference: str,
    draft: str,
    body_digest: bytes,
    epoch: int,
    attempted_at: datetime,
    deadline: datetime,
) -> bytes:
    """What the chain holds of an attempt to deliver: its row."""
    return _digest(
        "leja/attempt/1",
        org_id,
        attempt_id,
        connection_id,
        deliverable_id,
        step,
        plan,
        send,
        reference,
        draft,
        body_digest.hex(),
        epoch,
        instant_text(attempted_at),
        instant_text(deadline),
    )


def outcome_digest(org_id: UUID, attempt_id: UUID, ordinal: int, kind: str, detail: str, at: datetime) -> bytes:
    """What the chain holds of an attempt's outcome: its row."""
    return _digest("leja/outcome/1", org_id, attempt_id, ordinal, kind, detail, instant_text(at))


def mapping_digest(
    org_id: UUID,
    version: int,
    effective_from: date,
    reason: str,
    made_by: str,
    recorded_at: datetime,
    rules: Sequence[tuple[int, str, str, str, Mapping[str, object], str | None]],
) -> bytes:
    """What the chain holds of a mapping version; a rule is (ordinal, scope, kind, key, conditions, value), in order."""
    kept = [
        (ordinal, scope, kind, key, _encode_sorted(conditions).decode(), value)
        for ordinal, scope, kind, key, conditions, value in rules
    ]
    return _digest("leja/mapping/1", org_id, version, effective_from, reason, made_by, instant_text(recorded_at), kept)


def period_digest(
    org_id: UUID, period: str, ordinal: int, state: str, reason: str, made_by: str, at: datetime
) -> bytes:
    """What the chain holds of a lock or reopening: its row in ``period_change``."""
    return _digest("leja/period/1", org_id, period, ordinal, state, reason, made_by, instant_text(at))


def _digest(*items: object) -> bytes:
    return sha256(_encode(items)).digest()
