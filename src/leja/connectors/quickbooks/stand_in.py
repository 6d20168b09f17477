"""The stand-in of QuickBooks Online: Accounting API v3 and its OAuth, written from the vendor's published facts.

Judged by the field names of the vendor's XSD, by python-quickbooks (a community client) and by intuit-oauth (official,
tokens only). Settings: ``CompanySettings`` in stand_in_chart.py. Control: stand_in_control.py. Ledger accounts are
Account Ids; ``ledger()`` holds what the API did, ``books`` of the control also what others entered there (origin
"foreign").

Not played: attachments, recurring transactions, inventory quantities (InventoryAdjustment is for US Plus and Advanced),
GroupLineDetail, automated US sales tax. Webhooks: stand_in_hooks.py.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from leja.connectors.quickbooks.stand_in_company import Company, vendor_time
from leja.connectors.quickbooks.stand_in_control import hand
from leja.connectors.quickbooks.stand_in_foreign import found_company
from leja.connectors.quickbooks.stand_in_hooks import Hooks
from leja.connectors.quickbooks.stand_in_limits import Limits, Meter, worded
from leja.connectors.quickbooks.stand_in_query import Query, check_fields, read_query, select
from leja.connectors.quickbooks.stand_in_records import FIXED, LISTS, NAMES, TRANSACTIONS, encoded
from leja.connectors.quickbooks.stand_in_reports import company_info, preferences, report
from leja.connectors.quickbooks.stand_in_shapes import FIELDS, Fault, missing, not_found, read_json, unsupported
from leja_sandbox.kit import (
    Answer,
    Environment,
    LedgerRow,
    Refuse,
    Request,
    Router,
    StandIn,
    StandInSpec,
    TokenBook,
    TokenRefused,
    json_answer,
    redirect,
)

_WRITABLE: Final = {name.lower(): name for name in (*TRANSACTIONS, *NAMES, *LISTS)}
_READABLE: Final = (*TRANSACTIONS, *NAMES, *LISTS, *FIXED, "CompanyInfo", "Preferences")
_BATCH_MOST: Final = 30
_CDC_DAYS: Final = 30
_CDC_MOST: Final = 1000
_REFRESH_SECONDS: Final = 100 * 24 * 3600


def build(env: Environment) -> StandIn:
    """The company with its books, behind the vendor's routes."""
    stand_in = StandIn(env)
    company = Company(env)
    with env.store.transaction():
        found_company(company)
    tokens = TokenBook(env, access_seconds=3600, refresh_seconds=_REFRESH_SECONDS, grace_seconds=-1)
    stand_in.webhooks = Hooks(env, company.settings, company.records).queue
    service = _Service(company, tokens)
    stand_in.router = service.routes()
    stand_in.error = worded
    stand_in.ledger = lambda: [
        LedgerRow(account=account, day=day, currency=currency, minor=minor)
        for account, day, currency, minor, _home, _origin in company.records.sums("api")
        if minor
    ]
    hand(stand_in, company, tokens)
    return stand_in


