"""Tampering with the owner's rights is named: what, where, and in plain words."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from leja.books import chain
from leja.closing.anchor import Anchor, anchor, read_anchors, signing_key
from leja.closing.verify import Bad, verify
from leja.core.errors import Refused
from leja.database.engine import Connection, Database
from tests.books.builder import NOW, Books, books, post, sale

DOCUMENTS = 12  # each is three items in the chain: event, revision, entry


class Scene(msgspec.Struct):
    """Books that were anchored twice, seen by an administrator who may do anything."""

    conn: Connection
    org: Books
    anchors: list[Anchor]

    @property
    def org_id(self) -> UUID:
        return self.org.org_id

    def run(self, statement: str, *values: object) -> None:
        self.conn.execute(statement.encode(), values)

    def first_bad(self, *, anchored: bool = True) -> Bad | None:
        return verify(self.conn, self.org_id, self.anchors if anchored else []).first_bad

    def rechain(self, start: int) -> None:
        """Write every hash from ``start`` on anew, and the head."""
        rows = self.conn.execute(
            "SELECT position, kind, subject, digest FROM chain WHERE org_id = %s AND position >= %s ORDER BY position",
            (self.org_id, start),
        ).fetchall()
        before = self.conn.execute(
            "SELECT hash FROM chain WHERE org_id = %s AND position = %s", (self.org_id, start - 1)
        ).fetchone()
        held = bytes(before[0]) if before else chain.GENESIS  # type: ignore[call-overload]
        for position, kind, subject, digest in rows:
            held = chain.link(held, position, kind, subject, digest)  # type: ignore[arg-type]
            self.run("UPDATE chain SET hash = %s WHERE org_id = %s AND position = %s", held, self.org_id, position)
        last = rows[-1][0] if rows else start - 1
        self.run("UPDATE head SET chain_hash = %s, chain_position = %s WHERE org_id = %s", held, last, self.org_id)


@pytest.fixture
def scene(database: Database, owner_connection: Connection, tmp_path: Path) -> Scene:
    key = signing_key(tmp_path / "signing.key")
    signed = []
    with database.transaction() as conn:
        org = books(conn)
        for number in range(DOCUMENTS):
            post(conn, org, [sale(1000 + number)])
            if number in (5, DOCUMENTS - 1):
                signed.append(anchor(conn, org.org_id, key, NOW))
    for table in ("event", "document_revision", "entry", "line", "chain", "head", "anchor", "period"):
        owner_connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    return Scene(conn=owner_connection, org=org, anchors=signed)


def test_untouched_books_verify(scene: Scene) -> None:
    found = verify(scene.conn, scene.org_id, scene.anchors)
    assert (found.items, found.anchored_until, found.bad) == (DOCUMENTS * 3, DOCUMENTS * 3, ())


@pytest.mark.parametrize(
    ("statement", "kind", "position"),
    [
        (
            "UPDATE line SET amount = amount + 1, base = base + 1 WHERE entry_number = 4 AND line_number IN (1)",
            "entry",
            12,
        ),
        ("UPDATE line SET account = '4010' WHERE entry_number = 4 AND account = '4000'", "entry", 12),
        ("UPDATE line SET memo = 'x' WHERE entry_number = 4 AND line_number = 1", "entry", 12),
        ("UPDATE line SET rate = 2 WHERE entry_number = 4 AND line_number = 1", "entry", 12),
        ("DELETE FROM line WHERE entry_number = 4", "entry", 12),
        ("DELETE FROM line WHERE entry_number = 4 AND line_number = 5", "entry", 12),
        (
            (
                "INSERT INTO line SELECT org_id, entry_number, 6, account, role, 0, currency, 0, rate FROM line"
                " WHERE entry_number = 4 AND line_number = 1"
            ),
            "entry",
            12,
        ),
        ("UPDATE entry SET posting_date = '2026-05-04' WHERE number = 4", "entry", 12),
        ("UPDATE entry SET period = '2026-06' WHERE number = 4", "entry", 12),
        ("UPDATE entry SET text = 'x' WHERE number = 4", "entry", 12),
        ("UPDATE entry SET digest = sha256('x') WHERE number = 4", "entry", 12),
        (
            (
                "UPDATE document_revision SET facts = '{}' WHERE document_id = (SELECT document_id FROM entry"
                " WHERE number = 4)"
            ),
            "revision",
            11,
        ),
        (
            "UPDATE document SET kind = 'x' WHERE document_id = (SELECT document_id FROM entry WHERE number = 4)",
            "revision",
            11,
        ),
        (
            (
                "UPDATE event_body SET body = 'x' WHERE event_id = (SELECT event_id FROM document_revision JOIN entry"
                " USING (org_id, document_id) WHERE entry.number = 4)"
            ),
            "event",
            10,
        ),
        (
            (
                "UPDATE event_body SET body = NULL WHERE event_id = (SELECT event_id FROM document_revision JOIN entry"
                " USING (org_id, document_id) WHERE entry.number = 4)"
            ),
            "event",
            10,
        ),
        (
            (
                "UPDATE event SET topic = 'x' WHERE event_id = (SELECT event_id FROM document_revision JOIN entry"
                " USING (org_id, document_id) WHERE entry.number = 4)"
            ),
            "event",
            10,
        ),
    ],
)
def test_what_was_changed_is_named(scene: Scene, statement: str, kind: str, position: int) -> None:
    scene.run(statement)
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.kind, bad.position) == ("changed", kind, position)
    assert bad.subject in bad.sentence


def test_an_erasure_on_record_leaves_the_chain_whole(scene: Scene) -> None:
    scene.run("UPDATE event_body SET body = NULL, salt = NULL, erased_at = '2026-06-02Z'")
    assert scene.first_bad() is None


def test_a_deleted_entry_is_named(scene: Scene) -> None:
    scene.run("DELETE FROM line WHERE entry_number = 4")
    scene.run("DELETE FROM entry WHERE number = 4")
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.kind, bad.subject, bad.position) == ("deleted", "entry", "4", 12)


def test_an_entry_deleted_with_its_place_in_the_chain_is_named(scene: Scene) -> None:
    scene.run("DELETE FROM line WHERE entry_number = 4")
    scene.run("DELETE FROM entry WHERE number = 4")
    scene.run("DELETE FROM chain WHERE position = 12")
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position) == ("deleted", 12)


def renumber(scene: Scene, start: int, by: int) -> None:
    scene.run("UPDATE chain SET position = position + 1000 WHERE position >= %s", start)
    scene.run("UPDATE chain SET position = position - 1000 + %s WHERE position >= 1000", by)
    scene.run("UPDATE head SET chain_position = chain_position + %s", by)


def test_an_item_deleted_and_the_rest_numbered_anew_is_named(scene: Scene) -> None:
    scene.run("DELETE FROM chain WHERE position = 12")
    renumber(scene, 13, -1)
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position) == ("deleted", 12)


def test_an_entry_inserted_past_the_chain_is_named(scene: Scene) -> None:
    scene.run(
        "INSERT INTO entry SELECT org_id, 99, document_id, revision, 2, label, posting_date, period, business_day,"
        " text,"
        " reverses, recorded_at, digest FROM entry WHERE number = 4"
    )
    found = verify(scene.conn, scene.org_id, scene.anchors)
    assert any((bad.tampering, bad.kind, bad.subject) == ("inserted", "entry", "99") for bad in found.bad)


def test_an_item_inserted_into_the_chain_is_named(scene: Scene) -> None:
    renumber(scene, 12, 1)
    scene.run("INSERT INTO chain SELECT org_id, 12, kind, subject, digest, hash FROM chain WHERE position = 3")
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position) == ("inserted", 12)


@pytest.mark.parametrize(("one", "other"), [(12, 13), (9, 20)])
def test_items_that_changed_places_are_named(scene: Scene, one: int, other: int) -> None:
    scene.run("UPDATE chain SET position = -1 WHERE position = %s", one)
    scene.run("UPDATE chain SET position = %s WHERE position = %s", one, other)
    scene.run("UPDATE chain SET position = %s WHERE position = -1", other)
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position) == ("reordered", one)
    assert f"{one} and {other}" in bad.sentence


@pytest.mark.parametrize("thorough", [False, True])
def test_a_tail_that_was_cut_off_is_named_by_the_anchor(scene: Scene, thorough: bool) -> None:
    scene.run("DELETE FROM chain WHERE position > 30")
    if thorough:  # everything that hung on it, the head, and the database's own anchors too
        scene.run("DELETE FROM line WHERE entry_number > 10")
        scene.run("DELETE FROM entry WHERE number > 10")
        scene.run("DELETE FROM document_revision WHERE document_id NOT IN (SELECT document_id FROM entry)")
        scene.run("DELETE FROM event_body WHERE event_id NOT IN (SELECT event_id FROM document_revision)")
        scene.run("DELETE FROM event_state WHERE event_id NOT IN (SELECT event_id FROM document_revision)")
        scene.run(
            "DELETE FROM event b WHERE NOT EXISTS (SELECT 1 FROM document_revision r WHERE r.event_id = b.event_id)"
        )
        scene.run(
            "UPDATE head SET entry_number = 10, chain_position = 30,"
            " chain_hash = (SELECT hash FROM chain WHERE position = 30)"
        )
        scene.run("DELETE FROM anchor WHERE position > 30")
        assert scene.first_bad(anchored=False) is None
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position) == ("cut tail", 31)


def change_consistently(scene: Scene, number: int) -> None:
    """Change an entry and make everything in the database agree with that."""
    from leja.closing.stored import digests

    scene.run("UPDATE line SET memo = 'nothing to see' WHERE entry_number = %s AND line_number = 1", number)
    scene.run("UPDATE entry SET digest = %s WHERE number = %s", bytes(32), number)
    row = scene.conn.execute("SELECT * FROM anchor").fetchall()
    scene.run("DELETE FROM anchor")
    assert row
    assert isinstance(digests(scene.conn, scene.org_id, "entry", [str(number)])[str(number)], str)
    recomputed = recompute(scene, number)
    scene.run("UPDATE entry SET digest = %s WHERE number = %s", recomputed, number)
    scene.run("UPDATE chain SET digest = %s WHERE kind = 'entry' AND subject = %s", recomputed, str(number))


def recompute(scene: Scene, number: int) -> bytes:
    from hashlib import sha256

    from leja.database.ledger import entries_of

    row = scene.conn.execute(
        "SELECT document_id, revision, ordinal, recorded_at FROM entry WHERE number = %s", (number,)
    ).fetchone()
    assert row is not None
    document_id, revision, ordinal, recorded_at = row
    ((_, entry),) = entries_of(scene.conn, scene.org_id, [document_id])[document_id]  # type: ignore[list-item, index]
    return sha256(chain.entry_bytes(scene.org_id, number, document_id, revision, ordinal, entry, recorded_at)).digest()  # type: ignore[arg-type]


@pytest.mark.parametrize(("number", "between"), [(4, (1, 18)), (9, (19, 36))])
def test_a_chain_written_anew_from_the_middle_is_named_by_the_anchor(
    scene: Scene, number: int, between: tuple[int, int]
) -> None:
    change_consistently(scene, number)
    scene.rechain(number * 3)
    assert scene.first_bad(anchored=False) is None  # nothing in the database can tell
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position, bad.until) == ("re-chained", *between)
    assert f"between {between[0]} and {between[1]}" in bad.sentence


def test_a_digest_rewritten_without_the_chain_is_named(scene: Scene) -> None:
    change_consistently(scene, 4)
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position) == ("changed", 12)


def test_a_head_that_was_changed_is_named(scene: Scene) -> None:
    scene.run("UPDATE head SET chain_hash = sha256('x')")
    bad = scene.first_bad()
    assert bad is not None
    assert (bad.tampering, bad.position) == ("changed", 36)


def test_an_anchor_file_is_read_back_and_a_forged_line_refused(scene: Scene) -> None:
    file = [signed.line() for signed in scene.anchors]
    assert read_anchors(file, scene.org_id) == scene.anchors
    forged = msgspec.structs.replace(scene.anchors[0], hash="00" * 32)
    with pytest.raises(Refused, match="anchor-signature"):
        read_anchors([forged.line()], scene.org_id)
    with pytest.raises(Refused, match="anchor-signature"):
        read_anchors(file, scene.org_id, trusted=["0123456789abcdef"])
    with pytest.raises(Refused, match="anchor-unreadable"):
        read_anchors([b"{}"], scene.org_id)
    with pytest.raises(Refused, match="anchor-of-another"):
        read_anchors(file, UUID(int=5))


def test_the_signing_key_is_kept_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    assert signing_key(path).private_bytes_raw() == signing_key(path).private_bytes_raw()
    assert os.stat(path).st_mode & 0o777 == 0o600
    path.write_text("nothing")
    with pytest.raises(Refused, match="signing-key-unreadable"):
        signing_key(path)


def test_nothing_is_anchored_before_anything_was_booked(database: Database, tmp_path: Path) -> None:
    with database.transaction() as conn:
        org = books(conn)
        with pytest.raises(Refused, match="nothing-to-anchor"):
            anchor(conn, org.org_id, signing_key(tmp_path / "k"), NOW)
