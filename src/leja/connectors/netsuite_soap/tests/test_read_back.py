"""Reading an account back: by id, by change, by day; searches over many pages and searches that run out."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from leja.connectors.contract import RemoteState
from leja.connectors.netsuite_soap import api, target
from leja.connectors.netsuite_soap.tests.account import Account, account, banked, invoiced, sold
from leja.core.errors import NeedsReview, Refused, Transient

SINCE, UNTIL = date(2026, 1, 1), date(2026, 12, 31)
RENT = {
    "tranDate": "2026-05-04", "memo": "rent", "subsidiary": {"internalId": "1"},
    "lineList": {"line": [{"account": {"internalId": "35"}, "debit": "240.00"}, {"account": {"internalId": "1"}, "credit": "240.00"}]},
}  # fmt: skip


def all_changed(there: Account, cursor: str | None = None) -> tuple[list[RemoteState], str, int]:
    """Every page from a cursor on: states, the last cursor, how many pages."""
    states: list[RemoteState] = []
    for count in range(1, 60):
        page = there.run(target.changed(there.session, cursor))
        states += page.states
        cursor = page.cursor
        if not page.more:
            return states, str(cursor), count
    raise AssertionError("no end")


def told(there: Account, many: int, first: int = 0) -> list[Any]:
    chart = there.chart()
    drafts = [there.draft(banked(f"LJAAAAAAAAAAAA{n:02}", 1_000 + n), chart)[0] for n in range(first, first + many)]
    return [one.document for one in there.run(target.deliver(there.session, drafts))]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 5)


# --- by id ------------------------------------------------------------------------------------------------------------


def test_each_kind_is_read_back_with_what_it_moves() -> None:
    with account() as there:
        chart = there.chart()
        drafts, documents = [], []
        for of in (sold(), invoiced(), banked()):
            made, accepted = there.tell(of, chart)
            drafts.append(made[-1])
            documents.append(accepted[made[-1].step])
        states = there.run(target.read_back(there.session, documents))
        for draft, state in zip(drafts, states, strict=True):
            assert {line.account: line.amount.minor for line in state.lines} == draft.moves
            assert state.document.total == draft.total
            assert state.document.reference == draft.reference


def test_what_is_deleted_is_told_by_id_and_as_a_change() -> None:
    with account() as there:
        first, second = told(there, 2)
        _, cursor, _ = all_changed(there)
        there.clock.advance(600)
        there.control("delete", kind=first.kind, id=first.remote_id)
        states = there.run(target.read_back(there.session, [first, second]))
        assert [state.state for state in states] == ["deleted", "present"]
        changed, _, _ = all_changed(there, cursor)
        (gone,) = [state for state in changed if state.state == "deleted"]
        assert (gone.document.kind, gone.document.remote_id, gone.document.reference) == (first.kind, first.remote_id, first.reference)


def test_a_read_that_is_refused_is_never_taken_for_a_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    with account() as there:
        documents = told(there, 1)
        read = api.read

        async def refused(session: Any, operation: str, inside: str, headers: Any = ()) -> Any:
            node = await read(session, operation, inside, headers)
            status = node.all("readResponse")[0].child("status") if operation == "getList" else None
            if status is not None:
                status.attributes["isSuccess"] = "false"
            return node

        monkeypatch.setattr(api, "read", refused)
        with pytest.raises(NeedsReview) as raised:
            there.run(target.read_back(there.session, documents))
        assert raised.value.code == "netsuite-soap-read-refused"


def test_records_are_there_without_being_read() -> None:
    with account() as there:
        _, accepted = there.tell(sold())
        (state,) = there.run(target.read_back(there.session, [accepted["customer"]]))
        assert (state.state, state.lines) == ("present", ())


# --- what changed -----------------------------------------------------------------------------------------------------


def test_the_first_time_everything_recent_is_listed_once_and_all_that_is_ours_however_old() -> None:
    with account() as there:
        old = told(there, 2)
        there.control("foreign", kind="journalEntry", body=RENT)
        there.clock.advance(200 * 86_400)
        new = told(there, 1, first=2)
        there.control("foreign", kind="journalEntry", body={**RENT, "memo": "rent again"})
        states, _, _ = all_changed(there)
        ids = [state.document.remote_id for state in states]
        assert len(set(ids)) == len(ids)
        assert {one.remote_id for one in (*old, *new)} <= set(ids)
        strangers = [state for state in states if not state.document.reference]
        assert [state.text for state in strangers] == ["rent again"]


def test_a_change_is_listed_from_the_cursor_on_and_nothing_else() -> None:
    with account() as there:
        first, _ = told(there, 2)
        there.clock.advance(1_000)
        _, cursor, _ = all_changed(there)
        assert all_changed(there, cursor)[0] == [], "both are older than the overlap"
        there.control("alter", kind=first.kind, id=first.remote_id, amount="7.00")
        states, after, _ = all_changed(there, cursor)
        assert [state.document.remote_id for state in states] == [first.remote_id]
        assert {line.account: line.amount.minor for line in states[0].lines} == {"1": 700, "3": -700}
        again, _, _ = all_changed(there, after)
        assert [state.document.remote_id for state in again] == [first.remote_id], "the overlap lists it once more"
        there.clock.advance(1_000)
        _, later, _ = all_changed(there, after)
        assert all_changed(there, later)[0] == []


@pytest.mark.usefixtures("small_pages")
def test_many_pages_are_read_one_after_the_other() -> None:
    with account() as there:
        documents = told(there, 12)
        states, _, pages = all_changed(there)
        assert sorted(state.document.remote_id for state in states) == sorted(one.remote_id for one in documents)
        assert pages == 4, "three of what is recent, one of what is older"


@pytest.mark.usefixtures("small_pages")
def test_a_search_that_ran_out_is_begun_anew_and_loses_nothing() -> None:
    with account() as there:
        documents = told(there, 12)
        first = there.run(target.changed(there.session, None))
        assert first.more
        there.clock.advance(1_000)
        there.control("delete", kind=documents[3].kind, id=documents[3].remote_id)
        rest, _, _ = all_changed(there, first.cursor)
        seen = {state.document.remote_id: state.state for state in (*first.states, *rest)}
        assert {key: state for key, state in seen.items() if state == "deleted"} == {documents[3].remote_id: "deleted"}
        assert set(seen) == {one.remote_id for one in documents}


@pytest.mark.usefixtures("small_pages")
def test_a_change_while_pages_are_read_is_listed_the_next_time() -> None:
    with account() as there:
        documents = told(there, 12)
        first = there.run(target.changed(there.session, None))
        there.clock.advance(400)
        there.control("alter", kind=documents[0].kind, id=documents[0].remote_id, amount="7.00")
        there.clock.advance(400)
        _, cursor, _ = all_changed(there, first.cursor)
        states, _, _ = all_changed(there, cursor)
        assert documents[0].remote_id in {state.document.remote_id for state in states}


def test_a_cursor_that_cannot_be_read_is_refused() -> None:
    with account() as there, pytest.raises(Refused) as refused:
        there.run(target.changed(there.session, "yesterday"))
    assert refused.value.code == "netsuite-soap-cursor"


# --- balances ---------------------------------------------------------------------------------------------------------


def there_by_day(there: Account) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for row in there.control("books"):
        sums[row["account"], row["day"]] = sums.get((row["account"], row["day"]), 0) + row["home_minor"]
    return {key: minor for key, minor in sums.items() if minor and SINCE.isoformat() <= key[1] <= UNTIL.isoformat()}


def balances(there: Account) -> dict[tuple[str, str], int]:
    rows = there.run(target.balances(there.session, SINCE, UNTIL))
    return {(row.account, row.day.isoformat()): row.amount.minor for row in rows}


@pytest.mark.usefixtures("small_pages")
def test_balances_are_the_ledger_of_what_others_typed_too_over_many_pages() -> None:
    with account(stand_in={"foreign": True, "season_end": "2026-05-31"}) as there:
        there.tell(sold())
        there.tell(invoiced())
        assert balances(there) == there_by_day(there)
        assert len(balances(there)) > 40


@pytest.mark.usefixtures("small_pages")
def test_a_search_that_runs_out_in_the_middle_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    with account() as there:
        told(there, 12)
        more, slow = api.more, [True]

        async def late(session: Any, search_id: str, index: int) -> Any:
            if slow and index == 3:
                slow.pop()
                there.clock.advance(1_000)
            return await more(session, search_id, index)

        monkeypatch.setattr(api, "more", late)
        assert balances(there) == there_by_day(there)
        assert not slow


@pytest.mark.usefixtures("small_pages")
def test_a_search_that_always_runs_out_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(session: Any, search_id: str, index: int) -> None:
        return None

    with account() as there:
        told(there, 12)
        monkeypatch.setattr(api, "more", never)
        with pytest.raises(Transient) as given_up:
            balances(there)
        assert given_up.value.code == "netsuite-soap-search"


# --- the chart --------------------------------------------------------------------------------------------------------


def test_the_chart_says_what_stands_there() -> None:
    with account() as there:
        chart = there.chart()
        kinds = {one.id: one.kind for one in chart.accounts}
        assert [kinds[id_] for id_ in ("1", "7", "12", "14", "15", "17", "25", "26", "33", "39")] == [
            "bank", "current_asset", "receivable", "payable", "tax", "current_liability", "equity", "income", "cost_of_sales",
            "expense"]  # fmt: skip
        assert [(code.id, code.rate, code.account) for code in chart.tax_codes[:1]] == [("3", 0, "15")]
        assert (chart.home_currency, chart.multicurrency, chart.items) == ("GBP", True, ())
        assert there.run(target.chart(there.with_settings(untaxed="5"))).tax_codes[0].id == "5"


def test_only_our_items_are_in_the_chart_and_only_while_they_land_where_they_should() -> None:
    with account() as there:
        _, accepted = there.tell(sold())
        assert [(item.id, item.income_account) for item in there.chart().items] == [(accepted["item-26"].remote_id, "26")]
        there.control("ignore_filters", on=True)
        assert len(there.chart().items) == 1


def test_which_subsidiary_is_asked_where_it_is_not_clear() -> None:
    with account() as there:
        with pytest.raises(NeedsReview) as refused:
            there.run(target.chart(there.with_settings(subsidiary="7")))
        assert refused.value.code == "netsuite-soap-subsidiary"
        assert "Holloway" in refused.value.message
    with account(stand_in={"one_world": False}, one_world=False) as there:
        chart = there.chart()
        assert "subsidiary" not in chart.edition
        there.tell(sold(), chart)


def test_a_subsidiary_that_is_stated_narrows_what_is_read() -> None:
    with account(subsidiary="1") as there:
        documents = told(there, 1)
        assert {state.document.remote_id for state in all_changed(there)[0]} == {documents[0].remote_id}
        other = msgspec.structs.replace(there.session.settings, subsidiary="2")
        there.session = msgspec.structs.replace(there.session, settings=other)
        assert all_changed(there)[0] == []
