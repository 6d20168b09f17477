"""What is read ahead, by a process that may end at any time, never changes what is recorded."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.bookkeeping import ahead
from leja.bookkeeping.batch import Bookkeeper
from leja.bookkeeping.decoder import FAILURES_MAX, Decoder
from leja.bookkeeping.reading import Decode, Reading
from leja.connectors.contract import Context, Decoded, RawEvent
from leja.core.errors import Refused
from leja.database.engine import Database
from leja.documents.document import content_digest, facts
from leja.documents.parts import Party
from leja.intake.inbox import groups, keep
from tests.bookkeeping import shop as shops
from tests.bookkeeping.shop import NOW, Shop, refund, sale

LIMIT = ahead.FROM


def decode(event: RawEvent, context: Context) -> Decoded:
    """The shop's own, refusing some bodies; documents say which zone the context had."""
    if event.body.startswith(b"nonsense"):
        raise Refused("json-malformed", f"nothing can be read in {event.body.decode()}")
    decoded = shops.decode(event, context)
    placed = [
        msgspec.structs.replace(one, header=msgspec.structs.replace(one.header, location=context.zone)) for one in decoded.documents
    ]
    return msgspec.structs.replace(decoded, documents=tuple(placed))


def bodies(count: int, seed: int = 1) -> list[bytes]:
    """Sales in several versions, refunds before and after their sale, thin events and such as nobody can read."""
    random, found = Random(seed), []
    for at in range(count):
        which = f"s{random.randrange(count // 2)}"
        known = random.choice((None, Party(external_id=f"c{at % 7}", name=f"Customer {at % 3}")))
        one = sale(which, random.randint(1, 3), net=f"{random.randint(1, 90)}.00", tax="1.00", customer=known)
        found.append(random.choice([
            facts(one), facts(one), facts(one), facts(refund(f"r{at}", of=which, net="0.50", tax="0.10")),
            facts(one) + b"\n" + facts(refund(f"r{at}", of=which, net="0.50", tax="0.10")),
            b"wanted:%d" % at, b"nonsense %d" % at]))
    return found


def arrive(shop: Shop, sent: Sequence[bytes]) -> None:
    """All bodies, in their order."""
    events = [RawEvent(key=f"k{at}", topic="t", body=body) for at, body in enumerate(sent)]
    with shop.database.transaction() as conn:
        for group in groups(events):
            keep(conn, shop.org_id, shop.connection_id, group, NOW)


class Asked(Decoder):
    """A decoding process to which something may happen before it is asked for the n-th time."""

    def __init__(self, happens: Callable[[Asked], None] = lambda _: None, *, at: Sequence[int] = ()) -> None:
        super().__init__()
        self.happens, self.at, self.times, self.events = happens, at, 0, 0

    def ask(self, decode: Decode, context: Context, events: Sequence[RawEvent]) -> list[Reading | None] | None:
        """Ask, and count what was answered."""
        self.times += 1
        if self.times in self.at:
            self.happens(self)
        found = super().ask(decode, context, events)
        self.events += len(found or ())
        return found


@pytest.fixture
def decoders() -> Iterator[list[Decoder]]:
    """What is put here is closed in the end."""
    made: list[Decoder] = []
    yield made
    for one in made:
        one.close()


def opened(database: Database, decoder: Decoder | None) -> tuple[Shop, Bookkeeper]:
    """A shop whose events are read by this module's ``decode``, and a bookkeeper with this decoding process."""
    shop = Shop(database)
    shop.source = msgspec.structs.replace(shop.source, decode=decode)
    return shop, Bookkeeper(database, shop.org_id, "GBP", lambda *_: shop.source, shop._enqueue, decoder)


