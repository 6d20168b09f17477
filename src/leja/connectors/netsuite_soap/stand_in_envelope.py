"""SOAP 1.1 envelopes: read with namespaces and xsi:type resolved and no document type at all, and written again.

Only what the WSDL names is let in. The words of the refusals are those of the vendor's Axis: "Invalid element in ...".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any, Final
from xml.parsers import expat

import msgspec

from leja.connectors.netsuite_soap.stand_in_shapes import BY_SHAPE, KINDS, SHAPES, Field, Shape

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_VENDOR: Final = re.compile(r"urn:([A-Za-z.]+)_(\d{4}_\d)\.([a-z]+)\.webservices\.netsuite\.com\Z")
Body = dict[str, Any]


class Unreadable(Exception):
    """The body is no envelope of this service; the sentence goes into the fault."""


class Node(msgspec.Struct):
    """An element: key of its namespace (``core.platform``) or the namespace itself, name, resolved type, and what is in it."""

    space: str
    name: str
    version: str
    kind: tuple[str, str]
    attributes: dict[str, str]
    children: list[Node]
    text: str = ""

    def child(self, name: str) -> Node | None:
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def value(self, name: str) -> str:
        """The text of the first child of that name, or ""."""
        found = self.child(name)
        return "" if found is None else found.text.strip()


def space_name(space: str, version: str) -> str:
    """``core.platform`` -> ``urn:core_2023_2.platform.webservices.netsuite.com``."""
    first, _, second = space.rpartition(".")
    return f"urn:{first}_{version}.{second}.webservices.netsuite.com"


def _key(namespace: str) -> tuple[str, str]:
    match = _VENDOR.match(namespace)
    return (f"{match[1]}.{match[3]}", match[2]) if match else (namespace, "")


class _Reader:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartNamespaceDeclHandler = self._declare
        self.parser.EndNamespaceDeclHandler = self._undeclare
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.prefixes: dict[str, list[str]] = {}
        self.open: list[Node] = []
        self.root: Node | None = None

    def _doctype(self, *_parts: Any) -> None:
        raise Unreadable("org.xml.sax.SAXParseException: DOCTYPE is disallowed in SOAP messages")

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self.prefixes.setdefault(prefix or "", []).append(uri or "")

    def _undeclare(self, prefix: str | None) -> None:
        self.prefixes[prefix or ""].pop()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        space, version = _key(namespace)
        kind = ("", "")
        if typed := attributes.pop(f"{INSTANCE} type", ""):
            prefix, _, type_name = typed.strip().rpartition(":")
            bound = self.prefixes.get(prefix) or [""]
            kind = (_key(bound[-1])[0], type_name)
            version = _key(bound[-1])[1] if version and _key(bound[-1])[1] != version else version
        node = Node(space, local, version, kind, attributes, [])
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node
        self.open.append(node)
        if len(self.open) > 40:
            raise Unreadable("org.xml.sax.SAXException: the message is nested too deeply")

    def _end(self, _name: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        self.open[-1].text += text


def read(body: bytes) -> tuple[dict[str, Node], Node]:
    """Headers by name and the one element of the body. Raises Unreadable."""
    reader = _Reader()
    try:
        reader.parser.Parse(body, True)
    except expat.ExpatError as problem:
        raise Unreadable(f"org.xml.sax.SAXParseException: {problem}") from None
    root = reader.root
    if root is None or (root.space, root.name) != (ENVELOPE, "Envelope"):
        raise Unreadable("org.xml.sax.SAXException: Bad envelope tag")
    unknown = [part.name for part in root.children if part.space != ENVELOPE or part.name not in ("Header", "Body")]
    content = root.child("Body")
    if unknown or content is None or len(content.children) != 1:
        raise Unreadable("org.xml.sax.SAXException: Bad envelope: one Body with one element is expected")
    headers = root.child("Header")
    return {header.name: header for header in (headers.children if headers else ())}, content.children[0]


def invalid(shape: Shape, version: str, name: str) -> Unreadable:
    """The vendor's words for an element that a type does not know."""
    first, _, second = shape.space.rpartition(".")
    return Unreadable(
        f"org.xml.sax.SAXException: Invalid element in com.netsuite.webservices.{second}.{first}_{version}.{shape.name} - {name}"
    )


