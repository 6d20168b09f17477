"""Breaks a connector in seeded ways, one at a time, and asks whether its tests see it.

    python -m tests.connectors.mutants shopify            # all of them
    python -m tests.connectors.mutants shopify 3 17       # some

A mutant is a file with one text replaced. The whole source is copied aside, changed and tested there; the work tree is
not touched. ``src/leja/connectors/SLUG/tests/mutants.toml`` lists them: file, from, to, why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from leja.connectors import registry

ROOT = Path(__file__).resolve().parents[2]


def listed(slug: str) -> list[dict[str, str]]:
    """The seeded mutants of a connector."""
    path = ROOT / "src" / "leja" / "connectors" / slug / "tests" / "mutants.toml"
    return list(tomllib.loads(path.read_text())["mutant"])


def misfits(slug: str) -> list[str]:
    """Mutants that no longer fit the code: their text is not there exactly once."""
    odd = []
    for mutant in listed(slug):
        text = (ROOT / "src" / "leja" / mutant["file"]).read_text()
        if text.count(mutant["from"]) != 1:
            odd.append(f"{mutant['why']}: {text.count(mutant['from'])} times in {mutant['file']}")
    return odd


def survives(slug: str, mutant: dict[str, str]) -> bool:
    """Whether the tests stay green with the mutant in place; one that replaces nothing must survive."""
    with tempfile.TemporaryDirectory(prefix="leja-mutant-") as place:
        copy = Path(place) / "main"
        shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        (Path(place) / "shared").symlink_to(ROOT.parent / "shared")
        victim = copy / "src" / "leja" / mutant["file"]
        text = victim.read_text()
        victim.write_text(text.replace(mutant["from"], mutant["to"]) if mutant["from"] else text)
        tests = [f"src/leja/connectors/{slug}/tests", "tests/connectors"]
        if mutant["file"].startswith("http/"):
            tests = ["tests/http", *tests]
        # The test that the texts are still there would kill every mutant by itself.
        left_out = ["stand_in", "seeded_mutant", *(name for name in registry.connectors() if name != slug)]
        others = " and ".join(f"not {name}" for name in left_out)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--timeout=120", "--no-header", "-k", others, *tests]
        environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        run = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=600, check=False)
        return run.returncode == 0


def main() -> int:
    """Prints each mutant and whether it was killed; 1 if any survived."""
    slug, chosen = sys.argv[1], {int(text) for text in sys.argv[2:]}
    if not survives(slug, {"file": "http/client.py", "from": "", "to": ""}):
        print("the tests are not green without any mutant: nothing can be said")
        return 2
    alive = misfits(slug)
    for number, mutant in enumerate(listed(slug), 1):
        if chosen and number not in chosen:
            continue
        lives = survives(slug, mutant)
        print(f"{number:3} {'SURVIVES' if lives else 'killed':9} {mutant['why']}", flush=True)
        if lives:
            alive.append(mutant["why"])
    print(f"{len(alive)} survive" + "".join(f"\n  {why}" for why in alive))
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
