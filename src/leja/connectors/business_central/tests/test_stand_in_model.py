"""The stand-in of Business Central held against the entity model that is generated from the vendor's AL source."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leja.connectors.business_central import stand_in_model
from leja.connectors.business_central.stand_in_model import SETS, BadRequest, EntitySet, read_body
from leja.connectors.business_central.tests.stand_in_tenant import SPECS, Tenant

# Kept by the system alone: the model leaves them open, for the page does not say it.
SYSTEM = {"id", "lastModifiedDateTime", "fullyShipped"}
# Documentation samples with fields of another generation, or cut short by the vendor, and what is wrong with them.
OLD_FIELDS = {
    "salescreditmemo": {"contactId", "billingPostalAddress"},
    "customerpayment": {"contactId"},
    "account": {"incomeBalance", "debitCreditBalance", "totalBalance", "balance"},
    "salesorder": {"documentLines"},
}
PLAYED = {
    "account": "accounts", "currency": "currencies", "customer": "customers", "customerpayment": "customerPayments",
    "customerpaymentjournal": "customerPaymentJournals", "dimension": "dimensions", "item": "items", "journal": "journals",
    "journalline": "journalLines", "paymentmethod": "paymentMethods", "paymentterm": "paymentTerms",
    "salescreditmemo": "salesCreditMemos", "salescreditmemoline": "salesCreditMemoLines", "salesinvoice": "salesInvoices",
    "salesinvoiceline": "salesInvoiceLines", "salesorder": "salesOrders", "salesorderline": "salesOrderLines",
    "taxarea": "taxAreas", "taxgroup": "taxGroups",
}  # fmt: skip
NOT_PLAYED = {"itemledgerentry", "purchaseinvoice", "purchaseinvoiceline", "vendor"}
NO_ENTITY = {"batch_request", "batch_response", "subscriptions", "webhook_notification"}
UNVERIFIED_WORDS = {
    # From the platform page: reported by users or taken from the base application, not in this model.
    'The "amount" should be a negative number.',
    "You cannot change the value of the SystemId field.",
    "You may not enter numbers manually. If you want to enter numbers manually, please activate Manual Nos. in No. Series CUST.",
    "There is nothing to post because the document does not contain a quantity or amount.",
    # Our own words for what is not played.
    "tax on journal lines is not played by this stand-in.",
    "an invoice discount on an order that is invoiced in parts is not played by this stand-in.",
}
MODEL = SPECS / "api_v2.0_entities.json"
here = pytest.mark.skipif(not MODEL.is_file(), reason="NOT RUN: ../shared is absent, the vendor's entity model with it")


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    running = Tenant()
    yield running
    running.stop()


def model() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(MODEL.read_text())
    return found


@here
@pytest.mark.parametrize("shape", SETS.values(), ids=list(SETS))
def test_each_set_has_the_fields_verbs_and_actions_of_the_model(shape: EntitySet) -> None:
    theirs = model()[shape.name]
    assert set(shape.fields) == set(theirs["fields"])
    assert shape.entity == theirs["entityName"]
    for name, field in shape.fields.items():
        if name not in SYSTEM:
            assert field.writable == theirs["fields"][name]["editable"], name
        elif not theirs["fields"][name]["editable"]:
            assert not field.writable, name
    verbs = (shape.insert, shape.modify, shape.delete)
    wanted = (theirs["insertAllowed"], theirs["modifyAllowed"], theirs["deleteAllowed"])
    assert verbs == (wanted if shape.name != "dimensionSetLines" else (True, False, True))
    assert list(shape.actions) == theirs["boundActions"]
    assert set(shape.below) <= set(theirs["navigation"])


def sentences() -> set[str]:
    """What the stand-in refuses with in fixed words and without a code of its own."""
    found = set()
    for name in ("sales", "masters", "journals", "actions", "dimensions"):
        path = Path(stand_in_model.__file__).with_name(f"stand_in_{name}.py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "BadRequest":
                text = node.args[0]
                if len(node.args) == 1 and isinstance(text, ast.Constant):
                    found.add(str(text.value))
    return found


@here
def test_fixed_words_of_refusals_are_the_models_or_on_the_list_of_what_is_not_verified() -> None:
    texts = {text for each in model().values() for text in each["errorTexts"].values()}
    assert len(sentences() & texts) >= 25
    assert sentences() - texts == UNVERIFIED_WORDS


@here
def test_every_sample_of_the_documentation_has_known_fields_or_a_reason() -> None:
    seen = 0
    for path in sorted((SPECS / "examples").glob("*.json")):
        name = path.stem.partition("_")[0]
        if (
            path.stem.rpartition("_")[0] in NO_ENTITY
            or path.stem in NO_ENTITY
            or name in NO_ENTITY
            or name in NOT_PLAYED
        ):
            continue
        body = json.loads(path.read_text())["body"]
        fields = set(SETS[PLAYED[name]].fields)
        extra = {key for key in body if not key.startswith("@")} - fields
        assert extra <= OLD_FIELDS.get(name, set()), path.name
        seen += 1
    assert seen == 41


@pytest.mark.parametrize(
    ("name", "given", "code", "words"),
    [
        ("customers", {"displayName": "A", "emial": "x"}, "BadRequest", "does not exist on type"),
        ("salesInvoices", {"number": "1"}, "Internal_ReadOnlyControl", "read-only"),
        ("salesInvoices", {"pricesIncludeTax": True}, "Internal_ReadOnlyControl", "read-only"),
        (
            "items",
            {"type": "Invalid Type"},
            "Unknown",
            "is not an option. The existing options are: Inventory,Service,Non-Inventory",
        ),
        (
            "salesInvoices",
            {"externalDocumentNumber": "x" * 36},
            "Application_StringExceededLength",
            "less than or equal to 35",
        ),
        ("salesInvoices", {"postingDate": "2026-02-30"}, "BadRequest", "Cannot convert"),
        ("journalLines", {"amount": "12.00"}, "BadRequest", "Cannot convert"),
        ("journalLines", {"amount": True}, "BadRequest", "Cannot convert"),
        ("salesInvoices", {"customerId": "10000"}, "BadRequest", "Cannot convert"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(name: str, given: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as refused:
        read_body(SETS[name], given, partly=False)
    assert refused.value.code == code


def test_every_answer_has_exactly_the_fields_of_its_set(tenant: Tenant) -> None:
    for name in ("accounts", "currencies", "customers", "items", "taxGroups", "dimensions", "salesInvoices",
                 "generalLedgerEntries", "companyInformation", "generalLedgerSetup", "accountingPeriods"):  # fmt: skip
        rows = tenant.get(name, **{"$top": "3"})["value"]
        assert rows, name
        for row in rows:
            assert [key for key in row if not key.startswith("@")] == list(SETS[name].fields)