# --- records in ---------------------------------------------------------------------------------------------------


def record_in(node: Node, version: str) -> tuple[str, Body]:
    """The kind and the body of a record whose xsi:type says what it is. Raises Unreadable."""
    shape = SHAPES.get(node.kind[1])
    if shape is None or node.kind[0] != shape.space or shape.name not in BY_SHAPE:
        raise Unreadable(f"org.xml.sax.SAXException: No deserializer for {{{node.kind[0]}}}{node.kind[1]}")
    _attributes(node, shape, version, ("internalId", "externalId"))
    body = _fields(node, shape, version)
    body.update({name: node.attributes[name] for name in ("internalId", "externalId") if name in node.attributes})
    return BY_SHAPE[shape.name].name, body


def _attributes(node: Node, shape: Shape, version: str, known: Iterable[str]) -> None:
    for name in node.attributes:
        if name not in known and not name.startswith("http://"):
            raise invalid(shape, version, f"@{name}")


def _fields(node: Node, shape: Shape, version: str) -> Body:
    body: Body = {}
    for child in node.children:
        field = shape.fields.get(child.name)
        # nullFieldList comes from the base type of all records, whose namespace is the core.
        space = "core.platform" if field is not None and field.kind == "N" else shape.space
        if field is None or child.space != space or child.version != version:
            raise invalid(shape, version, child.name)
        if field.name in body and not field.many:
            raise invalid(shape, version, f"{child.name} (twice)")
        value = _value(child, field, version)
        if field.many:
            body.setdefault(field.name, []).append(value)
        else:
            body[field.name] = value
    return body


def _value(node: Node, field: Field, version: str) -> Any:
    if field.kind in SHAPES:
        inner = SHAPES[field.kind]
        value = _fields(node, inner, version)
        if "replaceAll" in node.attributes:
            value["replaceAll"] = node.attributes["replaceAll"]
        return value
    if field.kind == "r":
        return reference(node, version)
    if field.kind == "R":
        return [reference(part, version) for part in node.children]
    if field.kind == "N":
        return [part.text.strip() for part in node.children]
    if node.children:
        raise Unreadable(f"org.xml.sax.SAXException: Unexpected subelement {node.children[0].name} in {node.name}")
    return scalar(node.name, field.kind, node.text)


def reference(node: Node, version: str) -> Body:
    """A RecordRef: internalId, externalId, type and name, whichever are given."""
    for name in node.attributes:
        if name not in ("internalId", "externalId", "type"):
            raise Unreadable(f"org.xml.sax.SAXException: Invalid attribute in RecordRef - {name}")
    for part in node.children:
        if part.name != "name" or part.space != "core.platform" or part.version != version:
            raise Unreadable(f"org.xml.sax.SAXException: Invalid element in RecordRef - {part.name}")
    name_ = node.value("name")
    return dict(node.attributes) | ({"name": name_} if name_ else {})


def scalar(name: str, kind: str, text: str) -> str:
    """The text of a simple value, checked and made uniform. Raises Unreadable."""
    if kind == "s":
        return text
    text = text.strip()
    try:
        if kind == "d":
            return format(_finite(text), "f")
        if kind == "l":
            return str(int(text))
        if kind == "t":
            datetime.fromisoformat(text)
            return text
    except (ValueError, InvalidOperation):
        raise Unreadable(f"java.lang.NumberFormatException: For input string: {text!r} ({name})") from None
    if text not in ("true", "false", "1", "0"):
        raise Unreadable(f"org.xml.sax.SAXException: {text!r} is no boolean ({name})")
    return "true" if text in ("true", "1") else "false"


