"""The runs as they were kept: one line of JSON each, so that a long proof can be stopped, gone on with, and counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.crash.run import Told, places

ROOT = Path(__file__).resolve().parents[2]


class Kept:
    """The lines of a file. Runs of other sources, of a broken-off line or of other seeds do not count."""

    def __init__(self, path: Path, sources: str = "") -> None:
        self._path, self._sources = path, sources or sources_digest()
        self.runs: dict[int, Told] = {}
        self._read()

    def _read(self) -> None:
        for line in self._path.read_bytes().splitlines() if self._path.exists() else ():
            try:
                run = msgspec.json.decode(line, type=_Line, dec_hook=lambda _, found: Counter(found))
            except msgspec.DecodeError:
                continue
            if run.sources == self._sources:
                self.runs[run.told.seed] = run.told

    def add(self, told: Told) -> None:
        """Keep a run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(_Line(sources=self._sources, told=told)) + b"\n")
        self._read()  # others may add to the same file

    def right(self, seed: int) -> bool:
        """Whether that run has been, and nothing was wrong."""
        return seed in self.runs and not self.runs[seed].wrong

    def progress(self, seeds: Iterable[int]) -> str:
        """How far it is, in a few words."""
        every = list(seeds)
        done = [seed for seed in every if seed in self.runs]
        failed = [seed for seed in done if self.runs[seed].wrong]
        return f"{len(done)}/{len(every)} done" + (f", failed: {', '.join(map(str, failed))}" if failed else "")


class _Line(msgspec.Struct, kw_only=True):
    sources: str
    told: Told


def histogram(runs: Iterable[Told]) -> tuple[dict[str, int], Counter[str]]:
    """How often a process was killed at each place, and what else died or was done."""
    hit: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for told in runs:
        hit.update(told.hit)
        others.update(told.others)
    return {name: hit[name] for name in places()}, others


def sources_digest() -> str:
    """Of everything that a run executes: a run of other sources proves nothing about these."""
    digest = hashlib.sha256()
    for folder in ("src", "tests/crash"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".sql", ".toml", ".json", ".graphql"):
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
