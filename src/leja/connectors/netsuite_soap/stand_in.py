"""The stand-in of NetSuite SuiteTalk SOAP: one OneWorld account on legacy tax, behind the port of the vendor's WSDL.

Judged by the WSDL and schemas of version 2023.2 through zeep: each request that zeep builds is understood, each answer is
decoded strictly. Settings: ``AccountSettings`` in stand_in_chart.py. Control: stand_in_control.py. Ledger accounts are internal
ids; ``ledger()`` holds what the API did, ``books`` of the control also what others entered (origin "foreign").

Not played: asynchronous lists, initialize, attach, saved searches, joins and columns of searches, custom fields, SuiteTax,
discounts of the document, addresses, inventory, purchases, customer deposits and refunds, multi-book. Elements that the
vendor's schema knows and this does not are refused as unknown. The order of elements is not enforced, as Axis does not.
From general knowledge alone: the window of timestamps, that a nonce is taken once, the words of most messages, the faults of
authentication, and that a dateTime with an offset is taken into the time zone of the account.
"""

from __future__ import annotations

from typing import Final

from leja.connectors.netsuite_soap.stand_in_company import Company
from leja.connectors.netsuite_soap.stand_in_control import hand
from leja.connectors.netsuite_soap.stand_in_envelope import ENVELOPE, Node, Unreadable, Writer, read
from leja.connectors.netsuite_soap.stand_in_foreign import found_account
from leja.connectors.netsuite_soap.stand_in_limits import AtOnce
from leja.connectors.netsuite_soap.stand_in_operations import MESSAGES, Call, Fault, Operations
from leja.connectors.netsuite_soap.stand_in_passport import NotLetIn, Passports
from leja.connectors.netsuite_soap.stand_in_port import ByOperation
from leja_sandbox.kit import Answer, Environment, LedgerRow, Refuse, Request, Router, StandIn, StandInSpec

_XML: Final = {"content-type": "text/xml; charset=utf-8"}
_HEADERS: Final = frozenset(
    {"tokenPassport", "applicationInfo", "partnerInfo", "preferences", "searchPreferences", "documentInfo"}
)
# Asked before anything is known of the account, so without a passport.
_OPEN: Final = frozenset({"getDataCenterUrls"})


def build(env: Environment) -> StandIn:
    """The account with its books, behind the vendor's port."""
    stand_in = StandIn(env)
    company = Company(env)
    with env.store.transaction():
        found_account(company)
    passports = Passports(company.settings, company.records)
    service = _Service(company, passports)
    router = Router()
    router.add("POST", "/services/NetSuitePort_{version}", service.port)
    router.add("POST", "/services/NetSuitePort_{version}/{operation}", service.port)
    stand_in.router = router
    stand_in.error = service.worded
    stand_in.ledger = lambda: [
        LedgerRow(account=account, day=day, currency=currency, minor=minor)
        for account, day, currency, minor, _home, _origin in company.records.sums("api")
        if minor
    ]
    hand(stand_in, company, passports)
    stand_in.app = ByOperation(stand_in.app)  # type: ignore[assignment]
    if most := company.settings.concurrent:
        stand_in.app = AtOnce(stand_in, most, service.blocked)  # type: ignore[assignment]
    return stand_in


