"""``leja mapping``: which account a role stands on here, which account and tax code ours are at each target, and how it is told."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

import msgspec
import typer

from leja import flow
from leja.access import connections, log, organisations
from leja.access.connections import Connection
from leja.access.mapping import ALWAYS, Decision, default_role
from leja.access.organisations import Organisation
from leja.cli import chosen, mapping_target
from leja.cli.chosen import actor
from leja.cli.speaking import FOUND_SOMETHING, AsJson, Org, answer, command, opened, out, table
from leja.core.currency import exponent
from leja.core.errors import Refused
from leja.core.money import format_minor
from leja.database import rules
from leja.database.engine import Connection as Conn
from leja.delivery import charts
from leja.house import House
from leja.reports import accounts_in_use
from leja.rules.roles import ACCOUNTS

app = typer.Typer()

Target = Annotated[str, typer.Argument(help="The accounting connection's name.")]
From = Annotated[str, typer.Option("--from", help="First day for which it holds; always, without it.")]
Kind = Literal["role", "account", "tax_code", "item", "customer"]


@app.command("suggest")
@command
def suggest(
    target: Target,
    accept: Annotated[bool, typer.Option("--accept", help="Store every suggestion that has an answer.")] = False,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Read the target's chart and suggest a counterpart for each of our accounts and tax codes that has none yet."""
    with opened() as house:
        home, found = _target(house, org, target)
        asyncio.run(mapping_target.read_chart(house, found))
        suggested = mapping_target.suggestions(house, found)
        decisions = [
            Decision(scope=str(found.connection_id), kind=s.kind, key=s.key, value=s.value)
            for s in suggested
            if s.value
        ]
        reason = f"suggested for {target}"
        version = _decide(house, home, decisions, reason)[0] if accept and decisions else None
    if as_json:
        answer(
            {
                "target": target,
                "suggestions": suggested,
                "accepted": len(decisions) if accept else 0,
                "version": version,
            }
        )
        return
    rows = [(s.kind, s.key, s.value or "-", s.because) for s in suggested]
    table(f"Suggestions for {target}", ("kind", "ours", "theirs", "because"), rows)
    if accept:
        out().print(f"{len(decisions)} stored; {len(suggested) - len(decisions)} are left to decide.")
    elif decisions:
        out().print(f"Store them: leja mapping suggest {target} --accept")


