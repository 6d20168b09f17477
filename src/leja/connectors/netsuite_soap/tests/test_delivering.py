"""Telling an account: many in one call with an outcome each, nothing believed that was not read back, one document of each."""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec
import pytest

from leja.connectors.contract import Absent, Accepted, AlreadyThere, Ambiguous, Draft, Found, Later, Rejected, Unknown
from leja.connectors.netsuite_soap import target
from leja.connectors.netsuite_soap.envelope import envelope
from leja.connectors.netsuite_soap.tests.account import NOW, Account, account, banked, bundle, invoiced, line, sold
from leja.core.money import Money
from leja.http.client import Http


def payouts(there: Account, many: int) -> list[Draft]:
    chart = there.chart()
    return [there.draft(banked(f"LJAAAAAAAAAAAA{n:02}", 1_000 + n), chart)[0] for n in range(many)]


def deliver(there: Account, drafts: list[Draft]) -> list[Any]:
    return list(there.run(target.deliver(there.session, drafts)))


# --- batches ----------------------------------------------------------------------------------------------------------


def test_many_go_in_one_call_and_each_is_read_back_in_one_more() -> None:
    with account() as there:
        drafts = payouts(there, 12)
        before = there.stand_in.accepted
        outcomes = deliver(there, drafts)
        assert there.stand_in.accepted - before == 2
        documents = [one.document for one in outcomes if isinstance(one, Accepted)]
        assert [one.reference for one in documents] == [draft.reference for draft in drafts]
        assert [one.total for one in documents] == [draft.total for draft in drafts]
        assert all(one.number.startswith("JE") and one.date == drafts[0].date for one in documents)
        assert there.ledger() == {"1": sum(range(1_000, 1_012)), "3": -sum(range(1_000, 1_012))}


def test_each_part_has_its_own_outcome_and_the_others_stand() -> None:
    with account() as there:
        chart = there.chart()
        good, again, locked, gone, late = payouts(there, 5)
        deliver(there, [again])
        there.control("lock", day="2026-04-30")
        locked = there.draft(banked("LJAAAAAAAAAAAAL2", date=good.date.replace(month=4)), chart)[0]
        there.control("deactivate", kind="account", id="39")
        fee = there.draft(bundle("fee", [line("39", 120), line("3", -120)], "LJAAAAAAAAAAAAF2"), chart)[0]
        there.fault("batch_partial", path="*", times=1, skip=4)
        outcomes = deliver(there, [good, again, locked, fee, late])
        assert [type(one).__name__ for one in outcomes] == ["Accepted", "AlreadyThere", "Rejected", "Rejected", "Unknown"]
        assert [getattr(one, "remedy", "") for one in outcomes] == ["", "", "period_locked", "mapping", ""]
        assert "TRAN_PERIOD_CLOSED" in outcomes[2].words
        assert isinstance(there.find(late), Absent)
        assert isinstance(there.find(gone), Absent)
        assert there.found(good) == outcomes[0].document


def test_records_and_documents_in_one_delivery_keep_their_places() -> None:
    with account() as there:
        chart = there.chart()
        item, customer, _ = target.steps(sold(), chart)
        mixed = [payouts(there, 1)[0], target.draft(customer, chart, {}), target.draft(item, chart, {})]
        outcomes = deliver(there, mixed)
        assert [one.document.kind for one in outcomes] == ["journalEntry", "customer", "otherChargeSaleItem"]
        assert [one.document.reference for one in outcomes] == [draft.reference for draft in mixed]


def test_a_record_is_upserted_twice_into_one() -> None:
    with account() as there:
        chart = there.chart()
        draft = target.draft(target.steps(sold(), chart)[1], chart, {})
        assert draft.kind == "customer"
        first, second = there.accepted(draft), there.accepted(draft)
        assert first.remote_id == second.remote_id == there.found(draft).remote_id


def test_a_document_is_never_changed_by_being_sent_again() -> None:
    with account() as there:
        (draft,) = payouts(there, 1)
        made = there.accepted(draft)
        there.control("alter", kind=made.kind, id=made.remote_id, amount="1.00")
        assert isinstance(there.deliver(draft), AlreadyThere)
        finding = there.find(draft)
        assert isinstance(finding, Ambiguous)
        assert "total 1.00 GBP instead of 10.00 GBP" in finding.why
        assert there.ledger() == {"1": 100, "3": -100}


