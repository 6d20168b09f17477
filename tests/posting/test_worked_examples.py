"""The worked postings of the domain notes, from their facts. This file holds none of the expected amounts."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leja.books.entry import EntryLine
from leja.core.money import from_text
from leja.documents.sale import Sale
from leja.posting.known import Known, Rulebook
from leja.rates.exchange import ExchangeRate, Rates
from tests.posting.ledger import Ledger
from tests.posting.samples import mapping
from tests.posting.translate import Facts, Translation

Sums = dict[tuple[date, str], int]

PASSING = (
    "POST-01", "POST-02", "POST-03", "POST-04", "POST-05", "POST-06", "POST-07", "POST-08", "POST-10", "POST-11",
    "POST-12", "POST-13", "POST-14", "POST-15", "POST-16", "POST-17", "POST-18", "POST-20", "POST-21", "POST-22",
    "POST-23", "POST-24", "POST-25", "POST-26", "POST-27", "POST-28", "POST-33", "POST-34", "POST-35", "POST-36",
    "POST-37", "POST-38", "POST-39", "POST-40", "POST-42", "POST-45", "POST-46", "POST-48", "POST-49",
)

# Whole examples that no document of the spine expresses.
OUT = {
    "POST-09": "breakage is a judgement at period end, no document of a sales system",
    "POST-19": "withholding at source needs bank lines and certificates",
    "POST-29": "purchases in foreign currency come with the goods",
    "POST-30": "supplier advances come with the goods",
    "POST-31": "revaluation belongs to the period close",
    "POST-32": "import entries and postponed tax come with landed cost",
    "POST-41": "purchase receipts and bills come with stock layers",
    "POST-43": "deemed supplies need an own-use document",
    "POST-44": "goods with a courier and his remittance file need parcels that are refused and return",
    "POST-47": "intercompany documents are mirrored between organisations",
}

# Entries of passing examples that no document of the spine expresses, with the reason.
LEFT_OUT = {
    ("POST-05", "Carrier bill for the same parcel, 5.00 + VAT"): "a supplier's bill",
    ("POST-16", "Write-off (after the waiting period for relief)"): "a write-off is a person's decision",
    ("POST-40", "Target's document"): "the target's own document never enters our books",
    ("POST-46", "Carrier's duty bill"): "a supplier's bill",
    ("POST-46", "Difference closed"): "follows the supplier's bill",
    ("POST-48", "Paid to the maker"): "a bank line",
}

# Of alternatives the one that is taken with the example itself, by the label of the entry; the others are left aside.
TAKEN = {"POST-24": "Won: next payout returns 45.00 + fee 15.00"}


@pytest.fixture(scope="module")
def worked(shared: Path) -> dict[str, Any]:
    """The examples and the table of roles."""
    found: dict[str, Any] = json.loads((shared / "domain" / "worked_examples_posting.json").read_text("utf-8"))
    found["by_id"] = {example["id"]: example for example in found["examples"]}
    return found


def test_every_example_is_either_run_or_left_out_with_a_reason(worked: dict[str, Any]) -> None:
    """Nothing is forgotten, and nothing is both."""
    assert set(PASSING) | set(OUT) == set(worked["by_id"])
    assert not set(PASSING) & set(OUT)
    labels = {(example["id"], entry["label"]) for example in worked["examples"] for entry in example["entries"]}
    assert set(LEFT_OUT) <= labels


@pytest.mark.parametrize("name", PASSING)
def test_a_worked_example_posts_from_its_facts_alone(name: str, worked: dict[str, Any]) -> None:
    """Accounts, dates, amounts, tax points and return periods are the example's."""
    example = worked["by_id"][name]
    check(example, example["facts"], wanted_entries(example), worked)


def test_a_fee_that_arises_with_the_payout_bears_the_payouts_rate(worked: dict[str, Any]) -> None:
    """The other policy of the converted payout."""
    example = worked["by_id"]["POST-28"]
    facts = json.loads(json.dumps(example["facts"]))
    facts["documents"][0]["fee"]["arises"] = "payout"
    replaced = next(entry for entry in example["entries"] if "alternative_of" in entry)
    kept = [entry for entry in example["entries"] if entry["label"] not in replaced["alternative_of"]]
    check(example, facts, kept, worked)


@pytest.mark.parametrize("label", ["Lost: goods dispute", "Lost: fraud"])
def test_a_dispute_that_is_lost_is_a_return_or_a_loss(label: str, worked: dict[str, Any]) -> None:
    """The two alternatives in which no money comes back."""
    example = worked["by_id"]["POST-24"]
    facts = json.loads(json.dumps(example["facts"]))
    reason = "goods" if "goods" in label else "fraud"
    facts["documents"][0]["outcomes"] = [one for one in facts["documents"][0]["outcomes"] if one.get("reason") == reason]
    check(example, facts, [entry for entry in example["entries"] if entry["label"] == label], worked)


