"""Reverse: our entries are undone in the books, and what stands at the target is taken back by the document that tells it."""

from __future__ import annotations

from collections.abc import Sequence

from leja.books.undo import undoing
from leja.core.errors import Refused
from leja.database import mending
from leja.delivery import rebooked
from leja.delivery.mend_accept import follow
from leja.delivery.mend_bench import Bench


def give_up(bench: Bench) -> list[int]:
    """Undo what still stands of the members; gives the numbers of the entries booked.

    Where nothing of it stands over there, that counts as told. Else our books follow first, so that what is then undone, and
    told, is exactly what stands there.
    """
    standing = mending.standing(bench.conn, bench.org_id, bench.members)
    if not standing:
        raise Refused("drift-nothing-to-reverse", "the entries behind this document are undone already, or there are none",
                      remedy="`leja review repost` brings the target back to what our books say, `leja review accept` leaves it.")
    if len(standing) == len(bench.members) and _all_gone(bench):
        numbers = _undo(bench, standing, told=True)
        bench.add("reversed", bench.deliverable.date, "it was taken out over there, and in our books", members=numbers)
        bench.hold_to_stand(bench.drift.documents)
        return numbers
    followed = follow(bench)
    return [*followed, *_undo(bench, [*standing, *followed], told=False)]


def _undo(bench: Bench, numbers: Sequence[int], *, told: bool) -> list[int]:
    held = mending.held(bench.conn, bench.org_id, numbers)
    entries = [undoing(one.entry, one.number, bench.choice.on, bench.periods, bench.choice.reason) for one in held]
    posted = mending.post(
        bench.conn, bench.ledger, bench.org_id, [(one.document_id, entry) for one, entry in zip(held, entries, strict=True)], bench.now)
    rebooked.put_before(
        bench.conn, bench.org_id, list(zip(posted, held, entries, strict=True)), bench.now,
        but=[bench.target.connection_id] if told else ())
    return posted


def _all_gone(bench: Bench) -> bool:
    row = bench.conn.execute(
        "SELECT count(*) FROM remote_document WHERE org_id = %s AND deliverable_id = %s AND moves <> '{}'::jsonb",
        (bench.org_id, bench.deliverable.deliverable_id),
    ).fetchone()
    gone = sum(1 for one in bench.drift.documents if one.gone)
    return row is not None and int(str(row[0])) == gone
