"""The stand-in of Business Central online: API v2.0 and the token endpoint, written from the vendor's published facts.

Judged by the entity model that is generated from the vendor's AL source (fields, editability, actions, error texts) and
by the documentation's samples; there is no client library. Settings: ``CompanySettings`` in stand_in_chart.py. Control:
stand_in_control.py. Ledger accounts are account numbers, amounts base currency: the general ledger knows no other;
``ledger()`` holds what the API did, ``books`` of the control also what others entered there (origin "foreign").

Not played: vendors and purchases, quotes, resources and item charges on lines, tax on journal lines, attachments and PDF,
default dimensions, exchange gains (one rate for all days), approval, ``$metadata``, delegated consent, 412. Error words
that the entity model and the documentation do not give are UNVERIFIED; codes are the published ones.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec

from leja.connectors.business_central.stand_in_chart import NOTHING
from leja.connectors.business_central.stand_in_company import Company
from leja.connectors.business_central.stand_in_control import hand
from leja.connectors.business_central.stand_in_foreign import found_company
from leja.connectors.business_central.stand_in_hooks import SUPPORTED, Hooks
from leja.connectors.business_central.stand_in_limits import AtOnce, Limits
from leja.connectors.business_central.stand_in_model import SETS, BadRequest
from leja.connectors.business_central.stand_in_odata import Step, known, steps
from leja.connectors.business_central.stand_in_pages import Pages
from leja.connectors.business_central.stand_in_records import Stored, encoded
from leja_sandbox.kit import (
    Answer,
    Environment,
    Handler,
    LedgerRow,
    Refuse,
    Request,
    Router,
    StandIn,
    StandInSpec,
    TokenBook,
    TokenRefused,
    json_answer,
)

_JSON: Final = "application/json; odata.metadata=minimal; odata.streaming=true"
_API: Final = re.compile(
    r"/v2\.0/(?:(?P<tenant>[^/]+)/)?(?P<environment>[^/]+)/api/(?P<rest>v2\.0(?:/.*)?|microsoft/runtime/beta/.*)\Z"
)
_BATCH_MOST: Final = 100
_SCOPE: Final = "https://api.businesscentral.dynamics.com/.default"
_NOT_FOUND: Final = ("Bad Request - Error in query syntax.", "BadRequest_NotFound", 404)


class Call(msgspec.Struct, kw_only=True):
    """One request below the API's root, whether it came alone or in a batch."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any
    request: Request
    commits: bool = False


def build(env: Environment) -> StandIn:
    """The company with its books, behind the vendor's routes."""
    stand_in, company = StandIn(env), Company(env)
    with env.store.transaction():
        found_company(company)
    tokens = TokenBook(env, access_seconds=company.settings.access_seconds)
    hooks = Hooks(env, company.settings, company.records)
    service = _Service(company, tokens, hooks)
    stand_in.router = service.routes()
    stand_in.error = _worded
    stand_in.ledger = lambda: [
        LedgerRow(account=account, day=day, currency=company.settings.base_currency, minor=minor)
        for account, day, minor, _origin in company.records.sums("api")
        if minor
    ]
    stand_in.webhooks = hooks.queue
    hand(stand_in, company, tokens, hooks)
    if company.settings.connections:
        stand_in.app = AtOnce(stand_in, company.settings.connections)  # type: ignore[assignment]
    return stand_in


def _worded(status: int, retry_after: float | None) -> Answer:
    codes = {
        429: ("Application_TooManyRequests", "Too many requests reached."),
        503: ("Internal_TenantUnavailable", "The server is busy and cannot process the request."),
        504: ("Internal_ServerError", "The request was canceled because it ran too long."),
    }
    code, words = codes.get(status, ("Internal_ServerError", "An error occurred and your transaction is aborted."))
    answer = _refused(BadRequest(words, code, status))
    headers = dict(answer.headers) | (
        {} if retry_after is None or status == 429 else {"retry-after": f"{retry_after:g}"}
    )
    return Answer(status=status, body=answer.body, headers=headers)


