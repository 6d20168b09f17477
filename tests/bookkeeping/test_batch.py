"""A batch is recorded whole, in order of versions, and one bad event never holds up another."""

from __future__ import annotations

import msgspec
import pytest

from leja.core.money import Money
from leja.database.engine import Database
from leja.documents.parts import Party, Tender
from leja.documents.payment import Payment
from tests.bookkeeping.shop import Shop, header, refund, sale


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def test_a_sale_stands_in_the_books(shop: Shop) -> None:
    shop.arrive(sale())
    done = shop.record()
    assert (done.events, done.revisions, done.entries) == (1, 1, 1)
    assert shop.balances() == {"clearing:card_processor": 12000, "sales": -10000, "output_tax": -2000}
    assert [b.kind for b in shop.booked] == ["sale"]


def test_the_same_version_again_is_an_observation(shop: Shop) -> None:
    for _ in range(3):
        shop.arrive(sale())
    shop.record()
    assert [state for state, _ in shop.states()] == ["done", "observed", "observed"]
    assert shop.count("entry") == 1


def test_a_newer_version_reverses_and_posts_anew(shop: Shop) -> None:
    shop.arrive(sale(version=1))
    shop.record()
    shop.arrive(sale(version=2, net="80.00", tax="16.00"))
    shop.record()
    assert shop.balances() == {"clearing:card_processor": 9600, "sales": -8000, "output_tax": -1600}
    assert shop.count("entry") == 3


def test_a_stale_version_after_a_newer_one_changes_nothing(shop: Shop) -> None:
    shop.arrive(sale(version=1))
    shop.arrive(sale(version=3))
    shop.arrive(sale(version=2, net="5.00", tax="1.00"))
    shop.record()
    assert shop.balances()["sales"] == -10000
    assert [state for state, _ in shop.states()] == ["done", "done", "observed"]


def test_two_versions_in_one_batch_end_as_the_newer(shop: Shop) -> None:
    shop.arrive(sale(version=1))
    shop.arrive(sale(version=2, net="1.00", tax="0.20"))
    shop.record()
    assert shop.balances()["clearing:card_processor"] == 120


def test_an_equal_version_with_other_content_is_fetched(shop: Shop) -> None:
    shop.arrive(sale(version=1))
    shop.arrive(sale(version=1, net="1.00", tax="0.20"))
    shop.record()
    assert shop.count("wanted") == 1
    assert shop.balances()["sales"] == -10000


def test_where_nothing_can_be_fetched_a_contradiction_waits_for_a_person(database: Database) -> None:
    shop = Shop(database, can_fetch=False)
    shop.arrive(sale(version=1))
    shop.arrive(sale(version=1, net="1.00", tax="0.20"))
    done = shop.record()
    assert done.parked == 1
    assert shop.count("review_item") == 1


def test_a_withdrawn_sale_leaves_nothing_behind(shop: Shop) -> None:
    shop.arrive(sale(version=1))
    shop.arrive(msgspec.structs.replace(sale(version=2), header=header("s1", 2, withdrawn=True)))
    shop.record()
    assert shop.balances() == {}


def test_a_refund_before_its_sale_waits_and_goes_on_by_itself(shop: Shop) -> None:
    shop.arrive(refund())
    shop.record()
    assert shop.states()[0][0] == "waiting"
    shop.arrive(sale())
    shop.record()
    assert [state for state, _ in shop.states()] == ["done", "done"]
    assert shop.balances()["clearing:card_processor"] == 10800


def test_a_refund_and_its_sale_in_one_event_are_taken_in_together(shop: Shop) -> None:
    shop.arrive(sale(), refund())
    assert shop.record().revisions == 2
    assert shop.balances()["clearing:card_processor"] == 10800


def test_an_event_goes_on_whole_or_not_at_all(shop: Shop) -> None:
    shop.arrive(sale("a"))
    shop.arrive(sale(), refund(net="200.00", tax="40.00"))  # refunds more than was sold
    shop.arrive(sale("b"))
    done = shop.record()
    assert done.parked == 1
    assert shop.balances()["sales"] == -20000
    assert shop.count("document") == 2


def test_numbers_have_no_gaps_after_a_batch_was_folded_again(shop: Shop) -> None:
    shop.arrive(sale("a"), refund("ra", of="a"))
    shop.arrive(sale(), refund(net="200.00", tax="40.00"))
    shop.arrive(sale("b"))
    shop.record()
    with shop.database.transaction() as conn:
        numbers = [row[0] for row in conn.execute("SELECT number FROM entry WHERE org_id = %s ORDER BY number", (shop.org_id,))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_role_without_an_account_parks_only_its_document(shop: Shop) -> None:
    odd = sale("odd")
    shop.arrive(msgspec.structs.replace(odd, tenders=(msgspec.structs.replace(odd.tenders[0], processor="unheard_of"),)))
    shop.arrive(sale("fine"))
    shop.record()
    assert shop.states() == [("parked", "role/clearing:unheard_of"), ("done", "")]
    assert shop.count("review_item") == 1


def test_what_came_before_the_start_is_evidence_only(shop: Shop, database: Database) -> None:
    late_start = Shop(database, start_date=header("x").business_day.replace(day=21))
    late_start.arrive(sale())
    late_start.record()
    assert (late_start.count("document_revision"), late_start.count("entry")) == (1, 0)


def test_personal_data_stays_out_of_the_revision(shop: Shop) -> None:
    shop.arrive(sale(customer=Party(external_id="c1", name="Wanjiku Kamau", email="w@example.com")))
    shop.record()
    with shop.database.transaction() as conn:
        row = conn.execute("SELECT facts, party_id FROM document_revision WHERE org_id = %s", (shop.org_id,)).fetchone()
    assert row is not None
    assert "Wanjiku" not in row[0]
    assert row[1] is not None


def test_a_body_that_says_nothing_readable_is_parked_with_its_reason(shop: Shop) -> None:
    shop.arrive(body=b"wanted:77")
    shop.record()
    assert shop.states() == [("observed", "")]
    assert shop.count("wanted") == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_the_size_of_a_batch_changes_nothing(database: Database, limit: int) -> None:
    shop = Shop(database)
    for number in range(5):
        shop.arrive(sale(f"s{number}"), refund(f"r{number}", of=f"s{number}"))
        shop.arrive(sale(f"s{number}", version=2, net="90.00", tax="18.00"))
    shop.record(limit)
    assert shop.balances()["clearing:card_processor"] == 5 * (10800 - 1200)


def test_a_payment_reference_that_is_learnt_later_reverses_nothing(shop: Shop) -> None:
    known_later = sale(version=2)
    named = msgspec.structs.replace(known_later, tenders=(msgspec.structs.replace(known_later.tenders[0], reference="tx-77"),))
    shop.arrive(sale(version=1))
    shop.arrive(named)
    shop.record()
    assert (shop.count("document_revision"), shop.count("entry")) == (2, 1)


@pytest.mark.parametrize(("customer", "aside"), [(Party(external_id="c1", name="Ada"), "customer_credits"), (None, "unidentified_receipts")])
def test_money_of_a_known_customer_is_a_credit_though_the_person_is_kept_apart(shop: Shop, customer: Party | None, aside: str) -> None:
    tender = Tender(means="bank", amount=Money(5000, "GBP"))
    shop.arrive(Payment(header=header("p1"), tender=tender, customer=customer))
    shop.record()
    assert shop.balances() == {"bank": 5000, aside: -5000}

