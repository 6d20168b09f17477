"""Every command has help, --json and a place on docs/commands.md; the names that other tools rely on are there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from leja.cli.commands_page import EXITS, page, walk
from leja.cli.speaking import EXIT
from tests.cli.stage import Leja

FIXED = """demo up serve work sandbox sync explain check connectors, org create, org list, connection add, connection list,
connection check, connection remove, mapping suggest, mapping set, mapping show, mapping check, mapping preview, intake file,
intake proof, books trial-balance, books entries, books export, period lock, period reopen, period list, review list, review show,
review retry, review dismiss, audit verify, token create, secret rotate"""
COMMANDS = walk()


def test_the_names_that_other_tools_rely_on_are_there() -> None:
    single, *pairs = FIXED.replace("\n", " ").split(", ")
    wanted = {f"leja {name}" for name in (*single.split(), *pairs)}
    assert wanted <= {path for path, _ in COMMANDS}


def test_the_page_of_commands_is_what_the_commands_say(request: pytest.FixtureRequest) -> None:
    kept = request.config.rootpath / "docs" / "commands.md"
    assert kept.read_text() == page(), "write it anew: python -m leja.cli.commands_page > docs/commands.md"


def test_every_exit_code_is_explained() -> None:
    assert set(EXIT.values()) <= set(EXITS)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_has_json_and_says_what_each_word_is(path: str, command: object) -> None:
    params = {param.name: param for param in command.params}  # type: ignore[attr-defined]
    assert "as_json" in params, "no --json"
    assert command.help, "no help"  # type: ignore[attr-defined]
    unsaid = [name for name, param in params.items() if name != "help" and not getattr(param, "help", None)]
    assert not unsaid


@pytest.mark.parametrize("path", [path for path, _ in COMMANDS])
def test_every_command_has_help(path: str) -> None:
    assert "Usage" in Leja()(*path.split()[1:], "--help").stdout


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder that the account of PostgreSQL can reach; the temporary folders of tests are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="leja-program-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_program_itself_makes_its_home_and_asks_nothing(home: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "LEJA_HOME": str(home)}
    program = [str(Path(sys.executable).with_name("leja"))]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    made = run("org", "create", "Duka", "--currency", "KES", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["name"] == "Duka"
    again = run("org", "create", "Duka", "--currency", "KES")
    assert (again.returncode, again.stdout) == (2, "")
    assert "org-exists" in again.stderr
    assert run("books", "trial-balance", "--nonsense").returncode == 2


def test_up_serves_says_where_and_ends_when_told(leja: Leja) -> None:
    import httpx2

    leja("org", "create", "Duka", "--currency", "KES")
    token = leja.json("token", "create", "look")["token"]
    program = [str(Path(sys.executable).with_name("leja")), "up", "--port", "0", "--json"]
    with subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            said = "".join(iter(lambda: running.stdout.readline(), "}\n")) + "}"
            address = json.loads(said)["listening"]
            assert httpx2.get(f"{address}/health", trust_env=False).status_code == 200
            assert httpx2.get(f"{address}/api/orgs", trust_env=False).status_code in (401, 404)
            assert token not in said
        finally:
            running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
