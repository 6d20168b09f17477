"""``leja books``: trial balance, entries, accounts, exports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from leja.access import log, organisations
from leja.books.entry import EntryLine
from leja.cli import chosen
from leja.cli.chosen import actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out, table
from leja.core.errors import Refused
from leja.core.money import format_minor
from leja.reports import accounts_in_use
from leja.reports.export_beancount import export_beancount
from leja.reports.export_csv import export_csv
from leja.reports.export_hledger import export_hledger
from leja.reports.ledger_lines import Wanted, entries_page
from leja.reports.trial_balance import Balance
from leja.reports.trial_balance import trial_balance as balances

app = typer.Typer()
EXPORTS = {"hledger": export_hledger, "beancount": export_beancount, "csv": export_csv}

Since = Annotated[str, typer.Option(help="From this day on.")]
Until = Annotated[str, typer.Option(help="Up to this day.")]
Account = Annotated[str, typer.Option(help="Only entries with a line on this account.")]


@app.command("trial-balance")
@command
def trial_balance(
    at: Annotated[str, typer.Option(help="At the end of this day; of all that was posted, without it.")] = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Show what stands on each account; debits and credits come to the same."""
    day = chosen.day(at)
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = balances(conn, home.org_id, day)
    if as_json:
        answer(
            {
                "organisation": home.name,
                "base_currency": home.base_currency,
                "at": day,
                "accounts": found,
                "total": {"base": sum(one.base for one in found)},
            }
        )
        return
    table(
        f"Trial balance of {home.name}" + (f" at {day}" if day else ""),
        ("account", "name", "debit", "credit"),
        [_balance_row(one) for one in found if one.amount or one.base],
        right=("debit", "credit"),
    )
    debit, credit = (sum(abs(one.base) for one in found if one.base * sign > 0) for sign in (1, -1))
    out().print(
        f"In {home.base_currency}: debit {format_minor(debit, home.base_currency)}, credit {format_minor(credit, home.base_currency)}"
    )


def _balance_row(one: Balance) -> tuple[str, ...]:
    shown = f"{format_minor(abs(one.amount), one.currency)} {one.currency}"
    return one.account, one.name, shown if one.amount >= 0 else "", shown if one.amount < 0 else ""


@app.command("entries")
@command
def entries(
    since: Since = "",
    until: Until = "",
    account: Account = "",
    document: Annotated[str, typer.Option(help="Only entries of the document with this id.")] = "",
    after: Annotated[int, typer.Option(min=0, help="Only entries numbered above this one.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """List entries with their lines, in the order of their numbers."""
    wanted = Wanted(
        since=chosen.day(since), until=chosen.day(until), account=account or None, document_id=_uuid(document)
    )
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = entries_page(conn, home.org_id, wanted, after=after, limit=limit)
    next_after = found[-1].number if len(found) == limit else None
    if as_json:
        answer({"entries": found, "next_after": next_after})
        return
    for entry in found:
        reverses = f", reverses {entry.reverses}" if entry.reverses else ""
        out().print(
            f"{entry.number}  {entry.posting_date}  {entry.document_kind} {entry.document_number or entry.external_id}"
            f" ({entry.connection}) {entry.label}{reverses}",
            markup=False,
            soft_wrap=True,
        )
        for line in entry.lines:
            out().print(f"    {line.account:<24}{_amount(line):>24}  {line.role}")
    if next_after:
        out().print(f"More: --after {next_after}")


def _amount(line: EntryLine) -> str:
    return f"{format_minor(line.amount, line.currency)} {line.currency}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Refused(
            "document-unknown", f"{text!r} is no document's id", remedy="`leja explain` finds it by its number."
        ) from None


@app.command("accounts")
@command
def accounts(
    used: Annotated[bool, typer.Option("--used", help="Only accounts that anything stands on.")] = False,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """List our accounts and the roles that lead to them."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = [row for row in accounts_in_use.chart(conn, home.org_id) if row[2] or not used]
    if as_json:
        answer(
            {
                "accounts": [
                    {"code": a.code, "name": a.name, "kind": a.kind, "roles": roles, "used": here}
                    for a, roles, here in found
                ]
            }
        )
    else:
        table(
            "Accounts",
            ("code", "name", "kind", "roles", "used"),
            [(a.code, a.name, a.kind, ", ".join(roles), "yes" if here else "") for a, roles, here in found],
        )


@app.command("export")
@command
def export(
    form: Annotated[
        Literal["hledger", "beancount", "csv"], typer.Option("--format", help="As which kind of journal.")
    ] = "hledger",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; to standard output without it.")
    ] = None,
    since: Since = "",
    until: Until = "",
    account: Account = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Write the books, entry by entry, as a journal that other programs read."""
    wanted = Wanted(since=chosen.day(since), until=chosen.day(until), account=account or None)
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            about = {"file": output.name if output else ""}
            log.record(conn, home.org_id, actor(), "books.export", form, house.clock(), about)
        with house.database.transaction() as conn:
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # one state, however long it takes
            pieces = EXPORTS[form](conn, home.org_id, wanted)
            if output is None and as_json:
                answer({"format": form, "journal": "".join(pieces)})
            elif output is None:
                sys.stdout.writelines(pieces)
            else:
                size = _write(output, pieces)
    if output is not None:
        if as_json:
            answer({"format": form, "file": str(output), "bytes": size})
        else:
            out().print(f"{output}: {size} bytes", soft_wrap=True)


def _write(path: Path, pieces: Iterator[str]) -> int:
    """Beside the file first, so that an interruption leaves the old one."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Refused(
            "file-unwritable", f"{path} cannot be written: {error.strerror}", remedy="Choose another --output."
        ) from None
    return path.stat().st_size