def _problem(problem: BadRequest) -> dict[str, Any]:
    return {"error": {"code": problem.code, "message": f"{problem.message}  CorrelationId:  {uuid4()}."}}


def _refused(problem: BadRequest) -> Answer:
    return Answer(
        status=problem.status, body=encoded(_problem(problem)), headers={"content-type": _JSON, "odata-version": "4.0"}
    )


class _Routes(Router):
    """The kit's routes, and below them the API, whose addresses have keys in brackets."""

    def __init__(self, api: Handler) -> None:
        super().__init__()
        self._api = api

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | int:
        """The handler of an address, as the kit wants it."""
        match = _API.match(path)
        return (self._api, match.groupdict(default="")) if match else super().find(method, path)


class _Service:
    def __init__(self, company: Company, tokens: TokenBook, hooks: Hooks) -> None:
        self._company, self._tokens, self._hooks = company, tokens, hooks
        self._settings, self._limits, self._pages = company.settings, Limits(company.settings), Pages(company)

    def routes(self) -> Router:
        router = _Routes(self.api)
        router.add("POST", "/{tenant}/oauth2/v2.0/token", self.token)
        router.add("GET", "/environments/v1.2", self.environments)
        return router

    # --- tokens ---------------------------------------------------------------------------------------------------

    def token(self, request: Request) -> Answer:
        form, settings = request.form, self._settings
        if request.params["tenant"] not in (settings.tenant, "organizations"):
            raise self._untrusted(90002, "invalid_request", f"Tenant '{request.params['tenant']}' not found.", 400)
        if form.get("grant_type") != "client_credentials":
            raise self._untrusted(70003, "unsupported_grant_type", "The app requested an unsupported grant type.", 400)
        if form.get("client_id") != settings.client_id:
            words = f"Application with identifier '{form.get('client_id')}' was not found in the directory."
            raise self._untrusted(700016, "unauthorized_client", words, 400)
        if not secrets.compare_digest(form.get("client_secret", "").encode(), settings.client_secret.encode()):
            raise self._untrusted(7000215, "invalid_client", "Invalid client secret provided.", 401)
        if form.get("scope") != _SCOPE:
            raise self._untrusted(1002012, "invalid_scope", "The provided value for scope is not valid.", 400)
        grant = self._tokens.issue(settings.client_id, _SCOPE)
        seconds = settings.access_seconds
        return json_answer(
            {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": grant.access}
        )

    def _untrusted(self, number: int, error: str, words: str, status: int) -> Refuse:
        now = self._company.env.clock()
        body = {"error": error, "error_description": f"AADSTS{number}: {words} Trace ID: {uuid4()} Correlation ID: {uuid4()}"
                f" Timestamp: {now:%Y-%m-%d %H:%M:%SZ}", "error_codes": [number], "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
                "trace_id": str(uuid4()), "correlation_id": str(uuid4())}  # fmt: skip
        return Refuse(json_answer(body, status))

    def _bearer(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        disabled = self._company.env.store.get("preference", "disabled")
        try:
            if disabled and disabled["value"]:
                raise TokenRefused("revoked")
            self._tokens.check(token if scheme.lower() == "bearer" else "", request)
        except TokenRefused:
            words = "The server has rejected the client credentials."
            answer = _refused(BadRequest(words, "Authentication_InvalidCredentials", 401))
            raise Refuse(answer, keep=True) from None

    def environments(self, request: Request) -> Answer:
        self._bearer(request)
        settings, url = self._settings, self._company.env.public_url
        row = {"aadTenantId": settings.tenant, "applicationFamily": "BusinessCentral", "type": "Production",
               "name": settings.environment, "countryCode": settings.country, "status": "Active",
               "webServiceUrl": url, "webClientLoginUrl": f"{url}/{settings.tenant}/{settings.environment}"}  # fmt: skip
        return json_answer({"value": [row]})

    # --- every call to the API ------------------------------------------------------------------------------------

    def api(self, request: Request) -> Answer:
        self._bearer(request)
        try:
            self._limits.admit(request.now.timestamp())
            self._place(request)
            rest = request.params["rest"].removeprefix("v2.0").strip("/")
            if rest == "$batch":
                return self._batch(request)
            body = self._read(request.body) if request.body else None
            query = dict(parse_qsl(request.query_string, keep_blank_values=True))
            call = Call(
                method=request.method, path=rest, query=query, headers=request.headers, body=body, request=request
            )
            status, shown = self.run(call)
        except BadRequest as problem:
            raise Refuse(_refused(problem)) from None
        headers = {"odata-version": "4.0", "request-id": str(uuid4())}
        if shown is None:
            return Answer(status=status, headers=headers)
        if isinstance(shown, str):
            return Answer(status=status, body=shown.encode(), headers={**headers, "content-type": "text/plain"})
        if etag := shown.get("@odata.etag"):
            headers["etag"] = etag
        return Answer(status=status, body=encoded(shown), headers={**headers, "content-type": _JSON})

    def _place(self, request: Request) -> None:
        settings, given = self._settings, request.params
        if given["tenant"] not in ("", settings.tenant):
            raise BadRequest(f"The tenant '{given['tenant']}' was not found.", "Authentication_TenantNotFound", 404)
        if given["environment"] != settings.environment:
            raise BadRequest(f"No environment named '{given['environment']}' was found.", "NoEnvironment", 404)

    def _read(self, raw: bytes) -> Any:
        try:
            return json.loads(raw, parse_float=Decimal, parse_constant=_no_number)
        except ValueError as problem:
            raise BadRequest(f"An unexpected token was found in the JSON reader: {problem}", "BadRequest") from None

    def _batch(self, request: Request) -> Answer:
        given = self._read(request.body)
        parts = given.get("requests") if isinstance(given, dict) else None
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise BadRequest("The value for the property 'requests' is missing or no array.", "BadRequest")
        if len(parts) > _BATCH_MOST:
            raise BadRequest(f"The batch contains more than {_BATCH_MOST} operations.", "BadRequest", 413)
        go_on = "odata.continue-on-error" in request.headers.get("prefer", "").lower()
        isolated = request.headers.get("isolation", "").lower() == "snapshot"
        answers = self._isolated(request, parts) if isolated else self._each(request, parts, go_on)
        return Answer(
            body=encoded({"responses": answers}), headers={"content-type": "application/json", "odata-version": "4.0"}
        )

    def _each(self, request: Request, parts: list[dict[str, Any]], go_on: bool) -> list[dict[str, Any]]:
        """Each part by itself; without ``odata.continue-on-error`` the first failure ends the batch."""
        answers: list[dict[str, Any]] = []
        for part in parts:
            answer, _commits = self._part(request, part)
            answers.append(answer)
            if answer["status"] >= 400 and not go_on:
                break
        return answers

    def _isolated(self, request: Request, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All in one transaction; but posting commits, and what was committed before a failure stays."""
        store, answers, stack = self._company.env.store, [], ExitStack()
        stack.enter_context(store.transaction())
        for part in parts:
            answer, commits = self._part(request, part)
            answers.append(answer)
            if answer["status"] >= 400:
                stack.__exit__(Refuse, Refuse(Answer()), None)
                return answers
            if commits:
                stack.close()
                stack = ExitStack()
                stack.enter_context(store.transaction())
        stack.close()
        return answers

    def _part(self, request: Request, part: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        headers = {str(name).lower(): str(value) for name, value in (part.get("headers") or {}).items()}
        path, _, query = str(part.get("url", "")).partition("?")
        match = _API.match(path)
        path = match["rest"].removeprefix("v2.0") if match else path
        call = Call(method=str(part.get("method", "")).upper(), path=path.strip("/"), headers=headers, request=request,
                    query=dict(parse_qsl(query, keep_blank_values=True)), body=part.get("body"))  # fmt: skip
        answer: dict[str, Any] = {"id": part.get("id")}
        try:
            if request.fault("batch_partial"):
                raise BadRequest(
                    "The server is busy and cannot process the request.", "Internal_TenantUnavailable", 503
                )
            with self._company.env.store.transaction():
                status, shown = self.run(call)
        except BadRequest as problem:
            shape = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}
            return {**answer, "status": problem.status, "headers": shape, "body": _problem(problem)}, False
        if shown is None:
            return {**answer, "status": status, "headers": {}}, call.commits
        shape = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}
        return {**answer, "status": status, "headers": shape, "body": shown}, call.commits

    # --- what an address means ------------------------------------------------------------------------------------

    def run(self, call: Call) -> tuple[int, Any]:
        """Carries out one request: status and what is shown. Raises BadRequest."""
        if call.path.startswith("microsoft/runtime/beta/"):
            return self._supported(call)
        parts = steps(call.path) if call.path else []
        if not parts:
            return 200, {
                "@odata.context": self._context(""),
                "value": [{"name": n, "kind": "EntitySet", "url": n} for n in SETS],
            }
        first = parts[0]
        if first.name == "subscriptions":
            return self._subscriptions(call, first)
        if first.name == "companies":
            if not first.key:
                return 200, {"@odata.context": self._context("companies"), "value": [self._company_page()]}
            if first.key.lower() != self._settings.company:
                raise BadRequest(f"The company '{first.key}' does not exist.", "Internal_CompanyNotFound", 404)
            parts = parts[1:]
            if not parts:
                return 200, {"@odata.context": self._context("companies/$entity"), **self._company_page()}
        elif call.headers.get("company", call.query.get("company", "")) not in (
            self._settings.name,
            self._settings.company,
        ):
            raise BadRequest(
                "You must choose a company before you can access the data.", "Internal_CompanyNotFound", 404
            )
        return self._walk(call, parts)

    def _company_page(self) -> dict[str, Any]:
        settings = self._settings
        return {"id": settings.company, "systemVersion": "28.0.0.0", "timestamp": 1, "name": settings.name,
                "displayName": settings.name, "businessProfileId": "", "systemCreatedAt": "2020-01-01T00:00:00Z",
                "systemCreatedBy": NOTHING, "systemModifiedAt": "2020-01-01T00:00:00Z", "systemModifiedBy": NOTHING}  # fmt: skip

    def _context(self, what: str) -> str:
        settings, url = self._settings, self._company.env.public_url
        return f"{url}/v2.0/{settings.tenant}/{settings.environment}/api/v2.0/$metadata#{what}"

    def _walk(self, call: Call, parts: list[Step]) -> tuple[int, Any]:
        kind, stored, parent = known(parts[0].name).name, None, None
        for place, part in enumerate(parts):
            if part.name == "$count":
                seen = self._seen_at(call)
                return 200, str(self._pages.count(kind, parent, call.query, seen))
            if part.name.startswith("Microsoft.NAV."):
                return self._act(call, stored, part.name.removeprefix("Microsoft.NAV."))
            if place:
                if stored is None or part.name not in SETS[stored.kind].below:
                    raise BadRequest(
                        f"Resource not found for the segment '{part.name}'.", "BadRequest_ResourceNotFound", 404
                    )
                kind, parent, stored = SETS[stored.kind].below[part.name], stored, None
            if part.key:
                stored = self._record(kind, part.key, parent)
        return self._on_record(call, stored) if stored else self._on_set(call, kind, parent)

    def _record(self, kind: str, key: str, parent: Stored | None) -> Stored:
        if kind == "dimensionSetLines" and parent is not None:
            lines = self._company.each(kind, parent, 9e18, {})
            found = next((line for line in lines if line.body["id"] == key.lower()), None)
        else:
            found = self._company.find(kind, key)
        if found is None or (parent is not None and found.parent not in ("", parent.id)):
            raise BadRequest(*_NOT_FOUND)
        return found

    def _on_set(self, call: Call, kind: str, parent: Stored | None) -> tuple[int, Any]:
        context = self._context(f"companies({self._settings.company})/{kind}")
        if call.method == "GET":
            return 200, self._pages.many(kind, parent, call.query, seen_at=self._seen_at(call), size=self._size(call),
                                         url=self._company.env.public_url + call.request.path, context=context)  # fmt: skip
        if call.method != "POST":
            raise BadRequest("The HTTP method is not allowed on a collection.", "BadRequest_MethodNotAllowed", 405)
        made = self._company.create(kind, call.body, parent, lag=call.request.search_lag)
        return 201, self._pages.one(self._company.records.get(made.kind, made.id), call.query, f"{context}/$entity")

    def _on_record(self, call: Call, stored: Stored) -> tuple[int, Any]:
        context = self._context(f"companies({self._settings.company})/{stored.kind}/$entity")
        if call.method == "GET":
            return 200, self._pages.one(stored, call.query, context)
        if call.method == "PATCH":
            self._unchanged(call, stored)
            changed = self._company.update(stored, call.body)
            return 200, self._pages.one(self._company.records.get(changed.kind, changed.id), call.query, context)
        if call.method == "DELETE":
            self._unchanged(call, stored)
            self._company.delete(stored)
            return 204, None
        raise BadRequest("The HTTP method is not allowed on a record.", "BadRequest_MethodNotAllowed", 405)

    def _act(self, call: Call, stored: Stored | None, action: str) -> tuple[int, Any]:
        if stored is None:
            raise BadRequest(*_NOT_FOUND)
        if call.method != "POST":
            raise BadRequest("Actions are called with POST.", "BadRequest_MethodNotAllowed", 405)
        if call.body not in (None, {}):
            raise BadRequest("The action takes no parameters.", "BadRequest")
        self._company.act(stored, action)
        call.commits = True
        return 204, None

    def _unchanged(self, call: Call, stored: Stored) -> None:
        given = call.headers.get("if-match", "")
        if not given:
            raise BadRequest(
                "Could not validate the client concurrency token required by the service.", "BadRequest_InvalidToken"
            )
        if given not in ("*", stored.etag):
            raise BadRequest("Another user has already changed the record.", "Request_EntityChanged", 409)

    def _seen_at(self, call: Call) -> float:
        return call.request.now.timestamp()

    def _size(self, call: Call) -> int:
        asked = re.search(r"(?:odata\.)?maxpagesize\s*=\s*(\d+)", call.headers.get("prefer", ""), re.IGNORECASE)
        return max(1, min(self._settings.page, int(asked[1]))) if asked else self._settings.page

    # --- subscriptions --------------------------------------------------------------------------------------------

    def _subscriptions(self, call: Call, step: Step) -> tuple[int, Any]:
        hooks, live = self._hooks, self._hooks.live()
        if not step.key:
            if call.method == "GET":
                return 200, {
                    "@odata.context": self._context("subscriptions"),
                    "value": [hooks.shown(row) for row in live],
                }
            if call.method != "POST":
                raise BadRequest("The HTTP method is not allowed on a collection.", "BadRequest_MethodNotAllowed", 405)
            return 201, {
                "@odata.context": self._context("subscriptions/$entity"),
                **hooks.shown(hooks.create(self._fields(call))),
            }
        stored = next((row for row in live if row.id == step.key), None)
        if stored is None:
            raise BadRequest(*_NOT_FOUND)
        if call.method == "GET":
            return 200, hooks.shown(stored)
        self._unchanged(call, stored)
        if call.method == "PATCH":
            return 200, hooks.shown(hooks.renew(stored, self._fields(call)))
        self._company.records.remove(stored)
        return 204, None

    def _fields(self, call: Call) -> dict[str, Any]:
        if not isinstance(call.body, dict) or not all(isinstance(value, str) for value in call.body.values()):
            raise BadRequest("An object with texts was expected.", "BadRequest")
        return call.body

    def _supported(self, call: Call) -> tuple[int, Any]:
        if call.path != f"microsoft/runtime/beta/companies({self._settings.company})/webhookSupportedResources":
            raise BadRequest(*_NOT_FOUND)
        rows = [{"resource": f"api/v2.0/companies({self._settings.company})/{name}"} for name in SUPPORTED]
        return 200, {"value": rows}


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


STAND_IN = StandInSpec(slug="business_central", build=build)
