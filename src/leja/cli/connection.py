"""``leja connection``: add, list, check and remove connections; consent, webhooks, places."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer

from leja.access import connections, log, organisations
from leja.access.connection_secrets import put_secret
from leja.access.connections import Connection, secret_names
from leja.access.organisations import Organisation
from leja.cli import chosen, connection_check, connection_typed_in, consenting
from leja.cli.chosen import Yes, actor
from leja.cli.speaking import EXIT, AsJson, Org, answer, command, opened, out, table
from leja.connectors import registry
from leja.connectors.contract import Location, NoAuth, OAuth
from leja.core.clock import zone as known_zone
from leja.core.errors import LejaError, Refused
from leja.house import House
from leja.http.oauth import Tokens

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The connection's name.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, as key=value; JSON in brackets or braces. Repeatable.")
]
Secret = Annotated[
    list[str] | None, typer.Option("--secret", help="A secret, as key=value; key=- reads it from standard input.")
]
Code = Annotated[str, typer.Option(help="The code that the vendor's consent page gave.")]
Redirect = Annotated[str, typer.Option(help="The whole address that the browser was led to after the consent.")]
RedirectUri = Annotated[str, typer.Option(help="The redirect address that your app at the vendor is registered with.")]


@app.command("add")
@command
def add(
    slug: Annotated[str, typer.Argument(help="Which platform: `leja connectors` lists them.")],
    name: Name,
    settings: Set = None,
    secret: Secret = None,
    start_date: Annotated[str, typer.Option(help="First business day that is taken over; today without it.")] = "",
    duty: Annotated[str, typer.Option(help="sales, payments or accounting, where the platform can do several.")] = "",
    tenant: Annotated[
        str, typer.Option(help="How the vendor names the account: shop host, company or tenant id.")
    ] = "",
    base_url: Annotated[
        str, typer.Option(help="Where calls go instead of to the vendor: a sandbox, your own system.")
    ] = "",
    access_token: Annotated[str, typer.Option(help="An access token that you have already; - reads it.")] = "",
    refresh_token: Annotated[str, typer.Option(help="The refresh token that belongs to it; - reads it.")] = "",
    code: Code = "",
    redirect: Redirect = "",
    redirect_uri: RedirectUri = consenting.REDIRECT_URI,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Add a connection. Where the vendor wants a login, the address to open is printed."""
    stated = chosen.settings(settings or []) | ({"base_url": base_url} if base_url else {})
    hidden = {key: chosen.secret(key, value) for key, value in chosen.pairs(secret or []).items()}
    access, refresh = (
        chosen.secret(k, v) if v else "" for k, v in (("access token", access_token), ("refresh token", refresh_token))
    )
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
        start = chosen.day(start_date) or chosen.today(house, home)
        found = _added(house, home, slug, name, stated, hidden, start=start, duty=duty, tenant=tenant)
        if access:
            found = _pasted(house, found, access, refresh)
        elif code or redirect:
            found = asyncio.run(consenting.complete(house, found, code=code, redirected=redirect))
        elif _by_app(found) and "client_secret" in hidden:
            found, access = asyncio.run(consenting.by_app(house, found)), "given"
        logged_in = bool(access or code or redirect or "access_token" in hidden)
        _told(house, found, redirect_uri, as_json=as_json, logged_in=logged_in)


def _added(
    house: House,
    home: Organisation,
    slug: str,
    name: str,
    stated: Mapping[str, Any],
    hidden: Mapping[str, str],
    *,
    start: date,
    duty: str,
    tenant: str,
) -> Connection:
    now, connector = house.clock(), registry.connector(slug)
    unknown = sorted(set(hidden) - secret_names(connector))
    if unknown:
        raise Refused(
            "connection-settings",
            f"{connector.title} has no secret {', '.join(unknown)}",
            remedy=f"It has: {', '.join(sorted(secret_names(connector))) or 'none'}.",
        )
    with house.database.transaction() as conn:
        there = next((c for c in connections.connections(conn, home.org_id) if c.name == name), None)
        if there is not None and there.slug == slug and there.settings == stated:
            found = there
        else:
            found = connections.add(
                conn, home.org_id, slug, name, settings=stated, start_date=start, now=now, duty=duty, tenant=tenant
            )
            log.record(conn, home.org_id, actor(), "connection.add", name, now, {"platform": slug})
        for key, value in hidden.items():
            put_secret(conn, home.org_id, house.vault, found.connection_id, key, value, now)
    return found


