"""Breaks a connector in seeded ways, one at a time, and asks whether its tests see it.

    python -m tests.connectors.mutants shopify                  # all of them
    python -m tests.connectors.mutants shopify 3 17             # some
    python -m tests.connectors.mutants shopify --jobs 2 --json  # two at a time; one JSON object at the end

A mutant is a file with one text replaced. The whole source is copied aside, changed and tested there; the work tree is
not touched. Each run has the connector's own tests and the shared suites for it, the quickest first, and ends at the
first failure. ``src/leja/connectors/SLUG/tests/mutants.toml`` lists them: file, from, to, why.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from leja.connectors import registry

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 600
UNCHANGED = {"file": "http/client.py", "from": "", "to": "", "why": "nothing is changed"}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one mutant. ``killer`` is the first test that failed, "" where it survives."""

    number: int
    why: str
    survives: bool
    killer: str
    seconds: int


def listed(slug: str) -> list[dict[str, str]]:
    """The seeded mutants of a connector."""
    path = ROOT / "src" / "leja" / "connectors" / slug / "tests" / "mutants.toml"
    return list(tomllib.loads(path.read_text())["mutant"])


def misfits(slug: str) -> list[str]:
    """Mutants that no longer fit the code: their text is not there exactly once, or they change nothing."""
    odd = []
    for mutant in listed(slug):
        text = (ROOT / "src" / "leja" / mutant["file"]).read_text()
        if text.count(mutant["from"]) != 1 or mutant["from"] == mutant["to"]:
            odd.append(f"{mutant['why']}: {text.count(mutant['from'])} times in {mutant['file']}")
    return odd


def judged(slug: str, number: int, mutant: dict[str, str]) -> Verdict:
    """Runs the tests with the mutant in place; one that replaces nothing must survive."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leja-mutant-") as place:
        copy = _mutated(Path(place), mutant)
        environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            run = subprocess.run(
                _command(slug, mutant["file"]), cwd=copy, env=environment, capture_output=True, text=True,
                timeout=SECONDS_MAX, check=False,
            )
            failed = re.search(r"^(?:FAILED|ERROR) (?:\S*/)?(\S+)", run.stdout, re.MULTILINE)
            killer = "" if run.returncode == 0 else failed[1] if failed else run.stdout[-200:] or run.stderr[-200:]
        except subprocess.TimeoutExpired:
            killer = "the tests came to no end"
    seconds = round(time.monotonic() - begun)
    return Verdict(number=number, why=mutant["why"], survives=not killer, killer=killer, seconds=seconds)


def _mutated(place: Path, mutant: dict[str, str]) -> Path:
    copy = place / "main"
    for part in ("src", "tests"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    (place / "shared").symlink_to(ROOT.parent / "shared")
    victim = copy / "src" / "leja" / mutant["file"]
    text = victim.read_text()
    victim.write_text(text.replace(mutant["from"], mutant["to"]) if mutant["from"] else text)
    return copy


def _command(slug: str, file: str) -> list[str]:
    own = f"src/leja/connectors/{slug}/tests"
    suites = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py") if path.stem != "test_folders")
    # What needs no database comes first, the faults, which take longest, last.
    suites.sort(key=lambda name: (name != "test_conformance", name != "test_stages", name.endswith("faults")))
    tests = [own, *(f"tests/connectors/{name}.py" for name in suites)]
    if file.startswith("http/"):
        tests.insert(0, "tests/http")
    # The test that the texts are still there would kill every mutant by itself; stand-ins are not what is broken.
    left_out = ["test_stand_in", "seeded_mutant", *(name for name in registry.connectors() if name != slug)]
    others = " and ".join(f"not {name}" for name in left_out)
    return [
        sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:xdist", "-p", "no:schemathesis", "-m", "not slow",
        "--timeout=120", "--no-header", "--tb=no", "-k", others, *tests,
    ]  # fmt: skip


def main(given: Sequence[str] | None = None) -> int:
    """Prints each mutant, what killed it and how long that took; 1 if any survived."""
    asked = argparse.ArgumentParser(prog="python -m tests.connectors.mutants", description="Break a connector on purpose.")
    asked.add_argument("slug")
    asked.add_argument("numbers", nargs="*", type=int)
    asked.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    asked.add_argument("--json", action="store_true")
    wanted = asked.parse_args(given)
    whole = judged(wanted.slug, 0, UNCHANGED)
    if not whole.survives:
        print(f"the tests are not green without any mutant ({whole.killer}): nothing can be said")
        return 2
    chosen = [(n, one) for n, one in enumerate(listed(wanted.slug), 1) if not wanted.numbers or n in wanted.numbers]
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(wanted.jobs) as pool:
        for verdict in pool.map(lambda one: judged(wanted.slug, *one), chosen):
            verdicts.append(verdict)
            if not wanted.json:
                word = "SURVIVES" if verdict.survives else "killed"
                print(f"{verdict.number:3} {word:9}{verdict.seconds:4} s  {verdict.why}  {verdict.killer[:90]}", flush=True)
    return _told(wanted.slug, whole, verdicts, as_json=wanted.json)


def _told(slug: str, whole: Verdict, verdicts: list[Verdict], *, as_json: bool) -> int:
    alive = [*misfits(slug), *(one.why for one in verdicts if one.survives)]
    if as_json:
        said: dict[str, Any] = {
            "slug": slug, "mutants": len(verdicts), "killed": sum(not one.survives for one in verdicts), "survive": alive,
            "seconds_unbroken": whole.seconds, "verdicts": msgspec.to_builtins(verdicts),
        }  # fmt: skip
        print(json.dumps(said, indent=1))
    else:
        print(f"{len(verdicts)} mutants, {len(alive)} survive" + "".join(f"\n  {why}" for why in alive))
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
