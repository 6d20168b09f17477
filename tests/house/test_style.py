"""Sizes, names, money without floats, no work left for later: the style rules are tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, SRC, python_files, tree

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
FUNCTION_LINES, FILE_LINES = 60, 500
ids = {"ids": lambda p: str(p.relative_to(SRC))}


@pytest.mark.parametrize("path", python_files(), **ids)
def test_a_file_is_named_for_the_one_thing_in_it(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert not set(path.parent.parts) & FORBIDDEN_NAMES


@pytest.mark.parametrize("path", python_files(), **ids)
def test_files_and_functions_fit_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= FUNCTION_LINES, f"{path.name}: {node.name} is too long"


@pytest.mark.parametrize("path", python_files(), **ids)
def test_every_public_function_and_class_says_what_it_is(path: Path) -> None:
    missing = [
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and isinstance(node, ast.ClassDef)
        and not ast.get_docstring(node)
    ]
    missing += [n.name for n in tree(path).body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and not n.name.startswith("_") and not ast.get_docstring(n)]
    assert ast.get_docstring(tree(path)), f"{path.name} has no docstring"
    assert not missing, f"{path.name}: no docstring on {missing}"


FLOAT_ALLOWED = {"pacing", "retry", "client", "faults", "embedded", "engine", "clock", "errors", "exchange"}


@pytest.mark.parametrize("path", [p for p in python_files() if any(room in p.relative_to(SRC).parts for room in ("core", "documents", "books", "posting", "rules", "rates", "tax", "bookkeeping", "reports"))], **ids)
def test_no_float_near_money(path: Path) -> None:
    if path.stem in {"errors"}:
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float), f"{path.name}:{node.lineno} holds a float"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "float", f"{path.name}:{node.lineno} makes a float"


@pytest.mark.parametrize("path", python_files(), **ids)
def test_nothing_is_left_for_later_and_no_exception_is_swallowed(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError", path.read_text())
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            assert not all(isinstance(step, ast.Pass) for step in node.body), f"{path.name}:{node.lineno} swallows"
            assert node.type is not None, f"{path.name}:{node.lineno} catches everything"


def test_the_project_speaks_of_itself_alone() -> None:
    words = re.compile(r"\b(/work/|helper-\d|subagent|claude|anthropic)\b", re.IGNORECASE)
    for folder in ("src", "tests", "docs", "bench", "scripts"):
        for path in (ROOT / folder).rglob("*"):
            hidden = any(part.startswith(".") for part in path.relative_to(ROOT).parts)
            if not hidden and path.is_file() and path.suffix in {".py", ".md", ".sql", ".toml", ""} and path.name != "test_style.py":
                assert not words.search(path.read_text(errors="replace")), path
