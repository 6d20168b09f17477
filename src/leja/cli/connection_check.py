"""The check of a connection: one small call, and what is known without one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from leja.access import logins
from leja.access.connection_secrets import held_names
from leja.access.connections import Connection
from leja.access.metered_reads import stored
from leja.cli.speaking import out
from leja.connectors import registry
from leja.connectors.contract import Connector, Key, NoAuth
from leja.core.errors import LejaError, NeedsConsent
from leja.delivery import charts
from leja.house import House
from leja.http.metering import Reads
from leja.reports import standing

_WARNED: Final = timedelta(days=730)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found; ``error`` is why the call did not work."""

    connection: Connection
    heard: standing.Heard
    called: str
    said: str
    login: str
    error: LejaError | None
    at: datetime
    reads: Reads | None = None


async def check_all(house: House, every: Sequence[Connection]) -> list[Checked]:
    """Check connections at the same time; one that fails holds up no other."""
    return list(await asyncio.gather(*(_check(house, found) for found in every)))


async def _check(house: House, found: Connection) -> Checked:
    called, said, error = "", "", None
    try:
        called, said = await _call(house, found)
    except LejaError as failed:
        error = failed
    with house.database.transaction() as conn:
        if called and error is None:
            logins.works(conn, found.org_id, found.connection_id, "check", house.clock())
        heard = standing.heard(conn, found.org_id, found.connection_id)
        allowance = found.connector.limits.reads_per_month
        reads = stored(conn, found.org_id, found.connection_id, allowance, house.clock())
    login = _login(found, heard, house)
    if isinstance(error, NeedsConsent) and login != "missing":
        login = "needs_consent"  # the vendor knows better than what was stored
    return Checked(connection=found, heard=heard, called=called, said=said, login=login, error=error, at=house.clock(),
                   reads=reads)  # fmt: skip


async def _call(house: House, found: Connection) -> tuple[str, str]:
    """The smallest call that there is: the chart of a target, a plan or the ids of the last day of a source."""
    able, now = registry.capabilities(found.slug), house.clock()
    verb = next((name for name in ("chart", "plan", "ids") if name in able), "")
    if not verb:
        return "", "nobody to call"
    session = house.session(found)
    try:
        if verb == "chart":
            chart = await registry.verb(found.slug, "chart")(session)
            with house.database.transaction() as conn:
                charts.store_chart(conn, found.org_id, found.connection_id, chart, now)
            locked = f", locked until {chart.locked_until}" if chart.locked_until else ""
            return (
                verb,
                f"{len(chart.accounts)} accounts, {len(chart.tax_codes)} tax codes, {chart.home_currency}{locked}",
            )
        found_there = await registry.verb(found.slug, verb)(session, now - timedelta(days=1), now)
        count = found_there.events if verb == "plan" else len(found_there)
        return verb, f"{count} things in the last day"
    finally:
        await session.http.close()


def logged_in(house: House, found: Connection) -> bool:
    """Whether there are credentials to call the vendor with."""
    with house.database.transaction() as conn:
        return _login(found, standing.heard(conn, found.org_id, found.connection_id), house) in (
            "good",
            "pasted",
            "not needed",
        )


def _login(found: Connection, heard: standing.Heard, house: House) -> str:
    if isinstance(found.connector.auth, NoAuth):
        return "not needed"
    if heard.token:
        return heard.token
    with house.database.transaction() as conn:
        held = held_names(conn, found.org_id, found.connection_id, house.clock())
    return "pasted" if _keys(found) <= held else "missing"


def _keys(found: Connection) -> set[str]:
    """The secrets without which nothing can be asked; the one that only webhooks need comes with them."""
    auth = found.connector.auth
    if not isinstance(auth, Key):
        return {"access_token"}
    hooks = registry.verb(found.slug, "webhooks").secret_setting if "webhooks" in registry.capabilities(found.slug) else ""
    return set(auth.secrets) - {hooks} or set(auth.secrets)