class _Service:
    def __init__(self, company: Company, passports: Passports) -> None:
        self._company, self._passports = company, passports
        self._operations = Operations(company)

    def port(self, request: Request) -> Answer:
        """Any call of the port."""
        version = request.params["version"]
        try:
            self._served(version, request)
            headers, node = read(request.body)
            return self._called(version, headers, node, request)
        except Fault as fault:
            raise Refuse(faulted(version, fault)) from None
        except Unreadable as problem:
            raise Refuse(_plain_fault(str(problem))) from None

    def _served(self, version: str, request: Request) -> None:
        settings, today = self._company.settings, request.now.date().isoformat()
        if today >= settings.gone_from:
            # The endpoint is gone with the release, and with it whoever could word a fault.
            raise Refuse(Answer(status=404))
        served = settings.versions if today < settings.last_only_from else settings.versions[-1:]
        if version not in served:
            raise Fault(
                "InvalidVersion",
                "UNSUPPORTED_WS_VERSION",
                f"The version {version} is no longer supported. Use {served[-1]}.",
            )

    def _called(self, version: str, headers: dict[str, Node], node: Node, request: Request) -> Answer:
        if node.space == MESSAGES and node.version != version:
            raise Fault(
                "InvalidVersion",
                "INVALID_WS_VERSION",
                f"The message is of version {node.version}, the endpoint of {version}.",
            )
        operation = self._operations.all.get(node.name)
        if node.space != MESSAGES or operation is None:
            raise Unreadable(f"org.xml.sax.SAXException: there is no operation {node.name} in {node.space}")
        action = request.headers.get("soapaction", "").strip('" ')
        if action not in ("", node.name):
            raise Unreadable(f"org.xml.sax.SAXException: SOAPAction is {action}, the body holds {node.name}")
        if unknown := set(headers) - _HEADERS:
            raise Unreadable(f"org.xml.sax.SAXException: Invalid header element {min(unknown)}")
        if node.name not in _OPEN:
            self._let_in(headers, version, request)
        out = Writer(version)
        inside = operation(Call(node, headers, version, request, out))
        content = out.tag(MESSAGES, f"{node.name}Response", inside)
        info = out.tag(MESSAGES, "documentInfo", out.text(MESSAGES, "nsId", f"WEBSERVICES_{request.now:%m%d%Y%H%M%S}"))
        return Answer(body=out.envelope(info, content), headers=_XML)

    def _let_in(self, headers: dict[str, Node], version: str, request: Request) -> None:
        if request.fault("token_revoked"):
            self._passports.revoke()
            raise Refuse(faulted(version, _refused_login()), keep=True)
        if "applicationInfo" in headers:
            # The vendor: an applicationInfo beside a tokenPassport makes the request fail.
            raise Fault("InvalidCredentials", "USER_ERROR", "Ambiguous authentication. Use only one authentication.")
        try:
            self._passports.check(headers.get("tokenPassport"), version, request.now.timestamp())
        except NotLetIn:
            raise _refused_login() from None

    def worded(self, status: int, _retry_after: float | None) -> Answer:
        """How the vendor words what the kit plays: too many calls are a SOAP fault, and have no Retry-After."""
        if status == 429:
            return self.blocked()
        if status == 500:
            return faulted(
                self._company.settings.versions[-1],
                Fault("UnexpectedError", "UNEXPECTED_ERROR", "An unexpected error has occurred."),
            )
        return Answer(
            status=status,
            body=b"<html><body>Service Temporarily Unavailable</body></html>",
            headers={"content-type": "text/html"},
        )

    def blocked(self) -> Answer:
        """The fault of one call too many at a time."""
        words = "Only one request may be made against a session at a time."
        if self._company.settings.concurrent > 1:
            words = (
                f"The maximum number of concurrent requests ({self._company.settings.concurrent}) has been exceeded."
            )
        return faulted(
            self._company.settings.versions[-1], Fault("ExceededConcurrentRequestLimit", "WS_REQUEST_BLOCKED", words)
        )


def _refused_login() -> Fault:
    return Fault("InvalidCredentials", "INVALID_LOGIN_CREDENTIALS", "Invalid login attempt.")


def faulted(version: str, fault: Fault) -> Answer:
    """A SOAP fault with the vendor's detail; always HTTP 500."""
    out = Writer(version)
    inside = out.text("faults.platform", "code", fault.code) + out.text("faults.platform", "message", str(fault))
    element = f"{fault.name[0].lower()}{fault.name[1:]}Fault"
    detail = out.tag("faults.platform", element, inside)
    content = (
        "<soapenv:Fault><faultcode>soapenv:Server.userException</faultcode>"
        f"<faultstring>{_escaped(str(fault))}</faultstring><detail>{detail}</detail></soapenv:Fault>"
    )
    return Answer(status=500, body=out.envelope("", content), headers=_XML)


def _plain_fault(words: str) -> Answer:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>soapenv:Server.userException</faultcode><faultstring>{_escaped(words)}</faultstring>"
        "<detail/></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return Answer(status=500, body=body.encode(), headers=_XML)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


STAND_IN: Final = StandInSpec(slug="netsuite_soap", build=build)