# --- what happened ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["answer_lost", "error_after"])
def test_an_unclear_outcome_is_found_by_its_external_id(fault: str) -> None:
    with account() as there:
        (draft,) = payouts(there, 1)
        there.fault(fault, times=1)
        assert isinstance(there.deliver(draft), Unknown)
        assert there.found(draft).total == draft.total
        assert isinstance(there.deliver(draft), AlreadyThere)


@pytest.mark.parametrize("fault", ["cut_before", "error_before"])
def test_an_unclear_outcome_that_did_not_happen_is_absent(fault: str) -> None:
    with account() as there:
        (draft,) = payouts(there, 1)
        there.fault(fault, times=1)
        assert isinstance(there.deliver(draft), Unknown)
        assert isinstance(there.find(draft), Absent)
        there.accepted(draft)


def test_a_call_too_many_at_once_had_no_effect_and_is_made_later() -> None:
    with account() as there:
        (draft,) = payouts(there, 1)
        there.fault("rate_limited", times=1)
        outcome = there.deliver(draft)
        assert isinstance(outcome, Later)
        assert "WS_REQUEST_BLOCKED" in outcome.why
        assert (outcome.until - there.clock()).total_seconds() == 5
        there.accepted(draft)


def test_what_was_made_but_cannot_be_read_back_is_asked_after() -> None:
    with account() as there:
        (draft,) = payouts(there, 1)
        there.fault("error_before", path="POST /services/*/getList", times=5)
        outcome = there.deliver(draft)
        assert isinstance(outcome, Unknown)
        assert "it was made as" in outcome.why
        there.found(draft)


def test_a_document_that_came_to_another_total_is_held() -> None:
    """As where an edition does not keep the tax that a line states."""
    with account() as there:
        chart = there.chart()
        draft, _ = there.draft(sold(10_000, 1_999), chart)
        changed = msgspec.structs.replace(draft, body=draft.body.replace(b"<sales:tax1Amt>19.99</sales:tax1Amt>", b""))
        assert changed.body != draft.body
        outcome = there.deliver(changed)
        assert isinstance(outcome, Unknown)
        assert "total 120.00 GBP instead of 119.99 GBP" in outcome.why
        assert isinstance(there.find(draft), Ambiguous)


def test_a_day_that_was_shifted_is_noticed() -> None:
    with account(stand_in={"time_zone": "Pacific/Auckland"}) as there:
        chart = there.chart()
        draft, _ = there.draft(banked(), chart)
        shifted = msgspec.structs.replace(draft, body=draft.body.replace(b"T12:00:00", b"T23:00:00Z"))
        outcome = there.deliver(shifted)
        assert isinstance(outcome, Unknown)
        assert "date 2026-05-04 instead of 2026-05-03" in outcome.why


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles", "Europe/London"])
def test_a_day_is_the_same_in_every_zone_of_an_account(zone: str) -> None:
    with account(stand_in={"time_zone": zone}) as there:
        chart = there.chart()
        assert there.accepted(there.draft(banked(), chart)[0]).date == banked().date


def test_a_journal_entry_that_awaits_approval_is_not_taken_for_told() -> None:
    with account() as there:
        (draft,) = payouts(there, 1)
        waiting = msgspec.structs.replace(draft, body=draft.body.replace(b"approved>true<", b"approved>false<"))
        outcome = there.deliver(waiting)
        assert isinstance(outcome, Unknown)
        assert "awaits approval" in outcome.why


def test_what_was_voided_is_not_taken_for_told() -> None:
    with account() as there:
        drafts, _ = there.tell(invoiced())
        made = there.found(drafts[-1])
        there.control("void", kind=made.kind, id=made.remote_id)
        finding = there.find(drafts[-1])
        assert isinstance(finding, Ambiguous)
        assert "voided" in finding.why


def test_a_reference_of_another_kind_of_document_is_not_taken() -> None:
    """All transactions share one space of external ids."""
    with account() as there:
        chart = there.chart()
        there.tell(invoiced(reference="LJAAAAAAAAAAAAAB"), chart)
        draft, _ = there.draft(banked("LJAAAAAAAAAAAAAB"), chart)
        assert isinstance(there.deliver(draft), AlreadyThere)
        assert isinstance(there.find(draft), Absent)


