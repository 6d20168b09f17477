"""A till's own words read through a mapping file into an event of the contract.

The mapping is the setting ``mapping``, written as in README.md. A number is taken from the text of the body; nothing is
computed but sums, signs and minor units. What is not there stays away, and the contract says whether that is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from leja.connectors.prysm_pos.wire import CLOSED, COMPLETED, CONTRACT, VOIDED
from leja.core.clock import localised
from leja.core.errors import Refused

_LEAF: Final = frozenset({"path", "const", "index", "sum"})
_KNOWN: Final = _LEAF | {"map", "default", "format", "tz", "number", "scale", "decimal_mark", "sign", "negate", "first"}
_ROOT: Final = "$."
Scope = tuple[Any, Any, int]


def mapped(native: Mapping[str, Any], mapping: Mapping[str, Any], zone: str = "") -> dict[str, Any]:
    """The event of the contract that a native body means. Raises Refused ``prysm-mapping`` naming member and reason."""
    require_supported(mapping)
    scope: Scope = (native, native, 0)
    kind = _value(mapping["event"]["type"], scope, {}, "event.type", zone)
    source = _object(mapping["source"], scope, {}, "source", zone)
    data = _data(str(kind), mapping, scope, zone)
    stated = data.get("ended_at") or data.get("voided_at") or data.get("closed_at")
    return {
        "contract": CONTRACT, "type": kind, "occurred_at": stated,
        "source": {"system": str(mapping.get("system", "mapped")), **source}, "data": data,
    }  # fmt: skip


def require_supported(mapping: Mapping[str, Any]) -> None:
    """Raises Refused ``prysm-mapping`` for a mapping without its parts, or that asks for what is not done here."""
    if not mapping:
        raise _wrong("mapping", "the connection has no mapping, and this is no event of the contract")
    for part in ("event", "source", "transaction"):
        if not isinstance(mapping.get(part), Mapping):
            raise _wrong(part, "is missing")
    if not isinstance(mapping["event"].get("type"), Mapping):
        raise _wrong("event.type", "is missing")
    scheme = (mapping.get("signature") or {}).get("scheme", "standard-webhooks")
    if scheme != "standard-webhooks":
        raise _wrong("signature.scheme", f"{scheme!r} is not verified here; only standard-webhooks is")
    checks = mapping.get("checks") or {}
    if not checks.get("require_balanced", True) or Decimal(str(checks.get("tolerance", "0"))):
        raise _wrong("checks", "a transaction that does not balance is never booked; tolerance must be 0")


def paths_of(mapping: Mapping[str, Any]) -> dict[str, str]:
    """Member of the contract -> where it comes from, for all that is read at the top or from ``rows[]``."""
    found: dict[str, str] = {}
    for part in ("source", "transaction"):
        _collect(mapping.get(part) or {}, part, found)
    return found


def dedupe_key(mapping: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns whose values together name one transaction in a table."""
    named = (mapping.get("event") or {}).get("dedupe_key") or ()
    if not named:
        raise _wrong("event.dedupe_key", "names the columns that make one transaction of several rows; it is missing")
    return tuple(str(name) for name in named)


def _data(kind: str, mapping: Mapping[str, Any], scope: Scope, zone: str) -> dict[str, Any]:
    if kind == CLOSED:
        if not isinstance(mapping.get("day_close"), Mapping):
            raise _wrong("day_close", "is missing, and an event means the end of a day")
        return _object(mapping["day_close"], scope, {}, "day_close", zone)
    if kind == VOIDED:
        named = ("transaction_id", "business_date", "workstation_id", "sequence_number")
        plain = {name: node for name, node in mapping["transaction"].items() if name in named}
        when = mapping["transaction"].get("ended_at")
        return _object({**plain, "voided_at": when, **(mapping.get("void") or {})}, scope, {}, "void", zone)
    if kind != COMPLETED:
        raise _wrong("event.type", f"gives {kind!r}, which is no type of the contract")
    return _object(mapping["transaction"], scope, {}, "transaction", zone)


