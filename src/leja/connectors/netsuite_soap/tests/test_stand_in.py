"""The stand-in of NetSuite SOAP, driven over loopback by zeep from the vendor's WSDL, which decodes every answer strictly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
import zeep
from zeep.cache import InMemoryCache
from zeep.exceptions import Fault
from zeep.transports import Transport

from leja.connectors.netsuite_soap.stand_in import STAND_IN
from leja_sandbox.kit import SimulatedClock
from leja_sandbox.server import SandboxServer

SPECS = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "netsuite_soap"
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
PATH = "/services/NetSuitePort_2023_2"
BINDING = "{urn:platform_2023_2.webservices.netsuite.com}NetSuiteBinding"
_NONCES = itertools.count(100_000)


@lru_cache(maxsize=1)
def client() -> Any:
    """zeep with the whole WSDL: read once."""
    if not SPECS.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so zeep has no WSDL to drive the stand-in from")
    session = requests.Session()
    session.trust_env = False
    return zeep.Client(str(SPECS / "netsuite.wsdl"), transport=Transport(session=session, cache=InMemoryCache()))


def made(space: str, name: str, /, **fields: Any) -> Any:
    """A value of a type of the WSDL; ``space`` as in ``sales.transactions``."""
    first, _, second = space.rpartition(".")
    return client().get_type(f"{{urn:{first}_2023_2.{second}.webservices.netsuite.com}}{name}")(**fields)


def ref(id_: str = "", kind: str | None = None, external: str | None = None) -> Any:
    return made("core.platform", "RecordRef", internalId=id_ or None, externalId=external, type=kind)


class Running:
    """A sandbox with one account, and zeep's service bound to its address."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SimulatedClock(START)
        self.sandbox = SandboxServer(
            specs={"netsuite_soap": STAND_IN}, clock=self.clock, own_ports=True, data_dir=settings.pop("_path", None),
            settings={"netsuite_soap": {"foreign": False, **settings}},
        ).start()  # fmt: skip
        self.stand_in = self.sandbox.stand_in("netsuite_soap")
        self.url = self.sandbox.root_url("netsuite_soap")
        self.key = self.control("grant")
        self.service = client().create_service(BINDING, self.url + PATH)

    def stop(self) -> None:
        self.sandbox.stop()

    def control(self, name: str, **arguments: Any) -> Any:
        return self.stand_in.control.call(name, **arguments)

    def passport(self, nonce: str = "", at: int | None = None, **changed: str) -> Any:
        parts = {"account": self.key["account"], "consumerKey": self.key["consumer_key"], "token": self.key["token_id"],
                 "nonce": nonce or f"nonce{next(_NONCES)}",
                 "timestamp": str(int(self.clock().timestamp()) if at is None else at)}  # fmt: skip
        key = f"{self.key['consumer_secret']}&{self.key['token_secret']}"
        signed = base64.b64encode(hmac.new(key.encode(), "&".join(parts.values()).encode(), hashlib.sha256).digest())
        signature = made(
            "core.platform",
            "TokenPassportSignature",
            _value_1=changed.pop("signature", signed.decode()),
            algorithm="HMAC-SHA256",
        )
        return made("core.platform", "TokenPassport", **{**parts, **changed}, signature=signature)

    def call(self, name: str, *arguments: Any, **headers: Any) -> Any:
        every = {"tokenPassport": self.passport(), **headers}
        answer = getattr(self.service, name)(*arguments, _soapheaders={k: v for k, v in every.items() if v is not None})
        return answer.body if hasattr(answer, "body") else answer

    def add(self, *records: Any, verb: str = "addList") -> list[Any]:
        answer = self.call(verb, list(records))
        return list(getattr(answer, "writeResponse", None) or answer.writeResponseList.writeResponse)

    def made(self, record: Any) -> str:
        (response,) = self.add(record)
        assert response.status.isSuccess, response.status
        return str(response.baseRef.internalId)

    def total(self, number: str) -> int:
        account = self.account(number)
        return sum(row.minor for row in self.stand_in.ledger() if row.account == account)

    def account(self, number: str) -> str:
        rows = self.stand_in.env.store.execute("SELECT id, body FROM netsuite_record WHERE kind = 'account'")
        return next(str(id_) for id_, body in rows if f'"acctNumber": "{number}"' in body)

    def search(self, what: Any, **preferences: Any) -> Any:
        header = made("messages.platform", "SearchPreferences", **preferences) if preferences else None
        answer = self.call("search", what, searchPreferences=header)
        return getattr(answer, "searchResult", answer)


