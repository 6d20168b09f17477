"""The operations of the port: each takes its element of the body and writes the inside of its response.

A write of many records answers each one alone: the message succeeds although records in it are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec

from leja.connectors.netsuite_soap import stand_in_search as search
from leja.connectors.netsuite_soap.stand_in_company import Company, refuse_read_only
from leja.connectors.netsuite_soap.stand_in_envelope import Node, Unreadable, Writer, record_in, reference
from leja.connectors.netsuite_soap.stand_in_records import Invalid, Stored
from leja.connectors.netsuite_soap.stand_in_shapes import ITEMS, KINDS, TRANSACTIONS
from leja_sandbox.kit import Request

MESSAGES: Final = "messages.platform"
CORE: Final = "core.platform"
_MOST_PAGES: Final = 1000
_SUMMARY: Final = ("period", "account", "subsidiary")


class Fault(Exception):
    """A SOAP fault: its element without "Fault", code and message."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(message)
        self.name, self.code = name, code


class Call(msgspec.Struct):
    """One call: the operation's element, the headers, the version, and what writes the answer."""

    node: Node
    headers: dict[str, Node]
    version: str
    request: Request
    out: Writer

    def preference(self, header: str, name: str, default: str) -> str:
        """A preference of a header, or its default."""
        node = self.headers.get(header)
        return (node.value(name) if node else "") or default

    def only(self, *names: str) -> None:
        """Raises Unreadable when the element holds something else."""
        for child in self.node.children:
            if child.name not in names or child.space != MESSAGES or child.version != self.version:
                raise Unreadable(f"org.xml.sax.SAXException: Invalid element in {self.node.name} - {child.name}")


