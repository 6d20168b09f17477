"""The root fields of the stand-in's GraphQL API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from leja.connectors.shopify.stand_in_bulk import Bulk
from leja.connectors.shopify.stand_in_graphql import FieldRefused
from leja.connectors.shopify.stand_in_hooks import Hooks
from leja.connectors.shopify.stand_in_nodes import Nodes
from leja.connectors.shopify.stand_in_orders import Orders, Record, financial_status, fulfilment_status, totals
from leja.connectors.shopify.stand_in_pages import (
    connection,
    cursor,
    gid,
    money,
    number_of,
    page_size,
    paged,
    uncursor,
    zulu,
)
from leja.connectors.shopify.stand_in_payments import PaymentsAccount
from leja.connectors.shopify.stand_in_search import parsed

_SORTS: Final = {
    "CREATED_AT": "created",
    "UPDATED_AT": "updated",
    "PROCESSED_AT": "processed",
    "ID": "id",
    "RELEVANCE": "id",
    "ORDER_NUMBER": "number",
    "TOTAL_PRICE": "total",
    "FINANCIAL_STATUS": "financial",
    "FULFILLMENT_STATUS": "fulfilment",
}
_COUNTED_UP_TO: Final = 25_000
WINDOW_DAYS: Final = 60
VERSIONS: Final = ("2026-01", "2026-04", "2026-07", "2026-10", "2027-01", "unstable")
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "order": ("read_orders",),
    "orders": ("read_orders",),
    "ordersCount": ("read_orders",),
    "refund": ("read_orders",),
    "tenderTransactions": ("read_orders",),
    "locations": ("read_locations",),
    "location": ("read_locations",),
    "shopifyPaymentsAccount": ("read_shopify_payments", "read_shopify_payments_accounts"),
}


class Queries:
    """Answers root fields for one token's scopes and one API version."""

    def __init__(
        self,
        orders: Orders,
        nodes: Nodes,
        hooks: Hooks,
        payments: PaymentsAccount,
        bulk: Bulk,
        scopes: str,
        version: str,
    ) -> None:
        self._orders, self._nodes, self._hooks, self._payments, self._bulk = orders, nodes, hooks, payments, bulk
        self._scopes = {scope.strip() for scope in scopes.split(",")}
        self._version = version
        self.warnings: list[dict[str, Any]] = []

    def root(self) -> dict[str, Callable[..., Any]]:
        """The root fields by name."""
        fields: dict[str, Callable[..., Any]] = {
            "currentAppInstallation": self._installation,
            "currentBulkOperation": lambda **_: self._bulk.current(),
            "bulkOperation": lambda id: self._bulk.node(number_of(id, "BulkOperation") or 0),  # noqa: A006
            "bulkOperationRunQuery": lambda query, groupObjects=False: self._bulk.start(query, self, groupObjects),  # noqa: N803
            "location": lambda id=None: self._nodes.location(number_of(id, "Location") if id else 1),  # noqa: A006
            "locations": self._locations,
            "node": self._node,
            "nodes": lambda ids: [self._node(id_) for id_ in ids],
            "order": self._order,
            "orders": self._many,
            "ordersCount": self._count,
            "publicApiVersions": lambda: [_version(handle) for handle in VERSIONS],
            "refund": self._refund,
            "shop": self._shop,
            "shopifyPaymentsAccount": lambda: self._payments.node(),
            "tenderTransactions": self._tenders,
            "webhookSubscription": self._subscription,
            "webhookSubscriptions": self._subscriptions,
            "webhookSubscriptionCreate": self._subscribe,
            "webhookSubscriptionDelete": self._unsubscribe,
            "webhookSubscriptionUpdate": self._resubscribe,
        }
        return {name: self._guarded(name, field) for name, field in fields.items()}

    def _guarded(self, name: str, field: Callable[..., Any]) -> Callable[..., Any]:
        needed = _NEEDS.get(name, ())
        if not needed or self._scopes.intersection(needed):
            return field

        def refused(**_: Any) -> None:
            wanted = " or ".join(f"`{scope}`" for scope in needed)
            raise FieldRefused(
                f"Access denied for {name} field. Required access: {wanted} access scope.", "ACCESS_DENIED"
            )

        return refused

    # --- orders -----------------------------------------------------------------------------------------------------

    def oldest(self) -> float:
        """Orders made before this are not shown: ``read_orders`` alone sees sixty days."""
        return 0.0 if "read_all_orders" in self._scopes else self._orders.env.now() - WINDOW_DAYS * 86400

    def _many(
        self,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        query: str | None = None,
        reverse: bool = False,
        sortKey: str = "PROCESSED_AT",  # noqa: N803
        **_: Any,
    ) -> Record:
        size, column = page_size(first, last), _SORTS.get(sortKey, "id")
        first = size if last is None else first
        where, values = self._filter(query, "orders")
        backwards = first is None
        descending = reverse != backwards
        if place := (before if backwards else after):
            there, bar, id_ = uncursor(place).rpartition("|")
            if not (bar and id_.isdigit()):
                raise FieldRefused("Invalid cursor for current pagination sort.", "BAD_REQUEST")
            sign = "<" if descending else ">"
            where += f" AND ({column}, id) {sign} (?, ?)"
            # A column of numbers is compared with a number, one of words with a word.
            values += [there if column in ("financial", "fulfilment") else float(there), int(id_)]
        way = "DESC" if descending else "ASC"
        rows = self._orders.select(where, values, f"{column} {way}, id {way}", size + 1)
        more, chosen = len(rows) > size, rows[:size]
        if backwards:
            chosen.reverse()
        nodes = [(cursor(f"{_sort_value(row, column)}|{row['id']}"), self._nodes.order(row)) for row in chosen]
        return paged(nodes, more=bool(before) if backwards else more, earlier=more if backwards else bool(after))

    def _filter(self, query: str | None, field: str) -> tuple[str, list[Any]]:
        search = parsed(query, self._orders.shop.zone)
        if search.warnings:
            self.warnings.append({"path": [field], "query": query, "warnings": search.warnings})
        return f"created >= ? AND ({search.where})", [self.oldest(), *search.values]

    def _count(self, query: str | None = None, limit: int | None = 10000, **_: Any) -> Record:
        where, values = self._filter(query, "ordersCount")
        found = self._orders.count(where, values)
        largest = min(limit if limit is not None else _COUNTED_UP_TO + 1, _COUNTED_UP_TO + 1)
        return {"count": min(found, largest), "precision": "EXACT" if found <= largest else "AT_LEAST"}

    def _order(self, id: str) -> Record | None:  # noqa: A002
        number = number_of(id, "Order")
        if number is None:
            raise FieldRefused(f"Invalid id: {id}", "RESOURCE_NOT_FOUND")
        found = self._orders.get(number)
        return self._nodes.order(found) if found and found["created_at"] >= self.oldest() else None

    def _refund(self, id: str) -> Record | None:  # noqa: A002
        number = number_of(id, "Refund") or 0
        order = self._orders.of_refund(number)
        rows = [row for row in order["refunds"] if row["id"] == number] if order else []
        return self._nodes.refund(order, rows[0]) if order and rows else None

    def _node(self, id: str) -> Record | None:  # noqa: A002
        kind = id.split("/")[-2] if id.count("/") >= 4 else ""
        makers: dict[str, Callable[[str], Record | None]] = {
            "Order": self._order,
            "Refund": self._refund,
            "WebhookSubscription": self._subscription,
            "Location": lambda given: self._nodes.location(number_of(given, "Location")),
            "BulkOperation": lambda given: self._bulk.node(number_of(given, "BulkOperation") or 0),
        }
        return makers[kind](id) if kind in makers else None

    def _tenders(self, **arguments: Any) -> Record:
        rows = []
        for order in self._orders.select("created >= ?", [self.oldest()], "processed, id", -1):
            rows += [(order, row) for row in order["transactions"]
                     if row["kind"] in ("sale", "capture", "refund") and row["status"] == "success"]  # fmt: skip
        return connection(rows, lambda pair: self._tender(*pair))(**arguments)

    def _tender(self, order: Record, row: Record) -> Record:
        sign = -1 if row["kind"] == "refund" else 1
        return {
            "id": gid("TenderTransaction", row["id"]),
            "amount": money(sign * row["minor"], order["currency"]),
            "order": lambda: self._nodes.order(order),
            "paymentMethod": "credit_card" if row["gateway"] == "shopify_payments" else row["gateway"],
            "processedAt": zulu(row["processed_at"]),
            "remoteReference": f"auth-{row['id']}",
            "test": order["test"],
            "user": None,
        }

    # --- the shop ---------------------------------------------------------------------------------------------------

    def _installation(self) -> Record:
        scopes = [{"handle": scope, "description": scope.replace("_", " ")} for scope in sorted(self._scopes)]
        return {"id": gid("AppInstallation", 1), "accessScopes": scopes}

    def _shop(self) -> Record:
        shop = self._orders.shop
        offset = datetime.fromtimestamp(self._orders.env.now(), UTC).astimezone(ZoneInfo(shop.zone)).strftime("%z")
        minutes = (1 if offset[0] == "+" else -1) * (int(offset[1:3]) * 60 + int(offset[3:5]))
        return {
            "__typename": "Shop",
            "id": gid("Shop", 1),
            "name": shop.name,
            "email": f"owner@{shop.domain}",
            "contactEmail": f"owner@{shop.domain}",
            "createdAt": "2010-01-01T00:00:00Z",
            "updatedAt": "2010-01-01T00:00:00Z",
            "currencyCode": shop.currency,
            "enabledPresentmentCurrencies": [shop.currency],
            "ianaTimezone": shop.zone,
            "myshopifyDomain": shop.domain,
            "plan": {"displayName": "Basic", "publicDisplayName": "Basic", "partnerDevelopment": False,
                     "shopifyPlus": False},
            "taxShipping": True,
            "taxesIncluded": False,
            "timezoneAbbreviation": "",
            "timezoneOffset": offset,
            "timezoneOffsetMinutes": minutes,
            "url": f"https://{shop.domain}",
        }  # fmt: skip

    def _locations(self, **arguments: Any) -> Record:
        ids = [row["id"] for row in self._orders.env.store.each("location")]
        return connection(ids, lambda id_: self._nodes.location(id_) or {})(**arguments)

    # --- webhook subscriptions ----------------------------------------------------------------------------------------

    def _subscription(self, id: str) -> Record | None:  # noqa: A002
        found = self._orders.env.store.get("subscription", number_of(id, "WebhookSubscription") or 0)
        return _subscription_node(found) if found else None

    def _subscriptions(
        self,
        topics: list[str] | None = None,
        uri: str | None = None,
        callbackUrl: str | None = None,  # noqa: N803
        **arguments: Any,
    ) -> Record:
        wanted, address = {wire(topic) for topic in topics or ()}, uri or callbackUrl
        rows = [row for row in self._hooks.subscriptions()
                if (not wanted or row["topic"] in wanted) and address in (None, row["uri"])]  # fmt: skip
        return connection(rows, _subscription_node)(**arguments)

    def _subscribe(self, topic: str, webhookSubscription: Record) -> Record:  # noqa: N803
        given = webhookSubscription
        address = given.get("uri") or given.get("callbackUrl") or ""
        problem = _address_problem(address)
        made = None
        if not problem:
            made = self._hooks.subscribe(
                wire(topic), address, self._version, include_fields=given.get("includeFields"),
                filter=given.get("filter"), name=given.get("name"),
            )  # fmt: skip
            problem = "" if made else "Address for this topic has already been taken"
        return {
            "webhookSubscription": _subscription_node(made) if made else None,
            "userErrors": [{"field": ["webhookSubscription", "callbackUrl"], "message": problem}] if problem else [],
        }

    def _unsubscribe(self, id: str) -> Record:  # noqa: A002
        gone = self._hooks.unsubscribe(number_of(id, "WebhookSubscription") or 0)
        errors = [] if gone else [{"field": ["id"], "message": "Webhook subscription does not exist"}]
        return {"deletedWebhookSubscriptionId": id if gone else None, "userErrors": errors}

    def _resubscribe(self, id: str, webhookSubscription: Record) -> Record:  # noqa: A002, N803
        found = self._orders.env.store.get("subscription", number_of(id, "WebhookSubscription") or 0)
        if found is None:
            problem = {"field": ["id"], "message": "Webhook subscription does not exist"}
            return {"webhookSubscription": None, "userErrors": [problem]}
        address = webhookSubscription.get("uri") or webhookSubscription.get("callbackUrl") or found["uri"]
        if problem_words := _address_problem(address):
            return {"webhookSubscription": None, "userErrors": [{"field": ["webhookSubscription", "callbackUrl"],
                                                                "message": problem_words}]}  # fmt: skip
        found.update(uri=address, updated_at=self._orders.now())
        self._hooks.keep(found)
        return {"webhookSubscription": _subscription_node(found), "userErrors": []}


