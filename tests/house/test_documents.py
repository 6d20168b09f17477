"""Every error code, setting and account role is documented, and nothing is documented that is not there."""

from __future__ import annotations

import ast
import re

from tests.house.sources import ROOT, python_files, tree

RAISED = {"LejaError", "Refused", "NeedsReview", "NeedsConsent", "Transient", "OutcomeUnknown", "Conflict", "BrokenInvariant", "Waits"}


def codes_raised() -> dict[str, str]:
    """Every literal error code and the file that raises it."""
    codes: dict[str, str] = {}
    for path in python_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    codes[first.value] = path.name
    return codes


def documented(page: str) -> set[str]:
    """The names in the first column of a page's tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / page).read_text(), re.MULTILINE))


def test_every_error_code_is_documented() -> None:
    missing = {code: file for code, file in codes_raised().items() if code not in documented("errors.md")}
    assert not missing


def test_every_setting_is_documented_and_used() -> None:
    used = {name for path in python_files() for name in re.findall(r"\bLEJA_[A-Z_]+\b", path.read_text())}
    assert used == documented("settings.md")


def test_error_codes_are_kebab_case() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in codes_raised())