def _by_app(found: Connection) -> bool:
    """Whether the vendor takes the app's own id and secret instead of a user's consent."""
    return isinstance(found.connector.auth, OAuth) and found.connector.auth.grant == "client_credentials"


def _pasted(house: House, found: Connection, access: str, refresh: str) -> Connection:
    """A token alone is a secret that never renews; with a refresh token it is a grant."""
    if isinstance(found.connector.auth, OAuth) and (refresh or "access_token" not in secret_names(found.connector)):
        return consenting.keep(house, found, Tokens(access=access, refresh=refresh, obtained_at=house.clock()))
    with house.database.transaction() as conn:
        put_secret(conn, found.org_id, house.vault, found.connection_id, "access_token", access, house.clock())
    return found


def _told(house: House, found: Connection, redirect_uri: str, *, as_json: bool, logged_in: bool) -> None:
    needs_login = (
        isinstance(found.connector.auth, OAuth) and not logged_in and not connection_check.logged_in(house, found)
    )
    asks = needs_login and found.settings.get("client_id") and not _by_app(found)
    address = consenting.ask(house, found, redirect_uri) if asks else ""
    hook = f"/hooks/{found.door}" if registry.capabilities(found.slug) & {"webhooks", "nudges"} else ""
    if as_json:
        answer({"connection": _shown(found), "consent": address, "webhook_path": hook})
        return
    out().print(f"{found.name} ({found.connector.title}, {found.duty}) is there, from {found.start_date} on.")
    if address:
        out().print("Open this address, log in, and hand back where it led:", soft_wrap=True)
        out().print(address, soft_wrap=True)
        out().print(f"  leja connection consent {found.name} --redirect 'ADDRESS'", soft_wrap=True)
    elif needs_login and _by_app(found):
        out().print("It logs in by itself: give --secret client_secret=- and then `leja connection consent`.", markup=False)
    elif needs_login:
        out().print(
            "It needs a login: give --access-token, or --set client_id=... and then `leja connection consent`.",
            markup=False,
        )
    if hook:
        out().print(f"Its webhooks come to {hook}", soft_wrap=True)


