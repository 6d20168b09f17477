"""``leja token``: API tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from leja.access import log, organisations, tokens
from leja.cli import chosen
from leja.cli.chosen import Yes, actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out, table
from leja.core.errors import Refused

app = typer.Typer()


@app.command("create")
@command
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help=f"What it may do: {', '.join(tokens.SCOPES)}. Repeatable; read without it.")
    ] = None,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Make a token. It is shown once and kept as a hash."""
    scopes = scope or ["read"]
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        token = tokens.create(conn, home.org_id, name, scopes, house.clock())
        log.record(conn, home.org_id, actor(), "token.create", name, house.clock(), {"scopes": scopes})
    if as_json:
        answer({"name": name, "scopes": scopes, "organisation": home.org_id, "token": token})
    else:
        out().print(token, soft_wrap=True)
        out().print("Keep it now: it cannot be shown again.")


@app.command("list")
@command
def list_(org: Org = "", as_json: AsJson = False) -> None:
    """List the tokens, never their text."""
    with opened() as house, house.database.transaction() as conn:
        found = tokens.listed(conn, organisations.organisation(conn, org).org_id)
    if as_json:
        answer({"tokens": found})
    else:
        rows = [
            (
                t.name,
                ", ".join(t.scopes),
                f"{t.created_at:%Y-%m-%d}",
                f"{t.revoked_at:%Y-%m-%d}" if t.revoked_at else "",
            )
            for t in found
        ]
        table("Tokens", ("name", "may", "made", "revoked"), rows)


@app.command("revoke")
@command
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    yes: Yes = False,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """End every token of that name at once."""
    chosen.confirm(f"whoever uses {name} is shut out", yes)
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        ended = tokens.revoke(conn, home.org_id, name, house.clock())
        known = any(token.name == name for token in tokens.listed(conn, home.org_id))
        if not known:
            raise Refused("token-unknown", f"there is no token named {name!r}", remedy="`leja token list` lists them.")
        log.record(conn, home.org_id, actor(), "token.revoke", name, house.clock(), {"ended": ended})
    if as_json:
        answer({"name": name, "revoked": ended})
    else:
        out().print(f"{ended} tokens named {name} are over.")
