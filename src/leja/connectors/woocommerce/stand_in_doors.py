"""The routes of the stand-in: ``/wp-json/wc/v3``, the index, and the hand-over of keys under ``/wc-auth/v1``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from leja.connectors.woocommerce.stand_in_about import About
from leja.connectors.woocommerce.stand_in_hooks import Hooks
from leja.connectors.woocommerce.stand_in_keys import Keys, php_query
from leja.connectors.woocommerce.stand_in_lists import Lists, decimals, truth
from leja.connectors.woocommerce.stand_in_orders import Orders
from leja.connectors.woocommerce.stand_in_refunds import Refunds
from leja.connectors.woocommerce.stand_in_refusals import WordPressError, bare, page, refused
from leja.connectors.woocommerce.stand_in_resources import Resource, Resources
from leja.connectors.woocommerce.stand_in_shapes import Shapes
from leja.connectors.woocommerce.stand_in_shop import Record, Shop, wp_answer, wp_json
from leja_sandbox.kit import Answer, Handler, Refuse, Request, Router, redirect

API: Final = "/wp-json/wc/v3"
_COLLECTION: Final = "GET, POST"
_ITEM: Final = "GET, POST, PUT, PATCH, DELETE"
_LEAF: Final = "GET, DELETE"
_SCOPES: Final = ("read", "write", "read_write")


class Routes(Router):
    """A router whose 404 is WordPress's own: JSON under ``/wp-json``, a page elsewhere."""

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | int:
        """The handler, or one that says that there is none."""
        found = super().find(method, path)
        return (_nowhere, {}) if isinstance(found, int) else found


def _telling(told: Callable[[], Any]) -> Handler:
    return lambda _request: wp_answer(told())


def _nowhere(request: Request) -> Answer:
    if request.path.startswith("/wp-json"):
        raise refused("rest_no_route", "No route was found matching the URL and request method.", 404)
    raise Refuse(page(404))


