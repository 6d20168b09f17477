"""A stand-in of a chain of tills that speaks ``pos-transaction/1``: it posts what was rung up, and offers it as files.

Written from the contract alone; no vendor published one. Settings (``Environment.settings``), with their defaults:

  system      "prysm-like-pos"; currency "GBP"; zone "Europe/London"; software_version "7.4.1"
  stores      {"S001": ["W01", "W02"], "S002": ["W01"]}: the tills of each store
  url         "": where events are posted; secret "whsec_" + base64 of the bytes 0..31; old_secret "": also signs
  speaks      "contract", or "native": bodies of the shape that the example mapping file reads
  scheme      "standard-webhooks", "hmac-header" (X-Pos-Signature, hex over the body) or "static-token" (X-Pos-Token)
  inclusive   False: prices include tax; cash_rounding 1: cash totals are rounded to that many minor units
  opening     10000: the float in each drawer, in minor units
  compress    1000.0: the waits between attempts are that much shorter

Control, in process (``stand_in.control.call(name, **arguments)``) or ``POST /_control/<name>``: connect, ping, ring,
give_back, exchange, pay_account, drawer, void, close_day, skip, offline, drift, resend, contradict, broken, trade, events,
report, day, and those of every stand-in. Their arguments are those of ``Tills``, ``Days`` and ``Sending``.

To be read (none of it is promised by the contract; a mapping file may name it):
``GET /events?since=&page=`` and ``GET /native?since=&page=`` answer ``{"events": [...], "next_page": n | null}``, oldest first,
``since`` being ``occurred_at``, 100 a page; ``store_id``, ``workstation_id`` and ``sequence_number`` choose. ``GET
/export/events.jsonl`` and ``GET /export/native.jsonl`` give all of a ``business_date``, one event a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leja.connectors.prysm_pos.stand_in_days import Days
from leja.connectors.prysm_pos.stand_in_native import native
from leja.connectors.prysm_pos.stand_in_sending import Sending
from leja.connectors.prysm_pos.stand_in_tills import Record, Tills
from leja_sandbox.kit import Answer, Environment, Request, Router, StandIn, StandInSpec, json_answer, text_answer

PAGE: Final = 100
DEFAULTS: Final[Mapping[str, Any]] = {
    "system": "prysm-like-pos",
    "currency": "GBP",
    "zone": "Europe/London",
    "software_version": "7.4.1",
    "stores": {"S001": ["W01", "W02"], "S002": ["W01"]},
    "url": "",
    "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "old_secret": "",
    "speaks": "contract",
    "scheme": "standard-webhooks",
    "inclusive": False,
    "cash_rounding": 1,
    "opening": 10000,
    "compress": 1000.0,
}


def build(env: Environment) -> StandIn:
    """The stand-in on its environment."""
    unknown = env.settings.keys() - DEFAULTS.keys()
    if unknown:
        raise ValueError(f"this stand-in has no setting {', '.join(sorted(unknown))}")
    settings = {**DEFAULTS, **env.settings}
    stand_in = StandIn(env)
    sending = Sending(env, settings)
    tills = Tills(env, settings, sending)
    days = Days(tills)
    stand_in.webhooks = sending.queue
    stand_in.router = _doors(env)
    control = stand_in.control
    for name in ("connect", "offline", "drift", "resend"):
        control.action(name)(getattr(sending, name))
    for name in ("ping", "ring", "give_back", "exchange", "pay_account", "drawer", "void", "skip", "contradict", "broken"):
        control.action(name)(getattr(tills, name))
    for name in ("close_day", "trade", "report", "day"):
        control.action(name)(getattr(days, name))
    control.action("events")(lambda: [_short(row) for row in env.store.each("event")])
    return stand_in


def _short(row: Record) -> Record:
    body, data = row["body"], row["body"]["data"]
    return {
        "event": row["id"], "type": body["type"], "id": data.get("transaction_id", ""), "day": data.get("business_date", ""),
        "store": body["source"]["store_id"], "till": data.get("workstation_id", ""), "sequence": data.get("sequence_number", ""),
    }  # fmt: skip


def _doors(env: Environment) -> Router:
    router = Router()

    def listed(request: Request, shape: Any) -> Answer:
        query, page = request.query, int(request.query.get("page", "1"))
        rows = [row["body"] for row in env.store.each("event", since=query.get("since", "")) if _chosen(row["body"], query)]
        part = [shaped for body in rows[(page - 1) * PAGE : page * PAGE] if (shaped := shape(body)) is not None]
        return json_answer({"events": part, "next_page": page + 1 if len(rows) > page * PAGE else None})

    def exported(request: Request, shape: Any) -> Answer:
        rows = [row["body"] for row in env.store.each("event") if _chosen(row["body"], request.query)]
        lines = [json_answer(shaped).body.decode() for body in rows if (shaped := shape(body)) is not None]
        return text_answer("".join(line + "\n" for line in lines), content_type="application/x-ndjson; charset=utf-8")

    router.add("GET", "/events", lambda request: listed(request, _as_it_is))
    router.add("GET", "/native", lambda request: listed(request, native))
    router.add("GET", "/export/events.jsonl", lambda request: exported(request, _as_it_is))
    router.add("GET", "/export/native.jsonl", lambda request: exported(request, native))
    return router


def _as_it_is(body: Record) -> Record:
    return body


def _chosen(body: Record, query: Mapping[str, str]) -> bool:
    data = {**body["data"], "store_id": body["source"]["store_id"]}
    wanted = ("store_id", "workstation_id", "sequence_number", "business_date")
    return all(name not in query or data.get(name) == query[name] for name in wanted)


STAND_IN = StandInSpec(slug="prysm_pos", build=build)
