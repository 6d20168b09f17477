"""A connector is one folder: take one away, or all of them, and nothing else notices."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from leja.connectors import registry

ROOT = Path(__file__).resolve().parents[2]
SLUGS = sorted(slug for slug, folder in registry.folders().items() if ROOT in folder.parents)
WHOLE = ("src", "tests", "docs", "bench", "requirements", "scripts", "changes")
SECONDS_MAX = 240
# Two by themselves and all together; ``LEJA_EVERY_FOLDER`` takes each away by itself.
CHOSEN = [[slug] for slug in (SLUGS if os.environ.get("LEJA_EVERY_FOLDER") else (SLUGS[:1] + SLUGS[len(SLUGS) // 2 :][:1]))]


def tree_without(place: Path, slugs: list[str]) -> Path:
    """A copy of the project in which these connectors' folders were deleted."""
    copy = place / "main"
    for part in WHOLE:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, copy)
    for slug in slugs:
        shutil.rmtree(copy / "src" / "leja" / "connectors" / slug)
    return copy


def pytest_in(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:schemathesis", "--no-header", *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("slugs", [*CHOSEN, SLUGS], ids=lambda slugs: "without-" + (slugs[0] if len(slugs) == 1 else "any"))
def test_without_its_folder_everything_is_still_collected_and_the_house_stands(slugs: list[str], tmp_path: Path) -> None:
    copy = tree_without(tmp_path, slugs)
    collected = pytest_in(copy, "--collect-only", "tests", "src/leja/connectors")
    assert collected.returncode == 0, collected.stdout[-3000:] + collected.stderr[-3000:]
    for slug in slugs:
        assert f"connectors/{slug}/" not in collected.stdout
        assert not re.search(rf"tests/connectors/\S*\[(?:\S*-)?{slug}(?:-\S*)?\]", collected.stdout), "the suites find folders by themselves"
    house = pytest_in(copy, "-x", "tests/house")
    assert house.returncode == 0, house.stdout[-3000:]
