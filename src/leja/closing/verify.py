"""Audit verification: every digest and every link recomputed from the stored rows, and held against signed heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal
from uuid import UUID

import msgspec

from leja.books import chain
from leja.closing import stored
from leja.closing.anchor import Anchor
from leja.database.engine import Connection

Tampering = Literal["changed", "deleted", "inserted", "reordered", "cut tail", "re-chained"]
CHUNK: Final = 1000
WINDOW: Final = 5000  # how far ahead a moved item is looked for
BAD_MAX: Final = 20


class Item(msgspec.Struct, frozen=True):
    """A row of the chain."""

    position: int
    kind: str
    subject: str
    digest: bytes
    hash: bytes

    def follows(self, before: bytes, position: int) -> bool:
        """Whether this item's hash is the one it has at ``position`` after ``before``."""
        return chain.link(before, position, self.kind, self.subject, self.digest) == self.hash


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was tampered with. ``until`` is set where only a range of positions is known."""

    tampering: Tampering
    position: int
    kind: str = ""
    subject: str = ""
    sentence: str = ""
    until: int | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and what is wrong; ``first_bad`` is the earliest position that cannot be trusted."""

    items: int
    anchors: int
    anchored_until: int
    bad: tuple[Bad, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.bad

    @property
    def first_bad(self) -> Bad | None:
        """The earliest of what is wrong."""
        return min(self.bad, key=lambda bad: bad.position, default=None)


def verify(conn: Connection, org_id: UUID, anchors: Sequence[Anchor] = ()) -> Verification:
    """Walk the whole chain in flat memory; beside posters, in a transaction that sees one state (REPEATABLE READ)."""
    walk = _Walk(conn, org_id, anchors)
    walk.run()
    bad = [*walk.bad, *_head(conn, org_id, walk), *_unknown(conn, org_id, walk.last)]
    bad.sort(key=lambda found: found.position)
    return Verification(items=walk.last, anchors=len(anchors), anchored_until=walk.agreed, bad=tuple(bad[:BAD_MAX]))


class _Walk:
    """The state of one walk: how far it came, the hash there, the last anchor that agreed, what was found."""

    def __init__(self, conn: Connection, org_id: UUID, anchors: Sequence[Anchor]) -> None:
        self.conn, self.org_id = conn, org_id
        self.bad: list[Bad] = []
        self.last, self.before, self.agreed = 0, chain.GENESIS, 0
        self.broken = False
        self.anchors = self._all_anchors(anchors)

    def run(self) -> None:
        """Go through the chain until its end, or until a link is broken."""
        for items in _chunks(self.conn, self.org_id):
            good = self._links(items)
            self._subjects(good)
            if self.broken or len(self.bad) >= BAD_MAX:
                return
        beyond = [position for position in self.anchors if position > self.last]
        if beyond:
            self._add(
                "cut tail",
                self.last + 1,
                sentence=(f"the chain ends at {self.last}, but {max(beyond)} was signed: its tail was cut off"),
            )

    def _links(self, items: Sequence[Item]) -> list[Item]:
        for at, item in enumerate(items):
            position = self.last + 1
            if item.position != position or not item.follows(self.before, position):
                self.bad.append(_broken(position, self.before, _ahead(self.conn, self.org_id, position)))
                self.broken = True
                return list(items[:at])
            self.last, self.before = position, item.hash
            if not self._agrees(item):
                self.broken = True
                return list(items[: at + 1])
        return list(items)

    def _agrees(self, item: Item) -> bool:
        signed = self.anchors.get(item.position)
        if signed is None or signed == {item.hash}:
            self.agreed = item.position if signed else self.agreed
            return True
        self._add(
            "re-chained",
            self.agreed + 1,
            item.kind,
            item.subject,
            until=item.position,
            sentence=(
                f"the chain was written anew from somewhere between {self.agreed + 1} and {item.position}:"
                f" it is consistent, but at {item.position} another head was signed"
            ),
        )
        return False

    def _subjects(self, items: Sequence[Item]) -> None:
        kinds: dict[str, list[Item]] = {}
        for item in items:
            kinds.setdefault(item.kind, []).append(item)
        for kind, of_kind in kinds.items():
            found = stored.digests(self.conn, self.org_id, kind, [item.subject for item in of_kind])
            for item in of_kind:
                self._compare(item, found.get(item.subject))

    def _compare(self, item: Item, now: bytes | str | None) -> None:
        if now == item.digest:
            return
        name = f"{item.kind} {item.subject}"
        if now is None:
            self._add("deleted", item.position, item.kind, item.subject, sentence=f"{name} was deleted")
        else:
            why = now if isinstance(now, str) else "its content is not what was chained"
            self._add("changed", item.position, item.kind, item.subject, sentence=f"{name} was changed: {why}")

    def _add(
        self,
        tampering: Tampering,
        position: int,
        kind: str = "",
        subject: str = "",
        *,
        sentence: str,
        until: int | None = None,
    ) -> None:
        self.bad.append(
            Bad(tampering=tampering, position=position, kind=kind, subject=subject, sentence=sentence, until=until)
        )

    def _all_anchors(self, given: Sequence[Anchor]) -> dict[int, set[bytes]]:
        signed: dict[int, set[bytes]] = {}
        for anchor in given:
            signed.setdefault(anchor.position, set()).add(bytes.fromhex(anchor.hash))
        # The database's own anchors narrow the place down; they are no proof, whoever owns it can remove them.
        for position, head_hash in self.conn.execute(
            "SELECT position, hash FROM anchor WHERE org_id = %s", (self.org_id,)
        ):
            signed.setdefault(int(str(position)), set()).add(bytes(head_hash))  # type: ignore[call-overload]
        return signed


def _broken(position: int, before: bytes, ahead: Sequence[Item]) -> Bad:
    """Name what happened at the first link that does not hold; ``ahead`` is what is stored from there on."""
    here = next((item for item in ahead if item.position == position), None)
    true = next((item for item in ahead if item.follows(before, position)), None)
    if here is None:
        what: Tampering = "deleted"
        sentence = f"the chain has no item at {position}: it was deleted"
    elif true is not None and _belongs(here, true, ahead):
        what, sentence = "reordered", f"the items at {position} and {true.position} of the chain changed places"
    elif true is not None:
        what, sentence = "inserted", f"{here.kind} {here.subject} was inserted into the chain at {position}"
    elif len(ahead) > 1 and ahead[1].follows(here.hash, position + 2):
        what, sentence = (
            "deleted",
            f"the item at {position} of the chain was deleted and those after it were numbered anew",
        )
    else:
        what = "changed"
        sentence = (
            f"{here.kind} {here.subject} at {position} does not follow from the item before: one of the two was changed"
        )
    named = here or Item(position, "", "", b"", b"")
    return Bad(tampering=what, position=position, kind=named.kind, subject=named.subject, sentence=sentence)


def _belongs(here: Item, true: Item, ahead: Sequence[Item]) -> bool:
    """Whether ``here`` is at home where ``true`` is stored: then the two changed places."""
    earlier = next((item for item in ahead if item.position == true.position - 1 and item is not here), true)
    return here.follows(earlier.hash, true.position)


def _head(conn: Connection, org_id: UUID, walk: _Walk) -> Iterator[Bad]:
    row = conn.execute(
        "SELECT chain_position, chain_hash, entry_number, (SELECT count(*) FROM entry e WHERE e.org_id = h.org_id)"
        " FROM head h WHERE org_id = %s",
        (org_id,),
    ).fetchone()
    position, head_hash, numbers, entries = row or (0, chain.GENESIS, 0, 0)
    if not walk.broken and position != walk.last and len(walk.bad) < BAD_MAX:
        what: Tampering = "cut tail" if int(str(position)) > walk.last else "inserted"
        yield Bad(
            tampering=what,
            position=min(int(str(position)), walk.last) + 1,
            sentence=f"the chain ends at {walk.last}, the head says {position}",
        )
    elif not walk.broken and head_hash != walk.before and len(walk.bad) < BAD_MAX:
        yield Bad(
            tampering="changed", position=walk.last, sentence="the head holds another hash than the chain's last item"
        )
    if numbers != entries:
        what = "deleted" if int(str(numbers)) > int(str(entries)) else "inserted"
        yield Bad(
            tampering=what,
            position=walk.last + 1,
            kind="entry",
            sentence=f"there are {entries} entries, {numbers} numbers were given",
        )


def _unknown(conn: Connection, org_id: UUID, last: int) -> Iterator[Bad]:
    for kind, subject in stored.unknown_to_chain(conn, org_id, BAD_MAX):
        yield Bad(
            tampering="inserted",
            position=last + 1,
            kind=kind,
            subject=subject,
            sentence=f"the chain does not know {kind} {subject}: it was inserted, or taken out of the chain",
        )


def _chunks(conn: Connection, org_id: UUID) -> Iterator[list[Item]]:
    after = 0
    while items := _items(conn, org_id, after, CHUNK):
        yield items
        after = items[-1].position


def _ahead(conn: Connection, org_id: UUID, position: int) -> list[Item]:
    return _items(conn, org_id, position - 1, WINDOW)


def _items(conn: Connection, org_id: UUID, after: int, limit: int) -> list[Item]:
    rows = conn.execute(
        "SELECT position, kind, subject, digest, hash FROM chain WHERE org_id = %s AND position > %s"
        " ORDER BY position LIMIT %s",
        (org_id, after, limit),
    ).fetchall()
    return [Item(*row) for row in rows]  # type: ignore[arg-type]