def test_an_inactive_customer_is_not_taken_for_the_one_that_is_meant() -> None:
    with account() as there:
        drafts, accepted = there.tell(sold())
        customer = next(draft for draft in drafts if draft.kind == "customer")
        there.control("deactivate", kind="customer", id=accepted["customer"].remote_id)
        assert isinstance(there.find(customer), Ambiguous)
        there.control("deactivate", kind="customer", id=accepted["customer"].remote_id, active=True)
        assert isinstance(there.find(customer), Found)


# --- answers that are not what they should be -------------------------------------------------------------------------


def answering(there: Account, inside: str, status: int = 200) -> Any:
    """The session with a vendor that gives this answer to everything."""

    async def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=envelope("2025_2", (), inside))

    http = Http(base_url=there.session.base_url, private_hosts=frozenset({there.session.base_url.split("/")[2]}), now=there.clock,
                transport=httpx2.MockTransport(answer))  # fmt: skip
    return msgspec.structs.replace(there.session, http=http)


OK = '<core:status isSuccess="true"/>'


def listed(*parts: str) -> str:
    return f"<msg:addListResponse><msg:writeResponseList>{OK}{''.join(parts)}</msg:writeResponseList></msg:addListResponse>"


def part(external: str, internal: str = "1") -> str:
    return f'<msg:writeResponse>{OK}<msg:baseRef internalId="{internal}" externalId="{external}"/></msg:writeResponse>'


@pytest.mark.parametrize(
    "inside",
    [
        listed(part("LJAAAAAAAAAAAA00")),  # one answer for two records
        listed(part("LJAAAAAAAAAAAA01"), part("LJAAAAAAAAAAAA00")),  # in another order
        listed(part("LJAAAAAAAAAAAA00", ""), part("LJAAAAAAAAAAAA01", "")),  # without ids
        listed("<msg:writeResponse/>", "<msg:writeResponse/>"),  # without a status
        "<msg:upsertListResponse/>",
        "<msg:addListResponse/>",
        "",
    ],
)
def test_an_answer_that_does_not_fit_the_request_makes_everything_unclear(inside: str) -> None:
    with account() as there:
        drafts = payouts(there, 2)
        outcomes = there.run(target.deliver(answering(there, inside), drafts))
        assert [type(one) for one in outcomes] == [Unknown, Unknown]
        assert all("the answer" in one.why for one in outcomes), "none was taken for made"


def test_a_list_that_is_refused_as_a_whole_is_refused_for_each() -> None:
    refused = ('<core:status isSuccess="false"><core:statusDetail type="ERROR"><core:code>USER_ERROR</core:code>'
               "<core:message>no</core:message></core:statusDetail></core:status>")  # fmt: skip
    with account() as there:
        session = answering(there, f"<msg:addListResponse><msg:writeResponseList>{refused}</msg:writeResponseList></msg:addListResponse>")
        outcomes = there.run(target.deliver(session, payouts(there, 2)))
        assert [(one.code, one.words) for one in outcomes] == [("netsuite-soap-refused", "USER_ERROR: no")] * 2


def test_a_permission_that_lacks_is_said_in_their_words() -> None:
    with account() as there:
        draft, _ = there.draft(sold(), there.chart())
        forbidden = msgspec.structs.replace(
            draft, body=draft.body.replace(b"<sales:memo>", b"<sales:isTaxable>true</sales:isTaxable><sales:memo>", 1)
        )
        outcome = there.deliver(forbidden)
        assert isinstance(outcome, Rejected)
        assert "INSUFFICIENT_PERMISSION" in outcome.words
        assert there.ledger() == {}


def test_a_penny_of_tax_stands_there_as_it_was_charged() -> None:
    with account() as there:
        drafts, _ = there.tell(sold(10_000, 1_999))
        assert there.ledger() == {"3": 11_999, "26": -10_000, "15": -1_999}
        assert drafts[-1].moves == there.ledger()
        assert drafts[-1].total == Money(11_999, "GBP")


def test_the_end_of_a_period_is_read_as_it_is_closed() -> None:
    with account() as there:
        assert there.chart().locked_until is None
        there.control("lock", day="2026-04-30")
        assert there.chart().locked_until == NOW.date().replace(month=4, day=30)