def books(shop: Shop) -> list[object]:
    """All that was recorded, without what is drawn by lot: where events stand, revisions, lines, items, wanted things."""
    queries = (
        "SELECT state, because, replace(waits_for, %(c)s::text, '') FROM event_state WHERE org_id = %(o)s ORDER BY seq",
        ("SELECT d.kind, d.external_id, r.revision, r.version, r.digest, r.facts, p.data FROM document_revision r JOIN document d"
        " USING (org_id, document_id) LEFT JOIN party p USING (org_id, party_id) WHERE org_id = %(o)s ORDER BY 1, 2, 3"),
        ("SELECT e.number, e.label, d.external_id, l.line_number, l.role, l.amount, l.location FROM entry e JOIN document d"
        " USING (org_id, document_id) JOIN line l ON l.org_id = e.org_id AND l.entry_number = e.number WHERE e.org_id = %(o)s"
        " ORDER BY e.number, l.line_number"),
        "SELECT code, message, remedy, settled_how FROM review_item WHERE org_id = %(o)s ORDER BY message",
        "SELECT kind, external_id FROM wanted WHERE org_id = %(o)s ORDER BY 1, 2",
        "SELECT kind, count(*) FROM chain WHERE org_id = %(o)s GROUP BY kind ORDER BY kind",
    )
    with shop.database.transaction() as conn:
        return [conn.execute(q.encode(), {"o": shop.org_id, "c": shop.connection_id}).fetchall() for q in queries]


def recorded(database: Database, decoder: Decoder | None, sent: Sequence[bytes]) -> list[object]:
    """The books after all of this was recorded."""
    shop, keeper = opened(database, decoder)
    arrive(shop, sent)
    while keeper.record(NOW, LIMIT).events:
        pass
    return books(shop)


@pytest.mark.parametrize("seed", [1, 2])
def test_reading_ahead_changes_nothing(database: Database, decoders: list[Decoder], seed: int) -> None:
    sent = bodies(4 * LIMIT + 30, seed)
    decoder = Asked()
    decoders.append(decoder)
    assert decoder.ready()
    assert recorded(database, decoder, sent) == recorded(database, None, sent)
    assert decoder.events


def kill(decoder: Decoder) -> None:
    assert decoder.pid is not None
    os.kill(decoder.pid, signal.SIGKILL)


def hang(decoder: Decoder) -> None:
    assert decoder.pid is not None
    os.kill(decoder.pid, signal.SIGSTOP)


@pytest.mark.parametrize("at", [(1,), (3, 5), (2, 3, 4)])
def test_a_process_that_is_killed_loses_and_doubles_nothing(database: Database, decoders: list[Decoder], at: tuple[int, ...]) -> None:
    sent = bodies(4 * LIMIT, seed=5)
    decoder = Asked(kill, at=at)
    decoders.append(decoder)
    assert decoder.ready()
    assert recorded(database, decoder, sent) == recorded(database, None, sent)
    assert decoder.times >= at[0]


def test_a_process_that_hangs_is_not_waited_for(database: Database, decoders: list[Decoder], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "WAIT_SECONDS", 1)
    sent = bodies(3 * LIMIT, seed=6)
    decoder = Asked(hang, at=(2,))
    decoders.append(decoder)
    assert decoder.ready()
    assert recorded(database, decoder, sent) == recorded(database, None, sent)
    assert decoder.times >= 2


