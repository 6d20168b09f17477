"""Mapping: which account a role stands on here, which account and tax code ours are at a target, and what would go."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import JSONBody, QueryParameter

from leja import flow
from leja.access import connections
from leja.access.connections import Connection
from leja.access.mapping import ALWAYS, Decision, default_role
from leja.books.accounts import Account
from leja.core.errors import Refused
from leja.database import rules
from leja.database.engine import Connection as Conn
from leja.database.rules import StoredRule
from leja.delivery import charts
from leja.delivery.preview import Preview, preview
from leja.delivery.target import Target
from leja.reports import accounts_in_use
from leja.web.api_access import Asking, acting, house_of, reading
from leja.web.api_page import ORG, READ, Name, OrgId

MAPPING: dict[str, Any] = {"scope": "mapping"}
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class OurAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of our books, the roles that stand on it, and whether anything was posted on it."""

    account: Account
    roles: tuple[str, ...]
    used: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in a scope now: the latest rule of each key."""

    scope: str
    rules: list[StoredRule]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision. ``value`` is our account or "default" (books), the remote id (target); null takes a rule back."""

    scope: Text
    key: Text
    value: Annotated[str, msgspec.Meta(max_length=200)] | None
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    kind: Literal["role", "account", "tax_code", "item", "customer"] = "account"
    effective_from: date | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The new mapping version, and how many things that waited for it went on."""

    version: int
    released: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document that would go: the exact request."""

    step: str
    kind: str
    reference: str
    date: date
    total: int
    currency: str
    method: str
    path: str
    body: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Why a group would not go."""

    code: str
    message: str
    remedy: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of entries and the documents that it would become."""

    group: str
    reference: str
    kind: str
    entries: tuple[int, ...]
    documents: tuple[Document, ...]
    held: tuple[Held, ...]


@get(f"{ORG}/accounts", opt=READ, sync_to_thread=True, operation_id="accounts")
def accounts(request: Asking, org: OrgId) -> list[OurAccount]:
    """Our chart of accounts."""
    return reading(
        request,
        org,
        lambda conn, org_id: [
            OurAccount(account=account, roles=roles, used=used)
            for account, roles, used in accounts_in_use.chart(conn, org_id)
        ],
    )


@get(f"{ORG}/mapping", opt=READ, sync_to_thread=True, operation_id="mapping")
def show(request: Asking, org: OrgId, of: Name = rules.BOOKS) -> Shown:
    """What holds now: roles on our accounts ("books"), or ours at a target (its name)."""
    return reading(request, org, lambda conn, org_id: _shown(conn, org_id, of))


def _shown(conn: Conn, org_id: UUID, scope: str) -> Shown:
    stored = rules.stored_rules(conn, org_id, _scope(conn, org_id, scope))
    latest = {(rule.kind, rule.key, rule.conditions): rule for rule in stored}
    return Shown(scope=scope, rules=[rule for rule in latest.values() if rule.value is not None])


def _scope(conn: Conn, org_id: UUID, scope: str) -> str:
    return scope if scope == rules.BOOKS else str(_target(conn, org_id, scope).connection_id)


def _target(conn: Conn, org_id: UUID, name: str) -> Connection:
    found = connections.connection(conn, org_id, name)
    if found.duty != "accounting":
        raise Refused("connection-duty", f"{name} is no accounting connection", remedy="Name one that is.")
    return found


@post(f"{ORG}/mapping", opt=MAPPING, status_code=201, sync_to_thread=True, operation_id="setMapping")
def decide(request: Asking, org: OrgId, data: JSONBody[Decided]) -> Stored:
    """Decide where a role, an account or a tax code stands; whatever waited for that goes on."""
    kind = "role" if data.scope == rules.BOOKS and data.kind == "account" else data.kind

    def act(conn: Conn, org_id: UUID, by: str, now: datetime) -> Stored:
        decision = Decision(scope=_scope(conn, org_id, data.scope), kind=kind, key=data.key, value=data.value)
        if decision.scope == rules.BOOKS and kind == "role" and data.value == "default":
            decision = default_role(conn, org_id, data.key)
        version, released = flow.decide_mapping(
            conn, org_id, [decision], by=by, reason=data.reason, now=now, effective_from=data.effective_from or ALWAYS
        )
        return Stored(version=version, released=released)

    return acting(request, org, "mapping.set", f"{data.scope}/{kind}/{data.key}", act, {"value": data.value})


@get(f"{ORG}/mapping/preview", opt=MAPPING, sync_to_thread=True, operation_id="previewMapping")
def would_go(
    request: Asking, org: OrgId, target: Name, limit: Annotated[int, QueryParameter(ge=1, le=200)] = 20
) -> list[Group]:
    """The exact documents that would go to a target, on its chart as it was last read. Nothing is sent or written."""
    house = house_of(request)
    found = reading(request, org, lambda conn, org_id: _target(conn, org_id, target))
    opened = house.target(found)
    return reading(
        request, org, lambda conn, _: [_group(one) for one in _previews(conn, found, opened, house.clock(), limit)]
    )


def _previews(conn: Conn, found: Connection, opened: Target, now: datetime, limit: int) -> list[Preview]:
    kept = charts.stored_chart(conn, found.org_id, found.connection_id)
    if kept is None:
        raise Refused(
            "chart-unread",
            f"the chart of {found.name} was not read yet",
            remedy=f"Run `leja mapping suggest {found.name}` once.",
        )
    return preview(conn, opened, kept[0], now, limit=limit)


def _group(one: Preview) -> Group:
    return Group(
        group=one.group_key,
        reference=one.reference,
        kind=one.kind,
        entries=one.entries,
        documents=tuple(
            Document(
                step=draft.step,
                kind=draft.kind,
                reference=draft.reference,
                date=draft.date,
                total=draft.total.minor,
                currency=draft.total.currency,
                method=draft.method,
                path=draft.path,
                body=draft.body.decode("utf-8", "replace"),
            )
            for draft in one.drafts
        ),
        held=tuple(Held(code=trouble.code, message=trouble.message, remedy=trouble.remedy) for trouble in one.troubles),
    )


HANDLERS = (accounts, show, decide, would_go)
