"""The server: one port for all, ports of their own, the loopback address only; and a process that is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from leja_sandbox.discovery import stand_ins
from leja_sandbox.server import Remote, SandboxServer

from .conftest import SPECS

ROOT = Path(__file__).resolve().parents[2]


def test_stand_ins_share_a_port_under_their_slugs_and_have_ports_of_their_own(client, sandbox):
    assert client.get(f"{sandbox.url('notes')}/notes").json() == []
    assert client.get(f"{sandbox.root_url('notes')}/notes").json() == []
    assert client.get(f"http://127.0.0.1:{sandbox.port}/nobody/x").status_code == 404
    assert sandbox.url("notes") in client.get(f"http://127.0.0.1:{sandbox.port}/").text


def test_it_listens_on_the_loopback_address_only(sandbox):
    assert sandbox._shared.getsockname()[0] == "127.0.0.1"
    assert sandbox._own["notes"].getsockname()[0] == "127.0.0.1"


def test_one_kind_can_run_twice_under_two_names(client):
    with SandboxServer(specs=SPECS, slugs=["notes", "notes:more"]) as server:
        client.post(f"{server.url('more')}/notes", json={"id": "1", "text": "x"})
        assert client.get(f"{server.url('notes')}/notes").json() == []
        assert len(client.get(f"{server.url('more')}/notes").json()) == 1


def test_wrong_paths_and_methods_are_told_apart(client, sandbox):
    assert client.get(f"{sandbox.url('notes')}/elsewhere").status_code == 404
    assert client.delete(f"{sandbox.url('notes')}/notes").status_code == 405


def test_discovery_finds_every_connector_with_a_stand_in():
    found = stand_ins()
    folder = ROOT / "src" / "leja" / "connectors"
    assert set(found) == {path.parent.name for path in folder.glob("*/stand_in.py")}


def _process(data: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "leja_sandbox", "--port", "0", "--data", str(data), "--only", "shopify"],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )  # fmt: skip
    return process, json.loads(process.stdout.readline())["stand_ins"]["shopify"]


def test_a_killed_process_keeps_every_write_that_it_answered(tmp_path):
    process, url = _process(tmp_path)
    try:
        remote = Remote(url)
        made = [remote.call("place_order", lines=[{"title": "Cup", "price": "3.00"}])["id"] for _ in range(20)]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    process, url = _process(tmp_path)
    try:
        answer = httpx2.get(
            f"{url}/admin/api/2026-07/orders.json?status=any&limit=250",
            headers={"X-Shopify-Access-Token": "shpat_sandbox"}, trust_env=False,
        )  # fmt: skip
        assert sorted(order["id"] for order in answer.json()["orders"]) == made
        assert Remote(url).call("place_order", lines=[{"title": "Cup", "price": "3.00"}])["id"] > made[-1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