def _finite(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or abs(value) >= Decimal(10) ** 15:
        raise ValueError(text)
    return value


# --- out ----------------------------------------------------------------------------------------------------------


class Writer:
    """Writes elements of one version; every namespace is declared once, on the envelope."""

    def __init__(self, version: str) -> None:
        self._version, self._prefixes = version, dict[str, str]()

    def prefix(self, space: str) -> str:
        """The prefix of a namespace."""
        return self._prefixes.setdefault(space, f"n{len(self._prefixes)}")

    def tag(self, space: str, name: str, content: str = "", attributes: Mapping[str, str] | None = None) -> str:
        """One element; ``content`` is XML already."""
        full = f"{self.prefix(space)}:{name}"
        written = "".join(f' {key}="{escape(value)}"' for key, value in (attributes or {}).items())
        return f"<{full}{written}>{content}</{full}>" if content else f"<{full}{written}/>"

    def text(self, space: str, name: str, value: Any) -> str:
        """One element with text."""
        return self.tag(space, name, escape(str(value), quote=False))

    def kind(self, space: str, name: str) -> dict[str, str]:
        """The attribute xsi:type."""
        return {"xsi:type": f"{self.prefix(space)}:{name}"}

    def record(
        self, kind: str, body: Body, sublists: bool = True, tag: str = "record", space: str = "core.platform"
    ) -> str:
        """A record with its type."""
        shape = SHAPES[KINDS[kind].shape]
        named = {name: body[name] for name in ("internalId", "externalId") if body.get(name)}
        if kind == "accountingPeriod":
            named.pop("externalId", None)
        return self.tag(
            space, tag, self._inside(shape, body, sublists), {**self.kind(shape.space, shape.name), **named}
        )

    def _inside(self, shape: Shape, body: Body, sublists: bool = True) -> str:
        parts: list[str] = []
        for field in shape.fields.values():
            value = body.get(field.name)
            if (
                value is None
                or value == ""
                or field.kind == "N"
                or (field.kind in SHAPES and not field.many and not sublists)
            ):
                continue
            parts.extend(self._element(shape, field, each) for each in (value if field.many else [value]))
        return "".join(parts)

    def _element(self, shape: Shape, field: Field, value: Any) -> str:
        if field.kind in SHAPES:
            return self.tag(shape.space, field.name, self._inside(SHAPES[field.kind], value))
        if field.kind == "r":
            return self.reference(shape.space, field.name, value)
        if field.kind == "R":
            return self.tag(
                shape.space, field.name, "".join(self.reference("core.platform", "recordRef", v) for v in value)
            )
        return self.text(shape.space, field.name, value)

    def reference(self, space: str, name: str, value: Body, typed: bool = False) -> str:
        """A RecordRef."""
        inside = self.text("core.platform", "name", value["name"]) if value.get("name") else ""
        named = {key: str(value[key]) for key in ("internalId", "externalId", "type") if value.get(key)}
        return self.tag(space, name, inside, (self.kind("core.platform", "RecordRef") if typed else {}) | named)

    def status(self, problem: tuple[str, str] | None = None, space: str = "core.platform") -> str:
        """A status: success, or ERROR with code and message."""
        if problem is None:
            return self.tag(space, "status", "", {"isSuccess": "true"})
        detail = self.text("core.platform", "code", problem[0]) + self.text("core.platform", "message", problem[1])
        return self.tag(
            space,
            "status",
            self.tag("core.platform", "statusDetail", detail, {"type": "ERROR"}),
            {"isSuccess": "false"},
        )

    def envelope(self, header: str, content: str) -> bytes:
        """The whole answer, with every namespace that was used."""
        spaces = "".join(
            f' xmlns:{prefix}="{space_name(space, self._version)}"' for space, prefix in self._prefixes.items()
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns:xsi="{INSTANCE}"{spaces}>'
            f"<soapenv:Header>{header}</soapenv:Header><soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>"
        ).encode()
