"""Calls of the port: reads that are tried again, each try under a passport of its own; searches page by page.

A search can be paged on for some fifteen minutes; when it has run out, it is begun anew, and whoever asked sees some rows twice.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from leja.connectors.contract import Session
from leja.connectors.netsuite_soap.envelope import element, envelope, is_version, named
from leja.connectors.netsuite_soap.faults import Fault, raise_for_fault, raise_for_status, read_answer
from leja.connectors.netsuite_soap.nodes import Node, Unreadable
from leja.connectors.netsuite_soap.passport import passport
from leja.connectors.netsuite_soap.wire import status_of
from leja.core.errors import Refused, Transient
from leja.http.client import Answer
from leja.http.retry import Patience, reads

PAGE: Final = 200
_NAMED_AT_ONCE: Final = 100
_READ_SECONDS: Final = 120.0
_EXPIRED: Final = frozenset({"INVALID_SEARCH_MORE", "EXPIRED_SEARCH_CRITERIA"})


class Page(msgspec.Struct, frozen=True):
    """A page of a search: its records, and where it stands."""

    records: tuple[Node, ...]
    search_id: str
    index: int
    pages: int

    @property
    def last(self) -> bool:
        """Whether nothing comes after it."""
        return self.index >= self.pages


async def sent(session: Session, operation: str, inside: str, headers: Sequence[str] = (), *, write: bool, seconds: float) -> Answer:
    """One call under a new passport. A fault is an answer: SOAP tells it with status 500."""
    version = session.settings.version
    if not is_version(version):
        raise Refused("netsuite-soap-version", f"{version!r} is no version of an endpoint", remedy="Use one like 2025_2.")
    head = passport(session.settings, session.now(), secrets.token_hex(16))
    body = envelope(version, (head, *headers), element(f"msg:{operation}", inside))
    return await session.http.send(
        "POST", f"/services/NetSuitePort_{version}", content=body, write=write, deadline_seconds=seconds, faults={500},
        headers={"content-type": "text/xml; charset=utf-8", "soapaction": f'"{operation}"', "accept": "text/xml"},
    )  # fmt: skip


async def read(session: Session, operation: str, inside: str, headers: Sequence[str] = ()) -> Node:
    """The first element inside the response of a read, tried again after each Transient fault."""

    async def once() -> Node:
        answer = await sent(session, operation, inside, headers, write=False, seconds=_READ_SECONDS)
        try:
            response = read_answer(answer)
        except Unreadable as problem:
            raise unreadable(problem) from None
        if isinstance(response, Fault):
            raise_for_fault(response)
        if response.name != f"{operation}Response" or not response.children:
            raise Transient("netsuite-soap-answer", f"NetSuite answered {operation} with {response.name}")
        return response.children[0]

    return await reads(once, Patience(), sleep=session.http.pacing.sleep)


def unreadable(problem: Unreadable) -> Transient:
    """An answer that is not what the vendor's schema says."""
    return Transient("netsuite-soap-answer", f"NetSuite's answer cannot be read: {problem}")


# --- by name ----------------------------------------------------------------------------------------------------------


async def get_list(session: Session, wanted: Sequence[tuple[str, str, str]]) -> list[Node | None]:
    """The records of (kind, internal id, external id), in order; None for what is not there."""
    found: list[Node | None] = []
    for start in range(0, len(wanted), _NAMED_AT_ONCE):
        part = wanted[start : start + _NAMED_AT_ONCE]
        refs = (named(kind, internal=internal, external=external) for kind, internal, external in part)
        answers = (await read(session, "getList", "".join(refs))).all("readResponse")
        if len(answers) != len(part):
            raise Transient("netsuite-soap-answer", f"NetSuite answered {len(answers)} of {len(part)} records")
        found += [_record(each) for each in answers]
    return found


def _record(response: Node) -> Node | None:
    try:
        status = status_of(response)
    except Unreadable as problem:
        raise unreadable(problem) from None
    if not status.ok and status.code != "RCRD_DSNT_EXIST":
        raise_for_status(status)
    return response.child("record") if status.ok else None


async def get_all(session: Session, kind: str) -> list[Node]:
    """Every record of a kind that is a short list."""
    result = await read(session, "getAll", element("msg:record", recordType=kind))
    _succeeded(result)
    return result.all("recordList", "record")


# --- searches ---------------------------------------------------------------------------------------------------------


def criteria(what: str, *fields: str) -> str:
    """A searchRecord on the basic fields of a kind."""
    return element("msg:searchRecord", *fields, kind=f"common:{what}SearchBasic")


