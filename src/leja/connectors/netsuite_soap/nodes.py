"""Reading XML from strangers: elements by local name, with no document type, no entities, and bounds on depth and number.

Amounts are read from their text; zeep, which reads the same schema, makes floats of them, so it judges in the tests only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from xml.parsers import expat

import msgspec

_DEEPEST: Final = 40
_MOST: Final = 1_000_000
_TYPE: Final = "http://www.w3.org/2001/XMLSchema-instance type"
# An xsd:double as Java writes it: 1234.5, 1.2345678E7; infinities and NaN are no amounts.
_NUMBER: Final = re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,17})?(E-?[0-9]{1,2})?\Z")


class Unreadable(Exception):
    """The text is no XML that we read, or a value in it is not what the schema says; a plain sentence says why."""


class Node(msgspec.Struct):
    """An element by its local name; ``kind`` is the local name of its ``xsi:type``; text of elements without children."""

    name: str
    kind: str
    attributes: dict[str, str]
    children: list[Node]
    text: str = ""

    def child(self, *names: str) -> Node | None:
        """The first child of a name, then the first child of the next in that one."""
        found: Node | None = self
        for name in names:
            found = next((each for each in found.children if each.name == name), None) if found is not None else None
        return found

    def all(self, *names: str) -> list[Node]:
        """Every child of the last name, below the path of the names before it."""
        found = self.child(*names[:-1])
        return [each for each in found.children if each.name == names[-1]] if found is not None else []

    def value(self, *names: str) -> str:
        """The text of a child, stripped; "" where it is not there."""
        found = self.child(*names)
        return "" if found is None else found.text.strip()

    def ref(self, name: str) -> str:
        """The internal id of a reference; "" where it is not there."""
        found = self.child(name)
        return "" if found is None else found.attributes.get("internalId", "")

    def flag(self, name: str) -> bool:
        """Whether a child says true."""
        return self.value(name) in ("true", "1")

    def number(self, name: str) -> Decimal | None:
        """A child's number, exactly as written; None where it is not there. Raises Unreadable."""
        text = self.value(name)
        return decimal(text) if text else None


def decimal(text: str) -> Decimal:
    """A number as it is written. Raises Unreadable."""
    if not _NUMBER.match(text):
        raise Unreadable(f"{text[:40]!r} is not a number")
    return Decimal(format(Decimal(text), "f"))


def parse(body: bytes) -> Node:
    """The root element. Raises Unreadable."""
    reader = _Reader()
    try:
        reader.parser.Parse(body, True)
    except (expat.ExpatError, ValueError) as problem:
        raise Unreadable(f"it is no XML: {problem}") from None
    if reader.root is None:
        raise Unreadable("it is empty")
    return reader.root


class _Reader:
    def __init__(self) -> None:
        # UTF-8 whatever the text says of itself, so that it names no codec to us.
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refused
        self.parser.EntityDeclHandler = self._refused
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._count = 0

    def _refused(self, *_parts: Any) -> None:
        raise Unreadable("it declares a document type or entities, which SOAP forbids")

    def _start(self, name: str, given: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST or len(self._open) >= _DEEPEST:
            raise Unreadable("it holds more elements, or deeper ones, than any answer of NetSuite")
        kind = given.pop(_TYPE, "").strip().rpartition(":")[2]
        node = Node(name.rpartition(" ")[2], kind, given, [])
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        node, texts = self._open.pop(), self._texts.pop()
        if not node.children:
            node.text = "".join(texts)

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)


def walked(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in node.children:
        yield from walked(child)