def as_json(checked: Checked) -> dict[str, Any]:
    """A check as ``--json`` prints it."""
    found, heard = checked.connection, checked.heard
    return {
        "name": found.name,
        "platform": found.slug,
        "duty": found.duty,
        "works": checked.error is None,
        "called": checked.called,
        "said": checked.said,
        "error": checked.error.as_dict() if checked.error else None,
        "login": checked.login,
        "login_because": heard.token_because,
        "login_expires": heard.token_expires,
        "capabilities": sorted(registry.capabilities(found.slug)),
        "limits": _limits(found),
        "reads": _reads(checked.reads),
        "guarantee": found.connector.guarantee,
        "api_version": found.connector.api_version,
        "api_version_ends": found.connector.api_version_ends,
        "webhook_path": _hook(found),
        "events": heard.events,
        "last_event": heard.last_event,
        "lag_seconds": int((checked.at - heard.oldest_new).total_seconds()) if heard.oldest_new else 0,
        "refused_requests": heard.refused_requests,
        "unread_fields": heard.unread_fields,
        "to_tell": msgspec.to_builtins(heard.targets) if found.duty == "accounting" else None,
    }


def show(checked: Checked) -> None:
    """A check for people."""
    told, found = as_json(checked), checked.connection
    console = out()
    verdict = "does not work" if checked.error else "works"
    words = f"{found.name} ({found.connector.title}, {found.duty}): {verdict}; {checked.said or '-'}"
    console.print(words, style="red" if checked.error else "bold", soft_wrap=True)
    if checked.error:
        console.print(f"  {checked.error.message}\n  → {checked.error.remedy}", soft_wrap=True)
    if warning := ending(found.connector, checked.at.date()):
        console.print(f"  {warning}", style="yellow", soft_wrap=True)
    limits = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told["limits"].items())
    facts = {
        "login": " ".join(filter(None, (checked.login, str(told["login_because"]))))
        + (f", until {told['login_expires']}" if told["login_expires"] else ""),
        "can": ", ".join(told["capabilities"]),
        "limits": limits,
        "reads": _in_words(checked.reads),
        "webhooks": told["webhook_path"],
        "events": ", ".join(f"{count} {state}" for state, count in told["events"].items()),
        "last event": told["last_event"],
        "lag": f"{told['lag_seconds']} s" if told["lag_seconds"] else "",
        "refused": told["refused_requests"] or "",
        "fields unread": told["unread_fields"] or "",
        "to tell": ", ".join(f"{count} {word}" for word, count in (told["to_tell"] or {}).items() if count),
    }
    for name, value in facts.items():
        if value:
            console.print(f"  {name:<14}{value}", soft_wrap=True)


def ending(connector: Connector, today: date) -> str:
    """A warning that the vendor ends the interface, from two years before its day on; "" where nothing is known to end."""
    ends = connector.api_version_ends
    if ends is None or today < ends - _WARNED:
        return ""
    words = f"{connector.title} {connector.api_version}"
    if today >= ends:
        return f"{words}: the vendor has ended this interface on {ends}; it may stop answering on any day."
    return f"{words}: the vendor ends this interface on {ends}, in {(ends - today).days} days."


def _limits(found: Connection) -> dict[str, int]:
    return {name: value for name, value in msgspec.structs.asdict(found.connector.limits).items() if value}


def _reads(reads: Reads | None) -> dict[str, Any] | None:
    if reads is None:
        return None
    return {"month": reads.month, "allowance": reads.allowance, "used": reads.used, "ends_on": reads.ends_on}


def _in_words(reads: Reads | None) -> str:
    if reads is None:
        return ""
    ends = f", used up on {reads.ends_on} at this pace" if reads.ends_on else ""
    return f"{reads.used:,} of {reads.allowance:,} in {reads.month:%B} ({reads.share:.0%}){ends}"


def _hook(found: Connection) -> str:
    return f"/hooks/{found.door}" if registry.capabilities(found.slug) & {"webhooks", "nudges"} else ""