def test_without_a_process_all_is_decoded_here(database: Database, decoders: list[Decoder], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    sent = bodies(3 * LIMIT, seed=7)
    decoder = Asked()
    decoders.append(decoder)
    assert recorded(database, decoder, sent) == recorded(database, None, sent)
    assert decoder.events == 0
    for _ in range(FAILURES_MAX):
        assert not decoder.ready()
    monkeypatch.undo()
    assert not decoder.ready()  # and it is not tried for ever


def test_what_was_read_ahead_is_read_again_when_the_connection_changed(database: Database, decoders: list[Decoder]) -> None:
    decoder = Asked()
    decoders.append(decoder)
    assert decoder.ready()
    shop, keeper = opened(database, decoder)
    arrive(shop, [facts(sale(f"s{at}")) for at in range(3 * LIMIT)])
    keeper.record(NOW, LIMIT)
    assert keeper._ahead is not None
    assert len(keeper._ahead.finish().readings) == LIMIT
    shop.source = msgspec.structs.replace(shop.source, context=Context(settings=None, zone="Africa/Nairobi"))
    while keeper.record(NOW, LIMIT).events:
        pass
    with database.transaction() as conn:
        found = conn.execute("SELECT location, count(DISTINCT entry_number) FROM line WHERE org_id = %s GROUP BY 1 ORDER BY 1",
                             (shop.org_id,)).fetchall()
    assert found == [("Africa/Nairobi", 2 * LIMIT), ("Europe/London", LIMIT)]


def test_what_was_erased_after_it_was_read_ahead_is_not_recorded(database: Database, decoders: list[Decoder]) -> None:
    decoder = Asked()
    decoders.append(decoder)
    shop, keeper = opened(database, decoder)
    arrive(shop, [facts(sale(f"s{at}")) for at in range(2 * LIMIT)])
    keeper.record(NOW, LIMIT)
    assert keeper._ahead is not None
    keeper._ahead.finish()
    shop.source = msgspec.structs.replace(shop.source, decode=decode)
    with database.transaction("owner") as conn:
        conn.execute("UPDATE event_body b SET body = NULL, salt = NULL, erased_at = %s FROM event e WHERE e.org_id = %s"
                     " AND b.org_id = e.org_id AND b.event_id = e.event_id AND e.event_key = %s", (NOW, shop.org_id, f"k{LIMIT + 4}"))
    with pytest.raises(msgspec.DecodeError):  # this shop's words for an empty body; a connector refuses it
        keeper.record(NOW, LIMIT)
    assert shop.count("document") == LIMIT


def test_what_was_let_go_meanwhile_comes_in_its_own_order(database: Database, decoders: list[Decoder]) -> None:
    decoder = Asked()
    decoders.append(decoder)
    shop, keeper = opened(database, decoder)
    first = [facts(refund("r1", of="late")), *(facts(sale(f"s{at}")) for at in range(LIMIT - 2)), facts(sale("late"))]
    arrive(shop, [*first, *(facts(sale(f"t{at}")) for at in range(2 * LIMIT))])
    keeper.record(NOW, LIMIT)
    assert shop.states()[0][0] == "new"  # released by its sale, and before all that was read ahead
    keeper.record(NOW, LIMIT)
    assert [state for state, _ in shop.states()].count("done") == 2 * LIMIT - 1
    assert shop.states()[0][0] == "done"
    keeper.close()


def test_a_few_events_start_no_process(database: Database, decoders: list[Decoder]) -> None:
    decoder = Asked()
    decoders.append(decoder)
    shop, keeper = opened(database, decoder)
    arrive(shop, [facts(sale(f"s{at}")) for at in range(LIMIT - 1)])
    assert keeper.record(NOW).entries == LIMIT - 1
    assert (decoder.pid, decoder.times) == (None, 0)


def test_the_process_ends_with_whoever_started_it() -> None:
    program = ("import os, signal\nfrom leja.bookkeeping.decoder import Decoder\nd = Decoder()\nassert d.ready()\n"
               "print(d.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    started = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False,
                             env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    pid = int(started.stdout)
    while True:  # it sees the end of its input
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            break
        if state == "Z":
            break


def test_closing_ends_it_for_good() -> None:
    decoder = Decoder()
    assert decoder.ready()
    pid = decoder.pid
    assert pid is not None
    decoder.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not decoder.ready()
    assert decoder.ask(decode, Context(settings=None, zone="UTC"), []) is None


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.text(st.characters(codec="utf-8"), max_size=20),
       st.text(st.characters(codec="utf-8"), max_size=20) | st.just(',"version":"0001",'))
def test_the_digest_of_the_content_leaves_the_version_out_and_nothing_else(one: str, other: str, name: str) -> None:
    known = sale(name)
    first, second = (msgspec.structs.replace(known, header=msgspec.structs.replace(known.header, version=v)) for v in (one, other))
    assert content_digest(facts(first), one) == content_digest(facts(second), other)
    renamed = msgspec.structs.replace(first, header=msgspec.structs.replace(first.header, external_id=name + "x"))
    assert content_digest(facts(renamed), one) != content_digest(facts(first), one)
    blank = facts(msgspec.structs.replace(first, header=msgspec.structs.replace(first.header, version="")))
    assert content_digest(facts(first), one) == hashlib.sha256(blank).digest()
