"""(g) What decoding and posting an event cost, per source: its own samples, beside parsing the same bodies as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from functools import lru_cache

import msgspec

from bench.figure import Figure, Outcome, figure, per_second
from bench.size import Size
from leja.connectors import registry
from leja.connectors.contract import Context, RawEvent
from leja.core.errors import LejaError
from leja.documents.document import Document
from leja.posting.known import Known, Rulebook
from leja.posting.post import post
from leja.rules.mapping import AccountMapping, Table
from leja.rules.roles import default_account_for
from tests.connectors import samples

SECONDS_A_ROUND = 0.25
METHOD = (
    "Every sample of a source that makes documents is decoded by its connector, and the documents are posted by themselves under default "
    "rules, over and over in one process: CPU time, not time that passes. Beside it the same bodies are parsed as JSON into plain objects "
    "by the same library, in the same rounds. Samples hold one oddity each, so they are dearer than a day's ordinary sales. Nothing is "
    "stored; what storing costs is in (a)."
)
Sample = tuple[RawEvent, Context]


def run(size: Size) -> Outcome:
    """Measure it for every source that is present and has samples."""
    figures: list[Figure] = []
    missing = []
    for slug in sorted(registry.connectors()):
        if "decode" not in registry.capabilities(slug):
            continue
        if found := making_documents(slug):
            figures += of_source(slug, found, size)
        elif registry.connector(slug).roles & {"sales", "payments"}:
            missing.append(f"{slug}: none of its samples makes a document by itself")
    return Outcome(part="g", title="decoding and posting, per source", method=METHOD, figures=tuple(figures), missing=tuple(missing))


def making_documents(slug: str) -> list[Sample]:
    """The samples of a connector that are decoded to documents."""
    found = []
    for name, path in samples.found():
        if name == slug:
            sample = json.loads(path.read_text())
            event, context = samples.event_of(sample), samples.context_of(slug, sample)
            if documents_of(slug, event, context):
                found.append((event, context))
    return found + [one for one in of_files(slug) if documents_of(slug, *one)]


def of_files(slug: str) -> list[Sample]:
    """The rows of the files among the samples of a connector that reads files without being told how."""
    if "read_file" not in registry.capabilities(slug):
        return []
    try:
        settings = msgspec.convert({}, registry.connector(slug).settings)
    except msgspec.ValidationError:
        return []
    context = Context(settings=settings, zone="UTC", base_currency="GBP")
    files = sorted((registry.folders()[slug] / "samples").glob("*.csv"))
    return [(event, context) for path in files for event in registry.verb(slug, "read_file")([path.read_bytes()], path.name, settings)]


def documents_of(slug: str, event: RawEvent, context: Context) -> tuple[Document, ...]:
    """What an event is decoded to; nothing where it is held."""
    try:
        documents: tuple[Document, ...] = registry.verb(slug, "decode")(event, context).documents
    except LejaError:
        return ()
    return documents


def of_source(slug: str, found: list[Sample], size: Size) -> list[Figure]:
    """Decoding alone, and decoding with posting."""
    decode, bodies = registry.verb(slug, "decode"), [event.body for event, _ in found]
    able = [(event, context) for event, context in found if posted(slug, event, context)]

    def parsed(these: list[bytes]) -> Callable[[], None]:
        return lambda: [msgspec.json.decode(body) for body in these] and None

    def decoded(these: list[Sample]) -> Callable[[], None]:
        return lambda: [decode(event, context) for event, context in these] and None

    def and_posted() -> None:
        for event, context in able:
            known = nothing(context.base_currency)
            for document in decode(event, context).documents:
                known, _ = post(known, document)

    floors, reads = rounds(parsed(bodies), decoded(found), size.rounds)
    figures = [figure("g", f"{slug}: decoding an event", "parsing its JSON", [b / a for a, b in zip(floors, reads, strict=True)],
                      samples=len(found), body_bytes=sum(map(len, bodies)) // len(bodies), microseconds=micro(min(reads) / len(found)),
                      events_a_second=per_second(len(found), min(reads)))]  # fmt: skip
    if able:
        floors, both = rounds(parsed([event.body for event, _ in able]), and_posted, size.rounds)
        figures.append(figure("g", f"{slug}: decoding and posting an event", "parsing its JSON", [b / a for a, b in zip(floors, both, strict=True)],
                              samples=len(able), microseconds=micro(min(both) / len(able)), events_a_second=per_second(len(able), min(both))))  # fmt: skip
    return figures


def posted(slug: str, event: RawEvent, context: Context) -> bool:
    """Whether its documents can be posted knowing nothing else: no sale that a refund refers to, no rate, no cost."""
    known = nothing(context.base_currency)
    try:
        for document in documents_of(slug, event, context):
            known, told = post(known, document)
            if not told.entries:
                return False
    except LejaError:
        return False
    return True


def rounds(one: Callable[[], None], other: Callable[[], None], count: int) -> tuple[list[float], list[float]]:
    """CPU seconds of both, in turns, after one round that does not count."""
    times = tuple(repeats(each) for each in (one, other))
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(count + 1):
        for at, each in enumerate((one, other)):
            begun = time.process_time()
            for _ in range(times[at]):
                each()
            taken[at].append((time.process_time() - begun) / times[at])
    return taken[0][1:], taken[1][1:]


def repeats(doing: Callable[[], None]) -> int:
    """How often it is done in a round."""
    begun = time.process_time()
    doing()
    return max(1, int(SECONDS_A_ROUND / max(time.process_time() - begun, 1e-6)))


def micro(seconds: float) -> int:
    """Whole microseconds."""
    return round(seconds * 1e6)


class Everything(Table):
    """Every role, new instances of families too, on its default account."""

    def find(self, role: str, sku: str, category: str, channel: str, location: str, country: str) -> str | None:  # noqa: ARG002
        """As a mapping that was decided on; found once."""
        if role not in self._found:
            self._found[role] = default_account_for(role).code  # type: ignore[index]
        return self._found[role]  # type: ignore[index]


class Decided(AccountMapping):
    """The same on every day."""

    def __init__(self) -> None:
        super().__init__(())
        self._everything = Everything(())

    def at(self, day: date) -> Table:  # noqa: ARG002
        """The rules of any day."""
        return self._everything


@lru_cache(maxsize=32)
def rules(base: str) -> Rulebook:
    """The rules of an organisation that has changed nothing."""
    return Rulebook(base_currency=base, mapping=Decided())


def nothing(base: str) -> Known:
    """Nothing known but the rules."""
    return Known(rules=rules(base or "GBP"), sales={}, invoices={}, refunds={}, fulfilments={}, payments={})
