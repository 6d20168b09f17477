"""The folder tree is the architecture: imports run down it only, connectors are islands, the middle is pure."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import FLOORS, LEJA, PURE, SRC, imported, platforms, python_files, room, rooms_imported, tree

FLOOR_OF = {name: number for number, floor in enumerate(FLOORS) for name in floor}
IN_LEJA = [path for path in python_files() if LEJA in path.parents and path.parent != LEJA / "."]


def wrong_imports(of_room: str, imports: set[str]) -> set[str]:
    """Rooms that ``of_room`` may not import."""
    return {name for name in imports if name != of_room and FLOOR_OF.get(name, -1) <= FLOOR_OF[of_room]}


def in_a_room(path: Path) -> bool:
    return room(path) in FLOOR_OF


@pytest.mark.parametrize("path", [p for p in IN_LEJA if p.name != "__init__.py" or p.parent != LEJA], ids=lambda p: str(p.relative_to(SRC)))
def test_imports_run_down_only(path: Path) -> None:
    assert in_a_room(path), f"{path} lies in no room of the house"
    assert not wrong_imports(room(path), rooms_imported(path))


def test_the_check_sees_an_upward_and_a_sideways_import() -> None:
    assert wrong_imports("posting", {"database", "core"}) == {"database"}
    assert wrong_imports("delivery", {"intake", "connectors"}) == {"intake"}


def connector_files() -> list[Path]:
    return [p for slug in platforms() for p in sorted((LEJA / "connectors" / slug).glob("*.py"))]


@pytest.mark.parametrize("path", connector_files(), ids=lambda p: str(p.relative_to(LEJA)))
def test_a_connector_is_an_island(path: Path) -> None:
    slug = path.parent.name
    allowed = ("leja.connectors.contract", "leja.connectors.bundle_lines", "leja.connectors.outcomes", f"leja.connectors.{slug}", "leja.http", "leja.documents", "leja.core")
    stand_in = path.name.startswith("stand_in")
    if stand_in:
        allowed = ("leja.core", f"leja.connectors.{slug}.stand_in")
    bad = {n for n in imported(path) if n.split(".")[0] == "leja" and n != "leja" and not n.startswith(allowed) and n != f"leja.connectors.{slug}"}
    assert not bad, f"{path.name} imports {sorted(bad)}"
    if stand_in:
        folder = {f"leja.connectors.{slug}.{p.stem}" for p in path.parent.glob("*.py") if not p.stem.startswith("stand_in")}
        assert not (imported(path) & folder), "a stand-in may not look at its connector"
    else:
        assert not any("stand_in" in n or n.startswith("leja_sandbox") for n in imported(path))


def strings_and_names(path: Path) -> set[str]:
    """Whole identifiers and whole string literals of a file, lower case; docstrings are prose and do not count."""
    found: set[str] = set()
    prose = {id(n.value) for n in ast.walk(tree(path)) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            found.add(node.value.lower())
        elif isinstance(node, ast.Name):
            found.update(node.id.lower().split("_"))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.update(re.sub(r"(?<!^)([A-Z])", r"_\1", node.name).lower().split("_"))
    return found


@pytest.mark.parametrize("path", [p for p in python_files() if "connectors" not in p.parts], ids=lambda p: str(p.relative_to(SRC)))
def test_no_other_room_names_a_platform(path: Path) -> None:
    assert not strings_and_names(path) & set(platforms())


BANNED_IN_PURE = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "open", "print", "os.environ", "random", "uuid4"}
IO_MODULES = {"os", "io", "socket", "subprocess", "pathlib", "asyncio", "random", "time", "psycopg", "httpx2", "requests", "logging"}


@pytest.mark.parametrize("path", [p for p in IN_LEJA if room(p) in PURE], ids=lambda p: str(p.relative_to(SRC)))
def test_the_middle_does_no_input_or_output_and_reads_no_clock(path: Path) -> None:
    assert not {n.split(".")[0] for n in imported(path)} & IO_MODULES
    calls = {ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)}
    assert not calls & BANNED_IN_PURE


CLOCKLESS = {"bookkeeping", "reconcile", "closing", "reports", "operate", "access", "delivery", "intake", "flow"}


@pytest.mark.parametrize("path", [p for p in IN_LEJA if room(p) in CLOCKLESS], ids=lambda p: str(p.relative_to(SRC)))
def test_time_is_an_argument_below_the_shell(path: Path) -> None:
    calls = {ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)}
    assert not calls & {"datetime.now", "datetime.utcnow", "date.today"}
    strings = " ".join(n.value for n in ast.walk(tree(path)) if isinstance(n, ast.Constant) and isinstance(n.value, str)).lower()
    assert not re.search(r"\bnow\(\)|current_timestamp|clock_timestamp", strings), "SQL takes the time as a parameter"
