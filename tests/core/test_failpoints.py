"""Failpoints do nothing unless armed, and an armed one stops the process at the n-th passing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from leja.core import failpoints
from leja.core.errors import Refused


@pytest.fixture(autouse=True)
def _unhooked():
    yield
    failpoints.hooked(None)


def test_an_unarmed_failpoint_does_nothing():
    failpoints.failpoint("anywhere")
    assert failpoints.hits["anywhere"] == 0


def test_a_hook_sees_every_place_that_is_passed():
    seen = []
    failpoints.hooked(seen.append)
    failpoints.failpoint("a.b")
    failpoints.failpoint("a.b")
    assert seen == ["a.b", "a.b"]
    assert failpoints.hits["a.b"] == 2


def test_the_setting_kills_the_process_at_the_nth_passing():
    code = "import leja.core.failpoints as f; f.failpoint('x.y'); print('once', flush=True); f.failpoint('x.y')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env=os.environ | {"LEJA_FAILPOINTS": "x.y:kill:2"}, check=False)
    assert done.stdout == "once\n"
    assert done.returncode == -9


@pytest.mark.parametrize("text", ["x", "x:explode", "x:kill:soon"])
def test_a_setting_that_cannot_be_read_is_refused(text):
    with pytest.raises(Refused, match="failpoint-unreadable"):
        failpoints.armed_from(text)