def wire(topic: str) -> str:
    """``ORDERS_CREATE`` as headers write it: the last word is the action, what stands before it the resource."""
    if topic in ("ORDERS_PARTIALLY_FULFILLED",):
        return "orders/partially_fulfilled"
    head, _, tail = topic.lower().rpartition("_")
    return f"{head}/{tail}"


def enum_topic(topic: str) -> str:
    """``orders/create`` as GraphQL writes it."""
    return topic.replace("/", "_").upper()


def _address_problem(address: str) -> str:
    # The vendor takes https only; the sandbox lives on the loopback address, where nobody has a certificate.
    loopback = address.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
    return "" if address.startswith("https://") or loopback else "Address protocol http:// is not supported"


def _version(handle: str) -> Record:
    return {"handle": handle, "displayName": handle, "supported": handle not in ("2027-01", "unstable")}


def _subscription_node(row: Record) -> Record:
    return {
        "__typename": "WebhookSubscription",
        "id": gid("WebhookSubscription", row["id"]),
        "legacyResourceId": str(row["id"]),
        "apiVersion": _version(row["version"]),
        "callbackUrl": row["uri"],
        "uri": row["uri"],
        "createdAt": zulu(row["created_at"]),
        "updatedAt": zulu(row["updated_at"]),
        "endpoint": {"__typename": "WebhookHttpEndpoint", "callbackUrl": row["uri"]},
        "filter": row["filter"],
        "format": "JSON",
        "includeFields": row["include_fields"],
        "metafieldNamespaces": [],
        "name": row["name"],
        "topic": enum_topic(row["topic"]),
    }


def _sort_value(row: Record, column: str) -> Any:
    if column == "total":
        return totals(row)["total"]
    if column in ("financial", "fulfilment"):
        return financial_status(row) if column == "financial" else fulfilment_status(row) or "unfulfilled"
    return row[{"created": "created_at", "updated": "updated_at", "processed": "processed_at"}.get(column, column)]