def wanted_entries(example: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries to compare with, alternatives and what is left out put aside."""
    name = example["id"]
    taken = TAKEN.get(name)
    return [
        entry for entry in example["entries"]
        if (name, entry["label"]) not in LEFT_OUT
        and (entry["label"] == taken if taken else "alternative_of" not in entry)
    ]


def check(example: dict[str, Any], facts: Facts, wanted: list[dict[str, Any]], worked: dict[str, Any]) -> None:
    """Post the facts and compare per day and account; one with several bases is compared in each."""
    for currency in sorted({facts["currency"], *(
            one["document_currency"] for one in facts["documents"] if "document_currency" in one)}):
        documents = [
            one for one in facts["documents"]
            if "rate" in one or one.get("document_currency", facts["currency"]) == currency]
        own = {**facts, "documents": documents}
        if "rate" in facts["documents"][0] and currency != facts["currency"]:
            continue
        lines, prior = posted(example, own, currency, worked)
        several = len({one.get("document_currency") for one in facts["documents"]}) > 1
        entries = [
            entry for entry in wanted
            if not several or (entry["label"] == "US") == (currency != facts["currency"])]
        compare(lines, prior, entries, currency, worked["roles"])


def posted(
    example: dict[str, Any], facts: Facts, currency: str, worked: dict[str, Any]
) -> tuple[list[tuple[date, EntryLine]], int]:
    """All lines that the facts mean, with posting dates; those before the first that counts are prior."""
    translation = Translation(example["id"], facts, currency)
    rates = Rates([
        ExchangeRate(currency=code, day=day, rate=rate, source="example")
        for (code, day), rate in translation.rates.items()])
    ledger = Ledger(Known(rules=Rulebook(
        base_currency=currency, mapping=mapping(), rates=rates, payment_tolerance=tolerance(facts))))
    for name in example.get("depends_on", ()):
        if example["id"] in ("POST-10", "POST-42"):
            ledger.take(*Translation(name, worked["by_id"][name]["facts"]).documents)
    ledger.take(*translation.before)
    prior = len(ledger.entries())
    for document in facts["documents"]:
        if document["type"] == "cancellation":
            original = ledger.documents["sale", document["original"]]
            assert isinstance(original, Sale)
            ledger.take(translation.cancelled(original, document))
    ledger.take(*translation.documents)
    return [(entry.posting_date, line) for entry in ledger.entries()[prior:] for line in entry.lines], prior


def tolerance(facts: Facts) -> int:
    """The difference that the example's settings close by themselves."""
    stated = [one["tolerance"] for one in facts["documents"] if "tolerance" in one]
    return from_text(stated[0], facts["currency"]).minor if stated else 0


def compare(
    lines: list[tuple[date, EntryLine]], prior: int, wanted: list[dict[str, Any]], base: str, roles: dict[str, str]
) -> None:
    """Per day and role in base currency, per tax point and return period, and in the foreign currency."""
    assert prior >= 0
    ours: Sums = defaultdict(int)
    our_taxes: dict[tuple[str, str, str], int] = defaultdict(int)
    our_foreign: dict[tuple[date, str, str], int] = defaultdict(int)
    for day, line in lines:
        ours[day, named(line)] += line.base
        if line.tax_point is not None:
            our_taxes[line.role, line.tax_point.isoformat(), line.return_period] += line.base
        our_foreign[day, line.role, line.currency] += line.amount
    theirs: Sums = defaultdict(int)
    their_taxes: dict[tuple[str, str, str], int] = defaultdict(int)
    their_foreign: dict[tuple[date, str, str], int] = defaultdict(int)
    for entry in wanted:
        day = date.fromisoformat(entry["date"])
        for one in entry["lines"]:
            role = roles[one["account"]]
            sign = 1 if Decimal(one["debit"]) else -1
            amount = from_text(one["debit"], base).minor - from_text(one["credit"], base).minor
            theirs[day, role] += amount
            if "tax_point" in one:
                their_taxes[role, one["tax_point"], one["return_period"]] += amount
            if "foreign" in one:
                currency = one["foreign"]["currency"]
                their_foreign[day, role, currency] += sign * from_text(one["foreign"]["amount"], currency).minor
    assert without_zero(ours) == without_zero(theirs)
    assert without_zero(our_taxes) == without_zero(their_taxes)
    assert {key: our_foreign[key] for key in their_foreign} == dict(their_foreign)


def named(line: EntryLine) -> str:
    """Sales are split by dimensions with us, by accounts in the examples."""
    if line.role == "sales" and line.channel == "marketplace":
        return "sales:marketplace"
    rated = {"standard": "standard_rated", "zero": "zero_rated", "exempt": "exempt"}.get(line.tax_code)
    return f"sales:{rated}" if line.role == "sales" and rated else line.role


def without_zero(sums: Any) -> dict[Any, int]:
    """Only what moved."""
    return {key: amount for key, amount in sums.items() if amount}