class _Service:
    def __init__(self, company: Company, tokens: TokenBook) -> None:
        self._company, self._tokens, self._limits = company, tokens, Limits(company.settings)
        self._meter = Meter(company.settings, company.env.store)

    def routes(self) -> Router:
        router = Router()
        for path in ("/.well-known/openid_configuration", "/.well-known/openid_sandbox_configuration"):
            for ending in ("", "/"):
                router.add("GET", path + ending, self.discovery)
        router.add("GET", "/connect/oauth2", self.authorize)
        router.add("POST", "/oauth2/v1/tokens/bearer", self.token)
        router.add("POST", "/v2/oauth2/tokens/revoke", self.revoke)
        realm = "/v3/company/{realm}"
        for method, path, handler in (
            ("GET", "/query", self.query), ("POST", "/query", self.query), ("GET", "/cdc", self.cdc),
            ("POST", "/batch", self.batch), ("GET", "/reports/{name}", self.report),
            ("GET", "/preferences", self.preferences), ("POST", "/taxservice/taxcode", self.tax_code),
            ("GET", "/{entity}/{id}", self.read), ("POST", "/{entity}", self.write),
        ):  # fmt: skip
            router.add(method, realm + path, self._guarded(handler))
        return router

    # --- consent and tokens ---------------------------------------------------------------------------------------

    def discovery(self, _request: Request) -> Answer:
        url = self._company.env.public_url
        return json_answer(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/connect/oauth2",
                "token_endpoint": f"{url}/oauth2/v1/tokens/bearer",
                "userinfo_endpoint": f"{url}/v1/openid_connect/userinfo",
                "revocation_endpoint": f"{url}/v2/oauth2/tokens/revoke",
                "jwks_uri": f"{url}/op/v1/jwks",
            }
        )

    def authorize(self, request: Request) -> Answer:
        query, settings = request.query, self._company.settings
        if query.get("client_id") != settings.client_id or query.get("response_type") != "code":
            raise Refuse(json_answer({"error": "invalid_request"}, 400))
        facts = {"realmId": settings.realm}
        code = self._tokens.code(settings.client_id, query.get("redirect_uri", ""), query.get("scope", ""), facts)
        answer = {"code": code, "state": query.get("state", ""), "realmId": settings.realm}
        return redirect(f"{query.get('redirect_uri', '')}?{urlencode(answer)}")

    def token(self, request: Request) -> Answer:
        client, form = self._client(request), request.form
        try:
            if form.get("grant_type") == "authorization_code":
                grant = self._tokens.exchange(form.get("code", ""), client, form.get("redirect_uri", ""))
            elif form.get("grant_type") == "refresh_token":
                grant = self._tokens.refresh(form.get("refresh_token", ""), client)
            else:
                raise Refuse(json_answer({"error": "unsupported_grant_type"}, 400))
        except TokenRefused as refused:
            words = {"error": "invalid_grant", "error_description": f"Incorrect or invalid token ({refused.reason})"}
            raise Refuse(json_answer(words, 400)) from None
        return json_answer({
            "token_type": "bearer", "access_token": grant.access, "expires_in": 3600, "refresh_token": grant.refresh,
            "x_refresh_token_expires_in": _REFRESH_SECONDS,
        })  # fmt: skip

    def revoke(self, request: Request) -> Answer:
        self._client(request)
        token = str(request.json().get("token", ""))
        store = self._company.env.store
        id_ = store.get("oauth_access", token) or store.get("oauth_refresh", token)
        if id_ is None:
            raise Refuse(json_answer({"error": "invalid_request"}, 400))
        self._tokens.revoke(id_)
        return Answer(status=200)

    def _client(self, request: Request) -> str:
        settings = self._company.settings
        wanted = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), f"Basic {wanted}".encode()):
            raise Refuse(json_answer({"error": "invalid_client"}, 401))
        return settings.client_id

    # --- every call to a company ----------------------------------------------------------------------------------

    def _guarded(self, handler: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def guarded(request: Request) -> Answer:
            try:
                self._limits.admit(request.now.timestamp(), batch=request.path.endswith("/batch"))
                self._authorized(request)
                if self._company.preference("lapsed", False):
                    fault = Fault("6190", "Invalid Company Status", "Subscription period has ended or canceled or there"
                                  " was a billing problem", kind="ValidationFault", status=200)  # fmt: skip
                    raise fault
                if reads := _reads(request):
                    self._meter.read(request.now.timestamp(), reads)
                return self._replayed(request, handler)
            except Fault as fault:
                raise Refuse(self._answer({"Fault": fault.body()}, fault.status)) from None

        return guarded

    def _authorized(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            grant = self._tokens.check(token if scheme.lower() == "bearer" else "", request)
        except TokenRefused as refused:
            detail = "Token expired" if refused.reason == "expired" else f"Token {refused.reason}"
            error = {"message": "message=AuthenticationFailed; errorCode=003200; statusCode=401", "detail": detail,
                     "code": "3200", "element": None}  # fmt: skip
            fault = {"error": [error], "type": "AUTHENTICATION"}
            raise Refuse(self._answer({"fault": fault, "warnings": None}, 401)) from None
        if grant.facts.get("realmId") != request.params["realm"]:
            raise Fault("3100", "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
                        "the token is of another company", kind="AuthorizationFault", status=403)  # fmt: skip

    def _answer(self, value: dict[str, Any], status: int = 200) -> Answer:
        body = encoded({**value, "time": vendor_time(self._company.env.clock())})
        tid = f"1-{secrets.token_hex(4)}-{secrets.token_hex(12)}"
        return Answer(
            status=status, body=body, headers={"content-type": "application/json;charset=UTF-8", "intuit_tid": tid}
        )

    def _replayed(self, request: Request, handler: Callable[[Request], Answer]) -> Answer:
        key = request.query.get("requestid", "")
        if request.method != "POST" or not key or request.path.endswith("/query"):
            return handler(request)
        if len(key) > (36 if request.path.endswith("/batch") else 50):
            raise Fault("2050", "String length is either shorter or longer than supported by specification",
                        "requestid is too long", element="requestid")  # fmt: skip
        store = self._company.env.store
        kept = store.execute("SELECT status, body FROM qb_answer WHERE requestid = ?", key)
        if kept:
            return Answer(
                status=kept[0][0], body=kept[0][1], headers={"content-type": "application/json;charset=UTF-8"}
            )
        answer = handler(request)
        store.execute("INSERT INTO qb_answer VALUES (?,?,?)", key, answer.status, answer.body)
        return answer

    # --- documents ------------------------------------------------------------------------------------------------

    def write(self, request: Request) -> Answer:
        kind = _WRITABLE.get(request.params["entity"])
        if kind is None or not request.headers.get("content-type", "").startswith("application/json"):
            raise Fault("500", "Unsupported Operation", f"Operation on {request.params['entity']} is not supported.",
                        kind="SystemFault")  # fmt: skip
        query, body = request.query, read_json(request.body)
        shown = self._apply(kind, query.get("operation", ""), query.get("include", ""), body, request.search_lag)
        return self._answer({kind: shown})

    def _apply(self, kind: str, operation: str, include: str, body: Mapping[str, Any], lag: float) -> dict[str, Any]:
        company = self._company
        duplicates = "allowduplicatedocnum" in include
        if operation == "delete":
            return company.delete(kind, body)
        if operation == "void" or (operation == "update" and include == "void"):
            return company.void(kind, body)
        if operation not in ("", "create", "update"):
            raise Fault("500", "Unsupported Operation", f"Operation {operation} is not supported.", kind="SystemFault")
        if operation != "create" and (operation == "update" or body.get("Id") not in (None, "")):
            return company.update(kind, body, lag=lag, duplicates=duplicates)
        return company.create(kind, body, lag=lag, duplicates=duplicates)

    def read(self, request: Request) -> Answer:
        names = {name.lower(): name for name in _READABLE}
        kind, id_ = names.get(request.params["entity"]), request.params["id"]
        if kind is None:
            raise Fault("500", "Unsupported Operation", "No such resource.", kind="SystemFault")
        if kind in _WRITABLE.values():
            found = self._company.records.body(kind, id_)
            found = self._company.shown(kind, found) if found else None
        elif kind == "CompanyInfo":
            found = company_info(self._company)
        else:
            found = next((row for row in self._rows(kind, None) if row["Id"] == id_), None)
        if found is None:
            raise not_found(f"{kind} {id_}")
        return self._answer({kind: found})

    def preferences(self, _request: Request) -> Answer:
        return self._answer({"Preferences": preferences(self._company)})

    def report(self, request: Request) -> Answer:
        return self._answer(report(self._company, request.params["name"], request.query))

    def query(self, request: Request) -> Answer:
        if request.method == "POST":
            kind = request.headers.get("content-type", "")
            if not kind.startswith(("application/text", "text/plain")):
                raise Fault(
                    "500", "Unsupported Operation", f"Content-Type {kind} is not supported.", kind="SystemFault"
                )
            text = request.body.decode("utf-8", "replace")
        else:
            text = request.query.get("query", "")
        return self._answer({"QueryResponse": self._selected(text, request.now)})

    def _selected(self, text: str, now: datetime) -> dict[str, Any]:
        query = read_query(text, _READABLE)
        check_fields(query, lambda entity, field: entity in FIXED or field in FIELDS.get(entity, (field,)))
        found = select(query, self._rows(query.entity, query, now))
        if query.count:
            return {"totalCount": len(found)}
        page = found[query.start - 1 : query.start - 1 + query.limit]
        if not page:
            return {}
        return {query.entity: page, "startPosition": query.start, "maxResults": len(page)}

    def _rows(self, kind: str, query: Query | None, now: datetime | None = None) -> list[dict[str, Any]]:
        if kind in FIXED:
            return self._company.masters.fixed(kind)
        if kind == "CompanyInfo":
            return [company_info(self._company)]
        if kind == "Preferences":
            return [preferences(self._company)]
        exact = {c.field: c.values[0] for c in query.conditions if c.operator == "="} if query else {}
        seen = now.timestamp() if now else None
        rows = self._company.records.each(kind, seen_at=seen, number=exact.get("DocNumber"))
        asks_active = query is not None and any(c.field in ("Active", "Id") for c in query.conditions)
        return [
            self._company.shown(kind, row.body) for row in rows if asks_active or row.body.get("Active", True)
        ]  # fmt: skip

    def cdc(self, request: Request) -> Answer:
        query = request.query
        try:
            since = datetime.fromisoformat(query.get("changedSince", "").replace(" ", "+"))
        except ValueError:
            raise Fault("2040", "Invalid Date", "changedSince could not be read", element="changedSince") from None
        since = since if since.tzinfo else since.replace(tzinfo=request.now.tzinfo)
        if since < request.now - timedelta(days=_CDC_DAYS):
            raise Fault("2040", "Invalid Date", "changedSince is more than 30 days ago", element="changedSince")
        names = {name.lower(): name for name in (*TRANSACTIONS, *NAMES, *LISTS)}
        answers: list[dict[str, Any]] = []
        left = _CDC_MOST
        for wanted in query.get("entities", "").split(","):
            if wanted.strip().lower() not in names:
                raise unsupported(f"entities.{wanted.strip()}")
            kind = names[wanted.strip().lower()]
            stored = self._company.records.each(
                kind, seen_at=request.now.timestamp(), since=since.timestamp(), gone=True
            )
            rows = [
                {"domain": "QBO", "status": "Deleted", "Id": row.id, "MetaData": row.body["MetaData"]}
                if row.gone else self._company.shown(kind, row.body)
                for row in stored
            ][:left]  # fmt: skip
            left -= len(rows)
            answers.append({kind: rows, "startPosition": 1, "maxResults": len(rows)} if rows else {})
        return self._answer({"CDCResponse": [{"QueryResponse": answers}]})

    def batch(self, request: Request) -> Answer:
        body = read_json(request.body)
        items = body.get("BatchItemRequest")
        if set(body) != {"BatchItemRequest"} or not isinstance(items, list) or not items:
            raise Fault("2020", "Required param missing, need to supply the required value for the API",
                        "a batch needs BatchItemRequest with at least one item")  # fmt: skip
        if len(items) > _BATCH_MOST:
            raise Fault("6000", "A business validation error has occurred while processing your request",
                        f"The batch has {len(items)} items; at most {_BATCH_MOST} are allowed")  # fmt: skip
        short = 10 if "requestid" in request.query else 50
        seen: set[str] = set()
        answers = []
        for item in items:
            id_ = str(item.get("bId", "")) if isinstance(item, dict) else ""
            if not id_ or len(id_) > short or id_ in seen:
                raise missing("bId")
            seen.add(id_)
            try:
                with self._company.env.store.transaction():
                    answers.append({**self._item(item, request), "bId": id_})
            except Fault as fault:
                answers.append({"Fault": fault.body(), "bId": id_})
        return self._answer({"BatchItemResponse": answers})

    def _item(self, item: dict[str, Any], request: Request) -> dict[str, Any]:
        if request.fault("batch_partial"):
            raise Fault("10000", "An application error has occurred while processing your request",
                        "System Failure Error", kind="SystemFault")  # fmt: skip
        rest = {k: v for k, v in item.items() if k not in ("bId", "operation", "optionsData") and v is not None}
        if set(rest) == {"Query"}:
            return {"QueryResponse": self._selected(str(rest["Query"]), request.now)}
        if len(rest) != 1 or next(iter(rest)) not in _WRITABLE.values():
            raise unsupported(next(iter(rest), "BatchItemRequest"))
        ((kind, body),) = rest.items()
        if item.get("operation") not in ("create", "update", "delete"):
            raise unsupported("operation")
        include = str(item.get("optionsData", ""))
        if not isinstance(body, dict):
            raise unsupported(kind)
        return {kind: self._apply(kind, item["operation"], include, body, request.search_lag)}

    def tax_code(self, request: Request) -> Answer:
        body, store = read_json(request.body), self._company.env.store
        if set(body) - {"TaxCode", "TaxRateDetails"}:
            raise unsupported(sorted(set(body) - {"TaxCode", "TaxRateDetails"})[0])
        if not body.get("TaxCode") or not body.get("TaxRateDetails"):
            raise missing("TaxCode" if not body.get("TaxCode") else "TaxRateDetails")
        rates = []
        for detail in body["TaxRateDetails"]:
            if not detail.get("TaxRateName") or "RateValue" not in detail:
                raise missing("TaxRateDetails")
            rates.append({"id": str(store.next_number("tax_rate", 100)), "name": detail["TaxRateName"],
                          "percent": str(detail["RateValue"])})  # fmt: skip
        id_ = str(store.next_number("tax_code", 50))
        store.put("tax_code", id_, {"id": id_, "name": body["TaxCode"], "rates": rates})
        shown = [{**given, "TaxRateId": rate["id"]} for given, rate in zip(body["TaxRateDetails"], rates, strict=True)]
        return self._answer({"TaxCode": body["TaxCode"], "TaxCodeId": id_, "TaxRateDetails": shown})


def _reads(request: Request) -> int:
    """How many metered reads a call is: writes are free, a batch counts its queries."""
    if request.path.endswith("/batch"):
        return request.body.count(b'"Query"')
    return 1 if request.method == "GET" or request.path.endswith("/query") else 0


STAND_IN = StandInSpec(slug="quickbooks", build=build)
