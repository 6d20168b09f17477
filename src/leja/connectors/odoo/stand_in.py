"""The stand-in of Odoo 16 to 19: JSON-2 (19), JSON-RPC and XML-RPC, written from recorded traffic of 18.0 and 19.0 servers.

Judged by the recordings (every pair is replayed), by the recorded ``fields_get`` and by odoo-client-lib (official).
Settings: ``Settings`` in stand_in_chart.py. Control: stand_in_control.py. Ledger accounts are database ids of
``account.account``; ``ledger()`` holds what posted moves of the API did, ``books`` also what others entered.

From general knowledge, not measured: everything of 16.0 and 17.0, ``pos.order``, the web client's session, exchange
differences, texts of refusals that no recording holds. Not played: down payments, payment terms of several parts, cash
basis taxes, group taxes, stock moves and valuation, hashing of posted moves, user groups beyond ``deny``, attachments.
"""

from __future__ import annotations

import secrets
import xmlrpc.client
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote
from xml.parsers.expat import ExpatError

import msgspec

from leja.connectors.odoo.stand_in_chart import Settings
from leja.connectors.odoo.stand_in_control import hand, sums
from leja.connectors.odoo.stand_in_errors import FAULT, Refusal
from leja.connectors.odoo.stand_in_foreign import found_company
from leja.connectors.odoo.stand_in_hooks import Hooks
from leja.connectors.odoo.stand_in_masters import (
    Accounts,
    Companies,
    Currencies,
    CurrencyRates,
    Partners,
    Taxes,
    Users,
)
from leja.connectors.odoo.stand_in_methods import Methods
from leja.connectors.odoo.stand_in_moves import MoveLines, Moves
from leja.connectors.odoo.stand_in_orm import Database
from leja.connectors.odoo.stand_in_payments import Payments, Register, Reversal
from leja.connectors.odoo.stand_in_sales import (
    Externals,
    PosOrders,
    Products,
    SaleInvoicing,
    SaleOrderLines,
    SaleOrders,
    StockQuants,
)
from leja_sandbox.kit import (
    Answer,
    Environment,
    LedgerRow,
    Refuse,
    Request,
    Router,
    StandIn,
    StandInSpec,
    json_answer,
    text_answer,
)

_BUILDS: Final = {16: "16.0-20250506", 17: "17.0-20250506", 18: "18.0-20250506", 19: "19.0-20260201"}
_NO_DATABASE: Final = (
    "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is selected and the requested URL was "
    "not found in the server-wide controllers.</p>\n<p>Please verify the hostname, <a href=/web/login>login</a> and try "
    "again.</p>\n"
)
_NO_KEY: Final = "User not authenticated, use an API Key with a Bearer Authorization header."
_DENIED: Final = Refusal("odoo.exceptions.AccessDenied", "Access Denied")


def build(env: Environment) -> StandIn:
    """One server with one database, behind the vendor's doors."""
    settings = msgspec.convert(dict(env.settings), Settings)
    db = Database(env, settings)
    moves = Moves(db)
    payments, orders = Payments(db, moves), SaleOrders(db, moves)
    for model in (
        moves, MoveLines(db, moves), payments, Register(db, moves, payments), Reversal(db, moves), orders,
        SaleOrderLines(db, orders), SaleInvoicing(db, orders), PosOrders(db), StockQuants(db), Products(db), Externals(db),
        Accounts(db), Partners(db), Taxes(db), Currencies(db), CurrencyRates(db), Companies(db), Users(db),
    ):  # fmt: skip
        db.models[model.name] = model
    methods = Methods(db, moves.posting)
    with env.store.transaction():
        found_company(db, moves)
    stand_in, hooks = StandIn(env), Hooks(db)
    stand_in.webhooks = hooks.queue
    stand_in.control.action("webhooks_to")(hooks.webhooks_to)
    stand_in.router = _Doors(db, methods).routes()
    stand_in.error = _worded
    stand_in.ledger = lambda: [
        LedgerRow(account=account, day=date.fromisoformat(day), currency=currency, minor=minor)
        for (account, day, currency), (minor, _home) in sorted(sums(db, "api").items())
        if minor
    ]
    hand(stand_in, db, moves, payments, orders, methods)
    return stand_in


