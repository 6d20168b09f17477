"""Runs GraphQL documents over the stand-in's nodes: validation, execution, cost and throttling as the vendor says.

The cost of a field is rough, as the vendor publishes it: an object 1, a scalar 0, a mutation 10, a connection by its
``first``; money and page info count nothing, and nested connections are added, not multiplied (the exact rule is not
published).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    graphql_sync,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    parse,
    validate,
)
from graphql.execution.values import get_argument_values, get_directive_values, get_variable_values
from graphql.type.directives import GraphQLIncludeDirective

_FREE: Final = frozenset({"MoneyBag", "MoneyV2", "PageInfo", "Count", "CashRoundingAdjustment"})
# Response key, field, its first node, coerced arguments, and the selections below it.
Planned = tuple[str, GraphQLField, FieldNode, dict[str, Any], tuple[SelectionSetNode, ...]]


class FieldRefused(Exception):
    """A root field answers null and an error beside it."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class DocumentRefused(Exception):
    """The whole document is refused with these errors."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


@lru_cache(maxsize=1)
def load_schema() -> GraphQLSchema:
    """The schema of the file beside this one."""
    return build_schema((Path(__file__).parent / "stand_in_schema.graphql").read_text())


@lru_cache(maxsize=256)
def _valid(schema: GraphQLSchema, query: str) -> DocumentNode:
    """The document of a query, read and judged once. Raises DocumentRefused."""
    try:
        document = parse(query)
    except GraphQLError as problem:
        raise DocumentRefused([worded(problem)]) from None
    problems = validate(schema, document)
    if problems:
        raise DocumentRefused([worded(problem) for problem in problems])
    return document


class Compiled:
    """A validated document with its variables, ready to be priced and run."""

    def __init__(self, schema: GraphQLSchema, query: str, variables: dict[str, Any], operation: str | None) -> None:
        self._schema = schema
        self.document = _valid(schema, query)
        self._fragments = {
            node.name.value: node for node in self.document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.operation = self._chosen(operation)
        coerced = get_variable_values(schema, self.operation.variable_definitions or [], variables)
        if isinstance(coerced, list):
            raise DocumentRefused([worded(problem) for problem in coerced])
        self._variables: dict[str, Any] = coerced
        self._plans: dict[tuple[str, tuple[int, ...]], list[Planned]] = {}
        self.root: Any = schema.mutation_type if self.operation.operation.value == "mutation" else schema.query_type
        self.actual = 0

    def _chosen(self, name: str | None) -> OperationDefinitionNode:
        found = [node for node in self.document.definitions if isinstance(node, OperationDefinitionNode)]
        for node in found:
            if (name is None and len(found) == 1) or (node.name and node.name.value == name):
                return node
        raise DocumentRefused([{"message": "An operation name is required"}])

    def fields(self) -> list[str]:
        """The root fields that it asks for."""
        return [node.name.value for _, _, node, _, _ in self._plan(self.root, (self.operation.selection_set,))]

    def idempotency_keys(self) -> list[str]:
        """The keys of ``@idempotent`` directives in it."""
        directive = self._schema.get_directive("idempotent")
        found = (
            get_directive_values(directive, node, self._variables) if directive else None
            for _, _, node, _, _ in self._plan(self.root, (self.operation.selection_set,))
        )
        return [values["key"] for values in found if values]

    # --- cost -------------------------------------------------------------------------------------------------------

    def requested_cost(self) -> int:
        """What it may cost at most."""
        base = 10 if self.root is self._schema.mutation_type else 0
        return base + self._cost(self.root, (self.operation.selection_set,))

    def _cost(self, parent: Any, selections: tuple[SelectionSetNode, ...]) -> int:
        if is_abstract_type(parent):
            return max(self._cost(kind, selections) for kind in self._schema.get_possible_types(parent))
        total = 0
        for _, field, _, arguments, below in self._plan(parent, selections):
            kind = _named(field.type)
            if is_leaf_type(kind):
                continue
            if kind.name.endswith("Connection"):
                total += int(arguments.get("first") or arguments.get("last") or 0)
            elif kind.name not in _FREE:
                total += 1
            total += self._cost(kind, below)
        return total

    # --- execution --------------------------------------------------------------------------------------------------

    def run(self, root: Mapping[str, Callable[..., Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Data and errors; root fields are called one after the other."""
        data: dict[str, Any] = {}
        errors: list[dict[str, Any]] = []
        for key, field, node, arguments, below in self._plan(self.root, (self.operation.selection_set,)):
            if node.name.value == "__typename":
                data[key] = self.root.name
                continue
            try:
                data[key] = self._complete(field.type, root[node.name.value](**arguments), below)
            except FieldRefused as refused:
                data[key] = None
                place = node.loc.start_token if node.loc else None
                errors.append(
                    {
                        "message": str(refused),
                        "locations": [{"line": place.line, "column": place.column}] if place else [],
                        "path": [key],
                        "extensions": {"code": refused.code},
                    }
                )
        return data, errors

    def _complete(self, kind: Any, value: Any, selections: tuple[SelectionSetNode, ...]) -> Any:
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if value is None:
            return None
        if is_list_type(kind):
            return [self._complete(kind.of_type, item, selections) for item in value]
        if not selections:
            return value
        if not isinstance(kind, GraphQLObjectType):
            kind = self._schema.type_map[value["__typename"]]
        if kind.name not in _FREE:
            self.actual += 1
        shape: dict[str, Any] = {}
        for key, field, node, arguments, below in self._plan(kind, selections):
            name = node.name.value
            if name == "__typename":
                shape[key] = kind.name
                continue
            found = value[name]
            if callable(found):
                found = found(**arguments)
            shape[key] = found if not below else self._complete(field.type, found, below)
        return shape

    def _plan(self, parent: Any, selections: tuple[SelectionSetNode, ...]) -> list[Planned]:
        place = (parent.name, tuple(id(selection) for selection in selections))
        if place not in self._plans:
            grouped: dict[str, list[FieldNode]] = {}
            for selection in selections:
                self._collect(parent, selection, grouped)
            self._plans[place] = [self._planned(parent, key, nodes) for key, nodes in grouped.items()]
        return self._plans[place]

    def _planned(self, parent: Any, key: str, nodes: list[FieldNode]) -> Any:
        below = tuple(node.selection_set for node in nodes if node.selection_set)
        if nodes[0].name.value == "__typename":
            return key, GraphQLField(self._schema.type_map["String"]), nodes[0], {}, ()  # type: ignore[arg-type]
        field = parent.fields[nodes[0].name.value]
        return key, field, nodes[0], get_argument_values(field, nodes[0], self._variables), below

    def _collect(self, parent: Any, selection: SelectionSetNode, grouped: dict[str, list[FieldNode]]) -> None:
        for node in selection.selections:
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                grouped.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                continue
            inside: Any = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            condition = inside.type_condition.name.value if inside.type_condition else parent.name
            if self._fits(parent, condition):
                self._collect(parent, inside.selection_set, grouped)

    def _fits(self, parent: Any, condition: str) -> bool:
        kind: Any = self._schema.type_map[condition]
        return kind is parent or (is_abstract_type(kind) and self._schema.is_sub_type(kind, parent))

    def _wanted(self, node: Any) -> bool:
        if not isinstance(node, FieldNode | InlineFragmentNode | FragmentSpreadNode):
            return False
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and not (include and not include["if"])


