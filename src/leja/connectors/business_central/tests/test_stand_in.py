"""The stand-in of Business Central: tokens, OData, sales documents, journals, posting, batches, limits, faults."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from leja.connectors.business_central.stand_in_chart import NOTHING
from leja.connectors.business_central.stand_in_pricing import price, spread
from leja.connectors.business_central.tests.stand_in_tenant import Tenant, problem

SCOPE = "https://api.businesscentral.dynamics.com/.default"


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    running = Tenant()
    yield running
    running.stop()


def form(**changed: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "scope": SCOPE,
    } | changed


def test_a_token_is_given_for_client_credentials_and_ends(tenant: Tenant) -> None:
    path = f"/{tenant.granted['tenant']}/oauth2/v2.0/token"
    answer = tenant.http.post(path, data=form()).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    assert "refresh_token" not in answer
    tenant.granted["access_token"] = answer["access_token"]
    assert tenant.get("accounts")["value"]
    tenant.clock.advance(3600)
    assert problem(tenant.call("GET", "accounts"), 401)[0] == "Authentication_InvalidCredentials"
    for changed, status, error in (
        ({"client_secret": "no"}, 401, "invalid_client"), ({"client_id": "no"}, 400, "unauthorized_client"),
        ({"scope": "x"}, 400, "invalid_scope"), ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ):  # fmt: skip
        refused = tenant.http.post(path, data=form(**changed))
        assert (refused.status_code, refused.json()["error"]) == (status, error)
        assert refused.json()["error_description"].startswith("AADSTS")


def test_addresses_with_and_without_the_tenant_and_what_is_unknown(tenant: Tenant) -> None:
    assert tenant.get("/v2.0/Production/api/v2.0/companies")["value"][0]["id"] == tenant.granted["company"]
    assert tenant.get("/environments/v1.2")["value"][0]["name"] == "Production"
    assert problem(tenant.call("GET", "/v2.0/Elsewhere/api/v2.0/companies"), 404)[0] == "NoEnvironment"
    assert problem(tenant.call("GET", f"{tenant.root}/companies({NOTHING})"), 404)[0] == "Internal_CompanyNotFound"
    assert problem(tenant.call("GET", "salesInvoicez"), 404)[0] == "BadRequest_ResourceNotFound"
    assert problem(tenant.call("GET", f"salesInvoices({NOTHING})"), 404)[0] == "BadRequest_NotFound"
    assert problem(tenant.call("POST", "accounts", {"number": "1"}), 405)[0] == "BadRequest_MethodNotAllowed"


def test_pages_follow_the_next_link_and_count(tenant: Tenant) -> None:
    seen, query = [], {"$filter": "entryNumber gt 10", "$count": "true"}
    answer = tenant.call("GET", "generalLedgerEntries", headers={"Prefer": "odata.maxpagesize=300"}, **query)
    total = answer.json()["@odata.count"]
    while True:
        page = answer.json()
        seen += [row["entryNumber"] for row in page["value"]]
        assert len(page["value"]) <= 300
        if "@odata.nextLink" not in page:
            break
        answer = tenant.http.get(page["@odata.nextLink"], headers={
            "Authorization": f"Bearer {tenant.granted['access_token']}", "Prefer": "odata.maxpagesize=300"})  # fmt: skip
    assert seen == sorted(set(seen))
    assert len(seen) == total > 300
    assert min(seen) == 11
    top = tenant.get("accounts", **{"$top": "2", "$skip": "1", "$orderby": "number desc", "$select": "number"})
    assert [row["number"] for row in top["value"]] == ["70100", "60620"]
    assert set(top["value"][0]) == {"@odata.etag", "number"}
    assert tenant.call("GET", "accounts/$count").text == str(len(tenant.get("accounts")["value"]))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nummber eq '1'", "BadRequest"), ("number eq 1", "BadRequest"), ("number eq '1' or displayName eq 'x'", "BadRequest_MethodNotImplemented"),
        ("number eq", "BadRequest"), ("number like '1'", "BadRequest"),
    ],
)  # fmt: skip
def test_filters_that_cannot_be_read_are_refused(tenant: Tenant, text: str, code: str) -> None:
    answer = tenant.call("GET", "accounts", **{"$filter": text})
    assert problem(answer, answer.status_code)[0] == code


def test_filters_compare_by_type(tenant: Tenant) -> None:
    def numbers(text: str) -> list[str]:
        return [row["number"] for row in tenant.get("accounts", **{"$filter": text})["value"]]

    assert numbers("number eq '10100' or number eq '40100'") == ["10100", "40100"]
    assert numbers("(category eq 'Income') and directPosting eq true and startswith(displayName,'Sales of')") == [
        "40100"
    ]
    assert numbers("netChange gt 0 and number lt '10200'") in (["10100"], [])
    assert len(numbers("lastModifiedDateTime gt 2020-01-01T00:00:00Z")) == len(numbers(""))


def test_a_draft_is_found_by_our_number_in_capitals_and_posting_changes_its_number(tenant: Tenant) -> None:
    draft = tenant.invoice(100, externalDocumentNumber="shop-1001", postingDate="2026-05-04")
    assert (draft["status"], draft["externalDocumentNumber"], draft["totalAmountIncludingTax"]) == (
        "Draft",
        "SHOP-1001",
        120,
    )
    found = tenant.get(
        "salesInvoices", **{"$filter": "externalDocumentNumber eq 'shop-1001'", "$expand": "salesInvoiceLines"}
    )
    assert [row["id"] for row in found["value"]] == [draft["id"]]
    (line,) = found["value"][0]["salesInvoiceLines"]
    assert (line["netAmount"], line["netTaxAmount"], line["taxCode"], line["sequence"]) == (100, 20, "STANDARD", 10000)
    assert tenant.total("40100") == 0, "a draft is in no ledger"
    done = tenant.act(f"salesInvoices({draft['id']})", "post")
    assert (done.status_code, done.content) == (204, b"")
    posted = tenant.get(f"salesInvoices({draft['id']})")
    assert posted["id"] == draft["id"]
    assert posted["number"] != draft["number"]
    assert (posted["status"], posted["remainingAmount"]) == ("Open", 120)
    assert (tenant.total("40100"), tenant.total("20300"), tenant.total("10400")) == (-10000, -2000, 12000)
    entries = tenant.get("generalLedgerEntries", **{"$filter": f"documentNumber eq '{posted['number']}'"})["value"]
    assert [(row["accountNumber"], row["debitAmount"], row["creditAmount"]) for row in entries] == [
        ("40100", 0, 100), ("20300", 0, 20), ("10400", 120, 0)]  # fmt: skip
    assert (
        problem(tenant.act(f"salesInvoices({draft['id']})", "post"))[1]
        == "The action can be applied to a draft invoice only."
    )
    assert (
        problem(tenant.call("PATCH", f"salesInvoices({draft['id']})", {"email": "a@b.c"}, {"If-Match": "*"}))[0]
        == "Application_DialogException"
    )


def test_two_documents_may_bear_one_external_number(tenant: Tenant) -> None:
    customer = tenant.customer()["number"]
    for _ in range(2):
        tenant.invoice(1, customer=customer, externalDocumentNumber="TWICE")
    assert len(tenant.get("salesInvoices", **{"$filter": "externalDocumentNumber eq 'TWICE'"})["value"]) == 2


def test_an_etag_is_demanded_and_a_stale_one_is_refused(tenant: Tenant) -> None:
    customer = tenant.customer()
    path, first = f"customers({customer['id']})", customer["@odata.etag"]
    assert problem(tenant.call("PATCH", path, {"city": "Leeds"}))[0] == "BadRequest_InvalidToken"
    changed = tenant.call("PATCH", path, {"city": "Leeds"}, {"If-Match": first})
    assert (changed.status_code, changed.json()["city"]) == (200, "Leeds")
    assert problem(tenant.call("PATCH", path, {"city": "York"}, {"If-Match": first}), 409)[0] == "Request_EntityChanged"
    assert tenant.call("DELETE", path, headers={"If-Match": changed.headers["etag"]}).status_code == 204


def test_customers_are_numbered_by_their_series(tenant: Tenant) -> None:
    assert problem(tenant.call("POST", "customers", {"city": "Leeds"}))[1] == 'A "displayName" must be provided.'
    code, words = problem(tenant.call("POST", "customers", {"displayName": "A", "number": "SHOP1"}))
    assert code == "Application_DialogException"
    assert words.startswith("You may not enter numbers manually.")
    assert (
        problem(tenant.call("POST", "salesInvoices", {"customerNumber": "NOBODY"}))[1]
        == "The sell-to customer cannot be found."
    )
    two = [tenant.customer() for _ in range(2)]
    wrong = {"customerId": two[0]["id"], "customerNumber": two[1]["number"]}
    assert "do not match" in problem(tenant.call("POST", "salesInvoices", wrong))[1]
    used = tenant.invoice(1, customer=two[0]["number"])
    tenant.act(f"salesInvoices({used['id']})", "post")
    assert (
        problem(tenant.call("DELETE", f"customers({two[0]['id']})", headers={"If-Match": "*"}))[0]
        == "Application_DialogException"
    )


def test_without_posting_groups_or_in_a_closed_period_posting_leaves_the_draft(tenant: Tenant) -> None:
    draft = tenant.invoice(5, postingDate="2026-05-31")
    tenant.control("lock", day="2026-05-31")
    assert tenant.get("generalLedgerSetup")["value"][0]["allowPostingFrom"] == "2026-06-01"
    code, words = problem(tenant.act(f"salesInvoices({draft['id']})", "post"))
    assert (code, "range of allowed posting dates" in words) == ("Application_FieldValidationException", True)
    assert tenant.get(f"salesInvoices({draft['id']})")["status"] == "Draft"
    tenant.control("lock", day="")
    assert tenant.get("generalLedgerSetup")["value"][0]["allowPostingFrom"] == "0001-01-01"
    bare = Tenant(foreign=False, template=False)
    try:
        draft = bare.invoice(5)
        code, words = problem(bare.act(f"salesInvoices({draft['id']})", "post"))
        assert (code, words.startswith("Customer Posting Group must have a value")) == (
            "Application_FieldValidationException",
            True,
        )
    finally:
        bare.stop()


def test_lines_have_one_object_and_keep_it(tenant: Tenant) -> None:
    draft = tenant.invoice(5)
    lines = f"salesInvoices({draft['id']})/salesInvoiceLines"
    both = {"itemId": tenant.get("items")["value"][0]["id"], "accountId": tenant.account("40100")}
    assert "Specify only one of them" in problem(tenant.call("POST", lines, both))[1]
    assert (
        problem(tenant.call("POST", lines, {"lineType": "Item", "lineObjectNumber": "NONE"}))[1]
        == "Item does not exist."
    )
    assert (
        "Direct Posting" in problem(tenant.call("POST", lines, {"lineType": "Account", "lineObjectNumber": "10400"}))[1]
    )
    line = tenant.make(
        lines, {"lineType": "Item", "lineObjectNumber": "SALE", "quantity": 2, "unitPrice": 10, "discountPercent": 10}
    )
    assert (line["sequence"], line["discountAmount"], line["amountExcludingTax"]) == (20000, 2, 18)
    for change in ({"sequence": 1}, {"lineObjectNumber": "SHIPPING"}):
        assert (
            "cannot be modified"
            in problem(tenant.call("PATCH", f"{lines}({line['id']})", change, {"If-Match": "*"}))[1]
        )
    tenant.call("PATCH", f"{lines}({line['id']})", {"quantity": 1}, {"If-Match": "*"})
    assert tenant.get(f"salesInvoices({draft['id']})")["totalAmountExcludingTax"] == 14
    assert tenant.call("DELETE", f"{lines}({line['id']})", headers={"If-Match": "*"}).status_code == 204
    assert tenant.get(f"salesInvoices({draft['id']})")["totalAmountExcludingTax"] == 5
    assert problem(tenant.call("GET", "salesInvoiceLines"))[0] == "Application_DialogException"
    found = tenant.get("salesInvoiceLines", **{"$filter": f"documentId eq {draft['id']}"})["value"]
    assert [row["unitPrice"] for row in found] == [5]
    deep = {"customerNumber": draft["customerNumber"], "salesInvoiceLines": [{"lineType": "Comment", "sequence": 1}]}
    assert "SystemId" in problem(tenant.call("POST", "salesInvoices", deep))[1]


def test_the_invoice_discount_is_spread_and_tax_is_rounded_per_group() -> None:
    lines: list[dict[str, Any]] = [
        {"lineType": "Account", "taxCode": code, "quantity": Decimal(1), "unitPrice": Decimal(amount), "discountPercent": Decimal(0)}
        for code, amount in (("S", "0.33"), ("S", "0.33"), ("S", "0.33"), ("Z", "1.00"))
    ]  # fmt: skip
    totals = price(lines, Decimal("0.10"), {"S": Decimal(20), "Z": Decimal(0)}, 2, taxed=False)
    assert sum(line["invoiceDiscountAllocation"] for line in lines) == Decimal("0.10")
    assert totals["totalAmountExcludingTax"] == Decimal("1.89")
    assert totals["totalTaxAmount"] == sum(line["netTaxAmount"] for line in lines) == Decimal("0.19")
    assert spread(Decimal("1.00"), [Decimal(1)] * 3, 2) == [Decimal("0.33"), Decimal("0.34"), Decimal("0.33")]
    gross: list[dict[str, Any]] = [
        {
            "lineType": "Item",
            "taxCode": "S",
            "quantity": Decimal(1),
            "unitPrice": Decimal("9.99"),
            "discountPercent": Decimal(0),
        }
    ]
    assert price(gross, Decimal(0), {"S": Decimal(20)}, 2, taxed=True)["totalTaxAmount"] == Decimal("1.67")


def test_cancelling_and_correcting(tenant: Tenant) -> None:
    first, second = tenant.invoice(100, email="shop@example.org"), tenant.invoice(50)
    path = f"salesInvoices({first['id']})"
    assert "posted invoice only" in problem(tenant.act(path, "cancel"))[1]
    assert tenant.act(path, "postAndSend").status_code == 204
    assert tenant.act(path, "cancel").status_code == 204
    assert tenant.get(path)["status"] == "Canceled"
    assert tenant.total("40100") == 0
    assert "already been canceled" in problem(tenant.act(path, "cancel"))[1]
    path = f"salesInvoices({second['id']})"
    assert "send-to email is empty" in problem(tenant.act(path, "postAndSend"))[1]
    tenant.act(path, "post")
    assert tenant.act(path, "makeCorrectiveCreditMemo").status_code == 204
    (memo,) = tenant.get("salesCreditMemos", **{"$filter": f"invoiceId eq {second['id']}"})["value"]
    assert (memo["status"], memo["totalAmountIncludingTax"]) == ("Draft", 60)
    assert tenant.act(f"salesCreditMemos({memo['id']})", "post").status_code == 204
    assert (tenant.get(path)["status"], tenant.get(path)["remainingAmount"]) == ("Paid", 0)
    assert "invoice is closed" in problem(tenant.act(path, "makeCorrectiveCreditMemo"))[1]
    assert tenant.total("10400") == 0


def test_an_order_is_shipped_and_invoiced_in_parts(tenant: Tenant) -> None:
    body = {"customerNumber": tenant.customer()["number"], "pricesIncludeTax": True, "externalDocumentNumber": "o-1",
            "salesOrderLines": [{"lineType": "Item", "lineObjectNumber": "1896-S", "quantity": 2, "unitPrice": 120}]}  # fmt: skip
    order = tenant.make("salesOrders", body)
    assert (order["status"], order["totalAmountIncludingTax"], order["totalTaxAmount"]) == ("Draft", 240, 40)
    path = f"salesOrders({order['id']})"
    (line,) = tenant.get(f"{path}/salesOrderLines")["value"]
    tenant.call("PATCH", f"{path}/salesOrderLines({line['id']})", {"invoiceQuantity": 1}, {"If-Match": "*"})
    assert tenant.act(path, "shipAndInvoice").status_code == 204
    assert tenant.get(f"{path}/salesOrderLines")["value"][0]["invoicedQuantity"] == 1
    assert tenant.act(path, "shipAndInvoice").status_code == 204
    assert problem(tenant.call("GET", path), 404)[0] == "BadRequest_NotFound"
    made = tenant.get("salesInvoices", **{"$filter": "externalDocumentNumber eq 'O-1'"})["value"]
    assert [(row["orderNumber"], row["totalAmountIncludingTax"], row["status"]) for row in made] == [
        (order["number"], 120, "Open")
    ] * 2
    assert (tenant.total("40100"), tenant.total("50100"), tenant.total("10700")) == (-20000, 156140, -156140)
    item = tenant.get("items", **{"$filter": "number eq '1896-S'"})["value"][0]
    assert item["inventory"] == 2
    tenant.call("PATCH", f"items({item['id']})", {"inventory": 3}, {"If-Match": "*"})
    assert (tenant.total("10700"), tenant.total("50300")) == (-156140 + 78070, -78070)


def journal(tenant: Tenant, code: str, *rows: tuple[str, float], **more: Any) -> Any:
    batch = tenant.make("journals", {"code": code, "displayName": "Sync"})
    for account, amount in rows:
        line = {
            "accountNumber": account,
            "amount": amount,
            "postingDate": "2026-05-04",
            "documentNumber": f"LJ-{code}",
            **more,
        }
        tenant.make(f"journals({batch['id']})/journalLines", line)
    return batch


def test_a_journal_posts_the_whole_batch_and_empties_it(tenant: Tenant) -> None:
    batch = journal(tenant, "ONE", ("60300", 3.5), ("10320", -3.5), externalDocumentNumber="ours")
    path = f"journals({batch['id']})"
    assert problem(tenant.call("POST", "journals", {"code": "one"}))[0] == "Internal_EntityWithSameKeyExists"
    assert len(tenant.get("journalLines", **{"$filter": "externalDocumentNumber eq 'OURS'"})["value"]) == 2
    assert tenant.act(path, "post").status_code == 204
    assert (tenant.total("60300"), tenant.total("10320")) == (350, -350)
    assert tenant.get(f"{path}/journalLines")["value"] == []
    assert problem(tenant.act(path, "post"))[1] == "There is nothing to post."
    assert [
        row["externalDocumentNumber"]
        for row in tenant.get("journalLines", **{"$filter": "externalDocumentNumber eq 'OURS'"})["value"]
    ] == []
    off = journal(tenant, "TWO", ("60300", 3.5), ("10320", -3.49))
    code, words = problem(tenant.act(f"journals({off['id']})", "post"))
    assert (code, "out of balance by 0.01" in words) == ("Application_DialogException", True)
    assert len(tenant.get(f"journals({off['id']})/journalLines")["value"]) == 2
    bare = journal(tenant, "THREE", ("60300", 3.5), documentNumber="")
    assert problem(tenant.act(f"journals({bare['id']})", "post"))[0] == "Application_FieldValidationException"


def test_a_customer_payment_settles_its_invoice(tenant: Tenant) -> None:
    invoice = tenant.invoice(100)
    path = f"salesInvoices({invoice['id']})"
    batch = tenant.make("customerPaymentJournals", {"code": "PAY1", "balancingAccountId": tenant.account("10340")})
    assert batch["balancingAccountNumber"] == "10340"
    payment = {"customerNumber": invoice["customerNumber"], "postingDate": "2026-05-05", "documentNumber": "P-1",
               "amount": -70, "appliesToInvoiceId": invoice["id"]}  # fmt: skip
    payments = f"customerPaymentJournals({batch['id']})/customerPayments"
    assert "Open, Paid, Corrective, or Canceled" in problem(tenant.call("POST", payments, payment))[1], (
        "a draft cannot be paid"
    )
    tenant.act(path, "post")
    assert (
        problem(tenant.call("POST", payments, {**payment, "amount": 70}))[1]
        == 'The "amount" should be a negative number.'
    )
    tenant.make(payments, payment)
    assert (
        problem(tenant.act(f"customerPaymentJournals({batch['id']})", "post"), 404)[0] == "BadRequest_ResourceNotFound"
    )
    assert tenant.act(f"journals({batch['id']})", "post").status_code == 204
    assert (tenant.get(path)["status"], tenant.get(path)["remainingAmount"]) == ("Open", 50)
    tenant.make(payments, {**payment, "amount": -50})
    assert "P-1 already exists" in problem(tenant.act(f"journals({batch['id']})", "post"))[1]
    line = tenant.get(payments)["value"][0]
    tenant.call("PATCH", f"{payments}({line['id']})", {"documentNumber": "P-2"}, {"If-Match": "*"})
    assert tenant.act(f"journals({batch['id']})", "post").status_code == 204
    assert tenant.get(path)["status"] == "Paid"
    assert (tenant.total("10400"), tenant.total("10340")) == (0, 12000)


def test_a_foreign_currency_lands_in_base(tenant: Tenant) -> None:
    customer = tenant.customer(currencyCode="EUR")
    draft = tenant.invoice(100, customer=customer["number"])
    assert (draft["currencyCode"], draft["totalAmountIncludingTax"]) == ("EUR", 120)
    tenant.act(f"salesInvoices({draft['id']})", "post")
    assert (tenant.total("10400"), tenant.total("40100")) == (9600, -8000)
    assert tenant.invoice(1, currencyCode="GBP")["currencyId"] == NOTHING
    assert (
        "does not match to a Currency"
        in problem(tenant.call("POST", "customers", {"displayName": "X", "currencyCode": "XXX"}))[1]
    )
    assert tenant.get("currencies", **{"$filter": "code eq 'JPY'"})["value"][0]["amountRoundingPrecision"] == 1
    assert tenant.invoice(10.4, customer=tenant.customer(currencyCode="JPY")["number"])["totalAmountIncludingTax"] == 12


def test_dimensions_reach_the_ledger(tenant: Tenant) -> None:
    draft = tenant.invoice(
        10, shortcutDimension1Code="SALES", dimensionSetLines=[{"code": "CUSTOMERGROUP", "valueCode": "LARGE"}]
    )
    path = f"salesInvoices({draft['id']})"
    assert (
        "already exists"
        in problem(tenant.call("POST", f"{path}/dimensionSetLines", {"code": "CUSTOMERGROUP", "valueCode": "SMALL"}))[1]
    )
    assert (
        "does not match to a Dimension"
        in problem(tenant.call("POST", f"{path}/dimensionSetLines", {"code": "NO", "valueCode": "X"}))[1]
    )
    assert (
        problem(
            tenant.call(
                "POST", "salesInvoices", {"customerNumber": draft["customerNumber"], "shortcutDimension1Code": "NO"}
            )
        )[0]
        == "Internal_InvalidTableRelation"
    )
    tenant.act(path, "post")
    number = tenant.get(path)["number"]
    rows = tenant.get(
        "generalLedgerEntries", **{"$filter": f"documentNumber eq '{number}'", "$expand": "dimensionSetLines"}
    )["value"]
    assert {(mark["code"], mark["valueCode"]) for mark in rows[0]["dimensionSetLines"]} == {
        ("DEPARTMENT", "SALES"),
        ("CUSTOMERGROUP", "LARGE"),
    }


def batch(tenant: Tenant, *parts: tuple[str, str, Any], headers: Any = None) -> Any:
    where = f"companies({tenant.granted['company']})/"
    requests = [
        {"method": method, "id": str(n), "url": where + path, "headers": {"Content-Type": "application/json", "If-Match": "*"}, "body": body}
        for n, (method, path, body) in enumerate(parts)
    ]  # fmt: skip
    return tenant.call("POST", f"{tenant.root}/$batch", {"requests": requests}, headers)


def test_a_batch_stops_at_the_first_failure_unless_told_otherwise(tenant: Tenant) -> None:
    parts = [
        ("POST", "customers", {"displayName": "One"}),
        ("POST", "customers", {"displayName": ""}),
        ("POST", "customers", {"displayName": "Three"}),
    ]

    def made() -> int:
        return len([row for row in tenant.get("customers")["value"] if row["displayName"] in ("One", "Three")])

    assert [row["status"] for row in batch(tenant, *parts).json()["responses"]] == [201, 400]
    assert made() == 1
    answers = batch(tenant, *parts, headers={"Prefer": "odata.continue-on-error"}).json()["responses"]
    assert [(row["id"], row["status"]) for row in answers] == [("0", 201), ("1", 400), ("2", 201)]
    assert made() == 3
    assert [row["status"] for row in batch(tenant, *parts, headers={"Isolation": "snapshot"}).json()["responses"]] == [
        201,
        400,
    ]
    assert made() == 3, "nothing of it remains"
    assert problem(batch(tenant, *[("GET", "accounts", None)] * 101), 413)[0] == "BadRequest"
    tenant.control("fault", kind="batch_partial", skip=1, times=1)
    assert [row["status"] for row in batch(tenant, *[("GET", "dimensions", None)] * 3).json()["responses"]] == [
        200,
        503,
    ]


def test_what_posting_committed_stays_in_an_isolated_batch(tenant: Tenant) -> None:
    draft = tenant.invoice(10)
    post = ("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.post", None)
    parts = [
        ("POST", "customers", {"displayName": "Before"}),
        post,
        ("POST", "customers", {"displayName": "After"}),
        post,
    ]
    answers = batch(tenant, *parts, headers={"Isolation": "snapshot"}).json()["responses"]
    assert [row["status"] for row in answers] == [201, 204, 201, 400]
    names = [row["displayName"] for row in tenant.get("customers")["value"]]
    assert ("Before" in names, "After" in names) == (True, False)
    assert tenant.get(f"salesInvoices({draft['id']})")["status"] == "Open"


def test_the_limit_of_requests_has_a_window() -> None:
    tenant = Tenant(foreign=False, per_window=3)
    try:
        for _ in range(3):
            assert tenant.call("GET", "dimensions").status_code == 200
        refused = tenant.call("GET", "dimensions")
        assert problem(refused, 429) == (
            "Application_TooManyRequests",
            "Too many requests reached. Actual (4). Maximum (3).",
        )
        assert "retry-after" not in refused.headers
        tenant.clock.advance(301)
        assert tenant.call("GET", "dimensions").status_code == 200
    finally:
        tenant.stop()


def test_a_lost_answer_is_committed_and_a_lagging_search_finds_late(tenant: Tenant) -> None:
    customer = tenant.customer()["number"]
    tenant.control("fault", kind="answer_lost", path="POST *salesInvoices", times=1)
    with pytest.raises(httpx2.HTTPError):
        tenant.invoice(1, customer=customer, externalDocumentNumber="LOST")
    assert len(tenant.get("salesInvoices", **{"$filter": "externalDocumentNumber eq 'LOST'"})["value"]) == 1
    tenant.control("fault", kind="lagging_search", path="POST *salesInvoices", times=1, seconds=30)
    made = tenant.invoice(1, customer=customer, externalDocumentNumber="LATE")
    assert tenant.get(f"salesInvoices({made['id']})")["status"] == "Draft"
    search = {"$filter": "externalDocumentNumber eq 'LATE'"}
    assert tenant.get("salesInvoices", **search)["value"] == []
    tenant.clock.advance(31)
    assert len(tenant.get("salesInvoices", **search)["value"]) == 1
    tenant.control("fault", kind="error_before", path="GET *", times=1, retry_after=3)
    busy = tenant.call("GET", "dimensions")
    assert (problem(busy, 503)[0], busy.headers["retry-after"]) == ("Internal_TenantUnavailable", "3")


def test_people_over_there(tenant: Tenant) -> None:
    draft = tenant.invoice(100, externalDocumentNumber="LJ1", postingDate="2026-05-04")
    tenant.act(f"salesInvoices({draft['id']})", "post")
    named = {"kind": "salesInvoices", "id": draft["id"]}
    (row,) = tenant.control("documents")
    assert (row["note"], row["day"], row["total"], row["currency"], row["origin"]) == (
        "LJ1",
        "2026-05-04",
        "120.00",
        "GBP",
        "api",
    )
    tenant.control("alter", **named, amount="150.00")
    assert (tenant.total("40100"), tenant.get(f"salesInvoices({draft['id']})")["remainingAmount"]) == (-15000, 180)
    tenant.control("alter", **named, day="2026-05-06", account="40110")
    assert {(r["account"], r["day"]) for r in tenant.control("books", origin="api")} == {
        ("40110", "2026-05-06"), ("20300", "2026-05-06"), ("10400", "2026-05-06")}  # fmt: skip
    tenant.control("void", **named)
    assert tenant.control("document", **named)["status"] == "VOIDED"
    assert {tenant.total(account) for account in ("40110", "20300", "10400")} == {0}
    batch_ = journal(tenant, "ONE", ("60300", 3.5), ("10320", -3.5))
    tenant.act(f"journals({batch_['id']})", "post")
    tenant.control("alter", kind="journals", id="LJ-ONE", amount="4.00")
    assert (tenant.total("60300"), tenant.total("10320")) == (400, -400)
    tenant.control("delete", kind="journals", id="LJ-ONE")
    assert tenant.total("60300") == 0
    before = tenant.total("60100", "foreign")
    lines = [{"accountNumber": account, "amount": amount, "postingDate": "2026-05-04", "documentNumber": "RENT"}
             for account, amount in (("60100", "240.00"), ("10100", "-240.00"))]  # fmt: skip
    tenant.control("foreign", kind="journals", body={"journalLines": lines})
    assert (tenant.total("60100", "foreign") - before, tenant.total("60100")) == (24000, 0)
    tenant.control("deactivate", kind="accounts", id="40100")
    assert "Blocked must be equal to 'No'" in problem(
        tenant.call("POST", "salesInvoices", {"customerNumber": draft["customerNumber"], "salesInvoiceLines": [
            {"lineType": "Account", "lineObjectNumber": "40100"}]}))[1]  # fmt: skip


def test_the_ledger_is_what_the_api_did_and_survives_a_restart(tmp_path: Path) -> None:
    tenant = Tenant(_path=tmp_path, foreign=True)
    draft = tenant.invoice(100, postingDate="2026-05-04")
    tenant.act(f"salesInvoices({draft['id']})", "post")
    ledger = {(row.account, row.day.isoformat(), row.currency): row.minor for row in tenant.stand_in.ledger()}
    assert ledger == {
        ("10400", "2026-05-04", "GBP"): 12000,
        ("40100", "2026-05-04", "GBP"): -10000,
        ("20300", "2026-05-04", "GBP"): -2000,
    }
    foreign = tenant.control("books", origin="foreign")
    assert sum(row["minor"] for row in foreign) == 0
    assert len({row["day"][:7] for row in foreign}) > 20, "a year, twice"
    tenant.stop()
    again = Tenant(_path=tmp_path, foreign=True)
    try:
        assert again.get(f"salesInvoices({draft['id']})")["status"] == "Open"
        assert again.control("books", origin="foreign") == foreign
    finally:
        again.stop()