@pytest.fixture
def org() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def line(amount: str | None = "100.00", item: str = "1", kind: str = "Invoice", **more: Any) -> Any:
    space = "sales.transactions" if kind in ("Invoice", "CashSale") else "customers.transactions"
    return made(space, f"{kind}Item", item=ref(item), amount=amount, taxCode=ref("1"), **more)


def sale(kind: str = "Invoice", external: str | None = None, amount: str = "100.00", **more: Any) -> Any:
    space = "sales.transactions" if kind in ("Invoice", "CashSale") else "customers.transactions"
    rows = more.pop("lines", None) or [line(amount, kind=kind)]
    fields = {"entity": ref("501"), "tranDate": datetime(2026, 5, 30, 12, tzinfo=UTC),
              "itemList": made(space, f"{kind}ItemList", item=rows), **more}  # fmt: skip
    return made(space, kind, externalId=external, **fields)


def journal(debit: str = "10.00", credit: str = "10.00", external: str | None = None, **more: Any) -> Any:
    rows = [made("general.transactions", "JournalEntryLine", account=ref("1"), debit=debit),
            made("general.transactions", "JournalEntryLine", account=ref("2"), credit=credit)]  # fmt: skip
    fields = {"tranDate": datetime(2026, 5, 30, 12, tzinfo=UTC), "subsidiary": ref("1"),
              "lineList": made("general.transactions", "JournalEntryLineList", line=rows), **more}  # fmt: skip
    return made("general.transactions", "JournalEntry", externalId=external, **fields)


def refused(response: Any) -> str:
    assert not response.status.isSuccess
    return str(response.status.statusDetail[0].code)


# --- getting in ---------------------------------------------------------------------------------------------------


def test_a_passport_is_taken_once(org: Running) -> None:
    passport = org.passport()
    assert org.call("getServerTime", tokenPassport=passport)
    with pytest.raises(Fault, match="Invalid login attempt"):
        org.call("getServerTime", tokenPassport=passport)


@pytest.mark.parametrize(
    "wrong",
    [
        {"signature": "AAAA"}, {"account": "1234567"}, {"consumerKey": "other"}, {"token": "other"}, {"nonce": "short"},
        {"nonce": "with-hyphen-in-it"}, {"at": int(START.timestamp()) - 301}, {"at": int(START.timestamp()) + 301},
    ],
)  # fmt: skip
def test_a_passport_that_is_not_right_is_refused(org: Running, wrong: dict[str, Any]) -> None:
    with pytest.raises(Fault, match="Invalid login attempt") as caught:
        org.call("getServerTime", tokenPassport=org.passport(**wrong))
    detail = caught.value.detail[0]
    assert detail.tag == "{urn:faults_2023_2.platform.webservices.netsuite.com}invalidCredentialsFault"
    assert detail[0].text == "INVALID_LOGIN_CREDENTIALS"


def test_at_the_edge_of_the_window_it_is_let_in(org: Running) -> None:
    assert org.call("getServerTime", tokenPassport=org.passport(at=int(START.timestamp()) - 300))


def test_a_revoked_token_and_an_application_beside_the_passport(org: Running) -> None:
    info = made("messages.platform", "ApplicationInfo", applicationId="x")
    with pytest.raises(Fault, match="Ambiguous"):
        org.call("getServerTime", applicationInfo=info)
    org.control("revoke_tokens")
    with pytest.raises(Fault, match="Invalid login"):
        org.call("getServerTime")
    org.key = org.control("grant")
    assert org.call("getServerTime")


def test_the_data_centre_is_asked_without_a_passport(org: Running) -> None:
    answer = org.call("getDataCenterUrls", "1234567_SB1", tokenPassport=None)
    assert getattr(answer, "getDataCenterUrlsResult", answer).dataCenterUrls.webservicesDomain == org.url
    with pytest.raises(Fault, match="Invalid account"):
        org.call("getDataCenterUrls", "999", tokenPassport=None)


# --- writing ------------------------------------------------------------------------------------------------------


