"""The doors of the stand-in: GraphQL, legacy REST, and the OAuth addresses, each worded as the vendor words them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from leja.connectors.shopify.stand_in_bulk import Bulk
from leja.connectors.shopify.stand_in_graphql import Bucket, Compiled, DocumentRefused, introspected
from leja.connectors.shopify.stand_in_hooks import Hooks
from leja.connectors.shopify.stand_in_nodes import Nodes
from leja.connectors.shopify.stand_in_orders import Orders, Record, epoch, plain
from leja.connectors.shopify.stand_in_pages import cursor, uncursor
from leja.connectors.shopify.stand_in_payments import PaymentsAccount
from leja.connectors.shopify.stand_in_payouts import Payouts
from leja.connectors.shopify.stand_in_queries import VERSIONS, Queries
from leja.connectors.shopify.stand_in_rest import Shapes
from leja_sandbox.kit import (
    Answer,
    Environment,
    Grant,
    Refuse,
    Request,
    Router,
    TokenBook,
    TokenRefused,
    json_answer,
    redirect,
    text_answer,
)

_NOT_ADMITTED: Final = "[API] Invalid API key or access token (unrecognized login or wrong password)"
DEAREST_QUERY: Final = 1000


class Doors:
    """Everything that another program may call."""

    def __init__(
        self,
        env: Environment,
        orders: Orders,
        shapes: Shapes,
        hooks: Hooks,
        payouts: Payouts,
        payments: PaymentsAccount,
        bulk: Bulk,
        books: Mapping[str, TokenBook],
        compile_: Callable[..., Compiled],
        settings: Mapping[str, Any],
    ) -> None:
        self._env, self._orders, self._shapes, self._hooks = env, orders, shapes, hooks
        self._payouts, self._payments, self._bulk, self._books = payouts, payments, bulk, books
        self._compile, self._settings = compile_, settings
        self._nodes = Nodes(orders, payouts)
        restore = int(settings["points_per_second"])
        self._bucket = Bucket(env.now, restore * 20, restore)
        self._rest = Bucket(env.now, int(settings["rest_bucket"]), int(settings["rest_per_second"]))

    def router(self) -> Router:
        """The routes."""
        router = Router()
        router.add("POST", "/admin/api/{version}/graphql.json", self.graphql)
        for path, handler in (
            ("orders.json", self.list_orders),
            ("orders/count.json", self.count_orders),
            ("orders/{id}.json", self.one_order),
            ("orders/{id}/transactions.json", self.transactions),
            ("orders/{id}/refunds.json", self.refunds),
            ("shop.json", self.shop),
            ("locations.json", self.locations),
            ("webhooks.json", self.webhooks),
            ("shopify_payments/payouts.json", self.list_payouts),
        ):
            router.add("GET", "/admin/api/{version}/" + path, self._counted(handler))
        router.add("GET", "/admin/oauth/authorize", self.authorize)
        router.add("POST", "/admin/oauth/access_token", self.access_token)
        router.add("GET", "/_bulk/{id}.jsonl", self.bulk_file)
        return router

    def error(self, status: int, retry_after: float | None) -> Answer:
        """429 and 5xx in the vendor's words."""
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:.1f}"}
        if status == 429:
            words = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
            return json_answer({"errors": words}, 429, headers)
        return json_answer({"errors": "Internal Server Error" if status == 500 else "Unavailable"}, status, headers)

    # --- GraphQL ----------------------------------------------------------------------------------------------------

    def graphql(self, request: Request) -> Answer:
        """One document."""
        grant, version = self._admitted(request), request.params["version"]
        try:
            body = request.json()
            query, variables = body["query"], body.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            return json_answer({"errors": {"query": "Required parameter missing or invalid"}}, 400)
        if "__schema" in query or "__type(" in query:
            return json_answer(introspected(self._compile.schema, query))  # type: ignore[attr-defined]
        try:
            compiled = self._compile(query, _plain(variables), body.get("operationName"))
        except DocumentRefused as refused:
            return json_answer({"errors": refused.errors}, headers=_version_header(version))
        cost = max(1, int(compiled.requested_cost() * float(self._settings["cost_factor"])))
        if cost > DEAREST_QUERY:
            return json_answer({"errors": [_too_dear(cost)]}, headers=_version_header(version))
        if cost > self._bucket.left():
            return json_answer(self._throttled(cost), headers=_version_header(version))
        queries = self.queries(grant, version)
        data, errors = compiled.run(queries.root())
        actual = min(cost, max(1, compiled.actual))
        self._bucket.spend(actual)
        shape: dict[str, Any] = {"data": data}
        if errors:
            shape["errors"] = errors
        shape["extensions"] = {"cost": {"requestedQueryCost": cost, "actualQueryCost": actual,
                                        "throttleStatus": self._bucket.status()}}  # fmt: skip
        if queries.warnings:
            shape["extensions"]["search"] = queries.warnings
        return json_answer(shape, headers=_version_header(version))

    def queries(self, grant: Grant, version: str) -> Queries:
        """The root fields for a token."""
        return Queries(self._orders, self._nodes, self._hooks, self._payments, self._bulk, grant.scope, version)

    def _throttled(self, cost: int) -> Record:
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED",
                 "documentation": "https://shopify.dev/api/usage/rate-limits"}}  # fmt: skip
        status = {"requestedQueryCost": cost, "actualQueryCost": None, "throttleStatus": self._bucket.status()}
        return {"errors": [error], "extensions": {"cost": status}}

    def _admitted(self, request: Request) -> Grant:
        token = request.headers.get("x-shopify-access-token", "")
        if request.params["version"] not in VERSIONS and not request.params["version"].startswith("20"):
            raise Refuse(json_answer({"errors": "Not Found"}, 404))
        try:
            return self._books["expiring"].check(token, request)
        except TokenRefused as refused:
            # An expiry that a fault brought about must outlive this refusal.
            spoilt = refused.reason in ("expired", "revoked")
            raise Refuse(json_answer({"errors": _NOT_ADMITTED}, 401), keep=spoilt) from None

    # --- REST -------------------------------------------------------------------------------------------------------

    def _counted(self, handler: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def counted(request: Request) -> Answer:
            grant = self._admitted(request)
            if self._rest.left() < 1:
                return self.error(429, float(self._rest.wait(1)))
            self._rest.spend(1)
            if "read_orders" not in grant.scope and "order" in request.path:
                words = "[API] This action requires merchant approval for read_orders scope."
                return json_answer({"errors": words}, 403)
            answer = handler(request)
            used = f"{self._rest.size - self._rest.left()}/{self._rest.size}"
            headers = {**answer.headers, "X-Shopify-Shop-Api-Call-Limit": used,
                       **_version_header(request.params["version"])}  # fmt: skip
            return Answer(status=answer.status, body=answer.body, headers=headers)

        return counted

    def _visible(self, request: Request) -> float:
        grant = self._admitted(request)
        return self.queries(grant, request.params["version"]).oldest()

    def list_orders(self, request: Request) -> Answer:
        """``orders.json``: newest id first; only open ones unless ``status`` says otherwise; pages by ``page_info``."""
        query = request.query
        if place := query.get("page_info"):
            extra = set(query) - {"page_info", "limit", "fields"}
            if extra:
                return json_answer({"errors": {"page_info": f"{', '.join(sorted(extra))} cannot be passed when "
                                               "page_info is present."}}, 400)  # fmt: skip
            query = {**json.loads(uncursor(place)), **{k: v for k, v in query.items() if k != "page_info"}}
        limit = min(250, int(query.get("limit", "50")))
        where, values = _rest_filter(query, self._visible(request))
        if "below" in query:
            where, values = f"{where} AND id < ?", [*values, int(query["below"])]
        rows = self._orders.select(where, values, "id DESC", limit + 1)
        fields = set(query["fields"].split(",")) if "fields" in query else None
        shapes = [self._shapes.order(row) for row in rows[:limit]]
        if fields:
            shapes = [{name: value for name, value in shape.items() if name in fields} for shape in shapes]
        headers = {}
        if len(rows) > limit:
            rest = {k: v for k, v in query.items() if k != "limit"} | {"below": str(rows[limit - 1]["id"])}
            address = f"{self._env.public_url}{request.path}?limit={limit}&page_info={cursor(json.dumps(rest))}"
            headers["Link"] = f'<{address}>; rel="next"'
        return json_answer({"orders": shapes}, headers=headers)

    def count_orders(self, request: Request) -> Answer:
        """``orders/count.json``."""
        where, values = _rest_filter(request.query, self._visible(request))
        return json_answer({"count": self._orders.count(where, values)})

    def one_order(self, request: Request) -> Answer:
        """``orders/{id}.json``."""
        return json_answer({"order": self._shapes.order(self._asked(request))})

    def transactions(self, request: Request) -> Answer:
        """``orders/{id}/transactions.json``."""
        order = self._asked(request)
        return json_answer({"transactions": [self._shapes.transaction(order, row) for row in order["transactions"]]})

    def refunds(self, request: Request) -> Answer:
        """``orders/{id}/refunds.json``."""
        order = self._asked(request)
        return json_answer({"refunds": [self._shapes.refund(order, row) for row in order["refunds"]]})

    def _asked(self, request: Request) -> Record:
        id_ = request.params["id"]
        found = self._orders.get(id_) if id_.isdigit() else None
        if found is None or found["created_at"] < self._visible(request):
            raise Refuse(json_answer({"errors": "Not Found"}, 404))
        return found

    def shop(self, request: Request) -> Answer:  # noqa: ARG002
        """``shop.json``, the fields that tools ask for."""
        shop = self._orders.shop
        return json_answer({"shop": {"id": 1, "name": shop.name, "domain": shop.domain, "currency": shop.currency,
                                     "myshopify_domain": shop.domain, "iana_timezone": shop.zone}})  # fmt: skip

    def locations(self, request: Request) -> Answer:  # noqa: ARG002
        """``locations.json``."""
        rows = self._env.store.each("location")
        return json_answer({"locations": [
            {"id": row["id"], "name": row["name"], "active": True, "legacy": False,
             "admin_graphql_api_id": f"gid://shopify/Location/{row['id']}"} for row in rows]})  # fmt: skip

    def webhooks(self, request: Request) -> Answer:  # noqa: ARG002
        """``webhooks.json``."""
        return json_answer({"webhooks": [
            {"id": row["id"], "address": row["uri"], "topic": row["topic"], "format": "json",
             "created_at": self._orders.local(row["created_at"]), "updated_at": self._orders.local(row["updated_at"]),
             "fields": row["include_fields"], "metafield_namespaces": [], "api_version": row["version"],
             "private_metafield_namespaces": []} for row in self._hooks.subscriptions()]})  # fmt: skip

    def list_payouts(self, request: Request) -> Answer:  # noqa: ARG002
        """``shopify_payments/payouts.json``, newest first."""
        return json_answer({"payouts": [_payout(row) for row in reversed(self._payouts.payouts())]})

    def bulk_file(self, request: Request) -> Answer:
        """The result of a bulk operation; the address itself is the permission."""
        found = self._bulk.file(int(request.params["id"]))
        return text_answer(found, content_type="application/jsonl") if found is not None else text_answer("", 404)

    # --- OAuth ------------------------------------------------------------------------------------------------------

    def authorize(self, request: Request) -> Answer:
        """The merchant says yes at once and comes back with a signed code."""
        query = request.query
        if query.get("client_id") != self._settings["client_id"]:
            words = "Could not find Shopify API application"
            return json_answer({"error": "invalid_request", "error_description": words}, 400)
        code = self._books["expiring"].code(query["client_id"], query["redirect_uri"], query.get("scope", ""))
        back = {"code": code, "shop": self._orders.shop.domain, "state": query.get("state", ""),
                "timestamp": str(int(self._env.now()))}  # fmt: skip
        message = "&".join(f"{name}={value}" for name, value in sorted(back.items()))
        secret = str(self._settings["client_secret"]).encode()
        signed = {**back, "hmac": hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()}
        joint = "&" if "?" in query["redirect_uri"] else "?"
        return redirect(f"{query['redirect_uri']}{joint}{urlencode(signed)}")

    def access_token(self, request: Request) -> Answer:
        """Exchanges a code, or a refresh token, for tokens."""
        form = _told(request)
        right = (self._settings["client_id"], self._settings["client_secret"])
        if (form.get("client_id"), form.get("client_secret")) != right:
            return json_answer({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        try:
            if form.get("grant_type") == "refresh_token":
                return _granted(self._books["expiring"].refresh(form.get("refresh_token", "")), self._env.now(), True)
            expiring = self._settings["must_expire"] or form.get("expiring") in ("1", "true", True, 1)
            book = self._books["expiring" if expiring else "lasting"]
            grant = book.exchange(form.get("code", ""), str(form.get("client_id")))
        except TokenRefused:
            words = "The authorization code was not found or was already used"
            return json_answer({"error": "invalid_request", "error_description": words}, 400)
        return _granted(grant, self._env.now(), bool(expiring))


def _granted(grant: Grant, now: float, expiring: bool) -> Answer:
    shape: dict[str, Any] = {"access_token": grant.access, "scope": grant.scope}
    if expiring:
        shape |= {"expires_in": int(grant.access_until - now), "refresh_token": grant.refresh,
                  "refresh_token_expires_in": int(grant.refresh_until - now)}  # fmt: skip
    return json_answer(shape)


def _told(request: Request) -> dict[str, Any]:
    if "json" in request.headers.get("content-type", ""):
        return dict(request.json())
    return dict(parse_qsl(request.body.decode())) | dict(parse_qsl(request.query_string))


def _version_header(version: str) -> dict[str, str]:
    # A version that is no longer supported falls forward to the oldest that is.
    return {"X-Shopify-API-Version": version if version in VERSIONS else VERSIONS[0]}


def _too_dear(cost: int) -> Record:
    return {
        "message": f"Query cost is {cost}, which exceeds the single query max cost limit ({DEAREST_QUERY}).",
        "extensions": {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": DEAREST_QUERY},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _rest_filter(query: Mapping[str, str], oldest: float) -> tuple[str, list[Any]]:
    where: list[str] = ["created >= ?"]
    values: list[Any] = [oldest]
    status = query.get("status", "open")
    if status != "any":
        where.append("status = ?")
        values.append(status)
    for name, column in (("created_at", "created"), ("updated_at", "updated"), ("processed_at", "processed")):
        for end, sign in (("min", ">="), ("max", "<=")):
            if given := query.get(f"{name}_{end}"):
                where.append(f"{column} {sign} ?")
                values.append(epoch(given.replace(" ", "+")))
    if (given := query.get("financial_status", "any")) != "any":
        where.append("financial = ?")
        values.append(given)
    if given := query.get("since_id"):
        where.append("id > ?")
        values.append(int(given))
    if given := query.get("ids"):
        numbers = [int(part) for part in given.split(",")]
        where.append(f"id IN ({','.join('?' * len(numbers))})")
        values.extend(numbers)
    if given := query.get("name"):
        where.append("name = ?")
        values.append(given)
    return " AND ".join(where), values


def _payout(row: Record) -> Record:
    sums = {
        **row["summary"],
        "reserved_funds_gross": row["summary"]["reserved_gross"],
        "reserved_funds_fee": row["summary"]["reserved_fee"],
        "retried_payouts_gross": 0,
        "retried_payouts_fee": 0,
    }
    names = ("adjustments", "charges", "refunds", "reserved_funds", "retried_payouts")
    return {
        "id": row["id"],
        "status": row["status"].lower(),
        "date": row["day"],
        "currency": row["currency"],
        "amount": plain(row["net"], row["currency"]),
        "summary": {
            f"{name}_{part}_amount": plain(sums[f"{name}_{part}"], row["currency"])
            for name in names
            for part in ("fee", "gross")
        },
    }  # fmt: skip
