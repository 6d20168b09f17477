"""What can be done with each kind of thing over REST, in one form for all, and the batches over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from leja.connectors.woocommerce.stand_in_catalogue import Catalogue
from leja.connectors.woocommerce.stand_in_hooks import Hooks
from leja.connectors.woocommerce.stand_in_keys import Params
from leja.connectors.woocommerce.stand_in_lists import Lists, Wanted
from leja.connectors.woocommerce.stand_in_orders import Orders
from leja.connectors.woocommerce.stand_in_refusals import WordPressError, refused
from leja.connectors.woocommerce.stand_in_shapes import Shapes
from leja.connectors.woocommerce.stand_in_shop import Record
from leja_sandbox.kit import Request

_BATCH: Final = 100


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """``code`` is the name in error codes (``woocommerce_rest_<code>_invalid_id``); ``trash`` None: no trash."""

    code: str
    rows: Callable[[Request], tuple[Wanted, list[Record], int]]
    find: Callable[[int], Record | None]
    save: Callable[[Record, Record | None, float], Record]
    delete: Callable[[Record], None]
    shape: Callable[[Record, int | None], Record]
    created: Callable[[Record], Record] | None = None
    trash: Callable[[Record], None] | None = None
    trash_words: str = "resource"

    def must(self, id_: int, status: int = 404) -> Record:
        """The row of that id. Raises WordPressError: 404 for reading, 400 for changing."""
        row = self.find(id_)
        if row is None:
            raise refused(f"woocommerce_rest_{self.code}_invalid_id", "Invalid ID.", status)
        return row

    def removed(self, id_: int, force: bool) -> Record:
        """Deletes, or moves to the trash; the answer is what it was (deleted) or is (in the trash)."""
        row = self.must(id_)
        if force:
            shape = self.shape(row, None)
            self.delete(row)
            return shape
        if self.trash is None:
            raise refused("woocommerce_rest_trash_not_supported", f"{self.trash_words} do not support trashing.", 501)
        if row.get("status") == "trash":
            raise refused("woocommerce_rest_already_trashed", f"The {self.code} has already been deleted.", 410)
        self.trash(row)
        return self.shape(self.must(id_), None)


class Resources:
    """The resources by their path under ``/wp-json/wc/v3``."""

    def __init__(self, orders: Orders, catalogue: Catalogue, hooks: Hooks, shapes: Shapes, lists: Lists) -> None:
        self._orders, self._catalogue, self._hooks, self._shapes, self._lists = orders, catalogue, hooks, shapes, lists
        self._shop = orders.shop
        self.by_path: dict[str, Resource] = {
            "orders": self._of_orders(),
            "products": self._of("product", "product", catalogue.save_product, shapes.product, ("date", "id", "include", "title", "slug", "modified"), "desc"),
            "coupons": self._of("coupon", "shop_coupon", catalogue.save_coupon, shapes.coupon, ("date", "id", "include", "title", "slug", "modified"), "desc"),
            "customers": self._of("customer", "customer", catalogue.save_customer, shapes.customer, ("name", "id", "include", "registered_date"), "asc"),
            "taxes": self._of("tax_rate", "tax", catalogue.save_rate, shapes.tax_rate, ("order", "id", "priority"), "asc"),
            "webhooks": self._of_webhooks(),
        }  # fmt: skip

    def _of_orders(self) -> Resource:
        def save(given: Record, old: Record | None, lag: float) -> Record:
            return self._orders.change(old, given) if old else self._orders.place(given, lag=lag)

        return Resource(
            code="shop_order",
            rows=self._lists.orders,
            find=self._shop.get,
            save=save,
            delete=self._orders.delete,
            shape=self._shapes.order,
            trash=self._orders.trash,
        )

    def _of_webhooks(self) -> Resource:
        return Resource(
            code="shop_webhook",
            rows=lambda request: self._lists.rows(
                request, self._hooks.webhooks(), ("date", "id", "title"), "desc", _of_status
            ),
            find=self._hooks.webhook,
            save=lambda given, old, _: self._hooks.save(given, old),
            delete=lambda row: self._hooks.remove(row["id"]),
            shape=lambda row, _: self._shapes.webhook(row),
            trash_words="Webhooks",
        )

    def _of(
        self,
        kind: str,
        code: str,
        save: Callable[[Record, Record | None], Record],
        shape: Callable[[Record], Record],
        orderby: Sequence[str],
        order: str,
    ) -> Resource:
        told = kind in ("product", "coupon", "customer")

        def kept(given: Record, old: Record | None, _lag: float) -> Record:
            row = save(given, old)
            if told:
                self._hooks.tell_of_a_post(kind, "updated" if old else "created", row["id"])
            return row

        def delete(row: Record) -> None:
            self._catalogue.remove(kind, row["id"])
            if told:
                self._hooks.tell_of_a_post(kind, "deleted", row["id"])

        return Resource(
            code=code,
            rows=lambda request: self._lists.rows(request, self._catalogue.each(kind), orderby, order, _fits),
            find=lambda id_: self._catalogue.find(kind, id_),
            save=kept,
            delete=delete,
            shape=lambda row, _: shape(row),
            created=(lambda row: self._shapes.product(row, created=True)) if kind == "product" else None,
            trash_words=f"{kind.capitalize()}s",
        )

    def payload(self, resource: str, id_: int) -> Record:
        """What REST answers for a thing, also when it is gone: the body of webhooks."""
        found = self.by_path[f"{resource}s"]
        row = found.find(id_)
        if row is None:
            message = "Invalid resource ID." if resource == "customer" else "Invalid ID."
            return {"code": f"woocommerce_rest_{found.code}_invalid_id", "message": message, "data": {"status": 404}}
        return found.shape(row, None)

    def batch(self, resource: Resource, request: Request, given: Record) -> Record:
        """Creates, updates and deletes, each for itself: one that fails says so in its place."""
        if sum(len(given.get(name) or []) for name in ("create", "update", "delete")) > _BATCH:
            words = f"Unable to accept more than {_BATCH} items for this request."
            raise refused("woocommerce_rest_request_entity_too_large", words, 413)
        told: Record = {}
        for entry in given.get("create") or []:
            told.setdefault("create", []).append(self._part(request, 0, partial(self._create, resource, entry)))
        for entry in given.get("update") or []:
            work = partial(self._update, resource, entry)
            told.setdefault("update", []).append(self._part(request, int(entry.get("id") or 0), work))
        for id_ in given.get("delete") or []:
            work = partial(resource.removed, int(id_), True)
            told.setdefault("delete", []).append(self._part(request, int(id_), work))
        return told

    def _update(self, resource: Resource, entry: Record) -> Record:
        given = {name: value for name, value in entry.items() if name != "id"}
        return resource.shape(resource.save(given, resource.must(int(entry.get("id") or 0), 400), 0.0), None)

    def _create(self, resource: Resource, entry: Record) -> Record:
        row = resource.save(entry, None, 0.0)
        return resource.created(row) if resource.created else resource.shape(row, None)

    def _part(self, request: Request, id_: int, work: Callable[[], Record]) -> Record:
        try:
            with self._shop.env.store.transaction():
                if request.fault("batch_partial"):
                    raise refused("db_insert_error", "Could not insert order into the database.", 500)
                return work()
        except WordPressError as no:
            return {"id": id_, "error": no.body}


def _of_status(row: Record, params: Params) -> bool:
    return params.get("status", "all") in ("all", row["status"])


def _fits(row: Record, params: Params) -> bool:
    for name in ("sku", "code", "email", "class"):
        if params.get(name) and str(row.get(name, "")).lower() != str(params[name]).lower():
            return False
    text: Any = params.get("search")
    return not text or str(text).lower() in str(row.get("name", "")).lower()