class Doors:
    """Answers requests."""

    def __init__(
        self,
        orders: Orders,
        refunds: Refunds,
        resources: Resources,
        shapes: Shapes,
        lists: Lists,
        hooks: Hooks,
        keys: Keys,
        about: About,
        insecure_callback: bool,
    ) -> None:
        self._orders, self._refunds, self._resources, self._shapes = orders, refunds, resources, shapes
        self._lists, self._hooks, self._keys, self._about = lists, hooks, keys, about
        self._shop: Shop = orders.shop
        self._insecure_callback = insecure_callback

    def router(self) -> Router:
        """All routes."""
        routes = Routes()
        for path, resource in self._resources.by_path.items():
            self._resource(routes, f"{API}/{path}", resource)
        of_order = f"{API}/orders/{{order}}"
        self._add(routes, ("GET",), f"{of_order}/refunds", self._refunds_of, _COLLECTION)
        self._add(routes, ("POST",), f"{of_order}/refunds", self._refund, _COLLECTION)
        self._add(routes, ("GET",), f"{of_order}/refunds/{{id}}", self._one_refund, _LEAF)
        self._add(routes, ("DELETE",), f"{of_order}/refunds/{{id}}", self._delete_refund, _LEAF)
        self._add(routes, ("GET",), f"{of_order}/notes", self._notes, _COLLECTION)
        self._add(routes, ("POST",), f"{of_order}/notes", self._note, _COLLECTION)
        self._add(routes, ("GET",), f"{API}/refunds", self._all_refunds, "GET")
        for path, told in self._about.pages().items():
            self._add(routes, ("GET",), f"{API}/{path}", _telling(told), "GET")
        for path in ("/wp-json/", "/wp-json"):
            routes.add("GET", path, _telling(self._about.index))
        routes.add("GET", API, _telling(lambda: self._about.namespace(API)))
        routes.add("GET", "/wc-auth/v1/authorize", self._authorize)
        return routes

    def _resource(self, routes: Router, path: str, resource: Resource) -> None:
        def listed(request: Request) -> Answer:
            asked, rows, total = resource.rows(request)
            dp = decimals(asked.params)
            return self._lists.answer(request, asked, [resource.shape(row, dp) for row in rows], total)

        def create(request: Request) -> Answer:
            row = resource.save(_body(request), None, request.search_lag)
            shape = resource.created(row) if resource.created else resource.shape(row, None)
            return wp_answer(shape, 201, {"location": f"{self._shop.url}{path}/{row['id']}"})

        def one(request: Request) -> Answer:
            dp = decimals(php_query(request.query_string))
            return wp_answer(resource.shape(resource.must(_id(request)), dp))

        def update(request: Request) -> Answer:
            row = resource.save(_body(request), resource.must(_id(request), 400), 0.0)
            return wp_answer(resource.shape(row, None))

        def delete(request: Request) -> Answer:
            return wp_answer(resource.removed(_id(request), truth(php_query(request.query_string), "force")))

        self._add(routes, ("GET",), path, listed, _COLLECTION)
        self._add(routes, ("POST",), path, create, _COLLECTION)
        batch = lambda request: wp_answer(self._resources.batch(resource, request, _body(request)))  # noqa: E731
        self._add(routes, ("POST", "PUT", "PATCH"), f"{path}/batch", batch, "POST, PUT, PATCH")
        self._add(routes, ("GET",), f"{path}/{{id}}", one, _ITEM)
        self._add(routes, ("POST", "PUT", "PATCH"), f"{path}/{{id}}", update, _ITEM)
        self._add(routes, ("DELETE",), f"{path}/{{id}}", delete, _ITEM)

    def _add(self, routes: Router, methods: tuple[str, ...], path: str, handler: Handler, allow: str) -> None:
        def guarded(request: Request) -> Answer:
            try:
                self._keys.admit(request)
                return self._dressed(handler(request), allow)
            except WordPressError as no:
                raise Refuse(self._dressed(no.answer, allow)) from None

        for method in methods:
            routes.add(method, path, guarded)

    def _dressed(self, answer: Answer, allow: str) -> Answer:
        """The headers that every REST answer bears."""
        own = dict(answer.headers)
        link = f'<{self._shop.url}/wp-json/>; rel="https://api.w.org/"'
        headers = {
            **own,
            "x-robots-tag": "noindex",
            "link": f"{link}, {own['link']}" if "link" in own else link,
            "x-content-type-options": "nosniff",
            "access-control-expose-headers": "X-WP-Total, X-WP-TotalPages, Link",
            "access-control-allow-headers": "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type",
            "allow": allow,
            "expires": "Wed, 11 Jan 1984 05:00:00 GMT",
            "cache-control": "no-cache, must-revalidate, max-age=0, no-store, private",
        }
        return Answer(status=answer.status, body=answer.body, headers=headers)

    # --- refunds and notes ------------------------------------------------------------------------------------------

    def _order(self, request: Request) -> Record:
        order = self._shop.get(_number(request.params["order"]))
        if order is None:
            raise bare("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
        return order

    def _refunds_of(self, request: Request) -> Answer:
        asked, rows, total = self._lists.refunds(request, _number(request.params["order"]))
        dp = decimals(asked.params)
        return self._lists.answer(request, asked, [self._shapes.refund(row, dp) for row in rows], total)

    def _all_refunds(self, request: Request) -> Answer:
        asked, rows, total = self._lists.refunds(request)
        dp = decimals(asked.params)
        shapes = [self._shapes.refund(row, dp, whole_shop=True) for row in rows]
        return self._lists.answer(request, asked, shapes, total)

    def _refund(self, request: Request) -> Answer:
        order = self._order(request)
        refund = self._refunds.create(order, _body(request), lag=request.search_lag)
        # The real shop does not fill its own pattern in: recorded so.
        place = f"{self._shop.url}{API}/orders/(?P<order_id>[\\d]+)/refunds/{refund['id']}"
        return wp_answer(self._shapes.refund(refund), 201, {"location": place})

    def _this_refund(self, request: Request) -> Record:
        refund = self._shop.get(_id(request), refund=True)
        if refund is None or refund["parent"] != _number(request.params["order"]):
            raise refused("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404)
        return refund

    def _one_refund(self, request: Request) -> Answer:
        return wp_answer(self._shapes.refund(self._this_refund(request), decimals(php_query(request.query_string))))

    def _delete_refund(self, request: Request) -> Answer:
        order, refund = self._order(request), self._this_refund(request)
        if not truth(php_query(request.query_string), "force"):
            raise refused("woocommerce_rest_trash_not_supported",
                          "The shop_order_refund does not support trashing. Set force=true to delete.", 501)  # fmt: skip
        shape = self._shapes.refund(refund)
        self._refunds.delete(order, refund)
        return wp_answer(shape)

    def _notes(self, request: Request) -> Answer:
        order = self._order(request)
        rows = [row for row in self._shop.env.store.each("note", newest_first=True) if row["order"] == order["id"]]
        return wp_answer([self._shapes.note(row) for row in rows])

    def _note(self, request: Request) -> Answer:
        order, given = self._order(request), _body(request)
        if not given.get("note"):
            raise refused("rest_missing_callback_param", "Missing parameter(s): note", 400, extra={"params": ["note"]})
        store = self._shop.env.store
        row = {"id": store.next_number("note"), "order": order["id"], "author": "Leja", "created": self._shop.now(),
               "note": str(given["note"]), "customer_note": given.get("customer_note") is True}  # fmt: skip
        store.put("note", row["id"], row, sort=f"{row['id']:012d}")
        return wp_answer(self._shapes.note(row), 201)

    # --- the hand-over of keys --------------------------------------------------------------------------------------

    def _authorize(self, request: Request) -> Answer:
        """The owner approves at once: the keys are posted to ``callback_url``, unsigned, and the browser goes back."""
        asked = dict(parse_qsl(request.query_string))
        missing = [
            name for name in ("app_name", "user_id", "return_url", "callback_url", "scope") if not asked.get(name)
        ]
        if missing:
            raise Refuse(_denied(f"Missing parameter {missing[0]}"))
        if asked["scope"] not in _SCOPES:
            raise Refuse(_denied(f"Invalid scope {asked['scope']}"))
        if urlsplit(asked["callback_url"]).scheme != "https" and not self._insecure_callback:
            raise Refuse(_denied("The callback_url needs to be over SSL"))
        key = self._keys.create(asked["scope"])
        told = {"key_id": key["id"], "user_id": asked["user_id"], "consumer_key": key["key"],
                "consumer_secret": key["secret"], "key_permissions": asked["scope"]}  # fmt: skip
        self._hooks.enqueue("wc-auth", "wc-auth", asked["callback_url"],
                            {"Content-Type": "application/json;charset=utf-8"}, wp_json(told))  # fmt: skip
        joint = "&" if "?" in asked["return_url"] else "?"
        return redirect(f"{asked['return_url']}{joint}{urlencode({'success': 1, 'user_id': asked['user_id']})}")


def _denied(words: str) -> Answer:
    return Answer(status=401, body=page(401).body.replace(b"Error", f"Error: {words}".encode()),
                  headers={"content-type": "text/html; charset=UTF-8"})  # fmt: skip


def _number(text: str) -> int:
    if not text.isdigit():
        raise refused("rest_no_route", "No route was found matching the URL and request method.", 404)
    return int(text)


def _id(request: Request) -> int:
    return _number(request.params["id"])


def _body(request: Request) -> Record:
    """The JSON object of a request; its numbers with a point are kept exactly."""
    if not request.body:
        return {}
    try:
        value: Any = json.loads(request.body, parse_float=Decimal)
    except ValueError:
        raise refused("rest_invalid_json", "Invalid JSON body passed.", 400,
                      extra={"json_error_code": 4, "json_error_message": "Syntax error"}) from None  # fmt: skip
    return value if isinstance(value, Mapping) else {}  # type: ignore[return-value]
