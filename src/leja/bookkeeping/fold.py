"""A batch folded in memory, event by event: versions compared, entries asked of posting, nothing written yet.

An event goes on whole or not at all. Where its second document fails after its first was taken in, the fold begins again
without it (``Again``), for what posting has learned cannot be unlearned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from leja.bookkeeping.events import WITHOUT_SALE, Standing, Waiting
from leja.bookkeeping.movements import Movements, named
from leja.bookkeeping.reading import Reading, Said, said
from leja.bookkeeping.revisions import Identity, Latest, Revision, identity
from leja.bookkeeping.source import Source
from leja.books.entry import Entry
from leja.connectors.contract import Wanted
from leja.core.errors import LejaError, NeedsReview
from leja.core.ids import uuid7
from leja.database.ledger import Ledger
from leja.documents.dispute import Dispute
from leja.documents.document import Document, kind_of
from leja.documents.parts import Party
from leja.documents.payment import Payment
from leja.documents.refund import Refund
from leja.posting.known import Known, Posted, Waits
from leja.posting.post import post
from leja.posting.revise import StoredEntry, called_off_on, revise


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was read, as bookkeeping takes it in."""

    event: Waiting
    source: Source
    reading: Reading


class Booked(NamedTuple):
    """An entry that was just written, as far as delivery must know it."""

    entry_number: int
    document_id: UUID
    kind: str
    business_day: object
    posting_date: object
    location: str
    channel: str
    currency: str
    customer_kind: str
    lane: str


class Missed(NamedTuple):
    """Something that must be fetched, and the event that said so."""

    connection_id: UUID
    wanted: Wanted
    event_id: UUID