def _object(spec: Mapping[str, Any], scope: Scope, whole: dict[str, Any], path: str, zone: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    top = whole or made
    # Sums come last: a mapping that was stored has its members in no order that means anything.
    for name, node in sorted(spec.items(), key=lambda member: _sums(member[1])):
        if name in ("each", "where", "omit_if_zero") or node is None:
            continue
        value = _node(node, scope, top, f"{path}.{name}", zone)
        if value is not None:
            made[name] = value
    return made


def _sums(node: Any) -> bool:
    return isinstance(node, Mapping) and ("sum" in node or any(map(_sums, node.values())))


def _node(node: Any, scope: Scope, whole: dict[str, Any], path: str, zone: str) -> Any:
    if isinstance(node, Sequence) and not isinstance(node, str):
        listed = [(_object(one, scope, whole, path, zone), one) for one in node]
        return [value for value, one in listed if not (one.get("omit_if_zero") and _is_zero(value.get("amount")))]
    if not isinstance(node, Mapping):
        raise _wrong(path, "must be an object such as {path: Column}")
    if "each" in node:
        return [
            _object(node, (scope[0], item, place), whole, path, zone)
            for place, item in enumerate(_chosen(node, scope, path))
        ]
    if _LEAF & node.keys():
        if unknown := node.keys() - _KNOWN:
            raise _wrong(path, f"has {sorted(unknown)[0]!r}, which is no word of the mapping")
        return _value(node, scope, whole, path, zone)
    return _object(node, scope, whole, path, zone)


def _chosen(node: Mapping[str, Any], scope: Scope, path: str) -> list[Any]:
    """The members of a list; ``where`` keeps those whose ``path`` is one of ``in``."""
    items = _at(str(node["each"]).removesuffix("[]"), scope)
    if items is None:
        return []
    if not isinstance(items, list):
        raise _wrong(path, f"{node['each']} is no list")
    where = node.get("where")
    if where is None:
        return items
    return [item for item in items if str(_at(str(where["path"]), (scope[0], item, 0))) in map(str, where["in"])]


def _value(node: Mapping[str, Any], scope: Scope, whole: dict[str, Any], path: str, zone: str) -> Any:
    if "const" in node:
        return node["const"]
    if "index" in node:
        return int(node["index"]) + scope[2]
    if "sum" in node:
        group, _, member = str(node["sum"]).partition(".")
        return _plain(sum((Decimal(one[member]) for one in whole.get(group, ()) if member in one), Decimal(0)))
    found = _at(str(node["path"]), scope)
    if found is None or found == "":
        return node.get("default")
    if "map" in node:
        return _translated(found, node, path)
    if "sign" in node:
        return node["sign"]["negative" if _number(found, node, path) < 0 else "positive"]
    if "format" in node:
        return _moment(str(found), node, path, zone)
    if "number" in node:
        value = _number(found, node, path)
        return _plain(-value if node.get("negate") else value)
    return found if isinstance(found, bool) or path.endswith("line_number") else str(found)


def _at(path: str, scope: Scope) -> Any:
    """What stands at a dotted path of the item, or of the whole body where the path begins with ``$.``."""
    root, here, _ = scope
    place = root if path.startswith(_ROOT) else here
    for part in path.removeprefix(_ROOT).split("."):
        if not isinstance(place, Mapping) or part not in place:
            return None
        place = place[part]
    return place


def _translated(found: Any, node: Mapping[str, Any], path: str) -> Any:
    table = {str(key): value for key, value in node["map"].items()}
    if str(found) in table:
        return table[str(found)]
    if "default" in node:
        return node["default"]
    raise _wrong(path, f"{str(found)[:40]!r} is in no row of its map")


def _number(found: Any, node: Mapping[str, Any], path: str) -> Decimal:
    text = str(found).strip()
    mark = node.get("decimal_mark", ".")
    if mark != ".":
        text = text.replace(".", "").replace(mark, ".")
    try:
        value = Decimal(text.replace(" ", ""))
    except InvalidOperation:
        raise _wrong(path, f"{text[:40]!r} is no number") from None
    if isinstance(found, bool) or not value.is_finite():
        raise _wrong(path, f"{text[:40]!r} is no number")
    return value.scaleb(-int(node.get("scale", 2))) if node.get("number") == "minor_units" else value


def _moment(text: str, node: Mapping[str, Any], path: str, zone: str) -> str:
    form = str(node["format"])
    try:
        when = datetime.strptime(text.strip(), form)  # noqa: DTZ007
    except ValueError:
        raise _wrong(path, f"{text[:40]!r} is not written as {form}") from None
    if not any(part in form for part in ("%H", "%I", "%T", "%X", "%c")):
        return when.date().isoformat()
    if when.tzinfo is not None:
        return when.isoformat()
    named = str(node.get("tz") or zone)
    if not named:
        raise _wrong(path, "is a local time: say its zone as tz, or in the setting zone")
    return localised(when, named).isoformat()


def _collect(node: Any, path: str, found: dict[str, str]) -> None:
    if isinstance(node, Mapping):
        if isinstance(node.get("path"), str):
            found[path] = node["path"]
            return
        for name, part in node.items():
            _collect(part, f"{path}.{name}", found)
    elif isinstance(node, list):
        for part in node:
            _collect(part, path, found)


def _is_zero(amount: Any) -> bool:
    return amount is None or not Decimal(str(amount))


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text[1:] if text.startswith("-") and not value else text


def _wrong(member: str, words: str) -> Refused:
    return Refused("prysm-mapping", f"mapping, {member}: {words}", remedy="Correct the setting `mapping` of the connection.")