def among(name: str, values: Iterable[str]) -> str:
    """A field that is one of these words of an enumeration."""
    inside = (element("core:searchValue", text=value) for value in values)
    return element(f"common:{name}", *inside, kind="core:SearchEnumMultiSelectField", operator="anyOf")


def referring(name: str, ids: Iterable[str]) -> str:
    """A field that refers to one of these records."""
    inside = (element("core:searchValue", internalId=value) for value in ids)
    return element(f"common:{name}", *inside, kind="core:SearchMultiSelectField", operator="anyOf")


def at_least(name: str, moment: str, operator: str = "onOrAfter", until: str = "", prefix: str = "common") -> str:
    """A date field from a moment on, or ``within`` two."""
    inside = element("core:searchValue", text=moment) + (element("core:searchValue2", text=until) if until else "")
    return element(f"{prefix}:{name}", inside, kind="core:SearchDateField", operator=operator)


def beginning(name: str, text: str) -> str:
    """A text field that begins so."""
    inside = element("core:searchValue", text=text)
    return element(f"common:{name}", inside, kind="core:SearchStringField", operator="startsWith")


def is_false(name: str) -> str:
    """A yes-or-no field that says no."""
    return element(f"common:{name}", element("core:searchValue", text="false"), kind="core:SearchBooleanField")


async def search(session: Session, wanted: str) -> Page:
    """The first page of a search, lines included."""
    preferences = element(
        "msg:searchPreferences", element("msg:bodyFieldsOnly", text="false"), element("msg:pageSize", text=str(PAGE))
    )
    page = await _page(session, "search", wanted, (preferences,))
    if page is None:
        raise Transient("netsuite-soap-answer", "NetSuite says that a search has run out which has just begun")
    return page


async def more(session: Session, search_id: str, index: int) -> Page | None:
    """A later page; None where the search has run out and must be begun anew."""
    inside = element("msg:searchId", text=search_id) + element("msg:pageIndex", text=str(index))
    return await _page(session, "searchMoreWithId", inside, ())


async def _page(session: Session, operation: str, inside: str, headers: Sequence[str]) -> Page | None:
    result = await read(session, operation, inside, headers)
    try:
        status = status_of(result)
        if status.code in _EXPIRED:
            return None
        if not status.ok:
            raise_for_status(status)
        index, pages = int(result.value("pageIndex") or 1), int(result.value("totalPages") or 1)
    except (Unreadable, ValueError) as problem:
        raise unreadable(Unreadable(str(problem))) from None
    return Page(tuple(result.all("recordList", "record")), result.value("searchId"), index, pages)


async def pages(session: Session, wanted: str) -> AsyncIterator[tuple[Node, ...]]:
    """Every page of a search. One that ran out is begun anew; records then come again, under the same ids."""
    begun = 0
    page: Page | None = None
    while page is None or not page.last:
        page = await more(session, page.search_id, page.index + 1) if page is not None else None
        if page is None:
            begun += 1
            if begun > _TRIES:
                raise Transient("netsuite-soap-search", "a search runs out before its last page, again and again")
            page = await search(session, wanted)
        yield page.records


_TRIES: Final = 3


async def found(session: Session, wanted: str) -> list[Node]:
    """All that a search finds, each record once, by its internal id."""
    once: dict[str, Node] = {}
    async for records in pages(session, wanted):
        once |= {f"{each.kind} {each.attributes.get('internalId', '')}": each for each in records}
    return list(once.values())


def _succeeded(result: Node) -> None:
    try:
        status = status_of(result)
    except Unreadable as problem:
        raise unreadable(problem) from None
    if not status.ok:
        raise_for_status(status)


async def deleted(session: Session, since: str, kinds: Iterable[str]) -> list[Node]:
    """References to the records of these kinds that were deleted since a moment."""
    inside = (element("core:searchValue", text=kind) for kind in kinds)
    types = element("core:type", *inside, kind="core:SearchEnumMultiSelectField", operator="anyOf")
    asked = element("msg:getDeletedFilter", at_least("deletedDate", since, prefix="core"), types)
    rows: list[Node] = []
    index = pages_there = 1
    while index <= pages_there:
        result = await read(session, "getDeleted", asked + element("msg:pageIndex", text=str(index)))
        _succeeded(result)
        count = result.value("totalPages")
        pages_there, index = int(count) if count.isdecimal() else 0, index + 1
        rows += [each for row in result.all("deletedRecordList", "deletedRecord") for each in row.children if each.name == "record"]
    return rows