class Bucket:
    """The leaky bucket of one app at the shop: points come back every second of the stand-in's clock."""

    def __init__(self, now: Callable[[], float], size: int, restore: int) -> None:
        self._now, self.size, self.restore = now, size, restore
        self._left, self._at = float(size), now()

    def left(self) -> int:
        """Points that may be spent now."""
        now = self._now()
        self._left = min(float(self.size), self._left + max(0.0, now - self._at) * self.restore)
        self._at = now
        return int(self._left)

    def spend(self, points: int) -> None:
        """Takes points."""
        self.left()
        self._left -= points

    def status(self) -> dict[str, Any]:
        """As ``extensions.cost.throttleStatus`` shows it."""
        return {"maximumAvailable": self.size, "currentlyAvailable": self.left(), "restoreRate": self.restore}

    def wait(self, points: int) -> int:
        """Whole seconds until so many points are there."""
        return max(1, math.ceil((points - self.left()) / self.restore))


def worded(problem: GraphQLError) -> dict[str, Any]:
    """A GraphQL error with the vendor's code for the commonest kind."""
    shape: dict[str, Any] = {"message": problem.message}
    if problem.locations:
        shape["locations"] = [{"line": place.line, "column": place.column} for place in problem.locations]
    if problem.message.startswith("Cannot query field"):
        shape["extensions"] = {"code": "undefinedField"}
    return shape


def introspected(schema: GraphQLSchema, query: str) -> dict[str, Any]:
    """The answer to a question about the schema itself."""
    return dict(graphql_sync(schema, query).formatted)


def _named(kind: Any) -> Any:
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return kind