def test_every_document_posts_and_is_read_back(org: Running) -> None:
    invoice = org.made(sale(external="inv-1"))
    assert (org.total("1100"), org.total("4000"), org.total("2100")) == (12000, -10000, -2000)
    org.made(sale("CashSale", "cs-1", account=ref("1"), undepFunds=False))
    assert org.total("1000") == 12000
    org.made(sale("CashRefund", "cr-1", "25.00", account=ref("1")))
    assert (org.total("1000"), org.total("2100")) == (9000, -3500)
    rows = [made("customers.transactions", "CustomerPaymentApply", apply=True, doc=int(invoice), amount="70.00")]
    payment = made("customers.transactions", "CustomerPayment", externalId="pay-1", customer=ref("501"), payment="70.00",
                   tranDate=datetime(2026, 5, 31, tzinfo=UTC), account=ref("3"),
                   applyList=made("customers.transactions", "CustomerPaymentApplyList", apply=rows))  # fmt: skip
    org.made(payment)
    assert (org.total("1100"), org.total("1020")) == (5000, 7000)
    rows = [made("customers.transactions", "CreditMemoApply", apply=True, doc=int(invoice))]
    apply = made("customers.transactions", "CreditMemoApplyList", apply=rows)
    memo = org.made(sale("CreditMemo", "cm-1", "10.00", applyList=apply))
    org.made(journal(external="je-1"))
    names = ("invoice", "creditMemo", "cashSale", "cashRefund", "customerPayment", "journalEntry")
    ids = {row["kind"]: row["id"] for row in org.control("documents")}
    answer = org.call("getList", [ref(ids[name], name) for name in names])
    read = getattr(answer, "readResponse", None) or answer.readResponseList.readResponse
    assert [response.status.isSuccess for response in read] == [True] * 6
    assert (read[0].record.amountRemaining, read[0].record.amountPaid, read[0].record.status) == (38, 82, "Open")
    assert read[0].record.itemList.item[0].grossAmt == 120
    assert (read[1].record.internalId, read[1].record.applied) == (memo, 12)
    assert [row.debit for row in read[5].record.lineList.line] == [10, None]
    assert sum(row["minor"] for row in org.control("books")) == 0


def test_records_of_a_list_stand_or_fall_alone(org: Running) -> None:
    answers = org.add(sale(external="a"), journal("10.00", "9.99", "b"), sale(external="a"), sale(external="c"))
    assert [answer.status.isSuccess for answer in answers] == [True, False, False, True]
    assert [refused(answers[1]), refused(answers[2])] == ["JE_AMOUNTS_MUST_BALANCE", "DUP_RCRD"]
    assert (answers[2].baseRef.externalId, answers[2].baseRef.type) == ("a", "invoice")
    assert org.total("4000") == -20000


def test_external_ids_are_one_space_for_all_transactions(org: Running) -> None:
    org.made(sale(external="shop-1"))
    (answer,) = org.add(journal(external="shop-1"), verb="upsertList")
    assert refused(answer) == "DUP_RCRD"
    customer = made("relationships.lists", "Customer", companyName="Shop One", externalId="shop-1", subsidiary=ref("1"))
    assert org.made(customer)


def test_an_upsert_twice_is_one_document(org: Running) -> None:
    first, again = (
        org.add(sale(external="inv-9", amount=amount), verb="upsertList")[0] for amount in ("100.00", "40.00")
    )
    assert first.baseRef.internalId == again.baseRef.internalId
    assert (org.total("4000"), len(org.control("documents"))) == (-4000, 1)
    (named,) = org.add(made("sales.transactions", "Invoice", internalId="1001", externalId="inv-9"), verb="upsertList")
    assert refused(named) == "USER_ERROR"


def test_an_update_changes_what_is_given(org: Running) -> None:
    id_ = org.made(sale(external="inv-1", memo="before", otherRefNum="PO 1"))
    (answer,) = org.add(made("sales.transactions", "Invoice", internalId=id_, memo="after"), verb="updateList")
    assert answer.status.isSuccess
    body = org.control("document", kind="invoice", id=id_)["body"]
    assert (body["memo"], body["otherRefNum"], body["total"]) == ("after", "PO 1", "120.00")
    (missing,) = org.add(made("sales.transactions", "Invoice", internalId="77", memo="x"), verb="updateList")
    assert refused(missing) == "RCRD_DSNT_EXIST"


