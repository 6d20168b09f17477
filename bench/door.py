"""(b) Durable acknowledgement through the webhook door: commits in groups, one by one, and the same door storing nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench import bodies
from bench.door_client import MARK
from bench.figure import Figure, Outcome, figure
from bench.ground import SHOP, SIGNED_WITH, Trade, number, opened, settle, trade
from bench.size import Size
from leja.house import House

MODES = ("group", "one", "nothing")
BOUNDS = {1: (None, None), 16: (3.0, None), 64: (5.0, 1 / 3)}
ROOT = Path(__file__).resolve().parent.parent
METHOD = (
    "Three doors run as processes of their own on one database with fsync on, under the server that leja up uses: one commits in "
    "groups, one commits each request by itself with the same single writer, one verifies, reads and prepares the rows all the same "
    "but stores nothing. A client process, the same for all three, posts signed bodies of real orders, each under a delivery id of its "
    "own, over so many connections, the next request as soon as the last is answered; its own work is kept small, as it shares the "
    "processor. The doors take turns; a figure is the median of the rounds' ratios. Afterwards the events in the database are counted: "
    "none that was answered is missing."
)


def run(size: Size) -> Outcome:
    """Measure it."""
    rounds: dict[tuple[int, str], list[dict[str, Any]]] = {}
    with opened() as house:
        one = trade(house, "door")
        requests = b"\0".join(_request(sent, one) for sent in bodies.orders(400, size.seed))
        with _door(house, "group") as group, _door(house, "one") as single, _door(house, "nothing") as nothing:
            ports = dict(zip(MODES, (group, single, nothing), strict=True))
            first = 0
            for at in range(size.door_rounds):
                for connections in BOUNDS:
                    for mode in MODES if at % 2 else reversed(MODES):
                        settle(house)
                        said = _call(ports[mode].port, connections, size.door_seconds, first, requests)
                        first += 10_000_000
                        rounds.setdefault((connections, mode), []).append(said)
        answered = sum(said["answered"] for (_, mode), every in rounds.items() if mode != "nothing" for said in every)
        with house.database.transaction() as conn:
            kept = number(conn, "SELECT count(*) FROM event WHERE org_id = %s", one.org.org_id)
    if kept < answered:
        raise RuntimeError(f"{answered} requests were acknowledged, {kept} are kept")
    figures = [each for connections in BOUNDS for each in _figures(rounds, connections)]
    sizes = Counter({int(k): v for k, v in group.said["sizes"].items()})
    grouped = sum(k * v for k, v in sizes.items()) / max(1, sum(sizes.values()))
    figures.append(figure("b", "requests in a commit, all numbers of connections", "one", [grouped], better="higher",
                          largest=max(sizes), server=group.said["http"]))
    return Outcome(part="b", title="the webhook door", method=METHOD, figures=tuple(figures))


def _figures(rounds: dict[tuple[int, str], list[dict[str, Any]]], connections: int) -> list[Figure]:
    of = {mode: rounds[connections, mode] for mode in MODES}
    beside_one, beside_nothing = BOUNDS[connections]

    def ratios(other: str) -> list[float]:
        return [a["a_second"] / b["a_second"] for a, b in zip(of["group"], of[other], strict=True)]

    def told(mode: str) -> dict[str, Any]:
        return {f"{mode}_{name}": round(median(one[name] for one in of[mode]), 2) for name in ("a_second", "p50_ms", "p99_ms")}

    return [
        figure("b", f"durable answers a second, {connections} connections, commits in groups", "one commit a request",
               ratios("one"), better="higher", bound=beside_one, **told("group"), **told("one")),
        figure("b", f"durable answers a second, {connections} connections, commits in groups", "the same door storing nothing",
               ratios("nothing"), better="higher", bound=beside_nothing, goal=0.5 if beside_nothing else None, **told("nothing")),
    ]


class _Served:
    def __init__(self) -> None:
        self.port = 0
        self.said: dict[str, Any] = {}


@contextmanager
def _door(house: House, mode: str) -> Iterator[_Served]:
    arguments = [sys.executable, "-m", "bench.door_server", str(house.settings.home), mode]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    served = _Served()
    try:
        served.port = int(process.stdout.readline())
        yield served
    finally:
        process.terminate()
        told = process.stdout.read()
        process.wait(30)
    served.said = json.loads(told)


def _call(port: int, connections: int, seconds: float, first: int, requests: bytes) -> dict[str, Any]:
    arguments = [sys.executable, "-m", "bench.door_client", str(port), str(connections), str(seconds), str(first)]
    done = subprocess.run(arguments, input=requests, capture_output=True, check=True, cwd=ROOT)
    said: dict[str, Any] = json.loads(done.stdout)
    if said["refused"]:
        raise RuntimeError(f"the door refused {said['refused']} requests")
    return said


def _request(sent: bodies.Sent, one: Trade) -> bytes:
    signature = base64.b64encode(hmac.new(SIGNED_WITH.encode(), sent.body, hashlib.sha256).digest()).decode()
    head = (
        f"POST /hooks/{one.shop.door} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(sent.body)}\r\nX-Shopify-Topic: {sent.topic}\r\nX-Shopify-Hmac-Sha256: {signature}\r\n"
        f"X-Shopify-Shop-Domain: {SHOP}\r\nX-Shopify-Webhook-Id: {MARK.decode()}\r\n\r\n"
    )
    return head.encode() + sent.body
