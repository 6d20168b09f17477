"""In the books: after everything that moves a balance, the clearing account is Stripe's own balance to the penny."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from leja import flow
from leja.access import connections
from leja.access.mapping import default_role
from leja.database.engine import Database
from tests.connectors.source_scene import SourceScene

ROLES = ("bank", "processor_fees", "platform_fees", "input_tax", "disputes_receivable", "dispute_fees", "processor_reserve", "loan_payable",
         "unidentified_receipts", "chargeback_losses", "receivable", "customer_credits")  # fmt: skip


def opened(scene: SourceScene, payouts: str, duty: str = "sales") -> SourceScene:
    """The scene with all roles mapped and the connection's settings as wanted."""
    with scene.database.transaction() as conn:
        roles = [default_role(conn, scene.org.org_id, role) for role in ROLES]
        flow.decide_mapping(conn, scene.org.org_id, roles, by="test", reason="suite", now=scene.clock())
        conn.execute(
            b"UPDATE connection SET settings = settings || jsonb_build_object('payouts', %s::text), duty = %s WHERE connection_id = %s",
            (payouts, duty, scene.connection.connection_id),
        )
        scene.connection = connections.by_id(conn, scene.org.org_id, scene.connection.connection_id)
    scene.session = scene._session()
    return scene


def season(scene: SourceScene) -> None:
    """Sales, a refund, disputes won and lost, a top-up, a reserve, a paid invoice."""
    play = scene.control
    first, second = play("charge", amount=12000, application_fee=240)["id"], play("charge", amount=8000)["id"]
    play("refund", charge=first, amount=2000)
    play("close_dispute", dispute=play("dispute", charge=second, amount=1000)["id"], status="won")
    play("close_dispute", dispute=play("dispute", charge=play("charge", amount=4000)["id"])["id"], status="lost")
    play("topup", amount=5000)
    play("reserve", amount=900)
    play("invoice", lines=[{"unit_amount": 1000, "tax_rate": "0.2"}], pay=True)
    scene.clock.advance(3 * 86400)


def sums(scene: SourceScene) -> dict[str, int]:
    """The balance of each role."""
    found: Counter[str] = Counter()
    for (role, _), minor in scene.books().items():
        found[role] += minor
    return {role: minor for role, minor in found.items() if minor}


def test_automatic_payouts_leave_what_is_not_yet_settled(shelf: Database, tmp_path: Path) -> None:
    with SourceScene("stripe", shelf, tmp_path, door=False) as scene:
        season(opened(scene, "automatic"))
        failed = scene.control("payout")
        scene.control("payout_status", payout=failed["id"], status="failed")
        scene.control("charge", amount=300)
        paid = scene.control("payout")
        scene.control("charge", amount=7000)
        scene.take_in()
        assert (scene.unfinished(), scene.to_review()) == (Counter(), [])
        books = sums(scene)
        # Fees are booked with the payout, so the charge that none has settled stands there whole.
        assert books["clearing:stripe"] == 7000
        assert books["bank"] == paid["amount"] - 5000
        assert {role: books[role] for role in ("chargeback_losses", "dispute_fees", "platform_fees", "processor_reserve", "output_tax")} == {
            "chargeback_losses": 4000, "dispute_fees": 2000, "platform_fees": 240, "processor_reserve": 900, "output_tax": -200,
        }  # fmt: skip
        assert "disputes_receivable" not in books
        assert "receivable" not in books
        assert sum(books.values()) == 0


def test_manual_payouts_leave_the_balance_itself(shelf: Database, tmp_path: Path) -> None:
    with SourceScene("stripe", shelf, tmp_path, door=False) as scene:
        season(opened(scene, "manual"))
        scene.control("payout", amount=6000, automatic=False)
        scene.control("charge", amount=7000)
        scene.take_in()
        assert (scene.unfinished(), scene.to_review()) == (Counter(), [])
        books = sums(scene)
        assert books["clearing:stripe"] == scene.control("report")["balance"]["gbp"]
        assert (books["bank"], books["dispute_fees"], books["chargeback_losses"]) == (1000, 2000, 4000)


@pytest.mark.parametrize("payouts", ["automatic", "manual"])
def test_with_the_duty_payments_all_money_that_no_shop_recorded_is_an_unidentified_receipt(shelf: Database, tmp_path: Path, payouts: str) -> None:
    with SourceScene("stripe", shelf, tmp_path, door=False) as scene:
        opened(scene, payouts, duty="payments")
        scene.control("refund", charge=scene.control("charge", amount=12000)["id"], amount=2000)
        scene.take_in()
        books = sums(scene)
        assert books["unidentified_receipts"] == -10000
        assert "sales" not in books
        assert books["clearing:stripe"] == 10000 - (200 if payouts == "manual" else 0)