def test_a_list_is_replaced_unless_it_is_said_not_to_be(org: Running) -> None:
    id_ = org.made(sale(external="inv-1", memo="before", lines=[line("100.00"), line("30.00", item="2")]))
    rows = made("sales.transactions", "InvoiceItemList", item=[line("50.00", line=1)], replaceAll=False)
    org.add(made("sales.transactions", "Invoice", internalId=id_, itemList=rows), verb="updateList")
    assert (org.total("4000"), org.total("4010"), org.total("2100")) == (-5000, -3000, -1600)
    blank = made("core.platform", "NullField", name=["memo"])
    rows = made("sales.transactions", "InvoiceItemList", item=[line("20.00")])
    org.add(
        made("sales.transactions", "Invoice", internalId=id_, itemList=rows, nullFieldList=blank), verb="updateList"
    )
    assert (org.total("4000"), org.total("4010"), org.total("2100")) == (-2000, 0, -400)
    assert "memo" not in org.control("document", kind="invoice", id=id_)["body"]


def test_a_rate_and_a_gross_amount_price_a_line(org: Running) -> None:
    org.made(
        sale(lines=[line(None, rate="3.335", quantity=2), line(None, grossAmt="120.00"), line("10.00", tax1Amt="1.99")])
    )
    assert (org.total("4000"), org.total("2100"), org.total("1100")) == (-11667, -2332, 13999)


def test_what_is_read_only_cannot_be_written(org: Running) -> None:
    (answer,) = org.add(sale(total="5.00"))
    assert refused(answer) == "INSUFFICIENT_PERMISSION"
    preferences = made("messages.platform", "Preferences", ignoreReadOnlyFields=True)
    answer = org.call("add", sale(total="5.00"), preferences=preferences)
    assert getattr(answer, "writeResponse", answer).status.isSuccess


def test_deleting_frees_the_external_id_and_leaves_a_tombstone(org: Running) -> None:
    id_ = org.made(sale(external="inv-1"))
    answer = org.call("deleteList", [ref(id_, "invoice"), ref("", "invoice", "nope")])
    first, second = getattr(answer, "writeResponse", None) or answer.writeResponseList.writeResponse
    assert first.status.isSuccess
    assert refused(second) == "RCRD_DSNT_EXIST"
    assert org.stand_in.ledger() == []
    when = made("core.platform", "SearchDateField", operator="onOrAfter", searchValue=START)
    answer = org.call("getDeleted", made("core.platform", "GetDeletedFilter", deletedDate=when), 1)
    (gone,) = getattr(answer, "getDeletedResult", answer).deletedRecordList.deletedRecord
    assert (gone.record.internalId, gone.record.type) == (id_, "invoice")
    assert [row["gone"] for row in org.control("documents")] == [True]
    assert org.made(sale(external="inv-1")) != id_


def test_a_closed_period_takes_nothing_and_gives_nothing(org: Running) -> None:
    id_ = org.made(sale(external="inv-1"))
    org.control("lock", day="2026-05-15")
    answers = org.add(sale(external="inv-2"), sale(external="inv-3", tranDate=datetime(2026, 6, 1, tzinfo=UTC)))
    assert [refused(answers[0]), answers[1].status.isSuccess] == ["TRAN_PERIOD_CLOSED", True]
    answer = org.call("delete", ref(id_, "invoice"))
    assert refused(getattr(answer, "writeResponse", answer)) == "TRAN_PERIOD_CLOSED"
    basic = made("common.platform", "AccountingPeriodSearchBasic",
                 startDate=made("core.platform", "SearchDateField", operator="within", searchValue=datetime(2026, 5, 1, tzinfo=UTC), searchValue2=datetime(2026, 6, 1, tzinfo=UTC)))  # fmt: skip
    periods = org.search(basic).recordList.record
    assert [(p.periodName, p.closed) for p in periods] == [("May 2026", True), ("Jun 2026", False)]
    org.control("lock")
    assert org.made(sale(external="inv-2"))


