"""Audit: the chain recomputed and held against the anchors that are kept, and the access log walked."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import msgspec
from litestar import get

from leja.access import log
from leja.closing.anchor import Anchor, read_anchors
from leja.closing.verify import Verification, verify
from leja.core.errors import BrokenInvariant
from leja.database.engine import Connection as Conn
from leja.operate.rebuild import Fault, check
from leja.web.api_access import Asking, house_of, reading
from leja.web.api_page import ORG, READ, After, Limit, OrgId

VERIFY_SECONDS = 100


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """``ok`` if nothing was tampered with. ``access_log`` is its length, or null where it is broken."""

    ok: bool
    chain: Verification
    access_log: int | None
    access_log_words: str = ""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what."""

    position: int
    at: str
    actor: str
    action: str
    subject: str
    detail: msgspec.Raw


@get(f"{ORG}/audit", opt=READ, sync_to_thread=True, operation_id="audit")
def audit(request: Asking, org: OrgId) -> Audited:
    """Recompute every digest and link; with the anchors that this installation keeps."""
    kept = house_of(request).settings.home / "anchors" / f"{org}.jsonl"
    anchors = _anchors(kept, org)
    return reading(request, org, lambda conn, org_id: _audited(conn, org_id, anchors), seconds=VERIFY_SECONDS)


def _anchors(kept: Path, org_id: UUID) -> list[Anchor]:
    return read_anchors(kept.read_bytes().splitlines(), org_id) if kept.exists() else []


def _audited(conn: Conn, org_id: UUID, anchors: list[Anchor]) -> Audited:
    chain = verify(conn, org_id, anchors)
    try:
        length, words = log.verify(conn, org_id), ""
    except BrokenInvariant as broken:
        length, words = None, broken.message
    return Audited(ok=chain.ok and not words, chain=chain, access_log=length, access_log_words=words)


@get(f"{ORG}/check", opt=READ, sync_to_thread=True, operation_id="check")
def checked(request: Asking, org: OrgId) -> list[Fault]:
    """What must always hold and does not; empty is good."""
    return reading(request, org, check, seconds=VERIFY_SECONDS)


@get(f"{ORG}/access-log", opt={"scope": "admin"}, sync_to_thread=True, operation_id="accessLog")
def access_log(
    request: Asking,
    org: OrgId,
    after: After = 0,
    limit: Limit = 100,
) -> list[LogLine]:
    """Who did what, oldest first."""
    return reading(request, org, lambda conn, org_id: _lines(conn, org_id, after, limit))


def _lines(conn: Conn, org_id: UUID, after: int, limit: int) -> list[LogLine]:
    rows = conn.execute(
        "SELECT position, at, actor, action, subject, detail FROM access_log WHERE org_id = %s AND position > %s"
        " ORDER BY position LIMIT %s",
        (org_id, after, limit),
    ).fetchall()
    return [
        LogLine(
            position=r[0],
            at=r[1].isoformat(),
            actor=r[2],
            action=r[3],
            subject=r[4],
            detail=msgspec.Raw(str(r[5]).encode()),
        )
        for r in rows
    ]


HANDLERS = (audit, checked, access_log)
