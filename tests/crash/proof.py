"""What must hold after every crash run: nothing lost, nothing doubled, here or there, and every check is clean."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import date

from leja.closing.verify import verify
from leja.database.review import INFORMATION
from leja.documents.document import from_facts
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.operate.rebuild import check, rebuild
from leja.reconcile.agreement import agreement
from leja.reconcile.read_back import read_back
from tests.crash.company import Company

SINCE, UNTIL = date(2000, 1, 1), date(2100, 1, 1)
Figures = dict[str, dict[str, int]]


def prove(company: Company) -> list[str]:
    """Every sentence names something that does not hold; none is the proof."""
    return [*_source(company), *company.odd(), *_held(company), *_checks(company), *asyncio.run(_targets(company))]


def _source(company: Company) -> list[str]:
    ours, invoices = _documents(company)
    wrong = []
    theirs: Figures = defaultdict(Counter)
    for day, row in company.control("shop", "report")["days"].items():
        theirs[day].update(
            sales=row["orders"], sold=sum(row["order_sums"].values()), refunded=sum(row["refund_sums"].values())
        )
    for day in sorted({*ours, *theirs}):
        wrong += [
            f"{day}: {what} {ours[day][what]} in the books, {theirs[day][what]} in the shop"
            for what in ("sales", "sold", "refunded")
            if ours[day][what] != theirs[day][what]
        ]
    if invoices != company.till_sums:
        odd = {key for key in {*invoices, *company.till_sums} if invoices.get(key) != company.till_sums.get(key)}
        wrong.append(f"invoices of the till: {sorted(odd)} differ")
    return wrong


def _documents(company: Company) -> tuple[Figures, dict[str, int]]:
    """Our sales and refunds of the shop by business day, and the till's invoices; each document as it stands now."""
    days: Figures = defaultdict(Counter)
    invoices: dict[str, int] = {}
    with company.reading() as conn:
        rows = conn.execute(
            "SELECT DISTINCT ON (r.document_id) d.connection_id, d.external_id, r.facts FROM document_revision r JOIN document d"
            " ON d.org_id = r.org_id AND d.document_id = r.document_id WHERE r.org_id = %s ORDER BY r.document_id, r.revision DESC",
            (company.org.org_id,),
        ).fetchall()
    for connection_id, external_id, facts in rows:
        document = from_facts(str(facts).encode())
        if document.header.withdrawn or connection_id not in (company.shop.connection_id, company.file.connection_id):
            continue
        day = document.header.business_day.isoformat()
        if connection_id == company.file.connection_id and isinstance(document, Sale):
            invoices[str(external_id)] = document.total.minor
        elif isinstance(document, Sale):
            days[day].update(sales=1, sold=document.total.minor)
        elif isinstance(document, Refund):
            days[day].update(refunded=document.total.minor)
    return days, invoices


def standing(company: Company) -> dict[str, int]:
    """What is still to be done, by where it waits. Empty: nothing."""
    with company.reading() as conn:
        row = conn.execute(_STANDING, {"org": company.org.org_id}).fetchone()
        assert row is not None
    return {name: int(count) for name, count in zip(_WAITING, row, strict=True) if count}


_WAITING = {
    "events": "event_state WHERE org_id = %(org)s AND state IN ('new', 'waiting', 'parked')",
    "wanted": "wanted WHERE org_id = %(org)s",
    "outbox": "outbox WHERE org_id = %(org)s",
    "deliverables": "deliverable WHERE org_id = %(org)s AND state IN ('open', 'parked')",
    "files": "file_import WHERE org_id = %(org)s AND finished_at IS NULL",
    "backfills": "backfill_run WHERE org_id = %(org)s AND finished_at IS NULL",
}
_STANDING = "SELECT " + ", ".join(f"(SELECT count(*) FROM {where})" for where in _WAITING.values())


