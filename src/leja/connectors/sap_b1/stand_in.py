"""The stand-in of SAP Business One: Service Layer of a 10.0 system, OData 4 at ``/b1s/v2`` and OData 3 at ``/b1s/v1``.

Written from "Working with SAP Business One Service Layer" 1.26 (2024-02-02), SAP's API reference and the ``$metadata`` of a
10.0 system; judged by that ``$metadata`` (names and types of every property of every answer). There is no official
client. Settings: ``CompanySettings`` in stand_in_chart.py. Control: stand_in_control.py. Ledger accounts are account
codes; ``ledger()`` holds what the API did, ``books`` of the control also what others entered there (origin "foreign").

Words and codes of errors: those of the guide, and those that public programs record of live systems (-4013 for a locked
period, -1029 for a field that cannot be changed, -2035 for a key in use, 201 for an unknown property in $filter, -304 for
a refused login). The others are sentences of this stand-in under the vendor's general codes -10 and -5002.

Not played: webhooks (10.0 FP2602; their form is not published), SQLQueries, $crossjoin, $apply, $expand, deliveries,
returns, down payments, purchase orders, warehouses and quantities on stock, cheques, withholding tax, instalments,
internal reconciliation by hand, journal vouchers, AutoVAT, DocTotal as input, single sign-on.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote

from leja.connectors.sap_b1.stand_in_actions import Actions
from leja.connectors.sap_b1.stand_in_batch import answered
from leja.connectors.sap_b1.stand_in_company import Company, Drafted
from leja.connectors.sap_b1.stand_in_control import hand
from leja.connectors.sap_b1.stand_in_foreign import found_company
from leja.connectors.sap_b1.stand_in_odata import ordered, parse_filter, selected
from leja.connectors.sap_b1.stand_in_records import Stored, encoded
from leja.connectors.sap_b1.stand_in_services import SERVICES, Services
from leja.connectors.sap_b1.stand_in_shapes import SETS, Field, Refused, fields_of
from leja_sandbox.kit import Answer, Environment, LedgerRow, Refuse, Request, Router, StandIn, StandInSpec

_JSON: Final = "application/json;odata.metadata=minimal;charset=utf-8"
_TARGET: Final = re.compile(r"(?P<set>\w+)(?:\((?P<key>.*)\))?\Z")
_OPTIONS: Final = frozenset({"$filter", "$select", "$orderby", "$top", "$skip", "$count", "$inlinecount", "$format"})
_EXPIRED: Final = Refused(301, "Invalid session or session already timeout.", 401)


def build(env: Environment) -> StandIn:
    """The company with its books, behind Service Layer's addresses."""
    stand_in = StandIn(env)
    company = Company(env)
    with env.store.transaction():
        found_company(company)
    service = _Service(company)
    stand_in.router = service.routes()
    stand_in.error = lambda status, _after: _failed(Refused(-1, "Service is unavailable", status), "v2")
    stand_in.ledger = lambda: [
        LedgerRow(account=account, day=day, currency=currency, minor=minor)
        for account, day, currency, minor, _home, _origin in company.records.sums("api")
        if minor
    ]
    hand(stand_in, company, service.actions)
    return stand_in


def _failed(problem: Refused, version: str) -> Answer:
    code: Any = problem.code if version == "v1" else str(problem.code)
    message: Any = {"lang": "en-us", "value": problem.words} if version == "v1" else problem.words
    body = {"error": {"code": code, "message": message}}
    return Answer(status=problem.status, body=encoded(body), headers={"content-type": _JSON})


