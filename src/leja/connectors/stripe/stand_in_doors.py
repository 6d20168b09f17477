"""The doors of the API: keys and rights, versions, idempotency, limits, and the resources behind them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from leja.connectors.stripe.stand_in_account import Account
from leja.connectors.stripe.stand_in_business import Business
from leja.connectors.stripe.stand_in_events import Events
from leja.connectors.stripe.stand_in_hooks import Hooks
from leja.connectors.stripe.stand_in_lists import Lists, error, form, missing, whole
from leja.connectors.stripe.stand_in_payouts import Payouts
from leja.connectors.stripe.stand_in_records import Record, Records
from leja.connectors.stripe.stand_in_shapes import VERSION
from leja_sandbox.kit import Answer, Environment, Refuse, Request, Router, json_answer

_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?\Z")
_KEPT: Final = 86400.0
COLLECTIONS: Final[Mapping[str, str]] = {
    "charges": "charge",
    "refunds": "refund",
    "payment_intents": "payment_intent",
    "payouts": "payout",
    "balance_transactions": "balance_transaction",
    "disputes": "dispute",
    "invoices": "invoice",
    "invoice_payments": "invoice_payment",
    "credit_notes": "credit_note",
    "customers": "customer",
    "topups": "topup",
    "application_fees": "application_fee",
}
Work = Callable[[Request, Record, str], Record]


class Doors:
    """Routes, and what is asked at each of them before anything happens."""

    def __init__(
        self, env: Environment, records: Records, account: Account, events: Events, business: Business,
        payouts: Payouts, settings: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.env, self.records, self.account, self.events = env, records, account, events
        self.business, self.payouts, self.settings = business, payouts, settings
        self.lists, self.hooks = Lists(records, events), Hooks(records, events)

    def router(self) -> Router:
        """Every route."""
        router = Router()
        router.add("GET", "/v1/balance", self._reading(lambda _r, _g, _v: self.account.balance(), "balance"))
        router.add("GET", "/v1/events", self._guarded("event", self._events))
        router.add("GET", "/v1/events/{id}", self._reading(self._event, "event"))
        router.add("GET", "/v1/charges/{id}/refunds", self._guarded("refund", self._of_charge))
        router.add("GET", "/v1/invoices/{id}/lines", self._reading(self._lines, "invoice"))
        for name, kind in COLLECTIONS.items():
            router.add("GET", f"/v1/{name}", self._guarded(kind, self._collection(kind, f"/v1/{name}")))
            router.add("GET", f"/v1/{name}/{{id}}", self._reading(self._object(kind), kind))
        for path, kind, work in self._writes():
            router.add("POST", path, self._writing(kind, work))
        self.hooks.routes(router, self._reading, self._writing, self._guarded)
        return router

    def error(self, status: int, retry_after: float | None) -> Answer:
        """How the vendor words 429 and 5xx."""
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        if status == 429:
            message = "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits."
            answer = error(429, message, code="rate_limit")
            headers["stripe-rate-limited-reason"] = "global-rate"
        elif status == 409:
            answer = error(409, "There is currently another in-progress request using this Idempotent Key.",
                           "idempotency_error", code="idempotency_key_in_use")  # fmt: skip
        else:
            answer = error(status, "Sorry! There was an error while talking to one of our backends.", "api_error")
        return msgspec.structs.replace(answer, headers={**answer.headers, **headers})

    # --- before anything happens ------------------------------------------------------------------------------------

    def _guarded(self, kind: str, work: Callable[[Request, Record, str], Answer]) -> Callable[[Request], Answer]:
        def handle(request: Request) -> Answer:
            try:
                version = self._enter(request, kind)
                answer = work(request, form(request.query_string), version)
            except Refuse as refused:
                raise Refuse(self._marked(refused.answer, request), keep=refused.keep) from None
            return self._marked(answer, request, version)

        return handle

    def _reading(self, work: Work, kind: str) -> Callable[[Request], Answer]:
        return self._guarded(kind, lambda request, given, version: json_answer(
            self.lists.one(work(request, given, version), given, version)
        ))  # fmt: skip

    def _writing(self, kind: str, work: Work) -> Callable[[Request], Answer]:
        def once(request: Request, _query: Record, version: str) -> Answer:
            given = form(request.body.decode())
            key = request.headers.get("idempotency-key")
            self.events.request = {"id": self._number(request), "idempotency_key": key}
            self.records.lag = request.search_lag
            try:
                return self._once(request, key, lambda: self._done(work, request, given, version))
            finally:
                self.events.request, self.records.lag = {"id": None, "idempotency_key": None}, 0.0

        return self._guarded(f"{kind}:write", once)

    def _done(self, work: Work, request: Request, given: Record, version: str) -> Answer:
        try:
            return json_answer(self.lists.one(work(request, given, version), given, version))
        except ValueError as problem:
            raise Refuse(error(400, str(problem))) from None

    def _once(self, request: Request, key: str | None, work: Callable[[], Answer]) -> Answer:
        print_ = hashlib.sha256(f"{request.path}\n".encode() + request.body).hexdigest()
        kept = self.env.store.get("idempotency", key) if key else None
        if kept and kept["at"] > self.env.now() - _KEPT:
            if kept["print"] != print_:
                message = f"Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
                raise Refuse(error(400, message, "idempotency_error"))
            headers = {"content-type": "application/json", "idempotent-replayed": "true",
                       "original-request": kept["request"]}  # fmt: skip
            return Answer(status=kept["status"], body=base64.b64decode(kept["body"]), headers=headers)
        try:
            answer = work()
        except Refuse as refused:
            if not refused.keep:
                raise
            answer = refused.answer
        if key:
            body = base64.b64encode(answer.body).decode()
            self.env.store.put("idempotency", key, {"print": print_, "at": self.env.now(), "status": answer.status,
                                                    "body": body, "request": self._number(request)})  # fmt: skip
        return answer

    def _enter(self, request: Request, right: str) -> str:
        """The version of a request that may go on. Raises Refuse."""
        key = _key(request)
        if not key:
            raise Refuse(
                error(
                    401,
                    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                )
            )
        if request.fault("token_revoked") or request.fault("token_expired"):
            self.env.store.put("dead_key", key, True)
        if self.env.store.get("dead_key", key):
            answer = error(401, f"Expired API Key provided: {_masked(key)}", code="api_key_expired")
            raise Refuse(answer, keep=True)
        rights = self.settings["restricted"].get(key)
        if key != self._api_key() and rights is None:
            raise Refuse(error(401, f"Invalid API Key provided: {_masked(key)}"))
        if rights is not None and right not in rights:
            message = f"The provided key '{_masked(key)}' does not have the required permissions for this endpoint on account '{self.events.account}'. Having the 'rak_{right.replace(':', '_')}' permission would allow this request to continue."
            raise Refuse(error(403, message, code="more_permissions_required"))
        account = request.headers.get("stripe-account", self.events.account)
        if account != self.events.account:
            message = f"The provided key '{_masked(key)}' does not have access to account '{account}' (or that account does not exist)."
            raise Refuse(error(403, message, code="account_invalid"))
        return self._version(request)

    def _version(self, request: Request) -> str:
        version = request.headers.get("stripe-version") or self.settings["version"] or VERSION
        if not _VERSION.match(version):
            raise Refuse(error(400, f"Invalid Stripe API version: {version}"))
        if limit := int(self.settings["per_second"]):
            second = int(self.env.now())
            used = self.env.store.get("rate", "now") or {"second": second, "count": 0}
            count = used["count"] + 1 if used["second"] == second else 1
            self.env.store.put("rate", "now", {"second": second, "count": count})
            if count > limit:
                raise Refuse(self.error(429, None), keep=True)
        return str(version)

    def _api_key(self) -> str:
        kept = self.env.store.get("api_key", "now")
        return str(kept or self.settings["api_key"])

    def grant(self) -> Record:
        """A key that works, with the account that it opens: the settings' one until it is revoked, then a new one."""
        store = self.env.store
        if store.get("dead_key", self._api_key()):
            number = store.next_number("key")
            store.put("api_key", "now", f"{self.settings['api_key']}_{number}")
        return {"key": self._api_key(), "account": self.events.account, "version": VERSION}

    def revoke(self) -> None:
        """The key works no more."""
        self.env.store.put("dead_key", self._api_key(), True)

    def _number(self, request: Request) -> str:
        if not (found := request.headers.get("x-leja-request")):
            number = self.env.store.next_number("request")
            found = f"req_{number:014d}"
            request.headers = {**request.headers, "x-leja-request": found}
        return found

    def _marked(self, answer: Answer, request: Request, version: str | None = None) -> Answer:
        more = {"request-id": self._number(request), "stripe-version": version or VERSION}
        if key := request.headers.get("idempotency-key"):
            more["idempotency-key"] = key
        return msgspec.structs.replace(answer, headers={**answer.headers, **more})

    # --- resources --------------------------------------------------------------------------------------------------

    def _collection(self, kind: str, url: str) -> Callable[[Request, Record, str], Answer]:
        def work(_request: Request, given: Record, version: str) -> Answer:
            if kind == "balance_transaction" and given.get("payout"):
                self._itemised(str(given["payout"]))
            also = ("arrival_date",) if kind == "payout" else ("payment",) if kind == "invoice_payment" else ()
            return self.lists.answer(kind, url, given, version, also=also)

        return work

    def _itemised(self, payout: str) -> None:
        row = self.records.get("payout", payout)
        if row is None:
            raise missing("payout", payout, "payout", 400)
        if not row["automatic"]:
            raise Refuse(
                error(
                    400,
                    "Balance transaction history can only be filtered on automatic transfers, not manual.",
                    param="payout",
                )
            )

    def _object(self, kind: str) -> Work:
        def work(request: Request, _given: Record, _version: str) -> Record:
            row = self.records.get(kind, request.params["id"])
            if row is None:
                raise missing(kind, request.params["id"])
            return row

        return work

    def _of_charge(self, request: Request, given: Record, version: str) -> Answer:
        id_ = request.params["id"]
        if self.records.get("charge", id_) is None:
            raise missing("charge", id_, "charge")
        return self.lists.answer("refund", request.path, given, version, {"charge": id_})

    def _lines(self, request: Request, _given: Record, version: str) -> Record:
        return dict(self._object("invoice")(request, {}, version)["lines"])

    def _events(self, _request: Request, given: Record, version: str) -> Answer:
        types = set(map(str, given.get("types", {}).values())) if isinstance(given.get("types"), dict) else None
        wanted = given.get("delivery_success")

        def keep(event: Record) -> bool:
            told = None if wanted is None else self.events.delivered(event)
            fits = wanted is None or (told is not None and told == (wanted == "true"))
            return fits and (types is None or event["type"] in types) and self.events.alive(event)

        narrow = keep if types is not None or wanted is not None else None
        if narrow is None and given.get("created") is None:
            given = {**given, "created": {"gt": str(self.records.now() - 30 * 86400)}}
        return self.lists.answer("event", "/v1/events", given, version, None, narrow, ("types", "delivery_success"))

    def _event(self, request: Request, _given: Record, _version: str) -> Record:
        row = self.records.get("event", request.params["id"])
        if row is None or not self.events.alive(row):
            raise missing("event", request.params["id"])
        return row

    def _writes(self) -> list[tuple[str, str, Work]]:
        return [
            ("/v1/payment_intents", "payment_intent", self._pay),
            ("/v1/payment_intents/{id}/capture", "payment_intent", self._capture),
            ("/v1/refunds", "refund", self._refund),
            ("/v1/payouts", "payout", self._payout),
        ]

    def _pay(self, _request: Request, given: Record, _version: str) -> Record:
        for name in ("amount", "currency"):
            if name not in given:
                raise Refuse(error(400, f"Missing required param: {name}.", code="parameter_missing", param=name))
        declined = given.get("payment_method") == "pm_card_chargeDeclined"
        made = self.business.charge(
            whole(given["amount"], "amount"), str(given["currency"]), status="failed" if declined else "succeeded",
            capture=given.get("capture_method") != "manual", metadata=dict(given.get("metadata", {})),
            description=given.get("description"), customer=given.get("customer"),
            application_fee=whole(given.get("application_fee_amount", 0), "application_fee_amount"),
        )  # fmt: skip
        intent = self.records.must("payment_intent", made["payment_intent"])
        if declined:
            raise Refuse(error(402, "Your card was declined.", "card_error", code="card_declined",
                               decline_code="generic_decline", charge=made["id"], payment_intent=intent), keep=True)  # fmt: skip
        return intent

    def _capture(self, request: Request, given: Record, version: str) -> Record:
        intent = self._object("payment_intent")(request, given, version)
        amount = given.get("amount_to_capture")
        self.business.capture(intent["latest_charge"], None if amount is None else whole(amount, "amount_to_capture"))
        return self.records.must("payment_intent", intent["id"])

    def _refund(self, _request: Request, given: Record, _version: str) -> Record:
        charge = given.get("charge")
        if charge is None and given.get("payment_intent"):
            intent = self.records.get("payment_intent", given["payment_intent"])
            charge = intent["latest_charge"] if intent else None
        if charge is None or self.records.get("charge", charge) is None:
            raise missing("charge", str(charge), "charge", 400 if charge is None else 404)
        amount = None if "amount" not in given else whole(given["amount"], "amount")
        made = self.business.refund(
            charge, amount, reason=given.get("reason"), metadata=dict(given.get("metadata", {}))
        )
        return self.records.must("refund", made["id"])

    def _payout(self, _request: Request, given: Record, _version: str) -> Record:
        amount, currency = whole(given.get("amount", ""), "amount"), str(given.get("currency", ""))
        available = sum(row["amount"] for row in self.account.balance()["available"] if row["currency"] == currency)
        if amount > available:
            raise Refuse(error(400, "You have insufficient funds in your Stripe account for this transfer.",
                               code="balance_insufficient"))  # fmt: skip
        return self.payouts.payout(currency, amount=amount, automatic=False, status="in_transit")


def _key(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return value.strip() if scheme.lower() == "bearer" else ""


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}"
