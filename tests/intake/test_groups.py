"""How many go into a commit: always some, never more than wait, and of those who ask again and again one half each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leja.intake.committer import share


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_some_of_those_who_wait(waiting: int, last: int) -> None:
    assert (waiting > 0) <= share(waiting, last) <= waiting


@given(st.integers(2, 512), st.integers(1, 512))
def test_callers_who_ask_again_are_halved(callers: int, first: int) -> None:
    last = min(first, callers)
    waiting = callers - last
    for _ in range(40):
        size = share(waiting, last)
        # While these are committed, those of the commit before are answered and ask again.
        waiting, last = waiting - size + last, size
    assert abs(size - callers / 2) <= 1


@given(st.integers(1, 2048))
def test_a_backlog_is_gone_after_a_few_commits(backlog: int) -> None:
    waiting, last, commits = backlog, 0, 0
    while waiting:
        last = share(waiting, last)
        waiting, commits = waiting - last, commits + 1
    assert commits <= 3