class _Service:
    def __init__(self, company: Company) -> None:
        self._company, self._env = company, company.env
        self.actions = Actions(company)
        self._services = Services(company, self.actions)

    def routes(self) -> Router:
        router = Router()
        for version in ("v1", "v2"):
            base = f"/b1s/{version}"
            router.add("POST", f"{base}/Login", self._guarded(self.login, open_door=True))
            router.add("POST", f"{base}/Logout", self._guarded(self.logout))
            router.add("POST", f"{base}/$batch", self._guarded(self.batch))
            for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
                router.add(method, f"{base}/{{target}}", self._guarded(self.called))
                router.add(method, f"{base}/{{target}}/{{action}}", self._guarded(self.called))
        return router

    def _guarded(self, handler: Callable[[Request], Answer], *, open_door: bool = False) -> Callable[[Request], Answer]:
        def guarded(request: Request) -> Answer:
            version = request.path.split("/")[2]
            try:
                if not open_door:
                    self._session(request)
                return handler(request)
            except Refused as problem:
                kept = problem is _EXPIRED
                raise Refuse(_failed(problem, version), keep=kept) from None

        return guarded

    # --- sessions -------------------------------------------------------------------------------------------------

    def login(self, request: Request) -> Answer:
        body, settings = _json(request), self._company.settings
        unknown = set(body) - {"CompanyDB", "UserName", "Password", "Language"}
        if unknown:
            raise Refused(-1000, f"Property '{unknown.pop()}' of 'Login' is invalid")
        wanted = (settings.company_db, settings.user, settings.password)
        locked = self._company.books.preference("user_locked", False)
        if locked or (body.get("CompanyDB"), body.get("UserName"), body.get("Password")) != wanted:
            raise Refused(-304, "Fail to get DB Credentials from SLD", 401)
        own = secrets.token_urlsafe(27)
        self._env.store.execute("INSERT INTO sap_session VALUES (?, ?)", own, self._env.now())
        shown = {"SessionId": own, "Version": "1000110", "SessionTimeout": settings.session_minutes}
        version = request.path.split("/")[2]
        mark = "odata.metadata" if version == "v1" else "@odata.context"
        context = (
            f"{self._env.public_url}/b1s/{version}/$metadata#B1Sessions/{'@Element' if version == 'v1' else '$entity'}"
        )
        # Two headers of one name: the mapping tells them apart by their capitals, on the wire they are the same.
        cookies = {"set-cookie": f"B1SESSION={own};HttpOnly;", "Set-Cookie": "ROUTEID=.node1; path=/b1s"}
        return Answer(body=encoded({mark: context, **shown}), headers={"content-type": _JSON, **cookies})

    def logout(self, request: Request) -> Answer:
        self._env.store.execute("DELETE FROM sap_session WHERE id = ?", self._cookie(request))
        return Answer(status=204)

    def _cookie(self, request: Request) -> str:
        match = re.search(r"(?:^|;\s*)B1SESSION=([^;,\s]+)", request.headers.get("cookie", ""))
        return match.group(1) if match else ""

    def _session(self, request: Request) -> None:
        store, own, now = self._env.store, self._cookie(request), self._env.now()
        rows = store.execute("SELECT used FROM sap_session WHERE id = ?", own)
        idle = self._company.settings.session_minutes * 60
        if request.fault("token_revoked"):
            self._company.books.prefer("user_locked", True)
            rows = []
        if request.fault("token_expired") or not rows or now - rows[0][0] > idle:
            store.execute("DELETE FROM sap_session WHERE id = ?", own)
            raise _EXPIRED
        store.execute("UPDATE sap_session SET used = ? WHERE id = ?", now, own)

    # --- every other call -----------------------------------------------------------------------------------------

    def batch(self, request: Request) -> Answer:
        version = request.path.split("/")[2]
        return answered(
            request, version == "v2", self._env.store, self._inner, lambda problem: _failed(problem, version)
        )

    def _inner(self, request: Request) -> Answer:
        """One part of a batch: its path holds the target, perhaps an action."""
        target, _, action = request.path.split("/", 3)[3].partition("/")
        request.params = {"target": target, "action": action} if action else {"target": target}
        return self.called(request)

    def called(self, request: Request) -> Answer:
        version = request.path.split("/")[2]
        method = request.method
        if method == "POST" and "x-http-method-override" in request.headers:
            method = request.headers["x-http-method-override"].upper()
        target, action = unquote(request.params["target"]), request.params.get("action", "")
        if target in SERVICES:
            return self._service(request, target, version)
        match = _TARGET.match(target)
        kind = match.group("set") if match else ""
        fields = self._fields(kind)
        if match is None or fields is None:
            raise Refused(-1000, f"Unrecognized resource path '{target}'", 404)
        if match.group("key") is None:
            if action == "$count" and method == "GET":
                return Answer(
                    body=str(len(self._matching(request, kind, fields))).encode(),
                    headers={"content-type": "text/plain"},
                )
            if action or method not in ("GET", "POST"):
                raise Refused(-1000, f"Unrecognized resource path '{target}/{action}'", 404)
            return (
                self._page(request, kind, fields, version) if method == "GET" else self._create(request, kind, version)
            )
        stored = self._company.stored(kind, _key(kind, match.group("key")))
        return self._one(request, method, stored, action, version, fields)

    def _fields(self, kind: str) -> dict[str, Field] | None:
        own = self._company.user_fields.own()
        if table := self._company.user_fields.rows_of(kind, own):
            return fields_of("UserTable", own, table)
        return fields_of(SETS[kind][0], own, SETS[kind][2]) if kind in SETS else None

    def _one(
        self, request: Request, method: str, stored: Stored, action: str, version: str, fields: dict[str, Field]
    ) -> Answer:
        kind = stored.kind
        if method != "GET":
            self._fresh(request, stored)
        if action and method == "POST":
            given = _json(request) if request.body.strip() else {}
            made = self.actions.run(stored, action, given, request.search_lag)
            return self._shown(made, version, 200) if made else Answer(status=204)
        if action:
            raise Refused(-1000, f"Unrecognized resource path '{action}'", 404)
        if method == "GET":
            names = selected(request.query.get("$select", ""), _shape(kind), fields)
            return self._shown(stored, version, 200, names)
        if method == "PATCH":
            self._company.patch(stored, _json(request))
            return Answer(status=204)
        if method == "DELETE":
            self.actions.delete(stored)
            return Answer(status=204)
        raise Refused(-5006, "The requested action is not supported for this object.")

    def _fresh(self, request: Request, stored: Stored) -> None:
        tag, wanted = self._company.tag(stored), request.headers.get("if-match", "*")
        if tag and wanted not in ("*", tag):
            words = "Another user or another operation modified data; to continue, open the window again (ODBC -2039)"
            raise Refused(-2039, words, 412)

    def _create(self, request: Request, kind: str, version: str) -> Answer:
        quiet = "return-no-content" in request.headers.get("prefer", "").replace(" ", "")
        try:
            stored = self._company.add(kind, _json(request), lag=request.search_lag)
        except Drafted:
            # The draft is kept, but what was asked for does not exist: that is what Service Layer says then.
            if quiet:
                return Answer(status=204)
            problem = Refused(-2028, "No matching records found (ODBC -2028)", 404)
            raise Refuse(_failed(problem, version), keep=True) from None
        location = f"{self._env.public_url}/b1s/{version}/{kind}({_literal(stored)})"
        if quiet:
            return Answer(status=204, headers={"location": location})
        answer = self._shown(stored, version, 201)
        return Answer(status=201, body=answer.body, headers={**answer.headers, "location": location})

    def _shown(self, stored: Stored, version: str, status: int, names: list[str] | None = None) -> Answer:
        body = _worded(self._company.shown(stored), self._fields(stored.kind) or {}, version)
        if names is not None:
            body = {name: body.get(name) for name in names}
        tag = self._company.tag(stored)
        head: dict[str, Any] = {}
        base = f"{self._env.public_url}/b1s/{version}/$metadata#{stored.kind}"
        if version == "v1":
            head |= {"odata.metadata": f"{base}/@Element", **({"odata.etag": tag} if tag else {})}
        else:
            head |= {"@odata.context": f"{base}/$entity", **({"@odata.etag": tag} if tag else {})}
        headers = {"content-type": _JSON, **({"etag": tag} if tag else {})}
        return Answer(status=status, body=encoded({**head, **body}), headers=headers)

    # --- collections ----------------------------------------------------------------------------------------------

    def _matching(self, request: Request, kind: str, fields: dict[str, Field]) -> list[Stored]:
        query = request.query
        unknown = {name for name in query if name.startswith("$")} - _OPTIONS
        if unknown:
            raise Refused(-1000, f"Query option '{unknown.pop()}' is not supported")
        fold = request.headers.get("b1s-caseinsensitive", "").lower() == "true"
        found = parse_filter(query["$filter"], fields, fold) if query.get("$filter") else None
        keys = SETS[kind][1] if kind in SETS else ("Code",)
        since = found.since.get(keys[0], 0) if found else 0
        rows = self._company.records.each(
            kind, seen_at=request.now.timestamp(), equal=found.equal if found else None, since=since
        )
        return [stored for stored in rows if found is None or found.test(stored.body)]

    def _page(self, request: Request, kind: str, fields: dict[str, Field], version: str) -> Answer:
        query = request.query
        names = selected(query.get("$select", ""), _shape(kind), fields)
        rows = self._matching(request, kind, fields)
        if query.get("$orderby"):
            by_id = {id(stored.body): stored for stored in rows}
            rows = [by_id[id(body)] for body in ordered([stored.body for stored in rows], query["$orderby"], fields)]
        total, skip = len(rows), _count(query.get("$skip"), 0)
        top = _count(query.get("$top"), None)
        wanted = rows[skip:] if top is None else rows[skip : skip + top]
        size, applied = self._page_size(request)
        page = wanted[:size] if size else wanted
        mark = "odata." if version == "v1" else "@odata."
        context = f"{self._env.public_url}/b1s/{version}/$metadata#{kind}"
        body: dict[str, Any] = {f"{mark}{'metadata' if version == 'v1' else 'context'}": context}
        if query.get("$count") == "true" or query.get("$inlinecount") == "allpages":
            body[f"{mark}count"] = total
        body["value"] = [self._row(stored, fields, version, names) for stored in page]
        if len(page) < len(wanted):
            left = {**{n: v for n, v in query.items() if n not in ("$skip", "$top")}, "$skip": str(skip + size)}
            if top is not None:
                left["$top"] = str(top - size)
            text = "&".join(f"{name}={quote(value, safe='$')}" for name, value in left.items())
            body[f"{mark}nextLink"] = f"/b1s/v1/{kind}?{text}" if version == "v1" else f"{kind}?{text}"
        headers = {"content-type": _JSON, **({"preference-applied": f"odata.maxpagesize={size}"} if applied else {})}
        return Answer(body=encoded(body), headers=headers)

    def _row(self, stored: Stored, fields: dict[str, Field], version: str, names: list[str] | None) -> dict[str, Any]:
        body = _worded(self._company.shown(stored), fields, version)
        tag = self._company.tag(stored)
        mark = "odata.etag" if version == "v1" else "@odata.etag"
        return {**({mark: tag} if tag else {}), **(body if names is None else {name: body.get(name) for name in names})}

    def _page_size(self, request: Request) -> tuple[int, bool]:
        match = re.search(r"odata\.maxpagesize\s*=\s*(\d+)", request.headers.get("prefer", ""))
        if match:
            return int(match.group(1)), True
        own = request.headers.get("b1s-pagesize", "")
        return (int(own) if own.isdigit() else self._company.settings.page_size), False

    def _service(self, request: Request, name: str, version: str) -> Answer:
        given = _json(request) if request.body.strip() else {}
        value = self._services.call(name, given, request.search_lag)
        if value is None:
            return Answer(status=204)
        mark = "odata.metadata" if version == "v1" else "@odata.context"
        head = {mark: f"{self._env.public_url}/b1s/{version}/$metadata#{name}"}
        body = {**head, **value} if isinstance(value, dict) else {**head, "value": value}
        return Answer(body=encoded(body), headers={"content-type": _JSON})