class Again(Exception):
    """The fold must begin again: this event fails after a part of it was taken in."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(standing.because)
        self.standing = standing


class Fold:
    """What a batch comes to. ``stored`` are the entries of documents that have some, ``used`` how many per revision."""

    def __init__(
        self,
        ledger: Ledger,
        latest: Mapping[Identity, Latest],
        stored: Mapping[UUID, Sequence[StoredEntry]],
        known: Mapping[UUID, Known],
        movements: Movements,
        now: datetime,
    ) -> None:
        self.ledger = ledger
        self.revisions: list[Revision] = []
        self.booked: list[Booked] = []
        self.standings: list[Standing] = []
        self.missed: list[Missed] = []
        self.recorded: list[Identity] = []
        self._latest = {key: msgspec.structs.replace(value) for key, value in latest.items()}
        self._stored: dict[UUID, list[StoredEntry]] = defaultdict(list, {k: list(v) for k, v in stored.items()})
        self._known = {key: value.fork() for key, value in known.items()}
        self._movements = movements.fork()
        self._now = now

    def take(self, prepared: Prepared) -> None:
        """Take an event in, or note why it cannot go on. Raises ``Again``."""
        done = 0
        try:
            fetches = []
            for one in prepared.reading.documents:
                fetches += self._take_document(prepared, one)
                done += 1
        except LejaError as error:
            standing = stopped(prepared.event, error)
            if done:
                raise Again(standing) from error
            self.standings.append(standing)
            return
        self._note(prepared, (*prepared.reading.wanted, *fetches))

    def _note(self, prepared: Prepared, wanted: Sequence[Wanted]) -> None:
        event = prepared.event
        self.missed += [Missed(event.connection_id, want, event.event_id) for want in wanted]
        if count := len(prepared.reading.documents):
            known = any(made.event_id == event.event_id for made in self.revisions[-count:])
            state, because = ("done", "") if known else ("observed", "nothing newer than what is known")
        elif wanted:
            state, because = "observed", f"completed by a fetch of {wanted[0].kind} {wanted[0].external_id}"
        else:
            state, because = "ignored", prepared.reading.ignored or "it means no document"
        self.standings.append(Standing(event_id=event.event_id, connection_id=event.connection_id, state=state, because=because))

    def _take_document(self, prepared: Prepared, one: Said) -> list[Wanted]:
        document, content = one.document, one.content
        key = identity(prepared.source.connection_id, document)
        current = self._latest.get(key)
        if current is not None and document.header.version <= current.version:
            if document.header.version < current.version or content == current.digest:
                return []
            if prepared.event.raw.origin != "fetch":
                return [contradiction(prepared.source, document)]
        before_start = document.header.business_day < prepared.source.start_date
        posted = Posted(flags=("before_start",)) if before_start else self._post(prepared.source.connection_id, document)
        if current is None:
            current = self._latest[key] = Latest(uuid7(self._now), 0, "", b"")
        current.revision += 1
        current.version, current.digest = document.header.version, content
        self.revisions.append(Revision(
            document_id=current.document_id, revision=current.revision, connection_id=key[0], kind=key[1], document=document,
            facts=one.facts, content=content, event_id=prepared.event.event_id, party=one.party, flags=posted.flags))
        self.recorded.append(key)
        self._book(prepared, document, current, posted, one.party)
        for kind, external_id in posted.affects:
            self._post_again(prepared, (key[0], kind, external_id))
        self._link(prepared, key, document)
        return []

    def _link(self, prepared: Prepared, key: Identity, document: Document) -> None:
        """What another connection told of the movements of this document may be worth less or more to the books now."""
        if not named(document) and self._movements.document(key) is None:
            return
        payments = self._movements.payments_of(document, self._movements.document(key))
        self._movements.learn(key[0], document)
        for payment in payments:
            self._post_again(prepared, payment)

    def _post(self, connection_id: UUID, document: Document) -> Posted:
        known = self._known[connection_id]
        if isinstance(document, Payment) and document.seen_elsewhere:
            found = self._movements.elsewhere(connection_id, document)
            known.elsewhere.pop(document.header.external_id, None)
            if found is not None:
                known.elsewhere[document.header.external_id] = found
        elif isinstance(document, Dispute) and not document.sale:
            original = self._movements.original(connection_id, document)
            if original is not None:
                known.originals[document.header.external_id] = original
        self._known[connection_id], posted = post(self._known[connection_id], document)
        return posted

    def _book(
        self, prepared: Prepared, document: Document, current: Latest, posted: Posted, party: Party | None, *, after: int = 0
    ) -> None:
        held = self._stored[current.document_id]
        periods = self._known[prepared.source.connection_id].rules.periods
        entries: Sequence[Entry] = revise(held, posted.entries, periods, called_off_on(document)) if held else posted.entries
        numbers = self.ledger.post(current.document_id, current.revision, entries, after=after)
        header, kind = document.header, kind_of(document)
        business = kind == "invoice" or bool(party and (party.company or party.tax_number))
        lane = "backfill" if prepared.event.raw.origin in ("backfill", "file") else "live"
        for number, entry in zip(numbers, entries, strict=True):
            held.append(StoredEntry(number=number, entry=entry))
            self.booked.append(Booked(
                number, current.document_id, kind, entry.business_day, entry.posting_date, header.location, header.channel,
                header.currency, "business" if business else "consumer", lane))

    def _post_again(self, prepared: Prepared, key: Identity) -> None:
        """Entries of an earlier document may differ now: post it again and book only what differs."""
        current = self._latest.get(key)
        document = next((m.document for m in reversed(self.revisions) if (m.connection_id, m.kind, m.document.header.external_id) == key), None)
        if document is None:
            document = self._movements.document(key) or _of(self._known[key[0]], key)
        if current is None or document is None:
            raise NeedsReview("document-affected", f"{key[1]} {key[2]} changes with this one, but is not at hand")
        self._book(prepared, document, current, self._post(key[0], document), None, after=current.entries)


def _of(known: Known, key: Identity) -> Document | None:
    """A document that posting was handed, by its identity."""
    _, kind, external_id = key
    if kind in ("sale", "invoice"):
        return (known.sales if kind == "sale" else known.invoices).get(external_id)
    families = known.refunds if kind == "refund" else known.fulfilments
    return next((family[external_id] for family in families.values() if external_id in family), None)


def contradiction(source: Source, document: Document) -> Wanted:
    """The same version with another content: the source must say again. Raises NeedsReview where it cannot be asked."""
    header = document.header
    kind = kind_of(document)
    if not source.can_fetch:
        raise NeedsReview(
            "version-conflict", f"{kind} {header.external_id} came twice as version {header.version} with different content",
            remedy="Compare the two at the source; dismiss the wrong one, or retry after it was corrected.")
    parent = getattr(document, "sale", "")
    return Wanted(kind="sale", external_id=parent) if parent else Wanted(kind=kind, external_id=header.external_id)


def stopped(event: Waiting, error: LejaError) -> Standing:
    """Where an event stands that cannot go on: waiting for another document, or parked for a person."""
    if isinstance(error, Waits):
        _, kind, external_id = error.waits_for
        return Standing(event_id=event.event_id, connection_id=event.connection_id, state="waiting", because=error.message,
                        waits_for=f"document/{event.connection_id}/{kind}/{external_id}")
    return Standing(event_id=event.event_id, connection_id=event.connection_id, state="parked", because=error.message,
                    waits_for=_released_by(error), error=error)


def _released_by(error: LejaError) -> str:
    roles = error.facts.get("roles")
    if error.code == "role-unmapped" and roles:
        return f"role/{roles[0]}"
    if error.code == "rate-missing":
        return f"rate/{error.facts['currency']}"
    return ""


def prepared_from(event: Waiting, source: Source, reading: Reading) -> Prepared:
    """An event that was read, ready to be taken in. Raises NeedsReview ``fields-unread``.

    A refund whose sale the source does not know goes on as an unlinked return.
    """
    raw = event.raw
    if reading.unread and not reading.ties:
        raise NeedsReview(
            "fields-unread", f"{raw.topic} {raw.key} has fields that Leja does not know "
            f"({', '.join(reading.unread[:5])}) and its amounts do not tie without them",
            remedy="Update Leja, or compare the amounts at the source and correct them there.")
    if event.because == WITHOUT_SALE:
        reading = msgspec.structs.replace(reading, documents=tuple(_unlinked(one) for one in reading.documents))
    return Prepared(event=event, source=source, reading=reading)


def _unlinked(one: Said) -> Said:
    if not isinstance(one.document, Refund):
        return one
    return msgspec.structs.replace(said(msgspec.structs.replace(one.document, sale="")), party=one.party)
