"""Every fault is played as it says, and counted."""

from __future__ import annotations

import time

import httpx2
import pytest

from leja_sandbox.faults import KINDS, Faults
from leja_sandbox.kit import SimulatedClock
from leja_sandbox.server import Remote, SandboxServer


def _write(client: httpx2.Client, sandbox: SandboxServer, id_: str = "1", text: str = "x") -> httpx2.Response:
    return client.post(f"{sandbox.url('notes')}/notes", json={"id": id_, "text": text})


def _there(client: httpx2.Client, sandbox: SandboxServer, id_: str = "1") -> bool:
    return client.get(f"{sandbox.url('notes')}/notes/{id_}").status_code == 200


def _played(sandbox: SandboxServer) -> dict[str, int]:
    return dict(sandbox.stand_in("notes").env.faults.played)


def test_an_answer_lost_after_the_commit_leaves_the_write(client, sandbox):
    sandbox.stand_in("notes").env.faults.add("answer_lost", path="POST *", times=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        _write(client, sandbox)
    assert _there(client, sandbox)
    assert _played(sandbox) == {"answer_lost": 1}


def test_a_connection_cut_before_the_commit_leaves_nothing(client, sandbox):
    sandbox.stand_in("notes").env.faults.add("cut_before", path="POST *", times=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        _write(client, sandbox)
    assert not _there(client, sandbox)


@pytest.mark.parametrize(("kind", "status", "there"), [("error_before", 503, False), ("error_after", 500, True)])
def test_an_error_before_or_after_the_commit_says_what_it_says(client, sandbox, kind, status, there):
    sandbox.stand_in("notes").env.faults.add(kind, path="POST *", times=1)
    assert _write(client, sandbox).status_code == status
    assert _there(client, sandbox) is there


@pytest.mark.parametrize("retry_after", [None, 2])
def test_429_comes_with_and_without_retry_after(client, sandbox, retry_after):
    sandbox.stand_in("notes").env.faults.add("rate_limited", times=1, retry_after=retry_after)
    answer = _write(client, sandbox)
    assert answer.status_code == 429
    assert answer.headers.get("retry-after") == (None if retry_after is None else "2")


def test_a_slow_answer_takes_real_time(client, sandbox):
    sandbox.stand_in("notes").env.faults.add("slow", times=1, seconds=0.2)
    start = time.monotonic()
    _write(client, sandbox)
    assert time.monotonic() - start >= 0.2


def test_a_late_commit_appears_only_after_its_delay(client, sandbox, simulated: SimulatedClock):
    sandbox.stand_in("notes").env.faults.add("late_commit", path="POST *", times=1, seconds=30)
    with pytest.raises(httpx2.RemoteProtocolError):
        _write(client, sandbox)
    sandbox.stand_in("notes").app.commit_late()
    assert not _there(client, sandbox)
    simulated.advance(31)
    deadline = time.monotonic() + 5
    while not _there(client, sandbox) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _there(client, sandbox)


def test_a_lagging_search_hides_what_a_read_by_id_shows(client, sandbox, simulated: SimulatedClock):
    sandbox.stand_in("notes").env.faults.add("lagging_search", path="POST *", times=1, seconds=60)
    _write(client, sandbox)
    assert _there(client, sandbox)
    assert client.get(f"{sandbox.url('notes')}/notes").json() == []
    simulated.advance(61)
    assert len(client.get(f"{sandbox.url('notes')}/notes").json()) == 1


def test_a_refused_request_leaves_nothing(client, sandbox):
    assert _write(client, sandbox, text="bad").status_code == 422
    assert not _there(client, sandbox)


def test_the_same_seed_draws_the_same_faults():
    def drawn(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add("error_before", rate=0.3)
        return [faults.draw("error_before", "GET /") is not None for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 30 < sum(drawn(1)) < 90


def test_skip_and_times_choose_which_requests_meet_a_fault():
    faults = Faults()
    faults.add("error_before", path="POST /a*", skip=1, times=2)
    met = [faults.draw("error_before", "POST /abc") is not None for _ in range(5)]
    assert met == [False, True, True, False, False]
    assert faults.draw("error_before", "GET /abc") is None
    assert faults.played == {"error_before": 2}


def test_an_unknown_kind_of_fault_is_refused(sandbox):
    with pytest.raises(ValueError, match="Invalid enum value"):
        Remote(sandbox.url("notes")).call("fault", kind="gremlin")
    assert len(KINDS) == 15


def test_control_over_the_wire_switches_faults_and_reads_the_ledger(client, sandbox):
    remote = Remote(sandbox.root_url("notes"))
    remote.call("fault", kind="error_before", times=1)
    assert client.get(f"{sandbox.url('notes')}/notes").status_code == 503
    assert remote.call("faults")["played"] == {"error_before": 1}
    remote.call("clear_faults")
    assert remote.call("ledger") == [{"account": "1", "day": "2026-01-02", "currency": "GBP", "minor": 5}]
    assert remote.call("clock", advance=60)["now"] == "2026-06-01T09:01:00+00:00"
    with pytest.raises(ValueError, match="no such thing"):
        remote.call("nothing")
