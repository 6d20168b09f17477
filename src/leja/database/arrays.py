"""Arrays for ``unnest``, written in PostgreSQL's binary form in one go: the driver's own way looks at every element thrice.

``%b`` takes them as they are. Layout: PostgreSQL's source, src/backend/utils/adt/arrayfuncs.c, array_recv.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import ClassVar
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

# Dimensions, whether there are nulls, type of the elements, how many, the first one's number.
_HEAD = Struct("!iiIii").pack
_LENGTH = Struct("!i").pack
_NONE_OF = Struct("!iiI").pack


class _Array:
    """The bytes of an array that is ready to be sent."""

    element: ClassVar[int]
    __slots__ = ("data",)

    def __init__(self, values: Sequence[bytes]) -> None:
        parts = [_HEAD(1, 0, self.element, len(values), 1) if values else _NONE_OF(0, 0, self.element)]
        for value in values:
            parts += (_LENGTH(len(value)), value)
        self.data = b"".join(parts)


class Byteas(_Array):
    """bytea[]"""

    element = 17
    __slots__ = ()


class Uuids(_Array):
    """uuid[]"""

    element = 2950
    __slots__ = ()

    def __init__(self, values: Iterable[UUID]) -> None:
        super().__init__([value.bytes for value in values])


class Texts(_Array):
    """text[]; ``encoding`` is the connection's."""

    element = 25
    __slots__ = ()

    def __init__(self, values: Iterable[str], encoding: str) -> None:
        super().__init__([value.encode(encoding) for value in values])


class _Ready(Dumper):
    format = Format.BINARY

    def dump(self, obj: _Array) -> bytes:
        return obj.data


class _ReadyByteas(_Ready):
    oid = 1001


class _ReadyUuids(_Ready):
    oid = 2951


class _ReadyTexts(_Ready):
    oid = 1009


def _register(array: type[_Array], dumper: type[_Ready]) -> None:
    """For this class alone: lists of the same type go on in the driver's own way, which is found by the type."""
    usual = psycopg.adapters.get_dumper_by_oid(dumper.oid, Format.BINARY)
    psycopg.adapters.register_dumper(array, dumper)
    psycopg.adapters.register_dumper(None, usual)


_register(Byteas, _ReadyByteas)
_register(Uuids, _ReadyUuids)
_register(Texts, _ReadyTexts)
