"""Every error code, setting and account role is documented, and nothing is documented that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.house.sources import LEJA, ROOT, python_files, tree

RAISED = {"LejaError", "Refused", "NeedsReview", "NeedsConsent", "Transient", "OutcomeUnknown", "Conflict", "BrokenInvariant", "Waits"}


def codes_raised() -> dict[str, Path]:
    """Every literal error code and the file that raises it."""
    codes: dict[str, Path] = {}
    for path in python_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    codes[first.value] = path
    return codes


def documented(page: Path) -> set[str]:
    """The names in the first column of a page's tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", page.read_text(), re.MULTILINE)) if page.exists() else set()


def own_page(file: Path) -> Path | None:
    """A connector's own codes stand on its own page: adding or deleting its folder touches no other file."""
    folder = next((up for up in file.parents if up.parent == LEJA / "connectors"), None)
    return folder / "README.md" if folder is not None else None


def test_every_error_code_is_documented() -> None:
    general = documented(ROOT / "docs" / "errors.md")
    missing = {}
    for code, file in codes_raised().items():
        page = own_page(file)
        if code not in general and not (page is not None and code in documented(page)):
            missing[code] = file.name
    assert not missing


def test_no_connectors_own_code_stands_on_the_general_page() -> None:
    raised = codes_raised()
    general = documented(ROOT / "docs" / "errors.md")
    by_slug = {path.name for path in (LEJA / "connectors").iterdir() if path.is_dir()}
    assert not {code for code in general if code.partition("-")[0] in by_slug and code in raised}


def test_every_setting_is_documented_and_used() -> None:
    used = {name for path in python_files() for name in re.findall(r"\bLEJA_[A-Z_]+\b", path.read_text())}
    assert used == documented(ROOT / "docs" / "settings.md")


def test_error_codes_are_kebab_case() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in codes_raised())
