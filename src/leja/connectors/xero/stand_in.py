"""The stand-in of Xero: Accounting API 2.0 and its identity service, written from the vendor's published facts.

Judged by the vendor's OpenAPI document (every answer) and by xero-python (official). Settings: ``OrganisationSettings``
in stand_in_chart.py. Control: stand_in_control.py. Ledger accounts are account codes; ``ledger()`` holds what the API
did, ``books`` of the control also what others entered there (origin "foreign").

Not played: tax on prepayments, transfers between currencies, batch payments, purchase orders, quotes, history,
attachments, tracked inventory, creation of tax rates and tracking categories, CIS, PAYMENT webhooks (their body is not
published in the document kept here). XML answers hold the envelope only.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from leja.connectors.xero.stand_in_control import hand
from leja.connectors.xero.stand_in_foreign import found_organisation
from leja.connectors.xero.stand_in_hooks import Hooks
from leja.connectors.xero.stand_in_limits import AtOnce, Limits
from leja.connectors.xero.stand_in_organisation import Organisation, stamp
from leja.connectors.xero.stand_in_records import Stored, encoded
from leja.connectors.xero.stand_in_reports import currencies, journals, organisation_page, tax_rates, trial_balance
from leja.connectors.xero.stand_in_shapes import IDS, NUMBERS, Invalid, Malformed, read_json
from leja.connectors.xero.stand_in_where import BadFilter, ordered, where
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

_API: Final = "/api.xro/2.0"
_COLLECTIONS: Final = (
    "Contacts", "Items", "Accounts", "Invoices", "CreditNotes", "Payments", "BankTransactions", "BankTransfers",
    "ManualJournals",
)  # fmt: skip
# Made by bank transactions, only read here.
_MADE: Final = ("Overpayments", "Prepayments")
_PAGED: Final = frozenset({
    "Contacts", "Invoices", "CreditNotes", "Payments", "BankTransactions", "ManualJournals", *_MADE,
})  # fmt: skip
_JSON: Final = "application/json; charset=utf-8"
_ACCESS_SECONDS: Final = 1800
_REFRESH_SECONDS: Final = 60 * 24 * 3600


def build(env: Environment) -> StandIn:
    """The organisation with its books, behind the vendor's routes."""
    stand_in = StandIn(env)
    organisation = Organisation(env)
    with env.store.transaction():
        found_organisation(organisation)
    tokens = TokenBook(env, access_seconds=_ACCESS_SECONDS, refresh_seconds=_REFRESH_SECONDS, grace_seconds=-1)
    limits = Limits(organisation.settings)
    service = _Service(organisation, tokens, limits)
    stand_in.router = service.routes()
    stand_in.error = _worded
    stand_in.ledger = lambda: [
        LedgerRow(account=account, day=day, currency=currency, minor=minor)
        for account, day, currency, minor, _home, _origin in organisation.records.sums("api")
        if minor
    ]
    hooks = Hooks(env, organisation.settings, organisation.records)
    stand_in.webhooks = hooks.queue
    hand(stand_in, organisation, tokens, hooks)
    if most := organisation.settings.concurrent:
        stand_in.app = AtOnce(stand_in, limits, most)  # type: ignore[assignment]
    return stand_in


def _worded(status: int, retry_after: float | None) -> Answer:
    if status == 429:
        headers = {"x-rate-limit-problem": "minute", "x-minlimit-remaining": "0"}
        if retry_after is not None:
            headers["retry-after"] = f"{retry_after:g}"
        return Answer(status=429, headers=headers)
    return _problem(status, "An error occurred in Xero", "Please try again later")


def _problem(status: int, title: str, detail: str) -> Answer:
    body: dict[str, Any] = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": str(uuid4()),
        "Extensions": {},
    }
    return Answer(status=status, body=encoded(body), headers={"content-type": _JSON})


def _bad_request(number: int, kind: str, message: str, elements: list[dict[str, Any]] | None = None) -> Answer:
    body: dict[str, Any] = {"ErrorNumber": number, "Type": kind, "Message": message}
    if elements is not None:
        body["Elements"] = elements
    return Answer(status=400, body=encoded(body), headers={"content-type": _JSON})