def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(-1000, "Invalid JSON") from None
    if not isinstance(body, dict):
        raise Refused(-1000, "Invalid JSON: an object is expected")
    return body


def _no_number(word: str) -> None:
    raise ValueError(word)


def _count(text: str | None, default: Any) -> Any:
    if text is None:
        return default
    if not text.isdigit():
        raise Refused(-1000, f"Query string error: '{text}' is no count")
    return int(text)


def _shape(kind: str) -> str:
    return SETS[kind][0] if kind in SETS else kind


def _key(kind: str, text: str) -> str:
    """The key in an address: 22, 'C100' or named parts, as the set has them."""
    parts = re.findall(r"(?:(\w+)=)?('(?:[^']|'')*'|-?\d+)", text)
    values = [value[1:-1].replace("''", "'") if value.startswith("'") else value for _name, value in parts]
    return ",".join(values) if kind in SETS and len(SETS[kind][1]) > 1 else (values[0] if values else text)


def _literal(stored: Stored) -> str:
    if stored.kind in ("UserFieldsMD", "UserKeysMD"):
        table, _, number = stored.id.rpartition(",")
        name = "FieldID" if stored.kind == "UserFieldsMD" else "KeyIndex"
        return f"TableName='{table}',{name}={number}"
    text = stored.kind in (
        "BusinessPartners",
        "Items",
        "ChartOfAccounts",
        "VatGroups",
        "UserTablesMD",
    ) or stored.kind.startswith("U_")
    return f"'{quote(stored.id)}'" if text else stored.id


def _worded(body: dict[str, Any], fields: dict[str, Field], version: str) -> dict[str, Any]:
    """A body as the version writes it: every property that is played, days as instants in OData 4."""
    shown: dict[str, Any] = {}
    for name, field in fields.items():
        value = body.get(name)
        if field.kind == "c":
            inner = {row_name for row in value or () for row_name in row}
            own = {each: f for each, f in fields_of(field.of, {}).items() if each in inner}
            own |= {each: Field(each, "t") for each in inner if each.startswith("U_")}
            shown[name] = [_worded(row, own, version) for row in value or ()]
        elif field.kind == "d" and value and version == "v2":
            shown[name] = f"{value}T00:00:00Z"
        else:
            shown[name] = value
    return shown


STAND_IN = StandInSpec(slug="sap_b1", build=build)
