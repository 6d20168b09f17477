"""The demo's play: the merchant sells and takes back, the shop's webhooks come (or do not), files are read, targets are told."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from leja import flow
from leja.cli.demo_sales import COLUMNS, Order, Return, Sales, utc_text
from leja.cli.demo_stage import Stage
from leja.connectors import registry
from leja.intake.file_import import FileConnection, Imported, import_file

Say = Callable[[str], None]
MANNERS = ("normal",) * 14 + ("twice",) * 2 + ("stale", "late", "lost", "lost")
PLACED_AT_ONCE = 100
WEBHOOK_SECONDS = 120


def sell(stage: Stage, sales: Sales, seed: int, say: Say) -> None:
    """Customers order and send back; what was placed by an earlier run stays as it is."""
    random = Random(seed)  # noqa: S311
    name = stage.shop.name
    there = {order["name"]: order["id"] for order in stage.control(name, "orders")}
    orders = [_placing(order, random.choice(MANNERS)) for order in sales.orders]
    new = [order for order in orders if order["name"] not in there]
    for at in range(0, len(new), PLACED_AT_ONCE):
        for placed in stage.control(name, "place_orders", orders=new[at : at + PLACED_AT_ONCE]):
            there[placed["name"]] = placed["id"]
        say(f"{min(at + PLACED_AT_ONCE, len(new))} of {len(new)} orders placed")
    done, left = _marks(stage), _Left(sales.orders)
    for back in sales.returns:
        manner, lines = random.choice(MANNERS), left.take(back)
        if back.number not in done:
            stage.control(name, "refund", order=there[f"#{back.order}"], lines=lines, processed_at=utc_text(back.at), webhooks=manner)
            _mark(stage, back.number)


def pay_out(stage: Stage, sales: Sales) -> None:
    """The processor settles weekly what it holds, less its fees; an earlier run's payouts stay as they are."""
    for week in range(1, sales.payout_weeks + 1):
        mark = f"payout-{week}"
        if mark not in _marks(stage):
            until = sales.first_day + timedelta(days=7 * week)
            stage.control(stage.shop.name, "payout", day=(until + timedelta(days=2)).isoformat(), until=f"{until.isoformat()}T00:00:00Z")
            _mark(stage, mark)


def _placing(order: Order, manner: str) -> dict[str, Any]:
    when = utc_text(order.placed_at)
    placed = {"lines": order.lines, "name": f"#{order.number}", "processed_at": when, "created_at": when, "webhooks": manner,
              "taxes_included": order.taxes_included}
    return placed | ({"customer": {"id": int(order.customer)}} if order.customer.isdigit() else {})


class _Left:
    """What of each order can still come back. An item may stand on several lines of one order, at several prices."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._lines = {
            order.number: [[str(line.get("sku")), str(line["price"]), int(line.get("quantity", 1))]
                           for line in order.lines if line.get("kind") != "shipping"]
            for order in orders
        }

    def take(self, back: Return) -> list[dict[str, Any]]:
        """The lines of a return, by their place in the order."""
        picked: list[dict[str, Any]] = []
        for sku, price, wanted in back.lines:
            for place, line in enumerate(self._lines[back.order]):
                count = min(wanted, line[2]) if line[:2] == [sku, price] else 0  # type: ignore[call-overload]
                if count:
                    line[2] -= count  # type: ignore[operator]
                    wanted -= count
                    picked.append({"line": place, "quantity": count})
        return picked


def _marks(stage: Stage) -> set[str]:
    path = stage.folder / "returns"
    return set(path.read_text().split()) if path.exists() else set()


def _mark(stage: Stage, number: str) -> None:
    with (stage.folder / "returns").open("a") as file:
        file.write(f"{number}\n")


def let_webhooks_come(stage: Stage, say: Say) -> None:
    """Wait until the stand-in has sent all that it will send."""
    deadline = time.monotonic() + WEBHOOK_SECONDS
    while time.monotonic() < deadline:
        stage.control(stage.shop.name, "hasten_webhooks")
        waiting = stage.control(stage.shop.name, "outgoing").get("due", 0)
        if not waiting:
            return
        say(f"{waiting} webhooks on their way")
        time.sleep(0.1)


def read_file(stage: Stage, sales: Sales, say: Say) -> Imported:
    """Write the rest of the sales as the till would export them, and import that file."""
    path = stage.folder / "till.csv"
    _write(path, sales)
    with stage.house.database.transaction() as conn:
        context = stage.house.source(conn, stage.org.org_id, stage.file.connection_id).context
    connection = FileConnection(
        connection_id=stage.file.connection_id, settings=context.settings, read_file=registry.verb(stage.file.slug, "read_file"),
        detect=registry.verb(stage.file.slug, "detect"))
    return import_file(stage.house.database, stage.org.org_id, connection, path, clock=stage.house.clock,
                       progress=lambda state: say(f"{state.read} invoices of the till's file read"))


def _write(path: Path, sales: Sales) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(sales.rows)


async def poll(stage: Stage) -> flow.Taken:
    """What no webhook told is found by asking."""
    verbs = {name: registry.verb(stage.shop.slug, name) for name in ("poll", "fetch")}
    return await flow.take_in(stage.house.database, stage.org.org_id, stage.shop.connection_id, verbs,
                              stage.house.session(stage.shop), stage.house.clock)


def record(stage: Stage, say: Say) -> None:
    """Turn it all into documents and entries."""
    flow.record(stage.house.bookkeeper(stage.org), stage.house.clock, lambda p: say(f"{p.events} events recorded, {p.entries} entries"))


async def deliver(stage: Stage) -> None:
    """Tell every target what is due, at the same time."""
    await asyncio.gather(*(
        flow.deliver(stage.house.database, stage.house.target(target), stage.house.holder, stage.house.clock)
        for target in stage.targets
    ))
