"""Webhooks go out signed once, and again as the vendor retries them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from leja_sandbox.kit import SimulatedClock, StandIn, environment

from .conftest import build
from .receiver import Receiver


@pytest.fixture
def told() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def notes(simulated: SimulatedClock) -> StandIn:
    return build(environment(clock=simulated))


def _send(notes: StandIn) -> int:
    return asyncio.run(notes.webhooks.send_due())


def test_a_webhook_is_delivered_once(notes, told):
    notes.control.call("webhook", url=told.url)
    assert (_send(notes), _send(notes)) == (1, 0)
    assert [body for _, body in told.got] == [b'{"old": true}']
    assert told.got[0][0]["x-id"] == "7"


@pytest.mark.parametrize(
    ("manner", "at_once", "later"), [("twice", 2, 2), ("stale", 1, 2), ("late", 0, 1), ("lost", 0, 0)]
)
def test_the_manner_decides_when_and_how_often(notes, told, simulated, manner, at_once, later):
    notes.control.call("webhook", url=told.url, manner=manner, delay=60)
    _send(notes)
    assert len(told.got) == at_once
    simulated.advance(61)
    _send(notes)
    assert len(told.got) == later
    assert notes.webhooks.counts()["lost"] == (manner == "lost")


@pytest.mark.parametrize(
    ("kind", "deliveries"),
    [("webhook_lost", 0), ("webhook_twice", 2), ("webhook_stale", 2), ("webhook_out_of_order", 1)],
)
def test_a_webhook_fault_is_played_and_counted(notes, told, simulated, kind, deliveries):
    notes.env.faults.add(kind, path="WEBHOOK note/*", times=1, seconds=5)
    notes.control.call("webhook", url=told.url)
    _send(notes)
    simulated.advance(6)
    _send(notes)
    assert len(told.got) == deliveries
    assert notes.env.faults.played[kind] == 1


def test_a_refused_webhook_is_retried_with_the_same_bytes_and_then_given_up(notes, told, simulated):
    told.status = 500
    notes.control.call("webhook", url=told.url)
    gone: list[str] = []
    notes.webhooks._gave_up = gone.append
    _send(notes)
    assert _send(notes) == 0, "not before its gap"
    for gap in (11, 21):
        simulated.advance(gap)
        assert _send(notes) == 1
    assert len({(tuple(sorted(headers.items())), body) for headers, body in told.got}) == 1
    assert (notes.webhooks.counts()["given_up"], gone) == (1, ["1"])


def test_a_receiver_that_is_not_there_counts_as_a_failure(notes):
    notes.control.call("webhook", url="http://127.0.0.1:9/none")
    _send(notes)
    assert notes.webhooks.all()[0].tries == 1
    assert notes.webhooks.all()[0].state == "due"


def test_an_event_that_is_rolled_back_tells_nobody(notes, told):
    def rolled_back() -> None:
        with notes.env.store.transaction():
            notes.control.call("webhook", url=told.url)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        rolled_back()
    assert notes.webhooks.all() == []
    assert notes.env.clock() == datetime(2026, 6, 1, 9, tzinfo=UTC)