@app.command("consent")
@command
def consent(
    name: Name,
    code: Code = "",
    redirect: Redirect = "",
    redirect_uri: RedirectUri = consenting.REDIRECT_URI,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Log in to the vendor: print the address to open, or take what the consent gave."""
    with opened() as house:
        found = _found(house, org, name)
        address = ""
        if code or redirect:
            found = asyncio.run(consenting.complete(house, found, code=code, redirected=redirect))
        elif _by_app(found):
            found = asyncio.run(consenting.by_app(house, found))
        else:
            address = consenting.ask(house, found, redirect_uri)
    if as_json:
        answer({"connection": _shown(found), "consent": address})
    elif address:
        out().print(address, soft_wrap=True)
    else:
        out().print(f"{found.name} is logged in{f' to {found.tenant}' if found.tenant else ''}.")


@app.command("list")
@command
def list_(org: Org = "", as_json: AsJson = False) -> None:
    """List the connections."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        every = connections.connections(conn, home.org_id)
    if as_json:
        answer({"connections": [_shown(found) for found in every]})
    else:
        rows = [(c.name, c.connector.title, c.duty, c.tenant, c.start_date) for c in every]
        table("Connections", ("name", "platform", "duty", "account", "since"), rows)


@app.command("check")
@command
def check(
    name: Annotated[str, typer.Argument(help="The connection's name; all of them without it.")] = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Call each connection once: what works, its login, limits, webhooks, the last event, and what waits."""
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            every = (
                [connections.connection(conn, home.org_id, name)]
                if name
                else connections.connections(conn, home.org_id)
            )
        checked = asyncio.run(connection_check.check_all(house, every))
    if as_json:
        answer({"connections": [connection_check.as_json(one) for one in checked]})
    else:
        for one in checked:
            connection_check.show(one)
    failed = [one.error for one in checked if one.error is not None]
    if failed:
        raise typer.Exit(exit_code(failed[0]))


def exit_code(error: LejaError) -> int:
    """The exit code that belongs to an error."""
    return next(code for kind, code in EXIT.items() if isinstance(error, kind))


@app.command("subscribe")
@command
def subscribe(
    name: Name,
    address: Annotated[
        str, typer.Argument(help="Where this Leja can be reached from outside, such as https://leja.example.org.")
    ],
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Ask the vendor for webhooks: missing ones are made, dead ones repaired."""
    with opened() as house:
        found = _found(house, org, name)
        callback = f"{address.rstrip('/')}/hooks/{found.door}"
        made = asyncio.run(_subscribed(house, found, callback))
        with house.database.transaction() as conn:
            log.record(conn, found.org_id, actor(), "connection.subscribe", name, house.clock(), {"address": address})
    if as_json:
        answer({"connection": name, "alive": made.alive, "created": made.created, "repaired": made.repaired})
    else:
        rows = [
            (topic, word)
            for word, topics in (("alive", made.alive), ("made", made.created), ("repaired", made.repaired))
            for topic in topics
        ]
        table(f"Webhooks of {name}", ("topic", "is"), rows)


async def _subscribed(house: House, found: Connection, callback: str) -> Any:
    session = house.session(found)
    try:
        return await house.subscribed(found, session, callback)
    finally:
        await session.http.close()


@app.command("place")
@command
def place(
    name: Name,
    external_id: Annotated[str, typer.Argument(help="The place of sale as the vendor names it.")],
    zone: Annotated[str, typer.Option(help="Its IANA time zone.")],
    day_end: Annotated[
        int, typer.Option(min=0, max=1439, help="Minutes after midnight at which its business day ends.")
    ] = 0,
    title: Annotated[str, typer.Option(help="What people call it.")] = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Say where a place of sale is and when its day ends; later documents follow it."""
    known_zone(zone)
    with opened() as house:
        found = _found(house, org, name)
        said = Location(external_id=external_id, zone=zone, day_end_minutes=day_end, name=title)
        with house.database.transaction() as conn:
            connections.set_location(conn, found.org_id, found.connection_id, said)
            log.record(
                conn, found.org_id, actor(), "connection.place", f"{name}/{external_id}", house.clock(), {"zone": zone}
            )
    if as_json:
        answer({"connection": name, "place": external_id, "zone": zone, "day_end_minutes": day_end})
    else:
        out().print(f"{external_id} is in {zone}; its day ends {day_end} minutes after midnight.")


@app.command("remove")
@command
def remove(name: Name, yes: Yes = False, org: Org = "", as_json: AsJson = False) -> None:
    """Stop using a connection. What it brought and was told stays; its credentials go."""
    with opened() as house:
        found = _found(house, org, name)
        chosen.confirm(f"the credentials of {name} are deleted and nothing more is taken from it or told to it", yes)
        with house.database.transaction() as conn:
            connections.remove(conn, found.org_id, found.connection_id, house.clock())
            log.record(conn, found.org_id, actor(), "connection.remove", name, house.clock())
    if as_json:
        answer({"removed": name})
    else:
        out().print(f"{name} is no longer used.")


def _found(house: House, org: str, name: str) -> Connection:
    with house.database.transaction() as conn:
        return connections.connection(conn, organisations.organisation(conn, org).org_id, name)


def _shown(found: Connection) -> dict[str, Any]:
    login = (
        "none"
        if isinstance(found.connector.auth, NoAuth)
        else "oauth"
        if isinstance(found.connector.auth, OAuth)
        else "key"
    )
    return {
        "id": found.connection_id,
        "name": found.name,
        "platform": found.slug,
        "duty": found.duty,
        "tenant": found.tenant,
        "start_date": found.start_date,
        "settings": found.settings,
        "login": login,
        "door": found.door,
    }


app.command("typed-in")(connection_typed_in.typed_in)