class Operations:
    """What the port can do here."""

    def __init__(self, company: Company) -> None:
        self._company, self._records, self._settings = company, company.records, company.settings
        self.all: dict[str, Callable[[Call], str]] = {
            "getServerTime": self._server_time, "getDataCenterUrls": self._urls, "get": self._get, "getList": self._get_list,
            "getAll": self._get_all, "search": self._search, "searchMoreWithId": self._more,
            "getSelectValue": self._select, "getDeleted": self._deleted, "delete": self._delete,
            "deleteList": self._delete_list, "getPostingTransactionSummary": self._summary,
            "getAccountGovernanceInfo": self._governance,
        }  # fmt: skip
        for verb in ("add", "update", "upsert"):
            self.all[verb] = lambda call, verb=verb: self._write(call, verb, many=False)  # type: ignore[misc]
            self.all[f"{verb}List"] = lambda call, verb=verb: self._write(call, verb, many=True)  # type: ignore[misc]

    # --- writing --------------------------------------------------------------------------------------------------

    def _write(self, call: Call, verb: str, *, many: bool) -> str:
        call.only("record")
        nodes = self._counted(call, many)
        read = [record_in(node, call.version) for node in nodes]
        ignore = call.preference("preferences", "ignoreReadOnlyFields", "false") in ("true", "1")
        act = {"add": self._company.add, "update": self._company.update, "upsert": self._company.upsert}[verb]

        def one(kind: str, body: dict[str, Any]) -> Stored:
            return act(kind, refuse_read_only(kind, body, ignore=ignore), lag=call.request.search_lag)

        parts = [self._written(call, kind, body, lambda k=kind, b=body: one(k, b), many) for kind, body in read]  # type: ignore[misc]
        return self._responses(call, parts, many)

    def _responses(self, call: Call, parts: list[str], many: bool) -> str:
        if not many:
            return parts[0]
        return call.out.tag(MESSAGES, "writeResponseList", call.out.status() + "".join(parts))

    def _counted(self, call: Call, many: bool) -> list[Node]:
        nodes = [child for child in call.node.children if child.name in ("record", "baseRef")]
        if not nodes or (not many and len(nodes) > 1):
            raise Unreadable(f"org.xml.sax.SAXException: {call.node.name} takes {'records' if many else 'one record'}")
        if len(nodes) > self._settings.most_records:
            raise Fault("ExceededRecordCount", "MAX_RCRDS_EXCEEDED",
                        f"The maximum number of records allowed ({self._settings.most_records}) has been exceeded.")  # fmt: skip
        return nodes

    def _written(self, call: Call, kind: str, named: dict[str, Any], act: Callable[[], Stored], many: bool) -> str:
        out, problem = call.out, None
        shown = {key: named[key] for key in ("internalId", "externalId") if named.get(key)}
        try:
            with self._part(call, many):
                stored = act()
                external = stored.body.get("externalId")
                shown = {"internalId": stored.id, **({"externalId": external} if external else {})}
        except Invalid as refused:
            problem = (refused.code, str(refused))
        return out.tag(
            MESSAGES,
            "writeResponse",
            out.status(problem) + out.reference(MESSAGES, "baseRef", {**shown, "type": kind}, typed=True),
        )

    @contextmanager
    def _part(self, call: Call, many: bool) -> Iterator[None]:
        if many and call.request.fault("batch_partial"):
            raise Invalid("UNEXPECTED_ERROR", f"An unexpected error has occurred. Error ID: {uuid4().hex[:12]}")
        with self._records.store.transaction():
            yield

    def _delete(self, call: Call) -> str:
        return self._deletions(call, many=False)

    def _delete_list(self, call: Call) -> str:
        return self._deletions(call, many=True)

    def _deletions(self, call: Call, *, many: bool) -> str:
        call.only("baseRef", "deletionReason")
        named = [self._base_ref(node, call.version) for node in self._counted(call, many)]
        parts = [
            self._written(call, kind, ref, lambda k=kind, r=ref: self._company.delete(k, r), many)  # type: ignore[misc]
            for kind, ref in named
        ]
        return self._responses(call, parts, many)

    def _base_ref(self, node: Node, version: str) -> tuple[str, dict[str, Any]]:
        if node.kind != (CORE, "RecordRef"):
            raise Unreadable(f"org.xml.sax.SAXException: No deserializer for {{{node.kind[0]}}}{node.kind[1]}")
        ref = reference(node, version)
        if ref.get("type") not in KINDS:
            raise Unreadable(
                f"org.xml.sax.SAXException: {ref.get('type')} is not a legal value for {{{CORE}}}RecordType"
            )
        return ref["type"], ref

    # --- reading --------------------------------------------------------------------------------------------------

    def _server_time(self, call: Call) -> str:
        call.only()
        time = call.out.text(CORE, "serverTime", self._company.moment(call.request.now.timestamp()))
        return call.out.tag(CORE, "getServerTimeResult", call.out.status() + time)

    def _urls(self, call: Call) -> str:
        call.only("account")
        if call.node.value("account") != self._settings.account:
            raise Fault("InvalidAccount", "INVALID_ACCT", "Invalid account number")
        url, out = self._company.env.public_url, call.out
        names = "".join(out.text(CORE, f"{part}Domain", url) for part in ("rest", "webservices", "system"))
        return out.tag(CORE, "getDataCenterUrlsResult", out.status() + out.tag(CORE, "dataCenterUrls", names))

    def _governance(self, call: Call) -> str:
        call.only()
        limit = self._settings.concurrent or 5
        values = "".join(call.out.text(CORE, f"{n}ConcurrencyLimit", limit) for n in ("account", "unallocated"))
        return call.out.tag(CORE, "getAccountGovernanceInfoResult", call.out.status() + values)

    def _get(self, call: Call) -> str:
        call.only("baseRef")
        return self._read(call, self._counted(call, many=False)[0])

    def _get_list(self, call: Call) -> str:
        call.only("baseRef")
        parts = [self._read(call, node) for node in self._counted(call, many=True)]
        return call.out.tag(MESSAGES, "readResponseList", call.out.status() + "".join(parts))

    def _read(self, call: Call, node: Node) -> str:
        kind, ref = self._base_ref(node, call.version)
        try:
            stored = self._company.named(kind, ref)
        except Invalid as refused:
            return call.out.tag(MESSAGES, "readResponse", call.out.status((refused.code, str(refused))))
        record = call.out.record(kind, self._company.shown(stored), space=MESSAGES)
        return call.out.tag(MESSAGES, "readResponse", call.out.status() + record)

    def _get_all(self, call: Call) -> str:
        call.only("record")
        node = call.node.child("record")
        if node is None or node.attributes.get("recordType") != "currency":
            raise Unreadable("org.xml.sax.SAXException: getAll is played for currency alone")
        found = list(self._records.each(("currency",)))
        rows = "".join(call.out.record("currency", stored.body) for stored in found)
        inside = (
            call.out.status() + call.out.text(CORE, "totalRecords", len(found)) + call.out.tag(CORE, "recordList", rows)
        )
        return call.out.tag(CORE, "getAllResult", inside)

    def _select(self, call: Call) -> str:
        call.only("fieldDescription", "pageIndex")
        described = call.node.child("fieldDescription") or call.node
        field = described.value("field")
        kinds = {"account": ("account",), "arAcct": ("account",), "taxCode": ("salesTaxItem",), "item": ITEMS,
                 "currency": ("currency",), "subsidiary": ("subsidiary",), "entity": ("customer",),
                 "customer": ("customer",), "postingPeriod": ("accountingPeriod",)}.get(field)  # fmt: skip
        out = call.out
        if kinds is None or described.value("recordType") not in TRANSACTIONS:
            problem = ("INVALID_KEY_OR_REF", f"The field {field or '(none)'} is not a select field of this record.")
            return out.tag(CORE, "getSelectValueResult", out.status(problem))
        found = [s for s in self._records.each(kinds) if s.body.get("isInactive") != "true"]
        rows = "".join(
            out.reference(CORE, "baseRef", {"internalId": s.id, "type": s.kind, "name": _name(s)}, typed=True)
            for s in found
        )
        inside = out.status() + out.text(CORE, "totalRecords", len(found)) + out.text(CORE, "totalPages", 1)
        return out.tag(CORE, "getSelectValueResult", inside + out.tag(CORE, "baseRefList", rows))

    def _search(self, call: Call) -> str:
        call.only("searchRecord")
        node = call.node.child("searchRecord")
        if node is None:
            raise Unreadable("org.xml.sax.SAXException: search takes a searchRecord")
        size = int(call.preference("searchPreferences", "pageSize", "1000"))
        try:
            if not 5 <= size <= 1000:
                raise Invalid("INVALID_SEARCH_PAGE_SIZE", "The page size must be between 5 and 1000.")
            what, wanted = search.criteria(node, call.version)
            found = search.run(self._company, what, wanted, call.request)
        except Invalid as refused:
            return call.out.tag(CORE, "searchResult", call.out.status((refused.code, str(refused))))
        id_ = f"WEBSERVICES_{self._settings.account}_{uuid4().hex}"
        bare = call.preference("searchPreferences", "bodyFieldsOnly", "true") in ("true", "1")
        kept = {
            "found": found,
            "size": size,
            "bare": bare,
            "until": call.request.now.timestamp() + self._settings.search_seconds,
        }
        self._records.store.put("search", id_, kept)
        return self._page(call, id_, kept, 1)

    def _more(self, call: Call) -> str:
        call.only("searchId", "pageIndex")
        id_, page = call.node.value("searchId"), call.node.value("pageIndex")
        kept = self._records.store.get("search", id_)
        if kept is None or kept["until"] < call.request.now.timestamp():
            problem = ("INVALID_SEARCH_MORE", "The search has expired or never took place. Run the search again.")
            return call.out.tag(CORE, "searchResult", call.out.status(problem))
        return self._page(call, id_, kept, int(page) if page.isdigit() else 0)

    def _page(self, call: Call, id_: str, kept: Any, number: int) -> str:
        out, total, size = call.out, len(kept["found"]), kept["size"]
        pages = -(-total // size)
        if number < 1 or number > max(1, pages):
            return out.tag(
                CORE, "searchResult", out.status(("INVALID_SEARCH_PAGE_INDEX", f"There is no page {number}."))
            )
        rows = kept["found"][(number - 1) * size : number * size]
        there = [stored for kind, key in rows if (stored := self._records.find(kind, key))]
        records = "".join(out.record(s.kind, self._company.shown(s), sublists=not kept["bare"]) for s in there)
        counts = (
            ("totalRecords", total),
            ("pageSize", size),
            ("totalPages", pages),
            ("pageIndex", number),
            ("searchId", id_),
        )
        head = out.status() + "".join(out.text(CORE, name, value) for name, value in counts)
        return out.tag(CORE, "searchResult", head + out.tag(CORE, "recordList", records))

    def _deleted(self, call: Call) -> str:
        call.only("getDeletedFilter", "pageIndex")
        node, out = call.node.child("getDeletedFilter"), call.out
        page = int(call.node.value("pageIndex") or 1)
        rows = [stored for stored in self._records.gone() if node is None or self._meets(stored, node)]
        part = rows[(page - 1) * _MOST_PAGES : page * _MOST_PAGES]
        records = "".join(
            out.tag(CORE, "deletedRecord", out.text(CORE, "deletedDate", self._company.moment(s.updated))
                    + out.reference(CORE, "record", {"internalId": s.id, "externalId": s.body.get("externalId"),
                                                     "type": s.kind, "name": _name(s)}, typed=True))
            for s in part
        )  # fmt: skip
        counts = (
            ("totalRecords", len(rows)),
            ("pageSize", _MOST_PAGES),
            ("totalPages", -(-len(rows) // _MOST_PAGES)),
            ("pageIndex", page),
        )
        head = out.status() + "".join(out.text(CORE, name, value) for name, value in counts)
        return out.tag(CORE, "getDeletedResult", head + out.tag(CORE, "deletedRecordList", records))

    def _meets(self, stored: Stored, node: Node) -> bool:
        for child in node.children:
            values = [part.text.strip() for part in child.children]
            operator = child.attributes.get("operator", "")
            if child.name == "deletedDate":
                body = {"createdDate": self._company.moment(stored.updated)}
                if not search.met_by_date(self._company, operator, body["createdDate"], values):
                    return False
            elif child.name == "type":
                if (f"_{stored.kind}" in values or stored.kind in values) != (operator == "anyOf"):
                    return False
            else:
                raise Unreadable(f"org.xml.sax.SAXException: Invalid element in GetDeletedFilter - {child.name}")
        return True

    def _summary(self, call: Call) -> str:
        """Balances of what was posted, in the base currency, by the fields that are asked for."""
        call.only("fields", "filters", "pageIndex", "operationId")
        fields = [c.name for c in (call.node.child("fields") or call.node).children if c.text.strip() in ("true", "1")]
        if set(fields) - set(_SUMMARY):
            raise Unreadable(f"org.xml.sax.SAXException: only {', '.join(_SUMMARY)} are played of the summary's fields")
        filters = call.node.child("filters")
        asked = {
            c.name: {r.attributes.get("internalId") for r in c.children} for c in (filters.children if filters else ())
        }
        periods = [p for p in self._records.each(("accountingPeriod",)) if p.body["isYear"] == "false"]
        sums: dict[tuple[str, ...], Decimal] = {}
        for account, day, _currency, _minor, home, _origin in self._records.sums():
            period = next(
                p.id for p in periods if p.body["startDate"][:10] <= day.isoformat() <= p.body["endDate"][:10]
            )
            row = {"period": period, "account": account, "subsidiary": "1"}
            if all(row.get(name) in wanted for name, wanted in asked.items()):
                key = tuple(row[name] for name in _SUMMARY if name in fields)
                sums[key] = sums.get(key, Decimal(0)) + Decimal(home).scaleb(
                    -self._settings.places(self._settings.base_currency)
                )
        return self._summed(call, [name for name in _SUMMARY if name in fields], sorted(sums.items()))

    def _summed(self, call: Call, names: list[str], rows: list[tuple[tuple[str, ...], Decimal]]) -> str:
        out, page = call.out, int(call.node.value("pageIndex") or 1)
        part = rows[(page - 1) * _MOST_PAGES : page * _MOST_PAGES]
        written = "".join(
            out.tag(CORE, "postingTransactionSummary", "".join(
                out.reference(CORE, name, {"internalId": value}) for name, value in zip(names, key, strict=True)
            ) + out.text(CORE, "amount", amount))
            for key, amount in part
        )  # fmt: skip
        counts = (("totalRecords", len(rows)), ("pageSize", _MOST_PAGES), ("totalPages", -(-len(rows) // _MOST_PAGES)),
                  ("pageIndex", page), ("operationId", call.node.value("operationId") or uuid4().hex))  # fmt: skip
        head = out.status() + "".join(out.text(CORE, name, value) for name, value in counts)
        return out.tag(
            CORE, "getPostingTransactionSummaryResult", head + out.tag(CORE, "postingTransactionSummaryList", written)
        )


def _name(stored: Stored) -> str:
    names = ("acctName", "itemId", "entityId", "symbol", "periodName", "name", "tranId")
    return next((str(stored.body[name]) for name in names if stored.body.get(name)), "")