class _Service:
    def __init__(self, organisation: Organisation, tokens: TokenBook, limits: Limits) -> None:
        self._organisation, self._tokens, self._limits = organisation, tokens, limits

    def routes(self) -> Router:
        router = Router()
        router.add("GET", "/.well-known/openid-configuration", self.discovery)
        router.add("GET", "/identity/connect/authorize", self.authorize)
        router.add("POST", "/connect/token", self.token)
        router.add("POST", "/connect/revocation", self.revoke)
        # The page of the vendor writes it small, the official client with a capital.
        router.add("GET", "/connections", self.connections)
        router.add("GET", "/Connections", self.connections)
        router.add("DELETE", "/connections/{id}", self.disconnect)
        router.add("DELETE", "/Connections/{id}", self.disconnect)
        for path, handler in (
            ("/Organisation", self.organisation), ("/Currencies", self.currencies), ("/TaxRates", self.tax_rates),
            ("/TrackingCategories", self.tracking), ("/Journals", self.journals),
            ("/Reports/TrialBalance", self.trial_balance),
        ):  # fmt: skip
            router.add("GET", _API + path, self._guarded(handler))
        for kind in ("CreditNotes", *_MADE):
            router.add("PUT", f"{_API}/{kind}/{{id}}/Allocations", self._guarded(self._of(kind, self.allocate)))
        for kind in _MADE:
            router.add("GET", f"{_API}/{kind}", self._guarded(self._of(kind, self.collection)))
            router.add("GET", f"{_API}/{kind}/{{id}}", self._guarded(self._of(kind, self.read)))
        for kind in _COLLECTIONS:
            router.add("GET", f"{_API}/{kind}", self._guarded(self._of(kind, self.collection)))
            router.add("GET", f"{_API}/{kind}/{{id}}", self._guarded(self._of(kind, self.read)))
            router.add("PUT", f"{_API}/{kind}", self._guarded(self._of(kind, self.write)))
            router.add("POST", f"{_API}/{kind}", self._guarded(self._of(kind, self.write)))
            router.add("POST", f"{_API}/{kind}/{{id}}", self._guarded(self._of(kind, self.write)))
        return router

    def _of(self, kind: str, handler: Callable[[str, Request], Answer]) -> Callable[[Request], Answer]:
        return lambda request: handler(kind, request)

    # --- consent and tokens ---------------------------------------------------------------------------------------

    def discovery(self, _request: Request) -> Answer:
        url = self._organisation.env.public_url
        return json_answer({
            "issuer": url, "authorization_endpoint": f"{url}/identity/connect/authorize",
            "token_endpoint": f"{url}/connect/token", "revocation_endpoint": f"{url}/connect/revocation",
        })  # fmt: skip

    def authorize(self, request: Request) -> Answer:
        query, settings = request.query, self._organisation.settings
        if query.get("client_id") != settings.client_id or query.get("response_type") != "code":
            raise Refuse(json_answer({"error": "unauthorized_client"}, 400))
        facts = {"tenantId": settings.tenant}
        code = self._tokens.code(settings.client_id, query.get("redirect_uri", ""), query.get("scope", ""), facts)
        answer = {"code": code, "state": query.get("state", ""), "scope": query.get("scope", "")}
        return redirect(f"{query.get('redirect_uri', '')}?{urlencode(answer)}")

    def token(self, request: Request) -> Answer:
        form = request.form
        client = self._client(request, form)
        try:
            if form.get("grant_type") == "authorization_code":
                grant = self._tokens.exchange(form.get("code", ""), client, form.get("redirect_uri", ""))
            elif form.get("grant_type") == "refresh_token":
                grant = self._tokens.refresh(form.get("refresh_token", ""), client)
            else:
                raise Refuse(json_answer({"error": "unsupported_grant_type"}, 400))
        except TokenRefused:
            raise Refuse(json_answer({"error": "invalid_grant"}, 400)) from None
        answer = {
            "access_token": grant.access,
            "expires_in": _ACCESS_SECONDS,
            "token_type": "Bearer",
            "scope": grant.scope,
        }
        return json_answer({**answer, "refresh_token": grant.refresh})

    def revoke(self, request: Request) -> Answer:
        form = request.form
        self._client(request, form)
        id_ = self._organisation.env.store.get("oauth_refresh", form.get("token", ""))
        if id_ is not None:
            self._tokens.revoke(id_)
        return Answer(status=200)

    def _client(self, request: Request, form: Mapping[str, str]) -> str:
        settings = self._organisation.settings
        wanted = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
        given = request.headers.get("authorization", "")
        posted = (form.get("client_id"), form.get("client_secret")) == (settings.client_id, settings.client_secret)
        if not posted and not secrets.compare_digest(given.encode(), f"Basic {wanted}".encode()):
            raise Refuse(json_answer({"error": "invalid_client"}, 400))
        return settings.client_id

    def connections(self, request: Request) -> Answer:
        grant = self._bearer(request)
        row = {"id": str(UUID(int=int(grant, 16))), "authEventId": str(UUID(int=1 + int(grant, 16))),
               "tenantId": self._organisation.settings.tenant, "tenantType": "ORGANISATION",
               "tenantName": self._organisation.settings.name, "createdDateUtc": "2026-01-05T09:00:00.0000000",
               "updatedDateUtc": "2026-01-05T09:00:00.0000000"}  # fmt: skip
        return json_answer([row])

    def disconnect(self, request: Request) -> Answer:
        grant = self._bearer(request)
        if request.params["id"] != str(UUID(int=int(grant, 16))):
            raise Refuse(_problem(404, "Not Found", "no such connection"))
        self._tokens.revoke(grant)
        return Answer(status=204)

    def _bearer(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            return self._tokens.check(token if scheme.lower() == "bearer" else "", request).id
        except TokenRefused as refused:
            title = f"Unauthorized: token {refused.reason}"
            raise Refuse(_problem(401, title, "AuthenticationUnsuccessful")) from None

    # --- every call to the organisation ---------------------------------------------------------------------------

    def _guarded(self, handler: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def guarded(request: Request) -> Answer:
            self._bearer(request)
            if request.headers.get("xero-tenant-id", "").lower() != self._organisation.settings.tenant:
                raise Refuse(_problem(403, "Forbidden", "AuthenticationUnsuccessful"))
            left = self._limits.admit(request.now.timestamp())
            try:
                answer = self._replayed(request, handler)
            except Refuse as refused:
                raise Refuse(_with(_in_format(refused.answer, request), left)) from None
            except Malformed as problem:
                raise Refuse(_with(_bad_request(14, "PostDataInvalidException", str(problem)), left)) from None
            except BadFilter as problem:
                raise Refuse(_with(_bad_request(16, "QueryParseException", str(problem)), left)) from None
            return _with(_in_format(answer, request), left)

        return guarded

    def _replayed(self, request: Request, handler: Callable[[Request], Answer]) -> Answer:
        key = request.headers.get("idempotency-key", "")
        if request.method == "GET" or not key:
            return handler(request)
        if len(key) > 128:
            raise Refuse(
                _bad_request(10, "ValidationException", "The Idempotency-Key is longer than 128 characters", [])
            )
        store, now = self._organisation.env.store, request.now.timestamp()
        print_ = hashlib.sha256(
            request.label.encode() + b"\n" + request.query_string.encode() + request.body
        ).hexdigest()
        store.execute("DELETE FROM xero_answer WHERE until < ?", now)
        kept = store.execute("SELECT request, status, body, type FROM xero_answer WHERE key = ?", key)
        if kept and kept[0][0] != print_:
            words = "The Idempotency-Key was used before with a different request"
            raise Refuse(_bad_request(10, "ValidationException", words, []))
        if kept:
            return Answer(status=kept[0][1], body=kept[0][2], headers={"content-type": kept[0][3]})
        answer = handler(request)
        until = now + self._organisation.settings.key_seconds
        kind = answer.headers["content-type"]
        store.execute(
            "INSERT INTO xero_answer VALUES (?,?,?,?,?,?)", key, until, print_, answer.status, answer.body, kind
        )
        return answer

    def _answer(self, name: str, rows: list[dict[str, Any]], page: tuple[int, int, int] | None = None) -> Answer:
        now = self._organisation.env.now()
        body: dict[str, Any] = {"Id": str(uuid4()), "Status": "OK", "ProviderName": "Leja sandbox",
                                "DateTimeUTC": f"/Date({round(now * 1000)})/"}  # fmt: skip
        if page is not None:
            number, size, count = page
            body["pagination"] = {"page": number, "pageSize": size, "pageCount": -(-count // size), "itemCount": count}
        return Answer(body=encoded({**body, name: rows}), headers={"content-type": _JSON})

    # --- pages ----------------------------------------------------------------------------------------------------

    def organisation(self, _request: Request) -> Answer:
        return self._answer("Organisations", [organisation_page(self._organisation)])

    def currencies(self, _request: Request) -> Answer:
        return self._answer("Currencies", currencies(self._organisation))

    def tax_rates(self, _request: Request) -> Answer:
        return self._answer("TaxRates", tax_rates())

    def tracking(self, _request: Request) -> Answer:
        return self._answer("TrackingCategories", [])

    def journals(self, request: Request) -> Answer:
        if not self._organisation.preference("advanced", self._organisation.settings.advanced):
            raise Refuse(_problem(401, "Unauthorized", "AuthorizationUnsuccessful"))
        offset = request.query.get("offset", "0")
        if not offset.isdigit():
            raise BadFilter(f"offset {offset!r} is not a number")
        return self._answer("Journals", journals(self._organisation, int(offset), _since(request)))

    def trial_balance(self, request: Request) -> Answer:
        day = request.query.get("date", request.now.date().isoformat())
        with suppress(ValueError):
            return self._answer("Reports", [trial_balance(self._organisation, day[:10])])
        raise BadFilter(f"date {day!r} is not a day")

    # --- elements -------------------------------------------------------------------------------------------------

    def collection(self, kind: str, request: Request) -> Answer:
        query, organisation = request.query, self._organisation
        found = list(organisation.records.each(kind, seen_at=request.now.timestamp(), since=_since(request)))
        found = [stored for stored in found if self._wanted(kind, stored, query)]
        if text := query.get("where"):
            holds = where(text)
            found = [stored for stored in found if holds(self._filterable(stored))]
        if text := query.get("order"):
            found = ordered(found, text, self._filterable)
        count, page = len(found), None
        if "page" in query and kind in _PAGED:
            number, size = _natural(query["page"], 1_000_000), _natural(query.get("pageSize", "100"), 1000)
            found, page = found[(number - 1) * size : number * size], (number, size, count)
        full = page is not None and query.get("summaryOnly", "").lower() != "true"
        lines = full or kind in ("Contacts", "Items", "Accounts", "Payments", "BankTransfers")
        rows = [organisation.shown(stored, lines=lines) for stored in found]
        if kind == "ManualJournals" and not full:
            rows = [{**row, "JournalLines": []} for row in rows]
            rows = [{k: v for k, v in row.items() if k != "LineItems"} for row in rows]
        return self._answer(kind, rows, page)

    def _wanted(self, kind: str, stored: Stored, query: Mapping[str, str]) -> bool:
        body = stored.body
        number = body.get(NUMBERS.get(kind, ""), "")
        if "IDs" in query and stored.id not in query["IDs"].lower().split(","):
            return False
        if "InvoiceNumbers" in query and number not in query["InvoiceNumbers"].split(","):
            return False
        if "ContactIDs" in query and body.get("Contact", {}).get("ContactID") not in query["ContactIDs"].lower().split(
            ","
        ):
            return False
        if "Statuses" in query and body.get("Status") not in query["Statuses"].split(","):
            return False
        if query.get("createdByMyApp", "").lower() == "true" and stored.origin != "api":
            return False
        if kind == "BankTransfers" and body["Status"] == "DELETED":
            return query.get("includeDeleted", "").lower() == "true"
        archived = body.get("ContactStatus") == "ARCHIVED"
        return not archived or query.get("includeArchived", "").lower() == "true"

    def _filterable(self, stored: Stored) -> Mapping[str, Any]:
        updated = datetime.fromtimestamp(stored.updated, UTC).isoformat()
        return {**stored.body, IDS[stored.kind]: stored.id, "UpdatedDateUTC": updated}

    def read(self, kind: str, request: Request) -> Answer:
        id_, records = request.params["id"], self._organisation.records
        found = records.find(kind, id_)
        if found is None and kind in NUMBERS:
            found = next((s for s in records.by_number(kind, id_) if s.body.get("Status") != "DELETED"), None)
        if found is None:
            raise Refuse(Answer(status=404, body=b"The resource you're looking for cannot be found",
                                headers={"content-type": "text/html; charset=utf-8"}))  # fmt: skip
        return self._answer(kind, [self._organisation.shown(found)])

    def write(self, kind: str, request: Request) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Malformed("only JSON bodies are played here: send Content-Type application/json")
        body, create = read_json(request.body), request.method == "PUT"
        elements = self._elements(kind, body, request)
        summarize = request.query.get("summarizeErrors", "true").lower() != "false"
        places = 4 if request.query.get("unitdp") == "4" and kind != "ManualJournals" else 2
        id_ = request.params.get("id", "")

        def one(given: Mapping[str, Any]) -> dict[str, Any]:
            if not summarize and request.fault("batch_partial"):
                raise Invalid("An error occurred in Xero. Check the API Status page for current service status.")
            lag = request.search_lag
            return self._organisation.accept(kind, given, create=create, unit_places=places, lag=lag, id_=id_)

        return self._each(kind, elements, one, summarize)

    def _elements(self, kind: str, body: Any, request: Request) -> list[Any]:
        single = kind == "Payments" and request.method == "POST"
        if isinstance(body, dict) and set(body) == {kind} and isinstance(body[kind], list):
            if single and "id" not in request.params:
                raise Malformed("POST Payments takes a single payment; PUT takes a list")
            if not body[kind]:
                raise Malformed(f"{kind} is empty")
            return list(body[kind])
        if kind == "Accounts" or single or (kind == "BankTransfers" and "id" in request.params):
            return [body]
        raise Malformed(f'the body must be {{"{kind}": [...]}}')

    def _each(
        self, name: str, elements: list[Any], one: Callable[[Mapping[str, Any]], dict[str, Any]], summarize: bool
    ) -> Answer:
        rows: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for given in elements:
            try:
                with self._organisation.env.store.transaction():
                    shown = one(given)
                rows.append(shown if summarize else {**shown, "StatusAttributeString": "OK"})
            except Invalid as problem:
                messages = [{"Message": message} for message in problem.messages]
                echo = {k: v for k, v in given.items() if isinstance(v, str) and "Date" not in k}
                echo.setdefault(IDS[name], str(UUID(int=0)))
                bad.append({**echo, "ValidationErrors": messages})
                rows.append({**echo, "StatusAttributeString": "ERROR", "ValidationErrors": messages}
                            | ({"HasErrors": True} if name in ("Invoices", "CreditNotes") else {}))  # fmt: skip
        if bad and summarize:
            raise Refuse(_bad_request(10, "ValidationException", "A validation exception occurred", bad))
        return self._answer(name, rows)

    def allocate(self, kind: str, request: Request) -> Answer:
        body = read_json(request.body)
        if not isinstance(body, dict) or set(body) != {"Allocations"} or not isinstance(body["Allocations"], list):
            raise Malformed('the body must be {"Allocations": [...]}')
        summarize = request.query.get("summarizeErrors", "true").lower() != "false"

        def one(given: Mapping[str, Any]) -> dict[str, Any]:
            return self._organisation.allocate(kind, request.params["id"], given, request.search_lag)

        return self._each("Allocations", body["Allocations"], one, summarize)


def _natural(text: str, most: int) -> int:
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise BadFilter(f"{text!r} is not a number from 1 to {most}")
    return int(text)


def _since(request: Request) -> float | None:
    text = request.headers.get("if-modified-since", "")
    if not text:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError):
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise BadFilter(f"If-Modified-Since {text!r} is not an instant")


def _with(answer: Answer, headers: Mapping[str, str]) -> Answer:
    return Answer(status=answer.status, body=answer.body, headers={**answer.headers, **headers})


def _in_format(answer: Answer, request: Request) -> Answer:
    """XML, the service's default, unless JSON was asked for: the envelope alone, so that nobody mistakes it."""
    if "json" in request.headers.get("accept", "") or not answer.headers.get("content-type", "").startswith(
        "application/json"
    ):
        return answer
    status = "OK" if answer.status == 200 else "ERROR"
    body = f"<Response><Id>{uuid4()}</Id><Status>{status}</Status><DateTimeUTC>{stamp(request.now.timestamp())}"
    xml = f"{body}</DateTimeUTC></Response>".encode()
    return Answer(status=answer.status, body=xml, headers={"content-type": "text/xml; charset=utf-8"})


STAND_IN = StandInSpec(slug="xero", build=build)
