"""``leja secret``: rotate a connection's secret, or the key that all secrets are sealed with."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from leja.access import connections, log, organisations
from leja.access.connection_secrets import put_secret, reseal
from leja.access.connections import secret_names
from leja.access.vault import Vault
from leja.cli import chosen
from leja.cli.chosen import actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out
from leja.core.errors import Refused
from leja.house import House

app = typer.Typer()
OLD_HOLDS_HOURS = 24


@app.callback()
def secrets() -> None:
    """Credentials of connections."""


@app.command("rotate")
@command
def rotate(
    connection: Annotated[
        str, typer.Argument(help="The connection; without it, the key in the home folder is rotated.")
    ] = "",
    secret: Annotated[str, typer.Argument(help="name=value, or name=- to read it from standard input.")] = "",
    old_holds: Annotated[
        int, typer.Option(min=0, help="For how many hours the old one is still accepted.")
    ] = OLD_HOLDS_HOURS,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Put a new secret beside the old one, which holds for a while; or seal everything with a new key."""
    with opened() as house:
        done = _one(house, org, connection, secret, old_holds) if connection else _key(house)
    if as_json:
        answer(done)
    elif connection:
        out().print(
            f"{done['secret']} of {connection} is new; the old one holds until {done['old_holds_until']}", markup=False
        )
    else:
        out().print(
            f"A new key seals {done['resealed']} secrets. Back up {done['file']}, and start again what runs.",
            markup=False,
            soft_wrap=True,
        )


def _one(house: House, org: str, name: str, secret: str, old_holds: int) -> dict[str, object]:
    given = chosen.pairs([secret or ""])
    with house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = connections.connection(conn, home.org_id, name)
        (key, value), now = next(iter(given.items())), house.clock()
        known = secret_names(found.connector)
        if key not in known:
            raise Refused(
                "connection-settings",
                f"{found.connector.title} has no secret {key!r}",
                remedy=f"It has: {', '.join(sorted(known)) or 'none'}.",
            )
        until = now + timedelta(hours=old_holds)
        generation = put_secret(
            conn,
            home.org_id,
            house.vault,
            found.connection_id,
            key,
            chosen.secret(key, value),
            now,
            old_retires_at=until,
        )
        log.record(conn, home.org_id, actor(), "secret.rotate", f"{name}/{key}", now, {"generation": generation})
    return {"connection": name, "secret": key, "generation": generation, "old_holds_until": until}


def _key(house: House) -> dict[str, object]:
    """The new key is in the file before anything is sealed with it; other processes read the file anew when they start."""
    path = house.settings.home / "keys" / "vault.key"
    vault, changed = Vault.rotate(path), 0
    with house.database.transaction() as conn:
        every = organisations.organisations(conn)
    for home in every:
        with house.database.transaction() as conn:
            changed += reseal(conn, home.org_id, vault)
            log.record(conn, home.org_id, actor(), "secret.rotate-key", vault.current, house.clock())
    return {"key": vault.current, "resealed": changed, "file": str(path)}
