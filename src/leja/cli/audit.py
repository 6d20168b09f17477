"""``leja audit``: walk the chain against signed heads; sign a head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from leja.access import log, organisations
from leja.access.organisations import Organisation
from leja.cli.chosen import actor
from leja.cli.speaking import FOUND_SOMETHING, AsJson, Org, answer, command, opened, out
from leja.closing.anchor import anchor as sign
from leja.closing.anchor import read_anchors, signing_key
from leja.closing.verify import verify as walk
from leja.core.errors import BrokenInvariant, Refused
from leja.house import House

app = typer.Typer()


@app.command("verify")
@command
def verify(
    anchor: Annotated[Path | None, typer.Option(help="A file of signed heads that was kept elsewhere.")] = None,
    key_id: Annotated[
        list[str] | None, typer.Option("--key", help="Only heads signed by this key are believed. Repeatable.")
    ] = None,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Recompute every digest and link from the stored rows; name what was changed, deleted, inserted, reordered or cut off."""
    with opened() as house, house.database.transaction() as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        home = organisations.organisation(conn, org)
        anchors = read_anchors(_lines(anchor), home.org_id, trusted=key_id or ()) if anchor else []
        found = walk(conn, home.org_id, anchors)
        try:
            logged, log_broken = log.verify(conn, home.org_id), ""
        except BrokenInvariant as error:
            logged, log_broken = 0, error.message
    good = found.ok and not log_broken
    if as_json:
        answer({"ok": good, **msgspec.to_builtins(found), "access_log": {"lines": logged, "broken": log_broken}})
    else:
        against = f" against {found.anchors} signed heads, the last at {found.anchored_until}" if anchor else ""
        out().print(
            f"{found.items} items of the chain and {logged} lines of the access log verified{against}: "
            f"{'nothing is wrong' if good else 'TAMPERED WITH'}",
            soft_wrap=True,
        )
        for bad in found.bad:
            out().print(f"  {bad.tampering} at {bad.position}: {bad.sentence}", soft_wrap=True)
        if log_broken:
            out().print(f"  {log_broken}", soft_wrap=True)
        if not anchor:
            out().print("Without --anchor, whoever owns the database could have written all of it anew.")
    if not good:
        raise typer.Exit(FOUND_SOMETHING)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise Refused(
            "file-missing", f"{path} cannot be read: {error.strerror}", remedy="Name the file of signed heads."
        ) from None


@app.command("anchor")
@command
def anchor(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Add the signed head to this file; keep it elsewhere.")
    ] = None,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Sign the head of the chain, so that nobody can write the books anew unseen. Keep the file where nobody here can reach it."""
    with opened() as house:
        key = signing_key(house.settings.home / "keys" / "anchor.key")
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            made = sign(conn, home.org_id, key, house.clock())
            log.record(
                conn, home.org_id, actor(), "audit.anchor", str(made.position), house.clock(), {"key": made.key_id}
            )
        path = output or _default(house, home)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(made.line())
        except OSError as error:
            raise Refused(
                "file-unwritable", f"{path} cannot be written: {error.strerror}", remedy="Choose another --output."
            ) from None
    if as_json:
        answer({"anchor": made, "file": str(path)})
    else:
        out().print(f"Signed the chain at {made.position} with key {made.key_id} into {path}", soft_wrap=True)


def _default(house: House, home: Organisation) -> Path:
    return house.settings.home / "anchors" / f"{home.org_id}.jsonl"
