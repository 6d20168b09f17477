"""Every connector names what, independently of us, holds it and its stand-in to the vendor, and in which tests it does."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import msgspec
import pytest

from leja.connectors import registry

FOLDERS = registry.folders()


class Judge(msgspec.Struct, frozen=True, rename={"words": "is"}, forbid_unknown_fields=True):
    """One judge, in words, and ``file.py::test`` of the connector's own tests, one at least."""

    words: str
    tests: tuple[str, ...]


def judges(folder: Path) -> list[Judge]:
    """What ``tests/judges.toml`` of a connector says."""
    path = folder / "tests" / "judges.toml"
    assert path.exists(), f"{folder.name} must bring tests/judges.toml: see docs/connectors/writing.md"
    return msgspec.convert(tomllib.loads(path.read_text())["judge"], list[Judge])


@pytest.mark.parametrize("slug", sorted(FOLDERS))
def test_every_judge_sits_in_tests_that_there_are(slug: str) -> None:
    told = judges(FOLDERS[slug])
    assert told
    for judge in told:
        assert len(judge.words.split()) >= 3
        assert judge.tests, f"{slug}: {judge.words} judges nothing"
        for name in judge.tests:
            file, _, test = name.partition("::")
            path = FOLDERS[slug] / "tests" / file
            assert path.is_file(), f"{slug}: there is no {file}"
            defined = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
            assert test in defined, f"{slug}: {file} has no {test}"
            assert test.startswith("test_")
