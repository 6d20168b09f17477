"""The page docs/commands.md, made from the commands themselves: ``python -m leja.cli.commands_page > docs/commands.md``."""

from __future__ import annotations

import sys
from typing import Any

from typer.main import get_command

from leja.cli.main import build
from leja.cli.speaking import EXIT

EXITS = {
    0: "done, and nothing is wrong",
    1: "done, and something was found: a difference, a fault, something missing",
    2: "refused: change what the message names (also: wrong words on the command line)",
    3: "a person must decide: `leja review list`",
    4: "the owner of a connection must log in again: `leja connection consent`",
    5: "a vendor or the database is away: try again later",
    6: "it is not known whether it happened: the next run asks",
    7: "another process changed the same thing: run it again",
    70: "Leja contradicts itself: stop and report it",
}


def page() -> str:
    """The whole page."""
    lines = [
        "# Commands",
        "",
        (
            "Every command has `--json` (one JSON object on standard output, nothing else; progress and errors go to standard error)"
            " and `--help`. Where there are several organisations, `--org` or `LEJA_ORG` names one. No command asks anything where"
            " standard input is no terminal; what takes something away then needs `--yes`. Amounts in JSON are whole minor units,"
            ' debit positive. An error in JSON is `{"error": {"code", "message", "remedy", ...}}`; [errors.md](errors.md) explains'
            " each code."
        ),
        "",
        "| exit code | means |",
        "| --- | --- |",
        *(f"| {code} | {means} |" for code, means in EXITS.items()),
        "",
    ]
    for path, command in walk():
        lines += _section(path, command)
    return "\n".join(lines)


def walk() -> list[tuple[str, Any]]:
    """Every command that can be run, by its words."""
    root: Any = get_command(build())
    found: list[tuple[str, Any]] = []
    for name, command in root.commands.items():
        for verb, inner in getattr(command, "commands", {"": command}).items():
            found.append((f"leja {name} {verb}".strip(), inner))
    return sorted(found, key=lambda pair: pair[0])


def _section(path: str, command: Any) -> list[str]:
    shown = [param for param in command.params if param.name not in ("as_json", "org")]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    words = [_argument(param) for param in arguments]
    rows = [f"| `{_argument(param)}` | {_cell(param)} |" for param in arguments]
    rows += [f"| `{_names(param)}` | {_cell(param)} |" for param in shown if param.param_type_name == "option"]
    table = ["| word | what it is |", "| --- | --- |", *rows, ""] if rows else []
    return [f"## {path}", "", command.help or "", "", f"    {' '.join([path, *words])}", "", *table]


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return name if param.required else f"[{name}]"


def _names(param: Any) -> str:
    return ", ".join(param.opts)


def _cell(param: Any) -> str:
    words = str(getattr(param, "help", "") or "").replace("|", "\\|")
    if param.param_type_name == "option" and param.required:
        words += " Required."
    if param.param_type_name == "option" and not param.is_flag and param.default not in (None, "", [], ()):
        words += f" Default: {param.default}."
    return words.strip()


if __name__ == "__main__":
    assert set(EXITS) >= set(EXIT.values())
    sys.stdout.write(page())
