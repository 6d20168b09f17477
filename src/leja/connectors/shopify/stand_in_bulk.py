"""Bulk operations of the stand-in: a query over everything, answered as a file of JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from leja.connectors.shopify.stand_in_graphql import Compiled, DocumentRefused
from leja.connectors.shopify.stand_in_orders import Orders, Record
from leja.connectors.shopify.stand_in_pages import gid, unpaged, zulu

if TYPE_CHECKING:
    from leja.connectors.shopify.stand_in_queries import Queries

_AT_ONCE: Final = 5


class Bulk:
    """Starts operations and carries them out ``seconds`` later on the stand-in's clock, when somebody asks."""

    def __init__(self, orders: Orders, compile_: Callable[[str], Compiled], public_url: str, seconds: float) -> None:
        self._orders, self._store, self._compile = orders, orders.env.store, compile_
        self._url, self._seconds = public_url, seconds

    def start(self, query: str, queries: Queries, group: bool) -> Record:  # noqa: ARG002
        """``bulkOperationRunQuery``."""
        running = [row for row in self._store.each("bulk") if row["due"] > self._orders.env.now()]
        if len(running) >= _AT_ONCE:
            return _refused("OPERATION_IN_PROGRESS", f"at most {_AT_ONCE} bulk operations run at once")
        try:
            lines, roots = self._lines(self._compile(query), queries)
        except DocumentRefused as refused:
            return _refused("INVALID", f"Invalid bulk query: {refused}")
        id_ = self._orders.ids(1)[0]
        row = {
            "id": id_,
            "query": query,
            "created_at": self._orders.now(),
            "due": self._orders.env.now() + self._seconds,
            "lines": len(lines),
            "roots": roots,
            "file": b"".join(line + b"\n" for line in lines).decode(),
        }
        self._store.put("bulk", id_, row, sort=f"{id_:020d}")
        return {"bulkOperation": self._node(row), "userErrors": []}

    def node(self, id_: int) -> Record | None:
        """An operation as it stands now."""
        row = self._store.get("bulk", id_)
        return self._node(row) if row else None

    def current(self) -> Record | None:
        """The latest operation."""
        rows = self._store.each("bulk", newest_first=True, limit=1)
        return self._node(rows[0]) if rows else None

    def file(self, id_: int) -> str | None:
        """The result of a finished operation."""
        row = self._store.get("bulk", id_)
        return row["file"] if row and row["due"] <= self._orders.env.now() else None

    def _node(self, row: Record) -> Record:
        done = row["due"] <= self._orders.env.now()
        return {
            "__typename": "BulkOperation",
            "id": gid("BulkOperation", row["id"]),
            "status": "COMPLETED" if done else "RUNNING",
            "errorCode": None,
            "createdAt": zulu(row["created_at"]),
            "completedAt": zulu(row["due"]) if done else None,
            "fileSize": str(len(row["file"].encode())) if done else None,
            "objectCount": str(row["lines"]) if done else "0",
            "rootObjectCount": str(row["roots"]) if done else "0",
            "partialDataUrl": None,
            "query": row["query"],
            "type": "QUERY",
            # The vendor gives no address where nothing was found.
            "url": f"{self._url}/_bulk/{row['id']}.jsonl" if done and row["lines"] else None,
        }

    def _lines(self, compiled: Compiled, queries: Queries) -> tuple[list[bytes], int]:
        lines: list[bytes] = []
        roots = 0
        with unpaged():
            data, errors = compiled.run(queries.root())
        if errors:
            raise DocumentRefused(errors)
        for value in data.values():
            for node in _nodes(value) or []:
                roots += 1
                _flatten(node, None, lines)
        return lines, roots


def _refused(code: str, message: str) -> Record:
    return {"bulkOperation": None, "userErrors": [{"code": code, "field": ["query"], "message": message}]}


def _nodes(value: Any) -> list[Record] | None:
    if isinstance(value, dict) and ("nodes" in value or "edges" in value):
        return value["nodes"] if "nodes" in value else [edge["node"] for edge in value["edges"]]
    return None


def _flatten(node: Record, parent: str | None, lines: list[bytes]) -> None:
    children = {name: found for name, value in node.items() if (found := _nodes(value)) is not None}
    shape = {name: value for name, value in node.items() if name not in children}
    if parent is not None:
        shape["__parentId"] = parent
    lines.append(msgspec.json.encode(shape))
    for found in children.values():
        for child in found:
            _flatten(child, node.get("id"), lines)