def _held(company: Company) -> list[str]:
    wrong = [f"{count} {name} are not done" for name, count in standing(company).items()]
    with company.reading() as conn:
        for code, subject, message in conn.execute(
            "SELECT code, subject, message FROM review_item WHERE org_id = %s AND settled_at IS NULL",
            (company.org.org_id,),
        ):
            if code not in INFORMATION:
                wrong.append(f"for review: {code} {subject}: {message}")
    return wrong


def _checks(company: Company) -> list[str]:
    org_id = company.org.org_id
    with company.reading() as conn:
        wrong = [f"chain: {bad.sentence}" for bad in verify(conn, org_id).bad]
        wrong += [f"check: {fault.sentence}" for fault in check(conn, org_id)]
    with company.house.database.transaction() as conn:
        return wrong + [f"rebuild: {fault.sentence}" for fault in rebuild(conn, org_id).faults]


async def _targets(company: Company) -> list[str]:
    wrong = []
    for target in company.targets:
        opened = company.house.target(target)
        await read_back(
            company.house.database,
            company.org.org_id,
            target.connection_id,
            opened.verbs,
            opened.session,
            now=company.clock(),
            since=SINCE,
            until=UNTIL,
        )
        balances = await opened.verbs.balances(opened.session, SINCE, UNTIL)
        await opened.session.http.close()
        wrong += _agreed(company, target.name, target.connection_id, balances)
        wrong += _once(company, target.name, target.connection_id)
    return wrong


def _agreed(company: Company, name: str, connection_id: object, balances: object) -> list[str]:
    with company.reading() as conn:
        found = agreement(conn, company.org.org_id, connection_id, SINCE, UNTIL, balances)  # type: ignore[arg-type]
    wrong = [f"{name}: {difference}" for difference in found.differences if not difference.known]
    if found.untold or found.waiting or not found.cells:
        wrong.append(f"{name}: {found.untold} entries untold, {found.waiting} waiting, {found.cells} cells compared")
    wrong += [
        f"{name}: {account} on {day} has {minor} {currency} that is neither ours nor a stranger's"
        for account, day, currency, minor in _beside(company, name, found.foreign)
    ]
    return wrong


def _beside(company: Company, name: str, foreign: object) -> list[tuple[str, str, str, int]]:
    """What the stand-in's ledger of accepted requests holds beyond our books. ``foreign`` holds what others entered."""
    theirs: Counter[tuple[str, str, str]] = Counter()
    for row in company.control(name, "ledger"):
        theirs[row["account"], row["day"], row["currency"]] += row["minor"]
    with company.reading() as conn:
        for lines, day in conn.execute(
            "SELECT lines, date FROM remote_state s JOIN connection c USING (org_id, connection_id) WHERE s.org_id = %s"
            " AND c.name = %s AND NOT s.foreign_entry AND s.state = 'present'",
            (company.org.org_id, name),
        ):
            for line in lines:
                theirs[line["account"], day.isoformat(), line["amount"]["currency"]] -= line["amount"]["minor"]
    return [(*cell, minor) for cell, minor in sorted(theirs.items()) if minor]


def _once(company: Company, name: str, connection_id: object) -> list[str]:
    """Each accepted document over there is one that we know, and no two are the same."""
    there = {
        (row["kind"], row["id"])
        for row in company.control(name, "documents")
        if not row.get("gone") and str(row.get("status", "")).upper() not in ("DELETED", "VOIDED")
    }
    with company.reading() as conn:
        rows = conn.execute(
            "SELECT kind, remote_id, reference FROM remote_document WHERE org_id = %s AND connection_id = %s",
            (company.org.org_id, connection_id),
        ).fetchall()
    ours = {remote_id for _, remote_id, _ in rows}
    twice = [
        reference for reference, count in Counter((kind, reference) for kind, _, reference in rows).items() if count > 1
    ]
    wrong = [f"{name}: {len(twice)} references stand twice, such as {twice[0]}"] if twice else []
    strangers = sorted(f"{kind} {key}" for kind, key in there if key not in ours)
    return wrong + (
        [f"{name}: our requests made {len(strangers)} documents that we do not know: {strangers[:3]}"]
        if strangers
        else []
    )