@app.command("set")
@command
def set_(
    scope: Annotated[str, typer.Argument(help='"books", or an accounting connection.')],
    key: Annotated[str, typer.Argument(help="A role (books), or our account, tax code or role (target).")],
    value: Annotated[
        str,
        typer.Argument(
            help="Our account or default (books); their code, id or name (target); none: no tax code; - takes a rule back."
        ),
    ] = "",
    kind: Annotated[
        Kind | None, typer.Option(help="What the key is; account at a target, role in the books, without it.")
    ] = None,
    from_day: From = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Decide where a role, an account or a tax code stands; whatever waited for that goes on."""
    if not value:
        scope, key, value = rules.BOOKS, scope, key
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
        decision = _decision(house, home, scope, key, value, kind)
        version, released = _decide(house, home, [decision], reason or "set by hand", chosen.day(from_day) or ALWAYS)
    if as_json:
        about = {"scope": scope, "kind": decision.kind, "key": decision.key, "value": decision.value}
        answer({"version": version, "released": released, **about})
    else:
        went_on = f"; {released} things go on" if released else ""
        out().print(f"{key} → {decision.value or 'nothing'} (version {version}){went_on}")


def _decision(house: House, home: Organisation, scope: str, key: str, value: str, kind: Kind | None) -> Decision:
    if scope != rules.BOOKS:
        return _at_target(house, home, scope, key, value, kind)
    _require_role(key, kind)
    if value == "default":
        with house.database.transaction() as conn:
            return default_role(conn, home.org_id, key)
    return Decision(scope=scope, kind=kind or "role", key=key, value=None if value == "-" else value)


def _require_role(key: str, kind: Kind | None) -> None:
    """Any instance of a known family is a role, also where it has no default account."""
    if kind in (None, "role") and key.partition(":")[0] not in {role.partition(":")[0] for role in ACCOUNTS}:
        raise Refused("role-unknown", f"there is no account role {key!r}", remedy="docs/glossary.md lists the roles.")


def _at_target(house: House, home: Organisation, target: str, key: str, value: str, kind: Kind | None) -> Decision:
    _, found = _target(house, str(home.org_id), target)
    chosen_kind = kind or "account"
    if value != "-" and not mapping_target.chart_is_known(house, found):
        asyncio.run(mapping_target.read_chart(house, found))
    there = None if value == "-" else mapping_target.remote_id(house, found, chosen_kind, value)
    if chosen_kind == "account":
        with house.database.transaction() as conn:
            key = _our_account(conn, found, key)
    return Decision(scope=str(found.connection_id), kind=chosen_kind, key=key, value=there)


def _our_account(conn: Conn, found: Connection, key: str) -> str:
    """Our account by its code, or by a role that stands on it."""
    if key in rules.accounts(conn, found.org_id):
        return key
    code = rules.books_mapping(conn, found.org_id).at(date.max).find(key, "", "", "", "", "")
    if code is None:
        raise Refused(
            "mapping-account-unknown",
            f"there is no account or role {key!r} in the books",
            remedy="`leja books accounts` lists them.",
        )
    return code


@app.command("show")
@command
def show(
    scope: Annotated[str, typer.Argument(help='"books", or an accounting connection.')] = rules.BOOKS,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Show what holds now: roles on our accounts, or our accounts at a target, and how it is told."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        modes, moments = accounts_in_use.modes_and_moments(conn, home.org_id)
        if scope == rules.BOOKS:
            rows = _books_rows(rules.stored_rules(conn, home.org_id, scope))
        else:
            found = connections.connection(conn, home.org_id, scope)
            rows = _target_rows(conn, found)
    columns = ("kind", "key", "value", "name", "when")
    if as_json:
        answer(
            {
                "scope": scope,
                "rules": [dict(zip(columns, row, strict=True)) for row in rows],
                "modes": [
                    dict(zip(("target", "channel", "customers", "mode", "from"), mode, strict=True)) for mode in modes
                ],
                "recognition": [dict(zip(("channel", "moment", "from"), moment, strict=True)) for moment in moments],
            }
        )
        return
    table(f"Mapping of {scope}", columns, rows)
    if modes:
        table("How targets are told", ("target", "channel", "customers", "mode", "from"), modes)
    if moments:
        table("When revenue counts", ("channel", "moment", "from"), moments)


Row = tuple[str, str, str, str, str]


def _books_rows(stored: list[rules.StoredRule]) -> list[Row]:
    latest = {(rule.kind, rule.key, rule.conditions): rule for rule in stored}
    return [
        (
            rule.kind,
            rule.key,
            rule.value,
            ACCOUNTS[rule.key].name if rule.key in ACCOUNTS else "",
            ", ".join(f"{k} {v}" for k, v in msgspec.structs.asdict(rule.conditions).items() if v),
        )
        for rule in latest.values()
        if rule.value is not None
    ]


def _target_rows(conn: Conn, found: Connection) -> list[Row]:
    kept = charts.stored_chart(conn, found.org_id, found.connection_id)
    names = mapping_target.names(kept[0]) if kept else {}
    stored = charts.target_rules(conn, found.org_id, found.connection_id)
    latest = {(rule.kind, rule.key, tuple(sorted(rule.conditions.items()))): rule for rule in stored}
    return [
        (
            rule.kind,
            rule.key,
            rule.value,
            names.get((rule.kind, rule.value), ""),
            ", ".join(f"{k} {v}" for k, v in when),
        )
        for (_, _, when), rule in latest.items()
        if rule.value is not None
    ]


@app.command("check")
@command
def check(target: Target, org: Org = "", as_json: AsJson = False) -> None:
    """Read the target's chart and name every account and tax code in use that has no living counterpart there."""
    with opened() as house:
        _, found = _target(house, org, target)
        asyncio.run(mapping_target.read_chart(house, found))
        troubles = mapping_target.check(house, found)
    if as_json:
        answer({"target": target, "troubles": troubles})
    elif troubles:
        table(
            f"To mend at {target}",
            ("kind", "ours", "theirs", "what"),
            [(t.kind, t.key, t.value, t.what) for t in troubles],
        )
    else:
        out().print(f"Every account and tax code in use has its counterpart at {target}.")
    if troubles:
        raise typer.Exit(FOUND_SOMETHING)


@app.command("preview")
@command
def preview(
    target: Target,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many groups.")] = 20,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Show the exact documents that would go to a target now. Nothing is sent or written."""
    with opened() as house:
        _, found = _target(house, org, target)
        previews = asyncio.run(mapping_target.previews(house, found, limit))
    if as_json:
        answer({"target": target, "groups": [mapping_target.preview_json(one) for one in previews]})
        return
    for one in previews:
        words = f"{one.group_key} {one.reference} {one.kind}, {len(one.entries)} entries"
        out().print(words, style="bold", soft_wrap=True)
        for trouble in one.troubles:
            out().print(f"  held: {trouble.message}\n  → {trouble.remedy}", soft_wrap=True)
        for draft in one.drafts:
            total = format_minor(draft.total.minor, draft.total.currency)
            out().print(
                f"  {draft.kind} {draft.reference} of {draft.date}: {total} {draft.total.currency}", markup=False
            )
            out().print(
                f"  {draft.method} {draft.path}\n  {draft.body.decode('utf-8', 'replace')}",
                markup=False,
                soft_wrap=True,
            )
    if not previews:
        out().print("Nothing waits to be told.")


@app.command("mode")
@command
def mode(
    target: Target,
    choice: Annotated[
        Literal["each", "daily", "payout"], typer.Argument(metavar="each|daily|payout", help="How finely it is told.")
    ],
    channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    customers: Annotated[str, typer.Option(help="Only consumer, or only business.")] = "",
    from_day: From = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Decide whether a target is told each sale, a summary a day, or one a payout."""
    if customers not in ("", "consumer", "business"):
        raise Refused("mapping-mode", f"there is no kind of customer {customers!r}", remedy="Use consumer or business.")
    with opened() as house:
        home, found = _target(house, org, target)
        with house.database.transaction() as conn:
            rules.set_posting_mode(
                conn,
                home.org_id,
                found.connection_id,
                choice,
                chosen.day(from_day) or ALWAYS,
                house.clock(),
                channel=channel,
                customer_kind=customers,
            )
            log.record(
                conn,
                home.org_id,
                actor(),
                "mapping.mode",
                f"{target}/{channel}/{customers}",
                house.clock(),
                {"mode": choice},
            )
    if as_json:
        answer({"target": target, "mode": choice, "channel": channel, "customers": customers})
    else:
        out().print(f"{target} is told: {choice}. Entries that wait already keep the group they are in.")


@app.command("recognition")
@command
def recognition(
    moment: Annotated[
        Literal["sale", "dispatch", "delivery"],
        typer.Argument(metavar="sale|dispatch|delivery", help="When revenue counts."),
    ],
    channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    from_day: From = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Decide on which event revenue and its cost move."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        rules.set_recognition(conn, home.org_id, channel, moment, chosen.day(from_day) or ALWAYS, house.clock())
        log.record(conn, home.org_id, actor(), "mapping.recognition", channel, house.clock(), {"moment": moment})
    if as_json:
        answer({"channel": channel, "moment": moment})
    else:
        out().print(f"Revenue{f' of {channel}' if channel else ''} counts at {moment}.")


@app.command("rate")
@command
def rate(
    currency: Annotated[str, typer.Argument(help="ISO 4217 code of the other currency.")],
    day: Annotated[str, typer.Argument(help="The day of the rate.")],
    value: Annotated[str, typer.Argument(help="Base currency for one unit of it.")],
    purpose: Annotated[Literal["book", "tax", "customs"], typer.Option(help="What it is for.")] = "book",
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "entered by hand",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Enter an exchange rate; whatever waited for it goes on."""
    exponent(currency)
    on = chosen.day(day)
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(0)
    if on is None or not number.is_finite() or number <= 0:
        raise Refused(
            "rate-unreadable",
            f"{value!r} on {day!r} is not a rate on a day",
            remedy="Write: leja mapping rate USD 2026-05-31 0.79",
        )
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        released = flow.enter_rate(
            conn, home.org_id, currency, on, purpose, number, source=source, by=actor(), now=house.clock()
        )
        log.record(
            conn,
            home.org_id,
            actor(),
            "mapping.rate",
            f"{currency}/{on}",
            house.clock(),
            {"rate": str(number), "purpose": purpose},
        )
    if as_json:
        answer({"currency": currency, "day": on, "rate": str(number), "released": released})
    else:
        out().print(f"1 {currency} is {number} {home.base_currency} on {on}; {released} things go on.")


def _target(house: House, org: str, name: str) -> tuple[Organisation, Connection]:
    with house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = connections.connection(conn, home.org_id, name)
    if found.duty != "accounting":
        raise Refused(
            "connection-duty", f"{name} is no accounting connection", remedy="Name one that is: `leja connection list`."
        )
    return home, found


def _decide(
    house: House, home: Organisation, decisions: list[Decision], reason: str, effective_from: date = ALWAYS
) -> tuple[int, int]:
    """Store a version and say its number and how many things went on."""
    now = house.clock()
    with house.database.transaction() as conn:
        version, released = flow.decide_mapping(
            conn, home.org_id, decisions, by=actor(), reason=reason, now=now, effective_from=effective_from
        )
        about = {"version": version, "reason": reason}
        log.record(conn, home.org_id, actor(), "mapping.set", ", ".join(d.key for d in decisions), now, about)
    return version, released
