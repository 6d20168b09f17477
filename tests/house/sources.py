"""The sources as the house tests read them: files, modules, imports, syntax trees."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
LEJA = SRC / "leja"

# From the doors down to the ground; rooms on one floor never import each other.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"cli"}),
    frozenset({"web"}),
    frozenset({"house"}),
    frozenset({"flow"}),
    frozenset({"intake", "bookkeeping", "delivery", "reconcile", "closing", "reports", "jobs", "access", "operate"}),
    frozenset({"connectors"}),
    frozenset({"http", "database"}),
    frozenset({"posting"}),
    frozenset({"rules", "stock", "tax", "rates"}),
    frozenset({"books"}),
    frozenset({"documents"}),
    frozenset({"core"}),
)
PURE = frozenset({"posting", "rules", "stock", "tax", "rates", "books", "documents"})


@cache
def python_files() -> tuple[Path, ...]:
    """Every source file of the product, tests of connectors left out."""
    return tuple(
        path for package in ("leja", "leja_sandbox") for path in sorted((SRC / package).rglob("*.py")) if "tests" not in path.parts
    )


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def room(path: Path) -> str:
    """The room that a file of ``leja`` lies in: the folder, or the file's own name at the top."""
    first = path.relative_to(LEJA).parts[0]
    return first.removesuffix(".py")


def platforms() -> tuple[str, ...]:
    """The connector folders that are present."""
    return tuple(sorted(p.parent.name for p in (LEJA / "connectors").glob("*/__init__.py")))


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports (``from x import y`` gives both x and x.y)."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def rooms_imported(path: Path) -> set[str]:
    """The rooms of ``leja`` that a file imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("leja.")}