def _worded(status: int, retry_after: float | None) -> Answer:
    # What stands before the server answers these: a proxy, in HTML.
    words = {429: "Too Many Requests", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}
    title = f"{status} {words.get(status, 'Internal Server Error')}"
    answer = text_answer(f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>", status, "text/html")
    headers = dict(answer.headers) | ({} if retry_after is None else {"retry-after": f"{retry_after:g}"})
    return Answer(status=status, body=answer.body, headers=headers)


class _Doors:
    def __init__(self, db: Database, methods: Methods) -> None:
        self._db, self._methods, self._settings = db, methods, db.settings

    def routes(self) -> Router:
        router = Router()
        if self._db.version >= 19:
            router.add("POST", "/json/2/{model}/{method}", self.json2)
            router.add("GET", "/json/2/{model}/{method}", self.not_by_get)
            router.add("GET", "/doc-bearer/{page}", self.doc)
        router.add("POST", "/jsonrpc", self.jsonrpc)
        router.add("POST", "/web/session/authenticate", self.authenticate)
        router.add("POST", "/web/dataset/call_kw", self.call_kw)
        router.add("POST", "/web/dataset/call_kw/{model}/{method}", self.call_kw)
        for path in ("/xmlrpc/{service}", "/xmlrpc/2/{service}"):
            router.add("POST", path, self.xmlrpc)
        return router

    # --- JSON-2 ---------------------------------------------------------------------------------------------------

    def json2(self, request: Request) -> Answer:
        """``/json/2/<model>/<method>``: real statuses, the error as the whole body, null for nothing."""
        self._bearer(request)
        try:
            arguments = request.json() if request.body else {}
        except ValueError as problem:
            raise Refuse(_refused(Refusal("werkzeug.exceptions.UnprocessableEntity", f"could not parse the body as json: {problem}"))) from None
        if not isinstance(arguments, dict):
            raise Refuse(_refused(Refusal("werkzeug.exceptions.UnprocessableEntity", "the body must be a json object")))
        model, method = unquote(request.params["model"]), unquote(request.params["method"])
        try:
            with self._db.acting(arguments.get("context"), lag=request.search_lag, now=request.now):
                return json_answer(self._methods.by_name(model, method, arguments))
        except Refusal as refusal:
            raise Refuse(_refused(refusal)) from None

    def not_by_get(self, request: Request) -> Answer:
        """GET is no way in."""
        self._bearer(request)
        raise Refuse(_refused(Refusal("werkzeug.exceptions.NotFound", "Did you mean POST?")))

    def doc(self, request: Request) -> Answer:
        """What the official client asks for the order of arguments."""
        self._bearer(request)
        model = request.params["page"].removesuffix(".json")
        if not self._db.knows(model):
            raise Refuse(_refused(Refusal("werkzeug.exceptions.NotFound", f"the model '{model}' does not exist")))
        return json_answer(self._methods.page(model))

    def _bearer(self, request: Request) -> None:
        named = request.headers.get("x-odoo-database", "")
        if named != self._settings.database and (named or self._settings.databases_served > 1):
            raise Refuse(text_answer(_NO_DATABASE, 404, "text/html; charset=utf-8"))
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._key(key, request):
            message = _NO_KEY if scheme.lower() != "bearer" else "Invalid apikey"
            raise Refuse(_refused(Refusal("werkzeug.exceptions.Unauthorized", message)), keep=True)

    def _key(self, key: str, request: Request) -> bool:
        store = self._db.env.store
        kept = store.get("odoo_key", key)
        if kept and (request.fault("token_expired") or request.fault("token_revoked")):
            store.remove("odoo_key", key)
            return False
        return kept is not None and bool(kept["until"] > request.now.timestamp())

    # --- JSON-RPC -------------------------------------------------------------------------------------------------

    def jsonrpc(self, request: Request) -> Answer:
        """``{"params": {"service", "method", "args"}}``: always status 200; nothing for a result has no ``result``."""
        return self._enveloped(request, lambda p: self._service(request, p["service"], p["method"], list(p["args"])))

    def _enveloped(self, request: Request, work: Callable[[Any], Any]) -> Answer:
        try:
            body = request.json()
            params = {"service": "", "method": "", "args": [], **body["params"]}
        except (ValueError, KeyError, TypeError):
            raise Refuse(text_answer("Bad Request: invalid JSON-RPC data", 400, "text/html")) from None
        envelope = {"jsonrpc": "2.0", "id": body.get("id")}
        try:
            result = work(params)
        except Refusal as refusal:
            error = {"code": 200, "message": "Odoo Server Error", "data": _rpc_body(refusal)}
            raise Refuse(json_answer({**envelope, "error": error}), keep=refusal is _DENIED) from None
        return json_answer(envelope if result is None else {**envelope, "result": result})

    def _service(self, request: Request, service: str, method: str, args: list[Any]) -> Any:
        if service == "common":
            return self._common(request, method, args)
        if service != "object" or method not in ("execute_kw", "execute"):
            raise Refusal("builtins.KeyError" if service != "object" else "builtins.NameError", f"Method not available {method}")
        if len(args) < 5:
            raise Refusal("builtins.ValueError", f"not enough values to unpack (expected at least 5, got {len(args)})")
        database, uid, password, model, called, *rest = args
        if database != self._settings.database or uid != 2 or not self._right(password, request):
            raise _DENIED
        plain = method == "execute"
        positional = list(rest) if plain else list(rest[0] if rest else [])
        named = {} if plain or len(rest) < 2 else dict(rest[1] or {})
        with self._db.acting(named.get("context"), lag=request.search_lag, now=request.now):
            return self._methods.by_position(model, called, positional, named)

    def _common(self, request: Request, method: str, args: list[Any]) -> Any:
        if method == "version":
            major = self._db.version
            return {"server_version": _BUILDS[major], "server_version_info": [major, 0, 0, "final", 0, ""],
                    "server_serie": f"{major}.0", "protocol_version": 1}  # fmt: skip
        if method in ("login", "authenticate"):
            if len(args) < 3:
                raise Refusal("builtins.TypeError", f"exp_{method}() takes 3 arguments, {len(args)} were given")
            database, login, password = args[:3]
            if database != self._settings.database:
                raise Refusal("psycopg2.OperationalError", f'database "{database}" does not exist')
            return 2 if login == self._settings.login and self._right(password, request) else False
        raise Refusal("builtins.KeyError", f"Method not found: {method}")

    def _right(self, password: Any, request: Request) -> bool:
        given = str(password)
        plain = secrets.compare_digest(given.encode(), self._settings.password.encode())
        if plain and not (request.fault("token_expired") or request.fault("token_revoked")):
            return not self._db.env.store.get("preference", "password_changed")
        if plain:
            self._db.env.store.put("preference", "password_changed", True)
            return False
        return self._key(given, request)

    # --- the web client's routes ----------------------------------------------------------------------------------

    def authenticate(self, request: Request) -> Answer:
        """``{"params": {"db", "login", "password"}}`` opens a session in a cookie."""
        session = secrets.token_hex(20)

        def work(params: Any) -> Any:
            given = [params.get(name, "") for name in ("db", "login", "password")]
            if self._common(request, "login", given) is False:
                raise _DENIED
            self._db.env.store.put("odoo_session", session, {"uid": 2})
            return {"uid": 2, "db": given[0], "username": given[1], "name": "Administrator",
                    "user_context": {"lang": "en_US", "tz": False, "uid": 2}, "server_version": _BUILDS[self._db.version]}  # fmt: skip

        answer = self._enveloped(request, work)
        headers = {**answer.headers, "set-cookie": f"session_id={session}; HttpOnly; Path=/"}
        return Answer(status=answer.status, body=answer.body, headers=headers)

    def call_kw(self, request: Request) -> Answer:
        """``{"params": {"model", "method", "args", "kwargs"}}`` within a session."""
        cookies = dict(part.strip().partition("=")[::2] for part in request.headers.get("cookie", "").split(";"))

        def work(params: Any) -> Any:
            if self._db.env.store.get("odoo_session", cookies.get("session_id", "")) is None:
                raise Refusal("odoo.http.SessionExpiredException", "Session expired")
            named = dict(params.get("kwargs") or {})
            with self._db.acting(named.get("context"), lag=request.search_lag, now=request.now):
                return self._methods.by_position(params.get("model"), params["method"], list(params["args"]), named)

        return self._enveloped(request, work)

    # --- XML-RPC --------------------------------------------------------------------------------------------------

    def xmlrpc(self, request: Request) -> Answer:
        """The same services in XML. A method that returns nothing has done its work, yet the answer is a fault."""
        try:
            args, method = xmlrpc.client.loads(request.body)
        except (ExpatError, ValueError, TypeError, xmlrpc.client.ResponseError) as problem:
            raise Refuse(text_answer(f"Bad Request: {problem}", 400, "text/html")) from None
        try:
            result = self._service(request, request.params["service"], str(method), [_exact(a) for a in args])
        except Refusal as refusal:
            code = FAULT.get(refusal.name, 1)
            words = refusal.message if code != 1 else str(refusal.body()["debug"])
            raise Refuse(_xml(xmlrpc.client.Fault(code, words)), keep=refusal is _DENIED) from None
        if result is None:
            return _xml(xmlrpc.client.Fault(1, "TypeError: cannot marshal None unless allow_none is enabled"))
        return _xml((_marshalled(result),))


def _xml(value: Any) -> Answer:
    text = xmlrpc.client.dumps(value, methodresponse=True)
    return text_answer(text, content_type="text/xml; charset=utf-8")


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {k: _exact(v) for k, v in value.items()}
    return [_exact(v) for v in value] if isinstance(value, list | tuple) else value


def _marshalled(value: Any) -> Any:
    # XML-RPC has doubles only, and no null inside of answers either.
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {str(k): _marshalled(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_marshalled(v) for v in value]
    return False if value is None else value


def _refused(refusal: Refusal) -> Answer:
    return json_answer(refusal.body(), refusal.status)


def _rpc_body(refusal: Refusal) -> dict[str, Any]:
    body = refusal.body()
    return {"name": body["name"], "debug": body["debug"], "message": body["message"], "arguments": [refusal.message], "context": {}}


STAND_IN: Final = StandInSpec(slug="odoo", build=build)
