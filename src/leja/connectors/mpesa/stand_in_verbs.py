"""The calls of Daraja that are played: register addresses, simulate, push, query, pull, reverse, status, balance."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from leja.connectors.mpesa.stand_in_calls import Calls, stamp
from leja.connectors.mpesa.stand_in_doors import C2B, PULL, SIMPLE, Body, Door, Guard, refusal
from leja.connectors.mpesa.stand_in_wallet import EAT, Declined, Row, Wallet, cents, kept, opening, shillings
from leja_sandbox.kit import Environment, Request, Router

_LOOK_BACK: Final = timedelta(hours=48)
_FORBIDDEN: Final = re.compile(r"m-?pesa|safaricom|exec|exe|cmd|sql|query", re.IGNORECASE)
_TUNNELS: Final = re.compile(r"ngrok|mockbin|requestbin", re.IGNORECASE)
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d{1,2}):(\d\d)(?::(\d{2,3}))?\Z")
_ACCEPTED: Final = "Accept the service request successfully."
_DONE: Final = "The service request is processed successfully."
_ASYNC: Final = ("Initiator", "SecurityCredential", "CommandID", "Remarks", "ResultURL")
_LATE: Final = ("QueueTimeOutURL", "QueueTimeoutURL", "Occasion", "Occassion")
WORDS: Final[Mapping[str, str]] = {
    "0": _DONE,
    "1": "The balance is insufficient for the transaction.",
    "1019": "Transaction has expired.",
    "1032": "Request cancelled by user",
    "1037": "DS timeout user cannot be reached.",
    "2001": "The initiator information is invalid.",
    "2028": "The request is not permitted according to product assignment.",
}


class Verbs:
    """What each call does with the wallet; bodies have been checked for their fields by the guard."""

    def __init__(self, env: Environment, wallet: Wallet, calls: Calls, settings: Mapping[str, Any]) -> None:
        self._env, self._wallet, self._calls, self._settings = env, wallet, calls, settings
        self._store, self._shop = env.store, wallet.shop

    def open(self, router: Router, guard: Guard) -> None:
        """Adds every door to the router."""
        asked = (*_ASYNC, "PartyA", "IdentifierType")
        secret = ("BusinessShortCode", "Password", "Timestamp")
        for door, verb in (
            (Door(path="/mpesa/c2b/v2/registerurl", fields=("ShortCode", "ResponseType", "ConfirmationURL"), known=("ValidationURL",), **C2B), self.register),
            (Door(path="/mpesa/c2b/v2/simulate", fields=("ShortCode", "CommandID", "Amount", "Msisdn"), known=("BillRefNumber",), **C2B), self.simulate),
            (Door(path="/mpesa/stkpush/v1/processrequest", fields=(*secret, "TransactionType", "Amount", "PartyA", "PartyB", "PhoneNumber", "CallBackURL", "AccountReference"), known=("TransactionDesc",)), self.push),
            (Door(path="/mpesa/stkpushquery/v1/query", fields=(*secret, "CheckoutRequestID")), self.push_query),
            (Door(path="/mpesa/transactionstatus/v1/query", fields=asked, known=("TransactionID", "OriginalConversationID", *_LATE), **{**C2B, "bad": "400.002.05"}), self.status),
            (Door(path="/mpesa/accountbalance/v1/query", fields=asked, known=_LATE, **SIMPLE), self.balance),
            (Door(path="/mpesa/reversal/v1/request", fields=(*_ASYNC, "TransactionID", "Amount", "ReceiverParty", "RecieverIdentifierType"), known=_LATE), self.reverse),
            (Door(path="/pulltransactions/v1/register", fields=("ShortCode", "RequestType", "NominatedNumber", "CallBackURL"), **PULL), self.pull_register),
            (Door(path="/pulltransactions/v1/query", fields=("ShortCode", "StartDate", "EndDate", "OffSetValue"), **PULL), self.pull),
        ):  # fmt: skip
            guard.add(router, door, verb)

    def register(self, _request: Request, body: Body) -> dict[str, str]:
        """Registers the addresses; in production once, over HTTPS, and without the words that are not allowed."""
        self._own(body, "ShortCode", "400.003.02")
        if body["ResponseType"] not in ("Completed", "Cancelled"):
            raise refusal("400.003.02", "Bad Request - Invalid ResponseType", 400)
        if self._settings["environment"] == "production":
            if self._calls.urls:
                raise refusal("500.003.1001", "Urls are already registered.", 500)
            for name in ("ConfirmationURL", "ValidationURL"):
                url = str(body.get(name) or "https://none")
                if not url.startswith("https://") or _FORBIDDEN.search(url) or _TUNNELS.search(url):
                    raise refusal("400.003.02", f"Bad Request - Invalid {name}", 400)
        urls = {"confirmation": body["ConfirmationURL"], "validation": body.get("ValidationURL", ""),
                "default": body["ResponseType"]}  # fmt: skip
        self._store.put("urls", "registered", urls)
        return {"OriginatorCoversationID": self._name(), "ResponseCode": "0", "ResponseDescription": "Success"}

    def simulate(self, _request: Request, body: Body) -> dict[str, str]:
        """A customer pays; only on the vendor's sandbox."""
        self._own(body, "ShortCode", "400.003.02")
        command = "CustomerPayBillOnline" if self._shop.kind == "paybill" else "CustomerBuyGoodsOnline"
        if self._settings["environment"] == "production" or body["CommandID"] != command:
            raise refusal("400.003.02", "Bad Request - Invalid CommandID", 400)
        reference = str(body.get("BillRefNumber") or "")
        self._calls.confirm(self._pay(body["Amount"], reference, str(body["Msisdn"])))
        return {"OriginatorCoversationID": self._name(), "ResponseCode": "0", "ResponseDescription": _ACCEPTED}

    def push(self, _request: Request, body: Body) -> dict[str, str]:
        """Asks the customer's phone for a PIN; the outcome goes to the callback."""
        self._secret(body)
        phone = str(body["PhoneNumber"])
        if not re.fullmatch(r"254\d{9}", phone):
            raise refusal("400.002.02", "Bad Request - Invalid PhoneNumber", 400)
        if len(str(body["AccountReference"])) > 12 or len(str(body.get("TransactionDesc", ""))) > 13:
            raise refusal("400.002.02", "Bad Request - Invalid AccountReference", 400)
        if _whole(body["Amount"]) is None:
            raise refusal("400.002.02", "Bad Request - Invalid Amount", 400)
        if any(push["phone"] == phone for push in self.waiting()):
            words = "Unable to lock subscriber, a transaction is already in process for the current subscriber"
            raise refusal("500.001.1001", words, 500)
        number = self._store.next_number("push")
        now = datetime.fromtimestamp(self._env.now(), EAT)
        push = {
            "number": number, "merchant": self._name(), "checkout": f"ws_CO_{now:%d%m%Y%H%M%S}{number:03d}{phone[-9:]}",
            "amount": str(body["Amount"]), "phone": phone, "reference": str(body["AccountReference"]),
            "callback": body["CallBackURL"], "type": body["TransactionType"], "code": "", "words": "", "receipt": "",
        }  # fmt: skip
        self._store.put("push", push["checkout"], push, sort=f"{number:09d}")
        if self._settings["stk"] != "wait":
            self.answer_push(push["checkout"], code=self._settings["stk"])
        accepted = "Success. Request accepted for processing"
        return {"MerchantRequestID": push["merchant"], "CheckoutRequestID": push["checkout"], "ResponseCode": "0",
                "ResponseDescription": accepted, "CustomerMessage": accepted}  # fmt: skip

    def answer_push(self, checkout: str = "", code: int | str = 0, *, webhooks: Any = "normal", delay: float = 0.0) -> Any:
        """The customer types the PIN (0), cancels (1032), cannot be reached (1037) ...; the oldest push where none is named.

        A payment is told twice: as the result of the push and as a confirmation, under one receipt.
        """
        waiting = [push for push in self.waiting() if checkout in ("", push["checkout"])]
        if not waiting:
            raise ValueError("no push of that name waits for its customer")
        push = waiting[0]
        expected = "CustomerPayBillOnline" if self._shop.kind == "paybill" else "CustomerBuyGoodsOnline"
        push["code"] = "2028" if push["type"] != expected else str(code)
        push["words"] = WORDS.get(push["code"], "Declined due to limit rule.")
        row = None
        if push["code"] == "0":
            row = self._pay(push["amount"], push["reference"] if self._shop.kind == "paybill" else "", push["phone"])
            push["receipt"] = row["receipt"]
        self._store.put("push", push["checkout"], push, sort=f"{push['number']:09d}")
        self._calls.pushed(push, row, webhooks, delay)
        if row is not None and self._settings["stk_confirms"]:
            self._calls.confirm(row, webhooks, delay)
        return push

    def waiting(self) -> list[dict[str, Any]]:
        """Pushes whose customers have not answered."""
        return [push for push in self._store.each("push") if not push["code"]]

    def push_query(self, _request: Request, body: Body) -> dict[str, str]:
        """What became of a push; an error while its customer has not answered."""
        self._secret(body)
        push = self._store.get("push", str(body["CheckoutRequestID"]))
        if push is None:
            raise refusal("400.002.02", "Bad Request - Invalid CheckoutRequestID", 400)
        if not push["code"]:
            raise refusal("500.001.1001", "The transaction is being processed", 500)
        return {
            "ResponseCode": "0", "ResponseDescription": "The service request has been accepted successfully",
            "MerchantRequestID": push["merchant"], "CheckoutRequestID": push["checkout"], "ResultCode": push["code"],
            "ResultDesc": push["words"],
        }  # fmt: skip

    def reverse(self, _request: Request, body: Body) -> dict[str, str]:
        """A payment back to its customer; what came of it goes to the ResultURL."""
        if body["CommandID"] != "TransactionReversal" or str(body["RecieverIdentifierType"]) != "11":
            raise refusal("400.002.02", "Bad Request - Invalid CommandID", 400)
        self._own(body, "ReceiverParty", "400.002.02")
        accepted = self._accepted()
        try:
            self._initiator(body)
            row = self._wallet.reverse(str(body["TransactionID"]), str(body["Amount"]))
        except ValueError as problem:
            raise refusal("400.002.02", "Bad Request - Invalid Amount", 400) from problem
        except Declined as declined:
            self._tell("reversal", body, accepted, self._no_receipt(), code=declined.code, words=declined.words)
            return accepted
        balance = shillings(row["balance_after"])
        self._tell("reversal", body, accepted, row["receipt"], parameters=[
            ("DebitAccountBalance", f"Utility Account|KES|{balance}|{balance}|0.00|0.00"),
            ("Amount", Decimal(shillings(-row["minor"]))), ("TransCompletedTime", int(stamp(row["completed"]))),
            ("OriginalTransactionID", row["linked"]), ("Charge", Decimal("0.00")),
            ("CreditPartyPublicName", row["party"]), ("DebitPartyPublicName", f"{self._shop.shortcode} - {self._shop.name}"),
        ])  # fmt: skip
        return accepted

    def status(self, _request: Request, body: Body) -> dict[str, str]:
        """The truth about one receipt; it goes to the ResultURL."""
        if body["CommandID"] != "TransactionStatusQuery":
            raise refusal("400.002.05", "Invalid Request Payload", 400)
        self._own(body, "PartyA", "400.002.05")
        if not body.get("TransactionID") and not body.get("OriginalConversationID"):
            raise refusal("400.002.05", "Invalid Request Payload", 400)
        accepted, row = self._accepted(), self._wallet.find(str(body.get("TransactionID", "")))
        try:
            self._initiator(body)
            if row is None:
                raise Declined("SFC_IC0003", "The operator does not exist.")
        except Declined as declined:
            self._tell("status", body, accepted, self._no_receipt(), code=declined.code, words=declined.words)
            return accepted
        self._tell("status", body, accepted, self._no_receipt(), parameters=self._state(row))
        return accepted

    def balance(self, _request: Request, body: Body) -> dict[str, str]:
        """The balances of the short code's accounts; they go to the ResultURL."""
        if body["CommandID"] != "AccountBalance" or str(body["IdentifierType"]) != "4":
            raise refusal("400.002.02", "Bad Request - Invalid CommandID", 400)
        self._own(body, "PartyA", "400.002.02")
        accepted = self._accepted()
        try:
            self._initiator(body)
        except Declined as declined:
            self._tell("balance", body, accepted, self._no_receipt(), code=declined.code, words=declined.words)
            return accepted
        received = "Utility" if self._shop.kind == "paybill" else "Merchant"
        funds = {"Working": 0, "Float": 0, received: self._wallet.balance(), "Charges Paid": 0, "Organization Settlement": 0}
        told = "&".join(f"{name} Account|KES|{shillings(m)}|{shillings(m)}|0.00|0.00" for name, m in funds.items())
        now = kept(datetime.fromtimestamp(self._env.now(), EAT))
        parameters = [("AccountBalance", told), ("BOCompletedTime", stamp(now))]
        # This one result writes its codes as text, as the portal's sample does.
        self._tell("balance", body, accepted, self._no_receipt(), "0", _DONE.rstrip("."), parameters, kind="0")
        return accepted

    def pull_register(self, _request: Request, body: Body) -> dict[str, str]:
        """Once per short code; the second time says so."""
        self._own(body, "ShortCode", "400.001")
        known = self._store.get("pull", "registered") is not None
        self._store.put("pull", "registered", {"number": str(body["NominatedNumber"])})
        return {"ResponseRefID": self._name(), "ResponseStatus": "1001" if known else "1000", "ShortCode": self._shop.shortcode,
                "ResponseDescription": "ShortCode already Registered" if known else "Shortcode Registered Successfully"}  # fmt: skip

    def pull(self, request: Request, body: Body) -> dict[str, Any]:
        """Payments of the last 48 hours, a page from a row on; dates are East Africa Time."""
        self._own(body, "ShortCode", "400.001")
        if self._store.get("pull", "registered") is None:
            raise refusal("500", "Failed to retrieve transactions. The short code does not have any available transactions.", 500)
        start, end = _moment(body["StartDate"]), _moment(body["EndDate"])
        offset = str(body["OffSetValue"])
        if start is None or end is None or end < start or not offset.isdecimal():
            raise refusal("400.001", "Bad Request - Invalid StartDate", 400)
        oldest = datetime.fromtimestamp(self._env.now(), EAT) - _LOOK_BACK
        rows = self._wallet.pulled(kept(max(start, oldest)), kept(end + timedelta(seconds=1)), request.now)
        page = rows[int(offset) : int(offset) + int(self._settings["pull_page"])]
        return {
            "ResponseRefID": self._name(), "ResponseCode": "1000" if page else "1001",
            "ResponseMessage": "Success" if page else "No transactions", "Response": [[self._pulled(row) for row in page]],
        }  # fmt: skip

    def _pulled(self, row: Row) -> dict[str, Any]:
        moment = datetime.fromisoformat(row["completed"])
        if self._settings["pull_zone"] == "EAT":
            moment = moment.astimezone(EAT)
        return {
            "transactionId": row["receipt"], "trxDate": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "msisdn": int(row["msisdn"][3:]),
            "sender": row["first"], "transactiontype": f"c2b-{'pay-bill' if self._shop.kind == 'paybill' else 'buy-goods'}-debit",
            "billreference": row["account"], "amount": shillings(row["minor"]), "organizationname": self._shop.name,
        }  # fmt: skip

    def _state(self, row: Row) -> list[tuple[str, Any]]:
        us, them = f"{self._shop.shortcode} - {self._shop.name}", row["party"]
        incoming = row["minor"] > 0
        return [
            ("DebitPartyName", them if incoming else us), ("CreditPartyName", us if incoming else them),
            ("OriginatorConversationID", f"{row['number']}-{self._shop.shortcode}-1"), ("InitiatedTime", stamp(row["initiated"])),
            ("DebitAccountType", "MMF Account For Customer" if incoming else "Utility Account"), ("DebitPartyCharges", ""),
            ("TransactionReason", None), ("ReasonType", row["reason"]), ("TransactionStatus", row["status"]),
            ("FinalisedTime", stamp(row["completed"])), ("Amount", shillings(abs(row["minor"]))),
            ("ConversationID", self._conversation()), ("ReceiptNo", row["receipt"]),
        ]  # fmt: skip

    def _tell(
        self, what: str, body: Body, accepted: Mapping[str, str], receipt: str, code: int | str = 0, words: str = _DONE,
        parameters: list[tuple[str, Any]] | None = None, kind: int | str = 0,
    ) -> None:  # fmt: skip
        told: dict[str, Any] = {
            "ResultType": kind, "ResultCode": code, "ResultDesc": words,
            "OriginatorConversationID": accepted["OriginatorConversationID"], "ConversationID": accepted["ConversationID"],
            "TransactionID": receipt,
        }  # fmt: skip
        if parameters is not None:
            rows = [{"Key": key} if value is None else {"Key": key, "Value": value} for key, value in parameters]
            told["ResultParameters"] = {"ResultParameter": rows}
        place = f"https://internalsandbox.safaricom.co.ke/{what}results/v1/submit"
        told["ReferenceData"] = {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": place}}
        self._calls.result(what, str(body["ResultURL"]), told)

    def _pay(self, amount: Any, reference: str, phone: str) -> Row:
        try:
            return self._wallet.pay(str(amount), reference, msisdn=phone)
        except ValueError as problem:
            raise refusal("400.002.05", "Invalid Request Payload", 400) from problem

    def _own(self, body: Body, field: str, code: str) -> None:
        if str(body[field]) != self._shop.shortcode:
            raise refusal(code, f"Bad Request - Invalid {field}" if code != "400.001" else "Invalid ShortCode", 400)

    def _secret(self, body: Body) -> None:
        self._own(body, "BusinessShortCode", "400.002.02")
        plain = f"{self._shop.shortcode}{self._settings['passkey']}{body['Timestamp']}"
        if not re.fullmatch(r"\d{14}", str(body["Timestamp"])) or body["Password"] != base64.b64encode(plain.encode()).decode():
            raise refusal("500.001.1001", "Wrong credentials", 500)

    def _initiator(self, body: Body) -> None:
        if body["Initiator"] != self._settings["initiator"]:
            raise Declined(2001, WORDS["2001"])

    def _accepted(self) -> dict[str, str]:
        return {"OriginatorConversationID": self._name(), "ConversationID": self._conversation(), "ResponseCode": "0",
                "ResponseDescription": _ACCEPTED}  # fmt: skip

    def _conversation(self) -> str:
        return f"AG_{datetime.fromtimestamp(self._env.now(), EAT):%Y%m%d}_{self._name().replace('-', '')[:20]}"

    def _no_receipt(self) -> str:
        return opening(datetime.fromtimestamp(self._env.now(), EAT)) + "0000000"

    def _name(self) -> str:
        number = self._store.next_number("name")
        found = hashlib.sha256(f"{self._env.seed}:name:{number}".encode()).hexdigest()
        return f"{found[:4]}-{found[4:8]}-{found[8:12]}-{found[12:34]}"


def _moment(text: Any) -> datetime | None:
    # The portal's own sample writes "8:36:00" and "10:10:000".
    found = _DATE.match(str(text).strip())
    if found is None:
        return None
    day, hour, minute, second = found.groups()
    try:
        return datetime.fromisoformat(f"{day} {int(hour):02d}:{minute}:{int(second or 0):02d}").replace(tzinfo=EAT)
    except ValueError:
        return None


def _whole(amount: Any) -> int | None:
    try:
        minor = cents(str(amount))
    except ValueError:
        return None
    return minor if minor > 0 and minor % 100 == 0 else None
