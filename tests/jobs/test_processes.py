"""Workers as processes of their own, on the sandbox: an order is booked and told, whoever dies in between."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from leja.access import tokens
from leja.cli.demo_sales import utc_text
from leja.cli.demo_stage import Recipe, Stage
from leja.core.clock import system_clock
from leja.core.errors import Transient
from leja.database import embedded
from leja.house import House, Settings

LEASE_SECONDS = 3
WORK = "import os\nfrom leja.house import House, Settings\nhouse = House.open(Settings.read(os.environ))\nhouse.pace_off = True\nhouse.work()\nhouse.close()\n"


@pytest.fixture
def stage():
    """A shop, a till and two accounting systems in the sandbox, on an embedded database of their own."""
    home = Path(tempfile.mkdtemp(prefix="leja-work-"))
    home.chmod(0o755)
    house = House.open(Settings(home=home))
    made = Stage(house, Recipe.read(), system_clock().date() - timedelta(days=30))
    try:
        asyncio.run(made.set_up())
        asyncio.run(made.subscribe())
        yield made
    finally:
        made.close()
        house.close()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def workers(stage, count=1, **environment):
    """So many worker processes; what they wrote to standard error is shown when the test fails."""
    variables = {
        **os.environ, "LEJA_HOME": str(stage.house.settings.home), "LEJA_ALLOW_PRIVATE_HOSTS": f"127.0.0.1:{stage.sandbox.port}",
        "LEJA_LEASE_SECONDS": str(LEASE_SECONDS), "LEJA_POLL_SECONDS": "3600", "LEJA_CALL_SECONDS": "5", **environment,
    }
    running = [subprocess.Popen([sys.executable, "-c", WORK], env=variables) for _ in range(count)]
    try:
        yield running
    finally:
        for one in running:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        for one in running:
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


def sell(stage, first, last):
    placed = [
        {"lines": [{"sku": "SISAL-BASKET", "title": "Basket", "price": "12.50", "quantity": 2}], "name": f"#{number}",
         "processed_at": utc_text(system_clock()), "created_at": utc_text(system_clock()), "webhooks": "normal", "taxes_included": True}
        for number in range(first, last + 1)
    ]
    stage.control(stage.shop.name, "place_orders", orders=placed)
    stage.control(stage.shop.name, "hasten_webhooks")


def rows(stage, sql, *values):
    with stage.house.database.transaction() as conn:
        return conn.execute(sql.encode(), (stage.org.org_id, *values)).fetchall()


def told(stage):
    """The references of sales that stand at the target that is told of each."""
    target = next(t for t in stage.targets if t.name == "quickbooks")
    found = rows(stage, "SELECT r.reference FROM remote_document r JOIN deliverable d USING (org_id, deliverable_id) WHERE r.org_id = %s"
                 " AND r.connection_id = %s AND d.state = 'done' AND d.group_key LIKE 'document/%%' AND r.step IN"
                 " (SELECT min(step) FROM remote_document x WHERE x.org_id = r.org_id AND x.deliverable_id = r.deliverable_id)",
                 target.connection_id)
    return [row[0] for row in found]


def listening(stage):
    """How many workers have come so far that they hear commits."""
    return rows(stage, "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN leja_work' AND %s::uuid IS NOT NULL")[0][0]


def until(what, seconds):
    ends = time.monotonic() + seconds
    while True:
        try:
            if what():
                return
        except Transient:
            assert time.monotonic() < ends
        assert time.monotonic() < ends, "it did not come to that in time"
        time.sleep(0.1)


def assert_each_once(stage, count):
    references = Counter(told(stage))
    assert len(references) == count
    assert set(references.values()) == {1}
    sales = rows(stage, "SELECT count(*) FROM document WHERE org_id = %s AND kind = 'sale'")
    assert sales == [(count,)]


def test_an_order_is_booked_and_told_by_a_worker_process(stage) -> None:
    with workers(stage) as (one,):
        sell(stage, 1, 5)
        until(lambda: len(told(stage)) == 5, 60)
        one.send_signal(signal.SIGTERM)
        assert one.wait(15) == 0
    assert_each_once(stage, 5)


def test_a_killed_workers_work_is_taken_over_and_nothing_is_told_twice(stage) -> None:
    with workers(stage, 1, LEJA_FAILPOINTS="delivery.after-send:kill:1") as (doomed,):
        sell(stage, 1, 6)
        assert doomed.wait(60) == -signal.SIGKILL
    killed = time.monotonic()
    with workers(stage, 2):
        until(lambda: len(told(stage)) == 6, 60)
        assert time.monotonic() - killed < 60
    assert_each_once(stage, 6)
    ((epoch,),) = rows(stage, "SELECT max(epoch) FROM lease WHERE org_id = %s AND name LIKE 'deliver/%%'")
    assert epoch > 1


def unwatched(stage):
    """The stage's server, which this process does not look after any more: others must."""
    stage.house._watch.stop()
    return stage.house._embedded