def test_inactive_accounts_items_and_customers_are_invalid_references(org: Running) -> None:
    for kind, id_ in (("account", "26"), ("item", "1"), ("customer", "501")):
        org.control("deactivate", kind=kind, id=id_)
        assert refused(org.add(sale())[0]) == "INVALID_KEY_OR_REF", kind
        org.control("deactivate", kind=kind, id=id_, active=True)
    assert org.made(sale())


def test_an_instant_falls_on_the_day_of_the_account(org: Running) -> None:
    id_ = org.made(sale(tranDate=datetime(2026, 5, 30, 23, 30, tzinfo=UTC)))
    assert org.control("document", kind="invoice", id=id_)["day"] == "2026-05-31"


def test_another_currency_and_the_gain_of_a_payment(org: Running) -> None:
    euro = ref("3")
    invoice = org.made(sale(currency=euro, exchangeRate="0.8"))
    rows = [made("customers.transactions", "CustomerPaymentApply", apply=True, doc=int(invoice))]
    org.made(made("customers.transactions", "CustomerPayment", customer=ref("501"), payment="120.00", currency=euro,
                  exchangeRate="0.9", account=ref("1"), tranDate=datetime(2026, 5, 31, tzinfo=UTC),
                  applyList=made("customers.transactions", "CustomerPaymentApplyList", apply=rows)))  # fmt: skip
    books = org.control("books")
    assert sum(row["home_minor"] for row in books) == 0
    assert sum(row["home_minor"] for row in books if row["account"] == org.account("1100")) == 0
    assert [row["home_minor"] for row in books if row["account"] == org.account("7000")] == [-1200]


# --- finding ------------------------------------------------------------------------------------------------------


def test_searches_page_and_expire(org: Running) -> None:
    for number in range(12):
        org.made(journal(external=f"je-{number}"))
    kind = made("core.platform", "SearchEnumMultiSelectField", operator="anyOf", searchValue=["_journal"])
    basic = made("common.platform", "TransactionSearchBasic", type=kind)
    found = org.search(basic, pageSize=5, bodyFieldsOnly=False)
    assert (found.totalRecords, found.totalPages, len(found.recordList.record)) == (12, 3, 5)
    assert found.recordList.record[0].lineList is not None
    answer = org.call("searchMoreWithId", found.searchId, 3)
    last = getattr(answer, "searchResult", answer)
    assert [record.externalId for record in last.recordList.record] == ["je-10", "je-11"]
    org.clock.advance(901)
    answer = org.call("searchMoreWithId", found.searchId, 3)
    assert refused(getattr(answer, "searchResult", answer)) == "INVALID_SEARCH_MORE"
    assert refused(org.search(basic, pageSize=4)) == "INVALID_SEARCH_PAGE_SIZE"


def test_criteria_find_what_they_say(org: Running) -> None:
    org.made(sale(external="inv-1", memo="Order 17", tranDate=datetime(2026, 5, 2, 12, tzinfo=UTC)))
    org.clock.advance(3600)
    second = org.made(sale(external="inv-2", memo="Order 18"))
    core = "core.platform"

    def ids(**fields: Any) -> list[str]:
        basic = made("common.platform", "TransactionSearchBasic", **fields)
        result = org.search(made("sales.transactions", "TransactionSearch", basic=basic))
        return [record.externalId for record in (result.recordList.record if result.recordList else ())]

    assert ids(
        externalId=made(core, "SearchMultiSelectField", operator="anyOf", searchValue=[ref(external="inv-2")])
    ) == ["inv-2"]
    assert ids(internalId=made(core, "SearchMultiSelectField", operator="noneOf", searchValue=[ref(second)])) == [
        "inv-1"
    ]
    assert ids(memo=made(core, "SearchStringField", operator="contains", searchValue="order 17")) == ["inv-1"]
    assert ids(tranDate=made(core, "SearchDateField", operator="on", searchValue=datetime(2026, 5, 2, tzinfo=UTC))) == [
        "inv-1"
    ]
    after = made(core, "SearchDateField", operator="after", searchValue=START)
    assert ids(lastModifiedDate=after) == ["inv-2"]
    entity = made(core, "SearchMultiSelectField", operator="anyOf", searchValue=[ref("502")])
    assert ids(entity=entity, mainLine=made(core, "SearchBooleanField", searchValue=True)) == []


