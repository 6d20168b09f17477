"""The counterparts of our accounts at a target: its chart read afresh, what is suggested, what is missing, what would go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from leja.access.connections import Connection
from leja.connectors import registry
from leja.connectors.contract import Chart
from leja.core.errors import Refused
from leja.database.engine import Connection as Conn
from leja.delivery import charts
from leja.delivery.preview import Preview, preview
from leja.house import House
from leja.reports import accounts_in_use
from leja.rules.target_mapping import (
    OurAccount,
    Suggestion,
    TargetMapping,
    TheirAccount,
    TheirTaxCode,
    suggest_accounts,
    suggest_tax_codes,
)


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something of ours that has no living counterpart at a target."""

    kind: str
    key: str
    value: str
    what: str


async def read_chart(house: House, found: Connection) -> Chart:
    """Read the chart over there and keep it."""
    session = house.session(found)
    try:
        chart: Chart = await registry.verb(found.slug, "chart")(session)
    finally:
        await session.http.close()
    with house.database.transaction() as conn:
        charts.store_chart(conn, found.org_id, found.connection_id, chart, house.clock())
    return chart


def suggestions(house: House, found: Connection) -> list[Suggestion]:
    """A suggestion for everything of ours that has no counterpart yet; the chart was read before."""
    with house.database.transaction() as conn:
        chart, mapping = _known(conn, found)
        ours = [
            OurAccount(code=account.code, name=account.name, kind=account.kind, roles=roles)
            for account, roles, _ in accounts_in_use.chart(conn, found.org_id)
            if mapping.find("account", account.code) is None
        ]
        rates = accounts_in_use.tax_rates(conn, found.org_id)
    theirs = [
        TheirAccount(id=a.id, code=a.code, name=a.name, kind=a.kind, active=a.active, currency=a.currency)
        for a in chart.accounts
    ]
    their_codes = [TheirTaxCode(id=c.id, name=c.name, rate=c.rate, active=c.active) for c in chart.tax_codes]
    missing = {code: rate for code, rate in rates.items() if mapping.find("tax_code", code) is None}
    known = {code: rate for code, rate in missing.items() if rate is not None}
    return [
        *suggest_accounts(ours, theirs),
        *suggest_tax_codes(known, their_codes),
        *(
            Suggestion(kind="tax_code", key=code, value="", because="no document states its percentage")
            for code in missing.keys() - known.keys()
        ),
    ]


def check(house: House, found: Connection) -> list[Trouble]:
    """Every account and tax code in use without a living counterpart; the chart was read before."""
    with house.database.transaction() as conn:
        chart, mapping = _known(conn, found)
        accounts = accounts_in_use.accounts_in_use(conn, found.org_id)
        codes = list(accounts_in_use.tax_rates(conn, found.org_id))
    living = {a.id: a.active for a in chart.accounts}, {c.id: c.active for c in chart.tax_codes}
    wanted = [("account", key, living[0]) for key in accounts] + [("tax_code", key, living[1]) for key in codes]
    return [trouble for kind, key, there in wanted if (trouble := _trouble(kind, key, mapping, there)) is not None]


def _trouble(kind: str, key: str, mapping: TargetMapping, there: Mapping[str, bool]) -> Trouble | None:
    rules = mapping.values(kind, key)
    if not rules:
        return Trouble(kind=kind, key=key, value="", what="not mapped")
    for value in rules:
        if value and value not in there:
            return Trouble(kind=kind, key=key, value=value, what="gone over there")
        if value and not there[value]:
            return Trouble(kind=kind, key=key, value=value, what="inactive over there")
    return None


def chart_is_known(house: House, found: Connection) -> bool:
    """Whether the chart over there was ever read."""
    with house.database.transaction() as conn:
        return charts.stored_chart(conn, found.org_id, found.connection_id) is not None


def remote_id(house: House, found: Connection, kind: str, value: str) -> str:
    """The id of an account or tax code over there, from its id, its code or its name. Raises Refused ``mapping-remote-unknown``.

    No tax code is "none". Kinds that the chart does not list are taken as they are.
    """
    if kind == "tax_code" and value == "none":
        return ""
    with house.database.transaction() as conn:
        kept = charts.stored_chart(conn, found.org_id, found.connection_id)
    if kept is None or kind not in ("account", "tax_code", "item"):
        return value
    there: list[tuple[str, str, str, bool]] = {
        "account": [(a.id, a.code, a.name, a.active) for a in kept[0].accounts],
        "tax_code": [(c.id, "", c.name, c.active) for c in kept[0].tax_codes],
        "item": [(i.id, "", i.name, i.active) for i in kept[0].items],
    }[kind]
    for place in (1, 0, 2):  # a code is what people know; it wins over an id that looks like it
        matching = [one[0] for one in there if one[place] and one[place] == value and one[3]]
        if len(matching) == 1:
            return matching[0]
    raise Refused(
        "mapping-remote-unknown",
        f"{found.name} has no active {kind.replace('_', ' ')} {value!r}, or several",
        remedy=f"`leja mapping suggest {found.name}` reads its chart anew; name it by its code or id.",
    )


def names(chart: Chart) -> dict[tuple[str, str], str]:
    """What accounts, tax codes and items over there are called."""
    return {
        **{("account", a.id): f"{a.code} {a.name}".strip() for a in chart.accounts},
        **{("role", a.id): f"{a.code} {a.name}".strip() for a in chart.accounts},
        **{("tax_code", c.id): f"{c.name} ({c.rate:f} %)" for c in chart.tax_codes},
        **{("item", i.id): i.name for i in chart.items},
    }


async def previews(house: House, found: Connection, limit: int) -> list[Preview]:
    """What would go now, on the target's chart as it is now."""
    chart = await read_chart(house, found)
    target = house.target(found)
    try:
        with house.database.transaction() as conn:
            return preview(conn, target, chart, house.clock(), limit=limit)
    finally:
        await target.session.http.close()


def preview_json(one: Preview) -> dict[str, Any]:
    """A preview with its bodies as text."""
    drafts = [
        {
            "step": d.step,
            "kind": d.kind,
            "reference": d.reference,
            "date": d.date,
            "total": d.total,
            "moves": d.moves,
            "residual": d.residual,
            "method": d.method,
            "path": d.path,
            "query": d.query,
            "body": d.body.decode("utf-8", "replace"),
        }
        for d in one.drafts
    ]
    return {
        "group": one.group_key,
        "reference": one.reference,
        "kind": one.kind,
        "entries": one.entries,
        "drafts": drafts,
        "troubles": [msgspec.structs.asdict(trouble) for trouble in one.troubles],
        "adopts": one.adopts,
    }


def _known(conn: Conn, found: Connection) -> tuple[Chart, TargetMapping]:
    kept = charts.stored_chart(conn, found.org_id, found.connection_id)
    return (kept[0] if kept else Chart(accounts=())), TargetMapping(
        charts.target_rules(conn, found.org_id, found.connection_id), date.max
    )