def killed(server):
    """The server is killed, and reaped by this process, which had started it; says which it was."""
    pid = server.server_pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: embedded._reap() or pid not in [child.pid for child in embedded._children], 10)
    return pid


@pytest.mark.slow
def test_workers_survive_that_the_database_is_killed_and_bring_it_back(stage) -> None:
    server = unwatched(stage)
    with workers(stage, 2) as running:
        until(lambda: listening(stage) == 2, 60)
        sell(stage, 1, 3)
        until(lambda: len(told(stage)) >= 1, 60)
        killed(server)
        sell(stage, 4, 6)
        until(lambda: len(told(stage)) == 6, 90)
        assert [one.poll() for one in running] == [None, None]
    assert_each_once(stage, 6)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def serving(stage, command, port, **environment):
    """``leja up`` or ``leja serve`` as a process; ready when it says so."""
    variables = {
        **os.environ, "LEJA_HOME": str(stage.house.settings.home), "LEJA_ALLOW_PRIVATE_HOSTS": f"127.0.0.1:{stage.sandbox.port}",
        "LEJA_LEASE_SECONDS": str(LEASE_SECONDS), **environment,
    }
    code = f"from leja.cli.main import main; import sys; sys.argv = ['leja', '{command}', '--port', '{port}']; main()"
    with subprocess.Popen([sys.executable, "-c", code], env=variables) as process:
        try:
            until(lambda: answered(port, "/ready") == 200, 30)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)


def answered(port, path, token="", *, text=False):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode() if text else answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_running_leja_brings_its_killed_database_back_by_itself(stage, command) -> None:
    server, port = unwatched(stage), free_port()
    with serving(stage, command, port):
        before = killed(server)
        until(lambda: json.loads(answered(port, "/health", text=True))["embedded"] == "running" and server.server_pid() not in (None, before), 30)
        until(lambda: answered(port, "/ready") == 200, 15)


def test_one_process_takes_in_books_tells_and_answers(stage) -> None:
    """``leja up``: it subscribes at its own address, a signed webhook comes, and everything else follows by itself."""
    port = free_port()
    with stage.house.database.transaction() as conn:
        token = tokens.create(conn, stage.org.org_id, "test", ["read"], system_clock())
    public = {"LEJA_PUBLIC_URL": f"http://127.0.0.1:{port}", "LEJA_METRICS_TOKEN": "m" * 40, "LEJA_POLL_SECONDS": "3600"}
    with serving(stage, "up", port, **public) as process:
        until(lambda: rows(stage, "SELECT 1 FROM work WHERE org_id = %s AND step = 'subscriptions' AND ended_at IS NOT NULL"), 30)
        sell(stage, 1, 4)
        until(lambda: len(told(stage)) == 4, 60)
        assert "SISAL" not in answered(port, "/metrics", "m" * 40, text=True)
        assert 'leja_webhook_seconds_count{status="200"}' in answered(port, "/metrics", "m" * 40, text=True)
        assert answered(port, f"/api/v1/orgs/{stage.org.org_id}/trial-balance") == 401
        assert '"code":"4000"' in answered(port, f"/api/v1/orgs/{stage.org.org_id}/accounts", token, text=True)
        assert "10000" in answered(port, f"/api/v1/orgs/{stage.org.org_id}/trial-balance", token, text=True)
        assert answered(port, "/hooks/nobody-knows-this") == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert_each_once(stage, 4)


@pytest.mark.slow
def test_serving_without_workers_takes_in_and_leaves_the_work_to_others(stage) -> None:
    port = free_port()
    with serving(stage, "serve", port):
        sell(stage, 1, 2)
        until(lambda: rows(stage, "SELECT count(*) FROM event_state WHERE org_id = %s AND state = 'new'")[0][0] >= 2, 30)
        time.sleep(1)
        assert told(stage) == []
        with workers(stage):
            until(lambda: len(told(stage)) == 2, 60)
    assert_each_once(stage, 2)