def test_the_chart_currencies_codes_and_balances(org: Running) -> None:
    org.made(sale())
    accounts = org.search(
        made("accounting.lists", "AccountSearch", basic=made("common.platform", "AccountSearchBasic"))
    )
    assert {a.acctNumber: a.acctType for a in accounts.recordList.record}["1100"] == "_accountsReceivable"
    answer = org.call("getAll", made("core.platform", "GetAllRecord", recordType="currency"))
    assert [c.symbol for c in getattr(answer, "getAllResult", answer).recordList.record] == [
        "GBP",
        "USD",
        "EUR",
        "JPY",
        "KES",
    ]
    codes = org.search(made("common.platform", "SalesTaxItemSearchBasic")).recordList.record
    assert (codes[0].itemId, codes[0].rate) == ("VAT:S-GB", "20.0%")
    answer = org.call(
        "getSelectValue", made("core.platform", "GetSelectValueFieldDescription", recordType="invoice", field="item"), 1
    )
    assert getattr(answer, "getSelectValueResult", answer).totalRecords == 5
    fields = made("core.platform", "PostingTransactionSummaryField", period=True, account=True)
    answer = org.call(
        "getPostingTransactionSummary", fields, made("core.platform", "PostingTransactionSummaryFilter"), 1
    )
    rows = getattr(
        answer, "getPostingTransactionSummaryResult", answer
    ).postingTransactionSummaryList.postingTransactionSummary
    assert {row.account.internalId: row.amount for row in rows}[org.account("1100")] == 120
    answer = org.call("getAccountGovernanceInfo")
    assert getattr(answer, "getAccountGovernanceInfoResult", answer).accountConcurrencyLimit == 5


# --- refusals of the whole message --------------------------------------------------------------------------------


def posted(org: Running, body: str, path: str = PATH, action: str = "") -> httpx2.Response:
    with httpx2.Client(base_url=org.url, trust_env=False) as http:
        return http.post(path, content=body.encode(), headers={"soapaction": action, "content-type": "text/xml"})


def written(org: Running, record: Any) -> str:
    envelope = client().create_message(org.service, "add", record, _soapheaders={"tokenPassport": org.passport()})
    from lxml import etree

    return etree.tostring(envelope).decode()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (":memo", ":memmo", "Invalid element in com.netsuite.webservices.transactions.sales_2023_2.Invoice - memmo"),
        ("urn:sales_2023_2", "urn:sales_2019_1", "Invalid element"),
        ("urn:messages_2023_2", "urn:messages_2022_1", "The message is of version 2022_1"),
        ("<soap-env:Envelope", "<!DOCTYPE x [<!ENTITY a 'b'>]><soap-env:Envelope", "DOCTYPE is disallowed"),
        ("schemas.xmlsoap.org/soap/envelope", "example.org/envelope", "Bad envelope tag"),
        (":add", ":addd", "there is no operation addd"),
        ("100.00</", "NaN</", "For input string: 'NaN'"),
        ("</soap-env:Body>", "", "mismatched tag"),
    ],
)  # fmt: skip
def test_what_the_wsdl_does_not_know_is_refused(org: Running, old: str, new: str, words: str) -> None:
    body = written(org, sale(memo="hello"))
    assert old in body
    answer = posted(org, body.replace(old, new))
    assert answer.status_code == 500
    assert words in answer.text
    assert org.stand_in.ledger() == []


def test_too_many_records_and_too_many_lines(org: Running) -> None:
    with pytest.raises(Fault, match="maximum number of records") as caught:
        org.add(*[journal()] * 201)
    assert "exceededRecordCountFault" in caught.value.detail[0].tag
    running = Running(most_lines=2, most_journal_lines=1)
    assert refused(running.add(sale(lines=[line()] * 3))[0]) == "EXCEEDED_MAX_TRANS_LINES"
    assert refused(running.add(journal())[0]) == "EXCEEDED_MAX_TRANS_LINES"
    running.stop()


def test_the_endpoint_retires(org: Running) -> None:
    org.clock.set(datetime(2027, 3, 1, tzinfo=UTC))
    with pytest.raises(Fault, match="no longer supported") as caught:
        org.call("getServerTime")
    assert "invalidVersionFault" in caught.value.detail[0].tag
    org.clock.set(datetime(2028, 9, 1, tzinfo=UTC))
    assert posted(org, written(org, sale())).status_code == 404
