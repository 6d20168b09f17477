"""The tables of docs/connectors.md, made from the folders: ``python -m tests.connectors.page`` writes them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from leja.connectors import registry

from .test_judges import judges

PAGE = Path(__file__).resolve().parents[2] / "docs" / "connectors.md"
SIZES, JUDGED = "| folder | connector | stand-in | tests | samples | seeded mutants |", "| folder | judge | in |"


def lines(files: Iterable[Path]) -> int:
    """How many lines they have, blank ones and comments counted."""
    return sum(len(path.read_text().splitlines()) for path in files)


def size(folder: Path) -> tuple[int, int, int, int, int]:
    """Lines of connector, stand-in and tests; samples; seeded mutants."""
    own = [path for path in folder.glob("*.py") if not path.name.startswith("stand_in")]
    seeded = folder / "tests" / "mutants.toml"
    samples = [path for path in folder.glob("samples/*") if not path.name.endswith(".expected.json")]
    return (lines(own), lines(folder.glob("stand_in*.py")), lines(folder.glob("tests/*.py")), len(samples),
            len(tomllib.loads(seeded.read_text())["mutant"]) if seeded.exists() else 0)  # fmt: skip


def sizes() -> list[str]:
    """The table of sizes."""
    rows = [f"| {slug} | {' | '.join(f'{part:,}' if part else '–' for part in size(folder))} |" for slug, folder in sorted(registry.folders().items())]
    return [SIZES, "| --- | ---: | ---: | ---: | ---: | ---: |", *rows]


def judged() -> list[str]:
    """The table of judges."""
    rows = []
    for slug, folder in sorted(registry.folders().items()):
        for at, judge in enumerate(judges(folder)):
            files = dict.fromkeys(f"`{name.partition('::')[0]}`" for name in judge.tests)
            rows.append(f"| {'' if at else slug} | {judge.words} | {', '.join(files)} |")
    return [JUDGED, "| --- | --- | --- |", *rows]


def renewed(page: str) -> str:
    """The page with its tables made anew; everything else stays."""
    text: list[str] = []
    skipping = False
    for line in page.splitlines():
        if line in (SIZES, JUDGED):
            text += sizes() if line == SIZES else judged()
            skipping = True
        skipping = skipping and line.startswith("|")
        if not skipping:
            text.append(line)
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
