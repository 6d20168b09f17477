"""The README's transcript is what the command prints."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from leja.database.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_quick_start_prints_what_the_readme_shows() -> None:
    shown = re.search(r"<!-- transcript: leja (.+?) -->\n```text\n(.+?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    home = Path(tempfile.mkdtemp(prefix="leja-readme-"))
    home.chmod(0o755)
    try:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "leja"), *shown.group(1).split()], capture_output=True, text=True, check=False,
            env={"LEJA_HOME": str(home), "PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stderr
        assert [line.rstrip() for line in done.stdout.rstrip().splitlines()] == [line.rstrip() for line in shown.group(2).splitlines()]
    finally:
        EmbeddedPostgres(home).stop(even_if_used=True)
        shutil.rmtree(home, ignore_errors=True)
